"""Convolution of images, with its two adjoints as operations: each is the closure of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels import convolution as kernel
from ..kernels.windows import Pair, output_size
from ..messages import _


def pair(value: Any, name: str, least: int) -> Pair:
    """``3`` and ``(3, 3)`` as (3, 3), vertical first."""
    if value.__class__ is int and value >= least:  # almost always: 0.9 us less
        return value, value
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in values):
        raise ArgumentError(
            _("{name} is an integer of at least {least}, or a pair of them, not {value!r}"),
            name=name,
            least=least,
            value=value,
        )
    return int(values[0]), int(values[1])


@op(r"Y = X \star K + b", examples=lambda draw: [
    (draw(2, 3, 5, 6), draw(4, 3, 3, 2), draw(4)), (draw(2, 1, 5, 5), draw(2, 1, 3, 3)),
    (draw(1, 2, 6, 7), draw(3, 2, 3, 3), None, 2, 1),
    (draw(2, 2, 5, 6), draw(3, 2, 2, 3), draw(3), (2, 1), (1, 2)),
])  # fmt: skip
def conv2d(
    x: Array, weight: Array, bias: Array | None = None, stride: int | Pair = 1,
    padding: int | Pair = 0,
):  # fmt: skip
    """Convolution of images (a cross-correlation, as everywhere in deep learning).

    Parameters
    ----------
    x
        Images (N, C, H, W).
    weight
        Filters (F, C, kh, kw).
    bias
        (F,), or None.
    stride, padding
        Integers or (vertical, horizontal): pixels between windows, and of zeros around the image.

    Returns
    -------
    (N, F, OH, OW), with ``OH = (H + 2 padding - kh) // stride + 1``.

    Raises
    ------
    ShapeError
        If the channels differ, or the filter is larger than the padded image.

    Examples
    --------
    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    array([[[[4., 4.],
             [4., 4.]]]])
    """
    stride, padding = pair(stride, "stride", 1), pair(padding, "padding", 0)
    _check(x, weight, bias, stride, padding)
    y, columns = kernel.conv(x, weight, stride, padding)
    if bias is not None:
        y += bias.reshape(-1, 1, 1)

    def to_x(g, y, x, weight, bias):
        r"""\bar{X} = \bar{Y} \ast K \quad (K \text{ retourné de } 180^\circ)"""
        adjoint = _conv2d_input if isinstance(g, Node) else kernel.conv_input
        return adjoint(g, weight, x.shape[2:], stride, padding)

    def to_weight(g, y, x, weight, bias):
        r"""\bar{K} = X \star \bar{Y}"""
        if isinstance(g, Node):
            return _conv2d_weight(x, g, weight.shape, stride, padding)
        return kernel.conv_weight(columns, g, weight.shape)

    def to_bias(g, y, x, weight, bias):
        r"""\bar{b}_f = \sum_{n,i,j} \bar{Y}_{nfij}"""
        raw = not isinstance(g, Node)
        return kernel.conv_bias(g) if raw else g.sum((0, 2, 3))

    return y, to_x, to_weight, to_bias


@op(r"\bar{X} = \bar{Y} \ast K", examples=lambda draw: [
    (draw(2, 4, 3, 5), draw(4, 3, 3, 2), (5, 6), (1, 1), (0, 0)),
    (draw(1, 3, 3, 4), draw(3, 2, 3, 3), (6, 7), (2, 2), (1, 1)),
])  # fmt: skip
def _conv2d_input(g: Array, weight: Array, size: Pair, stride: Pair, padding: Pair):
    """Adjoint of the convolution in its images: (N, F, OH, OW) to (N, C, *size)."""

    def to_g(u, y, g, weight):
        r"""X \star K"""
        return conv2d(u, weight, None, stride, padding)

    def to_weight(u, y, g, weight):
        r"""X \star \bar{Y}"""
        return _conv2d_weight(u, g, weight.shape, stride, padding)

    return kernel.conv_input(g, weight, size, stride, padding), to_g, to_weight


@op(r"\bar{K} = X \star \bar{Y}", examples=lambda draw: [
    (draw(2, 3, 5, 6), draw(2, 4, 3, 5), (4, 3, 3, 2), (1, 1), (0, 0)),
    (draw(1, 2, 6, 7), draw(1, 3, 3, 4), (3, 2, 3, 3), (2, 2), (1, 1)),
])  # fmt: skip
def _conv2d_weight(x: Array, g: Array, shape: tuple[int, ...], stride: Pair, padding: Pair):
    """Adjoint of the convolution in its filters: (F, C, kh, kw)."""

    def to_x(u, y, x, g):
        r"""\bar{Y} \ast K"""
        return _conv2d_input(g, u, x.shape[2:], stride, padding)

    def to_g(u, y, x, g):
        r"""X \star K"""
        return conv2d(x, u, None, stride, padding)

    columns = kernel.columns(x, (shape[2], shape[3]), stride, padding)
    return kernel.conv_weight(columns, g, shape), to_x, to_g


def _check(x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Pair) -> None:
    if x.ndim != 4:
        raise ShapeError(
            _("{x} must have 4 axes, (images, channels, height, width): add one with x[None]")
        )
    if weight.ndim != 4:
        raise ShapeError(_("{weight} must have 4 axes: (filters, channels, height, width)"))
    if x.shape[1] != weight.shape[1]:
        raise ShapeError(
            _(
                "{x} has {n} channels (axis 1), but the filters {weight} expect {m}: images are "
                "(N, C, H, W); from (N, H, W, C) use .transpose(0, 3, 1, 2)"
            ),
            n=x.shape[1],
            m=weight.shape[1],
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(_("{bias} must have one entry per filter of {weight}"))
    fits(x, (weight.shape[2], weight.shape[3]), stride, padding)


def fits(x: Array, kernel_size: Pair, stride: Pair, padding: Pair) -> None:
    """Raise if no window fits into the images."""
    if min(output_size((x.shape[2], x.shape[3]), kernel_size, stride, padding)) < 1:
        raise ShapeError(
            _("a window of {kernel} does not fit into {x} with padding {padding}"),
            kernel=kernel_size,
            padding=padding,
        )
