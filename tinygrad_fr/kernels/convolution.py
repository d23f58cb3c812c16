"""Convolution (cross-correlation) of images, and its two adjoints, as matrix products.

Each window becomes a column, so that one matrix product per image does all filters. The three maps
are bilinear and adjoint to each other: for every x, w, g
``<conv(x, w), g> = <x, conv_input(g, w)> = <w, conv_weight(x, g)>``.

With groups the channels and the filters are cut into as many equal runs, and each run of filters
(F, C // groups, kh, kw) sees only the channels of its own: as many convolutions side by side, which
one batched product does. ``groups = C`` is the depthwise convolution.
"""

from __future__ import annotations

import numpy as np

from . import Array
from .memory import prepare
from .windows import Pair, fold, output_size, pad, windows


def columns(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """The windows of images (N, C, H, W) as columns (N, C kh kw, OH OW).

    One row per position in the window (tap), so that each row is copied from long stretches of
    memory: with one channel 9 times faster than one row per window.
    """
    prepare()
    view = windows(pad(x, padding), kernel, stride, dilation)
    n, c, kh, kw, oh, ow = view.shape
    return np.ascontiguousarray(view).reshape(n, c * kh * kw, oh * ow)


def conv(
    x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Array, Array]:
    """Images (N, C, H, W) and filters (F, C // groups, kh, kw) to (N, F, OH, OW), and the columns.

    The columns are for ``conv_weight``.
    """
    f, _, kh, kw = w.shape
    oh, ow = output_size((x.shape[2], x.shape[3]), (kh, kw), stride, padding, dilation)
    cols = columns(x, (kh, kw), stride, padding, dilation)
    y = np.matmul(_grouped(w, groups), _split(cols, groups))
    return y.reshape(len(x), f, oh, ow), cols


def conv_weight(cols: Array, g: Array, shape: tuple[int, ...], groups: int) -> Array:
    """The gradient for filters of ``shape``, from the columns and the upstream gradient."""
    n, f, oh, ow = g.shape
    rows = g.reshape(n, f, oh * ow)
    if n == 1 and groups == 1:  # the larger factor on the left: 12 us to 9 on 8 filters of 3x3
        return np.asarray((cols[0] @ rows[0].T).T.reshape(shape))
    product = np.matmul(_split(rows, groups), _split(cols, groups).swapaxes(-1, -2))
    return np.asarray(product.sum(0).reshape(shape))


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
    rows = _split(g.reshape(n, f, oh * ow), groups)
    cols = np.matmul(_grouped(w, groups).swapaxes(-1, -2), rows)
    return fold(cols.reshape(n, groups * c, kh, kw, oh, ow), size, stride, padding, dilation)


def _grouped(w: Array, groups: int) -> Array:
    """Filters as the matrices (groups, F // groups, C // groups kh kw); as one, without groups."""
    f = len(w)
    return w.reshape(f, -1) if groups == 1 else w.reshape(groups, f // groups, -1)


def _split(rows: Array, groups: int) -> Array:
    """(N, R, L) as (N, groups, R // groups, L); as it is, without groups."""
    n, r, length = rows.shape
    return rows if groups == 1 else rows.reshape(n, groups, r // groups, length)
