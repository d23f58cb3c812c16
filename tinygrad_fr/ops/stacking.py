"""Compositions of joining and cutting, under NumPy's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..autograd.op import composed
from ..errors import ArgumentError
from ..kernels import Array
from .arithmetic import subtract
from .joining import concatenate, split
from .selection import not_equal
from .shape import atleast_1d, atleast_2d, broadcast_to, ravel


@composed(r"Y = [X_1; X_2; \ldots]", numpy=np.vstack, method=False, examples=lambda draw: [
    ([draw(3), draw(3)],), ([draw(2, 3), draw(3)],), ([draw(2, 3, 2), draw(1, 3, 2)],),
    ([draw(), draw()],),
])  # fmt: skip
def vstack(arrays: Sequence[Array]):
    """Join along the first axis; vectors are rows.

    Examples
    --------
    >>> vstack([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 2.],
           [3., 4.]])
    """
    return concatenate([atleast_2d(x) for x in _several(arrays)])


@composed(r"Y = [X_1, X_2, \ldots]", numpy=np.hstack, method=False, examples=lambda draw: [
    ([draw(3), draw(2)],), ([draw(2, 3), draw(2, 1)],), ([draw(2, 3, 2), draw(2, 1, 2)],),
    ([draw(), draw(2)],),
])  # fmt: skip
def hstack(arrays: Sequence[Array]):
    """Join along the second axis; vectors one after the other."""
    parts = [atleast_1d(x) for x in _several(arrays)]
    return concatenate(parts, 1 if parts and parts[0].ndim > 1 else 0)


@composed(r"Y = [x_1, x_2, \ldots]", numpy=np.column_stack, method=False, examples=lambda draw: [
    ([draw(3), draw(3)],), ([draw(3, 2), draw(3)],), ([draw(), draw()],),
])  # fmt: skip
def column_stack(arrays: Sequence[Array]):
    """Join along the second axis; vectors are columns.

    Examples
    --------
    >>> column_stack([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 3.],
           [2., 4.]])
    """
    parts = [atleast_1d(x) for x in _several(arrays)]
    return concatenate([x[:, None] if x.ndim == 1 else x for x in parts], 1)


def _several(arrays: Any) -> list[Any]:
    """The arrays to join: those of a list, or the parts of an array."""
    if not isinstance(arrays, (list, tuple)) and not getattr(arrays, "ndim", 0):
        raise ArgumentError("give a list of arrays: [a, b]")
    return list(arrays)


@composed(r"Y = [X, V]", numpy=np.append, method=False, examples=lambda draw: [
    (draw(2, 3), draw(2)), (draw(2, 3), draw(1, 3), 0), (draw(2, 3), draw(2, 2), -1), (draw(2), 1),
])  # fmt: skip
def append(x: Array, values: Array, axis: int | None = None):
    """Join two arrays along an axis (both flattened first if it is None).

    Examples
    --------
    >>> append([1.0, 2.0], 3.0)
    array([1., 2., 3.])
    """
    return concatenate([ravel(x), ravel(values)] if axis is None else [x, values], axis or 0)


@composed(r"[Y_1, Y_2, \ldots] = X", numpy=np.array_split, examples=lambda draw: [
    (draw(5, 3), 3), (draw(5, 3), [1, 3]), (draw(2, 7), 3, 1), (draw(2), 3),
])  # fmt: skip
def array_split(x: Array, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Cut as ``split`` does, into parts that need not be equal: the first ones are longer by 1.

    Examples
    --------
    >>> array_split([1.0, 2.0, 3.0], 2)
    [array([1., 2.]), array([3.])]
    """
    cuts = indices_or_sections
    if isinstance(cuts, (int, np.integer)):
        if cuts < 1:
            raise ArgumentError("there are one or more parts, not {n}", n=cuts)
        n = x.shape[normalize_axis_index(axis, x.ndim)]
        cuts = np.cumsum([n // cuts + (i < n % cuts) for i in range(cuts - 1)]).tolist()
    parts: list[Any] = split(x, cuts, axis)
    return parts


@composed(r"y_i = x_{i+1} - x_i", numpy=np.diff, examples=lambda draw: [
    draw(5), (draw(4, 3), 2, 0), (draw(2, 4), 3, -1, draw(2, 1), 1.5), (draw(2, 3), 1, 0, draw()),
])  # fmt: skip
def diff(
    x: Array, n: int = 1, axis: int = -1, prepend: Array | None = None, append: Array | None = None
):
    """Differences of neighbours along an axis, taken ``n`` times.

    ``prepend`` and ``append`` are joined to ``x`` first: arrays, or a number for all lines.

    Examples
    --------
    >>> diff([1.0, 4.0, 9.0])
    array([3., 5.])
    """
    if n < 0:
        raise ArgumentError("differences are taken n times, not {n} times", n=n)
    along = normalize_axis_index(axis, x.ndim)
    if not n:
        return x
    line = (*x.shape[:along], 1, *x.shape[along + 1 :])
    parts = [part for part in (prepend, x, append) if part is not None]
    x = concatenate([part if part.ndim else broadcast_to(part, line) for part in parts], along)
    before, minus = (slice(None),) * along, not_equal if x.dtype == bool else subtract
    for _time in range(n):
        x = minus(x[(*before, slice(1, None))], x[(*before, slice(None, -1))])
    return x
