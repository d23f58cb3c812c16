"""Linear - Softmax layer (Jacobian per row) - class-weighted cross entropy with integer labels, three small classes."""
import numpy as np


class Softmax:
    def forward(self, z):
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        self.p = e / np.sum(e, axis=1, keepdims=True)
        return self.p

    def backward(self, dp):
        dz = np.empty_like(dp)
        for i in range(len(dp)):
            row = self.p[i].reshape(-1, 1)
            jacobian = np.diagflat(row) - np.dot(row, row.T)
            dz[i] = np.dot(jacobian, dp[i])
        return dz


class CrossEntropy:
    def __init__(self, class_weights):
        self.class_weights = class_weights

    def forward(self, p, y):
        self.p = p
        self.y = y
        self.w = self.class_weights[y]
        correct = p[np.arange(len(y)), y]
        return -np.sum(self.w * np.log(correct)) / np.sum(self.w)

    def backward(self):
        n = len(self.y)
        dp = np.zeros_like(self.p)
        dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]
        dp /= np.sum(self.w)
        return dp


class Classifier:
    def __init__(self, rng, n_in=3, n_classes=4):
        self.W = rng.standard_normal((n_in, n_classes))
        self.b = rng.standard_normal(n_classes)
        self.softmax = Softmax()
        self.criterion = CrossEntropy(0.5 + 2 * rng.random(n_classes))

    def forward(self, X, y):
        self.X = X
        scores = X.dot(self.W) + self.b
        return self.criterion.forward(self.softmax.forward(scores), y)

    def backward(self):
        dscores = self.softmax.backward(self.criterion.backward())
        self.dW = self.X.T.dot(dscores)
        self.db = np.sum(dscores, axis=0)
        return dscores.dot(self.W.T)


def example(rng):
    return Classifier(rng), (rng.standard_normal((6, 3)), np.array([0, 2, 1, 3, 2, 0]))


def sized(rng):
    return Classifier(rng, n_classes=5), (rng.standard_normal((4, 3)), np.array([4, 1, 0, 3]))


MISTAKES = [
    ("jacobian = np.diagflat(row) - np.dot(row, row.T)", "jacobian = np.diagflat(row * (1 - row))",
     "softmax Jacobian's diagonal only", "The entries off the diagonal are left out."),
    ("jacobian = np.diagflat(row) - np.dot(row, row.T)", "jacobian = np.diagflat(row) + np.dot(row, row.T)",
     "sign inside the Jacobian", "Plus for minus in diag(p) - p p^T."),
    ("jacobian = np.diagflat(row) - np.dot(row, row.T)", "jacobian = np.diagflat(row) - np.dot(row.T, row)",
     "swapped operands", "p^T p is one number and broadcasts over the matrix."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]",
     "dp = -self.w[:, None] / self.p",
     "label forgotten", "Every class is treated as if it were the right one."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]",
     "dp[np.arange(n), self.y] = -self.w",
     "1/p forgotten", "The logarithm's derivative is missing."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]",
     "dp[np.arange(n), self.y] = -1.0 / self.p[np.arange(n), self.y]",
     "weight forgotten", "The class weights are in the loss only."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]",
     "dp[np.arange(n), self.y] = self.w * np.log(self.p[np.arange(n), self.y])",
     "the function for its derivative", "The log itself stands where its derivative should."),
    ("dp /= np.sum(self.w)", "dp /= n",
     "wrong constant", "The loss is divided by the sum of the weights, the gradient by N."),
    ("        dp /= np.sum(self.w)\n", "",
     "factor forgotten (mean)", "The loss's division is not in the gradient."),
    ("            dz[i] = np.dot(jacobian, dp[i])\n        return dz\n",
     "            dz[i] = np.dot(jacobian, dp[i])\n",
     "missing return value", "The softmax layer's backward returns None."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]",
     "dp[np.arange(n), self.y - 1] = -self.w / self.p[np.arange(n), self.y - 1]",
     "label off by one", "Labels counted from 1 in the backward; -1 wraps round silently."),
    ("dp[np.arange(n), self.y] = -self.w / self.p[np.arange(n), self.y]\n        dp /= np.sum(self.w)",
     "dp[np.arange(n), self.y] = -1.0 / self.p[np.arange(n), self.y]\n        dp /= n",
     "two: weights forgotten in both places", "The gradient of the plain mean cross entropy."),
]
