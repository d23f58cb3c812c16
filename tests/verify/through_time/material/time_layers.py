"""The style of a well-known book: an RNN layer per step, and a layer of time that makes them."""

import numpy as np


class RNN:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        t = np.dot(h_prev, Wh) + np.dot(x, Wx) + b
        h_next = np.tanh(t)
        self.cache = (x, h_prev, h_next)
        return h_next

    def backward(self, dh_next):
        Wx, Wh, b = self.params
        x, h_prev, h_next = self.cache
        dt = dh_next * (1 - h_next**2)
        db = np.sum(dt, axis=0)
        dWh = np.dot(h_prev.T, dt)
        dh_prev = np.dot(dt, Wh.T)
        dWx = np.dot(x.T, dt)
        dx = np.dot(dt, Wx.T)
        self.grads[0][...] = dWx
        self.grads[1][...] = dWh
        self.grads[2][...] = db
        return dx, dh_prev


class TimeRNN:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, xs):
        N, T, D = xs.shape
        H = self.Wh.shape[0]
        self.layers = []
        hs = np.zeros((N, T, H))
        h = np.zeros((N, H))
        for t in range(T):
            layer = RNN(self.Wx, self.Wh, self.b)
            h = layer.forward(xs[:, t, :], h)
            hs[:, t, :] = h
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        N, T, H = dhs.shape
        D = self.Wx.shape[0]
        dxs = np.zeros((N, T, D))
        dh = 0
        grads = [0, 0, 0]
        for t in reversed(range(T)):
            layer = self.layers[t]
            dx, dh = layer.backward(dhs[:, t, :] + dh)
            dxs[:, t, :] = dx
            for i, grad in enumerate(layer.grads):
                grads[i] += grad
        self.dWx, self.dWh, self.db = grads
        return dxs


def example(verify, T=4, N=2, D=3, H=4, seed=0, dtype=float, **options):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    return verify.layer(TimeRNN(draw(D, H), 0.7 * draw(H, H), draw(H)), draw(N, T, D), **options)


RIGHT = [
    {"T": 2}, {"T": 3}, {"T": 6}, {"N": 1}, {"N": 4}, {"D": 4}, {"D": 1}, {"H": 3}, {"H": 2},
    {"seed": 1}, {"seed": 2}, {"seed": 3}, {"seed": 4}, {"dtype": np.float32}, {"N": 4, "T": 4},
]  # fmt: skip
EVERY = "input Wx Wh b"
MISTAKES = [
    ("dx, dh = layer.backward(dhs[:, t, :] + dh)", "dx, dh = layer.backward(dhs[:, t, :])",
     "missing_branch", EVERY, "nothing is carried to the step before"),
    ("dx, dh = layer.backward(dhs[:, t, :] + dh)", "dx, _dh = layer.backward(dhs[:, t, :] + dh)",
     "missing_branch", EVERY, "dh stays zero"),
    ("grads[i] += grad", "grads[i] = grad", "overwritten", "Wx Wh b", "= for +="),
    ("dWh = np.dot(h_prev.T, dt)", "dWh = np.dot(h_next.T, dt)", "wrong_variable", "Wh",
     "h_t for h_(t-1)"),
    ("dt = dh_next * (1 - h_next**2)", "dt = dh_next * (1 - h_prev**2)",
     "wrong_variable wrong_local_derivative", EVERY, "the derivative at the state before"),
    ("dh_prev = np.dot(dt, Wh.T)", "dh_prev = np.dot(dt, Wh)", "transpose", EVERY,
     "Wh for its transpose"),
    ("dh_prev = np.dot(dt, Wh.T)", "dh_prev = np.dot(dh_next, Wh.T)", "missing_factor", EVERY,
     "tanh' is missing on the way back"),
    ("        for t in reversed(range(T)):\n", "        for t in reversed(range(T - 2, T)):\n",
     "missing_branch", EVERY, "truncated to two steps"),
    ("layer.backward(dhs[:, t, :] + dh)", "layer.backward(dhs[:, t, :] + 0.5 * dh)",
     "missing_branch scale", EVERY, "half of it is carried"),
    ("layer.backward(dhs[:, t, :] + dh)", "layer.backward(dhs[:, t, :] - dh)",
     "missing_branch sign", EVERY, "it is carried with another sign"),
    ("layer.backward(dhs[:, t, :] + dh)", "layer.backward(dhs[:, 0, :] + dh)", "wrong_variable",
     EVERY, "the upstream of the first step everywhere"),
    ("self.dWx, self.dWh, self.db = grads", "self.dWx, self.dWh, self.db = (g / T for g in grads)",
     "scale", "Wx Wh b", "the mean over the steps"),
    ("dx = np.dot(dt, Wx.T)", "dx = np.dot(dt, Wx.T) * 2", "scale", "input", "twice too large"),
    ("dxs[:, t, :] = dx", "dxs[:, t - 1, :] = dx", "shifted permuted wrong_variable", "input",
     "each one a step too early"),
    ("db = np.sum(dt, axis=0)", "db = np.mean(dt, axis=0)", "scale", "b",
     "the mean over the batch"),
]  # fmt: skip
