"""Two-layer graph convolution (A_hat X W, row-normalised), residual, cross-entropy on the labelled nodes only."""
import numpy as np


class GCN:
    def __init__(self, rng, A, train_mask, n_feat=4, n_hid=4, n_cls=3):
        A_tilde = A + np.eye(len(A))
        self.A_hat = A_tilde / A_tilde.sum(axis=1, keepdims=True)     # D^-1 (A + I), not symmetric
        self.train_mask = train_mask
        self.W0 = rng.standard_normal((n_feat, n_hid))
        self.W1 = rng.standard_normal((n_hid, n_cls))
        self.b1 = rng.standard_normal(n_cls)
        self.alpha = 0.5

    def forward(self, X, labels):
        self.X, self.labels = X, labels
        self.AX = self.A_hat @ X
        self.Z0 = self.AX @ self.W0
        self.H = np.where(self.Z0 > 0, self.Z0, self.alpha * (np.exp(self.Z0) - 1))   # ELU
        self.R = self.H + X                                                            # residual
        self.AR = self.A_hat @ self.R
        Z1 = self.AR @ self.W1 + self.b1
        Z1 = Z1 - Z1.max(axis=1, keepdims=True)
        self.logp = Z1 - np.log(np.exp(Z1).sum(axis=1, keepdims=True))
        picked = self.logp[np.arange(len(X)), labels]
        return -np.sum(picked * self.train_mask) / self.train_mask.sum()

    def backward(self):
        n = len(self.X)
        dZ1 = np.exp(self.logp)
        dZ1[np.arange(n), self.labels] -= 1.0
        dZ1 *= self.train_mask[:, None]
        dZ1 /= self.train_mask.sum()

        dW1 = self.AR.T @ dZ1
        db1 = dZ1.sum(axis=0)
        dR = self.A_hat.T @ (dZ1 @ self.W1.T)
        dH = dR
        elu_grad = np.where(self.Z0 > 0, 1.0, self.H + self.alpha)
        dZ0 = dH * elu_grad
        dW0 = self.AX.T @ dZ0
        dX = self.A_hat.T @ (dZ0 @ self.W0.T) + dR
        return dX, dW0, dW1, db1


def _graph(rng, n):
    A = np.triu((rng.random((n, n)) < 0.4).astype(float), 1)
    for i in range(n - 1):
        A[i, i + 1] = 1.0
    mask = np.ones(n)
    mask[1::3] = 0.0
    return A + A.T, mask


def example(rng):
    A, mask = _graph(rng, 6)
    return GCN(rng, A, mask), (rng.standard_normal((6, 4)), rng.integers(0, 3, 6))


def sized(rng):
    A, mask = _graph(rng, 8)
    return GCN(rng, A, mask), (rng.standard_normal((8, 4)), rng.integers(0, 3, 8))


MISTAKES = [
    ("dR = self.A_hat.T @ (dZ1 @ self.W1.T)", "dR = self.A_hat @ (dZ1 @ self.W1.T)", "transpose", "A_hat is not symmetric after row normalisation."),
    ("dX = self.A_hat.T @ (dZ0 @ self.W0.T) + dR", "dX = self.A_hat.T @ (dZ0 @ self.W0.T)", "path forgotten", "The residual connection."),
    ("dX = self.A_hat.T @ (dZ0 @ self.W0.T) + dR", "dX = self.A_hat.T @ (dZ0 @ self.W0) + dR", "transpose of square weights", "Silent since n_feat = n_hid."),
    ("dX = self.A_hat.T @ (dZ0 @ self.W0.T) + dR", "dX = self.A_hat.T @ (dZ0 @ self.W0.T) + dZ0", "wrong variable of the same shape", "The residual branch carries dR."),
    ("        dZ1 *= self.train_mask[:, None]\n", "", "mask forgotten", "Unlabelled nodes give a gradient."),
    ("dZ1 /= self.train_mask.sum()", "dZ1 /= n", "wrong count", "The mean is over the labelled nodes."),
    ("dW1 = self.AR.T @ dZ1", "dW1 = self.R.T @ dZ1", "aggregation forgotten in dW", "The weights saw A_hat R."),
    ("dW0 = self.AX.T @ dZ0", "dW0 = (self.A_hat.T @ self.X).T @ dZ0", "transpose", "A_hat.T X in place of A_hat X."),
    ("elu_grad = np.where(self.Z0 > 0, 1.0, self.H + self.alpha)", "elu_grad = np.where(self.Z0 > 0, 1.0, self.H)", "constant forgotten", "ELU' is H + alpha on the left."),
    ("elu_grad = np.where(self.Z0 > 0, 1.0, self.H + self.alpha)", "elu_grad = np.where(self.Z0 > 0, 1.0, np.exp(self.Z0))", "factor alpha forgotten", "alpha*exp(z) is right."),
    ("dZ1[np.arange(n), self.labels] -= 1.0\n        dZ1 *= self.train_mask[:, None]",
     "dZ1 *= self.train_mask[:, None]\n        dZ1[np.arange(n), self.labels] -= 1.0",
     "order of statements", "The label is subtracted from masked rows too."),
    ("        dH = dR\n        elu_grad = np.where(self.Z0 > 0, 1.0, self.H + self.alpha)",
     "        dH = dR @ self.W0\n        elu_grad = np.where(self.Z0 > 0, 1.0, self.R + self.alpha)",
     "two: a weight too many, wrong cache", "dR multiplied by W0, and ELU' from the residual sum."),
]
