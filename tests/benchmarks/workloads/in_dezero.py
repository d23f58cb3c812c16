"""The workloads in DeZero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

np.int = int  # type: ignore[attr-defined]  # DeZero 0.0.13 is older than its removal from NumPy

import dezero.functions as F  # noqa: E402
from dezero import Parameter, Variable  # noqa: E402

from . import arrays  # noqa: E402
from .arrays import RATE, Array, transposed  # noqa: E402


class Training:
    """Steps of SGD; dense weights are (in, out) here."""

    trains = True

    def __init__(self, loss: Callable[[], Any], parameters: list[Any]) -> None:
        self.loss = loss
        self.parameters = parameters

    def outcome(self) -> list[Array]:
        loss = self.loss()
        loss.backward()
        return [loss.data, *transposed(_taken_gradients(self.parameters))]

    def step(self) -> float:
        loss = self.loss()
        loss.backward()
        for p in self.parameters:
            p.data -= RATE * p.grad.data
            p.cleargrad()
        return float(loss.data)


class Operation:
    """Forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        self.forward = forward
        self.inputs = [Variable(x) for x in inputs]
        self.upstream = upstream

    def _differentiated(self) -> Any:
        y = self.forward(*self.inputs)
        if self.upstream is not None:
            y.grad = Variable(self.upstream)
        y.backward()
        return y

    def outcome(self) -> list[Array]:
        y = self._differentiated()
        return [y.data, *_taken_gradients(self.inputs)]

    def step(self) -> None:
        self._differentiated()
        for x in self.inputs:
            x.cleargrad()


def _leaves(values: list[Array]) -> list[Any]:
    return [Parameter(value) for value in transposed(values)]


def _taken_gradients(leaves: list[Any]) -> list[Array]:
    taken = [leaf.grad.data for leaf in leaves]
    for leaf in leaves:
        leaf.cleargrad()
    return taken


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)
    kernel, bias, weight, offset = parameters = _leaves(values)

    def loss() -> Any:
        h = F.reshape(F.pooling(F.conv2d(images, kernel, bias), 2, 2), (batch, 4608))
        return F.softmax_cross_entropy(F.linear(h, weight, offset), labels)

    return Training(loss, parameters)


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters = _leaves(values)

    def loss() -> Any:
        h = F.pooling(F.relu(F.conv2d(images, k1, c1, pad=1)), 2, 2)
        h = F.pooling(F.relu(F.conv2d(h, k2, c2, pad=1)), 2, 2)
        h = F.relu(F.linear(F.reshape(h, (batch, 1568)), w1, b1))
        return F.softmax_cross_entropy(F.linear(h, w2, b2), labels)

    return Training(loss, parameters)


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)
    parameters = _leaves(values)
    *hidden, weight, bias = parameters

    def loss() -> Any:
        h = rows
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = F.relu(F.linear(h, w, b))
        return F.softmax_cross_entropy(F.linear(h, weight, bias), labels)

    return Training(loss, parameters)


# --- operations ------------------------------------------------------------------------------


def chain(n: int) -> Operation:
    def forward(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a + b
        return F.sum(x)

    return Operation(forward, arrays.chain())


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: F.conv2d(x, w, b, pad=1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(lambda x: F.pooling(x, 2, 2), [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    return Operation(lambda z: F.softmax_cross_entropy(z, labels), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    picked = (np.arange(n), labels)
    return Operation(lambda z: F.sum(F.get_item(F.log(F.softmax(z)), picked)) / -n, [logits])


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - F.sum(x, axis=1, keepdims=True) / features
        variance = F.sum(centred * centred, axis=1, keepdims=True) / features
        return centred / (variance + 1e-5) ** 0.5 * w + b

    return Operation(forward, inputs, upstream)


layer_norm = composed_layer_norm  # it has no other
