"""Pooling of images."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.engine import Node
from ..autograd.op import op
from ..checks import pair
from ..errors import ArgumentError
from ..kernels import Array
from ..kernels import pooling as kernel
from ..kernels.stable import floating
from ..kernels.windows import Cut, Pair, cut, inside
from .casting import in_single
from .convolution import batch, check_images, fits
from .indexing import _scatter


@op(r"y = \max_{\text{window}} x", examples=lambda draw: [
    (draw.distinct(2, 3, 4, 6), 2), (draw.distinct(1, 2, 5, 5), 3, 2),
    (draw.distinct(1, 2, 5, 5), 3, 1, 1), (draw.distinct(2, 1, 5, 4), (2, 3), (1, 2)),
    (draw.distinct(2, 6, 5), 2, 2, 1, {"dilation": (2, 1), "ceil_mode": True}),
])  # fmt: skip
def max_pool2d(
    x: Array, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
    *, dilation: int | Pair = 1, ceil_mode: bool = False,
):  # fmt: skip
    """Maximum of each window; ties give the gradient to the first, in row-major order.

    Of several NaN in a window the last gets it, as in PyTorch.

    Parameters
    ----------
    x
        Images (N, C, H, W), or one of them (C, H, W).
    kernel_size, stride, padding, dilation
        Integers or (vertical, horizontal); the stride is the kernel's size by default.
    ceil_mode
        Keep also the windows that begin in the image, or in the padding before it, and end beyond.

    Returns
    -------
    (N, C, OH, OW) or (C, OH, OW)

    Examples
    --------
    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    cuts = _checked(x, kernel_size, stride, padding, dilation, ceil_mode)
    where = cut(x.shape[-2:], *cuts)
    y, places, spread = kernel.max_pool(batch(x), *cuts)

    def to_x(g, y, x):
        r"""\bar{x}_{ij} = \bar{y} \text{ at the window's first maximum, } 0 \text{ elsewhere}"""
        if isinstance(g, Node):
            padded = *batch(x).shape[:2], *where.padded
            image = _scatter(batch(g).ravel(), places().ravel(), (math.prod(padded),))
            return inside(image.reshape(padded), where)
        return spread(batch(g))  # the engine takes off the axis of a batch of one

    return y if x.ndim == 4 else y[0], to_x


@op(r"y = \tfrac{1}{k_h k_w} \sum_{\text{window}} x", examples=lambda draw: [
    (draw(2, 3, 4, 6), 2), (draw(1, 2, 5, 5), 3, 2), (draw(1, 2, 5, 5), 3, 1, 1),
    (draw(2, 1, 5, 4), (2, 3), (1, 2)), (draw(1, 1, 4, 4), 2, 2, 1, {"count_include_pad": False}),
    (draw(2, 6, 5), 3, 2, 1, {"ceil_mode": True}),
])  # fmt: skip
@in_single
def avg_pool2d(
    x: Array, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
    *, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None,
):  # fmt: skip
    """Mean of each window.

    Parameters
    ----------
    x
        Images (N, C, H, W), or one of them (C, H, W).
    kernel_size, stride, padding, ceil_mode
        As for ``max_pool2d``; the padding is of zeros.
    count_include_pad
        Whether the zeros of the padding count in the mean; what lies beyond them never does.
    divisor_override
        Divide the sums by this number instead.

    Returns
    -------
    (N, C, OH, OW) or (C, OH, OW)

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    where = cut(x.shape[-2:], *_checked(x, kernel_size, stride, padding, 1, ceil_mode))
    x = floating(x)
    if divisor_override == 0:
        raise ArgumentError("divisor_override is not 0")
    shares = kernel.window_shares(where, count_include_pad, x)
    share = 1 / divisor_override if divisor_override else shares

    def to_x(g, y, x):
        r"""\bar{x}_{ij} = \tfrac{1}{k_h k_w} \sum_{\text{windows} \ni (i,j)} \bar{y}"""
        if isinstance(g, Node):
            return _window_spread(batch(g) * share, where, ceil_mode)
        return kernel.window_spread(batch(g) * share, where)

    y = kernel.window_sums(batch(x), where) * share
    return y if x.ndim == 4 else y[0], to_x


@op(r"x_{ij} = \sum_{\text{windows} \ni (i,j)} g", examples=lambda draw: [
    (draw(1, 2, 2, 2), cut((5, 5), (3, 3), (2, 2), (0, 0)), False),
    (draw(1, 1, 3, 3), cut((3, 3), (3, 3), (1, 1), (1, 1)), False),
])  # fmt: skip
def _window_spread(g: Array, where: Cut, ceil: bool):
    """Add each value to all pixels of its window: the adjoint of ``avg_pool2d`` undivided."""

    def to_g(u, y, g):
        r"""\bar{g} = \sum_{(i,j) \in \text{window}} \bar{x}_{ij}"""
        cuts = where.kernel, where.stride, where.padding
        return avg_pool2d(u, *cuts, ceil_mode=ceil, divisor_override=1)

    return kernel.window_spread(g, where), to_g


def _checked(x: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: Any) -> Any:
    """How the windows are cut, in pairs, if some fit the images."""
    size, dilation = pair(kernel, "kernel_size", 1), pair(dilation, "dilation", 1)
    stride = size if stride is None else pair(stride, "stride", 1)
    padding = pair(padding, "padding", 0) if all(x.shape[-2:]) else (0, 0)
    check_images(x)
    if 2 * padding[0] > size[0] or 2 * padding[1] > size[1]:
        raise ArgumentError(
            "padding {padding} is more than half of the window {kernel}: windows would be empty",
            padding=padding,
            kernel=size,
        )
    cuts = size, stride, padding, dilation, bool(ceil)
    fits(x, *cuts)
    return cuts
