"""Pooling of images."""

from __future__ import annotations

from typing import Any

from ..autograd.engine import Node
from ..autograd.examples import Draw
from ..autograd.op import op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels import pooling as kernel
from ..kernels.stable import floating
from ..kernels.windows import Pair
from ..messages import _
from .convolution import fits, pair


@op(r"y = \max_{\text{fenêtre}} x", examples=lambda draw: [
    (draw.distinct(2, 3, 4, 6), 2), (draw.distinct(1, 2, 5, 5), 3, 2),
    (draw.distinct(1, 2, 5, 5), 3, 1, 1), (draw.distinct(2, 1, 5, 4), (2, 3), (1, 2)),
])  # fmt: skip
def max_pool2d(
    x: Array, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
):
    """Maximum of each window; ties give the gradient to the first, in row-major order.

    Parameters
    ----------
    x
        Images (N, C, H, W).
    kernel_size, stride, padding
        Integers or (vertical, horizontal); the stride is the kernel's size by default.

    Returns
    -------
    (N, C, OH, OW)

    Examples
    --------
    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    size, stride, padding = _checked(x, kernel_size, stride, padding)
    y, maxima = kernel.max_pool(x, size, stride, padding)

    def to_x(g, y, x):
        r"""\bar{x}_{ij} = \bar{y} \text{ au premier maximum de la fenêtre, } 0 \text{ ailleurs}"""
        if isinstance(g, Node):
            return _pool_scatter(g, maxima.places(), x.shape[2:], size, stride, padding)
        return maxima.spread(g)

    return y, to_x


@op(r"y = \tfrac{1}{k_h k_w} \sum_{\text{fenêtre}} x", examples=lambda draw: [
    (draw(2, 3, 4, 6), 2), (draw(1, 2, 5, 5), 3, 2), (draw(1, 2, 5, 5), 3, 1, 1),
    (draw(2, 1, 5, 4), (2, 3), (1, 2)), (draw(1, 1, 4, 4), 2, 2, 1, {"count_include_pad": False}),
])  # fmt: skip
def avg_pool2d(
    x: Array, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
    *, count_include_pad: bool = True,
):  # fmt: skip
    """Mean of each window.

    Parameters
    ----------
    x
        Images (N, C, H, W).
    kernel_size, stride, padding
        As for ``max_pool2d``; the padding is of zeros.
    count_include_pad
        Whether the zeros of the padding count in the mean.

    Returns
    -------
    (N, C, OH, OW)

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    size, stride, padding = _checked(x, kernel_size, stride, padding)
    x = floating(x)
    share = kernel.window_shares(x, size, stride, padding, count_include_pad)

    def to_x(g, y, x):
        r"""\bar{x}_{ij} = \tfrac{1}{k_h k_w} \sum_{\text{fenêtres} \ni (i,j)} \bar{y}"""
        spread = _window_spread if isinstance(g, Node) else kernel.window_spread
        return spread(g * share, x.shape[2:], size, stride, padding)

    return kernel.window_sums(x, size, stride, padding) * share, to_x


@op(r"x_{ij} = \sum_{\text{fenêtres} \ni (i,j)} g", examples=lambda draw: [
    (draw(1, 2, 2, 2), (5, 5), (3, 3), (2, 2), (0, 0)),
    (draw(1, 1, 3, 3), (3, 3), (3, 3), (1, 1), (1, 1)),
])  # fmt: skip
def _window_spread(g: Array, size: Pair, kernel_size: Pair, stride: Pair, padding: Pair):
    """Add each value to all pixels of its window: the adjoint of ``_window_sums``."""

    def to_g(u, y, g):
        r"""\bar{g} = \sum_{(i,j) \in \text{fenêtre}} \bar{x}_{ij}"""
        return _window_sums(u, kernel_size, stride, padding)

    return kernel.window_spread(g, size, kernel_size, stride, padding), to_g


@op(r"y = \sum_{(i,j) \in \text{fenêtre}} x_{ij}", examples=lambda draw: [
    (draw(1, 2, 5, 5), (3, 3), (2, 2), (0, 0)), (draw(1, 1, 3, 3), (3, 3), (1, 1), (1, 1)),
])  # fmt: skip
def _window_sums(x: Array, kernel_size: Pair, stride: Pair, padding: Pair):
    """The sum of each window: the adjoint of ``_window_spread``."""

    def to_x(g, y, x):
        r"""\bar{x}_{ij} = \sum_{\text{fenêtres} \ni (i,j)} \bar{y}"""
        return _window_spread(g, x.shape[2:], kernel_size, stride, padding)

    return kernel.window_sums(x, kernel_size, stride, padding), to_x


def _checked(x: Array, kernel_size: Any, stride: Any, padding: Any) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding as pairs that fit the images."""
    size = pair(kernel_size, "kernel_size", 1)
    stride = size if stride is None else pair(stride, "stride", 1)
    padding = pair(padding, "padding", 0)
    if x.ndim != 4:
        raise ShapeError(
            _("{x} must have 4 axes, (images, channels, height, width): add one with x[None]")
        )
    if 2 * padding[0] > size[0] or 2 * padding[1] > size[1]:
        raise ArgumentError(
            _("padding {padding} is more than half of the window {kernel}: windows would be empty"),
            padding=padding,
            kernel=size,
        )
    fits(x, size, stride, padding)
    return size, stride, padding


def _index(shape: tuple[int, ...], window: Pair, stride: Pair) -> Array:
    return kernel.max_pool(Draw().distinct(*shape), window, stride, (0, 0))[1].places()


@op(r"x_{i(w)} = g_w", examples=lambda draw: [
    (draw(2, 1, 2, 3), _index((2, 1, 4, 6), (2, 2), (2, 2)), (4, 6), (2, 2), (2, 2), (0, 0)),
    (draw(1, 1, 3, 2), _index((1, 1, 4, 3), (2, 2), (1, 1)), (4, 3), (2, 2), (1, 1), (0, 0)),
])  # fmt: skip
def _pool_scatter(
    g: Array, index: Array, size: Pair, kernel_size: Pair, stride: Pair, padding: Pair
):
    """Put each value at its place in the images: the adjoint of ``_pool_gather``."""

    def to_g(u, y, g):
        r"""\bar{g}_w = \bar{x}_{i(w)}"""
        return _pool_gather(u, index, kernel_size, stride, padding)

    return kernel.scatter(g, index, size, kernel_size, stride, padding), to_g


@op(r"y_w = x_{i(w)}", examples=lambda draw: [
    (draw(2, 1, 4, 6), _index((2, 1, 4, 6), (2, 2), (2, 2)), (2, 2), (2, 2), (0, 0)),
    (draw(1, 1, 4, 3), _index((1, 1, 4, 3), (2, 2), (1, 1)), (2, 2), (1, 1), (0, 0)),
])  # fmt: skip
def _pool_gather(x: Array, index: Array, kernel_size: Pair, stride: Pair, padding: Pair):
    """The value at each place in the images: the adjoint of ``_pool_scatter``."""

    def to_x(u, y, x):
        r"""\bar{x}_{i(w)} = \bar{y}_w"""
        return _pool_scatter(u, index, x.shape[2:], kernel_size, stride, padding)

    return kernel.gather(x, index, padding), to_x
