"""The arrays that every contender starts from: inputs, labels and parameters of each workload.

Layouts are PyTorch's: images (N, C, H, W), filters (F, C, KH, KW), dense weights (out, in). A
framework that wants another layout changes it before the clock starts, and its gradients back.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

EPSILON = 1e-12  # of Adam: scikit-learn adds it elsewhere, so it must not count
RATE = 0.001  # of SGD: so small that the loss after a step still tells one rate from another


def course(batch: int) -> list[Array]:
    """The course's network: images, labels, kernel, bias, dense weight, dense bias."""
    rng = np.random.default_rng(0)
    return [
        _normal(rng, batch, 1, 50, 50), rng.integers(0, 5, batch),
        *_layer(rng, 8, 1, 3, 3), *_layer(rng, 5, 4608),
    ]  # fmt: skip


def lenet(batch: int) -> list[Array]:
    """Images and labels, then kernel and bias of two convolutions and of two dense layers."""
    rng = np.random.default_rng(0)
    return [
        _normal(rng, batch, 1, 28, 28), rng.integers(0, 10, batch),
        *_layer(rng, 16, 1, 3, 3), *_layer(rng, 32, 16, 3, 3),
        *_layer(rng, 128, 1568), *_layer(rng, 10, 128),
    ]  # fmt: skip


def mlp(batch: int, *sizes: int) -> list[Array]:
    """Rows and labels, then weight and bias of each dense layer."""
    rng = np.random.default_rng(0)
    parameters = [_layer(rng, m, n) for n, m in itertools.pairwise(sizes)]
    return [
        _normal(rng, batch, sizes[0]), rng.integers(0, sizes[-1], batch),
        *itertools.chain.from_iterable(parameters),
    ]  # fmt: skip


def chain() -> list[Array]:
    """``x``, ``a`` and ``b``, in float64."""
    return [np.ones(4), np.full(4, 0.999), np.full(4, 0.001)]


def entries(n: int) -> Array:
    """``n`` numbers, in float64."""
    return np.random.default_rng(0).normal(size=n)


def convolution(n: int, channels: int, filters: int, size: int) -> list[Array]:
    """Images, filters (3x3, for padding 1), bias, and the upstream gradient."""
    rng = np.random.default_rng(0)
    return [
        _normal(rng, n, channels, size, size), *_layer(rng, filters, channels, 3, 3),
        _normal(rng, n, filters, size, size),
    ]  # fmt: skip


def max_pool(n: int, channels: int, size: int) -> list[Array]:
    """Images, and the upstream gradient of 2x2 pooling."""
    rng = np.random.default_rng(0)
    half = size // 2
    return [_normal(rng, n, channels, size, size), _normal(rng, n, channels, half, half)]


def cross_entropy(n: int, classes: int) -> list[Array]:
    """Logits and labels."""
    rng = np.random.default_rng(0)
    return [_normal(rng, n, classes), rng.integers(0, classes, n)]


def layer_norm(n: int, features: int) -> list[Array]:
    """Rows, weight, bias, and the upstream gradient."""
    rng = np.random.default_rng(0)
    shapes = (n, features), (features,), (features,), (n, features)
    return [_normal(rng, *shape) for shape in shapes]


def small_vgg(batch: int, size: int) -> list[Array]:
    """Photographs and labels; filters, scale and shift of each block; the dense layer."""
    rng = np.random.default_rng(0)
    blocks = []
    for n, m in itertools.pairwise((3, 24, 48, 96, 128)):
        filters, shift = _layer(rng, m, n, 3, 3)
        blocks += [filters, np.ones(m, np.float32), shift]
    labels = rng.integers(0, 5, batch)
    return [_normal(rng, batch, 3, size, size), labels, *blocks, *_layer(rng, 5, 128)]


def adam(n: int) -> list[Array]:
    """Parameters and their gradient."""
    rng = np.random.default_rng(0)
    return [_normal(rng, n), _normal(rng, n)]


def digits(rows: int) -> list[Array]:
    """The digits of 8x8 pixels as rows, labels, and weight and bias of two dense layers."""
    from tinygrad_fr.data import load_digits  # other frameworks' processes are to be theirs

    images, labels = load_digits()
    rng = np.random.default_rng(0)
    x = images.reshape(len(images), -1)[:rows]
    return [x, labels[:rows], *_layer(rng, 128, 64), *_layer(rng, 10, 128)]


def attention(n: int, tokens: int, width: int) -> list[Array]:
    """Tokens (N, T, D), the weights of queries, keys, values and the output, and the upstream."""
    rng = np.random.default_rng(0)
    weights = [_layer(rng, width, width)[0] for _ in range(4)]
    return [_normal(rng, n, tokens, width), *weights, _normal(rng, n, tokens, width)]


def lstm(steps: int, n: int, inputs: int, hidden: int) -> list[Array]:
    """The sequence (T, N, I), the two weights and biases of the cell, and the upstream (N, H)."""
    rng = np.random.default_rng(0)
    (w, b), (u, c) = _layer(rng, 4 * hidden, inputs), _layer(rng, 4 * hidden, hidden)
    return [_normal(rng, steps, n, inputs), w, u, b, c, _normal(rng, n, hidden)]


def norm_relu(n: int, channels: int, size: int) -> list[Array]:
    """Images, scale, shift, and the upstream gradient."""
    rng = np.random.default_rng(0)
    shapes = (n, channels, size, size), (channels,), (channels,), (n, channels, size, size)
    return [_normal(rng, *shape) for shape in shapes]


def transposed(parameters: list[Array]) -> list[Array]:
    """Dense weights, the only matrices here, from (out, in) to (in, out) or back."""
    return [np.ascontiguousarray(p.T) if p.ndim == 2 else p for p in parameters]


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape, np.float32)


def _layer(rng: np.random.Generator, *shape: int) -> tuple[Array, Array]:
    """A weight scaled to its fan-in, and a bias."""
    fan_in = np.prod(shape[1:], dtype=np.float32)
    return _normal(rng, *shape) / np.sqrt(fan_in), 0.1 * _normal(rng, shape[0])
