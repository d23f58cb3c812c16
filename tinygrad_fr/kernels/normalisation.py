"""Batch normalisation, in pieces that fit into the cache, and layer normalisation.

Batch: per channel, the output is ``a x + b`` and the gradient ``a g + b x + c``: the normalised
images are never written down. Layer: per row, sums are products with a vector. Sums of squares are
taken of ``x - mean``, so that a large mean costs no digits.
"""

import functools
import math
import weakref
from typing import Any

import numpy as np

from . import Array, fast
from .fast.memory import prepare
from .fast.threads import parts, share
from .matrix import outer

_PIECE = 2**16  # numbers: with some temporaries of that size they stay in the L2 cache


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel of (N, C, ...), with axes of size 1 kept."""
    prepare()
    axes = (0, *range(2, x.ndim))
    n = math.prod(x.shape[axis] for axis in axes)
    pieces = _pieces(x)
    sums = share(lambda piece: x[piece].sum(axes, keepdims=True), pieces)
    mean = np.asarray(functools.reduce(np.add, sums) / n)

    def squares(piece: slice) -> Array:
        d = x[piece] - mean
        d *= d
        return np.asarray(d.sum(axes, keepdims=True))

    return mean, np.asarray(functools.reduce(np.add, share(squares, pieces)) / n)


def scale_and_shift(x: Array, a: Array, b: Array) -> Array:
    """``a x + b``."""
    y = np.empty_like(x)

    def work(piece: slice) -> None:
        np.multiply(x[piece], a, out=y[piece])
        y[piece] += b

    share(work, _pieces(x))
    return y


class Sums:
    """``sums``, which three gradients need in one pass, taken once for the last ``g`` and ``x``.

    They are known again by their identity, while they live: within a pass nothing changes them.
    """

    __slots__ = ("known", "taken")

    def __init__(self) -> None:
        self.known: tuple[Any, Any] = (lambda: None, lambda: None)

    def __call__(self, g: Array, x: Array, mean: Array) -> tuple[Array, Array]:  # noqa: D102
        if self.known[0]() is not g or self.known[1]() is not x:
            self.taken = sums(g, x, mean)
            self.known = weakref.ref(g), weakref.ref(x)
        return self.taken


def sums(g: Array, x: Array, mean: Array) -> tuple[Array, Array]:
    """The sums of ``g`` and of ``g (x - mean)`` over each channel."""
    axes = (0, *range(2, x.ndim))

    def work(piece: slice) -> tuple[Array, Array]:
        d = x[piece] - mean
        d *= g[piece]
        return g[piece].sum(axes, keepdims=True), d.sum(axes, keepdims=True)

    first, second = zip(*share(work, _pieces(x)), strict=True)
    return functools.reduce(np.add, first), functools.reduce(np.add, second)


def combine(g: Array, x: Array, a: Array, b: Array, c: Array) -> Array:
    """``a g + b x + c``."""
    out = np.empty_like(x)

    def work(piece: slice) -> None:
        np.multiply(g[piece], a, out=out[piece])
        d = x[piece] * b
        d += c
        out[piece] += d

    share(work, _pieces(x))
    return out


def _pieces(x: Array) -> list[slice]:
    """Slices of the examples, of about ``_PIECE`` numbers each."""
    return parts(len(x), x.size // _PIECE)


def layer_norm(
    x: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    """Rows (N, n) normalised, scaled and moved; the rows less their means; 1 over their deviations.

    The deviations' axis (N, 1) is kept; weight and bias are (n,).
    """
    if x.size >= 2**14:
        prepare()
    compiled = fast.kernels(x, weight, bias)
    if compiled:
        y, d, scale = compiled.layer_norm(x, weight, bias, eps)
        if not scale.size or 0 < scale.min() <= scale.max() < np.inf:  # else NumPy has to warn
            return y, d, scale
    dtype = np.result_type(*(a for a in (x, weight, bias) if a is not None))
    d = x - x.mean(1, keepdims=True)
    squares = np.vecdot(d, d)[:, None] / x.dtype.type(x.shape[1])
    scale = 1 / np.sqrt(squares + x.dtype.type(eps))
    y = _scaled(d, scale, weight)
    if bias is not None:
        y = y + bias
    return y.astype(dtype, copy=False), d, scale


def layer_norm_input(g: Array, d: Array, scale: Array, weight: Array | None) -> Array:
    """The gradient for the rows: ``(h - mean(h) - xhat mean(h xhat)) * scale``, ``h = g weight``.

    With ``xhat = d * scale``. A mean of ``h`` is a product of ``g`` with the weights, so that ``h``
    is formed once, scaled already: on (128, 1000) 0.5 times as long as the formula written out.
    """
    compiled = fast.kernels(g, weight)
    if compiled:
        return np.asarray(compiled.layer_norm_input(g, d, scale, weight))
    n = d.dtype.type(d.shape[1])
    column = np.ones((d.shape[1], 1), d.dtype) if weight is None else weight[:, None]
    # Factor by factor: the third power of a scale would over- or underflow.
    moment = (g * d) @ column * scale / n * scale * scale
    out = _scaled(g, scale, weight)
    out -= g @ column * (scale / n)
    out -= d * moment
    return out


def layer_norm_weight(g: Array, d: Array, scale: Array) -> Array:
    """The gradient for the weights: ``sum(g xhat)`` over the rows."""
    compiled = fast.kernels(g)
    if compiled:
        return np.asarray(compiled.layer_norm_weight(g, d, scale))
    return np.asarray((scale.T @ (g * d))[0].astype(g.dtype, copy=False))


def _scaled(d: Array, scale: Array, weight: Array | None) -> Array:
    """``d * scale * weight``, the two vectors multiplied first: one pass with full arrays less."""
    if weight is None:
        return d * scale
    out = outer(scale, weight[None])
    out *= d
    return out
