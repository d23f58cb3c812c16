"""Functional, JAX-like and scientific NumPy: params dicts, loss_and_grad(params, X, y),
grad_loss(w, X, y, lam), vjp closures, namedtuples, lists, einsum, flattened theta vectors."""
from collections import namedtuple
import functools
import math
import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------ params dicts: model(params, x)

def init_params(key, sizes):
    params = {}
    for i, (m, n) in enumerate(zip(sizes[:-1], sizes[1:]), start=1):
        params[f"W{i}"] = key.standard_normal((m, n)) / np.sqrt(m)
        params[f"b{i}"] = 0.1 * key.standard_normal(n)
    return params


def model(params, x):
    h = np.tanh(x @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"]


def loss_and_grad(params, X, y):
    """Mean squared error of the two-layer net -> loss, dict of gradients"""
    N = X.shape[0]
    h = np.tanh(X @ params["W1"] + params["b1"])
    pred = h @ params["W2"] + params["b2"]
    r = pred - y
    loss = (r ** 2).sum() / (2 * N)

    g_out = r / N
    g_h = (g_out @ params["W2"].T) * (1 - h ** 2)
    grads = dict(
        W2=h.T @ g_out,
        b2=g_out.sum(0),
        W1=X.T @ g_h,
        b1=g_h.sum(0),
    )
    return loss, grads


def loss_and_grad_h(params, X, y):
    N = X.shape[0]
    h = np.tanh(X @ params["W1"] + params["b1"])
    pred = h @ params["W2"] + params["b2"]
    r = pred - y
    loss = (r ** 2).sum() / (2 * N)
    g_out = r / N
    g_h = (g_out @ params["W2"].T) * (1 - np.tanh(h) ** 2)
    return loss, {"W2": h.T @ g_out, "b2": g_out.sum(0), "W1": X.T @ g_h, "b1": g_h.sum(0)}


def xent_value_and_grad(params, batch):
    """softmax classifier with one hidden relu layer; batch = {"image", "label"}"""
    x, labels = batch["image"], batch["label"]
    z = x @ params["hidden"]["w"] + params["hidden"]["b"]
    h = np.maximum(z, 0)
    logits = h @ params["out"]["w"] + params["out"]["b"]
    logits = logits - logits.max(axis=1, keepdims=True)
    logZ = np.log(np.exp(logits).sum(axis=1))
    n = len(labels)
    value = np.mean(logZ - logits[np.arange(n), labels])

    d = np.exp(logits - logZ[:, None])
    d[np.arange(n), labels] -= 1
    d /= n
    dz = d @ params["out"]["w"].T
    dz[z <= 0] = 0
    return value, {"hidden": {"w": x.T @ dz, "b": dz.sum(axis=0)},
                   "out": {"w": h.T @ d, "b": d.sum(axis=0)}}


# ------------------------------------------------ loss / grad_loss pairs

def ridge_loss(w, X, y, lam):
    r = X @ w - y
    return 0.5 * r @ r / len(y) + 0.5 * lam * w @ w


def grad_ridge_loss(w, X, y, lam):
    return X.T @ (X @ w - y) / len(y) + lam * w


def logistic_loss(w, X, y, lam):
    """labels are -1 and 1"""
    margins = y * (X @ w)
    return np.logaddexp(0, -margins).mean() + lam * np.sum(w ** 2)


def grad_logistic_loss(w, X, y, lam):
    margins = y * (X @ w)
    s = 1 / (1 + np.exp(margins))
    return -(X.T @ (y * s)) / len(y) + 2 * lam * w


def grad_logistic_loss_2(w, X, y, lam):
    s = 1 / (1 + np.exp(y * (X @ w)))
    return -(X.T @ (y * s)) / len(y)


def grad_logistic_loss_3(w, X, y, lam):
    s = 1 / (1 + np.exp(y * (X @ w)))
    return X.T @ (y * s) / len(y) + 2 * lam * w


def poisson_nll(beta, X, counts):
    eta = X @ beta
    return np.sum(np.exp(eta) - counts * eta)


def poisson_score(beta, X, counts):
    return X.T @ (np.exp(X @ beta) - counts)


def gaussian_nll(theta, x):
    """theta = (mu, log_sigma)"""
    mu, log_sigma = theta
    z = (x - mu) / np.exp(log_sigma)
    return np.sum(0.5 * z ** 2 + log_sigma)


def gaussian_nll_grad(theta, x):
    mu, log_sigma = theta
    z = (x - mu) / np.exp(log_sigma)
    return np.array([-np.sum(z) / np.exp(log_sigma), np.sum(1 - z ** 2)])


def gaussian_nll_grad_2(theta, x):
    # derivative by sigma, not by its logarithm
    mu, log_sigma = theta
    sigma = np.exp(log_sigma)
    z = (x - mu) / sigma
    return np.array([-np.sum(z) / sigma, np.sum(1 - z ** 2) / sigma])


# ------------------------------------------------ (W, X, y, reg) -> loss, dW

def softmax_loss(W, X, y, reg):
    scores = X.dot(W)
    scores -= scores.max(axis=1, keepdims=True)
    P = np.exp(scores)
    P /= P.sum(axis=1, keepdims=True)
    rows = np.arange(X.shape[0])
    loss = -np.log(P[rows, y]).mean() + reg * np.sum(W * W)
    P[rows, y] -= 1
    return loss, X.T.dot(P) / X.shape[0] + 2 * reg * W


def svm_loss_loops(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j == y[i]:
                continue
            margin = scores[j] - scores[y[i]] + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return loss / X.shape[0] + 0.5 * reg * np.sum(W ** 2), dW / X.shape[0] + reg * W


def svm_loss_loops_2(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            margin = scores[j] - scores[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dW[:, j] += X[i]
    return loss / X.shape[0] + 0.5 * reg * np.sum(W ** 2), dW / X.shape[0] + reg * W


# ------------------------------------------------ plain Python lists

def dot(u, v):
    return sum(a * b for a, b in zip(u, v))


def logreg_nll(w, xs, ys):
    """w[0] is the bias; xs a list of lists"""
    total = 0.0
    for x, y in zip(xs, ys):
        p = 1 / (1 + math.exp(-(w[0] + dot(w[1:], x))))
        total -= y * math.log(p) + (1 - y) * math.log(1 - p)
    return total


def logreg_gradient(w, xs, ys):
    g = [0.0 for _ in w]
    for x, y in zip(xs, ys):
        err = 1 / (1 + math.exp(-(w[0] + dot(w[1:], x)))) - y
        g[0] += err
        for j, xj in enumerate(x):
            g[j + 1] += err * xj
    return g


# ------------------------------------------------ vjp closures: (y, back)

def dense(x, W, b):
    y = x @ W + b

    def back(dy):
        return dy @ W.T, x.T @ dy, dy.sum(0)

    return y, back


def square_dense(x, W):
    return x @ W, lambda dy: (dy @ W, x.T @ dy)


def relu(x):
    return np.where(x > 0, x, 0.0), lambda dy: np.where(x > 0, dy, 0.0)


def gelu(x):
    """exact, with the error function"""
    erf = np.vectorize(math.erf)
    cdf = 0.5 * (1 + erf(x / np.sqrt(2)))
    pdf = np.exp(-x ** 2 / 2) / np.sqrt(2 * np.pi)
    return x * cdf, lambda dy: dy * (cdf + x * pdf)


def softmax(x):
    z = np.exp(x - x.max(-1, keepdims=True))
    p = z / z.sum(-1, keepdims=True)
    return p, lambda dy: p * (dy - np.einsum("...i,...i->...", dy, p)[..., None])


def softmax_diag(x):
    z = np.exp(x - x.max(-1, keepdims=True))
    p = z / z.sum(-1, keepdims=True)
    return p, lambda dy: dy * p * (1 - p)


def logsumexp(x):
    m = x.max(-1, keepdims=True)
    s = np.exp(x - m).sum(-1)
    y = np.log(s) + m[..., 0]
    return y, lambda dy: np.exp(x - y[..., None]) * dy[..., None]


def rms_norm(x, scale, eps=1e-6):
    ms = np.mean(x * x, axis=-1, keepdims=True)
    r = 1 / np.sqrt(ms + eps)

    def vjp(g):
        gs = g * scale
        dx = r * gs - x * r ** 3 * np.mean(gs * x, axis=-1, keepdims=True)
        return dx, np.sum(g * x * r, axis=tuple(range(x.ndim - 1)))

    return x * r * scale, vjp


def layer_norm(x, gain, bias, eps=1e-5):
    mu = x.mean(-1, keepdims=True)
    xc = x - mu
    inv = (np.mean(xc * xc, -1, keepdims=True) + eps) ** -0.5
    n = xc * inv

    def vjp(g):
        gn = g * gain
        gx = inv * (gn - gn.mean(-1, keepdims=True) - n * (gn * n).mean(-1, keepdims=True))
        red = tuple(range(g.ndim - 1))
        return gx, (g * n).sum(red), g.sum(red)

    return n * gain + bias, vjp


def l2_normalize(x):
    n = np.sqrt(np.sum(x ** 2, axis=1, keepdims=True))
    u = x / n
    return u, lambda g: (g - u * np.sum(g * u, axis=1, keepdims=True)) / n


def l2_normalize_const(x):
    n = np.sqrt(np.sum(x ** 2, axis=1, keepdims=True))
    return x / n, lambda g: g / n


def conv1d(x, k):
    """x: batch, length, channels; k: width, channels in, channels out"""
    win = np.lib.stride_tricks.sliding_window_view(x, k.shape[0], axis=1)      # b t c w
    y = np.einsum("btcw,wco->bto", win, k)

    def vjp(g):
        dk = np.einsum("btcw,bto->wco", win, g)
        dx = np.zeros_like(x)
        for w in range(k.shape[0]):
            dx[:, w:w + g.shape[1]] += g @ k[w].T
        return dx, dk

    return y, vjp


def conv2d(x, k):
    """n c h w, strides by hand"""
    N, C, H, W = x.shape
    F, _, kh, kw = k.shape
    s = x.strides
    view = np.lib.stride_tricks.as_strided(x, (N, C, H - kh + 1, W - kw + 1, kh, kw), s + s[2:], writeable=False)
    y = np.einsum("ncijab,fcab->nfij", view, k)

    def vjp(g):
        gp = np.pad(g, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
        gv = np.lib.stride_tricks.sliding_window_view(gp, (kh, kw), axis=(2, 3))
        return np.einsum("nfijab,fcab->ncij", gv, k[:, :, ::-1, ::-1]), np.einsum("ncijab,nfij->fcab", view, g)

    return y, vjp


def avg_pool(x, size):
    n, h, w, c = x.shape
    a, b = size
    y = x.reshape(n, h // a, a, w // b, b, c).mean((2, 4))
    return y, lambda g: np.repeat(np.repeat(g, a, 1), b, 2) / (a * b)


def embed(ids, table):
    def back(g):
        d = np.zeros_like(table)
        np.add.at(d, ids, g)
        return d
    return table[ids], back


def concat(a, b, axis=1):
    k = a.shape[axis]
    return np.concatenate([a, b], axis), lambda g: tuple(np.split(g, [k], axis))


def attention(q, k, v):
    d = q.shape[-1]
    a, softmax_back = softmax(np.einsum("bqd,bkd->bqk", q, k) / np.sqrt(d))

    def back(g):
        ga = np.einsum("bqe,bke->bqk", g, v)
        gs = softmax_back(ga) / np.sqrt(d)
        return (np.einsum("bqk,bkd->bqd", gs, k), np.einsum("bqk,bqd->bkd", gs, q),
                np.einsum("bqk,bqe->bke", a, g))

    return np.einsum("bqk,bke->bqe", a, v), back


def attention_causal(q, k, v):
    """one head, no batch; the future is masked in the forward"""
    t, d = q.shape
    mask = np.tril(np.ones((t, t), bool))
    s = np.where(mask, q @ k.T / np.sqrt(d), -np.inf)
    e = np.exp(s - s.max(1, keepdims=True))
    a = e / e.sum(1, keepdims=True)

    def back(g):
        ga = g @ v.T
        gs = a * (ga - (ga * a).sum(1, keepdims=True)) / np.sqrt(d)
        return gs @ k, gs.T @ q, a @ g

    return a @ v, back


def residual(x, W1, W2):
    h, back1 = dense(x, W1, np.zeros(W1.shape[1]))
    r, back_r = relu(h)
    o, back2 = dense(r, W2, np.zeros(W2.shape[1]))

    def back(g):
        gr, gW2, _ = back2(g)
        gx, gW1, _ = back1(back_r(gr))
        return gx + g, gW1, gW2

    return x + o, back


def chain_tanh(x, Ws):
    """Ws: a list of square matrices; the backs are collected in a list"""
    backs = []
    for W in Ws:
        def step(x, W):
            y = np.tanh(x @ W)
            def back(g):
                gz = g * (1 - y ** 2)
                return gz @ W.T, x.T @ gz
            return y, back
        x, b = step(x, W)
        backs.append(b)

    def pullback(g):
        gWs = []
        for b in reversed(backs):
            g, gW = b(g)
            gWs.insert(0, gW)
        return g, gWs

    return x, pullback


def chain_tanh_late(x, Ws):
    backs = []
    for W in Ws:
        h = x
        x = np.tanh(h @ W)
        backs.append(lambda g: ((g * (1 - x ** 2)) @ W.T, h.T @ (g * (1 - x ** 2))))

    def pullback(g):
        gWs = []
        for b in reversed(backs):
            g, gW = b(g)
            gWs.insert(0, gW)
        return g, gWs

    return x, pullback


def scan_rnn(params, xs):
    """xs: (time, batch, features) -> last state, vjp"""
    U, W, b = params["U"], params["W"], params["b"]
    h = np.zeros((xs.shape[1], b.size))
    tape = []
    for x in xs:
        h_prev, h = h, np.tanh(x @ U + h @ W + b)
        tape.append((x, h_prev, h))

    def vjp(g):
        grads = {k: np.zeros_like(v) for k, v in params.items()}
        gxs = []
        for x, h_prev, h in tape[::-1]:
            gz = g * (1 - h * h)
            grads["U"] += x.T @ gz
            grads["W"] += h_prev.T @ gz
            grads["b"] += gz.sum(0)
            gxs.append(gz @ U.T)
            g = gz @ W.T
        return grads, np.array(gxs[::-1])

    return h, vjp


def scan_rnn_reversed(params, xs):
    h, vjp = scan_rnn(params, xs)

    def back(g):
        grads, gxs = vjp(g)
        return grads, gxs[::-1]

    return h, back


# ------------------------------------------------ namedtuples

GRUParams = namedtuple("GRUParams", "Wz Uz Wr Ur Wh Uh")
Batch = namedtuple("Batch", ["inputs", "targets", "weights"])


def gru_step(p, x, h):
    sig = lambda a: 1 / (1 + np.exp(-a))
    z = sig(x @ p.Wz + h @ p.Uz)
    r = sig(x @ p.Wr + h @ p.Ur)
    c = np.tanh(x @ p.Wh + (r * h) @ p.Uh)
    h_new = z * h + (1 - z) * c

    def vjp(g):
        gc = g * (1 - z) * (1 - c ** 2)
        gz = g * (h - c) * z * (1 - z)
        grh = gc @ p.Uh.T
        gr = grh * h * r * (1 - r)
        gp = GRUParams(Wz=x.T @ gz, Uz=h.T @ gz, Wr=x.T @ gr, Ur=h.T @ gr, Wh=x.T @ gc, Uh=(r * h).T @ gc)
        gx = gz @ p.Wz.T + gr @ p.Wr.T + gc @ p.Wh.T
        gh = g * z + grh * r + gz @ p.Uz.T + gr @ p.Ur.T
        return gp, gx, gh

    return h_new, vjp


LinearState = namedtuple("LinearState", "w b")


def weighted_lsq(state, batch):
    """value and gradient, the gradient as the same namedtuple"""
    r = batch.inputs @ state.w + state.b - batch.targets
    value = np.einsum("n,nk,nk->", batch.weights, r, r) / batch.weights.sum()
    gr = 2 * batch.weights[:, None] * r / batch.weights.sum()
    return value, LinearState(w=batch.inputs.T @ gr, b=gr.sum(0))


def weighted_lsq_2(state, batch):
    r = batch.inputs @ state.w + state.b - batch.targets
    value = np.einsum("n,nk,nk->", batch.weights, r, r) / batch.weights.sum()
    gr = 2 * r / batch.weights.sum()
    return value, LinearState(w=batch.inputs.T @ gr, b=gr.sum(0))


# ------------------------------------------------ flattened theta for scipy.optimize

def roll(mats):
    return np.concatenate([m.ravel() for m in mats])


def unroll(theta, sizes):
    n_in, n_hid, n_out = sizes
    cut = n_hid * (n_in + 1)
    return theta[:cut].reshape(n_hid, n_in + 1), theta[cut:].reshape(n_out, n_hid + 1)


def nn_cost(theta, X, Y, sizes, lam):
    """Sigmoid net with bias columns; bias weights are not penalised -> J, gradient vector"""
    sig = lambda z: 1 / (1 + np.exp(-z))
    T1, T2 = unroll(theta, sizes)
    m = X.shape[0]
    a1 = np.c_[np.ones(m), X]
    a2 = np.c_[np.ones(m), sig(a1 @ T1.T)]
    a3 = sig(a2 @ T2.T)
    J = -np.sum(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)) / m
    J += lam / (2 * m) * (np.sum(T1[:, 1:] ** 2) + np.sum(T2[:, 1:] ** 2))

    d3 = a3 - Y
    d2 = (d3 @ T2[:, 1:]) * a2[:, 1:] * (1 - a2[:, 1:])
    G1, G2 = d2.T @ a1 / m, d3.T @ a2 / m
    G1[:, 1:] += lam / m * T1[:, 1:]
    G2[:, 1:] += lam / m * T2[:, 1:]
    return J, roll([G1, G2])


def nn_cost_all(theta, X, Y, sizes, lam):
    """here every weight is penalised, the bias columns too"""
    J, g = nn_cost(theta, X, Y, sizes, lam)
    T1, T2 = unroll(theta, sizes)
    J += lam / (2 * len(X)) * (T1[:, 0] @ T1[:, 0] + T2[:, 0] @ T2[:, 0])
    return J, g


def nn_cost_fortran(theta, X, Y, sizes, lam):
    J, g = nn_cost(theta, X, Y, sizes, lam)
    G1, G2 = unroll(g, sizes)
    return J, np.concatenate([G1.ravel(order="F"), G2.ravel(order="F")])


# ------------------------------------------------ other scientific losses

def matrix_factorization(U, V, R, observed, lam):
    """-> loss, dU, dV"""
    E = observed * (U @ V.T - R)
    loss = 0.5 * np.sum(E ** 2) + 0.5 * lam * (np.sum(U ** 2) + np.sum(V ** 2))
    return loss, E @ V + lam * U, E.T @ U + lam * V


def info_nce(za, zb, temperature=0.5):
    """pairs (za[i], zb[i]) belong together -> loss, dza, dzb"""
    n = len(za)
    s = za @ zb.T / temperature
    s = s - s.max(axis=1, keepdims=True)
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(np.diag(p)))
    ds = (p - np.eye(n)) / n
    return loss, ds @ zb / temperature, ds.T @ za / temperature


def triplet(anchor, positive, negative, margin=1.0):
    d = np.sum((anchor - positive) ** 2, 1) - np.sum((anchor - negative) ** 2, 1) + margin
    on = (d > 0)[:, None] / len(d)
    return np.maximum(d, 0).mean(), (2 * on * (negative - positive), -2 * on * (anchor - positive), 2 * on * (anchor - negative))


def hinge_value_and_grad(wb, X, y):
    """wb = {"w", "b"}; b is an array of one entry; squared hinge"""
    m = np.maximum(0, 1 - y * (X @ wb["w"] + wb["b"]))
    dm = -2 * y * m / len(y)
    return np.mean(m ** 2), {"w": X.T @ dm, "b": np.atleast_1d(dm.sum())}


def batch_norm_fwd(x, gamma, beta):
    mu, sd = x.mean(0), np.sqrt(x.var(0) + 1e-5)
    z = (x - mu) / sd
    return gamma * z + beta, (z, sd, gamma)


def batch_norm_bwd(res, g):
    z, sd, gamma = res
    gz = g * gamma
    return (gz - gz.mean(0) - z * np.mean(gz * z, 0)) / sd, np.sum(g * z, 0), np.sum(g, 0)


def dropout_fwd(x, rate):
    keep = np.random.random(x.shape) >= rate
    return x * keep / (1 - rate), (keep, rate)


def dropout_bwd(res, g):
    keep, rate = res
    return g * keep / (1 - rate)


def _mlp():
    return init_params(rng(1), [4, 5, 2])


def _square(n, seed):
    return 0.5 * rng(seed).standard_normal((n, n))


def _nested(seed=2):
    k = rng(seed)
    return {"hidden": {"w": k.standard_normal((4, 6)), "b": k.standard_normal(6)},
            "out": {"w": k.standard_normal((6, 3)), "b": k.standard_normal(3)}}


def _signs(n, seed=3):
    return np.where(rng(seed).random(n) > 0.5, 1.0, -1.0)


def _rnn():
    k = rng(4)
    return {"U": k.standard_normal((4, 5)) * 0.5, "W": _square(5, 5), "b": k.standard_normal(5) * 0.1}


def _gru():
    k = rng(6)
    return GRUParams(*[k.standard_normal(s) * 0.6 for s in [(4, 3), (3, 3)] * 3])


def _theta(sizes=(4, 3, 2)):
    return 0.5 * rng(7).standard_normal(sizes[1] * (sizes[0] + 1) + sizes[2] * (sizes[1] + 1))


def _targets(n, k, seed=9):
    return (rng(seed).random((n, k)) > 0.5) * 1.0


def _batch(seed=10):
    k = rng(seed)
    return Batch(k.standard_normal((5, 4)), k.standard_normal((5, 3)), k.uniform(0.2, 3, 5))


_VJP = "forward returns (y, backward function)"
_VAG = "returns (loss, gradients) in one call"


CASES = [
    dict(name="loss_and_grad", layer=lambda: loss_and_grad, x=lambda: (_mlp(), rng(11).standard_normal((6, 4)), rng(12).standard_normal((6, 2))),
         convention=_VAG + "; gradients of params only, under the same keys"),
    dict(name="loss_and_grad_tanh_of_h", layer=lambda: loss_and_grad_h, x=lambda: (_mlp(), rng(13).standard_normal((6, 4)), rng(14).standard_normal((6, 2))),
         convention=_VAG, wrong={"W1": {"double_activation"}, "b1": {"double_activation"}}),
    dict(name="xent_nested_params", layer=lambda: xent_value_and_grad,
         x=lambda: (_nested(), {"image": rng(15).standard_normal((5, 4)), "label": rng(16).integers(0, 3, 5)}), convention=_VAG),
    dict(name="ridge_pair", layer=lambda: (ridge_loss, grad_ridge_loss), x=lambda: (rng(17).standard_normal(4), rng(18).standard_normal((6, 4)), rng(19).standard_normal(6), 0.3),
         convention="grad_loss takes the arguments of loss", constants={"lam"}),
    dict(name="logistic_pair", layer=lambda: (logistic_loss, grad_logistic_loss), x=lambda: (rng(20).standard_normal(4), rng(21).standard_normal((6, 4)), _signs(6), 0.1),
         convention="grad_loss takes the arguments of loss", constants={"lam"}),
    dict(name="logistic_pair_no_penalty", layer=lambda: (logistic_loss, grad_logistic_loss_2),
         x=lambda: (rng(22).standard_normal(4), rng(23).standard_normal((6, 4)), _signs(6), 0.2), constants={"lam"},
         wrong={"w": {"missing_branch"}}),                             # the regularisation term is forgotten
    dict(name="logistic_pair_half_sign", layer=lambda: (logistic_loss, grad_logistic_loss_3),
         x=lambda: (rng(24).standard_normal(4), rng(25).standard_normal((6, 4)), _signs(6), 0.2), constants={"lam"},
         wrong={"w": {"sign"}}),                                       # sign of the data term only
    dict(name="poisson_pair", layer=lambda: (poisson_nll, poisson_score), x=lambda: (0.3 * rng(26).standard_normal(3), rng(27).standard_normal((6, 3)), rng(28).poisson(2.0, 6))),
    dict(name="gaussian_nll_pair", layer=lambda: (gaussian_nll, gaussian_nll_grad), x=lambda: (np.array([0.4, 0.7]), rng(29).standard_normal(6)),
         convention="gradient of theta = (mu, log sigma) only"),
    dict(name="gaussian_nll_pair_sigma", layer=lambda: (gaussian_nll, gaussian_nll_grad_2), x=lambda: (np.array([0.4, 0.7]), rng(30).standard_normal(6)),
         wrong={"theta": {"wrong_local_derivative", "wrong_variable", "missing_factor", "extra_factor"}}),  # by sigma, theta holds log sigma
    dict(name="softmax_regression", layer=lambda: softmax_loss, x=lambda: (rng(31).standard_normal((4, 3)), rng(32).standard_normal((6, 4)), rng(33).integers(0, 3, 6), 0.1),
         convention=_VAG, constants={"reg"}),
    dict(name="svm_loops", layer=lambda: svm_loss_loops, x=lambda: (rng(34).standard_normal((4, 3)), rng(35).standard_normal((6, 4)), rng(36).integers(0, 3, 6), 0.1),
         convention=_VAG, constants={"reg"}),
    dict(name="svm_loops_right_class", layer=lambda: svm_loss_loops_2, x=lambda: (rng(37).standard_normal((4, 3)), rng(38).standard_normal((6, 4)), rng(39).integers(0, 3, 6), 0.1),
         constants={"reg"}, wrong={"W": {"missing_branch"}}),          # nothing goes to the right class
    dict(name="logreg_lists", layer=lambda: (logreg_nll, logreg_gradient),
         x=lambda: ([0.2, -0.4, 0.7], [[0.5, 1.2], [-1.1, 0.3], [0.8, -0.6], [1.5, 0.9]], [1, 0, 0, 1]),
         convention="plain lists; gradient of w only, w[0] is the bias"),
    dict(name="dense", layer=lambda: dense, x=lambda: (rng(40).standard_normal((5, 4)), rng(41).standard_normal((4, 3)), rng(42).standard_normal(3)), convention=_VJP),
    dict(name="square_dense", layer=lambda: square_dense, x=lambda: (rng(43).standard_normal((5, 4)), _square(4, 44)),
         convention=_VJP, wrong={"input": {"transpose"}}),
    dict(name="relu", layer=lambda: relu, x=lambda: rng(45).standard_normal((4, 5)), convention=_VJP),
    dict(name="gelu", layer=lambda: gelu, x=lambda: rng(46).standard_normal((4, 5)), convention=_VJP),
    dict(name="softmax", layer=lambda: softmax, x=lambda: rng(47).standard_normal((2, 3, 4)), convention=_VJP),
    dict(name="softmax_diagonal", layer=lambda: softmax_diag, x=lambda: rng(48).standard_normal((5, 4)), convention=_VJP, wrong={"input": {"diagonal_only"}}),
    dict(name="logsumexp", layer=lambda: logsumexp, x=lambda: rng(49).standard_normal((5, 4)), convention=_VJP),
    dict(name="rms_norm", layer=lambda: rms_norm, x=lambda: (rng(50).standard_normal((2, 3, 5)), rng(51).uniform(0.5, 1.5, 5)), convention=_VJP, constants={"eps"}),
    dict(name="layer_norm", layer=lambda: layer_norm, x=lambda: (rng(52).standard_normal((3, 5)), rng(53).uniform(0.5, 1.5, 5), rng(54).standard_normal(5)),
         convention=_VJP, constants={"eps"}),
    dict(name="l2_normalize", layer=lambda: l2_normalize, x=lambda: rng(55).standard_normal((5, 4)), convention=_VJP),
    dict(name="l2_normalize_constant_norm", layer=lambda: l2_normalize_const, x=lambda: rng(56).standard_normal((5, 4)), convention=_VJP,
         wrong={"input": {"missing_branch"}}),                         # the norm is taken for a constant
    dict(name="conv1d", layer=lambda: conv1d, x=lambda: (rng(57).standard_normal((2, 6, 3)), rng(58).standard_normal((2, 3, 4))), convention=_VJP),
    dict(name="conv2d_as_strided", layer=lambda: conv2d, x=lambda: (rng(59).standard_normal((2, 3, 4, 5)), rng(60).standard_normal((6, 3, 2, 4))), convention=_VJP),
    dict(name="avg_pool", layer=lambda: functools.partial(avg_pool, size=(2, 3)), x=lambda: rng(61).standard_normal((2, 4, 6, 3)), convention=_VJP),
    dict(name="embed", layer=lambda: embed, x=lambda: (np.array([[1, 4, 1], [0, 4, 2]]), rng(62).standard_normal((6, 4))), convention=_VJP),
    dict(name="concat", layer=lambda: concat, x=lambda: (rng(63).standard_normal((4, 2)), rng(64).standard_normal((4, 3))), convention=_VJP),
    dict(name="attention_einsum", layer=lambda: attention,
         x=lambda: (rng(65).standard_normal((2, 3, 5)), rng(66).standard_normal((2, 4, 5)), rng(67).standard_normal((2, 4, 6))), convention=_VJP),
    dict(name="attention_causal_values", layer=lambda: attention_causal,
         x=lambda: (rng(68).standard_normal((4, 3)), rng(69).standard_normal((4, 3)), rng(70).standard_normal((4, 5))), convention=_VJP,
         wrong={"v": {"transpose"}}),                                  # a @ g for a.T @ g
    dict(name="residual", layer=lambda: residual, x=lambda: (rng(71).standard_normal((5, 4)), rng(72).standard_normal((4, 6)), rng(73).standard_normal((6, 4))), convention=_VJP),
    dict(name="chain_tanh", layer=lambda: chain_tanh, x=lambda: (rng(74).standard_normal((5, 4)), [_square(4, s) for s in (75, 76, 77)]), convention=_VJP),
    dict(name="chain_tanh_late_binding", layer=lambda: chain_tanh_late, x=lambda: (rng(78).standard_normal((5, 4)), [_square(4, s) for s in (79, 80, 81)]),
         convention=_VJP, wrong={"input": {"stale_cache", "wrong_variable", "overwritten"}, "Ws": {"stale_cache", "wrong_variable", "overwritten"}}),  # every closure sees the last x, h, W
    dict(name="scan_rnn", layer=lambda: scan_rnn, x=lambda: (_rnn(), rng(82).standard_normal((3, 2, 4))), convention=_VJP),
    dict(name="scan_rnn_order", layer=lambda: scan_rnn_reversed, x=lambda: (_rnn(), rng(83).standard_normal((3, 2, 4))), convention=_VJP,
         wrong={"xs": {"permuted"}}),                       # the time axis of the input's gradient runs backwards
    dict(name="gru_namedtuple", layer=lambda: gru_step, x=lambda: (_gru(), rng(84).standard_normal((5, 4)), rng(85).standard_normal((5, 3))), convention=_VJP),
    dict(name="weighted_lsq_namedtuple", layer=lambda: weighted_lsq, x=lambda: (LinearState(rng(86).standard_normal((4, 3)), rng(87).standard_normal(3)), _batch()),
         convention=_VAG, constants={"weights"}),
    dict(name="weighted_lsq_forgets_weights", layer=lambda: weighted_lsq_2, x=lambda: (LinearState(rng(88).standard_normal((4, 3)), rng(89).standard_normal(3)), _batch()),
         convention=_VAG, constants={"weights"}, wrong={"w": {"missing_factor"}, "b": {"missing_factor"}}),
    dict(name="nn_cost_theta", layer=lambda: nn_cost, x=lambda: (_theta(), rng(90).standard_normal((6, 4)), _targets(6, 2), (4, 3, 2), 0.5), convention=_VAG, constants={"lam"}),
    dict(name="nn_cost_theta_bias_penalty", layer=lambda: nn_cost_all, x=lambda: (_theta(), rng(91).standard_normal((6, 4)), _targets(6, 2), (4, 3, 2), 0.5),
         convention=_VAG, constants={"lam"}, wrong={"theta": {"missing_branch"}}),           # the biases' penalty has no gradient
    dict(name="nn_cost_theta_fortran", layer=lambda: nn_cost_fortran, x=lambda: (_theta(), rng(92).standard_normal((6, 4)), _targets(6, 2), (4, 3, 2), 0.5),
         convention=_VAG, constants={"lam"}, wrong={"theta": {"permuted", "transpose"}}),   # flattened column by column
    dict(name="matrix_factorization", layer=lambda: matrix_factorization,
         x=lambda: (rng(93).standard_normal((5, 3)), rng(94).standard_normal((4, 3)), rng(95).standard_normal((5, 4)), _targets(5, 4), 0.1),
         convention="returns loss, dU, dV", constants={"observed", "lam"}),
    dict(name="info_nce", layer=lambda: info_nce, x=lambda: (rng(96).standard_normal((5, 3)), rng(97).standard_normal((5, 3))),
         convention="returns loss, dza, dzb", constants={"temperature"}),
    dict(name="triplet", layer=lambda: triplet, x=lambda: tuple(rng(s).standard_normal((5, 3)) for s in (98, 99, 100)), convention=_VAG, constants={"margin"}),
    dict(name="squared_hinge", layer=lambda: hinge_value_and_grad, x=lambda: ({"w": rng(101).standard_normal(4), "b": np.array([0.1])}, rng(102).standard_normal((6, 4)), _signs(6)),
         convention=_VAG),
    dict(name="batch_norm_residuals", layer=lambda: (batch_norm_fwd, batch_norm_bwd), x=lambda: (rng(103).standard_normal((5, 4)), rng(104).uniform(0.5, 1.5, 4), rng(105).standard_normal(4)),
         convention="fwd returns (y, residuals), bwd(residuals, g)"),
    dict(name="dropout_residuals", layer=lambda: (dropout_fwd, dropout_bwd), x=lambda: (rng(106).standard_normal((5, 4)), 0.3),
         convention="fwd returns (y, residuals), bwd(residuals, g)", constants={"rate"}),
]
