"""Pooling: the maximum of each window and where it stands; the sum of each window.

A maximum's place is found as its *offset*: how far behind the window's first pixel it lies in the
flattened (padded) image. Offsets grow in row-major order, and a later pixel wins only if it is
greater, so that ties give everything to the first, as in PyTorch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from . import Array, fast
from .fast.memory import prepare
from .windows import Cut, Pair, cut, fold, inside, pad, taps


class Maxima(NamedTuple):
    """What a gradient needs to know of maxima.

    Attributes
    ----------
    places
        Gives their places in the flattened batch of padded images, in the maxima's shape.
    spread
        Puts a value for each at its place in images, where windows overlap adding.
    """

    places: Callable[[], Array]
    spread: Callable[[Array], Array]


def max_pool(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1),
    ceil: bool = False,
) -> tuple[Array, Maxima]:  # fmt: skip
    """Maxima (N, C, OH, OW) of the windows of images (N, C, H, W), and where they stand."""
    prepare()
    where = cut((x.shape[2], x.shape[3]), kernel, stride, padding, dilation, ceil)
    four = kernel == (2, 2) and dilation == (1, 1) and where.padded == where.size
    compiled = fast.kernels(x) if four and stride == (2, 2) else None
    if compiled and not math.isnan(np.vdot(x, x)):
        return _compiled_max_pool(compiled, x, where.out)
    least = -np.inf if x.dtype.kind == "f" else x.min(initial=0)
    padded = pad(x, padding, least, where.padded)
    shape = padded.shape  # all that a gradient needs of the images
    # Copied first: comparisons of contiguous arrays run 4 times faster than of strided ones.
    values = [padded[:, :, rows, cols].copy() for rows, cols in taps(where)]
    y, offsets = _of_four(*values) if four else _of_many(values, where)
    if math.isnan(np.vdot(y, y)):
        y, offsets = _of_many(values, where, nan=True)

    def places() -> Array:
        corners = _kept_corners if y.size < 2**16 else _corners
        index = offsets(shape[3]).astype(np.intp).reshape(y.shape)
        index += corners(shape, stride, where.out)
        return index

    return y, Maxima(places, lambda g: scatter(g, places(), where))


def _compiled_max_pool(compiled: Any, x: Array, out: Pair) -> tuple[Array, Maxima]:
    """2x2 windows in one pass forward and one backward: a tenth of the time."""
    n, c, h, w = x.shape
    y, place = np.empty((n * c, *out), x.dtype), np.empty((n * c, *out), np.uint8)
    compiled.max_pool(np.ascontiguousarray(x).reshape(n * c, h, w), y, place)

    def places() -> Array:
        rows, columns = np.divmod(place.astype(np.intp), 2)
        index = rows * w + columns
        return np.asarray(_corners((n, c, h, w), (2, 2), out) + index.reshape(n, c, *out))

    def spread(g: Array) -> Array:
        image = np.empty((n * c, h, w), g.dtype)
        compiled.max_pool_input(np.ascontiguousarray(g).reshape(place.shape), place, image)
        return image.reshape(n, c, h, w)

    return y.reshape(n, c, *out), Maxima(places, spread)


def _of_four(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Callable[[int], Array]]:
    """The maximum of 2x2 windows in two rounds, with masks in place of offsets: 20 us to 14."""
    top, bottom = np.maximum(a, b), np.maximum(c, d)
    low = bottom > top
    right = b > a
    right ^= low & (right ^ (d > c))  # where it is low: d > c

    def offsets(width: int) -> Array:
        # In single bytes where they suffice: with the corners kept, 11 us to 5.
        below, beside = low.view(np.uint8), right.view(np.uint8)
        offset = below * (np.uint8(width) if width < 255 else np.intp(width))
        offset += beside
        return np.asarray(offset)

    return np.asarray(np.maximum(top, bottom, out=top)), offsets


def _of_many(
    values: list[Array], where: Cut, nan: bool = False
) -> tuple[Array, Callable[[int], Array]]:
    """The maximum of any windows; with ``nan`` the last NaN wins, as in PyTorch."""
    y = values[0].copy()
    places = np.full(y.shape, _first(where))
    for tap, value in enumerate(values[1:], 1):
        wins = (value > y) | (value != value) if nan else value > y
        # A product with the mask and a maximum: np.where takes 1.5 times as long.
        np.maximum(places, wins * np.int32(tap), out=places)
        np.maximum(y, value, out=y)

    def offsets(width: int) -> Array:
        rows, columns = np.divmod(places, np.int32(where.kernel[1]))
        down, right = where.dilation
        return np.asarray(rows * np.int32(width * down) + columns * np.int32(right))

    return y, offsets


@functools.lru_cache(maxsize=64)
def _first(where: Cut) -> Array:
    """The tap of each window's first pixel that is no padding: its place where all is -inf."""
    kernel, axes = where.kernel, (where.stride, where.padding, where.dilation, where.out)
    rows, columns = (
        np.minimum(-(np.minimum(np.arange(n) * s - p, 0) // d), k - 1)
        for k, s, p, d, n in zip(kernel, *axes, strict=True)
    )
    return np.asarray(rows[:, None] * kernel[1] + columns, np.int32)


def _corners(shape: tuple[int, ...], stride: Pair, out: Pair) -> Array:
    """The place of each window's first pixel in the flattened batch of padded images."""
    n, c, h, w = shape
    rows, cols = np.arange(out[0]), np.arange(out[1])
    corners: Array = rows[:, None] * (stride[0] * w) + cols * stride[1]
    return np.arange(0, n * c * h * w, h * w).reshape(n, c, 1, 1) + corners


_kept_corners = functools.lru_cache(maxsize=16)(_corners)


def scatter(g: Array, index: Array, where: Cut) -> Array:
    """Put each value at its place in images (N, C, H, W); where windows overlap, add."""
    padded, axes = (*g.shape[:2], *where.padded), (where.kernel, where.stride, where.dilation)
    if all(d * (k - 1) < s for k, s, d in zip(*axes, strict=True)):
        image = np.zeros(math.prod(padded), g.dtype)
        image[index.ravel()] = g.ravel()
    else:
        image = np.bincount(index.ravel(), g.ravel(), math.prod(padded)).astype(g.dtype)
    return inside(image.reshape(padded), where)


def gather(x: Array, index: Array, where: Cut) -> Array:
    """The value at each place: the adjoint of ``scatter``."""
    return np.asarray(pad(x, where.padding, 0, where.padded).ravel()[index])


def window_sums(x: Array, where: Cut) -> Array:
    """The sum of each window: (N, C, H, W) to (N, C, OH, OW)."""
    padded = pad(x, where.padding, 0, where.padded)
    y = np.zeros((*x.shape[:2], *where.out), x.dtype)
    for rows, cols in taps(where):
        y += padded[:, :, rows, cols]
    return y


def window_spread(g: Array, where: Cut) -> Array:
    """Add each value to all pixels of its window: the adjoint of ``window_sums``."""
    shape = *g.shape[:2], *where.kernel, *where.out
    return fold(np.broadcast_to(g[:, :, None, None], shape), where)


def window_shares(where: Cut, borders: bool, dtype: Any) -> Any:
    """1 over the number of pixels that count in each window: never those beyond the padding."""
    (h, w), (ph, pw) = where.size, where.padding
    if borders:
        h, w, ph, pw = h + 2 * ph, w + 2 * pw, 0, 0
        if where.padded == (h, w):
            return 1 / math.prod(where.kernel)
    return 1 / window_sums(np.ones((1, 1, h, w), dtype), replace(where, padding=(ph, pw)))
