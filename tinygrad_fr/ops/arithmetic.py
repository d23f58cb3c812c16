"""Sums, differences, products, quotients, remainders; the engine undoes broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import composed, op, operator
from ..kernels import Array, stable
from .elementwise import elementwise
from .selection import quotient, where


@operator("__add__", "__radd__")
@op(r"y = a + b", numpy=np.add, examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3, 4), draw(4)), (draw(2, 1, 3), draw(4, 1)), (draw(), draw(2)),
])  # fmt: skip
def add(a: Array, b: Array):
    """Sum.

    Examples
    --------
    >>> add([1.0, 2.0], 3.0)
    array([4., 5.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y}"""
        return g

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y}"""
        return g

    return a + b, to_a, to_b


@operator("__sub__", "__rsub__")
@op(r"y = a - b", numpy=np.subtract, examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3, 1), draw(4)), (draw(2, 3), draw()),
])  # fmt: skip
def subtract(a: Array, b: Array):
    """Difference.

    Examples
    --------
    >>> subtract([1.0, 2.0], 3.0)
    array([-2., -1.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y}"""
        return g

    def to_b(g, y, a, b):
        r"""\bar{b} = -\bar{y}"""
        return -g

    return np.subtract(a, b), to_a, to_b


@operator("__mul__", "__rmul__")
@op(r"y = a \odot b", numpy=np.multiply, examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3, 4), draw(4)), (draw(2, 1, 3), draw(4, 1)), (draw(), draw()),
])  # fmt: skip
def multiply(a: Array, b: Array):
    """Product, element by element.

    Examples
    --------
    >>> multiply([1.0, 2.0], 3.0)
    array([3., 6.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot b"""
        return g * b

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot a"""
        return g * a

    return a * b, to_a, to_b


@operator("__truediv__", "__rtruediv__")
@op(r"y = a / b", numpy=np.divide, examples=lambda draw: [
    (draw(3, 4), draw.away(3, 4)), (draw(3, 1), draw.away(4)), (draw(), draw.away(2, 3)),
])  # fmt: skip
def divide(a: Array, b: Array):
    """Quotient, element by element.

    Where the upstream gradient is zero, so are the gradients, even at ``b = 0``.

    Examples
    --------
    >>> divide([1.0, 2.0], 4.0)
    array([0.25, 0.5 ])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} / b"""
        return quotient(g, b)

    def to_b(g, y, a, b):
        r"""\bar{b} = -\bar{y} \odot a / b^2"""
        if isinstance(g, np.ndarray) and isinstance(b, np.ndarray):
            d = stable.finite_quotient(g, b, y)
            if d is not None:
                return -d
        # Not g a / b^2: b^2 would overflow first, and g a is NaN where nothing flows to infinity.
        nothing = (g == 0) & (a * 0 != 0)
        return -quotient(quotient(g, b) * (where(nothing, 0, a) if np.any(nothing) else a), b)

    return np.true_divide(a, b), to_a, to_b


@operator("__neg__")
@elementwise(r"y = -x", np.negative, "The opposite.")
def negative(g, y, x):
    r"""\bar{x} = -\bar{y}"""
    return -g


# --- division with a remainder -----------------------------------------------------------------


def _between_jumps(draw: Any) -> list[Any]:
    b, fractions = draw.away(4, low=0.5), draw(3, 4, low=0.2, high=0.8)
    return [((fractions + np.arange(-2, 2)) * b, b), (2 * fractions, -1.0), (4.3, b)]


@operator("__floordiv__", "__rfloordiv__")
@op(r"y = \lfloor a / b \rfloor", examples=_between_jumps)
def floor_divide(a: Array, b: Array):
    """Quotient rounded down: constant between jumps, so an untracked result."""
    return np.floor_divide(a, b), None, None


@operator("__mod__", "__rmod__")
@op(r"y = a - b \lfloor a / b \rfloor", numpy=np.mod, examples=_between_jumps)
def mod(a: Array, b: Array):
    """Remainder of the division, of the sign of ``b``; its slopes are those between the jumps.

    Examples
    --------
    >>> mod([7.0, -7.0], 4.0)
    array([3., 1.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y}"""
        return g

    def to_b(g, y, a, b):
        r"""\bar{b} = -\bar{y} \odot \lfloor a / b \rfloor"""
        nothing = g == 0  # then 0, even at b = 0
        return -g * where(nothing, 0, floor_divide(a, where(nothing, 1, b)))

    return np.mod(a, b), to_a, to_b


@operator("__divmod__", "__rdivmod__")
@composed(r"q, r = \lfloor a / b \rfloor, a - b q", numpy=np.divmod, examples=_between_jumps)
def divmod(a: Array, b: Array) -> tuple[Any, Any]:
    """Quotient rounded down (an untracked result) and remainder."""
    return floor_divide(a, b), mod(a, b)
