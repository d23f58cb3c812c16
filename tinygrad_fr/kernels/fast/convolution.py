"""The convolutions that another way than by columns makes quicker: Winograd's, or compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import Array, fast
from ..windows import Pair, Windows, pad
from . import winograd

_KEPT = 2**22  # numbers in the tiles that are kept for the backward pass


def conv(
    x: Array, w: Array, where: Windows, groups: int, bias: Array | None, keep: bool
) -> tuple[Array, Windows] | None:
    """The output and the windows, or None where columns are as quick."""
    if _tiled(x, w.dtype, w.shape, where, groups) and (bias is None or bias.dtype == w.dtype):
        # Tiles take 9/4 of the images' room. Kept, all three maps of conv A: 11 ms to 9.
        tiles: winograd.Tiles | None = {} if keep and 9 * x.size <= 4 * _KEPT else None
        return winograd.conv(x, w, where.padding, bias, tiles), where._replace(tiles=tiles)
    compiled = fast.kernels(x, w, bias) if _one_channel(x, w.shape, where) else None
    if not compiled:
        return None
    # Without columns: half the time on the course's network, forward and for the filters.
    images, f = _images(x, where.padding), len(w)
    n, h, width = images.shape
    y = np.empty((n, f, h - 2, width - 2), x.dtype)
    moved = np.zeros(f, x.dtype) if bias is None else np.ascontiguousarray(bias)
    compiled.conv(images, np.ascontiguousarray(w).reshape(f, 3, 3), moved, y)
    return y, where


def conv_weight(where: Windows, g: Array, shape: tuple[int, ...], groups: int) -> Array | None:
    """The gradient for filters of ``shape``, or None."""
    if _tiled(where.x, g.dtype, shape, where, groups):
        return winograd.conv_weight(where.x, g, where.padding, where.tiles)
    compiled = fast.kernels(where.x, g) if _one_channel(where.x, shape, where) else None
    if not compiled:
        return None
    w = np.zeros((g.shape[1], 3, 3), g.dtype)
    compiled.conv_weight(_images(where.x, where.padding), np.ascontiguousarray(g), w)
    return w[:, None]


def conv_input(g: Array, w: Array, where: Windows, groups: int) -> Array | None:
    """The gradient for the images, or None."""
    if _tiled(g, w.dtype, w.shape, where, groups):
        return winograd.conv_input(g, w, where.padding)
    return None


def _tiled(
    x: Array, other: np.dtype[Any], shape: tuple[int, ...], where: Windows, groups: int
) -> bool:
    """Whether ``winograd`` does it, and faster."""
    plain = where.stride == where.dilation == (1, 1) and groups == 1
    return plain and x.dtype == other and winograd.suits(x, shape, where.padding)


def _one_channel(x: Array, filters: tuple[int, ...], where: Windows) -> bool:
    """Whether 3x3 filters are on one channel, with windows in rows long enough for vectors."""
    return (
        filters[0] > 0
        and filters[1:] == (1, 3, 3) == (x.shape[1], 3, 3)
        and where.stride == where.dilation == (1, 1)
        and x.shape[3] + 2 * where.padding[1] >= 42
    )


def _images(x: Array, padding: Pair) -> Array:
    """Images of one channel (N, H, W), padded."""
    padded = pad(x, padding)
    return np.ascontiguousarray(padded).reshape(len(padded), *padded.shape[2:])
