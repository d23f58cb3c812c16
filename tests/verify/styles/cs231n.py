"""Stanford assignment manner: pairs of functions, cache tuples, dout, N x D rows, integer labels."""
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------- layers.py

def affine_forward(x, w, b):
    """
    x: (N, d_1, ..., d_k), w: (D, M), b: (M,)
    Returns out: (N, M) and cache: (x, w, b)
    """
    N = x.shape[0]
    out = x.reshape(N, -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def affine_backward_mean(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout) / N
    db = np.mean(dout, axis=0)
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx, x = None, cache
    dx = dout * (x > 0)
    return dx


def leaky_relu_forward(x, alpha=0.1):
    out = np.where(x > 0, x, alpha * x)
    return out, (x, alpha)


def leaky_relu_backward(dout, cache):
    x, alpha = cache
    dx = dout.copy()
    dx[x > 0] *= alpha
    return dx


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    cache = (fc_cache, relu_cache)
    return out, cache


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db


def affine_relu_backward_skip(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    _, dw, db = affine_backward(da, fc_cache)
    dx, _, _ = affine_backward(dout, fc_cache)
    return dx, dw, db


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    out, cache = None, None
    if mode == "train":
        mu = x.mean(axis=0)
        xc = x - mu
        var = np.mean(xc ** 2, axis=0)
        std = np.sqrt(var + eps)
        xn = xc / std
        out = gamma * xn + beta
        cache = (mode, x, gamma, xc, std, xn, out)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    elif mode == "test":
        std = np.sqrt(running_var + eps)
        xn = (x - running_mean) / std
        out = gamma * xn + beta
        cache = (mode, x, xn, gamma, beta, std)
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    mode = cache[0]
    if mode == "train":
        mode, x, gamma, xc, std, xn, out = cache
        N = x.shape[0]
        dbeta = dout.sum(axis=0)
        dgamma = np.sum(xn * dout, axis=0)
        dxn = gamma * dout
        dxc = dxn / std
        dstd = -np.sum((dxn * xc) / (std * std), axis=0)
        dvar = 0.5 * dstd / std
        dxc += (2.0 / N) * xc * dvar
        dmu = np.sum(dxc, axis=0)
        dx = dxc - dmu / N
    else:
        mode, x, xn, gamma, beta, std = cache
        dbeta = dout.sum(axis=0)
        dgamma = np.sum(xn * dout, axis=0)
        dx = gamma * dout / std
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    mode, x, gamma, xc, std, xn, out = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xn, axis=0)
    dxn = dout * gamma
    dx = 1. / N / std * (N * dxn - np.sum(dxn, axis=0) - xn * np.sum(dxn * xn, axis=0))
    return dx, dgamma, dbeta


def batchnorm_backward_novar(dout, cache):
    mode, x, gamma, xc, std, xn, out = cache
    N, D = dout.shape
    dbeta = dout.sum(0)
    dgamma = (dout * xn).sum(0)
    dxn = dout * gamma
    dmu = (-dxn / std).sum(axis=0)
    dx = dxn / std + dmu / N
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    x_T = x.T
    mu = np.mean(x_T, axis=0)
    var = np.var(x_T, axis=0)
    std = np.sqrt(var + eps)
    x_norm = ((x_T - mu) / std).T
    out = gamma * x_norm + beta
    cache = (x_norm, std, gamma)
    return out, cache


def layernorm_backward(dout, cache):
    x_norm, std, gamma = cache
    D = dout.shape[1]
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxn = (dout * gamma).T
    xnT = x_norm.T
    dx = (dxn - dxn.sum(axis=0) / D - xnT * np.sum(dxn * xnT, axis=0) / D) / std
    return dx.T, dgamma, dbeta


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    elif mode == "test":
        out = x
    cache = (dropout_param, mask)
    out = out.astype(x.dtype, copy=False)
    return out, cache


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    dx = None
    if mode == "train":
        dx = dout * mask
    elif mode == "test":
        dx = dout
    return dx


def dropout_backward_p(dout, cache):
    dropout_param, mask = cache
    dx = dout * (mask > 0)
    return dx


def conv_forward_naive(x, w, b, conv_param):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    stride, pad = conv_param["stride"], conv_param["pad"]
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), "constant")
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, H_out, W_out = dout.shape
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), "constant")
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.sum(dout, axis=(0, 2, 3))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * x_pad[n, :, hs:hs + HH, ws:ws + WW]
                    dx_pad[n, :, hs:hs + HH, ws:ws + WW] += dout[n, f, i, j] * w[f]
    dx = dx_pad[:, :, pad:pad + H, pad:pad + W]
    return dx, dw, db


def conv_backward_flip(dout, cache):
    # "convolution means flipping", somebody said (stride 1)
    x, w, b, conv_param = cache
    pad = conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = x_pad[:, :, i:i + HH, j:j + WW]
            d = dout[:, :, i, j]
            dw += np.einsum("nf,nchw->fchw", d, win)[:, :, ::-1, ::-1]
            dx_pad[:, :, i:i + HH, j:j + WW] += np.einsum("nf,fchw->nchw", d, w)
    return dx_pad[:, :, pad:pad + H, pad:pad + W], dw, db


def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    ph, pw, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    Ho = 1 + (H - ph) // stride
    Wo = 1 + (W - pw) // stride
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = np.max(x[:, :, i * stride:i * stride + ph, j * stride:j * stride + pw], axis=(2, 3))
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    ph, pw, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    win = x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw]
                    r, s = np.unravel_index(np.argmax(win), win.shape)
                    dx[n, c, i * stride + r, j * stride + s] += dout[n, c, i, j]
    return dx


def max_pool_backward_assign(dout, cache):
    x, pool_param = cache
    ph, pw, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    sl = (n, c, slice(i * stride, i * stride + ph), slice(j * stride, j * stride + pw))
                    mask = x[sl] == np.max(x[sl])
                    dx[sl] = mask * dout[n, c, i, j]
    return dx


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = batchnorm_forward(flat, gamma, beta, bn_param)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, dgamma, dbeta


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    mu = xg.mean(axis=(2, 3, 4), keepdims=True)
    var = xg.var(axis=(2, 3, 4), keepdims=True)
    xn = ((xg - mu) / np.sqrt(var + eps)).reshape(N, C, H, W)
    out = gamma * xn + beta
    return out, (xn, var + eps, gamma, G)


def spatial_groupnorm_backward(dout, cache):
    xn, v, gamma, G = cache
    N, C, H, W = dout.shape
    dgamma = np.sum(dout * xn, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    dxn = (dout * gamma).reshape(N, G, C // G, H, W)
    g = xn.reshape(dxn.shape)
    ax = (2, 3, 4)
    dx = (dxn - dxn.mean(ax, keepdims=True) - g * (dxn * g).mean(ax, keepdims=True)) / np.sqrt(v)
    return dx.reshape(N, C, H, W), dgamma, dbeta


def svm_loss(x, y):
    """Multiclass hinge, x (N, C) scores, y (N,) labels"""
    N = x.shape[0]
    correct_class_scores = x[np.arange(N), y]
    margins = np.maximum(0, x - correct_class_scores[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx


def svm_loss_nopos(x, y):
    N = x.shape[0]
    margins = np.maximum(0, x - x[np.arange(N), y].reshape(-1, 1) + 1)
    margins[range(N), y] = 0
    loss = margins.sum() / N
    dx = (margins > 0).astype(x.dtype)
    dx[range(N), y] = -1
    dx /= N
    return loss, dx


def softmax_loss(x, y):
    shifted_logits = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted_logits), axis=1, keepdims=True)
    log_probs = shifted_logits - np.log(Z)
    probs = np.exp(log_probs)
    N = x.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


# ------------------------------------------------- linear classifiers (A1)

def softmax_loss_naive(W, X, y, reg):
    """loops; W (D, C), X (N, D)"""
    loss = 0.0
    dW = np.zeros_like(W)
    num_train = X.shape[0]
    num_classes = W.shape[1]
    for i in range(num_train):
        scores = X[i].dot(W)
        scores -= scores.max()
        p = np.exp(scores) / np.sum(np.exp(scores))
        loss += -np.log(p[y[i]])
        for j in range(num_classes):
            dW[:, j] += (p[j] - (j == y[i])) * X[i]
    loss = loss / num_train + reg * np.sum(W * W)
    dW = dW / num_train + 2 * reg * W
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    num_train = X.shape[0]
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(num_train), y]).mean() + reg * np.sum(W * W)
    probs[np.arange(num_train), y] -= 1
    dW = X.T @ probs / num_train + reg * W
    return loss, dW


def svm_loss_vectorized(W, X, y, reg):
    num_train = X.shape[0]
    scores = X.dot(W)
    margins = np.maximum(0, scores - scores[np.arange(num_train), y][:, None] + 1)
    margins[np.arange(num_train), y] = 0
    loss = margins.sum() / num_train + 0.5 * reg * np.sum(W * W)
    binary = margins
    binary[margins > 0] = 1
    row_sum = np.sum(binary, axis=1)
    binary[np.arange(num_train), y] = -row_sum.T
    dW = np.dot(X.T, binary) / num_train + reg * W
    return loss, dW


# ---------------------------------------------------------------- networks

class TwoLayerNet(object):
    def __init__(self, input_dim=4, hidden_dim=6, num_classes=3, weight_scale=0.8, reg=0.0):
        self.params = {}
        self.reg = reg
        r = rng(4)
        self.params["W1"] = weight_scale * r.standard_normal((input_dim, hidden_dim))
        self.params["b1"] = 0.1 * r.standard_normal(hidden_dim)
        self.params["W2"] = weight_scale * r.standard_normal((hidden_dim, num_classes))
        self.params["b2"] = 0.1 * r.standard_normal(num_classes)

    def loss(self, X, y=None):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        h, cache1 = affine_relu_forward(X, W1, b1)
        scores, cache2 = affine_forward(h, W2, b2)
        if y is None:
            return scores
        loss, grads = 0, {}
        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        dh, grads["W2"], grads["b2"] = affine_backward(dscores, cache2)
        dx, grads["W1"], grads["b1"] = affine_relu_backward(dh, cache1)
        grads["W1"] += self.reg * W1
        grads["W2"] += self.reg * W2
        return loss, grads


class TwoLayerNetA1(object):
    """the older one: reg as an argument of loss"""

    def __init__(self, input_size=4, hidden_size=6, output_size=3, std=0.7):
        r = rng(8)
        self.params = {}
        self.params["W1"] = std * r.standard_normal((input_size, hidden_size))
        self.params["b1"] = 0.2 * r.standard_normal(hidden_size)
        self.params["W2"] = std * r.standard_normal((hidden_size, output_size))
        self.params["b2"] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.5):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N, D = X.shape
        z1 = X.dot(W1) + b1
        a1 = np.maximum(0, z1)
        scores = a1.dot(W2) + b2
        if y is None:
            return scores
        exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        data_loss = -np.log(probs[range(N), y]).sum() / N
        loss = data_loss + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        grads = {}
        dscores = probs
        dscores[range(N), y] -= 1
        dscores /= N
        grads["W2"] = np.dot(a1.T, dscores)
        grads["b2"] = np.sum(dscores, axis=0)
        dhidden = np.dot(dscores, W2.T)
        grads["W1"] = np.dot(X.T, dhidden)
        grads["b1"] = np.sum(dhidden, axis=0)
        grads["W2"] += 2 * reg * W2
        grads["W1"] += 2 * reg * W1
        return loss, grads


# -------------------------------------------------------------- rnn_layers.py

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = (x, prev_h, Wx, Wh, next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dscore = dnext_h * (1 - next_h * next_h)
    dx = dscore.dot(Wx.T)
    dprev_h = dscore.dot(Wh.T)
    dWx = x.T.dot(dscore)
    dWh = prev_h.T.dot(dscore)
    db = dscore.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_step_backward_t(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dscore = dnext_h * (1 - next_h ** 2)
    dx = dscore @ Wx.T
    dprev_h = dscore @ Wh
    dWx = x.T @ dscore
    dWh = prev_h.T @ dscore
    return dx, dprev_h, dWx, dWh, dscore.sum(0)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = b.shape[0]
    h = np.zeros((N, T, H))
    cache = []
    prev = h0
    for t in range(T):
        prev, c = rnn_step_forward(x[:, t, :], prev, Wx, Wh, b)
        h[:, t, :] = prev
        cache.append(c)
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    dprev = np.zeros((N, H))
    for t in reversed(range(T)):
        dx[:, t], dprev, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dprev, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = dprev
    return dx, dh0, dWx, dWh, db


def rnn_backward_last(dh, cache):
    N, T, H = dh.shape
    dx = np.zeros((N, T, cache[0][0].shape[1]))
    dprev = np.zeros((N, H))
    db = np.zeros(H)
    for t in range(T - 1, -1, -1):
        dx[:, t], dprev, dWx, dWh, dbt = rnn_step_backward(dh[:, t] + dprev, cache[t])
        db += dbt
    return dx, dprev, dWx, dWh, db


def word_embedding_forward(x, W):
    out = W[x]
    cache = (x, W)
    return out, cache


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return dW


def word_embedding_backward_idx(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    dW[x] += dout
    return dW


def sigmoid(x):
    pos_mask = x >= 0
    neg_mask = x < 0
    z = np.zeros_like(x)
    z[pos_mask] = np.exp(-x[pos_mask])
    z[neg_mask] = np.exp(x[neg_mask])
    top = np.ones_like(x)
    top[neg_mask] = z[neg_mask]
    return top / (1 + z)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H:2 * H])
    o = sigmoid(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    df, dprev_c = dc * prev_c, dc * f
    di, dg = dc * g, dc * i
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)))
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    cache = x, w, b, out
    return out, cache


def temporal_affine_backward(dout, cache):
    x, w, b, out = cache
    N, T, D = x.shape
    M = b.shape[0]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = dout.reshape(N * T, M).T.dot(x.reshape(N * T, D)).T
    db = dout.sum(axis=(0, 1))
    return dx, dw, db


def temporal_softmax_loss(x, y, mask):
    """x (N, T, V), y (N, T) ints, mask (N, T) bools: NULL tokens do not count"""
    N, T, V = x.shape
    x_flat = x.reshape(N * T, V)
    y_flat = y.reshape(N * T)
    mask_flat = mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    dx_flat *= mask_flat[:, None]
    dx = dx_flat.reshape(N, T, V)
    return loss, dx


def _r(*s, seed=0):
    return rng(seed).standard_normal(s)


_y = np.array([0, 2, 1, 1, 0])


def _aff():
    return _r(5, 2, 3), _r(6, 4, seed=1), _r(4, seed=2)


def _bn(mode="train"):
    d = {"mode": mode}
    if mode == "test":
        d.update(running_mean=_r(4, seed=5), running_var=0.5 + rng(6).random(4))
    return _r(6, 4), _r(4, seed=1), _r(4, seed=2), d


def _conv(stride, pad):
    return _r(2, 3, 6, 5), _r(4, 3, 2, 3, seed=1), _r(4, seed=2), {"stride": stride, "pad": pad}


def _step():
    return _r(5, 3), _r(5, 4, seed=1), _r(3, 4, seed=2) * .5, _r(4, 4, seed=3) * .5, _r(4, seed=4)


def _rnn():
    return _r(2, 5, 3), _r(2, 4, seed=1), _r(3, 4, seed=2) * .5, _r(4, 4, seed=3) * .5, _r(4, seed=4)


_tok = np.array([[0, 3, 1], [3, 2, 3]])

CASES = [
    dict(name="affine", layer=lambda: (affine_forward, affine_backward), x=_aff),
    # averages the weights' gradients over the batch although dout already holds the mean
    dict(name="affine_mean_again", layer=lambda: (affine_forward, affine_backward_mean), x=_aff,
         wrong={"w": {"scale", "extra_factor"}, "b": {"scale", "extra_factor"}}),
    dict(name="relu", layer=lambda: (relu_forward, relu_backward), x=lambda: _r(5, 2, 3)),
    # alpha on the positive side
    dict(name="leaky_relu_wrong_side", layer=lambda: (leaky_relu_forward, leaky_relu_backward),
         x=lambda: (_r(5, 3), 0.1), wrong={"input": {"wrong_local_derivative"}}, constants={"alpha"}),
    dict(name="affine_relu", layer=lambda: (affine_relu_forward, affine_relu_backward), x=_aff),
    # dx goes around the relu
    dict(name="affine_relu_dx_skips_relu", layer=lambda: (affine_relu_forward, affine_relu_backward_skip), x=_aff,
         wrong={"input": {"wrong_variable", "missing_factor"}}),
    dict(name="batchnorm_train", layer=lambda: (batchnorm_forward, batchnorm_backward), x=_bn),
    dict(name="batchnorm_test_mode", layer=lambda: (batchnorm_forward, batchnorm_backward), x=lambda: _bn("test"),
         constants={"running_mean", "running_var"}),
    dict(name="batchnorm_alt", layer=lambda: (batchnorm_forward, batchnorm_backward_alt), x=_bn),
    # nothing through the variance
    dict(name="batchnorm_forgets_var", layer=lambda: (batchnorm_forward, batchnorm_backward_novar), x=_bn,
         wrong={"input": {"missing_branch"}}),
    dict(name="layernorm", layer=lambda: (layernorm_forward, layernorm_backward),
         x=lambda: (_r(5, 4), _r(4, seed=1), _r(4, seed=2), {})),
    dict(name="dropout", layer=lambda: (dropout_forward, dropout_backward),
         x=lambda: (_r(5, 4), {"mode": "train", "p": 0.6, "seed": 123})),
    # inverted dropout in front, 1/p forgotten behind
    dict(name="dropout_forgets_p", layer=lambda: (dropout_forward, dropout_backward_p),
         x=lambda: (_r(5, 4), {"mode": "train", "p": 0.6}), wrong={"input": {"scale", "missing_factor"}}),
    dict(name="conv_naive", layer=lambda: (conv_forward_naive, conv_backward_naive), x=lambda: _conv(2, 1)),
    # kernel's gradient turned by 180 degrees
    dict(name="conv_flip", layer=lambda: (conv_forward_naive, conv_backward_flip), x=lambda: _conv(1, 1),
         wrong={"w": {"flipped_kernel"}}),
    dict(name="max_pool_naive", layer=lambda: (max_pool_forward_naive, max_pool_backward_naive),
         x=lambda: (_r(2, 3, 6, 5), {"pool_height": 2, "pool_width": 3, "stride": 2})),
    # overlapping windows, = for +=
    dict(name="max_pool_assign", layer=lambda: (max_pool_forward_naive, max_pool_backward_assign),
         x=lambda: (_r(2, 3, 6, 5), {"pool_height": 3, "pool_width": 2, "stride": 1}),
         wrong={"input": {"overwritten"}}),
    dict(name="spatial_batchnorm", layer=lambda: (spatial_batchnorm_forward, spatial_batchnorm_backward),
         x=lambda: (_r(2, 3, 5, 4), _r(3, seed=1), _r(3, seed=2), {"mode": "train"})),
    dict(name="spatial_groupnorm", layer=lambda: (spatial_groupnorm_forward, spatial_groupnorm_backward),
         x=lambda: (_r(2, 6, 3, 4), _r(1, 6, 1, 1, seed=1), _r(1, 6, 1, 1, seed=2), 2, {})),
    dict(name="svm_loss", layer=lambda: svm_loss, x=lambda: (_r(5, 3), _y)),
    # the right class gets -1 whatever the number of violated margins
    dict(name="svm_loss_counts_one", layer=lambda: svm_loss_nopos, x=lambda: (_r(5, 3), _y),
         wrong={"input": {"not_summed", "missing_factor", "wrong_local_derivative"}}),
    dict(name="softmax_loss", layer=lambda: softmax_loss, x=lambda: (_r(5, 3), _y)),
    dict(name="softmax_regression_naive", layer=lambda: softmax_loss_naive,
         x=lambda: (_r(4, 3), _r(5, 4, seed=1), _y, 0.1)),
    # reg*sum(W*W) derived as reg*W
    dict(name="softmax_regression_reg", layer=lambda: softmax_loss_vectorized,
         x=lambda: (_r(4, 3), _r(5, 4, seed=1), _y, 0.1), wrong={"W": {"missing_factor", "wrong_local_derivative"}}),
    dict(name="svm_regression", layer=lambda: svm_loss_vectorized, x=lambda: (_r(4, 3), _r(5, 4, seed=1), _y, 0.3)),
    dict(name="two_layer_net", layer=lambda: TwoLayerNet(reg=0.05), x=lambda: (_r(5, 4), _y)),
    # the relu's mask is forgotten on the way back
    dict(name="two_layer_net_no_relu_mask", layer=lambda: TwoLayerNetA1(), x=lambda: (_r(5, 4), _y),
         wrong={"W1": {"missing_factor"}, "b1": {"missing_factor"}}),
    dict(name="rnn_step", layer=lambda: (rnn_step_forward, rnn_step_backward), x=_step),
    # Wh is square, so that its transposition is not missed by the shapes
    dict(name="rnn_step_transpose", layer=lambda: (rnn_step_forward, rnn_step_backward_t), x=_step,
         wrong={"prev_h": {"transpose"}}),
    dict(name="rnn", layer=lambda: (rnn_forward, rnn_backward), x=_rnn),
    # the weights' gradients of the first step only, the bias is summed
    dict(name="rnn_weights_not_summed", layer=lambda: (rnn_forward, rnn_backward_last), x=_rnn,
         wrong={"Wx": {"overwritten", "not_summed"}, "Wh": {"overwritten", "not_summed"}}),
    dict(name="word_embedding", layer=lambda: (word_embedding_forward, word_embedding_backward),
         x=lambda: (_tok, _r(5, 4))),
    # dW[x] += dout keeps one of the repeated tokens
    dict(name="word_embedding_repeats", layer=lambda: (word_embedding_forward, word_embedding_backward_idx),
         x=lambda: (_tok, _r(5, 4)), wrong={"W": {"overwritten", "not_summed"}}),
    dict(name="lstm_step", layer=lambda: (lstm_step_forward, lstm_step_backward),
         x=lambda: (_r(5, 3), _r(5, 4, seed=1), _r(5, 4, seed=2), _r(3, 16, seed=3) * .5, _r(4, 16, seed=4) * .5,
                    _r(16, seed=5))),
    dict(name="temporal_affine", layer=lambda: (temporal_affine_forward, temporal_affine_backward),
         x=lambda: (_r(2, 5, 3), _r(3, 4, seed=1), _r(4, seed=2))),
    dict(name="temporal_softmax", layer=lambda: temporal_softmax_loss,
         x=lambda: (_r(2, 3, 4), _tok, np.array([[True, True, False], [True, True, True]])), constants={"mask"}),
]
