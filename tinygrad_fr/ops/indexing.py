"""Indexing and its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import settings
from ..autograd.engine import Node
from ..autograd.op import op, operator
from ..errors import DTypeError, IndexingError, ShapeError
from ..kernels import Array
from ..kernels import scatter as kernel


def _indices(draw: Any) -> list[Any]:
    return [
        (draw(4, 5), 2), (draw(4, 5), (slice(None), -1)), (draw(4, 5), (slice(3, 0, -2),)),
        (draw(4, 5), (..., None, slice(1, 3))), (draw(4, 5), np.array([0, 2, 2])),
        (draw(4, 5), (np.arange(4), np.array([0, 3, 3, 1]))), (draw(4, 5), draw(4, 5) > 0),
        (draw(4, 5), (slice(None), np.array([[0, 1], [1, 1]]))), (draw(3), ()),
    ]  # fmt: skip


@operator("__getitem__")
@op(r"y = x[i]", method=False, examples=_indices)
def getitem(x: Array, index: Any):
    """``x[index]``, with all that NumPy allows: slices, None, ``...``, integer arrays, masks.

    An element that is taken several times gets the sum of the gradients.

    Examples
    --------
    >>> import numpy as np
    >>> getitem(np.array([1.0, 2.0, 3.0]), [0, 0, 2])
    array([1., 1., 3.])
    """
    if hasattr(index, "__array_function__") and index.dtype.kind == "f":
        raise IndexingError(
            "an index is made of integers or booleans, not of {dtype}", dtype=index.dtype
        )
    index = tuple(map(_copied, index)) if isinstance(index, tuple) else _copied(index)
    try:
        y = x[index]
    except IndexError:
        raise IndexingError(
            "{x} has no element or part at index {index}", index=_shown(index)
        ) from None
    shape = x.shape

    def to_x(g, y, x):
        r"""\bar{x}[i] \mathrel{+}= \bar{y}"""
        return put_back(g, index, shape)

    return y, to_x


def put_back(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of what was picked at an index: in a first-order pass, not yet written out."""
    return _scatter(g, index, shape) if isinstance(g, Node) else kernel.Scattered(g, index, shape)


def _copied(part: Any) -> Any:
    """A copy of an array of indices: changed later, it would make the gradient wrong."""
    if isinstance(part, list):
        return np.array(part, dtype=None if np.size(part) else np.intp)
    return part.copy() if hasattr(part, "__array_function__") else part


def _shown(index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    text = ", ".join(map(str, parts)).replace("\n", " ")
    return f"[{text}]" if len(text) < 60 else f"[{text[:57]}...]"


@op(r"y[i] \mathrel{+}= x", examples=lambda draw: [
    (draw(3), np.array([0, 2, 2]), (4,)), (draw(4), (slice(None), 1), (4, 3)),
])  # fmt: skip
def _scatter(x: Array, index: Any, shape: tuple[int, ...]):
    """Zeros of ``shape`` with ``x`` added at ``index``: the adjoint of ``getitem``."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}[i]"""
        return g[index]

    return kernel.scatter(x, index, shape), to_x


@op(r"Y_i = W_{k_i}", examples=lambda draw: [
    (np.array([0, 2, 2]), draw(4, 3)), (np.array([[1, 1], [0, 3]]), draw(4, 2)),
    (np.array(1), draw(2, 3)),
])  # fmt: skip
def embedding(indices: Array, weight: Array):
    """The row of a table for each index.

    Parameters
    ----------
    indices
        Integers from 0 to M - 1, any shape (...).
    weight
        The table (M, D).

    Returns
    -------
    (..., D)

    Examples
    --------
    >>> embedding([1, 0], [[1.0, 2.0], [3.0, 4.0]])
    array([[3., 4.],
           [1., 2.]])
    """
    if weight.ndim != 2:
        raise ShapeError("{weight} must be a table with the axes (entries, features)")
    _check_indices(indices, len(weight))
    rows = indices.copy()  # changed later, it would make the gradient wrong

    def to_weight(g, y, indices, weight):
        r"""\bar{W}_{k_i} \mathrel{+}= \bar{Y}_i"""
        return put_back(g, rows, weight.shape)

    return weight[indices], None, to_weight


@op(r"y_{ik} = [x_i = k]", examples=lambda draw: [
    (draw.labels(4, classes=3), 3), (draw.labels(2, 2, classes=3),),
])  # fmt: skip
def one_hot(labels: Array, num_classes: int = -1):
    """A row with a 1 at the label and 0 elsewhere, for each label; of the default dtype.

    Parameters
    ----------
    labels
        Integers, any shape (...).
    num_classes
        The number of classes C; by default one more than the largest label.

    Returns
    -------
    (..., C)

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    if num_classes == -1:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    _check_indices(labels, num_classes)
    rows = np.eye(num_classes, dtype=settings.get_default_dtype())
    return np.asarray(rows, like=labels)[labels], None


def _check_indices(indices: Array, n: int) -> None:
    if indices.dtype.kind not in "iu":
        raise DTypeError("indices and labels are integers, not {dtype}", dtype=indices.dtype)
    if indices.size and (indices.min() < 0 or indices.max() >= n):
        raise IndexingError(
            "indices and labels go from 0 to {last} here, not from {low} to {high}",
            last=n - 1, low=indices.min(), high=indices.max(),
        )  # fmt: skip
