"""Huber regression with a Swish hidden layer; backward() makes the SGD step with momentum itself."""
import numpy as np


class HuberRegressor:
    def __init__(self, rng, n_in=3, n_hidden=5, lr=0.05, momentum=0.9, delta=1.0, l1=0.02):
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = rng.normal(size=n_hidden)
        self.w2 = rng.normal(size=n_hidden)
        self.b2 = rng.normal(size=1)
        self.lr, self.momentum, self.delta, self.l1 = lr, momentum, delta, l1
        self.v = {k: np.zeros_like(getattr(self, k)) for k in ("W1", "b1", "w2", "b2")}

    def forward(self, X, y):
        self.X, self.y = X, y
        self.z = X @ self.W1 + self.b1
        self.sig = 1 / (1 + np.exp(-self.z))
        self.h = self.z * self.sig
        self.r = self.h @ self.w2 + self.b2[0] - y
        small = np.abs(self.r) <= self.delta
        terms = np.where(small, 0.5 * self.r ** 2, self.delta * (np.abs(self.r) - 0.5 * self.delta))
        return terms.mean() + self.l1 * np.abs(self.w2).sum()

    def backward(self):
        m = len(self.y)
        quad = np.abs(self.r) <= self.delta
        dr = np.where(quad, self.r, self.delta * np.sign(self.r)) / m
        gw2 = self.h.T @ dr + self.l1 * np.sign(self.w2)
        gb2 = np.array([dr.sum()])
        dh = np.outer(dr, self.w2)
        dz = dh * (self.sig + self.h * (1 - self.sig))
        gW1 = self.X.T @ dz
        gb1 = dz.sum(axis=0)
        dX = dz @ self.W1.T
        for name, g in (("W1", gW1), ("b1", gb1), ("w2", gw2), ("b2", gb2)):
            self.v[name] = self.momentum * self.v[name] - self.lr * g
            setattr(self, name, getattr(self, name) + self.v[name])
        return dX


def example(rng):
    return HuberRegressor(rng), (rng.normal(size=(6, 3)), 1.5 * rng.normal(size=6))


def sized(rng):
    return HuberRegressor(rng, n_hidden=4), (rng.normal(size=(9, 3)), 1.5 * rng.normal(size=9))


MISTAKES = [
    ("dr = np.where(quad, self.r, self.delta * np.sign(self.r)) / m", "dr = self.r / m", "clip forgotten", "The gradient of the squared loss."),
    ("dr = np.where(quad, self.r, self.delta * np.sign(self.r)) / m", "dr = np.where(quad, self.r, self.delta) / m", "sign forgotten in the linear part", "Negative residuals get a positive gradient."),
    ("dr = np.where(quad, self.r, self.delta * np.sign(self.r)) / m", "dr = np.where(quad, self.delta * np.sign(self.r), self.r) / m", "branches exchanged", "Quadratic and linear part swapped."),
    ("quad = np.abs(self.r) <= self.delta", "quad = self.r <= self.delta", "abs forgotten", "Large negative residuals count as small."),
    ("self.l1 * np.sign(self.w2)", "self.l1 * self.w2", "L2's derivative for L1", "The sign is the derivative of |w|."),
    ("dz = dh * (self.sig + self.h * (1 - self.sig))", "dz = dh * self.sig", "product rule cut", "Only the derivative of the first factor of z*sigmoid(z)."),
    ("dz = dh * (self.sig + self.h * (1 - self.sig))", "dz = dh * (self.sig + self.z * (1 - self.sig))", "z for h", "z*sig*(1-sig) lost its sig."),
    ("self.momentum * self.v[name] - self.lr * g", "self.momentum * self.v[name] + self.lr * g", "ascent", "The step goes uphill."),
    ("gw2 = self.h.T @ dr", "gw2 = self.z.T @ dr", "before the activation", "The output layer saw h."),
    ("        dX = dz @ self.W1.T\n        for name, g in (", "        for name, g in (", "missing statement", "dX is not computed before the return (NameError)."),
    ("        gb2 = np.array([dr.sum()])\n        dh = np.outer(dr, self.w2)",
     "        self.w2 = self.w2 - self.lr * gw2\n        gb2 = np.array([dr.sum()])\n        dh = np.outer(dr, self.w2)",
     "update before use, and made twice", "w2 is stepped before dh is computed, and once more in the loop."),
    ("        dh = np.outer(dr, self.w2)\n        dz = dh * (self.sig + self.h * (1 - self.sig))",
     "        dh = np.outer(self.r / m, self.w2)\n        dz = dh * (self.sig + (1 - self.sig))",
     "two: unclipped residual, factor h forgotten", "Raw residual in the hidden layer, and swish' without h."),
]
