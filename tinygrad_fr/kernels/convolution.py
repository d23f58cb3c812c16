"""Convolution (cross-correlation) of images, and its two adjoints, as matrix products.

Each window becomes a column, so that one matrix product per image does all filters. The three maps
are bilinear and adjoint to each other: for every x, w, g
``<conv(x, w), g> = <x, conv_input(g, w)> = <w, conv_weight(x, g)>``.

With groups the channels and the filters are cut into as many equal runs, and each run of filters
(F, C // groups, kh, kw) sees only the channels of its own: as many convolutions side by side, which
one batched product does. ``groups = C`` is the depthwise convolution.

Many channels under 3x3 filters go through ``winograd`` instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from . import Array, fast
from .fast import winograd
from .fast.memory import prepare
from .windows import Pair, cut, fold, output_size, pad, windows

_KEPT = 2**22  # numbers in the columns that are kept for the backward pass
_BLOCK = 2**19  # and in those made a few images at a time, which stay in the cache


class Windows(NamedTuple):
    """Images whose columns are not kept, and how windows are cut out of them."""

    x: Array
    stride: Pair
    padding: Pair
    dilation: Pair
    tiles: winograd.Tiles | None = None


def columns(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ones: bool = False
) -> Array:
    """The windows of images (N, C, H, W) as columns (N, C kh kw, OH OW).

    One row per position in the window (tap), so that each row is copied from long stretches of
    memory: with one channel 9 times faster than one row per window. With ``ones`` as a last row, a
    product adds the bias: on the course's network at batch 128 a forward pass of 2.6 ms to 1.6.
    """
    prepare()
    view = windows(pad(x, padding), kernel, stride, dilation)
    n, c, kh, kw, oh, ow = view.shape
    taps = c * kh * kw
    cols = np.empty((n, taps + ones, oh * ow), x.dtype)
    cols[:, :taps].reshape(view.shape)[...] = view
    if ones:
        cols[:, taps] = 1
    return cols


def conv(
    x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int,
    bias: Array | None = None, keep: bool = True,
) -> tuple[Array, Array | Windows]:  # fmt: skip
    """Images (N, C, H, W) by filters (F, C // groups, kh, kw): (N, F, OH, OW), and the windows.

    The windows are for ``conv_weight``: columns, or where these are large what they are made from.
    Without ``keep`` there will be no gradient.
    """
    f, _, kh, kw = w.shape
    cut = stride, padding, dilation
    if _fast(x, w.dtype, w.shape, *cut, groups) and (bias is None or bias.dtype == w.dtype):
        # Tiles take 9/4 of the images' room. Kept, all three maps of conv A: 11 ms to 9.
        tiles: winograd.Tiles | None = {} if keep and 9 * x.size <= 4 * _KEPT else None
        return winograd.conv(x, w, padding, bias, tiles), Windows(x, *cut, tiles)
    compiled = fast.kernels(x, w, bias) if _one_channel(x, w.shape, *cut) else None
    if compiled:
        return _compiled_conv(compiled, x, w, bias, padding), Windows(x, *cut)
    n, c, height, width = x.shape
    oh, ow = output_size((height, width), (kh, kw), *cut)
    matrices, size = _grouped(w, groups), c * kh * kw * oh * ow
    ones = False
    if bias is not None and groups == 1:
        ones = True
        matrices = np.concatenate([matrices, bias[:, None]], 1)
    if n * size <= _KEPT:
        kept = columns(x, (kh, kw), *cut, ones)
        y = np.matmul(matrices, _split(kept, groups)).reshape(n, f, oh, ow)
        source: Array | Windows = kept
    else:
        y = np.empty((n, groups, f // groups, oh * ow), np.result_type(x, matrices))
        for block in _blocks(n, size):
            cols = columns(x[block], (kh, kw), *cut, ones)
            np.matmul(matrices, cols.reshape(len(cols), groups, -1, oh * ow), out=y[block])
        y, source = y.reshape(n, f, oh, ow), Windows(x, *cut)
    if bias is not None and not ones:
        y = y + bias[:, None, None]
    return y, source


def conv_weight(source: Array | Windows, g: Array, shape: tuple[int, ...], groups: int) -> Array:
    """The gradient for filters of ``shape``, from the windows and the upstream gradient."""
    n, f, oh, ow = g.shape
    if isinstance(source, Windows):
        x, cut = source.x, source[1:4]
        if _fast(x, g.dtype, shape, *cut, groups):
            return winograd.conv_weight(x, g, source.padding, source.tiles)
        compiled = fast.kernels(x, g) if _one_channel(x, shape, *cut) else None
        if compiled:
            return _compiled_conv_weight(compiled, x, g, source.padding)
        kernel, size = (shape[2], shape[3]), x.shape[1] * shape[2] * shape[3] * oh * ow
        total = np.zeros(shape, np.result_type(x, g))
        for block in _blocks(n, size):
            total += conv_weight(columns(x[block], kernel, *cut), g[block], shape, groups)
        return total
    source = source[:, : math.prod(shape[1:]) * groups]  # without a row of ones
    rows = g.reshape(n, f, oh * ow)
    if n == 1 and groups == 1:  # the larger factor on the left: 12 us to 9 on 8 filters of 3x3
        return np.asarray((source[0] @ rows[0].T).T.reshape(shape))
    product = np.matmul(_split(rows, groups), _split(source, groups).swapaxes(-1, -2))
    return np.asarray(product.sum(0).reshape(shape))


def _one_channel(
    x: Array, filters: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair
) -> bool:
    """Whether 3x3 filters are on one channel, with windows in rows long enough for vectors."""
    long = x.shape[3] + 2 * padding[1] >= 42
    return (
        filters[0] > 0
        and filters[1:] == (1, 3, 3) == (x.shape[1], 3, 3)
        and stride == dilation == (1, 1)
        and long
    )


def _compiled_conv(compiled: Any, x: Array, w: Array, bias: Array | None, padding: Pair) -> Array:
    """Without columns: half the time on the course's network, forward and for the filters."""
    padded, f = pad(x, padding), len(w)
    n, _, h, width = padded.shape
    y = np.empty((n, f, h - 2, width - 2), x.dtype)
    moved = np.zeros(f, x.dtype) if bias is None else np.ascontiguousarray(bias)
    images = np.ascontiguousarray(padded).reshape(n, h, width)
    compiled.conv(images, np.ascontiguousarray(w).reshape(f, 3, 3), moved, y)
    return y


def _compiled_conv_weight(compiled: Any, x: Array, g: Array, padding: Pair) -> Array:
    padded = pad(x, padding)
    n, _, h, width = padded.shape
    w = np.zeros((g.shape[1], 3, 3), g.dtype)
    images = np.ascontiguousarray(padded).reshape(n, h, width)
    compiled.conv_weight(images, np.ascontiguousarray(g), w)
    return w[:, None]


def conv_bias(g: Array) -> Array:
    """The gradient for the bias: the sum over images and pixels.

    As a product with ones: 1.3 times faster than ``g.sum((0, 2, 3))``.
    """
    n, f, oh, ow = g.shape
    sums = g.reshape(n, f, oh * ow) @ np.ones(oh * ow, g.dtype)
    return np.asarray(sums[0] if n == 1 else sums.sum(0))


def conv_input(
    g: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """The gradient for images of ``size``, from the upstream gradient (N, F, OH, OW)."""
    n, f, oh, ow = g.shape
    _, c, kh, kw = w.shape
    how = stride, padding, dilation
    if _fast(g, w.dtype, w.shape, *how, groups):
        return winograd.conv_input(g, w, padding)
    matrices, rows = _grouped(w, groups).swapaxes(-1, -2), _split(g.reshape(n, f, oh * ow), groups)
    x = np.empty((n, groups * c, *size), np.result_type(g, w))
    where = replace(cut(size, (kh, kw), *how), out=(oh, ow))  # more might fit
    for block in _blocks(n, groups * c * kh * kw * oh * ow):
        cols = np.matmul(matrices, rows[block])
        shape = len(g[block]), groups * c, kh, kw, oh, ow  # -1 would not do for an empty kernel
        x[block] = fold(cols.reshape(shape), where)
    return x


def _fast(
    x: Array, other: np.dtype[Any], shape: tuple[int, ...], stride: Pair, padding: Pair,
    dilation: Pair, groups: int,
) -> bool:  # fmt: skip
    """Whether ``winograd`` does it, and faster."""
    plain = stride == dilation == (1, 1) and groups == 1
    return plain and x.dtype == other and winograd.suits(x, shape, padding)


def _blocks(n: int, size: int) -> Iterator[slice]:
    """Some images at a time, whose columns of ``size`` numbers each fit into a block."""
    step = max(1, _BLOCK // max(size, 1))
    return (slice(i, i + step) for i in range(0, n, step))


def _grouped(w: Array, groups: int) -> Array:
    """Filters as the matrices (groups, F // groups, C // groups kh kw); as one, without groups."""
    f = len(w)
    return w.reshape(f, -1) if groups == 1 else w.reshape(groups, f // groups, -1)


def _split(rows: Array, groups: int) -> Array:
    """(N, R, L) as (N, groups, R // groups, L); as it is, without groups."""
    n, r, length = rows.shape
    return rows if groups == 1 else rows.reshape(n, groups, r // groups, length)
