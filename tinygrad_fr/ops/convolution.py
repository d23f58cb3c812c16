"""Convolution of images, with its two adjoints as operations: each is the closure of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.modes import current_mode
from ..autograd.op import composed, op
from ..checks import pair
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels import convolution as kernel
from ..kernels.windows import Pair, Windows, cut
from ..messages import _
from .casting import in_single
from .joining import pad


@op(r"Y = X \star K + b", examples=lambda draw: [
    (draw(2, 3, 5, 6), draw(4, 3, 3, 2), draw(4)), (draw(2, 1, 5, 5), draw(2, 1, 3, 3)),
    (draw(1, 2, 6, 7), draw(3, 2, 3, 3), None, 2, 1),
    (draw(2, 2, 5, 6), draw(3, 2, 2, 3), draw(3), (2, 1), (1, 2)),
    (draw(1, 4, 6, 7), draw(6, 2, 3, 2), draw(6), 1, 1, (2, 1), 2),
    (draw(2, 3, 7, 7), draw(3, 1, 3, 3), draw(3), 2, 1, 2, 3), (draw(1, 4, 5), draw(2, 1, 3, 2)),
])  # fmt: skip
@in_single
def conv2d(
    x: Array, weight: Array, bias: Array | None = None, stride: int | Pair = 1,
    padding: int | Pair | str = 0, dilation: int | Pair = 1, groups: int = 1,
):  # fmt: skip
    """Convolution of images (a cross-correlation, as everywhere in deep learning).

    Parameters
    ----------
    x
        Images (N, C, H, W), or one of them (C, H, W).
    weight
        Filters (F, C / groups, kh, kw).
    bias
        (F,), or None.
    stride, padding, dilation
        Integers or (vertical, horizontal): pixels from window to window, of zeros around the
        image, and from one pixel of a window to the next. Padding may be ``"valid"`` (none) or
        ``"same"`` (an image of the same size).
    groups
        The channels are cut into so many groups, each with its share of the filters.

    Returns
    -------
    (N, F, OH, OW) or (F, OH, OW), with
    ``OH = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1``.

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
    stride, dilation = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
    _check(x, weight, bias, groups)
    padding = border_of(padding, (weight.shape[2], weight.shape[3]), stride, dilation)
    fits(x, (weight.shape[2], weight.shape[3]), stride, padding, dilation)
    keep = current_mode().recording
    y, windows = kernel.conv(batch(x), weight, stride, padding, dilation, groups, bias, keep)
    static = stride, padding, dilation, groups

    def to_x(g, y, x, weight, bias):
        r"""\bar{X} = \bar{Y} \ast K \quad (K \text{ turned by } 180^\circ)"""
        if isinstance(g, Node):
            return _to_images(batch(g), weight, batch(x), static)
        return kernel.conv_input(batch(g), weight, x.shape[-2:], *static)

    def to_weight(g, y, x, weight, bias):
        r"""\bar{K} = X \star \bar{Y}"""
        if isinstance(g, Node):
            return _conv2d_weight(batch(x), batch(g), weight.shape, *static)
        return kernel.conv_weight(windows, batch(g), weight.shape, groups)

    def to_bias(g, y, x, weight, bias):
        r"""\bar{b}_f = \sum_{n,i,j} \bar{Y}_{nfij}"""
        return _to_bias(g)

    return y if x.ndim == 4 else y[0], to_x, to_weight, to_bias


def batch(x: Any) -> Any:
    """Images (N, C, H, W) as they are, and a single one (C, H, W) as a batch of one."""
    return x[None] if x.ndim == 3 else x


def _to_bias(g: Any) -> Any:
    return kernel.conv_bias(batch(g)) if isinstance(g, np.ndarray) else batch(g).sum((0, 2, 3))


def _to_images(g: Any, weight: Any, x: Any, static: tuple[Any, ...]) -> Any:
    """The gradient for the images ``x``, recorded: a transposed convolution."""
    if not x.size:  # there is none of no pixels
        return x * 0
    stride, padding, dilation, groups = static
    least = _least(g.shape[2:], weight.shape[2:], stride, padding, dilation)
    extra = x.shape[2] - least[0], x.shape[3] - least[1]
    return conv_transpose2d(g, weight, None, stride, padding, extra, groups, dilation)


def _least(size: Any, kernel: Any, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """The smallest images whose convolution has a ``size``."""
    axes = zip(size, kernel, stride, padding, dilation, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in axes)


@op(r"\bar{K} = X \star \bar{Y}", examples=lambda draw: [
    (draw(2, 3, 5, 6), draw(2, 4, 3, 5), (4, 3, 3, 2), (1, 1), (0, 0), (1, 1), 1),
    (draw(1, 2, 6, 7), draw(1, 3, 3, 4), (3, 2, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    (draw(1, 2, 5, 6), draw(1, 4, 3, 4), (4, 1, 2, 2), (1, 1), (0, 0), (2, 2), 2),
])  # fmt: skip
def _conv2d_weight(
    x: Array, g: Array, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair,
    groups: int,
):  # fmt: skip
    """Adjoint of the convolution in its filters: (F, C / groups, kh, kw)."""
    static = stride, padding, dilation, groups

    def to_x(u, y, x, g):
        r"""\bar{Y} \ast K"""
        return _to_images(g, u, x, static)

    def to_g(u, y, x, g):
        r"""X \star K"""
        return conv2d(x, u, None, *static)

    windows = Windows(x, stride, padding, dilation)
    return kernel.conv_weight(windows, g, shape, groups), to_x, to_g


@op(r"Y = X \ast K + b", examples=lambda draw: [
    (draw(2, 4, 3, 5), draw(4, 3, 3, 2), draw(3)), (draw(1, 2, 3, 3), draw(2, 3, 3, 3), None, 2, 1),
    (draw(1, 2, 3, 4), draw(2, 1, 3, 2), draw(2), (2, 3), (1, 0), (1, 2), 2, (1, 2)),
    (draw(1, 1, 3, 4), draw(1, 2, 2, 2), draw(2), 1, 0, (1, 2), 1, (2, 3)),
    (draw(2, 3, 2), draw(2, 1, 2, 2), draw(1), 1, (1, 0), (1, 2), 1, (2, 3)),
])  # fmt: skip
@in_single
def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None = None, stride: int | Pair = 1,
    padding: int | Pair = 0, output_padding: int | Pair = 0, groups: int = 1,
    dilation: int | Pair = 1,
):  # fmt: skip
    """Transposed convolution: the gradient of ``conv2d`` for its images, used to enlarge them.

    Parameters
    ----------
    x
        Images (N, C, H, W), or one of them (C, H, W).
    weight
        Filters (C, F / groups, kh, kw).
    bias
        (F,), or None.
    stride, padding, dilation, groups
        Those of the convolution whose gradient it is.
    output_padding
        Rows and columns that are added below and on the right, as several sizes of images are
        convolved to the same size. As in PyTorch, less than the stride or the dilation.

    Returns
    -------
    (N, F, OH, OW) or (F, OH, OW), with
    ``OH = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1``.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 2)), stride=(1, 2))
    array([[[[1., 1., 1., 1.],
             [1., 1., 1., 1.]]]])
    """
    stride, padding = pair(stride, "stride", 1), pair(padding, "padding", 0)
    dilation, extra = pair(dilation, "dilation", 1), pair(output_padding, "output_padding", 0)
    _check(x, weight, bias, groups, transposed=True)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ArgumentError(
            "output_padding {extra} must be less than the stride {stride} or the dilation",
            extra=extra,
            stride=stride,
        )
    h, w = x.shape[-2:]
    least = _least((h, w), weight.shape[2:], stride, padding, dilation)
    size = least[0] + extra[0], least[1] + extra[1]
    if min(size) < 1:
        raise ShapeError("nothing is left of {x} with padding {padding}", padding=padding)
    static = stride, padding, dilation, groups
    y = kernel.conv_input(batch(x), weight, size, *static)
    if bias is not None:
        y = y + bias[:, None, None]
    # As many windows more fit where as much as a stride is added: they belong to no pixel of x.
    below, beside = extra[0] // stride[0], extra[1] // stride[1]

    def to_x(g, y, x, weight, bias):
        r"""\bar{X} = \bar{Y} \star K"""
        d = conv2d(g, weight, None, *static)
        return d[..., :h, :w] if below or beside else d

    def to_weight(g, y, x, weight, bias):
        r"""\bar{K} = \bar{Y} \star X"""
        x = batch(x)
        x = pad(x, ((0, 0), (0, 0), (0, below), (0, beside))) if below or beside else x
        return _conv2d_weight(batch(g), x, weight.shape, *static)

    def to_bias(g, y, x, weight, bias):
        r"""\bar{b}_f = \sum_{n,i,j} \bar{Y}_{nfij}"""
        return _to_bias(g)

    return y if x.ndim == 4 else y[0], to_x, to_weight, to_bias


@composed(r"Y = X \star K + b", examples=lambda draw: [
    (draw(2, 3, 6), draw(4, 3, 3), draw(4)), (draw(1, 4, 7), draw(2, 2, 2), None, 2, 1, 2, 2),
    (draw(2, 5), draw(3, 2, 2)),
])  # fmt: skip
def conv1d(
    x: Array, weight: Array, bias: Array | None = None, stride: int = 1,
    padding: int | str = 0, dilation: int = 1, groups: int = 1,
):  # fmt: skip
    """Convolution of signals: ``conv2d`` of images one pixel high.

    Parameters
    ----------
    x
        Signals (N, C, L), or one of them (C, L).
    weight
        Filters (F, C / groups, k).
    bias
        (F,), or None.
    stride, padding, dilation, groups
        As for ``conv2d``, integers.

    Returns
    -------
    (N, F, OL) or (F, OL)

    Examples
    --------
    >>> conv1d([[[1.0, 2.0, 4.0]]], [[[1.0, -1.0]]])
    array([[[-1., -2.]]])
    """
    if x.ndim not in (2, 3) or weight.ndim != 3:
        raise ShapeError(
            "{x} and {weight} must have 3 axes: (signals, channels, length), or without the "
              "first, and (filters, channels, length)"
        )  # fmt: skip
    border: Any = padding if isinstance(padding, str) else (0, _single(padding))
    step, reach = (1, _single(stride)), (1, _single(dilation))
    return conv2d(x[..., None, :], weight[:, :, None], bias, step, border, reach, groups)[..., 0, :]


def _single(value: Any) -> Any:
    """``3`` and ``(3,)`` as 3; the rest is refused where it is used."""
    return value[0] if isinstance(value, (tuple, list)) and len(value) == 1 else value


def border_of(padding: Any, size: Pair, stride: Pair, dilation: Pair) -> Pair:
    """By how much each side grows, which a word may tell."""
    if not isinstance(padding, str):
        return pair(padding, "padding", 0)
    if padding == "valid":
        return 0, 0
    total = dilation[0] * (size[0] - 1), dilation[-1] * (size[-1] - 1)
    if padding != "same" or {*stride} != {1} or total[0] % 2 or total[1] % 2:
        raise ArgumentError(
            'padding is a number, a pair, "valid", or with a stride of 1 and odd filters '
              '"same"; not {padding!r}', padding=padding,
        )  # fmt: skip
    return total[0] // 2, total[1] // 2


def _check(
    x: Array, weight: Array, bias: Array | None, groups: int, transposed: bool = False
) -> None:
    check_images(x)
    if weight.ndim != 4:
        raise ShapeError("{weight} must have 4 axes: (filters, channels, height, width)")
    if not isinstance(groups, (int, np.integer)) or groups < 1 or len(weight) % groups:
        raise ArgumentError(
            _("groups ({groups}) must divide the number of channels, {n}") if transposed
            else _("groups ({groups}) must divide the number of filters, {n}"),
            groups=groups, n=len(weight),
        )  # fmt: skip
    expected, filters = weight.shape[1] * groups, len(weight)
    if transposed:
        expected, filters = filters, expected
    if x.shape[-3] != expected:
        raise ShapeError(
            _("{x} has {n} channels (axis {axis}), but the filters {weight}, laid out "
              "(channels, filters, height, width), expect {m}") if transposed
            else _("{x} has {n} channels (axis {axis}), but the filters {weight} expect {m}: "
                   "images are (N, C, H, W) or (C, H, W); from (N, H, W, C) use "
                   ".transpose(0, 3, 1, 2), from (N, H, W) x[:, None]"),
            n=x.shape[-3], axis=x.ndim - 3, m=expected,
        )  # fmt: skip
    if bias is not None and bias.shape != (filters,):
        raise ShapeError("{bias} must have one entry per filter of {weight}")


def check_images(x: Array) -> None:
    if x.ndim not in (3, 4):
        raise ShapeError(
            "{x} must have 4 axes, (images, channels, height, width), or 3 without the first: "
              "add one with x[None]"
        )  # fmt: skip


def fits(
    x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool = False
) -> None:
    """Raise if no window fits into the images."""
    if min(cut(x.shape[-2:], size, stride, padding, dilation, ceil).out) < 1:
        reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True))
        text = _("a window of {kernel} does not fit into {x} with padding {padding}")
        if reach != size:
            text = _(
                "a window of {kernel}, {reach} with dilation {dilation}, does not fit into {x} "
                "with padding {padding}"
            )
        raise ShapeError(text, kernel=size, reach=reach, dilation=dilation, padding=padding)
