"""Pooling: the maximum of each window and where it stands; the sum of each window.

A maximum's place is found as its *offset*: how far behind the window's first pixel it lies in the
flattened (padded) image. Offsets grow in row-major order, and a later pixel wins only if it is
greater, so that ties give everything to the first, as in PyTorch.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from . import Array, as_array, filled
from .fast import pooling as fast
from .fast.memory import prepare
from .fast.products import sum_of_squares
from .fast.threads import by_images
from .scatter import scatter
from .windows import Cut, Pair, cut, fold, inside, pad, taps


def max_pool(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1),
    ceil: bool = False,
) -> tuple[Array, Callable[[], Array], Callable[[Array], Array]]:  # fmt: skip
    """Maxima (N, C, OH, OW) of the windows of images (N, C, H, W), and two functions for them.

    The first gives their places in the flattened batch of padded images; the second puts a value
    for each at its place in images, where windows overlap adding.
    """
    prepare()
    where = cut((x.shape[2], x.shape[3]), kernel, stride, padding, dilation, ceil)
    quick = fast.max_pool(x, where) if isinstance(x, np.ndarray) else None
    y, offsets, spread = quick or (*_maxima(x, where), None)
    whole = slice(0, len(y))
    reach = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    apart = all(s >= r for s, r in zip(stride, reach, strict=True))  # no pixel is in two windows

    def places(part: slice = whole) -> Array:
        shape = (part.stop - part.start, y.shape[1], *where.padded)
        index = offsets(shape[3], part).astype(np.intp).reshape(y[part].shape)
        corners = _kept_corners if index.size < 2**16 else _corners
        index += np.asarray(corners(shape, stride, where.out), like=index)
        return index

    def spread_out(g: Array) -> Array:
        image = np.zeros((*y.shape[:2], *where.padded), g.dtype, like=y)

        def work(part: slice) -> None:
            into, index = image[part].reshape(-1), places(part).reshape(-1)
            if apart:
                into[index] = g[part].reshape(-1)
            else:
                into[...] = scatter(g[part].reshape(-1), index, into.shape)

        by_images(work, g, 2**15)
        return inside(image, where)

    return y, places, spread or spread_out


def _maxima(x: Array, where: Cut, nan: bool = False) -> tuple[Array, Callable[[int, slice], Array]]:
    """The maxima and their offsets in images of a width; with ``nan`` the last NaN wins."""
    least = -np.inf if x.dtype.kind == "f" else int(x.min()) if x.size else 0
    padded = pad(x, where.padding, least, where.padded)
    # Copied first: comparisons of contiguous arrays run 4 times faster than of strided ones.
    y, *values = (padded[:, :, rows, cols].copy() for rows, cols in taps(where))
    places = np.zeros(y.shape, np.int32, like=y)
    places += np.asarray(_first(where), like=y)
    for tap, value in enumerate(values, 1):
        wins = (value > y) | (value != value) if nan else value > y
        # A product with the mask and a maximum: np.where takes 1.5 times as long.
        np.maximum(places, wins * np.int32(tap), out=places)
        np.maximum(y, value, out=y)
    if not nan and math.isnan(sum_of_squares(y)):
        return _maxima(x, where, nan=True)

    def offsets(width: int, part: slice) -> Array:
        rows, columns = np.divmod(places[part], np.int32(where.kernel[1]))
        down, right = where.dilation
        return as_array(rows * np.int32(width * down) + columns * np.int32(right))

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


def window_sums(x: Array, where: Cut) -> Array:
    """The sum of each window: (N, C, H, W) to (N, C, OH, OW)."""
    padded = pad(x, where.padding, 0, where.padded)
    y = np.zeros((*x.shape[:2], *where.out), x.dtype, like=x)
    for rows, cols in taps(where):
        y += padded[:, :, rows, cols]
    return y


def window_spread(g: Array, where: Cut) -> Array:
    """Add each value to all pixels of its window: the adjoint of ``window_sums``."""
    shape = *g.shape[:2], *where.kernel, *where.out
    return fold(np.broadcast_to(g[:, :, None, None], shape), where)


def window_shares(where: Cut, borders: bool, x: Array) -> Any:
    """1 over the number of pixels that count in each window: never those beyond the padding."""
    (h, w), (ph, pw) = where.size, where.padding
    if borders:
        h, w, ph, pw = h + 2 * ph, w + 2 * pw, 0, 0
        if where.padded == (h, w):
            return 1 / math.prod(where.kernel)
    ones = filled((1, 1, h, w), 1, x)
    return 1 / window_sums(ones, replace(where, padding=(ph, pw)))
