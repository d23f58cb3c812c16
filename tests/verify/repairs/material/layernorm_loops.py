"""Layer norm over (B, T, C) with loops over B and T, llm.c / Karpathy manner (mean, rstd, norm)."""
import numpy as np


class LayerNorm:
    eps = 1e-5

    def __init__(self, weight, bias):
        self.weight = weight
        self.bias = bias

    def forward(self, x):
        B, T, C = x.shape
        self.x = x
        self.mean = np.zeros((B, T))
        self.rstd = np.zeros((B, T))
        out = np.zeros_like(x)
        for b in range(B):
            for t in range(T):
                m = x[b, t].sum() / C
                v = ((x[b, t] - m) ** 2).sum() / C
                s = 1.0 / np.sqrt(v + self.eps)
                out[b, t] = s * (x[b, t] - m) * self.weight + self.bias
                self.mean[b, t] = m
                self.rstd[b, t] = s
        return out

    def backward(self, dout):
        B, T, C = dout.shape
        dx = np.zeros_like(self.x)
        self.dweight = np.zeros(C)
        self.dbias = np.zeros(C)
        for b in range(B):
            for t in range(T):
                # two reduce operations
                norm_bt = (self.x[b, t] - self.mean[b, t]) * self.rstd[b, t]
                dnorm = self.weight * dout[b, t]
                dnorm_mean = dnorm.mean()
                dnorm_norm_mean = (dnorm * norm_bt).mean()
                # accumulate the gradients
                self.dbias += dout[b, t]
                self.dweight += norm_bt * dout[b, t]
                dval = dnorm - dnorm_mean
                dval -= norm_bt * dnorm_norm_mean
                dval *= self.rstd[b, t]
                dx[b, t] += dval
        return dx


def example(rng):
    return LayerNorm(rng.uniform(0.5, 2, 5), rng.standard_normal(5)), 1.5 * rng.standard_normal((2, 3, 5))


def sized(rng):
    return LayerNorm(rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 2 * rng.standard_normal((3, 2, 4)) + 1


MISTAKES = [
    ("dnorm = self.weight * dout[b, t]", "dnorm = dout[b, t].copy()", "weight forgotten",
     "The scale is not applied to the gradient."),
    ("dnorm_mean = dnorm.mean()", "dnorm_mean = dnorm.sum()", "sum for mean",
     "The mean's 1/C is missing."),
    ("dnorm_mean = dnorm.mean()\n                dnorm_norm_mean = (dnorm * norm_bt).mean()",
     "dnorm_mean = dnorm.sum()\n                dnorm_norm_mean = (dnorm * norm_bt).sum()",
     "sum for mean, two", "Both means are sums."),
    ("self.dbias += dout[b, t]", "self.dbias = dout[b, t]", "= for +=",
     "The bias sees the last position only."),
    ("self.dweight += norm_bt * dout[b, t]", "self.dweight += self.x[b, t] * dout[b, t]",
     "wrong variable of the same shape", "The raw input for the normalized one."),
    ("                dval *= self.rstd[b, t]\n", "", "forgotten factor",
     "The final scaling with 1/std is missing."),
    ("dval *= self.rstd[b, t]", "dval /= self.rstd[b, t]", "inverse",
     "rstd is already the inverse: division by it is wrong."),
    ("dval -= norm_bt * dnorm_norm_mean", "dval -= dnorm_norm_mean", "forgotten factor",
     "norm_bt is missing in the variance term."),
    ("dval -= norm_bt * dnorm_norm_mean", "dval += norm_bt * dnorm_norm_mean", "sign",
     "The variance term has the wrong sign."),
    ("norm_bt = (self.x[b, t] - self.mean[b, t]) * self.rstd[b, t]",
     "norm_bt = (self.x[b, t] - self.mean[b, t]) / self.rstd[b, t]", "inverse",
     "rstd is treated as the standard deviation."),
    ("norm_bt = (self.x[b, t] - self.mean[b, t]) *", "norm_bt = (self.x[b, t] - self.mean[b, 0]) *",
     "index", "The mean of the first position for all positions."),
    ("self.dweight += norm_bt * dout[b, t]", "self.dweight += norm_bt * dnorm",
     "wrong variable of the same shape", "The weight enters its own gradient."),
]
