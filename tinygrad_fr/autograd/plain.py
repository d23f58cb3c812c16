"""The whole idea in sixty lines: values that remember where they come from, walked backwards."""

import itertools

import numpy as np


def unbroadcast(g, shape):
    """Add up a gradient along the axes that broadcasting has added or stretched."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True)


class Tensor:
    """An array, and with each value that it was made from the rule that leads back to it."""

    __array_ufunc__ = None  # leave array * Tensor to the Tensor
    ranks = itertools.count()

    def __init__(self, data, *sources):
        self.data, self.grad = np.asarray(data, float), None
        self.sources, self.rank = sources, next(Tensor.ranks)

    def backward(self):
        """Give its gradient to all that it was made from, the latest first."""
        grads, waiting = {self.rank: np.ones_like(self.data)}, {self.rank: self}
        while waiting:
            node = waiting.pop(max(waiting))
            node.grad = grads.pop(node.rank)
            for x, rule in node.sources:
                g = unbroadcast(rule(node.grad), x.data.shape)
                grads[x.rank] = grads.get(x.rank, 0.0) + g
                waiting[x.rank] = x

    def __add__(a, b):
        a, b = tensor(a), tensor(b)
        return Tensor(a.data + b.data, (a, lambda g: g), (b, lambda g: g))

    def __mul__(a, b):
        a, b = tensor(a), tensor(b)
        return Tensor(a.data * b.data, (a, lambda g: g * b.data), (b, lambda g: g * a.data))

    def __matmul__(a, b):
        a, b = tensor(a), tensor(b)
        return Tensor(a.data @ b.data, (a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g))

    def __pow__(a, n):
        return Tensor(a.data**n, (a, lambda g: g * n * a.data ** (n - 1)))

    def exp(a):
        y = np.exp(a.data)
        return Tensor(y, (a, lambda g: g * y))

    def log(a):
        return Tensor(np.log(a.data), (a, lambda g: g / a.data))

    def sum(a, axis=None, keepdims=False):
        shape = a.data.sum(axis, keepdims=True).shape
        to_a = lambda g: np.broadcast_to(g.reshape(shape), a.data.shape)
        return Tensor(a.data.sum(axis, keepdims=keepdims), (a, to_a))

    __radd__, __rmul__, __neg__ = __add__, __mul__, lambda a: a * -1.0
    __sub__, __rsub__ = lambda a, b: a + -tensor(b), lambda a, b: b + -a
    __truediv__ = lambda a, b: a * tensor(b) ** -1.0
    __rtruediv__, __rmatmul__ = lambda a, b: b * a**-1.0, lambda a, b: tensor(b) @ a


def tensor(x):
    """A value as it is, or a Tensor of a number or an array."""
    return x if isinstance(x, Tensor) else Tensor(x)
