"""Indexing and its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..errors import IndexingError
from ..kernels import Array
from ..kernels import scatter as kernel
from ..messages import _


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
    if isinstance(index, np.ndarray) and index.dtype.kind == "f":
        raise IndexingError(
            _("an index is made of integers or booleans, not of {dtype}"), dtype=index.dtype
        )
    index = tuple(map(_copied, index)) if isinstance(index, tuple) else _copied(index)
    try:
        y = x[index]
    except IndexError:
        raise IndexingError(
            _("{x} has no element or part at index {index}"), index=_shown(index)
        ) from None
    shape = x.shape

    def to_x(g, y, x):
        r"""\bar{x}[i] \mathrel{+}= \bar{y}"""
        return _scatter(g, index, shape)

    return y, to_x


def _copied(part: Any) -> Any:
    """A copy of an array of indices: changed later, it would make the gradient wrong."""
    if isinstance(part, (np.ndarray, list)):
        return np.array(part, dtype=None if len(part) else np.intp)
    return part


def _shown(index: Any) -> str:
    text = ", ".join(str(part).replace("\n", " ") for part in index) if isinstance(
        index, tuple
    ) else str(index).replace("\n", " ")  # fmt: skip
    return f"[{text}]" if len(text) < 60 else f"[{text[:57]}...]"


@op(r"y[i] \mathrel{+}= x", examples=lambda draw: [
    (draw(3), np.array([0, 2, 2]), (4,)), (draw(4), (slice(None), 1), (4, 3)),
])  # fmt: skip
def _scatter(x: Array, index: Any, shape: tuple[int, ...]):
    """Zeros of ``shape`` with ``x`` added at ``index``: the adjoint of ``getitem``."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}[i]"""
        return g[index]

    return kernel.scatter(np.asarray(x), index, shape), to_x
