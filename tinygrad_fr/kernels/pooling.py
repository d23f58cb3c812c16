"""Pooling: the maximum of each window and where it stands; the sum of each window.

A maximum's place is found as its *offset*: how far behind the window's first pixel it lies in the
flattened (padded) image. Offsets grow in row-major order, and a later pixel wins only if it is
greater, so that ties give everything to the first, as in PyTorch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import Array, fast
from .memory import prepare
from .windows import Pair, fold, output_size, pad, taps


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


def max_pool(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> tuple[Array, Maxima]:
    """Maxima (N, C, OH, OW) of the windows of images (N, C, H, W), and where they stand."""
    prepare()
    size = x.shape[2], x.shape[3]  # all that a gradient needs of the images
    out = output_size(size, kernel, stride, padding)
    compiled = fast.kernels(x) if kernel == stride == (2, 2) and padding == (0, 0) else None
    if compiled and not math.isnan(np.vdot(x, x)):
        return _compiled_max_pool(compiled, x, out)
    padded = pad(x, padding, -np.inf)
    n, c, h, w = padded.shape
    # Copied first: comparisons of contiguous arrays run 4 times faster than of strided ones.
    values = [padded[:, :, rows, cols].copy() for rows, cols in taps(kernel, stride, out)]
    y, offsets = _of_four(*values) if kernel == (2, 2) else _of_many(values, kernel)

    def places() -> Array:
        corners = _kept_corners if y.size < 2**16 else _corners
        index = offsets(w).astype(np.intp).reshape(y.shape)
        index += corners((n, c, h, w), stride, out)
        return index

    def spread(g: Array) -> Array:
        return scatter(g, places(), size, kernel, stride, padding)

    return y, Maxima(places, spread)


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


def _of_many(values: list[Array], kernel: Pair) -> tuple[Array, Callable[[int], Array]]:
    y, taps = values[0], np.zeros(values[0].shape, np.int32)
    for tap, value in enumerate(values[1:], 1):
        # A product with the mask and a maximum: np.where takes 1.5 times as long.
        np.maximum(taps, (value > y) * np.int32(tap), out=taps)
        np.maximum(y, value, out=y)

    def offsets(width: int) -> Array:
        rows, columns = np.divmod(taps, np.int32(kernel[1]))
        return np.asarray(rows * np.int32(width) + columns)

    return y, offsets


def _corners(shape: tuple[int, ...], stride: Pair, out: Pair) -> Array:
    """The place of each window's first pixel in the flattened batch of padded images."""
    n, c, h, w = shape
    rows, cols = np.arange(out[0]), np.arange(out[1])
    corners: Array = rows[:, None] * (stride[0] * w) + cols * stride[1]
    return np.arange(0, n * c * h * w, h * w).reshape(n, c, 1, 1) + corners


_kept_corners = functools.lru_cache(maxsize=16)(_corners)


def scatter(g: Array, index: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """Put each value at its place in images (N, C, H, W); where windows overlap, add."""
    n, c = g.shape[:2]
    (h, w), (ph, pw) = size, padding
    padded = (n, c, h + 2 * ph, w + 2 * pw)
    if kernel[0] <= stride[0] and kernel[1] <= stride[1]:
        image = np.zeros(math.prod(padded), g.dtype)
        image[index.ravel()] = g.ravel()
    else:
        image = np.bincount(index.ravel(), g.ravel(), math.prod(padded)).astype(g.dtype)
    return image.reshape(padded)[:, :, ph : ph + h, pw : pw + w]


def gather(x: Array, index: Array, padding: Pair) -> Array:
    """The value at each place: the adjoint of ``scatter``."""
    return np.asarray(pad(x, padding).ravel()[index])


def window_sums(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """The sum of each window: (N, C, H, W) to (N, C, OH, OW)."""
    padded = pad(x, padding)
    out = output_size((x.shape[2], x.shape[3]), kernel, stride, padding)
    y = np.zeros((*x.shape[:2], *out), x.dtype)
    for rows, cols in taps(kernel, stride, out):
        y += padded[:, :, rows, cols]
    return y


def window_spread(g: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """Add each value to all pixels of its window, in images of ``size``."""
    n, c, oh, ow = g.shape
    same = np.broadcast_to(g[:, :, None, None], (n, c, *kernel, oh, ow))
    return fold(same, size, stride, padding)


def window_shares(x: Array, kernel: Pair, stride: Pair, padding: Pair, borders: bool) -> Any:
    """1 over the number of pixels that count in each window."""
    if borders:
        return 1 / (kernel[0] * kernel[1])
    return 1 / window_sums(np.ones((1, 1, *x.shape[2:]), x.dtype), kernel, stride, padding)
