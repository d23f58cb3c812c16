"""Copies, in the same or in another dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..kernels import Array


@op(r"y = x", examples=lambda draw: [(draw(3, 4), "float64")])
def astype(x: Array, dtype: Any):
    """The same numbers in another dtype; the gradient comes back in the dtype of ``x``.

    Examples
    --------
    >>> astype([1.5, 2.5], "int64")
    array([1, 2])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}"""
        return g  # the engine gives it the dtype of x

    return x.astype(dtype), to_x


@operator("__pos__")
@op(r"y = x", numpy=(np.copy, np.positive), examples=lambda draw: [draw(3, 4), draw()])
def copy(x: Array):
    """The same numbers on memory of their own; ``+x`` does the same.

    Examples
    --------
    >>> copy([1.0, 2.0])
    array([1., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}"""
        return g

    return x.copy(), to_x
