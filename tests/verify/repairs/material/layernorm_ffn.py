"""numpy-ml manner (parameters / gradients / derived_variables dicts): pre-norm transformer feed-forward block with GELU and residual; forward(X), backward(dLdY)."""
import numpy as np


class PreNormFeedForward:
    def __init__(self, rng, emb_dim, hid_dim, eps=1e-5):
        self.eps = eps
        self.parameters = {
            "scale": rng.uniform(0.5, 1.5, emb_dim),
            "intercept": 0.3 * rng.standard_normal(emb_dim),
            "W1": rng.standard_normal((emb_dim, hid_dim)) / np.sqrt(emb_dim),
            "b1": 0.3 * rng.standard_normal(hid_dim),
            "W2": rng.standard_normal((hid_dim, emb_dim)) / np.sqrt(hid_dim),
            "b2": 0.3 * rng.standard_normal(emb_dim),
        }
        self.gradients = {k: np.zeros_like(v) for k, v in self.parameters.items()}
        self.derived_variables = {}

    @staticmethod
    def _gelu(z):
        return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z ** 3)))

    @staticmethod
    def _dgelu(z):
        s = np.sqrt(2 / np.pi)
        th = np.tanh(s * (z + 0.044715 * z ** 3))
        du = s * (1 + 3 * 0.044715 * z ** 2)
        return 0.5 * (1 + th) + 0.5 * z * (1 - th ** 2) * du

    def forward(self, X):
        P = self.parameters
        mu = X.mean(axis=-1, keepdims=True)
        std = np.sqrt(X.var(axis=-1, keepdims=True) + self.eps)
        X_hat = (X - mu) / std
        Nrm = P["scale"] * X_hat + P["intercept"]
        Z = Nrm @ P["W1"] + P["b1"]
        A = self._gelu(Z)
        Y = X + A @ P["W2"] + P["b2"]
        self.derived_variables = {"X": X, "std": std, "X_hat": X_hat, "Nrm": Nrm, "Z": Z, "A": A}
        return Y

    def backward(self, dLdY):
        P, G, V = self.parameters, self.gradients, self.derived_variables
        X_hat = V["X_hat"]

        G["b2"] = dLdY.sum(axis=(0, 1))
        G["W2"] = np.einsum("bth,bte->he", V["A"], dLdY)
        dA = dLdY @ P["W2"].T

        dZ = dA * self._dgelu(V["Z"])
        G["b1"] = dZ.sum(axis=(0, 1))
        G["W1"] = np.einsum("bte,bth->eh", V["Nrm"], dZ)
        dNrm = dZ @ P["W1"].T

        # layer norm
        G["intercept"] = dNrm.sum(axis=(0, 1))
        G["scale"] = np.sum(dNrm * X_hat, axis=(0, 1))
        dX_hat = dNrm * P["scale"]
        mean_d = dX_hat.mean(axis=-1, keepdims=True)
        mean_dx = (dX_hat * X_hat).mean(axis=-1, keepdims=True)
        dX = (dX_hat - mean_d - X_hat * mean_dx) / V["std"]
        return dX + dLdY


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return PreNormFeedForward(rng, 4, 6), rng.standard_normal((2, 3, 4))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return PreNormFeedForward(rng, 5, 4), rng.standard_normal((3, 2, 5))


MISTAKES = [
    ("return dX + dLdY", "return dX",
     "skip path forgotten", "The residual branch passes the upstream on unchanged; here it is lost."),
    ("dX_hat = dNrm * P[\"scale\"]", "dX_hat = dNrm",
     "scale forgotten", "gamma is left out of the gradient by the normalised input."),
    ("mean_d = dX_hat.mean(axis=-1, keepdims=True)", "mean_d = dX_hat.mean(axis=(0, 1), keepdims=True)",
     "axis of batch norm", "The mean is taken over the batch and time as in batch norm, not over the features."),
    ("mean_dx = (dX_hat * X_hat).mean(axis=-1, keepdims=True)", "mean_dx = (dX_hat * X_hat).sum(axis=-1, keepdims=True)",
     "sum for mean", "The variance term is not divided by the number of features."),
    ("dX = (dX_hat - mean_d - X_hat * mean_dx) / V[\"std\"]", "dX = (dX_hat - mean_d) / V[\"std\"]",
     "term forgotten", "The path through the variance is missing."),
    ("dX = (dX_hat - mean_d - X_hat * mean_dx) / V[\"std\"]", "dX = (dX_hat - mean_d - X_hat * mean_dx) / V[\"std\"] ** 2",
     "power", "Divided by the variance in place of the standard deviation."),
    ("G[\"scale\"] = np.sum(dNrm * X_hat, axis=(0, 1))", "G[\"scale\"] = np.sum(dNrm * V[\"Nrm\"], axis=(0, 1))",
     "wrong variable of the same shape", "The scaled output is used for the normalised input."),
    ("dZ = dA * self._dgelu(V[\"Z\"])", "dZ = dA * self._dgelu(V[\"A\"])",
     "derivative at a for z", "GELU's derivative is taken at its output."),
    ("return 0.5 * (1 + th) + 0.5 * z * (1 - th ** 2) * du", "return 0.5 * (1 + th) + 0.5 * z * (1 - th ** 2)",
     "inner derivative forgotten", "The chain rule inside tanh is left out."),
    ("du = s * (1 + 3 * 0.044715 * z ** 2)", "du = s * (z + 3 * 0.044715 * z ** 2)",
     "derivative of z is 1", "The linear term was not differentiated."),
    ("        mean_d = dX_hat.mean(axis=-1, keepdims=True)\n        mean_dx = (dX_hat * X_hat).mean(axis=-1, keepdims=True)\n        dX = (dX_hat - mean_d",
     "        mean_d = dX_hat.mean()\n        mean_dx = (dX_hat * X_hat).mean()\n        dX = (dX_hat - mean_d",
     "two: axis forgotten", "Both means are taken over the whole array."),
]
