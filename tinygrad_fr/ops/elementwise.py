"""Exponentials, logarithms, powers, applied to each number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..kernels import Array, as_array
from ..kernels.fast.elementwise import elementwise as shared
from .selection import quotient, where


def elementwise(
    latex: str, function: Any, summary: str, examples: Any = lambda draw: [draw(3, 4), draw()]
) -> Any:
    """Declare a function of each number by the rule of its gradient, which gives it its name.

    ``def exp(g, y, x): return g * y`` says it all where NumPy or a kernel has the function.
    """

    def declare(rule: Any) -> Any:
        def body(x: Array):
            return shared(function, x), rule

        body.__name__ = body.__qualname__ = rule.__name__
        body.__module__, body.__doc__ = (
            rule.__module__,
            _described(rule.__name__, function, summary),
        )
        numpy = function if isinstance(function, np.ufunc) else ()
        declared = op(latex, numpy=numpy, examples=examples)(body)
        declared.operation.captures = False  # type: ignore[attr-defined] # one rule for all calls
        return declared

    return declare


def _described(name: str, function: Any, summary: str) -> str:
    """The docstring, with an example at a point where the function is defined."""
    with np.errstate(all="ignore"):
        x = next(x for x in (0.5, 2.0) if np.isfinite(function(np.array([x]))).all())
    return (
        f"{summary}\n\nParameters\n----------\nx\n    Any shape.\n\n"
        f"Examples\n--------\n>>> {name}([{x}])\n{function(np.array([x]))!r}\n"
    )


def _steps(latex: str, function: np.ufunc, gives: str) -> Any:
    def body(x: Array):
        return function(x), None

    body.__name__ = body.__qualname__ = function.__name__
    body.__doc__ = f"{gives}: constant between jumps, so an untracked result."
    return op(latex, examples=lambda draw: [draw.away(3, 4), draw()])(body)


def _above_zero(draw: Any) -> list[Any]:
    return [draw(3, 4, low=0.3), draw(low=0.3)]


def _off_zero(draw: Any) -> list[Any]:
    return [draw.away(3, 4), draw.away()]


@elementwise(r"y = e^{x}", np.exp, "Exponential.")
def exp(g, y, x):
    r"""\bar{x} = \bar{y} \odot y"""
    return g * y


@elementwise(r"y = e^{x} - 1", np.expm1, "Exponential minus 1, exact for small ``x``.")
def expm1(g, y, x):
    r"""\bar{x} = \bar{y} \odot (y + 1)"""
    return g * (y + 1)


@elementwise(r"y = 2^{x}", np.exp2, "Power of two.")
def exp2(g, y, x):
    r"""\bar{x} = \bar{y} \odot y \ln 2"""
    return g * (y * math.log(2))


@elementwise(
    r"y = \ln x",
    np.log,
    "Natural logarithm. A zero upstream gradient stays zero, even at ``x = 0``.",
    _above_zero,
)
def log(g, y, x):
    r"""\bar{x} = \bar{y} / x"""
    return quotient(g, x)


@elementwise(
    r"y = \ln (1 + x)", np.log1p, "Logarithm of ``1 + x``, exact for small ``x``.", _above_zero
)
def log1p(g, y, x):
    r"""\bar{x} = \bar{y} / (1 + x)"""
    return quotient(g, 1 + x)


@elementwise(r"y = \log_2 x", np.log2, "Logarithm to the base 2.", _above_zero)
def log2(g, y, x):
    r"""\bar{x} = \bar{y} / (x \ln 2)"""
    return quotient(g, x * math.log(2))


@elementwise(r"y = \log_{10} x", np.log10, "Logarithm to the base 10.", _above_zero)
def log10(g, y, x):
    r"""\bar{x} = \bar{y} / (x \ln 10)"""
    return quotient(g, x * math.log(10))


@elementwise(
    r"y = \sqrt{x}",
    np.sqrt,
    "Square root. A zero upstream gradient stays zero, even at ``x = 0``.",
    _above_zero,
)
def sqrt(g, y, x):
    r"""\bar{x} = \bar{y} / (2 y)"""
    return quotient(g, 2 * y)


@elementwise(r"y = x^2", np.square, "Square.")
def square(g, y, x):
    r"""\bar{x} = 2 \bar{y} \odot x"""
    return 2 * g * x


@operator("__pow__", "__rpow__")
@op(r"y = a^b", numpy=(np.power, np.float_power), examples=lambda draw: [
    (draw(3, 4, low=0.3), draw(3, 4)), (draw(3, 4, low=0.3), draw(4)), (draw(2, 3), 3),
    (draw.away(2, 3), -2), (draw(2, 3, low=0.3), 0.5), (2.0, draw(3)),
])  # fmt: skip
def power(a: Array, b: Array):
    """Power, element by element.

    At ``a = 0`` the gradient with respect to the exponent is 0; it is NaN for a negative base,
    whose real powers do not form a continuous function of the exponent.

    Examples
    --------
    >>> power([1.0, 2.0], 3)
    array([1., 8.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot b\, a^{b-1}"""
        gb = g * b
        # A zero factor wins where the slope is infinite (a = 0, b < 1) or y is NaN.
        off = (gb == 0) & (((a == 0) & (b < 1)) | (y != y))
        base = where(off, 1, a) if np.any(off) else a
        small = getattr(b, "dtype", np.dtype(float)).kind in "biu"  # uint8: 0 - 1 would be 255
        return gb * base ** (b - (1.0 if small else 1))

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot y \ln a"""
        off = (a == 0) | ((g == 0) & (y - y != 0))  # y is NaN or infinite where nothing flows
        undefined = off | ((g == 0) & (a < 0))
        base = where(undefined, 1, a) if np.any(undefined) else a
        if getattr(base, "dtype", y.dtype) != y.dtype:  # log(int8) would be in half precision
            base = base.astype(y.dtype)
        return g * (where(off, 0, y) if np.any(off) else y) * log(base)

    return _power(a, b), to_a, to_b


def _power(a: Any, b: Any) -> Any:
    if isinstance(b, (int, np.integer)) and b < 0 and as_array(a).dtype.kind in "iu":
        a = as_array(a).astype(np.float64)  # NumPy refuses negative powers of integers
    return np.power(a, b)


@operator("__abs__")
@elementwise(r"y = |x|", np.abs, "Absolute value; its derivative at 0 is taken as 0.", _off_zero)
def abs(g, y, x):
    r"""\bar{x} = \bar{y} \odot \operatorname{sign} x"""
    return g * np.sign(x)


isnan = _steps(r"y = [x \text{ is not a number}]", np.isnan, "Whether each entry is NaN")
sign = _steps(r"y = \operatorname{sign} x", np.sign, "-1, 0 or 1")
floor = _steps(r"y = \lfloor x \rfloor", np.floor, "The next integer below")
ceil = _steps(r"y = \lceil x \rceil", np.ceil, "The next integer above")


@operator("__round__")
@op(r"y = \operatorname{round} x", examples=lambda draw: [draw(3, 4), (draw(3, 4), 1)])
def round(x: Array, decimals: int = 0):
    """The nearest number with so many decimals: constant between jumps, so an untracked result.

    Examples
    --------
    >>> round([1.26, -0.5], 1)
    array([ 1.3, -0.5])
    """
    return np.round(x, decimals), None


@elementwise(
    r"y = 1 / x",
    np.reciprocal,
    "1 over x. A zero upstream gradient stays zero, even at ``x = 0``.",
    _off_zero,
)
def reciprocal(g, y, x):
    r"""\bar{x} = -\bar{y} / x^2"""
    return -quotient(quotient(g, x), x)
