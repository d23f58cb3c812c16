"""Convolution (cross-correlation) of images, and its two adjoints, as matrix products.

Each window becomes a column, so that one matrix product per image does all filters. The three maps
are bilinear and adjoint to each other: for every x, w, g
``<conv(x, w), g> = <x, conv_input(g, w)> = <w, conv_weight(x, g)>``.
"""

from __future__ import annotations

import numpy as np

from . import Array
from .memory import prepare
from .windows import Pair, fold, output_size, pad, windows


def columns(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Array:
    """The windows of images (N, C, H, W) as columns (N, C kh kw, OH OW).

    One row per position in the window (tap), so that each row is copied from long stretches of
    memory: with one channel 9 times faster than one row per window.
    """
    prepare()
    view = windows(pad(x, padding), kernel, stride, dilation)
    n, c, kh, kw, oh, ow = view.shape
    return np.ascontiguousarray(view).reshape(n, c * kh * kw, oh * ow)


def conv(
    x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair = (1, 1), groups: int = 1
) -> tuple[Array, Array]:
    """Images (N, C, H, W) and filters (F, C / groups, kh, kw) to (N, F, OH, OW).

    And the columns, for the gradient of the filters.
    """
    f, _, kh, kw = w.shape
    oh, ow = output_size((x.shape[2], x.shape[3]), (kh, kw), stride, padding, dilation)
    cols = columns(x, (kh, kw), stride, padding, dilation)
    y = np.matmul(_grouped(w.reshape(f, -1), groups, 0), _grouped(cols, groups, 1))
    return y.reshape(len(x), f, oh, ow), cols


def conv_weight(cols: Array, g: Array, shape: tuple[int, ...], groups: int = 1) -> Array:
    """The gradient for filters of ``shape``, from the columns and the upstream gradient."""
    n, f, oh, ow = g.shape
    rows = g.reshape(n, f, oh * ow)
    if n == 1 and groups == 1:  # the larger factor on the left: 12 us to 9 on 8 filters of 3x3
        return np.asarray((cols[0] @ rows[0].T).T.reshape(shape))
    products = np.matmul(_grouped(rows, groups, 1), _grouped(cols, groups, 1).swapaxes(-1, -2))
    return np.asarray(products.sum(0).reshape(shape))


def conv_bias(g: Array) -> Array:
    """The gradient for the bias: the sum over images and pixels.

    As a product with ones: 1.3 times faster than ``g.sum((0, 2, 3))``.
    """
    n, f, oh, ow = g.shape
    sums = g.reshape(n, f, oh * ow) @ np.ones(oh * ow, g.dtype)
    return np.asarray(sums[0] if n == 1 else sums.sum(0))


def conv_input(
    g: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:  # fmt: skip
    """The gradient for images of ``size``, from the upstream gradient (N, F, OH, OW)."""
    n, f, oh, ow = g.shape
    _, c, kh, kw = w.shape
    filters = _grouped(w.reshape(f, -1), groups, 0).swapaxes(-1, -2)
    cols = np.matmul(filters, _grouped(g.reshape(n, f, oh * ow), groups, 1))
    return fold(cols.reshape(n, c * groups, kh, kw, oh, ow), size, stride, padding, dilation)


def _grouped(x: Array, groups: int, axis: int) -> Array:
    """The same with one axis cut into (groups, its share), for products group by group."""
    if groups == 1:
        return x
    share = x.shape[axis] // groups
    return x.reshape(*x.shape[:axis], groups, share, *x.shape[axis + 1 :])
