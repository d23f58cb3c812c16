"""Deep net of any depth with lists of weights: ELU, inverted dropout (fixed seed), mean squared error and weight decay; forward(X, Y) is the loss, backward() fills self.dW, self.db, self.dX."""
import numpy as np


class DeepNet:
    def __init__(self, rng, sizes, keep_prob=0.75, lam=0.2, alpha=0.8, seed=3):
        self.W = [rng.standard_normal((a, b)) / np.sqrt(a) for a, b in zip(sizes[:-1], sizes[1:])]
        self.b = [0.4 * rng.standard_normal((1, b)) for b in sizes[1:]]
        self.L = len(self.W)
        self.keep_prob, self.lam, self.alpha, self.seed = keep_prob, lam, alpha, seed

    def forward(self, X, Y):
        rs = np.random.RandomState(self.seed)
        self.A, self.Z, self.masks = [X], [], []
        for i in range(self.L):
            Z = self.A[i] @ self.W[i] + self.b[i]
            self.Z.append(Z)
            if i == self.L - 1:
                self.A.append(Z)
                break
            A = np.where(Z > 0, Z, self.alpha * (np.exp(Z) - 1))
            mask = rs.rand(*A.shape) < self.keep_prob
            self.masks.append(mask)
            self.A.append(A * mask / self.keep_prob)
        self.Y = Y
        cost = np.mean((self.A[-1] - Y) ** 2)
        return cost + self.lam / 2 * sum(np.sum(W ** 2) for W in self.W)

    def backward(self):
        self.dW = [None] * self.L
        self.db = [None] * self.L
        delta = 2 * (self.A[-1] - self.Y) / self.Y.size
        for i in range(self.L - 1, -1, -1):
            self.dW[i] = self.A[i].T @ delta + self.lam * self.W[i]
            self.db[i] = delta.sum(axis=0, keepdims=True)
            delta = delta @ self.W[i].T
            if i > 0:
                delta = delta * self.masks[i - 1] / self.keep_prob
                Z = self.Z[i - 1]
                delta = delta * np.where(Z > 0, 1, self.alpha * np.exp(Z))
        self.dX = delta
        return self.dW, self.db


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return DeepNet(rng, [4, 6, 5, 3]), (rng.standard_normal((7, 4)), rng.standard_normal((7, 3)))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return DeepNet(rng, [3, 5, 6, 4, 2]), (rng.standard_normal((6, 3)), rng.standard_normal((6, 2)))


MISTAKES = [
    ("delta = delta * self.masks[i - 1] / self.keep_prob", "delta = delta * self.masks[i - 1]",
     "dropout scaling forgotten", "Inverted dropout divides by keep_prob in the backward, too."),
    ("                delta = delta * self.masks[i - 1] / self.keep_prob\n", "                delta = delta / self.keep_prob\n",
     "mask forgotten", "Dropped units get gradient."),
    ("delta = delta * self.masks[i - 1] / self.keep_prob", "delta = delta * ~self.masks[i - 1] / self.keep_prob",
     "mask the wrong way", "The dropped units get the gradient."),
    ("delta = delta * np.where(Z > 0, 1, self.alpha * np.exp(Z))", "delta = delta * np.where(Z > 0, 1, self.A[i] + self.alpha)",
     "derivative by a value overwritten by dropout", "elu' = a + alpha holds for the activation before dropout only."),
    ("delta = delta * np.where(Z > 0, 1, self.alpha * np.exp(Z))", "delta = delta * np.where(Z > 0, Z, self.alpha * np.exp(Z))",
     "function for derivative in one branch", "Z in place of 1 on the positive side."),
    ("delta = delta * np.where(Z > 0, 1, self.alpha * np.exp(Z))", "delta = delta * np.where(Z > 0, 1, np.exp(Z))",
     "constant forgotten", "alpha is missing."),
    ("delta = 2 * (self.A[-1] - self.Y) / self.Y.size", "delta = 2 * (self.A[-1] - self.Y) / len(self.Y)",
     "wrong normaliser", "The mean is over all entries, not over the rows."),
    ("delta = 2 * (self.A[-1] - self.Y) / self.Y.size", "delta = np.abs(self.A[-1] - self.Y) * 2 / self.Y.size",
     "sign lost", "The absolute error is used."),
    ("self.dW[i] = self.A[i].T @ delta + self.lam * self.W[i]", "self.dW[i] = self.A[i].T @ delta + self.lam * np.abs(self.W[i])",
     "derivative of another penalty", "abs(W) is not the derivative of W^2/2."),
    ("for i in range(self.L - 1, -1, -1):", "for i in range(self.L - 1, 0, -1):",
     "range ends too early: None", "The first layer is never reached: its gradients stay None."),
    ("            self.db[i] = delta.sum(axis=0, keepdims=True)\n            delta = delta @ self.W[i].T\n",
     "            delta = delta @ self.W[i].T\n            self.db[i] = delta.sum(axis=0, keepdims=True)\n",
     "order of statements", "The bias gradient is taken after delta has left the layer (wrong shape)."),
    ("            self.dW[i] = self.A[i].T @ delta + self.lam * self.W[i]\n            self.db[i] = delta.sum(axis=0, keepdims=True)\n",
     "            self.dW[i] = self.A[i].T @ delta + self.lam / 2 * self.W[i]\n            self.db[i] = delta.mean(axis=0, keepdims=True)\n",
     "two: half the decay and mean for sum", "The 2 of the square is forgotten, and the bias gradient is averaged."),
]
