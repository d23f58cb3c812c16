"""The workloads in tinygrad_fr, with raw Tensors and with Modules."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_fr as tg

from . import arrays
from .arrays import EPSILON, RATE, Array

place: Any = np.asarray
"""Where the arrays of Modules go: ``tests.benchmarks.card`` puts them on a card."""


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

    def __init__(self, model: Any, data: list[Array], optimizer: Any = tg.optim.SGD) -> None:
        images, labels, *values = map(place, data)
        x = tg.Tensor(images)
        model.to(place)
        super().__init__(lambda: tg.cross_entropy(model(x), labels), list(model.parameters()))
        for p, value in zip(self.parameters, values, strict=True):
            p.data[...] = value
        self.optimizer = optimizer(self.parameters, lr=RATE)

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


def small_vgg(batch: int, size: int) -> Training:
    model = tg.nn.models.small_vgg(size=size, dropout=0.0)
    return OptimizerTraining(model, arrays.small_vgg(batch, size), tg.optim.Adam)


class Run:
    """A whole training from the same start each time, and what it has learned."""

    trains = False

    def __init__(
        self, model: Any, data: list[Array], batch: int, epochs: int, optimizer: Any
    ) -> None:
        self.x, self.labels, *self.values = data
        self.model, self.batch, self.epochs = model, batch, epochs
        self.optimizer = optimizer

    def step(self) -> None:
        model = self.model
        for p, value in zip(model.parameters(), self.values, strict=True):
            p.data = value.copy()
        optimizer = self.optimizer(model.parameters())
        for _ in range(self.epochs):
            for i in range(0, len(self.x), self.batch):
                rows = tg.Tensor(self.x[i : i + self.batch])
                loss = tg.cross_entropy(model(rows), self.labels[i : i + self.batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def outcome(self) -> list[Array]:
        self.step()
        return [p.data.copy() for p in self.model.parameters()]


def digits(rows: int, batch: int, epochs: int) -> Run:
    model = tg.nn.models.mlp((64, 128, 10))
    optimizer = functools.partial(tg.optim.Adam, lr=RATE, eps=EPSILON)
    return Run(model, arrays.digits(rows), batch, epochs, optimizer)


def course_run(images: int, epochs: int) -> Run:
    model = tg.nn.models.course_cnn()
    optimizer = functools.partial(tg.optim.SGD, lr=RATE)
    return Run(model, arrays.course(images), 1, epochs, optimizer)


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


class Update:
    """Steps of Adam alone."""

    trains = False

    def __init__(self, value: Array, gradient: Array) -> None:
        self.p = tg.Tensor(value.copy(), requires_grad=True)
        self.p.grad = tg.Tensor(gradient)
        self.optimizer = tg.optim.Adam([self.p], lr=RATE)

    def step(self) -> None:
        self.optimizer.step()

    def outcome(self) -> list[Array]:
        for _ in range(3):
            self.step()
        return [self.p.data.copy()]


def adam(n: int) -> Update:
    return Update(*arrays.adam(n))


def attention(n: int, tokens: int, width: int, heads: int) -> Operation:
    *inputs, upstream = arrays.attention(n, tokens, width)

    def forward(x: Any, *weights: Any) -> Any:
        *projections, out = weights
        split = (n, tokens, heads, width // heads)
        q, k, v = (tg.linear(x, w).reshape(split).transpose(0, 2, 1, 3) for w in projections)
        scores = tg.softmax(q @ k.transpose(0, 1, 3, 2) * (width // heads) ** -0.5)
        return tg.linear((scores @ v).transpose(0, 2, 1, 3).reshape(n, tokens, width), out)

    return Operation(forward, inputs, upstream)


def lstm(steps: int, n: int, inputs: int, hidden: int) -> Operation:
    *leaves, upstream = arrays.lstm(steps, n, inputs, hidden)
    zeros = np.zeros((n, hidden), np.float32)

    def forward(x: Any, w: Any, u: Any, b: Any, c: Any) -> Any:
        return tg.lstm(tg.linear(x, w, b + c), zeros, zeros, u)[-1, :, :hidden]  # as nn.LSTM does

    return Operation(forward, leaves, upstream)


def norm_relu(*shape: int) -> Operation:
    *inputs, upstream = arrays.norm_relu(*shape)

    def forward(x: Any, w: Any, b: Any) -> Any:
        return tg.relu(tg.batch_norm(x, None, None, w, b, training=True))

    return Operation(forward, inputs, upstream)


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
