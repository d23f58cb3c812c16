"""Triplet loss on L2-normalised embeddings; one dense layer shared by anchor, positive and negative."""
import numpy as np


class TripletNet:
    def __init__(self, rng, dim=4, emb=3, margin=0.4):
        self.W = rng.standard_normal((dim, emb))
        self.b = rng.standard_normal(emb)
        self.margin = margin

    def embed(self, X):
        z = X @ self.W + self.b
        norm = np.sqrt(np.sum(z ** 2, axis=1, keepdims=True))
        return z / norm, norm

    def forward(self, anchor, positive, negative):
        self.inputs = (anchor, positive, negative)
        self.fa, self.na = self.embed(anchor)
        self.fp, self.np_ = self.embed(positive)
        self.fn, self.nn = self.embed(negative)
        d_pos = np.sum((self.fa - self.fp) ** 2, axis=1)
        d_neg = np.sum((self.fa - self.fn) ** 2, axis=1)
        self.hinge = d_pos - d_neg + self.margin
        return np.mean(np.maximum(self.hinge, 0))

    def embed_backward(self, df, f, norm, X):
        # f = z / |z|
        radial = np.sum(df * f, axis=1, keepdims=True)
        dz = (df - f * radial) / norm
        self.dW += X.T @ dz
        self.db += dz.sum(axis=0)
        return dz @ self.W.T

    def backward(self):
        anchor, positive, negative = self.inputs
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        active = (self.hinge > 0).astype(float)[:, None]
        active /= len(self.hinge)

        dfa = 2 * (self.fn - self.fp) * active
        dfp = 2 * (self.fp - self.fa) * active
        dfn = 2 * (self.fa - self.fn) * active

        da = self.embed_backward(dfa, self.fa, self.na, anchor)
        dp = self.embed_backward(dfp, self.fp, self.np_, positive)
        dn = self.embed_backward(dfn, self.fn, self.nn, negative)
        return da, dp, dn


def _triplets(rng, n, dim):
    a = rng.standard_normal((n, dim))
    return a, a + 0.7 * rng.standard_normal((n, dim)), rng.standard_normal((n, dim))


def example(rng):
    net = TripletNet(rng)
    return net, _triplets(rng, 7, 4)


def sized(rng):
    net = TripletNet(rng, emb=5)
    return net, _triplets(rng, 9, 4)


MISTAKES = [
    ("self.dW += X.T @ dz", "self.dW = X.T @ dz",
     "= for += (shared weights)", "Only the negative's share, the last call, is kept."),
    ("dz = (df - f * radial) / norm", "dz = df / norm",
     "term forgotten (normalisation)", "The norm is treated as a constant."),
    ("dz = (df - f * radial) / norm", "dz = (df - f * radial) / norm ** 2",
     "power", "Divides by the squared norm."),
    ("radial = np.sum(df * f, axis=1, keepdims=True)", "radial = np.sum(df * f)",
     "axis forgotten", "One sum over the whole batch."),
    ("active = (self.hinge > 0).astype(float)[:, None]", "active = np.ones(len(self.hinge))[:, None]",
     "mask forgotten", "Triplets that keep the margin get a gradient too."),
    ("active = (self.hinge > 0).astype(float)[:, None]", "active = (self.hinge > self.margin).astype(float)[:, None]",
     "wrong comparison", "The margin is already in the hinge's argument."),
    ("active = (self.hinge > 0).astype(float)[:, None]", "active = np.maximum(self.hinge, 0)[:, None]",
     "value for indicator", "The loss itself for its derivative."),
    ("active /= len(self.hinge)", "active /= active.sum()",
     "wrong constant", "Divides by the number of active triplets, the loss by all."),
    ("dfa = 2 * (self.fn - self.fp) * active", "dfa = 2 * (self.fa - self.fp) * active",
     "path forgotten", "The anchor's distance to the negative is left out."),
    ("dfp = 2 * (self.fp - self.fa) * active\n        dfn = 2 * (self.fa - self.fn) * active",
     "dfp = 2 * (self.fa - self.fp) * active\n        dfn = 2 * (self.fn - self.fa) * active",
     "two: sign of positive and negative", "Both differences are taken the wrong way round."),
    ("dfn = 2 * (self.fa - self.fn) * active", "dfn = (self.fa - self.fn) * active",
     "factor forgotten (2)", "The square's 2 for the negative only."),
    ("dn = self.embed_backward(dfn, self.fn, self.nn, negative)", "dn = self.embed_backward(dfn, self.fn, self.nn, positive)",
     "wrong variable of the same shape", "Copied line: the positive's input for the negative's."),
]
