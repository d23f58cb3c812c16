"""Operations that join arrays, cut them, or repeat their parts."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..autograd.op import composed, op
from ..checks import one_of
from ..errors import ArgumentError, IndexingError, ShapeError
from ..kernels import Array, as_array
from .casting import in_single
from .indexing import _scatter, put_back


@op(r"Y = [X_1, X_2, \ldots]", numpy=np.concatenate, method=False, needs_inputs=False,
    examples=lambda draw: [
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
    parts = _listed(arrays)
    try:
        y = np.concatenate(parts, axis)
    except np.exceptions.AxisError:
        raise
    except ValueError:
        raise ShapeError(
            "shapes {shapes} must be equal on all axes but axis {axis}",
            shapes=_few(x.shape for x in parts),
            axis=axis,
        ) from None
    ends = np.cumsum([x.size if axis is None else x.shape[axis] for x in parts]).tolist()

    def piece(i: int, shape: tuple[int, ...]) -> Any:
        part = slice(ends[i - 1] if i else 0, ends[i])

        def to_part(g, y, *_xs):
            r"""\bar{X}_i = \bar{Y}[\ldots]"""
            if axis is None:
                return g[part].reshape(shape)
            return g[(slice(None),) * (axis % g.ndim) + (part,)]

        return to_part

    return y, *[piece(i, x.shape) for i, x in enumerate(parts)]


def _listed(arrays: Any) -> list[Array]:
    """The arrays to join: some, in a list or a tuple."""
    if not isinstance(arrays, (list, tuple)):
        raise ArgumentError("give a list of arrays: [a, b]")
    if not arrays:
        raise ArgumentError("there is nothing to join: the list is empty")
    return [as_array(x) for x in arrays]


def _few(shapes: Iterable[tuple[int, ...]]) -> str:
    """Shapes for a message: of many, some that differ."""
    given = list(shapes)
    words = map(str, given if len(given) < 9 else list(dict.fromkeys(given))[:8])
    return f"[{', '.join(words)}{', …' if len(given) > 8 else ''}]"


@op(r"Y = [X_1, X_2, \ldots]", numpy=np.stack, method=False, needs_inputs=False,
    examples=lambda draw: [
        ([draw(2, 3), draw(2, 3)],), ([draw(2, 3), draw(2, 3), draw(2, 3)], -1),
        ([draw(), draw()],),
])  # fmt: skip
def stack(arrays: Sequence[Array], axis: int = 0):
    """Join arrays of one shape along a new axis.

    Examples
    --------
    >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    parts = _listed(arrays)
    shapes = [x.shape for x in parts]
    if len(set(shapes)) > 1:
        raise ShapeError("arrays to stack have one shape, not {shapes}", shapes=_few(shapes))
    y = np.stack(parts, axis)
    before = (slice(None),) * (axis % y.ndim)

    def piece(i: int) -> Any:
        def to_part(g, y, *_xs):
            r"""\bar{X}_i = \bar{Y}_i"""
            return g[(*before, i)]

        return to_part

    return y, *[piece(i) for i in range(len(parts))]


@composed(r"[Y_1, Y_2, \ldots] = X", numpy=np.split, examples=lambda draw: [
    (draw(4, 3), 2), (draw(4, 3), [1, 3]), (draw(2, 6), 3, 1),
])  # fmt: skip
def split(x: Array, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut into parts along an axis: the inverse of ``concatenate``.

    Parameters
    ----------
    x
        Any shape.
    indices_or_sections
        The number of equal parts, or the positions to cut at (NumPy's meaning; PyTorch's number is
        the *size* of a part).
    axis
        The axis to cut.

    Returns
    -------
    list
        The parts.

    Examples
    --------
    >>> split([1.0, 2.0, 3.0, 4.0], 2)
    [array([1., 2.]), array([3., 4.])]
    """
    along = normalize_axis_index(axis, x.ndim)
    n = x.shape[along]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1 or n % indices_or_sections:
            raise ShapeError(
                "axis {axis} of {x} cannot be cut into {n} equal parts",
                axis=axis, n=indices_or_sections,
            )  # fmt: skip
        size = n // indices_or_sections
        cuts = [i * size for i in range(1, int(indices_or_sections))]
    else:
        cuts = [operator.index(i) for i in indices_or_sections]
    before = (slice(None),) * along
    return [
        x[(*before, slice(start, end))] for start, end in zip([0, *cuts], [*cuts, n], strict=True)
    ]


@op(r"Y = X", numpy=np.repeat, examples=lambda draw: [
    (draw(2, 3), 2), (draw(2, 3), 3, 1), (draw(2, 3), np.array([1, 0, 2]), 1), (draw(3), [2, 1, 1]),
    (draw(), 3),
])  # fmt: skip
@in_single
def repeat(x: Array, repeats: int | Sequence[int], axis: int | None = None):
    """Each entry several times in a row, along an axis (all flattened first if it is None).

    Examples
    --------
    >>> repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.])
    """
    if hasattr(repeats, "tolist") and not isinstance(repeats, np.ndarray):
        repeats = repeats.tolist()  # the shape of the result depends on them
    times = np.array(repeats)  # copied: changed later, it would make the gradient wrong
    y = np.repeat(x, times if isinstance(x, np.ndarray) else times.tolist(), axis)
    along = 0 if axis is None else normalize_axis_index(axis, x.ndim)
    n = x.size if axis is None else x.shape[along]
    index = (slice(None),) * along + (np.repeat(np.arange(n), times),)

    def to_x(g, y, x):
        r"""\bar{X}_i = \sum_{j \text{ copy of } i} \bar{Y}_j"""
        shape = (x.size,) if axis is None else x.shape
        if times.size == 1:
            grouped = g.reshape(*shape[: along + 1], -1 if g.size else 0, *shape[along + 1 :])
            return grouped.sum(along + 1).reshape(x.shape)
        return _scatter(g, index, shape).reshape(x.shape)

    return y, to_x


@op(r"Y = [X, X, \ldots]", numpy=np.tile, examples=lambda draw: [
    (draw(2, 3), 2), (draw(2, 3), (2, 1)), (draw(3), (2, 2)), (draw(2, 3), (2, 1, 1)), (draw(), 2),
])  # fmt: skip
@in_single
def tile(x: Array, reps: int | Sequence[int]):
    """The whole array several times, along each axis.

    Examples
    --------
    >>> tile([1.0, 2.0], 2)
    array([1., 2., 1., 2.])
    """
    times = (*[1] * (x.ndim - np.size(reps)), *np.atleast_1d(reps).tolist())
    shape = (*[1] * (len(times) - x.ndim), *x.shape)
    blocks = [n for pair in zip(times, shape, strict=True) for n in pair]

    def to_x(g, y, x):
        r"""\bar{X} = \sum_{\text{copies}} \bar{Y}"""
        return g.reshape(blocks).sum(tuple(range(0, len(blocks), 2))).reshape(x.shape)

    return np.tile(x, reps), to_x


@op(r"Y = \begin{pmatrix} 0 & 0 \\ 0 & X \end{pmatrix}", examples=lambda draw: [
    (draw(2, 3), ((1, 0), (0, 2)), 0.5),
])  # fmt: skip
def _pad(x: Array, width: tuple[tuple[int, int], ...], value: float):
    """A border of ``value``: its adjoint is the crop."""
    inside = tuple(slice(a, a + n) for (a, _b), n in zip(width, x.shape, strict=True))

    def to_x(g, y, x):
        r"""\bar{X} = \bar{Y}[\text{inside}]"""
        return g[inside]

    return np.pad(x, width, constant_values=value), to_x


MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


@composed(r"Y = \operatorname{pad}(X)", numpy=np.pad, examples=lambda draw: [
    (draw(2, 3), 1), (draw(2, 3), ((1, 0), (2, 1)), {"constant_values": 0.5}),
    (draw(4), (1, 2), "reflect"),
    (draw(3, 4), 2, "edge"), (draw(3), 2, "symmetric"), (draw(2, 3), ((0, 0), (1, 1)), "wrap"),
])  # fmt: skip
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: float = 0.0):
    """A border around the array.

    Parameters
    ----------
    x
        Any shape.
    pad_width
        How wide: a number, ``(before, after)``, or such a pair for each axis (NumPy's order; not
        PyTorch's, which begins with the last axis).
    mode
        ``"constant"``, or what the border repeats: ``"edge"``, ``"reflect"``, ``"symmetric"``,
        ``"wrap"``.
    constant_values
        The number in a constant border.

    Examples
    --------
    >>> pad([1.0, 2.0], 1)
    array([0., 1., 2., 0.])
    """
    one_of(mode, "mode", MODES)
    if np.asarray(pad_width).dtype.kind not in "iu":
        raise ArgumentError("pad_width is made of integers, not {width}", width=pad_width)
    try:
        width = np.broadcast_to(np.asarray(pad_width, int), (x.ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(
            "pad_width is a number, a pair, or a pair for each axis of {x}, not {width}",
            width=pad_width,
        ) from None
    if any(n < 0 for pair in width for n in pair):
        raise ArgumentError("pad_width is not negative: cut with x[1:-1] instead")
    if mode == "constant":
        return _pad(x, tuple(map(tuple, width)), constant_values)
    for axis, (before, after) in enumerate(width):
        if before or after:
            x = take(x, np.pad(np.arange(x.shape[axis]), (before, after), mode), axis)  # type: ignore[call-overload]
    return x


@op(r"Y_i = X_{k_i}", numpy=np.take, examples=lambda draw: [
    (draw(4, 3), np.array([0, 2, 2]), 0), (draw(4, 3), [1, -1], 1),
    (draw(2, 3), np.array([[0, 5]])), (draw(2, 3), 1, 1),
])  # fmt: skip
def take(x: Array, indices: Any, axis: int | None = None):
    """The entries at some positions along an axis (of all, flattened, if it is None).

    An entry that is taken several times gets the sum of the gradients.

    Examples
    --------
    >>> take([1.0, 2.0, 3.0], [2, 0, 2])
    array([3., 1., 3.])
    """
    positions = as_array(indices).copy()  # copied: changed later, it would make the gradient wrong
    if positions.dtype.kind not in "iu":
        raise IndexingError("positions are integers, not {dtype}", dtype=positions.dtype)
    along = None if axis is None else normalize_axis_index(axis, x.ndim)
    n = x.size if along is None else x.shape[along]
    if positions.size and (positions.min() < -n or positions.max() >= n):
        raise IndexingError(
            "{x} has no entries at {low} to {high} on axis {axis}",
            low=positions.min(), high=positions.max(), axis=axis,
        )  # fmt: skip
    index = positions if along is None else ((slice(None),) * along + (positions,))

    def to_x(g, y, x):
        r"""\bar{X}_{k_i} \mathrel{+}= \bar{Y}_i"""
        if axis is None and x.ndim != 1:
            return _scatter(g, index, (x.size,)).reshape(x.shape)
        return put_back(g, index, x.shape)

    return np.take(x, positions, axis), to_x


@op(r"y = \operatorname{diag} x", numpy=np.diag, examples=lambda draw: [
    draw(3), (draw(3), 1), draw(3, 4), (draw(3, 4), -1),
])  # fmt: skip
def diag(x: Array, k: int = 0):
    """The matrix with a given diagonal (``k`` above the main one), or the diagonal of a matrix.

    Examples
    --------
    >>> diag([1.0, 2.0])
    array([[1., 0.],
           [0., 2.]])
    """
    if x.ndim not in (1, 2):
        raise ShapeError("{x} must be a vector or a matrix")

    def to_x(g, y, x):
        r"""\bar{x} = \operatorname{diag} \bar{y}"""
        if x.ndim == 1:
            return diag(g, k)
        rows = np.arange(g.shape[0]) + max(-k, 0)
        return _scatter(g, (rows, rows + k), x.shape)

    return np.diag(x, k), to_x


@op(r"y = x_{\sigma(1)} \leq x_{\sigma(2)} \leq \ldots", numpy=np.sort, examples=lambda draw: [
    draw.distinct(5), (draw.distinct(3, 4), 0), (draw.distinct(2, 3), -1),
    (draw.distinct(2, 3), None),
])  # fmt: skip
def sort(x: Array, axis: int | None = -1):
    """In ascending order along an axis (of all, flattened, if it is None).

    Equal numbers keep their order, and so do their gradients.

    Examples
    --------
    >>> sort([3.0, 1.0, 2.0])
    array([1., 2., 3.])
    """
    flat = x.reshape(-1) if axis is None else x
    along = -1 if axis is None else axis
    order = np.argsort(flat, along, kind="stable")

    def put_in(order: Array, x: Any) -> Any:
        index: list[Any] = list(np.indices(order.shape, sparse=True))
        index[along] = order
        return x[tuple(index)]

    def to_x(g, y, x):
        r"""\bar{x}_{\sigma(i)} = \bar{y}_i"""
        return put_in(np.argsort(order, along), g).reshape(x.shape)

    return put_in(order, flat), to_x
