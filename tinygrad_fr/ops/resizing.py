"""Images, and signals, in another size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import composed
from ..checks import one_of, whole
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels.stable import single
from .joining import stack, take


@composed(r"y_i = x_{\lfloor i n / m \rfloor}", examples=lambda draw: [
    (draw(1, 2, 3, 4), (6, 6)), (draw(2, 1, 3), None, 2.5), (draw(1, 1, 2, 2), None, (1, 2)),
])  # fmt: skip
def interpolate(x: Array, size: Any = None, scale_factor: Any = None, mode: str = "nearest"):
    """The nearest number, or pixel, for each place of an image of another size.

    Parameters
    ----------
    x
        (N, C, ...) with one axis or more to resize.
    size
        The sizes of these axes afterwards: an integer for all, or one for each.
    scale_factor
        How many times larger they become, in place of ``size``.
    mode
        Only ``"nearest"``.

    Raises
    ------
    ArgumentError, ShapeError
        Without a size and a factor, or with both; if they are not one for each axis.

    Examples
    --------
    >>> interpolate([[[1.0, 2.0]]], scale_factor=2)
    array([[[1., 1., 2., 2.]]])
    """
    one_of(mode, "mode", ("nearest",))
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate takes a size or a scale_factor")
    if x.ndim < 3:
        raise ShapeError("{x} must have the axes (examples, channels, ...)")
    given = size if scale_factor is None else scale_factor
    wanted = list(given) if isinstance(given, (tuple, list)) else [given] * (x.ndim - 2)
    if len(wanted) != x.ndim - 2:
        raise ShapeError("{x} has {n} axes to resize, not {m}", n=x.ndim - 2, m=len(wanted))
    for axis, target in enumerate(wanted, 2):
        n = x.shape[axis]
        m = whole(target, "size", 1) if scale_factor is None else math.floor(n * target)
        if m < 1 or not n:
            raise ArgumentError("axis {axis} cannot go from {n} to {m}", axis=axis, n=n, m=m)
        steps = np.arange(m)
        places = steps * n // m if scale_factor is None else np.floor(steps / target).astype(int)
        if m != n or places[-1] != n - 1:
            x = take(x, np.minimum(places, n - 1), axis)
    return x


@composed(r"y_{ij} = \overline{x_{[i] [j]}}", examples=lambda draw: [
    (draw(1, 2, 4, 6), 2), (draw(2, 5, 3), (2, None)), (draw(1, 1, 2, 3), (3, 2)),
])  # fmt: skip
def adaptive_avg_pool2d(x: Array, output_size: Any):
    r"""The means of parts of an image, equal or nearly so: (N, C, H, W) to (N, C, OH, OW).

    Parameters
    ----------
    x
        (N, C, H, W), or (C, H, W).
    output_size
        An integer, or two (down, across); None keeps the size.

    Notes
    -----
    Part i of m goes from :math:`\lfloor i H / m \rfloor` to :math:`\lceil (i + 1) H / m
    \rceil`, so parts may overlap.

    Examples
    --------
    >>> adaptive_avg_pool2d([[[1.0, 3.0, 5.0]]], 1)
    array([[[3.]]])
    """
    if x.ndim not in (3, 4):
        raise ShapeError("{x} must be images, (N, C, H, W) or (C, H, W)")
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(sizes) != 2:
        raise ArgumentError("output_size is an integer or two, not {value!r}", value=output_size)
    if not x.size:
        raise ShapeError("{x} has no pixels")
    y = single(x)
    for axis, m in zip((-2, -1), sizes, strict=True):
        y = y if m is None else _means(y, axis, whole(m, "output_size", 1))
    return y if y.dtype == x.dtype or x.dtype.kind != "f" else y.astype(x.dtype)


def _means(x: Any, axis: int, m: int) -> Any:
    """The means of m parts of an axis, counted from the end."""
    n, rest = x.shape[axis], (slice(None),) * (-1 - axis)
    parts = [slice(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
    return stack([x[(..., part, *rest)].mean(axis) for part in parts], axis)
