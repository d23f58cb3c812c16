"""Graphs of every kind that the pictures must cope with."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg


def draws():
    return np.random.default_rng(0)


def fan_out():
    x = tg.Tensor(3.0, requires_grad=True, name="x")
    y = tg.Tensor(-2.0, requires_grad=True, name="y")
    return (x * y + x).sum()


def fan_of_five():
    x = tg.Tensor(0.7, requires_grad=True, name="x")
    return (x.sin() + x.exp() + x * 2 + x**2 + x.tanh()).named("f")


def neuron():
    x = tg.Tensor([1.0, -2.0], name="x")
    w = tg.Tensor([0.5, 0.25], requires_grad=True, name="w")
    b = tg.Tensor(0.1, requires_grad=True, name="b")
    a = ((x * w).sum() + b).named("z").sigmoid().named("a")
    return (a - 1.0) ** 2


def dense():
    """The softmax layer of document 001, composed."""
    x = tg.Tensor(draws().standard_normal((6, 4)), name="X")
    w = tg.Tensor(draws().standard_normal((4, 3)), requires_grad=True, name="W")
    y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    s = (x @ w).named("lambda").softmax().named("S")
    return -(y * s.log()).sum() / 6


def two_layers():
    tg.manual_seed(0)
    model = tg.nn.Sequential(tg.nn.Linear(4, 5), tg.nn.ReLU(), tg.nn.Linear(5, 3))
    return tg.cross_entropy(model(draws().standard_normal((8, 4))), [0, 1, 2, 0, 1, 2, 0, 1])


def course_cnn():
    tg.manual_seed(0)
    model = tg.nn.models.course_cnn(classes=5, size=50)
    image = tg.Tensor(draws().standard_normal((1, 1, 50, 50)).astype("float32"), name="image")
    return tg.cross_entropy(model(image), [2])


class Residual(tg.nn.Module):
    def __init__(self, n=6):
        self.a, self.b = tg.nn.Linear(n, n), tg.nn.Linear(n, n)

    def forward(self, x):
        return (x + self.b(self.a(x).relu())).relu()


def residual():
    tg.manual_seed(0)
    x = tg.Tensor(draws().standard_normal((2, 6)).astype("float32"), name="x")
    return Residual()(x).sum()


def residuals(n=8):
    tg.manual_seed(0)
    net = tg.nn.Sequential(*[Residual() for _ in range(n)], tg.nn.Linear(6, 3))
    x = tg.Tensor(draws().standard_normal((2, 6)).astype("float32"), name="x")
    return tg.cross_entropy(net(x), [0, 1])


def chain(n=1000):
    w = tg.Tensor(1.01, requires_grad=True, name="w")
    h = tg.Tensor(0.7, requires_grad=True, name="x")
    for _ in range(n):
        h = (h * w).tanh()
    return h


def tangle(n=2000):
    """Operations on random earlier values, and no block that repeats."""
    rng = draws()
    found = [tg.Tensor(0.7, requires_grad=True) for _ in range(5)]
    for _ in range(n):
        a, b = (found[i] for i in rng.integers(max(0, len(found) - 20), len(found), 2))
        choice = rng.integers(4)
        found.append([a + b, a * b, a.tanh(), b.sin()][choice])
    return sum(found[-19:], tg.Tensor(0.0))


ALL = [fan_out, fan_of_five, neuron, dense, two_layers, course_cnn, residual, residuals, chain]
