"""The convolutions that another way than by columns makes quicker: Winograd's, or compiled."""

import functools

import numpy as np

from .. import Array, fast
from ..windows import Pair, Windows, pad
from . import winograd
from .threads import by_images

_KEPT = 2**22  # numbers in the tiles that are kept for the backward pass


def conv(
    x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int,
    bias: Array | None, keep: bool,
) -> tuple[Array, Windows] | None:  # fmt: skip
    """The output and the windows, or None where columns are as quick."""
    if not _dense(w.shape, stride, dilation, groups):
        return None
    one_dtype = x.dtype == w.dtype and (bias is None or bias.dtype == w.dtype)
    if one_dtype and winograd.suits(x, w.shape, padding):
        # Tiles take 9/4 of the images' room. Kept, all three maps of conv A: 11 ms to 9.
        tiles: winograd.Tiles | None = {} if keep and 9 * x.size <= 4 * _KEPT else None
        y = winograd.conv(x, w, padding, bias, tiles)
        return y, Windows(x, stride, padding, dilation, tiles)
    compiled = fast.kernels(x, w, bias) if len(w) and _one_wide_channel(x, padding) else None
    if not compiled:
        return None
    # Without columns: half the time on the course's network, forward and for the filters.
    images, f = _images(x, padding), len(w)
    n, h, width = images.shape
    y = np.empty((n, f, h - 2, width - 2), x.dtype)
    moved = np.zeros(f, x.dtype) if bias is None else np.ascontiguousarray(bias)
    filters = np.ascontiguousarray(w).reshape(f, 3, 3)
    by_images(lambda part: compiled.conv(images[part], filters, moved, y[part]), y)
    return y, Windows(x, stride, padding, dilation)


def conv_weight(source: Windows, g: Array, shape: tuple[int, ...], groups: int) -> Array | None:
    """The gradient for filters of ``shape``, or None."""
    x, padding = source.x, source.padding
    if not _dense(shape, source.stride, source.dilation, groups):
        return None
    if x.dtype == g.dtype and winograd.suits(x, shape, padding):
        return winograd.conv_weight(x, g, padding, source.tiles)
    compiled = fast.kernels(x, g) if shape[0] and _one_wide_channel(x, padding) else None
    if not compiled:
        return None
    images, g = _images(x, padding), np.ascontiguousarray(g)

    def work(part: slice) -> Array:
        w = np.zeros((g.shape[1], 3, 3), g.dtype)
        compiled.conv_weight(images[part], g[part], w)
        return w

    return functools.reduce(np.add, by_images(work, g))[:, None]


def conv_input(
    g: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array | None:
    """The gradient for the images, or None."""
    if not _dense(w.shape, stride, dilation, groups) or g.dtype != w.dtype:
        return None
    return winograd.conv_input(g, w, padding) if winograd.suits(g, w.shape, padding) else None


def _dense(filters: tuple[int, ...], stride: Pair, dilation: Pair, groups: int) -> bool:
    return filters[2:] == (3, 3) and stride == dilation == (1, 1) and groups == 1


def _one_wide_channel(x: Array, padding: Pair) -> bool:
    """Whether there is one channel, with windows in rows long enough for vectors."""
    channels, _, width = x.shape[1:]
    return bool(channels == 1 and width + 2 * padding[1] >= 42)


def _images(x: Array, padding: Pair) -> Array:
    """Images of one channel (N, H, W), padded."""
    padded = pad(x, padding)
    return np.ascontiguousarray(padded).reshape(len(padded), *padded.shape[2:])
