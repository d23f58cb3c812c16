"""LeakyReLU, ELU and Softplus as layer classes in a little Sequential with dense layers between, Keras-like."""
import numpy as np


class Dense:
    def __init__(self, rng, n_in, n_out):
        self.W = rng.standard_normal((n_in, n_out))
        self.b = rng.standard_normal(n_out)
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class LeakyReLU:
    def __init__(self, slope=0.2):
        self.slope = slope

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, grad):
        local = np.where(self.x > 0, 1.0, self.slope)
        return grad * local


class ELU:
    def __init__(self, alpha=0.7):
        self.alpha = alpha

    def forward(self, x):
        self.x = x
        self.out = np.where(x > 0, x, self.alpha * (np.exp(x) - 1))
        return self.out

    def backward(self, grad):
        slope = np.where(self.x > 0, 1.0, self.out + self.alpha)
        return slope * grad


class Softplus:
    def __init__(self, beta=1.5):
        self.beta = beta

    def forward(self, x):
        self.x = x
        self.y = np.log(1 + np.exp(self.beta * x)) / self.beta
        return self.y

    def backward(self, grad):
        sig = 1 / (1 + np.exp(-self.beta * self.x))
        return grad * sig


class Sequential:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


def build(rng, hidden):
    return Sequential([Dense(rng, 3, hidden), LeakyReLU(), Dense(rng, hidden, 5), ELU(),
                       Dense(rng, 5, 2), Softplus()])


def example(rng):
    return build(rng, 4), rng.standard_normal((6, 3))


def sized(rng):
    return build(rng, 6), rng.standard_normal((9, 3))


MISTAKES = [
    ("local = np.where(self.x > 0, 1.0, self.slope)", "local = np.where(self.x > 0, 1.0, 0.0)",
     "derivative of another function", "The plain relu's derivative, the slope is forgotten."),
    ("local = np.where(self.x > 0, 1.0, self.slope)", "local = np.where(self.x > 0, self.slope, 1.0)",
     "branches exchanged", "The slope is on the positive side."),
    ("local = np.where(self.x > 0, 1.0, self.slope)", "local = np.where(grad > 0, 1.0, self.slope)",
     "mask from the upstream", "The gradient's sign decides."),
    ("local = np.where(self.x > 0, 1.0, self.slope)", "local = np.where(self.x > 0, 1.0, self.slope * self.x)",
     "the function for its derivative", "The negative branch keeps its x."),
    ("slope = np.where(self.x > 0, 1.0, self.out + self.alpha)", "slope = np.where(self.x > 0, 1.0, self.out + 1)",
     "wrong constant", "alpha exp(x) = out + alpha; 1 fits only alpha = 1."),
    ("slope = np.where(self.x > 0, 1.0, self.out + self.alpha)", "slope = np.where(self.x > 0, 1.0, np.exp(self.x))",
     "factor forgotten (alpha)", "The derivative of alpha (exp(x) - 1) without alpha."),
    ("slope = np.where(self.x > 0, 1.0, self.out + self.alpha)", "slope = np.where(self.x > 0, 1.0, self.alpha * np.exp(self.out))",
     "derivative at a for z", "The exponential of the output instead of the input."),
    ("return slope * grad", "return slope",
     "upstream forgotten", "Only the local derivative is passed on."),
    ("sig = 1 / (1 + np.exp(-self.beta * self.x))", "sig = self.beta / (1 + np.exp(-self.beta * self.x))",
     "extra factor (beta)", "The inner derivative beta is cancelled by the 1/beta in front."),
    ("sig = 1 / (1 + np.exp(-self.beta * self.x))", "sig = 1 / (1 + np.exp(-self.x))",
     "factor forgotten (beta inside)", "The sigmoid of x, not of beta x."),
    ("sig = 1 / (1 + np.exp(-self.beta * self.x))\n        return grad * sig",
     "sig = 1 / (1 + np.exp(-self.beta * self.y))\n        return grad * sig * (1 - sig)",
     "two: at the output, and the sigmoid's own derivative", "Evaluated at y and derived once more."),
    ("for layer in reversed(self.layers):", "for layer in reversed(self.layers[1:]):",
     "first layer left out", "The loop stops before the first dense layer, whose dW stays None."),
]
