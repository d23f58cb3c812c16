"""One-hidden-layer MLP, everything inside one class, softmax + cross entropy (Coursera names, rows are examples)."""
import numpy as np


def softmax(Z):
    expZ = np.exp(Z - Z.max(axis=1, keepdims=True))
    return expZ / expZ.sum(axis=1, keepdims=True)


class MLP:
    def __init__(self, rng, n_x=4, n_h=6, n_y=3):
        self.W1 = rng.standard_normal((n_x, n_h)) * 0.7
        self.b1 = rng.standard_normal((1, n_h)) * 0.3
        self.W2 = rng.standard_normal((n_h, n_y)) * 0.7
        self.b2 = rng.standard_normal((1, n_y)) * 0.3

    def forward(self, X, y):
        self.X, self.y = X, y
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = np.tanh(self.Z1)
        self.Z2 = self.A1 @ self.W2 + self.b2
        self.A2 = softmax(self.Z2)
        m = X.shape[0]
        return -np.mean(np.log(self.A2[np.arange(m), y]))

    def backward(self):
        m = self.X.shape[0]
        dZ2 = self.A2.copy()
        dZ2[np.arange(m), self.y] -= 1
        dZ2 /= m
        self.dW2 = self.A1.T @ dZ2
        self.db2 = dZ2.sum(axis=0, keepdims=True)
        dA1 = dZ2 @ self.W2.T
        dZ1 = dA1 * (1 - np.power(self.A1, 2))
        self.dW1 = self.X.T @ dZ1
        self.db1 = dZ1.sum(axis=0, keepdims=True)
        self.dX = dZ1 @ self.W1.T


def example(rng):
    return MLP(rng), (rng.standard_normal((5, 4)), rng.integers(0, 3, 5))


def sized(rng):
    return MLP(rng, 2, 5, 4), (rng.standard_normal((7, 2)), rng.integers(0, 4, 7))


MISTAKES = [
    ("        dZ2 /= m\n", "", "1/m forgotten", "Mean in the loss, sum in the gradient."),
    ("self.dW2 = self.A1.T @ dZ2", "self.dW2 = self.Z1.T @ dZ2", "Z for A",
     "The pre-activation instead of the activation."),
    ("dZ1 = dA1 * (1 - np.power(self.A1, 2))", "dZ1 = dA1 * (1 - np.power(self.Z1, 2))",
     "derivative at the wrong place", "1 - z^2 for 1 - a^2."),
    ("dZ1 = dA1 * (1 - np.power(self.A1, 2))", "dZ1 = dA1 * (1 - np.tanh(self.A1) ** 2)",
     "activation applied twice", "tanh of the activation, which is already a tanh."),
    ("dZ1 = dA1 * (1 - np.power(self.A1, 2))", "dZ1 = dA1 * self.A1 * (1 - self.A1)",
     "derivative of another function", "The sigmoid's derivative for a tanh."),
    ("dZ1 = dA1 * (1 - np.power(self.A1, 2))", "dZ1 = (1 - np.power(self.A1, 2))",
     "upstream forgotten", "Only the local derivative is kept."),
    ("dZ2[np.arange(m), self.y] -= 1", "dZ2[:, self.y] -= 1", "indexing",
     "A slice instead of arange: every row loses 1 at all label columns."),
    ("dZ2[np.arange(m), self.y] -= 1", "dZ2[np.arange(m), self.y - 1] -= 1", "label shifted",
     "Labels taken as 1..C."),
    ("self.dW1 = self.X.T @ dZ1", "self.dW1 = self.X.T @ dA1", "wrong variable of the same shape",
     "dA1 instead of dZ1 in dW1 alone."),
    ("""        dZ1 = dA1 * (1 - np.power(self.A1, 2))
        self.dW1 = self.X.T @ dZ1
        self.db1 = dZ1.sum(axis=0, keepdims=True)""",
     """        dZ1 = dA1 * (1 - np.power(self.A1, 2))
        self.dW1 = self.X.T @ dZ1 / m
        self.db1 = dZ1.sum(axis=0, keepdims=True) / m""",
     "1/m twice, two", "The first layer divides by m again."),
    ("self.db2 = dZ2.sum(axis=0, keepdims=True)", "self.db2 = dZ2.sum(axis=1, keepdims=True)",
     "wrong axis", "The bias is summed over the classes."),
    ("dZ2 = self.A2.copy()", "dZ2 = self.Z2.copy()", "wrong variable of the same shape",
     "The logits instead of the probabilities."),
]
