"""Denoising autoencoder with tied weights, tanh, MSE; parameters in a dict, in the manner of a Kaggle kernel."""
import numpy as np


class DenoisingAutoencoder:
    def __init__(self, rng, n_visible=5, n_code=3):
        self.params = {}
        self.params["W"] = 0.6 * rng.standard_normal((n_visible, n_code))
        self.params["b"] = 0.5 * rng.standard_normal(n_code)
        self.params["c"] = 0.5 * rng.standard_normal(n_visible)
        self.grads = {}

    def forward(self, x, target):
        W = self.params["W"]
        self.x = x
        self.code = np.tanh(np.dot(x, W) + self.params["b"])
        self.recon = np.tanh(np.dot(self.code, W.T) + self.params["c"])
        self.diff = self.recon - target
        return np.mean(self.diff ** 2)

    def backward(self):
        W = self.params["W"]
        # decoder
        d_recon = 2.0 * self.diff / self.diff.size
        d_a2 = d_recon * (1 - self.recon ** 2)
        d_code = np.dot(d_a2, W)
        # encoder
        d_a1 = d_code * (1 - self.code ** 2)
        d_x = np.dot(d_a1, W.T)
        # W is used twice
        self.grads["W"] = np.dot(self.x.T, d_a1)
        self.grads["W"] += np.dot(d_a2.T, self.code)
        self.grads["b"] = np.sum(d_a1, axis=0)
        self.grads["c"] = np.sum(d_a2, axis=0)
        return d_x


def example(rng):
    clean = np.tanh(rng.standard_normal((4, 5)))
    return DenoisingAutoencoder(rng), (clean + 0.4 * rng.standard_normal((4, 5)), clean)


def sized(rng):
    clean = np.tanh(rng.standard_normal((7, 6)))
    return DenoisingAutoencoder(rng, n_visible=6), (clean + 0.4 * rng.standard_normal((7, 6)), clean)


MISTAKES = [
    ('self.grads["W"] += np.dot(d_a2.T, self.code)', 'self.grads["W"] = np.dot(d_a2.T, self.code)',
     "= for +=", "The encoder's share of the tied weight is overwritten."),
    ('        self.grads["W"] += np.dot(d_a2.T, self.code)\n', "",
     "path forgotten", "Only the encoder's share of the tied weight."),
    ('self.grads["W"] += np.dot(d_a2.T, self.code)', 'self.grads["W"] = (self.grads["W"] + np.dot(d_a2.T, self.code)) / 2',
     "average of the two shares", "The two shares of a tied weight are averaged, not added."),
    ("d_recon = 2.0 * self.diff / self.diff.size", "d_recon = self.diff / self.diff.size",
     "factor forgotten (2)", "The square's 2 is missing."),
    ("d_recon = 2.0 * self.diff / self.diff.size", "d_recon = 2.0 * self.diff / len(self.diff)",
     "wrong constant (N for N*D)", "np.mean goes over all entries, the gradient over the rows."),
    ("d_a2 = d_recon * (1 - self.recon ** 2)", "d_a2 = d_recon",
     "tanh' forgotten", "The output is treated as linear."),
    ("d_a2 = d_recon * (1 - self.recon ** 2)", "d_a2 = d_recon * self.recon * (1 - self.recon)",
     "derivative of another function", "The sigmoid's derivative for tanh."),
    ("d_a1 = d_code * (1 - self.code ** 2)", "d_a1 = d_code * (1 - np.tanh(self.code) ** 2)",
     "derivative at a for z", "tanh is applied again to the stored activation."),
    ("d_a1 = d_code * (1 - self.code ** 2)", "d_a1 = d_code * (1 - self.code)",
     "power forgotten", "1 - a for 1 - a squared."),
    ('self.grads["b"] = np.sum(d_a1, axis=0)', 'self.grads["b"] = np.sum(d_code, axis=0)',
     "wrong variable of the same shape", "The bias takes the gradient before tanh'."),
    ('self.grads["b"] = np.sum(d_a1, axis=0)\n        self.grads["c"] = np.sum(d_a2, axis=0)',
     'self.grads["b"] = np.mean(d_a1, axis=0)\n        self.grads["c"] = np.mean(d_a2, axis=0)',
     "two: mean for sum in both biases", "The mean over the batch is in the loss already."),
    ("d_a1 = d_code * (1 - self.code ** 2)", "d_a1 = d_code * (1 - self.code ** 2)\n        W = W - 0.5 * np.dot(d_a2.T, self.code)",
     "update before use", "The tied weight is updated by the decoder's share before dx is computed."),
]
