"""Operations that move numbers without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.op import op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..messages import _


def _sizes(sizes: tuple[Any, ...]) -> Any:
    """``(2, 3)`` from ``f(x, 2, 3)`` as from ``f(x, (2, 3))``."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


@op(r"Y = \operatorname{reshape}(X)", numpy=np.reshape, examples=lambda draw: [
    (draw(3, 4), 2, 6), (draw(3, 4), (4, -1)), (draw(2, 3), -1), (draw(1), ()),
])  # fmt: skip
def reshape(x: Array, *shape: int):
    """The same numbers, in the same (row-major) order, in another shape.

    Parameters
    ----------
    x
        Any shape.
    shape
        Sizes, or one tuple; one of them may be -1.

    Examples
    --------
    >>> reshape([[1.0, 2.0], [3.0, 4.0]], 4)
    array([1., 2., 3., 4.])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{reshape}(\bar{Y})"""
        return g.reshape(x.shape)

    try:
        return x.reshape(_sizes(shape)), to_x
    except ValueError:
        raise ShapeError(
            _("{x} has {n} elements, which do not fill the shape {shape}"),
            n=x.size,
            shape=_sizes(shape),
        ) from None


@op(r"Y = \operatorname{flatten}(X)", examples=lambda draw: [
    draw(2, 3, 4), (draw(2, 3, 4), 1), (draw(2, 3, 4), 0, 1),
])  # fmt: skip
def flatten(x: Array, start_dim: int = 0, end_dim: int = -1):
    """Merge neighbouring axes, in row-major order: (N, C, H, W) to (N, C H W) with ``start_dim=1``.

    Examples
    --------
    >>> flatten([[1.0, 2.0], [3.0, 4.0]])
    array([1., 2., 3., 4.])
    """
    ndim = max(x.ndim, 1)
    if not (-ndim <= start_dim < ndim and -ndim <= end_dim < ndim):
        raise ShapeError(_("{x} has no axes {start} to {end}"), start=start_dim, end=end_dim)
    start, end = start_dim % ndim, end_dim % ndim + 1
    if start >= end:
        raise ArgumentError(
            _("start_dim ({start}) comes after end_dim ({end})"), start=start_dim, end=end_dim
        )
    shape = x.shape or (1,)

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{reshape}(\bar{Y})"""
        return g.reshape(x.shape)

    return x.reshape(*shape[:start], int(np.prod(shape[start:end])), *shape[end:]), to_x


@op(r"Y = X^{\top}", numpy=(np.transpose, np.permute_dims), examples=lambda draw: [
    draw(3, 4), (draw(2, 3, 4), 1, 2, 0), (draw(2, 3, 4), (0, -1, 1)), draw(3), draw(),
])  # fmt: skip
def transpose(x: Array, *axes: int):
    """Reverse the axes, or put them in the given order.

    Examples
    --------
    >>> transpose([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 3.],
           [2., 4.]])
    """
    order = _sizes(axes) if axes else ()
    back: Any = ()
    if order and order != (None,):
        try:
            y = x.transpose(order)
        except ValueError:
            raise ShapeError(
                _("{x} has {n} axes, and {order} does not name each once"), order=order, n=x.ndim
            ) from None
        back = np.argsort([axis % x.ndim for axis in order]).tolist()
    else:
        y = x.T

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}^{\top}"""
        return g.transpose(*back)

    return y, to_x


@op(r"Y = X^{\top}", numpy=np.swapaxes, examples=lambda draw: [(draw(2, 3, 4), 0, -1)])
def swapaxes(x: Array, axis1: int, axis2: int):
    """Exchange two axes.

    Examples
    --------
    >>> swapaxes([[1.0, 2.0]], 0, 1)
    array([[1.],
           [2.]])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}^{\top}"""
        return g.swapaxes(axis1, axis2)

    return x.swapaxes(axis1, axis2), to_x


@op(r"Y = \operatorname{broadcast}(X)", numpy=np.broadcast_to, examples=lambda draw: [
    (draw(3, 1), (3, 4)), (draw(4), (2, 3, 4)), (draw(), (2,)),
])  # fmt: skip
def broadcast_to(x: Array, shape: tuple[int, ...]):
    """Repeat along new axes and along axes of size 1, without a copy.

    Examples
    --------
    >>> broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \sum_{\text{axes ajoutés}} \bar{Y}"""
        return g  # the engine sums over the axes that were broadcast

    try:
        return np.broadcast_to(x, shape), to_x
    except ValueError:
        raise ShapeError(
            _(
                "{x} cannot be broadcast to {shape}: only axes of size 1, or new ones in front, "
                "grow"
            ),
            shape=shape,
        ) from None


@op(r"Y = [X_1, X_2, \ldots]", numpy=np.concatenate, method=False, examples=lambda draw: [
    ([draw(2, 3), draw(1, 3)],), ([draw(2, 3), draw(2, 1), draw(2, 2)], 1),
    ([draw(2, 3), draw(2, 3)], {"axis": None}),
])  # fmt: skip
def concatenate(arrays: Sequence[Array], axis: int | None = 0):
    """Join along an existing axis (all flattened first if ``axis`` is None).

    Examples
    --------
    >>> concatenate([[1.0, 2.0], [3.0]])
    array([1., 2., 3.])
    """
    if not isinstance(arrays, (list, tuple)):
        raise ArgumentError(_("concatenate takes a list of arrays: concatenate([a, b])"))
    parts = [np.asarray(x) for x in arrays]
    if not parts:
        raise ArgumentError(_("there is nothing to join: the list is empty"))
    try:
        y = np.concatenate(parts, axis)
    except np.exceptions.AxisError:
        raise
    except ValueError:
        raise ShapeError(
            _("shapes {shapes} must be equal on all axes but axis {axis}"),
            shapes=[x.shape for x in parts],
            axis=axis,
        ) from None
    ends = np.cumsum([x.size if axis is None else x.shape[axis] for x in parts]).tolist()

    def piece(i: int) -> Any:
        part = slice(ends[i - 1] if i else 0, ends[i])

        def to_part(g, y, *xs):
            r"""\bar{X}_i = \bar{Y}[\ldots]"""
            if axis is None:
                return g[part].reshape(xs[i].shape)
            return g[(slice(None),) * (axis % g.ndim) + (part,)]

        return to_part

    return y, *[piece(i) for i in range(len(parts))]
