"""Three-layer MLP with dicts params / grads / cache, O'Reilly manner (loss, gradient), mean squared error."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class ThreeLayerNet:
    def __init__(self, rng, sizes=(4, 6, 5, 2)):
        self.params = {}
        for i in range(1, 4):
            self.params["W%d" % i] = 0.8 * rng.standard_normal((sizes[i - 1], sizes[i]))
            self.params["b%d" % i] = 0.4 * rng.standard_normal(sizes[i])

    def predict(self, x):
        p = self.params
        a1 = np.dot(x, p["W1"]) + p["b1"]
        z1 = np.maximum(0, a1)
        a2 = np.dot(z1, p["W2"]) + p["b2"]
        z2 = sigmoid(a2)
        y = np.dot(z2, p["W3"]) + p["b3"]
        self.cache = {"x": x, "a1": a1, "z1": z1, "a2": a2, "z2": z2, "y": y}
        return y

    def loss(self, x, t):
        y = self.predict(x)
        self.cache["t"] = t
        return 0.5 * np.sum((y - t) ** 2) / x.shape[0]

    def gradient(self):
        p, c = self.params, self.cache
        batch_num = c["x"].shape[0]
        grads = {}

        dy = (c["y"] - c["t"]) / batch_num
        grads["W3"] = np.dot(c["z2"].T, dy)
        grads["b3"] = np.sum(dy, axis=0)

        dz2 = np.dot(dy, p["W3"].T)
        da2 = dz2 * (1.0 - c["z2"]) * c["z2"]
        grads["W2"] = np.dot(c["z1"].T, da2)
        grads["b2"] = np.sum(da2, axis=0)

        dz1 = np.dot(da2, p["W2"].T)
        da1 = dz1.copy()
        da1[c["a1"] <= 0] = 0
        grads["W1"] = np.dot(c["x"].T, da1)
        grads["b1"] = np.sum(da1, axis=0)
        grads["x"] = np.dot(da1, p["W1"].T)
        return grads


def example(rng):
    return ThreeLayerNet(rng), (rng.standard_normal((3, 4)), rng.standard_normal((3, 2)))


def sized(rng):
    return ThreeLayerNet(rng, (3, 5, 6, 2)), (rng.standard_normal((7, 3)), rng.standard_normal((7, 2)))


MISTAKES = [
    ("dy = (c[\"y\"] - c[\"t\"]) / batch_num", "dy = 2 * (c[\"y\"] - c[\"t\"]) / batch_num",
     "factor 2", "The loss has a 1/2, the gradient has kept the 2."),
    ("dy = (c[\"y\"] - c[\"t\"]) / batch_num", "dy = (c[\"y\"] - c[\"t\"]) / c[\"y\"].size",
     "other count", "Divided by the number of entries, not of rows."),
    ("da2 = dz2 * (1.0 - c[\"z2\"]) * c[\"z2\"]",
     "da2 = dz2 * (1.0 - sigmoid(c[\"z2\"])) * sigmoid(c[\"z2\"])",
     "activation applied twice", "The sigmoid's derivative at the activation."),
    ("da2 = dz2 * (1.0 - c[\"z2\"]) * c[\"z2\"]", "da2 = dz2 * (1.0 - c[\"z2\"] ** 2)",
     "derivative of another function", "The tanh's derivative for a sigmoid."),
    ("da2 = dz2 * (1.0 - c[\"z2\"]) * c[\"z2\"]", "da2 = dz2 * (1.0 - c[\"a2\"]) * c[\"a2\"]",
     "derivative at the wrong place", "a2 is the value before the sigmoid."),
    ("da1[c[\"a1\"] <= 0] = 0", "da1[da1 <= 0] = 0", "mask of the wrong array",
     "The ReLU's mask is made from the gradient."),
    ("da1[c[\"a1\"] <= 0] = 0", "da1[c[\"a1\"] > 0] = 0", "mask the wrong way",
     "The active units are set to zero."),
    ("dz1 = np.dot(da2, p[\"W2\"].T)", "dz1 = np.dot(dz2, p[\"W2\"].T)",
     "wrong variable of the same shape", "The gradient jumps over the sigmoid on its way down."),
    ("grads[\"b2\"] = np.sum(da2, axis=0)", "grads[\"b2\"] = np.sum(dz2, axis=0)",
     "wrong variable of the same shape", "dz2 for da2 in the bias alone."),
    ("""        grads["W3"] = np.dot(c["z2"].T, dy)
        grads["b3"] = np.sum(dy, axis=0)
""", """        grads["W3"] = np.dot(c["z2"].T, dy) / batch_num
        grads["b3"] = np.mean(dy, axis=0)
""", "1/N twice, two", "The last layer averages again."),
    ("        da1[c[\"a1\"] <= 0] = 0\n", "", "relu' forgotten", "The mask is left out."),
    ("grads[\"W2\"] = np.dot(c[\"z1\"].T, da2)", "grads[\"W2\"] = np.dot(c[\"a1\"].T, da2)",
     "before the activation", "The value before the ReLU as the layer's input."),
]
