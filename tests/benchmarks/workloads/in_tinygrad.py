"""The workloads in tinygrad: each step is recorded by TinyJit and replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad import Device, Tensor, TinyJit

from . import arrays
from .arrays import RATE, Array, transposed


class Training:
    """Recorded steps of SGD; dense weights are (in, out) here."""

    trains = True

    def __init__(self, loss: Callable[[], Any], parameters: list[Any]) -> None:
        self.parameters = parameters
        self.sgd = _scalar(1.0), _scalar(RATE)

        def update(keep: Any, rate: Any) -> Any:
            value = loss()
            gradients = value.gradient(*parameters)
            return value.realize(
                *(p.assign(keep * p - rate * g) for p, g in zip(parameters, gradients))
            )

        self.update = TinyJit(update)

    def outcome(self) -> list[Array]:
        # The gradients by the function that is timed: another would have to be compiled too.
        values = [p.numpy().copy() for p in self.parameters]
        loss = self.update(_scalar(0.0), _scalar(-1.0)).numpy()
        gradients = [p.numpy().copy() for p in self.parameters]
        for p, value in zip(self.parameters, values):
            p.assign(Tensor(value)).realize()
        return [loss, *transposed(gradients)]

    def step(self) -> float:
        return self.update(*self.sgd).item()


class Operation:
    """Recorded forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        leaves = [Tensor(x).realize() for x in inputs]
        g = None if upstream is None else Tensor(upstream).realize()

        def both() -> Any:
            y = forward(*leaves)
            gradients = y.gradient(*leaves, gradient=g)
            return y.realize(*gradients), *gradients

        self.both = TinyJit(both)

    def outcome(self) -> list[Array]:
        for _ in range(3):  # run, record, replay
            found = self.both()
        return [t.numpy() for t in found]

    def step(self) -> None:
        self.both()
        Device[Device.DEFAULT].synchronize()


def _scalar(x: float) -> Any:
    return Tensor([x]).realize()


def _leaves(values: list[Array]) -> list[Any]:
    return [Tensor(value).realize() for value in transposed(values)]


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)
    x, target = Tensor(images).realize(), Tensor(labels).realize()
    kernel, bias, weight, offset = parameters = _leaves(values)

    def loss() -> Any:
        h = x.conv2d(kernel, bias).max_pool2d(2).reshape(batch, 4608)
        return h.linear(weight, offset).sparse_categorical_crossentropy(target)

    return Training(loss, parameters)


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)
    x, target = Tensor(images).realize(), Tensor(labels).realize()
    k1, c1, k2, c2, w1, b1, w2, b2 = parameters = _leaves(values)

    def loss() -> Any:
        h = x.conv2d(k1, c1, padding=1).relu().max_pool2d(2)
        h = h.conv2d(k2, c2, padding=1).relu().max_pool2d(2).reshape(batch, 1568)
        h = h.linear(w1, b1).relu()
        return h.linear(w2, b2).sparse_categorical_crossentropy(target)

    return Training(loss, parameters)


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)
    x, target = Tensor(rows).realize(), Tensor(labels).realize()
    parameters = _leaves(values)
    *hidden, weight, bias = parameters

    def loss() -> Any:
        h = x
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = h.linear(w, b).relu()
        return h.linear(weight, bias).sparse_categorical_crossentropy(target)

    return Training(loss, parameters)


# --- operations ------------------------------------------------------------------------------
# No chain: a compiler sees its loop or its end, not 100,000 recorded operations.


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: x.conv2d(w, b, padding=1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(lambda x: x.max_pool2d(2), [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    target = Tensor(labels).realize()
    return Operation(lambda z: z.sparse_categorical_crossentropy(target), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows, target = Tensor.arange(n).realize(), Tensor(labels).realize()
    return Operation(lambda z: -z.softmax().log()[rows, target].mean(), [logits])


def layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)
    return Operation(lambda x, w, b: x.layernorm() * w + b, inputs, upstream)


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - x.mean(axis=1, keepdim=True)
        variance = (centred * centred).mean(axis=1, keepdim=True)
        return centred / (variance + 1e-5).sqrt() * w + b

    return Operation(forward, inputs, upstream)
