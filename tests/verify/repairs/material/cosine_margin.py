"""Cosine-similarity classifier with a margin and a learned scale (CosFace-like), Kaggle kernel style."""
import numpy as np


class CosineClassifier(object):
    def __init__(self, rng, dim=4, n_class=3, margin=0.25):
        self.W = rng.standard_normal((dim, n_class))
        self.s = np.array([2.5])
        self.margin = margin
        self.grads = {}

    def loss(self, X, y):
        self.X, self.y = X, y
        m = X.shape[0]
        self.x_norm = np.sqrt(np.sum(X ** 2, axis=1, keepdims=True))
        self.w_norm = np.sqrt(np.sum(self.W ** 2, axis=0, keepdims=True))
        self.X_hat = X / self.x_norm
        self.W_hat = self.W / self.w_norm
        self.cos = self.X_hat @ self.W_hat
        self.onehot = np.zeros_like(self.cos)
        self.onehot[np.arange(m), y] = 1
        self.shifted = self.cos - self.margin * self.onehot
        logits = self.s * self.shifted
        logits = logits - logits.max(axis=1, keepdims=True)
        self.prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log(self.prob[np.arange(m), y]).mean()

    def backprop(self):
        m = self.X.shape[0]
        dlogits = (self.prob - self.onehot) / m
        ds = np.array([np.sum(dlogits * self.shifted)])
        dcos = dlogits * self.s
        # through the product of the unit vectors
        dX_hat = dcos @ self.W_hat.T
        dW_hat = self.X_hat.T @ dcos
        # through the normalisations
        proj_x = np.sum(dX_hat * self.X_hat, axis=1, keepdims=True)
        dX = (dX_hat - self.X_hat * proj_x) / self.x_norm
        proj_w = np.sum(dW_hat * self.W_hat, axis=0, keepdims=True)
        dW = (dW_hat - self.W_hat * proj_w) / self.w_norm
        self.grads = {"X": dX, "W": dW, "s": ds}
        return self.grads


def example(rng):
    return CosineClassifier(rng), (rng.standard_normal((6, 4)), rng.integers(0, 3, 6))


def sized(rng):
    return CosineClassifier(rng, n_class=5), (rng.standard_normal((7, 4)), rng.integers(0, 5, 7))


MISTAKES = [
    ("dX = (dX_hat - self.X_hat * proj_x) / self.x_norm", "dX = dX_hat / self.x_norm", "norm treated as a constant", "The derivative of the norm is forgotten."),
    ("dX = (dX_hat - self.X_hat * proj_x) / self.x_norm", "dX = dX_hat - self.X_hat * proj_x", "forgotten 1/norm", "Not divided by the length."),
    ("dX = (dX_hat - self.X_hat * proj_x) / self.x_norm", "dX = (dX_hat - self.X * proj_x) / self.x_norm", "X for X_hat", "The unit vector is needed."),
    ("dX = (dX_hat - self.X_hat * proj_x) / self.x_norm", "dX = (dX_hat - self.X_hat * proj_x) / self.x_norm ** 2", "power", "The norm is squared."),
    ("dW = (dW_hat - self.W_hat * proj_w) / self.w_norm", "dW = (dW_hat + self.W_hat * proj_w) / self.w_norm", "sign", "The projection is added."),
    ("proj_w = np.sum(dW_hat * self.W_hat, axis=0, keepdims=True)", "proj_w = np.sum(dW_hat * self.W_hat, axis=1, keepdims=True)", "wrong axis", "Classes are columns."),
    ("proj_w = np.sum(dW_hat * self.W_hat, axis=0, keepdims=True)", "proj_w = np.sum(dW_hat * self.W_hat)", "axis forgotten", "One number for all classes."),
    ("ds = np.array([np.sum(dlogits * self.shifted)])", "ds = np.array([np.sum(dlogits * self.cos)])", "margin forgotten", "The scale multiplies the shifted cosine."),
    ("dcos = dlogits * self.s\n", "dcos = dlogits\n", "forgotten factor s", "The scale is missing in the chain."),
    ("dlogits = (self.prob - self.onehot) / m", "dlogits = (self.prob - (1 - self.margin) * self.onehot) / m", "margin in the wrong place", "The margin shifts the logit, not the label."),
    ("dX_hat = dcos @ self.W_hat.T", "dX_hat = dcos @ self.W.T", "W for W_hat", "The raw weights."),
    ("        dX_hat = dcos @ self.W_hat.T\n        dW_hat = self.X_hat.T @ dcos", "        dX_hat = dcos @ self.W.T\n        dW_hat = self.X.T @ dcos", "two: raw vectors for unit vectors", "The cosine is a product of the unit vectors."),
]
