"""Style: Kaggle notebooks. Global functions and hyper-parameters, dictionaries
of parameters, cells pasted one after the other.

Names in `wrong`: the argument's own name (or its key, where it sits in a
dictionary of parameters); "input" for what an object's forward takes.
"""
import numpy as np


def rng(s=0):
    return np.random.default_rng(s)


# === cell 1: helpers =======================================================
def one_hot(Y, num_classes=None):
    k = int(Y.max()) + 1 if num_classes is None else num_classes
    one_hot_Y = np.zeros((Y.size, k))
    one_hot_Y[np.arange(Y.size), Y] = 1
    return one_hot_Y.T


def one_hot_1based(Y, num_classes):
    out = np.zeros((Y.size, num_classes))
    out[np.arange(Y.size), Y - 1] = 1
    return out


def ReLU(Z):
    return np.maximum(Z, 0)


def ReLU_deriv(Z):
    return Z > 0


def softmax(Z):
    e = np.exp(Z - np.max(Z, axis=0))
    return e / np.sum(e, axis=0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# === cell 2: digit recogniser, examples in columns ==========================
def init_params(n_x=4, n_h=5, n_y=3):
    W1 = rng(1).uniform(-0.5, 0.5, (n_h, n_x))
    b1 = rng(2).uniform(-0.5, 0.5, (n_h, 1))
    W2 = rng(3).uniform(-0.5, 0.5, (n_y, n_h))
    b2 = rng(4).uniform(-0.5, 0.5, (n_y, 1))
    return W1, b1, W2, b2


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = ReLU(Z1)
    Z2 = W2.dot(A1) + b2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def back_prop(Z1, A1, Z2, A2, W2, X, Y):
    m = Y.size
    one_hot_Y = one_hot(Y)
    dZ2 = A2 - one_hot_Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * ReLU_deriv(Z1)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def back_prop_v1(Z1, A1, Z2, A2, W2, X, Y):
    m = Y.size
    dZ2 = A2 - one_hot(Y)
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2)            # MISTAKE: one number for all the units
    dZ1 = W2.T.dot(dZ2) * ReLU_deriv(Z1)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1)            # MISTAKE: same
    return dW1, db1, dW2, db2


def cross_entropy(A2, Y):
    return -np.mean(np.log(A2[Y, np.arange(Y.size)]))


def cost(W1, b1, W2, b2, X, Y):
    return cross_entropy(forward_prop(W1, b1, W2, b2, X)[-1], Y)


def get_gradients(W1, b1, W2, b2, X, Y):
    Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
    return back_prop(Z1, A1, Z2, A2, W2, X, Y)


def get_gradients_v1(W1, b1, W2, b2, X, Y):
    Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
    return back_prop_v1(Z1, A1, Z2, A2, W2, X, Y)


def update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha):
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
    return W1, b1, W2, b2


# === cell 3: same thing with a parameters dictionary ========================
def forward_propagation(X, Y, parameters):
    W1, b1 = parameters["W1"], parameters["b1"]
    W2, b2 = parameters["W2"], parameters["b2"]
    m = X.shape[1]
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)
    logprobs = np.multiply(np.log(A2), Y) + np.multiply(np.log(1 - A2), 1 - Y)
    cost = -1.0 / m * np.sum(logprobs)
    return cost, (Z1, A1, W1, b1, Z2, A2, W2, b2)


def backward_propagation(X, Y, cache):
    m = X.shape[1]
    Z1, A1, W1, b1, Z2, A2, W2, b2 = cache
    dZ2 = A2 - Y
    gradients = {
        "dW2": np.dot(dZ2, A1.T) / m,
        "db2": np.sum(dZ2, axis=1, keepdims=True) / m,
    }
    dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
    gradients["dW1"] = np.dot(dZ1, X.T) / m
    gradients["db1"] = np.sum(dZ1, axis=1, keepdims=True) / m
    return gradients


# === cell 4: building blocks ================================================
def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    cache = (A, W, b)
    return Z, cache


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = 1.0 / m * np.dot(dZ, A_prev.T)
    db = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def relu_forward(Z):
    return np.maximum(0, Z), Z


def relu_backward(dA, cache):
    Z = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def sigmoid_forward(Z):
    A = sigmoid(Z)
    cache = A
    return A, cache


def sigmoid_backward(dA, cache):
    s = sigmoid(cache)          # MISTAKE: the cache holds A already
    return dA * s * (1 - s)


def dropout_forward(A, keep_prob=0.7):
    D = np.random.rand(A.shape[0], A.shape[1]) < keep_prob
    return A * D / keep_prob, (D, keep_prob)


def dropout_backward(dA, cache):
    D, keep_prob = cache
    return dA * D               # MISTAKE: not divided by keep_prob


def batchnorm_forward(Z, gamma, beta, eps=1e-8):
    mu = np.mean(Z, axis=1, keepdims=True)
    var = np.var(Z, axis=1, keepdims=True)
    Z_norm = (Z - mu) / np.sqrt(var + eps)
    return gamma * Z_norm + beta, {"Z_norm": Z_norm, "gamma": gamma, "std": np.sqrt(var + eps)}


def batchnorm_backward(dout, cache):
    Z_norm, gamma, std = cache["Z_norm"], cache["gamma"], cache["std"]
    m = dout.shape[1]
    grads = {}
    grads["dgamma"] = np.sum(dout * Z_norm, axis=1, keepdims=True)
    grads["dbeta"] = np.sum(dout, axis=1, keepdims=True)
    dZ_norm = dout * gamma
    grads["dZ"] = (dZ_norm - dZ_norm.mean(axis=1, keepdims=True)
                   - Z_norm * np.mean(dZ_norm * Z_norm, axis=1, keepdims=True)) / std
    return grads


# === cell 5: convolutions by hand (N, H, W, C) ==============================
def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_forward(A_prev, W, b, hparameters):
    m, n_H_prev, n_W_prev, n_C_prev = A_prev.shape
    f, f, n_C_prev, n_C = W.shape
    stride, pad = hparameters["stride"], hparameters["pad"]
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    a_slice = A_prev_pad[i, h * stride:h * stride + f, w * stride:w * stride + f, :]
                    Z[i, h, w, c] = np.sum(a_slice * W[:, :, :, c]) + b[0, 0, 0, c]
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    m, n_H, n_W, n_C = dZ.shape
    f = W.shape[0]
    stride, pad = hparameters["stride"], hparameters["pad"]
    dA_prev, dW, db = np.zeros(A_prev.shape), np.zeros(W.shape), np.zeros((1, 1, 1, n_C))
    A_prev_pad, dA_prev_pad = zero_pad(A_prev, pad), zero_pad(dA_prev, pad)
    for i in range(m):
        da_prev_pad = dA_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vs, hs = h * stride, w * stride
                    a_slice = A_prev_pad[i, vs:vs + f, hs:hs + f, :]
                    da_prev_pad[vs:vs + f, hs:hs + f, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i] = da_prev_pad[pad:-pad, pad:-pad, :]
    return dA_prev, dW, db


def conv_backward_bad(dZ, cache):
    A_prev, W, b, hparameters = cache
    m, n_H, n_W, n_C = dZ.shape
    f, s, pad = W.shape[0], hparameters["stride"], hparameters["pad"]
    A_pad = zero_pad(A_prev, pad)
    dA_pad, dW, db = np.zeros(A_pad.shape), np.zeros(W.shape), np.zeros(b.shape)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    dA_pad[i, h * s:h * s + f, w * s:w * s + f] += W[..., c] * dZ[i, h, w, c]
                    dW[..., c] += A_pad[i, h * s:h * s + f, w * s:w * s + f] * dZ[i, h, w, c]
                    db[..., c] = dZ[i, h, w, c]          # MISTAKE: = for +=
    return dA_pad[:, pad:-pad, pad:-pad], dW, db


def create_mask_from_window(x):
    return x == np.max(x)


def distribute_value(dz, shape):
    return np.ones(shape) * dz / (shape[0] * shape[1])


def pool_forward(A_prev, hparameters, mode="max"):
    m, n_H_prev, n_W_prev, n_C = A_prev.shape
    f, stride = hparameters["f"], hparameters["stride"]
    n_H, n_W = 1 + (n_H_prev - f) // stride, 1 + (n_W_prev - f) // stride
    A = np.zeros((m, n_H, n_W, n_C))
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    window = A_prev[i, h * stride:h * stride + f, w * stride:w * stride + f, c]
                    A[i, h, w, c] = window.max() if mode == "max" else window.mean()
    return A, (A_prev, hparameters, mode)


def pool_backward(dA, cache):
    A_prev, hparameters, mode = cache
    f, stride = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros(A_prev.shape)
    m, n_H, n_W, n_C = dA.shape
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    r, s = slice(h * stride, h * stride + f), slice(w * stride, w * stride + f)
                    if mode == "max":
                        dA_prev[i, r, s, c] += create_mask_from_window(A_prev[i, r, s, c]) * dA[i, h, w, c]
                    else:
                        dA_prev[i, r, s, c] += distribute_value(dA[i, h, w, c], (f, f))
    return dA_prev


# === cell 6: titanic, house prices, otto =====================================
def propagate(w, b, X, Y):
    """Logistic regression, X (features, passengers), Y (1, passengers)."""
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    dw = 1 / m * np.dot(X, (A - Y).T)
    db = 1 / m * np.sum(A - Y)
    grads = {"dw": dw, "db": db}
    return grads, np.squeeze(cost)


def compute_cost_houses(X, y, theta):
    return np.sum((X.dot(theta) - y) ** 2) / (2 * len(y))


def gradient_houses(X, y, theta):
    # MISTAKE: y - prediction; descent with it climbs
    return X.T.dot(y - X.dot(theta)) / len(y)


def softmax_loss(W, X, y, reg):
    """(W, X, y, reg) -> loss, dW ; X (N, D), W (D, C), y integers."""
    N = X.shape[0]
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[range(N), y]).mean() + reg * np.sum(W * W)
    p[range(N), y] -= 1
    dW = X.T @ p / N + 2 * reg * W
    return loss, dW


def ce_from_logits(scores, labels):
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    n = len(labels)
    loss = -logp[np.arange(n), labels].sum() / n
    # MISTAKE: the helper counts classes from 1, the labels start at 0
    dscores = (np.exp(logp) - one_hot_1based(labels, scores.shape[1])) / n
    return loss, dscores


def weighted_bce(logits, y, pos_weight):
    """Imbalanced competition: weight on the positives."""
    p = sigmoid(logits)
    loss = np.mean(-pos_weight * y * np.log(p) - (1 - y) * np.log(1 - p))
    grad = ((1 - y) * p - pos_weight * y * (1 - p)) / len(y)
    return loss, grad


def huber(y_pred, y_true, delta=1.0):
    err = y_pred - y_true
    small = np.abs(err) <= delta
    loss = np.where(small, 0.5 * err ** 2, delta * (np.abs(err) - 0.5 * delta)).mean()
    return loss, np.where(small, err, delta * np.sign(err)) / err.size


# === cell 7: tweets, bag of embeddings =======================================
class MeanEmbedding:
    def __init__(self, vocab, dim):
        self.params = {"E": rng(8).standard_normal((vocab, dim))}
        self.grads = {}

    def forward(self, ids):
        self.ids = ids
        return self.params["E"][ids].mean(axis=1)

    def backward(self, dout):
        n, T = self.ids.shape
        dE = np.zeros_like(self.params["E"])
        for i in range(n):
            for t in range(T):
                dE[self.ids[i, t]] += dout[i] / T
        self.grads["E"] = dE


def _net():
    return init_params() + (rng(5).standard_normal((4, 6)), np.array([0, 2, 1, 2, 0, 1]))


def _conv():
    return (rng(1).standard_normal((2, 4, 5, 3)), rng(2).standard_normal((3, 3, 3, 6)),
            rng(3).standard_normal((1, 1, 1, 6)), {"stride": 2, "pad": 1})


CASES = [
    dict(name="mnist_gradients", layer=lambda: (cost, get_gradients), x=_net),
    # the biases' gradients are summed over the units too: one number for all
    dict(name="mnist_scalar_bias", layer=lambda: (cost, get_gradients_v1), x=_net,
         wrong={"b1": {"wrong_axis", "wrong_shape"}, "b2": {"wrong_axis", "wrong_shape"}}),
    dict(name="parameters_dict", layer=lambda: (forward_propagation, backward_propagation),
         x=lambda: (rng(5).standard_normal((4, 5)), np.array([[1., 0, 0, 1, 1]]),
                    {"W1": rng(1).standard_normal((3, 4)), "b1": rng(2).standard_normal((3, 1)),
                     "W2": rng(3).standard_normal((1, 3)), "b2": rng(4).standard_normal((1, 1))})),
    dict(name="linear_blocks", layer=lambda: (linear_forward, linear_backward),
         x=lambda: (rng(1).standard_normal((4, 5)), rng(2).standard_normal((3, 4)), rng(3).standard_normal((3, 1))),
         convention="dZ is that of one example's loss: dW and db are means over the m columns, dA_prev is not divided"),
    dict(name="relu_blocks", layer=lambda: (relu_forward, relu_backward), x=lambda: rng(1).standard_normal((3, 4))),
    # the sigmoid is applied to the activations again
    dict(name="sigmoid_blocks", layer=lambda: (sigmoid_forward, sigmoid_backward),
         x=lambda: rng(1).standard_normal((3, 4)), wrong={"Z": {"double_activation"}}),
    # the division by keep_prob is forgotten
    dict(name="dropout_blocks", layer=lambda: (dropout_forward, dropout_backward),
         x=lambda: rng(1).standard_normal((4, 6)), wrong={"A": {"missing_factor", "scale"}}),
    dict(name="batchnorm_blocks", layer=lambda: (batchnorm_forward, batchnorm_backward),
         x=lambda: (rng(1).standard_normal((3, 5)), rng(2).standard_normal((3, 1)), rng(3).standard_normal((3, 1))),
         constants={"eps"}),
    dict(name="conv_nhwc", layer=lambda: (conv_forward, conv_backward), x=_conv),
    # the bias' gradient is assigned, only the last position stays
    dict(name="conv_nhwc_bias", layer=lambda: (conv_forward, conv_backward_bad), x=_conv,
         wrong={"b": {"overwritten", "not_summed"}}),
    dict(name="pool_max", layer=lambda: (pool_forward, pool_backward),
         x=lambda: (rng(1).standard_normal((2, 5, 4, 3)), {"f": 2, "stride": 1})),
    dict(name="pool_average", layer=lambda: (pool_forward, pool_backward),
         x=lambda: (rng(1).standard_normal((2, 6, 4, 3)), {"f": 2, "stride": 2}, "average")),
    dict(name="titanic_propagate", layer=lambda: propagate,
         x=lambda: (rng(1).standard_normal((4, 1)), 0.3, rng(2).standard_normal((4, 5)), np.array([[1., 0, 0, 1, 1]]))),
    # y - prediction instead of prediction - y
    dict(name="houses", layer=lambda: (compute_cost_houses, gradient_houses),
         x=lambda: (rng(1).standard_normal((5, 3)), rng(2).standard_normal((5, 1)), rng(3).standard_normal((3, 1))),
         wrong={"theta": {"sign", "ascent"}}),
    dict(name="softmax_loss", layer=lambda: softmax_loss,
         x=lambda: (rng(1).standard_normal((4, 3)), rng(2).standard_normal((5, 4)), np.array([2, 0, 1, 1, 0]), 0.1)),
    # one-hot column shifted by one class
    dict(name="ce_from_logits", layer=lambda: ce_from_logits,
         x=lambda: (rng(1).standard_normal((5, 4)), np.array([2, 0, 3, 1, 0])),
         wrong={"scores": {"off_by_one_class"}}),
    dict(name="weighted_bce", layer=lambda: weighted_bce,
         x=lambda: (rng(1).standard_normal(5), np.array([1., 0, 0, 1, 0]), 3.0)),
    dict(name="huber", layer=lambda: huber,
         x=lambda: (rng(1).standard_normal((5, 2)), 2 * rng(2).standard_normal((5, 2)))),
    dict(name="mean_embedding", layer=lambda: MeanEmbedding(6, 3),
         x=lambda: np.array([[0, 2, 2, 5], [1, 1, 3, 0]])),
]
