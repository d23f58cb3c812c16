"""Two-layer network with PReLU (a learned slope per channel), O'Reilly 'from scratch' layers, softmax with loss."""
from collections import OrderedDict

import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = None
        self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class PRelu:
    def __init__(self, alpha):
        self.alpha = alpha
        self.dalpha = None

    def forward(self, x):
        self.mask = (x <= 0)
        self.x = x
        return np.where(self.mask, self.alpha * x, x)

    def backward(self, dout):
        self.dalpha = np.sum(dout * self.x * self.mask, axis=0)
        dx = np.where(self.mask, self.alpha * dout, dout)
        return dx


class SoftmaxWithLoss:
    def forward(self, x, t):
        x = x - np.max(x, axis=1, keepdims=True)
        e = np.exp(x)
        self.y = e / np.sum(e, axis=1, keepdims=True)
        self.t = t
        n = x.shape[0]
        return -np.sum(np.log(self.y[np.arange(n), t])) / n

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = self.y.copy()
        dx[np.arange(batch_size), self.t] -= 1
        dx = dx * dout / batch_size
        return dx


class PReluNet:
    def __init__(self, rng, input_size=4, hidden_size=5, output_size=3):
        self.params = {
            "W1": rng.standard_normal((input_size, hidden_size)),
            "b1": rng.standard_normal(hidden_size),
            "a1": rng.uniform(0.1, 0.6, hidden_size),
            "W2": rng.standard_normal((hidden_size, output_size)),
            "b2": rng.standard_normal(output_size),
        }
        self.weight_decay = 0.3
        self.layers = OrderedDict()
        self.layers["Affine1"] = Affine(self.params["W1"], self.params["b1"])
        self.layers["PRelu1"] = PRelu(self.params["a1"])
        self.layers["Affine2"] = Affine(self.params["W2"], self.params["b2"])
        self.last_layer = SoftmaxWithLoss()

    def loss(self, x, t):
        for layer in self.layers.values():
            x = layer.forward(x)
        decay = 0
        for k in ("W1", "W2"):
            decay += 0.5 * self.weight_decay * np.sum(self.params[k] ** 2)
        return self.last_layer.forward(x, t) + decay

    def gradient(self):
        dout = self.last_layer.backward(1)
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        lam = self.weight_decay
        grads = {}
        grads["W1"] = self.layers["Affine1"].dW + lam * self.params["W1"]
        grads["b1"] = self.layers["Affine1"].db
        grads["a1"] = self.layers["PRelu1"].dalpha
        grads["W2"] = self.layers["Affine2"].dW + lam * self.params["W2"]
        grads["b2"] = self.layers["Affine2"].db
        grads["x"] = dout
        return grads


def example(rng):
    return PReluNet(rng), (rng.standard_normal((6, 4)), rng.integers(0, 3, 6))


def sized(rng):
    return PReluNet(rng, hidden_size=7), (rng.standard_normal((8, 4)), rng.integers(0, 3, 8))


MISTAKES = [
    ("self.dalpha = np.sum(dout * self.x * self.mask, axis=0)", "self.dalpha = np.sum(dout * self.x, axis=0)",
     "mask forgotten", "The slope acts on the negative part only."),
    ("self.dalpha = np.sum(dout * self.x * self.mask, axis=0)", "self.dalpha = np.sum(dout * self.mask, axis=0)",
     "forgotten factor x", "d(alpha*x)/dalpha is x, not 1."),
    ("self.dalpha = np.sum(dout * self.x * self.mask, axis=0)",
     "self.dalpha = np.sum(dout * self.x * ~self.mask, axis=0)",
     "mask the wrong way", "Positive part in place of the negative one."),
    ("self.dalpha = np.sum(dout * self.x * self.mask, axis=0)",
     "self.dalpha = np.mean(dout * self.x * self.mask, axis=0)",
     "mean for sum", "The batch size was already divided by in the loss."),
    ("dx = np.where(self.mask, self.alpha * dout, dout)", "dx = np.where(self.mask, dout, self.alpha * dout)",
     "branches exchanged", "The slope multiplies the positive side."),
    ("dx = np.where(self.mask, self.alpha * dout, dout)", "dx = np.where(self.mask, 0, dout)",
     "derivative of another function", "This is ReLU's derivative, not PReLU's."),
    ("dx = np.where(self.mask, self.alpha * dout, dout)", "dx = np.where(dout <= 0, self.alpha * dout, dout)",
     "wrong comparison", "The condition looks at the upstream's sign, not the input's."),
    ("dx = np.where(self.mask, self.alpha * dout, dout)", "dx = np.where(self.mask, self.alpha, 1.0)",
     "upstream forgotten", "Only the local derivative is handed on."),
    ("self.layers[\"Affine2\"].dW + lam * self.params[\"W2\"]", "self.layers[\"Affine2\"].dW + 2 * lam * self.params[\"W2\"]",
     "doubled factor", "0.5*lam*W**2 gives lam*W, not 2*lam*W."),
    ("self.layers[\"Affine1\"].dW + lam * self.params[\"W1\"]", "self.layers[\"Affine1\"].dW",
     "forgotten L2 term", "Weight decay only in one layer."),
    ("dx[np.arange(batch_size), self.t] -= 1\n        dx = dx * dout / batch_size",
     "dx = dx * dout / batch_size\n        dx[np.arange(batch_size), self.t] -= 1",
     "order of statements", "1 is subtracted after the division."),
    ("self.dalpha = np.sum(dout * self.x * self.mask, axis=0)\n        dx = np.where(self.mask, self.alpha * dout, dout)",
     "self.dalpha = np.sum(dout * self.x, axis=0)\n        dx = np.where(self.mask, dout, self.alpha * dout)",
     "two: mask forgotten, branches exchanged", "Slope gradient without the mask, and alpha on the positive side."),
]
