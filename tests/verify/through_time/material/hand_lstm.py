"""An LSTM by formulas for ``verify.hand``: gradients per step, and sums over the steps."""

import numpy as np

import tinygrad_fr as tg


def f(x, h0, c0, W, U, b):
    """The gates i, f, o and the candidate g, one after the other in the columns of W and U."""
    h, c, n = h0, c0, h0.shape[1]
    out = []
    for t in range(len(x)):
        a = (x[t] @ W + h @ U + b).named(f"a{t + 1}")
        i, o = tg.sigmoid(a[:, :n]), tg.sigmoid(a[:, 2 * n : 3 * n])
        forget = tg.sigmoid(a[:, n : 2 * n])
        g = tg.tanh(a[:, 3 * n :])
        c = (forget * c + i * g).named(f"c{t + 1}")
        h = (o * tg.tanh(c)).named(f"h{t + 1}")
        out.append(h)
    return tg.stack(out)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(upstream, x, h0, c0, W, U, b):
    T, n = len(x), h0.shape[1]
    h, c, gates = [h0], [c0], []
    for t in range(T):
        a = x[t] @ W + h[t] @ U + b
        i, fo, o = (sigmoid(a[:, k * n : (k + 1) * n]) for k in range(3))
        g = np.tanh(a[:, 3 * n :])
        gates.append((i, fo, o, g))
        c.append(fo * c[t] + i * g)
        h.append(o * np.tanh(c[t + 1]))
    d = {}
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dx, dh, dc = np.zeros_like(x), np.zeros_like(h0), np.zeros_like(c0)
    for t in range(T - 1, -1, -1):
        i, fo, o, g = gates[t]
        tc = np.tanh(c[t + 1])
        dh = upstream[t] + dh
        dc = dc + dh * o * (1 - tc**2)
        d[f"h{t + 1}"], d[f"c{t + 1}"] = dh, dc
        di, df, do, dg = dc * g, dc * c[t], dh * tc, dc * i
        da = np.hstack([di * i * (1 - i), df * fo * (1 - fo), do * o * (1 - o), dg * (1 - g**2)])
        d[f"a{t + 1}"] = da
        dW = dW + x[t].T @ da
        dU = dU + h[t].T @ da
        db = db + da.sum(axis=0)
        dx[t] = da @ W.T
        dh = da @ U.T
        dc = dc * fo
    return d | {"h0": dh, "c0": dc, "W": dW, "U": dU, "b": db, "x": dx}


def example(verify, T=3, N=2, D=3, H=2, seed=0, dtype=float, **options):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    values = {"x": draw(T, N, D), "h0": draw(N, H), "c0": draw(N, H), "W": draw(D, 4 * H),
              "U": draw(H, 4 * H), "b": draw(4 * H)}  # fmt: skip
    upstream = rng.standard_normal((T, N, H))
    hand = gradients(upstream, **values)
    return verify.hand(f, values, hand, upstream=upstream, **options)


RIGHT = [
    {"T": 1}, {"T": 2}, {"T": 4}, {"T": 5}, {"N": 1}, {"N": 3}, {"D": 1}, {"D": 8}, {"H": 3},
    {"H": 1}, {"seed": 1}, {"seed": 2}, {"seed": 3}, {"seed": 4}, {"dtype": np.float32},
]  # fmt: skip
MISTAKES = [
    ("dh = upstream[t] + dh\n", "dh = upstream[t]\n", "missing_branch", "h2 h1",
     "dh is not carried"),
    ("dc = dc + dh * o", "dc = dh * o", "missing_branch", "c2", "dc is not carried"),
    ("dc = dc * fo", "dc = dc", "missing_factor", "c2 c0", "the forget gate's path without f"),
    ("dc = dc * fo", "dc = dc * i", "wrong_variable", "c2 c0", "the input gate for the forget gate"),
    ("dU = dU + h[t].T @ da", "dU = dU + h[t + 1].T @ da", "wrong_variable", "U",
     "h_t for h_(t-1)"),
    ("dc * c[t], dh * tc", "dc * c[t + 1], dh * tc", "wrong_variable", "a3", "c_t for c_(t-1)"),
    ("dg * (1 - g**2)", "dg * g * (1 - g)", "wrong_local_derivative", "a3",
     "the derivative of a sigmoid"),
    ("dW = dW + x[t].T @ da", "dW = x[t].T @ da", "overwritten", "W", "not summed over the steps"),
    ("db = db + da.sum(axis=0)", "db = db + da.sum(axis=0) / len(da)", "scale", "b",
     "the mean over the batch"),
    ("dh = da @ U.T", "dh = da @ U.T + dh", "missing_branch", "h2", "carried as it is, too"),
    ("o * (1 - tc**2)", "o", "missing_factor", "c3", "tanh' of the cell is missing"),
    ("di, df, do, dg = dc * g, dc * c[t], dh * tc, dc * i",
     "di, df, do, dg = dc * i, dc * c[t], dh * tc, dc * g", "wrong_variable", "a3",
     "i and g are exchanged"),
    ("da = np.hstack([di * i * (1 - i), df * fo * (1 - fo),",
     "da = np.hstack([df * fo * (1 - fo), di * i * (1 - i),", "permuted wrong_variable", "a3",
     "the gates in another order"),
]  # fmt: skip
