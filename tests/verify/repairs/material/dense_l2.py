"""Dense softmax classifier with L2, Coursera style (columns are examples, dZ, m, lambd)."""
import numpy as np


class RegularizedSoftmax:
    def __init__(self, rng, n_x, n_y, lambd=0.7):
        self.W = 0.6 * rng.standard_normal((n_y, n_x))
        self.b = 0.4 * rng.standard_normal((n_y, 1))
        self.lambd = lambd

    def forward(self, X, Y):
        """X (n_x, m), Y (n_y, m) one-hot; returns the regularized cost."""
        m = X.shape[1]
        self.X, self.Y = X, Y
        Z = np.dot(self.W, X) + self.b
        t = np.exp(Z - np.max(Z, axis=0, keepdims=True))
        self.A = t / np.sum(t, axis=0, keepdims=True)
        cross_entropy_cost = -np.sum(Y * np.log(self.A)) / m
        L2_regularization_cost = self.lambd / (2 * m) * np.sum(np.square(self.W))
        return cross_entropy_cost + L2_regularization_cost

    def backward(self):
        m = self.X.shape[1]
        dZ = self.A - self.Y
        self.dW = 1. / m * np.dot(dZ, self.X.T) + (self.lambd * self.W) / m
        self.db = 1. / m * np.sum(dZ, axis=1, keepdims=True)
        self.dX = 1. / m * np.dot(self.W.T, dZ)
        return self.dX


def example(rng):
    X = rng.standard_normal((4, 6))
    Y = np.eye(3)[rng.integers(0, 3, 6)].T
    return RegularizedSoftmax(rng, 4, 3), (X, Y)


def sized(rng):
    X = rng.standard_normal((5, 7))
    Y = np.eye(2)[rng.integers(0, 2, 7)].T
    return RegularizedSoftmax(rng, 5, 2), (X, Y)


MISTAKES = [
    ("+ (self.lambd * self.W) / m", "", "forgotten term",
     "The regularization is in the cost only."),
    ("+ (self.lambd * self.W) / m", "+ self.lambd * self.W", "1/m forgotten",
     "The L2 term is not divided by m as in the cost."),
    ("+ (self.lambd * self.W) / m", "+ (self.lambd * self.W) / (2 * m)", "factor 2",
     "The derivative of the square was not taken: the 1/2 of the cost is kept."),
    ("+ (self.lambd * self.W) / m", "+ self.lambd * np.square(self.W) / m", "power",
     "W squared in the gradient instead of W."),
    ("+ (self.lambd * self.W) / m", "- (self.lambd * self.W) / m", "sign",
     "The L2 term is subtracted."),
    ("+ (self.lambd * self.W) / m", "+ self.lambd * np.sum(self.W) / m", "sum too many",
     "np.sum of the cost is left in the derivative."),
    ("self.db = 1. / m * np.sum(dZ, axis=1, keepdims=True)",
     "self.db = 1. / m * np.sum(dZ, axis=1, keepdims=True) + self.lambd * self.b / m",
     "extra term", "The bias is regularized in the gradient but not in the cost."),
    ("dZ = self.A - self.Y", "dZ = self.Y - self.A", "sign",
     "The label minus the prediction."),
    ("self.db = 1. / m * np.sum(dZ, axis=1, keepdims=True)",
     "self.db = 1. / m * np.sum(dZ)", "axis and keepdims forgotten",
     "db as in the one-unit logistic regression: a single number."),
    ("""self.db = 1. / m * np.sum(dZ, axis=1, keepdims=True)
        self.dX = 1. / m * np.dot(self.W.T, dZ)""",
     """self.db = np.sum(dZ, axis=1, keepdims=True)
        self.dX = np.dot(self.W.T, dZ)""",
     "1/m forgotten, two", "1/m is in dW only, not in db and dX."),
    ("self.dX = 1. / m * np.dot(self.W.T, dZ)",
     "self.dX = 1. / m * np.dot(self.W.T, dZ) + self.lambd * self.X / m",
     "extra term", "The L2 term is added for the input, too."),
    ("dZ = self.A - self.Y", "dZ = (self.A - self.Y) * self.A * (1 - self.A)",
     "activation's derivative once more", "A(1-A) on top of the fused softmax and cross entropy."),
]
