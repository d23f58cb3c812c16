"""Multi-label logistic regression, BCE with logits (stable form), weight of the positives, L2: loss() and gradient()."""
import numpy as np


class LogisticRegression:
    def __init__(self, rng, n_features=4, n_labels=3, pos_weight=2.5, l2=0.3):
        self.W = rng.standard_normal((n_features, n_labels))
        self.b = rng.standard_normal(n_labels)
        self.pos_weight = pos_weight
        self.l2 = l2

    def loss(self, X, y):
        z = X @ self.W + self.b
        self.cache = (X, y, z)
        log_term = np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z)))    # log(1 + exp(-z))
        bce = (1 - y) * z + (1 + (self.pos_weight - 1) * y) * log_term
        return bce.mean() + 0.5 * self.l2 * np.sum(self.W ** 2)

    def gradient(self):
        X, y, z = self.cache
        p = 1 / (1 + np.exp(-z))
        weight = 1 + (self.pos_weight - 1) * y
        dz = (1 - y) - weight * (1 - p)
        dz = dz / z.size
        self.dW = X.T @ dz
        self.dW += self.l2 * self.W
        self.db = dz.sum(axis=0)
        self.dX = dz @ self.W.T
        return self.dW, self.db


def example(rng):
    y = (rng.random((5, 3)) < 0.5).astype(float)
    return LogisticRegression(rng), (rng.standard_normal((5, 4)), y)


def sized(rng):
    y = (rng.random((8, 3)) < 0.5).astype(float)
    return LogisticRegression(rng), (rng.standard_normal((8, 4)), y)


MISTAKES = [
    ("dz = dz / z.size", "dz = dz / z.shape[0]",
     "wrong constant (N for N*K)", "The loss is a mean over all entries, the gradient over the rows only."),
    ("weight = 1 + (self.pos_weight - 1) * y", "weight = np.ones_like(y)",
     "weight forgotten", "pos_weight is in the loss only."),
    ("weight = 1 + (self.pos_weight - 1) * y", "weight = self.pos_weight",
     "weight of all entries", "The weight of the positives is given to the negatives too."),
    ("weight = 1 + (self.pos_weight - 1) * y", "weight = 1 + (self.pos_weight - 1) * (1 - y)",
     "label wrong way", "The negatives get the weight of the positives."),
    ("dz = (1 - y) - weight * (1 - p)", "dz = weight * (1 - p) - (1 - y)",
     "sign", "Target minus prediction."),
    ("dz = (1 - y) - weight * (1 - p)", "dz = ((1 - y) - weight * (1 - p)) * p * (1 - p)",
     "extra sigmoid'", "The derivative of the sigmoid is applied again after the fused form."),
    ("p = 1 / (1 + np.exp(-z))", "p = 1 / (1 + np.exp(z))",
     "sign inside the sigmoid", "The minus in the exponent is lost."),
    ("dz = (1 - y) - weight * (1 - p)", "dz = 1 - weight * (1 - p)",
     "label forgotten", "The linear term (1 - y) z is derived as z."),
    ("        self.dW += self.l2 * self.W\n", "",
     "term forgotten (L2)", "No weight decay in the gradient."),
    ("self.dW += self.l2 * self.W", "self.dW += 2 * self.l2 * self.W",
     "doubled factor", "The 1/2 of the penalty cancels the 2, it is left in."),
    ("self.db = dz.sum(axis=0)", "self.db = dz.sum(axis=0) + self.l2 * self.b",
     "extra term", "The bias is regularised in the gradient but not in the loss."),
    ("self.dW = X.T @ dz\n        self.dW += self.l2 * self.W", "self.dW = X.T @ dz / len(X)\n        self.dW += self.l2 * self.W / len(X)",
     "two: 1/N in both terms", "Both terms of the weight's gradient are divided by N."),
]
