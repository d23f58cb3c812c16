"""Knowledge distillation: KL with temperature plus hard cross-entropy, one hidden softplus layer, dict of grads."""
import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


class Student:
    def __init__(self, rng, d=4, hidden=6, classes=3, temperature=2.5, alpha=0.7):
        self.W1 = rng.standard_normal((d, hidden))
        self.b1 = rng.standard_normal(hidden)
        self.W2 = rng.standard_normal((hidden, classes))
        self.b2 = rng.standard_normal(classes)
        self.teacher = 2 * rng.standard_normal((d, classes))     # frozen
        self.tau = temperature
        self.alpha = alpha

    def __call__(self, X, y):
        self.X, self.y = X, y
        self.n = len(y)
        self.z1 = X @ self.W1 + self.b1
        self.h = np.logaddexp(0, self.z1)
        self.logits = self.h @ self.W2 + self.b2
        self.q = softmax(X @ self.teacher / self.tau)     # no gradient through the teacher
        self.p_soft = softmax(self.logits / self.tau)
        self.p_hard = softmax(self.logits)
        kl = np.sum(self.q * (np.log(self.q) - np.log(self.p_soft))) / self.n
        ce = -np.mean(np.log(self.p_hard[np.arange(self.n), y]))
        return self.alpha * self.tau ** 2 * kl + (1 - self.alpha) * ce

    def backward(self):
        onehot = np.eye(self.W2.shape[1])[self.y]
        d_soft = (self.p_soft - self.q) / self.tau / self.n
        d_hard = (self.p_hard - onehot) / self.n
        dlogits = self.alpha * self.tau ** 2 * d_soft + (1 - self.alpha) * d_hard
        grads = {}
        grads["W2"] = self.h.T @ dlogits
        grads["b2"] = dlogits.sum(0)
        dh = dlogits @ self.W2.T
        dz1 = dh * sigmoid(self.z1)
        grads["W1"] = self.X.T @ dz1
        grads["b1"] = dz1.sum(0)
        self.grads = grads
        return grads


def example(rng):
    return Student(rng), (rng.standard_normal((5, 4)), rng.integers(0, 3, 5))


def sized(rng):
    return Student(rng, hidden=8), (rng.standard_normal((7, 4)), rng.integers(0, 3, 7))


MISTAKES = [
    ("d_soft = (self.p_soft - self.q) / self.tau / self.n", "d_soft = (self.p_soft - self.q) / self.n", "1/tau forgotten", "The logits are divided by tau before the softmax."),
    ("d_soft = (self.p_soft - self.q) / self.tau / self.n", "d_soft = (self.q - self.p_soft) / self.tau / self.n", "sign", "Teacher minus student."),
    ("d_soft = (self.p_soft - self.q) / self.tau / self.n", "d_soft = (self.p_hard - self.q) / self.tau / self.n", "wrong variable of the same shape", "The softmax without temperature."),
    ("d_soft = (self.p_soft - self.q) / self.tau / self.n", "d_soft = (self.p_soft - onehot) / self.tau / self.n", "hard label for the soft one", "The teacher is forgotten."),
    ("d_hard = (self.p_hard - onehot) / self.n", "d_hard = (self.p_hard - self.q) / self.n", "soft label for the hard one", "The label is forgotten in the hard term."),
    ("dlogits = self.alpha * self.tau ** 2 * d_soft", "dlogits = self.alpha * d_soft", "tau^2 forgotten", "The loss holds tau squared."),
    ("dlogits = self.alpha * self.tau ** 2 * d_soft", "dlogits = self.alpha * self.tau * d_soft", "power of tau", "tau cancelled twice."),
    ("+ (1 - self.alpha) * d_hard", "+ self.alpha * d_hard", "wrong weight", "1 - alpha weighs the hard term."),
    ("dlogits = self.alpha * self.tau ** 2 * d_soft + (1 - self.alpha) * d_hard", "dlogits = self.alpha * self.tau ** 2 * d_soft", "forgotten term", "No gradient of the hard cross-entropy."),
    ("dz1 = dh * sigmoid(self.z1)", "dz1 = dh * sigmoid(self.h)", "derivative at a for z", "softplus' is sigmoid at z."),
    ("dz1 = dh * sigmoid(self.z1)", "dz1 = dh * (self.z1 > 0)", "derivative of another function", "ReLU' for softplus'."),
    ("d_soft = (self.p_soft - self.q) / self.tau / self.n\n        d_hard = (self.p_hard - onehot) / self.n",
     "d_soft = (self.p_soft - self.q) / self.tau\n        d_hard = self.p_hard - onehot",
     "two: 1/N forgotten in both", "Both losses are means."),
]
