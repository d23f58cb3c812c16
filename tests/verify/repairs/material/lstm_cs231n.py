"""LSTM over time, CS231n functions (x, h0, Wx, Wh, b) with step functions and caches; gates i, f, o, g."""
import numpy as np


def sigmoid(z):
    return 1. / (1. + np.exp(-z))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H:2 * H])
    o = sigmoid(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tc = np.tanh(next_c)
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    dprev_c = dc * f
    da = np.hstack((di * i * (1 - i),
                    df * f * (1 - f),
                    do * o * (1 - o),
                    dg * (1 - g ** 2)))
    dx = da.dot(Wx.T)
    dprev_h = da.dot(Wh.T)
    dWx = x.T.dot(da)
    dWh = prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    ht, ct = h0, np.zeros_like(h0)
    cache = []
    for t in range(T):
        ht, ct, step = lstm_step_forward(x[:, t], ht, ct, Wx, Wh, b)
        h[:, t] = ht
        cache.append(step)
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx = np.zeros((D, 4 * H))
    dWh = np.zeros((H, 4 * H))
    db = np.zeros(4 * H)
    dprev_h = np.zeros((N, H))
    dprev_c = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dcur = dh[:, t] + dprev_h
        dxt, dprev_h, dprev_c, dWxt, dWht, dbt = lstm_step_backward(dcur, dprev_c, cache[t])
        dx[:, t] = dxt
        dWx += dWxt
        dWh += dWht
        db += dbt
    dh0 = dprev_h
    return dx, dh0, dWx, dWh, db


def example(rng):
    N, T, D, H = 2, 4, 3, 5
    return (lstm_forward, lstm_backward), (rng.standard_normal((N, T, D)), rng.standard_normal((N, H)),
                                           0.5 * rng.standard_normal((D, 4 * H)),
                                           0.5 * rng.standard_normal((H, 4 * H)),
                                           0.5 * rng.standard_normal(4 * H))


def sized(rng):
    N, T, D, H = 3, 5, 4, 2
    return (lstm_forward, lstm_backward), (rng.standard_normal((N, T, D)), rng.standard_normal((N, H)),
                                           0.5 * rng.standard_normal((D, 4 * H)),
                                           0.5 * rng.standard_normal((H, 4 * H)),
                                           0.5 * rng.standard_normal(4 * H))


MISTAKES = [
    ("dcur = dh[:, t] + dprev_h", "dcur = dh[:, t]", "forgotten path",
     "The gradient of the later step's state is not added."),
    ("dc = dnext_c + dnext_h * o * (1 - tc ** 2)", "dc = dnext_h * o * (1 - tc ** 2)",
     "forgotten path", "The gradient through the cell state is dropped."),
    ("dc = dnext_c + dnext_h * o * (1 - tc ** 2)", "dc = dnext_c + dnext_h * o * (1 - next_c ** 2)",
     "derivative at the wrong place", "1 - c^2 for 1 - tanh(c)^2."),
    ("dc = dnext_c + dnext_h * o * (1 - tc ** 2)", "dc = dnext_c + dnext_h * o",
     "tanh' forgotten", "The derivative of the tanh of the cell is left out."),
    ("df = dc * prev_c", "df = dc * next_c", "wrong variable of the same shape",
     "The new cell for the old one in the forget gate."),
    ("""    di = dc * g
    dg = dc * i
""", """    di = dc * i
    dg = dc * g
""", "exchanged, two", "i and g are exchanged."),
    ("do = dnext_h * tc", "do = dnext_h * next_c", "wrong variable of the same shape",
     "The cell without its tanh in the output gate."),
    ("dprev_c = dc * f", "dprev_c = dnext_c * f", "wrong variable of the same shape",
     "The part from h is missing in the gradient of the old cell."),
    ("""                    df * f * (1 - f),
                    do * o * (1 - o),
""", """                    do * o * (1 - o),
                    df * f * (1 - f),
""", "slices exchanged, two", "f and o are stacked in the wrong order."),
    ("dg * (1 - g ** 2)))", "dg * g * (1 - g)))", "derivative of another function",
     "The sigmoid's derivative for the tanh gate."),
    ("di * i * (1 - i),", "di * i,", "forgotten factor", "Half of the sigmoid's derivative."),
    ("dWh += dWht", "dWh = dWht", "= for +=", "Only the first time step's gradient is kept."),
]
