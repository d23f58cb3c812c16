"""Operations that move numbers without changing them."""

from __future__ import annotations

import builtins
import math
import warnings
from typing import Any

import numpy as np

from ..autograd.op import composed, op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..messages import _


def _fixed(axes: Any) -> Any:
    """A list of axes as a tuple: changed later, it would make the gradient wrong."""
    return tuple(axes) if isinstance(axes, (list, range)) else axes


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
            "{x} has {n} elements, which do not fill the shape {shape}",
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
        raise ShapeError("{x} has no axes {start} to {end}", start=start_dim, end=end_dim)
    start, end = start_dim % ndim, end_dim % ndim + 1
    if start >= end:
        raise ArgumentError(
            "start_dim ({start}) comes after end_dim ({end})", start=start_dim, end=end_dim
        )
    shape = x.shape or (1,)

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{reshape}(\bar{Y})"""
        return g.reshape(x.shape)

    return x.reshape(*shape[:start], math.prod(shape[start:end]), *shape[end:]), to_x


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
    back: Any = None
    if order and order != (None,):
        try:
            y = x.transpose(order)
        except ValueError:
            raise ShapeError(
                "{x} has {n} axes, and {order} does not name each once; to exchange two: "
                ".swapaxes(i, j)",
                order=order,
                n=x.ndim,
            ) from None
        back = np.argsort([axis % x.ndim for axis in order]).tolist()
        if len(axes) == 2 and back == [0, 1]:
            warnings.warn(
                _(
                    "transpose({i}, {j}) of a matrix keeps its axes where they are, as in NumPy; "
                    "PyTorch's would exchange them: .T or .swapaxes({i}, {j})",
                    i=axes[0],
                    j=axes[1],
                ),
                stacklevel=3,
            )
    else:
        y = x.T

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}^{\top}"""
        return g.transpose(back)

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
        r"""\bar{X} = \sum_{\text{added axes}} \bar{Y}"""
        return g  # the engine sums over the axes that were broadcast

    try:
        return np.broadcast_to(x, shape), to_x
    except ValueError:
        raise ShapeError(
            "{x} cannot be broadcast to {shape}: only axes of size 1, or new ones in front, grow",
            shape=shape,
        ) from None


@op(r"Y = X", numpy=np.moveaxis, examples=lambda draw: [
    (draw(2, 3, 4), 0, -1), (draw(2, 3, 4), (0, 1), (1, 2)),
])  # fmt: skip
def moveaxis(x: Array, source: int | tuple[int, ...], destination: int | tuple[int, ...]):
    """Put axes at other positions; the others keep their order.

    Examples
    --------
    >>> import numpy as np
    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    source, destination = _fixed(source), _fixed(destination)

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}"""
        return moveaxis(g, destination, source)

    return np.moveaxis(x, source, destination), to_x


@op(r"Y = X", numpy=np.expand_dims, examples=lambda draw: [
    (draw(3), 0), (draw(3, 4), (0, -1)), (draw(), 0),
])  # fmt: skip
def expand_dims(x: Array, axis: int | tuple[int, ...]):
    """Insert axes of size 1; ``x[:, None]`` does the same.

    Examples
    --------
    >>> expand_dims([1.0, 2.0], 1)
    array([[1.],
           [2.]])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}"""
        return g.reshape(x.shape)

    return np.expand_dims(x, axis), to_x


@op(r"Y = X", numpy=np.squeeze, examples=lambda draw: [
    draw(1, 3, 1), (draw(1, 3, 1), 0), (draw(1, 3, 1), (0, -1)),
])  # fmt: skip
def squeeze(x: Array, axis: int | tuple[int, ...] | None = None):
    """Remove axes of size 1: all of them, or those given.

    Examples
    --------
    >>> squeeze([[1.0, 2.0]])
    array([1., 2.])
    """
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()
    if axis is not None and builtins.any(-x.ndim <= i < x.ndim and x.shape[i] != 1 for i in axes):
        raise ShapeError("only axes of size 1 can be removed from {x}, not {axis}", axis=axis)

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}"""
        return g.reshape(x.shape)

    return np.squeeze(x, tuple(axes) if axis is not None else None), to_x


def _at_least(ndim: int, function: Any) -> Any:
    def raised(x: Any) -> Any:
        row = (1,) * (min(ndim, 2) - x.ndim) + x.shape  # a matrix gets its third axis behind
        return x if x.ndim >= ndim else x.reshape(row + (1,) * (ndim - len(row)))

    def body(*arrays: Array) -> Any:
        return raised(*arrays) if len(arrays) == 1 else tuple(map(raised, arrays))

    body.__name__ = body.__qualname__ = f"atleast_{ndim}d"
    body.__doc__ = f"With axes of size 1 up to {ndim}, as in NumPy; a tuple for several arrays."
    return composed(r"Y = X", numpy=function, examples=lambda draw: [
        draw(), draw(3), draw(2, 3),
    ])(body)  # fmt: skip


atleast_1d = _at_least(1, np.atleast_1d)
atleast_2d = _at_least(2, np.atleast_2d)
atleast_3d = _at_least(3, np.atleast_3d)


@op(r"y = \operatorname{vec} X", numpy=np.ravel, examples=lambda draw: [draw(2, 3), draw()])
def ravel(x: Array):
    """All numbers on one axis, in row-major order.

    Examples
    --------
    >>> ravel([[1.0, 2.0], [3.0, 4.0]])
    array([1., 2., 3., 4.])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{reshape}(\bar{y})"""
        return g.reshape(x.shape)

    return x.reshape(-1), to_x


@op(r"y_i = x_{n-1-i}", numpy=np.flip, examples=lambda draw: [
    draw(2, 3), (draw(2, 3), 0), (draw(2, 3, 4), (0, -1)), draw(),
])  # fmt: skip
def flip(x: Array, axis: int | tuple[int, ...] | None = None):
    """Reverse the order along all axes, or along those given.

    Examples
    --------
    >>> flip([1.0, 2.0, 3.0])
    array([3., 2., 1.])
    """
    axis = _fixed(axis)

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y}_{n-1-i}"""
        return flip(g, axis)

    return np.flip(x, axis), to_x


@op(r"y_i = x_{i-s}", numpy=np.roll, examples=lambda draw: [
    (draw(2, 3), 1), (draw(2, 3), -1, 0), (draw(2, 3), (1, 2), (0, 1)),
])  # fmt: skip
def roll(x: Array, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None):
    """Move along axes; what leaves at one end comes back at the other.

    Examples
    --------
    >>> roll([1.0, 2.0, 3.0], 1)
    array([3., 1., 2.])
    """
    back, axis = np.negative(shift).tolist(), _fixed(axis)

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y}_{i+s}"""
        return roll(g, back, axis)

    return np.roll(x, shift, axis), to_x


def _triangles(draw: Any) -> list[Any]:
    return [draw(3, 3), (draw(3, 4), 1), (draw(2, 3, 3), -1)]


@op(r"Y = \operatorname{tril} X", numpy=np.tril, examples=_triangles)
def tril(x: Array, k: int = 0):
    """The entries on the diagonal ``k`` and below it; 0 elsewhere.

    Examples
    --------
    >>> tril([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 0.],
           [3., 4.]])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{tril} \bar{Y}"""
        return tril(g, k)

    return np.tril(x, k), to_x


@op(r"Y = \operatorname{triu} X", numpy=np.triu, examples=_triangles)
def triu(x: Array, k: int = 0):
    """The entries on the diagonal ``k`` and above it; 0 elsewhere.

    Examples
    --------
    >>> triu([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 2.],
           [0., 4.]])
    """

    def to_x(g, y, x):
        r"""\bar{X} = \operatorname{triu} \bar{Y}"""
        return triu(g, k)

    return np.triu(x, k), to_x
