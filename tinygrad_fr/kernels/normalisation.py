"""Batch normalisation, in pieces that fit into the cache, and layer normalisation.

Batch: per channel, the output is ``a x + b`` and the gradient ``a g + b x + c``: the normalised
images are never written down. Layer: per row, sums are products with a vector. Sums of squares are
taken of ``x - mean``, so that a large mean costs no digits.
"""

import functools
import math
from typing import Any

import numpy as np

from . import Array, fast, filled
from .fast.memory import prepare
from .fast.products import dots, matmul
from .fast.threads import by_images, parts, share
from .matrix import outer
from .sums import total

_LONG = 2**16  # numbers in a row, beyond which NumPy's sums in pairs are needed
_PIECE = 2**16  # numbers: with some temporaries of that size they stay in the L2 cache


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel of (N, C, ...), with axes of size 1 kept."""
    prepare()
    axes = (0, *range(2, x.ndim))
    n = math.prod(x.shape[axis] for axis in axes)
    compiled = _compiled(x)
    if compiled:
        one, (images,) = compiled
        mean, variance = one.moments(images)
        if math.isfinite(variance.sum()):  # else NumPy has a warning to give
            return _as_channels(mean, x), _as_channels(variance, x)
    pieces = _pieces(x)
    sums = share(lambda piece: x[piece].sum(axes, keepdims=True), pieces)
    mean = functools.reduce(np.add, sums) / n

    def squares(piece: slice) -> Array:
        d = x[piece] - mean
        return _dots(d, d)

    return mean, functools.reduce(np.add, share(squares, pieces)) / n


def _dots(a: Array, b: Array) -> Array:
    """The sums of ``a b`` over each channel, without writing the products down.

    ``b`` may be of one channel (...). As dot products of rows: on (32, 24, 64, 64) half the time.
    """
    kept = (1, -1, *[1] * (a.ndim - 2))
    if a.ndim < 3 or not a.size or math.prod(a.shape[2:]) > _LONG:
        return (a * b).sum((0, *range(2, a.ndim)), keepdims=True)  # type: ignore[no-any-return]
    rows = (*a.shape[:2], a.size // (a.shape[0] * a.shape[1]))
    right = b.reshape(rows if b.ndim == a.ndim else -1)
    return dots(a.reshape(rows), right).sum(0).reshape(kept)  # type: ignore[no-any-return]


def scale_and_shift(x: Array, a: Array, b: Array) -> Array:
    """``a x + b``."""
    y = np.empty(x.shape, x.dtype, like=x)
    compiled = _compiled(x, y)
    if compiled:
        one, (images, out) = compiled
        factor, shift, none = a.ravel(), b.ravel(), a.ravel()[:0]
        by_images(lambda p: one.combine(images[p], images[p], factor, none, shift, out[p]), x)
        return y

    def work(piece: slice) -> None:
        np.multiply(x[piece], a, out=y[piece])
        y[piece] += b

    share(work, _pieces(x))
    return y


def sums(g: Array, x: Array, mean: Array) -> tuple[Array, Array]:
    """The sums of ``g`` and of ``g (x - mean)`` over each channel."""
    ones = filled(x.shape[2:], 1, x)
    compiled = _compiled(g, x)
    if compiled:
        one, (upstream, images) = compiled
        first, second = one.sums(upstream, images, mean.ravel())
        if math.isfinite(first.sum() + second.sum()):
            return _as_channels(first, x), _as_channels(second, x)

    def work(piece: slice) -> tuple[Array, Array]:
        part = g[piece]
        return _dots(part, ones), _dots(part, x[piece] - mean)

    first, second = zip(*share(work, _pieces(x)), strict=True)
    return functools.reduce(np.add, first), functools.reduce(np.add, second)


def combine(g: Array, x: Array, a: Array, b: Array, c: Array) -> Array:
    """``a g + b x + c``."""
    out = np.empty(x.shape, x.dtype, like=x)
    compiled = _compiled(g, x, out)
    if compiled:
        one, (upstream, images, y) = compiled
        factors = a.ravel(), b.ravel(), c.ravel()
        by_images(lambda p: one.combine(upstream[p], images[p], *factors, y[p]), x)
        return out

    def work(piece: slice) -> None:
        np.multiply(g[piece], a, out=out[piece])
        d = x[piece] * b
        d += c
        out[piece] += d

    share(work, _pieces(x))
    return out


def _compiled(x: Array, *others: Array) -> tuple[Any, list[Array]] | None:
    """The compiled kernels, and images (N, C, ...) as (N, C, L); None where they cannot be."""
    compiled = fast.kernels(x, *others) if x.ndim > 2 and x.size else None
    if not compiled:
        return None
    shape = (*x.shape[:2], x.size // (x.shape[0] * x.shape[1]))
    return compiled, [np.ascontiguousarray(a).reshape(shape) for a in (x, *others)]


def _as_channels(vector: Array, x: Array) -> Array:
    """(C,) as (1, C, 1, ...), of the dtype of ``x``."""
    return np.asarray(vector, x.dtype).reshape(1, -1, *[1] * (x.ndim - 2))


def _pieces(x: Array) -> list[slice]:
    """Slices of the examples, of about ``_PIECE`` numbers each."""
    pieces = x.size // _PIECE if isinstance(x, np.ndarray) else 1
    return parts(len(x), pieces) or [slice(0, 0)]


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
        quick = compiled.layer_norm(x, weight, bias, eps)
        if quick:  # else NumPy has a warning to give
            return quick  # type: ignore[no-any-return]
    dtype = np.result_type(*(a for a in (x, weight, bias) if a is not None))
    d = x - x.mean(1, keepdims=True)
    squares = dots(d, d)[:, None] / x.dtype.type(x.shape[1])
    scale = 1 / np.sqrt(squares + x.dtype.type(eps))
    y = _scaled(d, scale, weight)
    if bias is not None:
        y = y + bias
    return y.astype(dtype, copy=False), d, scale


def layer_norm_gradients(
    g: Array, d: Array, scale: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """The gradients for the rows, the weights (``sum(g xhat)``) and the biases (``sum(g)``).

    For the rows ``(h - mean(h) - xhat mean(h xhat)) * scale``, with ``h = g weight`` and ``xhat = d
    scale``. A mean of ``h`` is a product of ``g`` with the weights, so that ``h`` is formed once,
    scaled already: on (128, 1000) 0.5 times as long as the formula written out.
    """
    compiled = fast.kernels(g, d, scale, weight)
    if compiled:
        quick = compiled.layer_norm_gradients(g, d, scale, weight)
        if math.isfinite(quick[1].sum() + quick[2].sum()):
            return quick  # type: ignore[no-any-return]
    n = d.dtype.type(d.shape[1])
    ones = filled((d.shape[1], 1), 1, d)
    column = ones if weight is None else weight[:, None]
    gd = g * d
    # Factor by factor: the third power of a scale would over- or underflow.
    moment = matmul(gd, column) * scale / n * scale * scale
    out = _scaled(g, scale, weight)
    out -= matmul(g, column) * (scale / n)
    out -= d * moment
    to_weight = matmul(scale.T, gd)[0].astype(g.dtype, copy=False)
    return out, to_weight, total(g, 0)


def _scaled(d: Array, scale: Array, weight: Array | None) -> Array:
    """``d * scale * weight``, the two vectors multiplied first: one pass with full arrays less."""
    if weight is None:
        return d * scale
    out = outer(scale, weight[None])
    out *= d
    return out
