"""A cell as an object, French names: it returns its new state, stacks what it needs, adds up dW."""

import numpy as np


class Cellule:
    def __init__(self, rng, d, n):
        self.W = rng.standard_normal((d, n)) * 0.7
        self.U = rng.standard_normal((n, n)) * 0.7
        self.b = rng.standard_normal(n) * 0.5
        self.dW, self.dU, self.db = np.zeros((d, n)), np.zeros((n, n)), np.zeros(n)
        self.memoire = []

    def avant(self, x, h):
        z = x @ self.W + h @ self.U + self.b
        h_suivant = np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1)
        self.memoire.append((x, h, z))
        return h_suivant

    def arriere(self, dh):
        x, h, z = self.memoire.pop()
        dz = dh * np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))
        self.dW += x.T @ dz
        self.dU += h.T @ dz
        self.db += dz.sum(axis=0)
        dx = dz @ self.W.T
        dh_prec = dz @ self.U.T
        return dx, dh_prec


def example(verify, T=4, N=3, D=3, H=4, seed=0, dtype=float, **options):
    rng = np.random.default_rng(seed)
    cell = Cellule(rng, D, H)
    x, h = rng.standard_normal((T, N, D)).astype(dtype), rng.standard_normal((N, H)).astype(dtype)
    return verify.layer(cell, (x, h), steps=T, forward="avant", backward="arriere", **options)


RIGHT = [
    {"T": 1}, {"T": 2}, {"T": 3}, {"T": 5}, {"N": 1}, {"N": 4}, {"D": 4}, {"H": 3}, {"D": 1},
    {"H": 1}, {"seed": 1}, {"seed": 2}, {"seed": 3}, {"dtype": np.float32}, {"T": 3, "N": 3},
]  # fmt: skip
MISTAKES = [
    ("self.dU += h.T @ dz", "self.dU += (x @ self.W + h @ self.U).T @ dz",
     "wrong_variable", "U", "another state"),
    ("dh_prec = dz @ self.U.T", "dh_prec = dz @ self.U", "transpose", "h", "U for its transpose"),
    ("dh_prec = dz @ self.U.T", "dh_prec = dh @ self.U.T", "missing_factor", "h",
     "the derivative of elu is missing on the way back"),
    ("dh_prec = dz @ self.U.T", "dh_prec = dz @ self.U.T + dh", "missing_branch", "h",
     "the gradient of the state is carried as it is, too"),
    ("dh_prec = dz @ self.U.T", "dh_prec = 2 * dz @ self.U.T", "scale missing_branch", "h",
     "carried twice"),
    ("self.db += dz.sum(axis=0)", "self.db += dz.mean(axis=0)", "scale", "b",
     "the mean over the batch"),
    ("self.db += dz.sum(axis=0)", "self.db += dh.sum(axis=0)", "missing_factor", "b",
     "before the activation"),
    ("dx = dz @ self.W.T", "dx = dh @ self.W.T", "missing_factor", "input",
     "the derivative of elu is missing"),
    ("dz = dh * np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))", "dz = dh * (z > 0)",
     "wrong_local_derivative missing_branch missing_factor", "input W U b h", "that of relu"),
    ("dz = dh * np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))", "dz = dh",
     "missing_factor missing_branch", "input W U b h", "no derivative of elu at all"),
    ("self.dW += x.T @ dz", "self.dW -= x.T @ dz", "sign", "W", "the sign"),
    ("return dx, dh_prec", "return dx, dh", "missing_factor wrong_variable", "h",
     "what arrives is handed on"),
]  # fmt: skip
