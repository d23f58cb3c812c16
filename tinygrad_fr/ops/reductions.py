"""Sums, means, extrema over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import op
from ..kernels import Array, stable
from .elementwise import exp
from .shape import broadcast_to

Axis = int | tuple[int, ...] | None


def _examples(draw: Any) -> list[Any]:
    return [
        draw.distinct(3, 4), (draw.distinct(3, 4), 0), (draw.distinct(2, 3, 4), (0, -1)),
        (draw.distinct(3, 4), {"axis": 1, "keepdims": True}), (draw.distinct(2, 3), ()), draw(),
    ]  # fmt: skip


def kept_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape after a reduction that keeps its axes, with size 1."""
    if axis is None or not shape:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


@op(r"y = \sum_i x_i", numpy=np.sum, examples=_examples)
def sum(x: Array, axis: Axis = None, keepdims: bool = False):
    """Sum over all axes, or over those given.

    Examples
    --------
    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([4., 6.])
    """

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y}"""
        return broadcast_to(g.reshape(kept_shape(x.shape, axis)), x.shape)

    return x.sum(axis, keepdims=keepdims), to_x


@op(r"y = \tfrac1n \sum_i x_i", numpy=np.mean, examples=_examples)
def mean(x: Array, axis: Axis = None, keepdims: bool = False):
    """Mean over all axes, or over those given.

    Examples
    --------
    >>> mean([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([2., 3.])
    """
    n = math.prod(n for n, m in zip(x.shape, kept_shape(x.shape, axis), strict=True) if m == 1)
    share = 1.0 / n if n else math.nan

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} / n"""
        return broadcast_to((g * share).reshape(kept_shape(x.shape, axis)), x.shape)

    return x.mean(axis, keepdims=keepdims), to_x


@op(r"y = \max_i x_i", numpy=(np.max, np.amax), examples=_examples)
def max(x: Array, axis: Axis = None, keepdims: bool = False):
    """Maximum over all axes, or over those given; ties share the gradient equally.

    Examples
    --------
    >>> max([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([3., 4.])
    """

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} \odot [x_i = y] / \#\{j : x_j = y\}"""
        return _share_ties(g, y, x, axis)

    return x.max(axis, keepdims=keepdims), to_x


@op(r"y = \min_i x_i", numpy=(np.min, np.amin), examples=_examples)
def min(x: Array, axis: Axis = None, keepdims: bool = False):
    """Minimum over all axes, or over those given; ties share the gradient equally.

    Examples
    --------
    >>> min([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([1., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} \odot [x_i = y] / \#\{j : x_j = y\}"""
        return _share_ties(g, y, x, axis)

    return x.min(axis, keepdims=keepdims), to_x


def _share_ties(g: Any, y: Any, x: Any, axis: Axis) -> Any:
    kept = kept_shape(x.shape, axis)
    ties = (x == y.reshape(kept)).astype(x.dtype)
    return g.reshape(kept) * (ties / ties.sum(axis, keepdims=True))


@op(r"y = \ln \sum_i e^{x_i}", examples=_examples)
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False):
    """Logarithm of a sum of exponentials, without overflow.

    Examples
    --------
    >>> float(logsumexp([1000.0, 1000.0]).round(4))
    1000.6931
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot e^{x - y}"""
        kept = kept_shape(x.shape, axis)
        return g.reshape(kept) * exp(x - y.reshape(kept))

    y = stable.logsumexp(x, axis)
    return y if keepdims else np.squeeze(y, _all_axes(x, axis)), to_x


def _all_axes(x: Array, axis: Axis) -> Any:
    return tuple(range(x.ndim)) if axis is None else axis
