"""Residual block relu(x + dense(relu(dense(x)))) in the style of numpy-ml: parameters, gradients, derived_variables."""
import numpy as np


class ResidualBlock:
    def __init__(self, rng, n_in=4, n_hid=6):
        self.parameters = {
            "W1": rng.standard_normal((n_in, n_hid)),
            "b1": rng.standard_normal((1, n_hid)),
            "W2": 0.7 * rng.standard_normal((n_hid, n_in)),
            "b2": rng.standard_normal((1, n_in)),
        }
        self.gradients = {k: np.zeros_like(v) for k, v in self.parameters.items()}
        self.derived_variables = {}

    def forward(self, X):
        P = self.parameters
        Z1 = X @ P["W1"] + P["b1"]
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ P["W2"] + P["b2"]
        S = Z2 + X
        Y = np.maximum(S, 0)
        self.derived_variables = {"X": X, "Z1": Z1, "A1": A1, "Z2": Z2, "S": S}
        return Y

    def backward(self, dLdY):
        P = self.parameters
        D = self.derived_variables

        dS = dLdY * (D["S"] > 0)

        # second dense layer
        dZ2 = dS
        dA1 = dZ2 @ P["W2"].T
        self.gradients["W2"] = D["A1"].T @ dZ2
        self.gradients["b2"] = dZ2.sum(axis=0, keepdims=True)

        # relu between the two
        dZ1 = dA1.copy()
        dZ1[D["Z1"] <= 0] = 0

        # first dense layer
        self.gradients["W1"] = D["X"].T @ dZ1
        self.gradients["b1"] = dZ1.sum(axis=0, keepdims=True)
        dX = dZ1 @ P["W1"].T

        # skip connection
        dX += dS
        return dX


def example(rng):
    return ResidualBlock(rng), rng.standard_normal((5, 4))


def sized(rng):
    return ResidualBlock(rng), rng.standard_normal((8, 4))


MISTAKES = [
    ("        dX += dS\n", "",
     "path forgotten", "The skip connection has no gradient."),
    ("dX += dS", "dX += dLdY",
     "skip before the last relu", "The upstream goes down the skip without the outer relu's mask."),
    ("dX += dS", "dX = dS",
     "= for +=", "The skip overwrites what came through the two layers."),
    ("dX += dS", "dX += 2 * dS",
     "doubled factor", "The skip is counted twice."),
    ("dS = dLdY * (D[\"S\"] > 0)", "dS = dLdY * (D[\"Z2\"] > 0)",
     "mask from another variable", "The outer relu sees Z2 + X, the mask is taken from Z2."),
    ("dS = dLdY * (D[\"S\"] > 0)", "dS = dLdY",
     "relu' forgotten", "The outer relu is treated as the identity."),
    ("dZ1[D[\"Z1\"] <= 0] = 0", "dZ1[dA1 <= 0] = 0",
     "mask from the upstream", "The gradient's sign decides, not the pre-activation's."),
    ("dZ1[D[\"Z1\"] <= 0] = 0", "dZ1[D[\"Z1\"] > 0] = 0",
     "mask wrong way", "Keeps the gradient where the relu is off."),
    ("self.gradients[\"W2\"] = D[\"A1\"].T @ dZ2", "self.gradients[\"W2\"] = D[\"Z1\"].T @ dZ2",
     "z for a", "The second layer's input is the activation, not the pre-activation."),
    ("self.gradients[\"W1\"] = D[\"X\"].T @ dZ1\n        self.gradients[\"b1\"] = dZ1.sum(axis=0, keepdims=True)",
     "self.gradients[\"W1\"] = D[\"X\"].T @ dA1\n        self.gradients[\"b1\"] = dA1.sum(axis=0, keepdims=True)",
     "two: dA1 for dZ1 in both", "Weights and bias take the gradient before the relu's mask."),
    ("self.gradients[\"b2\"] = dZ2.sum(axis=0, keepdims=True)",
     "self.gradients[\"b2\"] = dLdY.sum(axis=0, keepdims=True)",
     "wrong variable of the same shape", "The bias takes the upstream before the mask."),
    ("dA1 = dZ2 @ P[\"W2\"].T", "dA1 = (dZ2 + D[\"X\"]) @ P[\"W2\"].T",
     "forward's sum repeated in the backward", "The skip's X is added to the gradient as in the forward."),
]
