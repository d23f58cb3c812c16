"""Weight-normalised dense layers (g * v / |v|) with a GELU (tanh form) between, list of layers, PyTorch-like names."""
import numpy as np


class WeightNormLinear:
    def __init__(self, rng, fan_in, fan_out):
        self.v = rng.standard_normal((fan_out, fan_in))
        self.g = rng.uniform(0.5, 1.5, (fan_out, 1))
        self.bias = rng.standard_normal(fan_out)

    def forward(self, x):
        self.x = x
        self.norm = np.linalg.norm(self.v, axis=1, keepdims=True)
        self.weight = self.g * self.v / self.norm
        return x @ self.weight.T + self.bias

    def backward(self, grad_out):
        grad_w = grad_out.T @ self.x
        unit = self.v / self.norm
        self.grad_bias = grad_out.sum(axis=0)
        self.grad_g = np.sum(grad_w * unit, axis=1, keepdims=True)
        self.grad_v = self.g / self.norm * (grad_w - self.grad_g * unit)
        return grad_out @ self.weight


class GELU:
    c = np.sqrt(2 / np.pi)

    def forward(self, x):
        self.x = x
        self.t = np.tanh(self.c * (x + 0.044715 * x ** 3))
        return 0.5 * x * (1 + self.t)

    def backward(self, grad_out):
        d_inner = self.c * (1 + 3 * 0.044715 * self.x ** 2)
        sech2 = 1 - self.t ** 2
        return grad_out * (0.5 * (1 + self.t) + 0.5 * self.x * sech2 * d_inner)


class Net:
    def __init__(self, rng, d_in=4, d_hidden=5, d_out=3):
        self.fc1 = WeightNormLinear(rng, d_in, d_hidden)
        self.act = GELU()
        self.fc2 = WeightNormLinear(rng, d_hidden, d_out)
        self.layers = [self.fc1, self.act, self.fc2]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in self.layers[::-1]:
            grad = layer.backward(grad)
        return grad


def example(rng):
    return Net(rng), rng.standard_normal((6, 4))


def sized(rng):
    return Net(rng, d_hidden=7), rng.standard_normal((8, 4))


MISTAKES = [
    ("(grad_w - self.grad_g * unit)", "grad_w", "norm treated as a constant", "The dependence of the norm on v is forgotten."),
    ("(grad_w - self.grad_g * unit)", "(grad_w - self.grad_g * self.v)", "v for the unit vector", "The projection is on the unit vector."),
    ("(grad_w - self.grad_g * unit)", "(grad_w + self.grad_g * unit)", "sign", "The projection is subtracted."),
    ("self.grad_v = self.g / self.norm * (", "self.grad_v = self.g * (", "1/norm forgotten", "The direction's gradient scales with 1/|v|."),
    ("self.grad_v = self.g / self.norm * (", "self.grad_v = 1 / self.norm * (", "factor g forgotten", "The length g multiplies it."),
    ("self.grad_g = np.sum(grad_w * unit, axis=1, keepdims=True)", "self.grad_g = np.sum(grad_w * self.weight, axis=1, keepdims=True)", "weight for v/|v|", "weight holds g already."),
    ("return grad_out @ self.weight\n", "return grad_out @ self.v\n", "raw v for the weight", "The input saw the normalised weight."),
    ("return grad_out * (0.5 * (1 + self.t) + 0.5 * self.x * sech2 * d_inner)", "return grad_out * 0.5 * (1 + self.t)", "product rule cut", "Only the first factor is differentiated."),
    ("0.5 * self.x * sech2 * d_inner)", "0.5 * sech2 * d_inner)", "factor x forgotten", "Second term of the product rule without x."),
    ("d_inner = self.c * (1 + 3 * 0.044715 * self.x ** 2)", "d_inner = self.c * (1 + 0.044715 * self.x ** 2)", "factor 3 forgotten", "The derivative of x^3 is 3x^2."),
    ("sech2 = 1 - self.t ** 2", "sech2 = 1 - np.tanh(self.x) ** 2", "derivative at the wrong point", "tanh is evaluated at the inner polynomial."),
    ("        self.grad_g = np.sum(grad_w * unit, axis=1, keepdims=True)\n        self.grad_v = self.g / self.norm * (grad_w - self.grad_g * unit)",
     "        self.grad_g = np.sum(grad_w * self.v, axis=1, keepdims=True)\n        self.grad_v = self.g / self.norm * (grad_w - self.grad_g * self.v)",
     "two: unit vector replaced by v twice", "The norm is forgotten in both."),
]
