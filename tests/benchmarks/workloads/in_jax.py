"""The workloads in JAX: each step is one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import arrays
from .arrays import RATE, Array, transposed


class Training:
    """Compiled steps of SGD; dense weights are (in, out) here."""

    trains = True

    def __init__(
        self, loss: Callable[..., Any], values: list[Array], x: Array, labels: Array
    ) -> None:
        self.parameters = [jnp.asarray(value) for value in transposed(values)]
        self.data = jnp.asarray(x), jnp.asarray(labels)

        def update(parameters: list[Any], keep: float, rate: float, x: Any, labels: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, x, labels)
            return value, [keep * p - rate * g for p, g in zip(parameters, gradients)]

        self.update = jax.jit(update)

    def outcome(self) -> list[Array]:
        # The gradients by the function that is timed: another would have to be compiled too.
        loss, gradients = self.update(self.parameters, 0.0, -1.0, *self.data)
        return [np.asarray(loss), *transposed([np.asarray(g) for g in gradients])]

    def step(self) -> float:
        loss, parameters = self.update(self.parameters, 1.0, RATE, *self.data)
        self.parameters = jax.block_until_ready(parameters)
        return float(loss)


class Operation:
    """Compiled forward and backward of an expression of all its inputs."""

    trains = False

    def __init__(
        self, forward: Callable[..., Any], inputs: list[Array], upstream: Array | None = None
    ) -> None:
        self.inputs = [jnp.asarray(x) for x in inputs]
        self.upstream = jnp.asarray(np.float32(1) if upstream is None else upstream)

        def both(upstream: Any, *inputs: Any) -> Any:
            y, backward = jax.vjp(forward, *inputs)
            return y, backward(upstream)

        self.both = jax.jit(both)

    def outcome(self) -> list[Array]:
        y, gradients = self.both(self.upstream, *self.inputs)
        return [np.asarray(y), *map(np.asarray, gradients)]

    def step(self) -> None:
        jax.block_until_ready(self.both(self.upstream, *self.inputs))


def _convolve(x: Any, kernel: Any, bias: Any, padding: int) -> Any:
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), [(padding, padding)] * 2)
    return y + bias.reshape(1, -1, 1, 1)


def _pooled(x: Any) -> Any:
    window = (1, 1, 2, 2)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def _cross_entropy(logits: Any, labels: Any) -> Any:
    return -jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels].mean()


# --- networks --------------------------------------------------------------------------------


def course(batch: int) -> Training:
    images, labels, *values = arrays.course(batch)

    def loss(parameters: list[Any], x: Any, labels: Any) -> Any:
        kernel, bias, weight, offset = parameters
        h = _pooled(_convolve(x, kernel, bias, 0)).reshape(batch, 4608)
        return _cross_entropy(h @ weight + offset, labels)

    return Training(loss, values, images, labels)


def lenet(batch: int) -> Training:
    images, labels, *values = arrays.lenet(batch)

    def loss(parameters: list[Any], x: Any, labels: Any) -> Any:
        k1, c1, k2, c2, w1, b1, w2, b2 = parameters
        h = _pooled(jax.nn.relu(_convolve(x, k1, c1, 1)))
        h = _pooled(jax.nn.relu(_convolve(h, k2, c2, 1))).reshape(batch, 1568)
        return _cross_entropy(jax.nn.relu(h @ w1 + b1) @ w2 + b2, labels)

    return Training(loss, values, images, labels)


def mlp(batch: int, *sizes: int) -> Training:
    rows, labels, *values = arrays.mlp(batch, *sizes)

    def loss(parameters: list[Any], x: Any, labels: Any) -> Any:
        *hidden, weight, bias = parameters
        h = x
        for w, b in zip(hidden[::2], hidden[1::2]):
            h = jax.nn.relu(h @ w + b)
        return _cross_entropy(h @ weight + bias, labels)

    return Training(loss, values, rows, labels)


# --- operations ------------------------------------------------------------------------------
# No chain: a compiler sees its loop or its end, not 100,000 recorded operations.


def convolution(*shape: int) -> Operation:
    *inputs, upstream = arrays.convolution(*shape)
    return Operation(lambda x, w, b: _convolve(x, w, b, 1), inputs, upstream)


def max_pool(*shape: int) -> Operation:
    x, upstream = arrays.max_pool(*shape)
    return Operation(_pooled, [x], upstream)


def cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    return Operation(lambda z: _cross_entropy(z, labels), [logits])


def composed_cross_entropy(n: int, classes: int) -> Operation:
    logits, labels = arrays.cross_entropy(n, classes)
    rows = np.arange(n)
    return Operation(lambda z: -jnp.log(jax.nn.softmax(z))[rows, labels].mean(), [logits])


def composed_layer_norm(n: int, features: int) -> Operation:
    *inputs, upstream = arrays.layer_norm(n, features)

    def forward(x: Any, w: Any, b: Any) -> Any:
        centred = x - x.mean(axis=1, keepdims=True)
        variance = (centred * centred).mean(axis=1, keepdims=True)
        return centred / jnp.sqrt(variance + 1e-5) * w + b

    return Operation(forward, inputs, upstream)


layer_norm = composed_layer_norm  # the compiler fuses it
