"""Operations that choose between numbers: comparisons, where, maximum, clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..errors import ArgumentError, DTypeError
from ..kernels import Array, as_array, stable


def _pair(draw: Any) -> list[Any]:
    return [(draw.distinct(3, 4), draw.distinct(3, 4) + 0.1)]


def _comparison(dunder: str, symbol: str, latex: str, ufunc: np.ufunc) -> Any:
    def body(a: Array, b: Array):
        return ufunc(a, b), None, None

    body.__name__ = body.__qualname__ = ufunc.__name__
    body.__doc__ = f"Whether ``a {symbol} b``, element by element: an untracked boolean Tensor."
    return operator(dunder)(op(latex, numpy=ufunc, examples=_pair)(body))


equal = _comparison("__eq__", "==", r"y = [a = b]", np.equal)
not_equal = _comparison("__ne__", "!=", r"y = [a \neq b]", np.not_equal)
less = _comparison("__lt__", "<", r"y = [a < b]", np.less)
less_equal = _comparison("__le__", "<=", r"y = [a \leq b]", np.less_equal)
greater = _comparison("__gt__", ">", r"y = [a > b]", np.greater)
greater_equal = _comparison("__ge__", ">=", r"y = [a \geq b]", np.greater_equal)


@op(r"y = c\,?\,a : b", numpy=np.where, method=False, examples=lambda draw: [
    (draw(3, 4) > 0, draw(3, 4), draw(3, 4)), (draw(4) > 0, draw(3, 4), draw(3, 1)),
    (draw(2, 3) > 0, draw(), 1.0),
])  # fmt: skip
def where(condition: Array, a: Array, b: Array):
    """``a`` where the condition holds, ``b`` elsewhere; the branch not taken gets gradient 0.

    Examples
    --------
    >>> where([True, False], [1.0, 2.0], 0.0)
    array([1., 0.])
    """

    def to_a(g, y, condition, a, b):
        r"""\bar{a} = [c] \odot \bar{y}"""
        return where(condition, g, 0)

    def to_b(g, y, condition, a, b):
        r"""\bar{b} = [\lnot c] \odot \bar{y}"""
        return where(condition, 0, g)

    return np.where(condition, a, b), None, to_a, to_b


def quotient(g: Any, b: Any) -> Any:
    """``g / b`` with 0 / 0 = 0 and 0 / NaN = 0: no NaN from a branch not taken."""
    if isinstance(g, np.ndarray) and isinstance(b, np.ndarray):
        q = stable.finite_quotient(g, b)
        if q is not None:
            return q
    undefined = (g == 0) & ((b == 0) | (b != b))
    if not np.any(undefined):
        return g / b
    return g / where(undefined, 1, b)


def ratio(a: Any, b: Any) -> Any:
    """``a / b``, and 0 where ``b`` is 0, whatever ``a``: the slope of a norm at 0."""
    zero = b == 0
    return where(zero, 0, a / where(zero, 1, b))


@op(r"y = \max(a, b)", numpy=np.maximum, examples=lambda draw: [
    *_pair(draw), (draw.distinct(3, 4), draw.distinct(4) + 0.1), (draw.distinct(3, 4), 0.0),
])  # fmt: skip
def maximum(a: Array, b: Array):
    """The larger of two numbers; where they are equal, each gets half of the gradient.

    Examples
    --------
    >>> maximum([1.0, -1.0], 0.0)
    array([1., 0.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot [a > b]"""
        return g * _share(a > b, a == b, g)

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot [b > a]"""
        return g * _share(b > a, a == b, g)

    return np.maximum(a, b), to_a, to_b


@op(r"y = \min(a, b)", numpy=np.minimum, examples=lambda draw: [
    *_pair(draw), (draw.distinct(3, 4), draw.distinct(4) + 0.1), (draw.distinct(3, 4), 0.0),
])  # fmt: skip
def minimum(a: Array, b: Array):
    """The smaller of two numbers; where they are equal, each gets half of the gradient.

    Examples
    --------
    >>> minimum([1.0, -1.0], 0.0)
    array([ 0., -1.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot [a < b]"""
        return g * _share(a < b, a == b, g)

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot [b < a]"""
        return g * _share(b < a, a == b, g)

    return np.minimum(a, b), to_a, to_b


def _share(wins: Any, ties: Any, g: Any) -> Any:
    """1 where it wins, 1/2 where it ties, 0 elsewhere."""
    return wins + ties.astype(g.dtype) * 0.5


@op(r"y = \min(\max(x, l), h)", numpy=np.clip, aliases={"a_min": "min", "a_max": "max"},
    examples=lambda draw: [
        (draw.distinct(3, 4), -0.5, 0.7), (draw.distinct(3, 4), {"min": 0.0}),
        (draw.distinct(3, 4), None, 0.3), (draw.distinct(4), draw.distinct(3, 4) - 0.63, 0.77),
        (draw.distinct(3, 4), draw.distinct(4) + 0.07, draw.distinct(3, 1) + 0.02),
    ])  # fmt: skip
def clip(x: Array, min: Array | None = None, max: Array | None = None):
    """Limit to ``[min, max]``; the gradient passes inside and at the bounds.

    Outside it goes to the bound that is taken: ``max`` wherever ``min`` is above it.

    Parameters
    ----------
    x
        Any shape.
    min, max
        The bounds: numbers or arrays that broadcast; None for no bound.

    Examples
    --------
    >>> clip([-2.0, 0.5, 2.0], -1.0, 1.0)
    array([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise ArgumentError("give at least one bound, min or max")
    # Copied: changed later, they would make the gradient wrong.
    bounds: tuple[Any, Any] = (min, max)
    low, high = (b.copy() if hasattr(b, "copy") else b for b in bounds)

    def to_x(g, y, x, *bounds):
        r"""\bar{x} = \bar{y} \odot [l \leq x \leq h]"""
        inside = x == x if low is None else x >= low
        return g * (inside if high is None else inside & (x <= high))

    def to_low(g, y, x, *bounds):
        r"""\bar{l} = \bar{y} \odot [x < l \leq h]"""
        return g * (x < low if high is None else (x < low) & (low <= high))

    def to_high(g, y, x, *bounds):
        r"""\bar{h} = \bar{y} \odot [h < \max(x, l)]"""
        return g * (x > high if low is None else (x > high) | (low > high))

    return np.clip(x, min, max), to_x, to_low, to_high


# --- masks: & | ^ ~ on boolean Tensors, << and >> on integers ---------------------------------


def _logic(name: str, dunders: tuple[str, ...], latex: str, ufunc: np.ufunc) -> Any:
    def body(*operands: Array):
        for mask in operands:
            if as_array(mask).dtype.kind not in "biu":
                raise DTypeError("masks are boolean, not {dtype}: compare first",
                                 dtype=as_array(mask).dtype)  # fmt: skip
        return ufunc(*operands), *[None] * len(operands)

    body.__name__ = body.__qualname__ = name
    body.__doc__ = f"{latex}, on boolean Tensors."
    return operator(*dunders)(op(latex, numpy=ufunc, method=False)(body))


_and = _logic("_and", ("__and__", "__rand__"), r"y = a \land b", np.bitwise_and)
_or = _logic("_or", ("__or__", "__ror__"), r"y = a \lor b", np.bitwise_or)
_xor = _logic("_xor", ("__xor__", "__rxor__"), r"y = a \oplus b", np.bitwise_xor)
_left = _logic("_left", ("__lshift__", "__rlshift__"), r"y = a \cdot 2^b", np.left_shift)
_right = _logic("_right", ("__rshift__", "__rrshift__"), r"y = a / 2^b", np.right_shift)
_not = _logic("_not", ("__invert__",), r"y = \lnot a", np.invert)
