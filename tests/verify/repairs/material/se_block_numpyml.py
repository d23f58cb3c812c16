"""Squeeze-and-excitation gate (global average pool, two dense layers, sigmoid, rescale), numpy-ml style."""
import numpy as np


class SqueezeExcite:
    def __init__(self, rng, n_ch=4, n_mid=3):
        self.parameters = {
            "W1": rng.standard_normal((n_ch, n_mid)),
            "b1": rng.standard_normal((1, n_mid)),
            "W2": rng.standard_normal((n_mid, n_ch)),
            "b2": rng.standard_normal((1, n_ch)),
        }
        self.gradients = {k: np.zeros_like(v) for k, v in self.parameters.items()}
        self.derived_variables = {}

    def forward(self, X):
        """X (n_ex, n_rows, n_cols, n_ch)"""
        P = self.parameters
        S = X.mean(axis=(1, 2))
        Z1 = S @ P["W1"] + P["b1"]
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ P["W2"] + P["b2"]
        G = 1 / (1 + np.exp(-Z2))
        Y = X * G[:, None, None, :]
        self.X = X
        self.derived_variables = {"S": S, "Z1": Z1, "A1": A1, "G": G}
        return Y

    def backward(self, dLdY):
        P, D = self.parameters, self.derived_variables
        X = self.X
        n_ex, n_rows, n_cols, n_ch = X.shape

        # scale
        dX = dLdY * D["G"][:, None, None, :]
        dG = np.sum(dLdY * X, axis=(1, 2))

        # excitation
        dZ2 = dG * D["G"] * (1 - D["G"])
        dA1 = dZ2 @ P["W2"].T
        dZ1 = dA1 * (D["Z1"] > 0)
        dS = dZ1 @ P["W1"].T

        # squeeze
        dX = dX + dS[:, None, None, :] / (n_rows * n_cols)

        self.gradients["W2"] += D["A1"].T @ dZ2
        self.gradients["b2"] += dZ2.sum(axis=0, keepdims=True)
        self.gradients["W1"] += D["S"].T @ dZ1
        self.gradients["b1"] += dZ1.sum(axis=0, keepdims=True)
        return dX


def example(rng):
    return SqueezeExcite(rng), rng.standard_normal((5, 2, 3, 4)) + 0.3


def sized(rng):
    return SqueezeExcite(rng, n_mid=5), rng.standard_normal((6, 3, 2, 4)) + 0.3


MISTAKES = [
    ("dX = dX + dS[:, None, None, :] / (n_rows * n_cols)", "dX = dX + dS[:, None, None, :]", "1/(H W) forgotten", "The squeeze is a mean."),
    ("        dX = dX + dS[:, None, None, :] / (n_rows * n_cols)\n", "", "path forgotten", "The gate's dependence on X is left out."),
    ("dX = dX + dS[:, None, None, :] / (n_rows * n_cols)", "dX = dS[:, None, None, :] / (n_rows * n_cols) * np.ones_like(X)", "= for +=, direct path lost", "Only the gate path stays."),
    ("dX = dX + dS[:, None, None, :] / (n_rows * n_cols)", "dX = dX + dS[:, None, None, :] / (n_rows * n_rows)", "wrong size", "Rows taken twice."),
    ("dG = np.sum(dLdY * X, axis=(1, 2))", "dG = np.mean(dLdY * X, axis=(1, 2))", "mean for sum", "The broadcast's backward is a sum."),
    ("dG = np.sum(dLdY * X, axis=(1, 2))", "dG = np.sum(dLdY, axis=(1, 2))", "factor X forgotten", "The other factor of the product is missing."),
    ("dG = np.sum(dLdY * X, axis=(1, 2))", "dG = np.sum(dX * X, axis=(1, 2))", "wrong variable", "dX holds the gate already."),
    ("dX = dLdY * D[\"G\"][:, None, None, :]", "dX = dLdY.copy()", "gate forgotten in the direct path", "As a residual connection."),
    ("dZ2 = dG * D[\"G\"] * (1 - D[\"G\"])", "dZ2 = dG * (1 - D[\"G\"])", "half of sigmoid'", "G is left out."),
    ("dZ1 = dA1 * (D[\"Z1\"] > 0)", "dZ1 = dA1 * (dA1 > 0)", "mask of the upstream", "ReLU mask from the gradient."),
    ("self.gradients[\"W1\"] += D[\"S\"].T @ dZ1", "self.gradients[\"W1\"] += X.sum(axis=(1, 2)).T @ dZ1", "sum for mean in the input", "The dense layer saw the mean."),
    ("        self.gradients[\"b2\"] += dZ2.sum(axis=0, keepdims=True)\n        self.gradients[\"W1\"] += D[\"S\"].T @ dZ1\n        self.gradients[\"b1\"] += dZ1.sum(axis=0, keepdims=True)",
     "        self.gradients[\"b2\"] += dZ2.mean(axis=0, keepdims=True)\n        self.gradients[\"W1\"] += D[\"S\"].T @ dZ1\n        self.gradients[\"b1\"] += dZ1.mean(axis=0, keepdims=True)",
     "two: mean for sum in both biases", "keepdims kept, mean taken."),
]
