"""Batched LSTM class with one stacked weight matrix (gates i f o g in slices); forward(X) with X (N, T, D), backward(dout) -> dX, self.dW, self.db."""
import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class LSTM:
    def __init__(self, rng, D, H):
        self.D, self.H = D, H
        self.W = rng.standard_normal((D + H, 4 * H)) / np.sqrt(D + H)
        self.b = 0.5 * rng.standard_normal(4 * H)
        self.dW = self.db = None

    def forward(self, X):
        N, T, _ = X.shape
        H = self.H
        h = np.zeros((N, H))
        c = np.zeros((N, H))
        hs = np.zeros((N, T, H))
        self.cache = []
        for t in range(T):
            xh = np.hstack([X[:, t], h])
            A = xh @ self.W + self.b
            i = sigmoid(A[:, :H])
            f = sigmoid(A[:, H:2 * H])
            o = sigmoid(A[:, 2 * H:3 * H])
            g = np.tanh(A[:, 3 * H:])
            c_prev = c
            c = f * c_prev + i * g
            tc = np.tanh(c)
            h = o * tc
            hs[:, t] = h
            self.cache.append((xh, i, f, o, g, c_prev, tc))
        return hs

    def backward(self, dout):
        N, T, H = dout.shape
        D = self.D
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        dX = np.zeros((N, T, D))
        dh = np.zeros((N, H))
        dc = np.zeros((N, H))
        for t in range(T - 1, -1, -1):
            xh, i, f, o, g, c_prev, tc = self.cache[t]
            dh = dh + dout[:, t]
            dc = dc + dh * o * (1 - tc ** 2)

            dA = np.empty((N, 4 * H))
            dA[:, 0 * H:1 * H] = dc * g * i * (1 - i)
            dA[:, 1 * H:2 * H] = dc * c_prev * f * (1 - f)
            dA[:, 2 * H:3 * H] = dh * tc * o * (1 - o)
            dA[:, 3 * H:4 * H] = dc * i * (1 - g ** 2)

            self.dW += xh.T @ dA
            self.db += dA.sum(axis=0)
            dxh = dA @ self.W.T
            dX[:, t] = dxh[:, :D]
            dh = dxh[:, D:]
            dc = dc * f
        return dX


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return LSTM(rng, 3, 4), rng.standard_normal((2, 5, 3))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return LSTM(rng, 4, 2), rng.standard_normal((3, 6, 4))


MISTAKES = [
    ("            dA[:, 1 * H:2 * H] = dc * c_prev * f * (1 - f)\n            dA[:, 2 * H:3 * H] = dh * tc * o * (1 - o)\n",
     "            dA[:, 2 * H:3 * H] = dc * c_prev * f * (1 - f)\n            dA[:, 1 * H:2 * H] = dh * tc * o * (1 - o)\n",
     "two: gate slices exchanged", "Forget and output gate write into one another's slice."),
    ("dc = dc + dh * o * (1 - tc ** 2)", "dc = dh * o * (1 - tc ** 2)",
     "cell path through time forgotten", "The carry dc of the later step is thrown away."),
    ("dc = dc + dh * o * (1 - tc ** 2)", "dc = dc + dh * o * (1 - tc)",
     "power forgotten", "1 - tanh in place of 1 - tanh^2."),
    ("dc = dc + dh * o * (1 - tc ** 2)", "dc = dc + dh * tc * (1 - tc ** 2)",
     "wrong factor of a product", "h = o * tanh(c): the derivative by tanh(c) is o, not tanh(c)."),
    ("dh = dh + dout[:, t]", "dh = dout[:, t]",
     "hidden path through time forgotten", "Only the output gradient of the step itself is used."),
    ("            dc = dc * f\n", "            dc = dc * i\n",
     "wrong gate of the same shape", "The carry goes back through the input gate."),
    ("            dc = dc * f\n", "",
     "factor forgotten", "The cell gradient is carried back without the forget gate."),
    ("dA[:, 3 * H:4 * H] = dc * i * (1 - g ** 2)", "dA[:, 3 * H:4 * H] = dc * i * g * (1 - g)",
     "derivative of another function", "The candidate uses tanh; sigmoid's derivative is applied."),
    ("dA[:, 0 * H:1 * H] = dc * g * i * (1 - i)", "dA[:, 0 * H:1 * H] = dc * i * (1 - i)",
     "other factor of the product forgotten", "d(i*g)/di = g is left out."),
    ("dA[:, 2 * H:3 * H] = dh * tc * o * (1 - o)", "dA[:, 2 * H:3 * H] = dout[:, t] * tc * o * (1 - o)",
     "incomplete gradient", "The output gate sees the upstream of this step but not what comes back through time."),
    ("            dX[:, t] = dxh[:, :D]\n            dh = dxh[:, D:]\n",
     "            dX[:, t] = dxh[:, -D:]\n            dh = dxh[:, :H]\n",
     "two: concatenation order", "Split as [h, x] although the forward stacks [x, h]."),
    ("self.dW += xh.T @ dA", "self.dW = xh.T @ dA",
     "= for += in the loop", "Only the first time step is kept."),
]
