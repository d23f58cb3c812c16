"""The maxima of 2x2 windows in fewer passes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import Array, fast
from ..windows import Cut, taps

Maxima = tuple[Array, Callable[[int], Array], Callable[[Array], Array] | None]


def max_pool(x: Array, where: Cut) -> Maxima | None:
    """Maxima, their offsets in images of a width and, compiled, what spreads values to them.

    None where windows are others than 2x2 in the image, or a maximum is NaN.
    """
    if where.kernel != (2, 2) or where.dilation != (1, 1) or where.padded != where.size:
        return None
    compiled = fast.kernels(x) if where.stride == (2, 2) else None
    if compiled and not math.isnan(np.vdot(x, x)):
        return _compiled(compiled, x, where)
    a, b, c, d = (x[:, :, rows, cols].copy() for rows, cols in taps(where))
    # In two rounds, with masks in place of offsets: 20 us to 14.
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

    y = np.asarray(np.maximum(top, bottom, out=top))
    return None if math.isnan(np.vdot(y, y)) else (y, offsets, None)


def _compiled(compiled: Any, x: Array, where: Cut) -> Maxima:
    """In one pass forward and one backward: a tenth of the time."""
    n, c, h, w = x.shape
    y, place = np.empty((n * c, *where.out), x.dtype), np.empty((n * c, *where.out), np.uint8)
    compiled.max_pool(np.ascontiguousarray(x).reshape(n * c, h, w), y, place)

    def offsets(width: int) -> Array:
        rows, columns = np.divmod(place.astype(np.intp), 2)
        return np.asarray(rows * width + columns)

    def spread(g: Array) -> Array:
        image = np.empty((n * c, h, w), g.dtype)
        compiled.max_pool_input(np.ascontiguousarray(g).reshape(place.shape), place, image)
        return image.reshape(n, c, h, w)

    return y.reshape(n, c, *where.out), offsets, spread
