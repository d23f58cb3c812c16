"""Single-head self-attention, softmax(Q K^T / sqrt(d_k)) V with the three projections, batch first, one class."""
import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class SelfAttention:
    def __init__(self, rng, d_model=5, d_k=3, d_v=6):
        self.Wq = 0.6 * rng.standard_normal((d_model, d_k))
        self.Wk = 0.6 * rng.standard_normal((d_model, d_k))
        self.Wv = 0.6 * rng.standard_normal((d_model, d_v))

    def forward(self, X):
        # X: (batch, T, d_model)
        self.X = X
        self.Q = X @ self.Wq
        self.K = X @ self.Wk
        self.V = X @ self.Wv
        self.scale = np.sqrt(self.Q.shape[-1])
        self.S = self.Q @ self.K.transpose(0, 2, 1) / self.scale
        self.A = softmax(self.S)
        return self.A @ self.V

    def backward(self, dout):
        dA = dout @ self.V.transpose(0, 2, 1)
        dV = self.A.transpose(0, 2, 1) @ dout

        # softmax, row by row
        dS = self.A * (dA - np.sum(dA * self.A, axis=-1, keepdims=True))
        dS = dS / self.scale

        dQ = dS @ self.K
        dK = dS.transpose(0, 2, 1) @ self.Q

        self.dWq = np.einsum("btd,btk->dk", self.X, dQ)
        self.dWk = np.einsum("btd,btk->dk", self.X, dK)
        self.dWv = np.einsum("btd,btk->dk", self.X, dV)

        dX = dQ @ self.Wq.T
        dX += dK @ self.Wk.T
        dX += dV @ self.Wv.T
        return dX


def example(rng):
    return SelfAttention(rng), rng.standard_normal((2, 4, 5))


def sized(rng):
    return SelfAttention(rng), rng.standard_normal((3, 6, 5))


MISTAKES = [
    ("dV = self.A.transpose(0, 2, 1) @ dout", "dV = self.A @ dout",
     "transpose forgotten", "The attention matrix is T x T, so A instead of A^T passes silently for dV."),
    ("dS = self.A * (dA - np.sum(dA * self.A, axis=-1, keepdims=True))",
     "dS = dA * self.A * (1 - self.A)",
     "softmax Jacobian's diagonal only", "The softmax is derived like a sigmoid, entry by entry."),
    ("np.sum(dA * self.A, axis=-1, keepdims=True)", "np.sum(dA * self.A, axis=1, keepdims=True)",
     "wrong axis", "The softmax runs over the keys (last axis), the sum is over the queries."),
    ("        dS = dS / self.scale\n", "",
     "factor forgotten (1/sqrt(d_k))", "The scale of the scores is not in the backward."),
    ("dS = dS / self.scale", "dS = dS / self.scale ** 2",
     "power (d_k for sqrt(d_k))", "Divides by d_k, where the forward divides by its root."),
    ("dS = dS / self.scale", "dS = dS / np.sqrt(self.X.shape[-1])",
     "wrong constant", "Root of d_model instead of d_k."),
    ("dK = dS.transpose(0, 2, 1) @ self.Q", "dK = dS @ self.Q",
     "transpose forgotten", "dS must be transposed for the keys; T x T hides it."),
    ("dQ = dS @ self.K\n        dK = dS.transpose(0, 2, 1) @ self.Q",
     "dQ = dS @ self.Q\n        dK = dS.transpose(0, 2, 1) @ self.K",
     "two: Q and K not exchanged", "Each of the two gradients uses its own matrix instead of the other's."),
    ("dX += dK @ self.Wk.T", "dX = dK @ self.Wk.T",
     "= for +=", "The path through the queries is overwritten."),
    ("        dX += dV @ self.Wv.T\n", "",
     "path forgotten", "The input also goes through the values."),
    ('self.dWk = np.einsum("btd,btk->dk", self.X, dK)', 'self.dWk = np.einsum("btd,btk->dk", self.X, dQ)',
     "wrong variable of the same shape", "Copied line: the gradient of Wk takes dQ."),
    ("np.sum(dA * self.A, axis=-1, keepdims=True)", "np.sum(dA * self.S, axis=-1, keepdims=True)",
     "at the scores for the probabilities", "The correction term of the softmax uses the scores S instead of A."),
]
