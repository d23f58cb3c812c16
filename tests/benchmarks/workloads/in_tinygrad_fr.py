"""The workloads in tinygrad_fr, with raw Tensors and with Modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_fr as tg

from . import arrays
from .arrays import RATE, Array


class Training:
    """Steps of SGD, written out by hand."""

    trains = True

    def __init__(self, loss: Callable[[], Any], parameters: list[Any]) -> None:
        self.loss = loss
        self.parameters = parameters

    def outcome(self) -> list[Array]:
        loss = self.loss()
        loss.backward()
        return [loss.data, *_taken_gradients(self.parameters)]

    def step(self) -> float:
        loss = self.loss()
        loss.backward()
        for p in self.parameters:
            p.data -= RATE * p.grad.data
            p.grad = None
        return loss.item()


class OptimizerTraining(Training):
    """The same with a model and an optimizer."""

    def __init__(self, model: Any, data: list[Array]) -> None:
        images, labels, *values = data
        x = tg.Tensor(images)
        super().__init__(lambda: tg.cross_entropy(model(x), labels), list(model.parameters()))
        for p, value in zip(self.parameters, values, strict=True):
            p.data[...] = value
        self.optimizer = tg.optim.SGD(self.parameters, lr=RATE)

    def step(self) -> float:
        loss = self.loss()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class Operation:
    """Forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        self.forward = forward
        self.inputs = _leaves(inputs)
        self.upstream = upstream

    def outcome(self) -> list[Array]:
        y = self.forward(*self.inputs)
        y.backward(self.upstream)
        return [y.data, *_taken_gradients(self.inputs)]

    def step(self) -> None:
        self.forward(*self.inputs).backward(self.upstream)
        for x in self.inputs:
            x.grad = None


def _leaves(values: list[Array]) -> list[Any]:
    return [tg.Tensor(value, requires_grad=True) for value in values]


def _taken_gradients(leaves: list[Any]) -> list[Array]:
    taken = [leaf.grad.data for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return taken


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)
    x = tg.Tensor(images)
    kernel, bias, weight, offset = parameters = _leaves(values)

    def loss() -> Any:
        h = tg.max_pool2d(tg.conv2d(x, kernel, bias), 2).reshape(batch, 4608)
        return tg.cross_entropy(h @ weight.T + offset, labels)

    return Training(loss, parameters)


def course_modules(batch: int) -> Training:
    return OptimizerTraining(tg.nn.models.course_cnn(), arrays.course(batch))


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)
    x = tg.Tensor(images)
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters = _leaves(values)

    def loss() -> Any:
        h = tg.max_pool2d(tg.relu(tg.conv2d(x, k1, c1, padding=1)), 2)
        h = tg.max_pool2d(tg.relu(tg.conv2d(h, k2, c2, padding=1)), 2).reshape(batch, 1568)
        return tg.cross_entropy(tg.relu(h @ w1.T + b1) @ w2.T + b2, labels)

    return Training(loss, parameters)


def lenet_modules(batch: int) -> Training:
    return OptimizerTraining(tg.nn.models.lenet(), arrays.lenet(batch))


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)
    x = tg.Tensor(rows)
    parameters = _leaves(values)
    *hidden, weight, bias = parameters

    def loss() -> Any:
        h = x
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = tg.relu(h @ w.T + b)
        return tg.cross_entropy(h @ weight.T + bias, labels)

    return Training(loss, parameters)


def mlp_modules(batch: int, *sizes: int) -> Training:
    return OptimizerTraining(tg.nn.models.mlp(sizes), arrays.mlp(batch, *sizes))


# --- operations ------------------------------------------------------------------------------


def chain(n: int) -> Operation:
    def forward(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a + b
        return x.sum()

    return Operation(forward, arrays.chain())


def stacked(n: int) -> Operation:
    return Operation(lambda *xs: tg.stack(xs).sum(), list(arrays.entries(n)[:, None]))


def concatenated(n: int) -> Operation:
    return Operation(lambda *xs: tg.concatenate(xs).sum(), list(arrays.entries(n)[:, None]))


def indexed(n: int) -> Operation:
    return Operation(lambda x: sum(x[i] for i in range(n)), [arrays.entries(n)])


class Reading:
    """What is said of a chain of different operations, which nobody else says."""

    trains = False

    def __init__(self, n: int, words: Callable[[Any, Any], str]) -> None:
        self.x, self.words = tg.Tensor(0.5, requires_grad=True, name="x"), words
        self.y = self.x
        for i in np.random.default_rng(0).integers(0, 4, n):  # so that no block repeats
            self.y = (tg.sin, tg.cos, tg.tanh, tg.sigmoid)[i](self.y)

    def outcome(self) -> list[Array]:
        return [np.asarray(len(self.words(self.y, self.x)))]

    def step(self) -> None:
        self.words(self.y, self.x)


def described(n: int) -> Reading:
    return Reading(n, lambda y, x: tg.draw(y, names="tensors").text)


def derived(n: int) -> Reading:
    return Reading(n, lambda y, x: tg.derive(y, x, names="tensors").text)


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: tg.conv2d(x, w, b, padding=1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(lambda x: tg.max_pool2d(x, 2), [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    return Operation(lambda z: tg.cross_entropy(z, labels), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows = np.arange(n)
    return Operation(lambda z: -tg.log(tg.softmax(z))[rows, labels].mean(), [logits])


def layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)
    return Operation(lambda x, w, b: tg.layer_norm(x, features, w, b), inputs, upstream)


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - x.mean(axis=1, keepdims=True)
        variance = (centred * centred).mean(axis=1, keepdims=True)
        return centred / tg.sqrt(variance + 1e-5) * w + b

    return Operation(forward, inputs, upstream)
