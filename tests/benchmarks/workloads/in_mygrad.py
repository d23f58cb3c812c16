"""The workloads in MyGrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu, softmax
from mygrad.nnet.layers.conv import conv_nd
from mygrad.nnet.layers.pooling import max_pool as pooled
from mygrad.nnet.losses import softmax_crossentropy

from . import arrays
from .arrays import RATE, Array, transposed


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
            p.data -= RATE * p.grad
            p.null_grad()
        return loss.item()


class Operation:
    """Forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        self.forward = forward
        self.inputs = [mg.tensor(x) for x in inputs]
        self.upstream = upstream

    def outcome(self) -> list[Array]:
        y = self.forward(*self.inputs)
        y.backward(self.upstream)
        return [y.data, *_taken_gradients(self.inputs)]

    def step(self) -> None:
        self.forward(*self.inputs).backward(self.upstream)
        for x in self.inputs:
            x.null_grad()


def _leaves(values: list[Array]) -> list[Any]:
    return [mg.tensor(value) for value in transposed(values)]


def _taken_gradients(leaves: list[Any]) -> list[Array]:
    taken = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.null_grad()
    return taken


def _convolve(x: Any, kernel: Any, bias: Any, padding: int) -> Any:
    return conv_nd(x, kernel, stride=1, padding=padding) + bias.reshape(1, -1, 1, 1)


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)
    kernel, bias, weight, offset = parameters = _leaves(values)

    def loss() -> Any:
        h = pooled(_convolve(images, kernel, bias, 0), (2, 2), 2).reshape(batch, 4608)
        return softmax_crossentropy(mg.matmul(h, weight) + offset, labels)

    return Training(loss, parameters)


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters = _leaves(values)

    def loss() -> Any:
        h = pooled(relu(_convolve(images, k1, c1, 1)), (2, 2), 2)
        h = pooled(relu(_convolve(h, k2, c2, 1)), (2, 2), 2).reshape(batch, 1568)
        return softmax_crossentropy(mg.matmul(relu(mg.matmul(h, w1) + b1), w2) + b2, labels)

    return Training(loss, parameters)


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)
    parameters = _leaves(values)
    *hidden, weight, bias = parameters

    def loss() -> Any:
        h = rows
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = relu(mg.matmul(h, w) + b)
        return softmax_crossentropy(mg.matmul(h, weight) + bias, labels)

    return Training(loss, parameters)


# --- operations ------------------------------------------------------------------------------


def chain(n: int) -> Operation:
    def forward(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a + b
        return x.sum()

    return Operation(forward, arrays.chain())


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: _convolve(x, w, b, 1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(lambda x: pooled(x, (2, 2), 2), [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    return Operation(lambda z: softmax_crossentropy(z, labels), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows = np.arange(n)
    return Operation(lambda z: -mg.log(softmax(z))[rows, labels].mean(), [logits])


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - x.mean(axis=1, keepdims=True)
        variance = (centred * centred).mean(axis=1, keepdims=True)
        return centred / mg.sqrt(variance + 1e-5) * w + b

    return Operation(forward, inputs, upstream)


layer_norm = composed_layer_norm  # it has no other
