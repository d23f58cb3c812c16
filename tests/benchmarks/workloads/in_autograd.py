"""The workloads in HIPS autograd: functions of arrays, with the convolution of its own example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad
from autograd.differential_operators import make_vjp
from autograd.scipy.signal import convolve
from autograd.scipy.special import logsumexp

from . import arrays
from .arrays import RATE, Array


class Training:
    """Steps of SGD on a list of arrays."""

    trains = True

    def __init__(self, loss: Callable[[list[Array]], Any], values: list[Array]) -> None:
        self.loss_and_gradients = value_and_grad(loss)
        self.parameters = [_changed_layout(value) for value in values]

    def outcome(self) -> list[Array]:
        loss, gradients = self.loss_and_gradients(self.parameters)
        return [np.asarray(loss), *map(_changed_layout, gradients)]

    def step(self) -> float:
        loss, gradients = self.loss_and_gradients(self.parameters)
        for p, g in zip(self.parameters, gradients):
            p -= RATE * g
        return float(loss)


class Operation:
    """Forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | float = 1.0
    ) -> None:
        self.inputs = inputs
        self.upstream = upstream
        self.vjp = make_vjp(forward, tuple(range(len(inputs))))

    def outcome(self) -> list[Array]:
        backward, y = self.vjp(*self.inputs)
        return [np.asarray(y), *backward(self.upstream)]

    def step(self) -> None:
        backward, _ = self.vjp(*self.inputs)
        backward(self.upstream)


def _changed_layout(p: Array) -> Array:
    """Dense weights are (in, out) here, and filters (C, F, KH, KW) and flipped; or back."""
    if p.ndim == 2:
        return np.ascontiguousarray(p.T)
    if p.ndim == 4:
        return np.ascontiguousarray(p.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
    return p


def _convolve(x: Any, kernel: Any, bias: Any) -> Any:
    y = convolve(x, kernel, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid")
    return y + bias.reshape((1, -1, 1, 1))


def _padded(x: Any) -> Any:
    return anp.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], "constant")


def _pooled(x: Any) -> Any:
    n, c, height, width = x.shape
    return anp.max(anp.reshape(x, (n, c, height // 2, 2, width // 2, 2)), axis=(3, 5))


def _cross_entropy(logits: Any, labels: Array) -> Any:
    log_probabilities = logits - logsumexp(logits, axis=1, keepdims=True)
    return -anp.mean(log_probabilities[np.arange(len(labels)), labels])


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)

    def loss(parameters: list[Array]) -> Any:
        kernel, bias, weight, offset = parameters
        h = anp.reshape(_pooled(_convolve(images, kernel, bias)), (batch, 4608))
        return _cross_entropy(anp.dot(h, weight) + offset, labels)

    return Training(loss, values)


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)

    def loss(parameters: list[Array]) -> Any:
        k1, c1, k2, c2, w1, b1, w2, b2 = parameters
        h = _pooled(anp.maximum(_convolve(_padded(images), k1, c1), 0))
        h = _pooled(anp.maximum(_convolve(_padded(h), k2, c2), 0))
        h = anp.maximum(anp.dot(anp.reshape(h, (batch, 1568)), w1) + b1, 0)
        return _cross_entropy(anp.dot(h, w2) + b2, labels)

    return Training(loss, values)


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)

    def loss(parameters: list[Array]) -> Any:
        *hidden, weight, bias = parameters
        h = rows
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = anp.maximum(anp.dot(h, w) + b, 0)
        return _cross_entropy(anp.dot(h, weight) + bias, labels)

    return Training(loss, values)


# --- operations ------------------------------------------------------------------------------


def chain(n: int) -> Operation:
    def forward(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a + b
        return anp.sum(x)

    return Operation(forward, arrays.chain())


class _Convolution(Operation):
    def outcome(self) -> list[Array]:
        y, x, kernel, bias = super().outcome()
        return [y, x, _changed_layout(kernel), bias]


def convolution(*shape: int) -> Operation:
    x, kernel, bias, upstream = arrays.convolution(*shape)
    inputs = [x, _changed_layout(kernel), bias]
    return _Convolution(lambda x, w, b: _convolve(_padded(x), w, b), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(_pooled, [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    return Operation(lambda z: _cross_entropy(z, labels), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows = np.arange(n)

    def forward(z: Any) -> Any:
        exponentials = anp.exp(z - anp.max(z, axis=1, keepdims=True))
        probabilities = exponentials / anp.sum(exponentials, axis=1, keepdims=True)
        return -anp.mean(anp.log(probabilities)[rows, labels])

    return Operation(forward, [logits])


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - anp.mean(x, axis=1, keepdims=True)
        variance = anp.mean(centred * centred, axis=1, keepdims=True)
        return centred / anp.sqrt(variance + 1e-5) * w + b

    return Operation(forward, inputs, upstream)


layer_norm = composed_layer_norm  # it has no other
