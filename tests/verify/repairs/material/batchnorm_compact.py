"""Batch norm with the compact formula of dx, as a class with dgamma, dbeta (O'Reilly / blog)."""
import numpy as np


class BatchNormalization:
    def __init__(self, gamma, beta, eps=1e-6):
        self.gamma = gamma
        self.beta = beta
        self.eps = eps

    def forward(self, x):
        self.batch_size = x.shape[0]
        self.mu = x.mean(axis=0)
        self.var = x.var(axis=0)
        self.std = np.sqrt(self.var + self.eps)
        self.xn = (x - self.mu) / self.std
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        m = self.batch_size
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.xn).sum(axis=0)
        dxn = dout * self.gamma
        dx = (m * dxn
              - dxn.sum(axis=0)
              - self.xn * (dxn * self.xn).sum(axis=0)) / (m * self.std)
        return dx


def example(rng):
    return (BatchNormalization(rng.uniform(0.5, 2, 4), rng.standard_normal(4)),
            2 * rng.standard_normal((6, 4)) + 1)


def sized(rng):
    return (BatchNormalization(rng.uniform(0.5, 2, 3), rng.standard_normal(3)),
            0.7 * rng.standard_normal((5, 3)) - 1)


MISTAKES = [
    ("              - dxn.sum(axis=0)\n", "", "forgotten term", "The term of the mean is missing."),
    ("- dxn.sum(axis=0)", "- dxn.mean(axis=0)", "mean for sum",
     "The factor m in front of dxn asks for sums, not means."),
    ("- self.xn * (dxn * self.xn).sum(axis=0)) / (m * self.std)",
     "+ self.xn * (dxn * self.xn).sum(axis=0)) / (m * self.std)", "sign",
     "The term of the variance is added."),
    ("- self.xn * (dxn * self.xn).sum(axis=0)) / (m * self.std)",
     "- (dxn * self.xn).sum(axis=0)) / (m * self.std)", "forgotten factor",
     "xn in front of the sum is missing."),
    ("/ (m * self.std)", "/ self.std", "1/m forgotten", "Everything m times too large."),
    ("/ (m * self.std)", "/ (m * self.var)", "std / var", "The variance for the standard deviation."),
    ("/ (m * self.std)", "* self.std / m", "inverse forgotten", "Times the deviation instead of divided by it."),
    ("- self.xn * (dxn * self.xn).sum(axis=0)) / (m * self.std)",
     "- self.xn * (dxn * self.xn).sum(axis=0) / (m * self.std))",
     "parenthesis", "The division holds for the last term only."),
    ("dxn = dout * self.gamma", "dxn = dout * self.dgamma", "wrong variable of the same shape",
     "dgamma for gamma."),
    ("self.dgamma = (dout * self.xn).sum(axis=0)", "self.dgamma = dout.sum(axis=0) * self.xn.sum(axis=0)",
     "sum of a product", "The product of the sums (xn sums to zero)."),
    ("""              - dxn.sum(axis=0)
              - self.xn * (dxn * self.xn).sum(axis=0))""",
     """              - dout.sum(axis=0)
              - self.xn * (dout * self.xn).sum(axis=0))""",
     "wrong variable of the same shape, two", "dout for dxn in both sums: gamma is missing there."),
    ("(dxn * self.xn).sum(axis=0)) /", "(dxn * self.xn).sum(axis=1, keepdims=True)) /", "wrong axis",
     "The sum runs over the features as in a layer norm."),
]
