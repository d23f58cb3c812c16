"""Exponentials that neither overflow nor lose their last digits."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, as_array, fast
from .fast.memory import prepare
from .fast.products import dots, sum_of_squares
from .fast.threads import by_images
from .sums import total

_STEEP = -10  # exp(10) is finite in half precision, too
_PART = 2**16  # numbers that are worth sharing among threads
_LARGE = 2**12  # numbers from which a pass with an array costs more than a call
# By dtype, exponentials too small to take their logarithm: digits are lost, or all is.
_VANISHING = {"e": np.float16(1e-3), "f": np.float32(1e-20), "d": 1e-200, "g": 1e-200}


def floating(z: Array) -> Array:
    """Integers and booleans as float64: unsigned ones would wrap around."""
    return z if z.dtype.kind == "f" else z.astype(np.float64)


def single(x: Any) -> Any:
    """Half precision, arrays or Tensors, as float32; all else as it is."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == np.float16 else x


def _large(z: Array) -> bool:
    return z.size >= _LARGE and isinstance(z, np.ndarray)


def softmax(z: Array, axis: int) -> Array:
    """``exp(z) / sum(exp(z))``."""
    z = floating(z)
    if not _large(z):
        y, sums = _exponentials(z, axis)
        y /= sums
        return y
    z, axis, shape = *_rows(z, axis), z.shape
    y = np.empty_like(z, _native(z))

    def work(part: Any) -> None:
        e, sums = _exponentials(z[part], axis, y[part])
        e /= sums

    _by_examples(work, z, axis)
    return y.reshape(shape)


def _native(z: Array) -> Any:
    """The dtype of a result: of this machine's byte order."""
    return z.dtype.newbyteorder("=")


def _rows(z: Array, axis: int) -> tuple[Array, int]:
    """A stack of rows as one matrix, whose sums are products: 500 us to 330 on (64, 64, 64)."""
    along = axis in (-1, z.ndim - 1) and z.ndim > 2 and z.flags.c_contiguous and z.size
    return (z.reshape(-1, z.shape[-1]), 1) if along else (z, axis)


def exponentials(z: Array, axis: int) -> tuple[Array, Array]:
    """``exp(z - top)`` and its sums over an axis, which is kept; ``top`` differs from row to row.

    It is the maximum, so that none is above 1; of many numbers it is the maximum of all, if no row
    vanishes by that: 37 us to 15 on (128, 1000). For quotients of these it makes no difference.
    """
    if not _large(z):
        return _exponentials(z, axis)
    e = np.empty_like(z, _native(z))
    sums = _by_examples(lambda part: _exponentials(z[part], axis, e[part])[1], z, axis)
    return e, sums[0] if len(sums) == 1 else np.concatenate(sums)


def _exponentials(z: Array, axis: int, out: Array | None = None) -> tuple[Array, Array]:
    if _large(z):
        rows = z.dtype.char == "f" and z.ndim == 2 and axis in (-1, 1) and z.flags.c_contiguous
        compiled = fast.kernels(z) if rows else None
        if compiled and out is not None:
            sums = np.empty((len(z), 1), z.dtype)
            compiled.exponentials(z, z.max(), out, sums)
            if math.isfinite(sums.sum()):  # else NumPy has a warning to give
                return out, sums
        with np.errstate(all="ignore"):
            e, sums = _above(z, z.max(keepdims=True), axis, out)
        if sums.min() >= 1e-2:
            return e, sums
    return _above(z, _tops(z, axis), axis, out)


def _tops(z: Array, axis: Any) -> Array:
    """The maxima over axes, which are kept; of nothing, minus infinity."""
    return z.max(axis, keepdims=True) if z.size else z.sum(axis, keepdims=True) - np.inf  # type: ignore[no-any-return]


def _above(z: Array, top: Array, axis: int, out: Array | None) -> tuple[Array, Array]:
    e = as_array(np.subtract(z, top, out=out))
    np.exp(e, out=e)
    return e, total(e, axis, keepdims=True)


def _by_examples(work: Callable[[Any], Any], z: Array, axis: int) -> list[Any]:
    """``work`` on all, or on some examples of many at a time: those of one go along ``axis``."""
    prepare()
    apart = isinstance(axis, (int, np.integer)) and axis not in (0, -z.ndim) and z.dtype.isnative
    return by_images(work, z, _PART) if apart else [work(...)]


def softmax_gradient(g: Array, y: Array, axis: int) -> Array:
    """``y (g - sum(g y))``, the sums as products of rows: 70 us to 40 on (128, 1000)."""
    if not _large(y):
        return _softmax_gradient(g, y, axis)
    out = np.empty_like(y, _native(y))
    _by_examples(lambda part: _softmax_gradient(g[part], y[part], axis, out[part]), y, axis)
    return out


def _softmax_gradient(g: Array, y: Array, axis: int, out: Array | None = None) -> Array:
    d = np.asarray(np.subtract(g, np.expand_dims(dots(g, y, axis), axis), out=out))
    d *= y
    return d


def log_softmax(z: Array, axis: int) -> Array:
    """``z - log(sum(exp(z)))``."""
    z = floating(z)
    if z.size >= _LARGE:
        prepare()
    d = as_array(z - _tops(z, axis))
    d -= np.log(total(np.exp(d), axis, keepdims=True))
    return d


def cross_entropy(
    z: Array, labels: tuple[Array, ...], axis: int
) -> tuple[Array, Callable[[Array], Array]]:
    """``-log(softmax(z))`` at the ``labels`` (an index), and its gradient's closure.

    The logarithms of the other classes are not formed, nor the exponentials a second time: on
    (128, 1000) a step takes 0.6 times as long as through ``log_softmax``.
    """
    # Of few: of many, NumPy's exponentials are the faster ones.
    compiled = fast.kernels(z) if z.ndim == 2 and not _large(z) else None
    if compiled:
        loss, to_logits = compiled.cross_entropy(z, labels[1])
        if math.isfinite(loss.sum()):  # else NumPy has a warning to give
            return loss, to_logits
    z = floating(z)
    e, sums = exponentials(z, axis)
    right = e[labels]
    all_sums = sums.reshape(right.shape)
    if right.size and right.min() < _VANISHING[e.dtype.char]:
        loss = -log_softmax(z, axis)[labels]
    else:
        loss = np.log(all_sums / right)

    def to_z(upstream: Array) -> Array:
        factors = (np.expand_dims(upstream, axis) if upstream.ndim else upstream) / sums
        if not _large(e) or e.size < 2 * _PART or axis == 0 or not e.dtype.isnative:
            d = e * factors
        else:
            d = np.empty_like(e)
            by_images(lambda part: np.multiply(e[part], factors[part], out=d[part]), e, _PART)
        d[labels] = upstream * ((right - all_sums) / all_sums)  # 0 where it is 0, to the last digit
        return as_array(d)

    return as_array(loss), to_z


def logsumexp(z: Array, axis: int | tuple[int, ...] | None) -> Array:
    """``log(sum(exp(z)))`` with the axes kept; infinities are what they are in the limit."""
    z = floating(z)
    m = _tops(z, axis)
    m = np.where(np.isfinite(m), m, 0).astype(z.dtype)
    with np.errstate(divide="ignore", over="ignore"):
        return as_array(np.log(np.exp(z - m).sum(axis, keepdims=True)) + m)


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, with an exponential that is never above 1."""
    x = floating(x)
    if x.size and x.min() > _STEEP:  # where exp(-x) is finite, half the passes do
        e = as_array(np.negative(x))
        np.exp(e, out=e)
        e += 1
        return as_array(np.divide(1, e, out=e))
    e = np.exp(-np.abs(x))
    return as_array(np.where(x >= 0, 1, e) / (1 + e))


def finite_quotient(a: Array, b: Array, factor: Array | None = None) -> Array | None:
    """``a / b * factor``, or None if a NaN or an infinity may be among the results.

    The sum of their squares tells: on (128, 1000) 20 us, where looking for zeros and NaN takes 55.
    """
    with np.errstate(all="ignore"):
        q = np.asarray(a / b)
        if factor is not None:
            q = q * factor
        return q if math.isfinite(sum_of_squares(q)) else None
