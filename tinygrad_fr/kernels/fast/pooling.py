"""The maxima of 2x2 windows in fewer passes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import Array, fast
from ..windows import Cut, taps
from .products import sum_of_squares
from .threads import by_images

Maxima = tuple[Array, Callable[[int, slice], Array], Callable[[Array], Array] | None]


def max_pool(x: Array, where: Cut) -> Maxima | None:
    """Maxima, their offsets in images of a width and, compiled, what spreads values to them.

    None where windows are others than 2x2 in the image, or a maximum is NaN.
    """
    if where.kernel != (2, 2) or where.dilation != (1, 1) or where.padded != where.size:
        return None
    compiled = fast.kernels(x) if where.stride == (2, 2) else None
    if compiled and not math.isnan(sum_of_squares(x)):
        return _compiled(compiled, x, where)
    if x.size <= 2**17:
        y, low, right = _maxima(x, where)
    else:
        shape = (*x.shape[:2], *where.out)
        y, low, right = np.empty(shape, x.dtype), np.empty(shape, bool), np.empty(shape, bool)

        def work(part: slice) -> None:
            y[part], low[part], right[part] = _maxima(x[part], where)

        by_images(work, y, 2**15)

    def offsets(width: int, part: slice) -> Array:
        # In single bytes where they suffice: with the corners kept, 11 us to 5.
        below, beside = low[part].view(np.uint8), right[part].view(np.uint8)
        offset = below * (np.uint8(width) if width < 255 else np.intp(width))
        offset += beside
        return np.asarray(offset)

    return None if math.isnan(sum_of_squares(y)) else (y, offsets, None)


def _maxima(x: Array, where: Cut) -> tuple[Array, Array, Array]:
    """The maxima, and which of them are in the lower row and in the right column of the window."""
    a, b, c, d = (x[:, :, rows, cols].copy() for rows, cols in taps(where))
    # In two rounds, with masks in place of offsets: 20 us to 14.
    top, bottom = np.maximum(a, b), np.maximum(c, d)
    low = bottom > top
    right = b > a
    right ^= low & (right ^ (d > c))  # where it is low: d > c
    return np.maximum(top, bottom, out=top), low, right


def _compiled(compiled: Any, x: Array, where: Cut) -> Maxima:
    """In one pass forward and one backward: a tenth of the time."""
    n, c, h, w = x.shape
    y, place = np.empty((n * c, *where.out), x.dtype), np.empty((n * c, *where.out), np.uint8)
    images = np.ascontiguousarray(x).reshape(n * c, h, w)
    by_images(lambda part: compiled.max_pool(images[part], y[part], place[part]), y)

    def offsets(width: int, part: slice) -> Array:
        rows, columns = np.divmod(place.reshape(n, c, *where.out)[part].astype(np.intp), 2)
        return np.asarray(rows * width + columns)

    def spread(g: Array) -> Array:
        image = np.empty((n * c, h, w), g.dtype)
        g = np.ascontiguousarray(g).reshape(place.shape)
        by_images(lambda part: compiled.max_pool_input(g[part], place[part], image[part]), g)
        return image.reshape(n, c, h, w)

    return y.reshape(n, c, *where.out), offsets, spread
