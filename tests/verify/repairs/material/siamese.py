"""Siamese net with contrastive loss, Coursera notation (columns are examples, dZ, dA, grads): forward(X1, X2, Y) is the loss, backward() -> grads."""
import numpy as np


class SiameseNet:
    def __init__(self, rng, n_x, n_h, n_e, margin):
        self.margin = margin
        self.parameters = {
            "W1": rng.standard_normal((n_h, n_x)) / np.sqrt(n_x),
            "b1": 0.3 * rng.standard_normal((n_h, 1)),
            "W2": rng.standard_normal((n_e, n_h)) / np.sqrt(n_h),
            "b2": 0.3 * rng.standard_normal((n_e, 1)),
        }

    def embed(self, X):
        Z1 = np.dot(self.parameters["W1"], X) + self.parameters["b1"]
        A1 = np.maximum(0, Z1)
        Z2 = np.dot(self.parameters["W2"], A1) + self.parameters["b2"]
        A2 = np.tanh(Z2)
        return A2, (X, Z1, A1, A2)

    def forward(self, X1, X2, Y):
        """Y = 1: same person, 0: different"""
        E1, self.cache1 = self.embed(X1)
        E2, self.cache2 = self.embed(X2)
        m = X1.shape[1]
        self.Y = Y
        self.diff = E1 - E2
        self.D = np.sqrt(np.sum(self.diff ** 2, axis=0, keepdims=True) + 1e-8)
        hinge = np.maximum(0, self.margin - self.D)
        return np.sum(Y * self.D ** 2 + (1 - Y) * hinge ** 2) / (2 * m)

    def backward(self):
        m = self.Y.shape[1]
        grads = {"d" + name: np.zeros_like(value) for name, value in self.parameters.items()}

        hinge = np.maximum(0, self.margin - self.D)
        dD = (self.Y * self.D - (1 - self.Y) * hinge) / m
        ddiff = dD * self.diff / self.D
        dE1 = ddiff
        dE2 = -ddiff

        for dA2, (X, Z1, A1, A2) in [(dE1, self.cache1), (dE2, self.cache2)]:
            dZ2 = dA2 * (1 - np.power(A2, 2))
            grads["dW2"] += np.dot(dZ2, A1.T)
            grads["db2"] += np.sum(dZ2, axis=1, keepdims=True)
            dA1 = np.dot(self.parameters["W2"].T, dZ2)
            dZ1 = np.multiply(dA1, Z1 > 0)
            grads["dW1"] += np.dot(dZ1, X.T)
            grads["db1"] += np.sum(dZ1, axis=1, keepdims=True)
        return grads


def example(rng):
    """(object or (forward, backward) pair of functions, x or tuple of inputs)"""
    return (SiameseNet(rng, 4, 5, 3, margin=1.4),
            (rng.standard_normal((4, 6)), rng.standard_normal((4, 6)), np.array([[1, 0, 0, 1, 0, 0]])))


def sized(rng):
    """The same with other sizes (N, and T / H / W where there are such)."""
    return (SiameseNet(rng, 3, 6, 2, margin=1.2),
            (rng.standard_normal((3, 8)), rng.standard_normal((3, 8)), np.array([[0, 0, 1, 0, 1, 1, 0, 0]])))


MISTAKES = [
    ("dE2 = -ddiff", "dE2 = ddiff",
     "sign of one branch", "The second embedding is subtracted."),
    ("ddiff = dD * self.diff / self.D", "ddiff = dD * self.diff",
     "derivative of the square root", "1/D of the norm's derivative is forgotten."),
    ("ddiff = dD * self.diff / self.D", "ddiff = 2 * dD * self.diff / self.D",
     "factor 2", "The 2 of the square is not cancelled by the 1/2 of the root."),
    ("dD = (self.Y * self.D - (1 - self.Y) * hinge) / m", "dD = (self.Y * self.D + (1 - self.Y) * hinge) / m",
     "sign of one term", "d(margin - D) = -dD is forgotten."),
    ("dD = (self.Y * self.D - (1 - self.Y) * hinge) / m", "dD = ((1 - self.Y) * self.D - self.Y * hinge) / m",
     "label the wrong way", "Same and different are exchanged."),
    ("dD = (self.Y * self.D - (1 - self.Y) * hinge) / m", "dD = (self.Y * self.D - (1 - self.Y) * (hinge > 0)) / m",
     "square forgotten", "The hinge is squared in the loss: its derivative has the hinge itself."),
    ("        hinge = np.maximum(0, self.margin - self.D)\n        dD", "        hinge = np.maximum(0, self.D - self.margin)\n        dD",
     "difference the wrong way", "The hinge of the backward is active beyond the margin."),
    ("grads[\"dW2\"] += np.dot(dZ2, A1.T)", "grads[\"dW2\"] = np.dot(dZ2, A1.T)",
     "= for += in the loop", "Only the second branch counts for the shared weights."),
    ("for dA2, (X, Z1, A1, A2) in [(dE1, self.cache1), (dE2, self.cache2)]:", "for dA2, (X, Z1, A1, A2) in [(dE1, self.cache1), (dE2, self.cache1)]:",
     "cache of the other branch", "The second pass uses the activations of the first."),
    ("dZ1 = np.multiply(dA1, Z1 > 0)", "dZ1 = np.multiply(dA1, 1 - np.power(A1, 2))",
     "derivative of another function", "The tanh line is copied for the ReLU layer."),
    ("grads[\"db1\"] += np.sum(dZ1, axis=1, keepdims=True)", "grads[\"db1\"] += np.sum(dZ1, axis=1)",
     "keepdims forgotten: raises", "(n,) cannot be added in place to (n, 1)."),
    ("            dZ2 = dA2 * (1 - np.power(A2, 2))\n            grads[\"dW2\"] += np.dot(dZ2, A1.T)\n            grads[\"db2\"] += np.sum(dZ2, axis=1, keepdims=True)\n",
     "            dZ2 = dA2 * (1 - np.power(A2, 2))\n            grads[\"dW2\"] += np.dot(dZ2, Z1.T)\n            grads[\"db2\"] += np.sum(dA2, axis=1, keepdims=True)\n",
     "two: Z1 for A1 and dA2 for dZ2", "The pre-activation in dW2, the gradient of the activation in db2."),
]
