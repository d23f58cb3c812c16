"""Exponentials, logarithms, powers, applied to each number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..kernels import Array
from .selection import quotient, where


@op(r"y = e^{x}", numpy=np.exp, examples=lambda draw: [draw(3, 4), draw()])
def exp(x: Array):
    """Exponential.

    Examples
    --------
    >>> exp([0.0, 1.0])
    array([1.        , 2.71828183])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot y"""
        return g * y

    return np.exp(x), to_x


@op(r"y = e^{x} - 1", numpy=np.expm1, examples=lambda draw: [draw(3, 4), draw()])
def expm1(x: Array):
    """Exponential minus 1, exact for small ``x``.

    Examples
    --------
    >>> expm1([0.0, 1e-20])
    array([0.e+00, 1.e-20])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot (y + 1)"""
        return g * (y + 1)

    return np.expm1(x), to_x


@op(r"y = 2^{x}", numpy=np.exp2, examples=lambda draw: [draw(3, 4), draw()])
def exp2(x: Array):
    """Power of two."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot y \ln 2"""
        return g * (y * math.log(2))

    return np.exp2(x), to_x


@op(r"y = \ln x", numpy=np.log, examples=lambda draw: [draw(3, 4, low=0.3), draw(low=0.3)])
def log(x: Array):
    """Natural logarithm. A zero upstream gradient stays zero, even at ``x = 0``.

    Examples
    --------
    >>> log([1.0, 2.0])
    array([0.        , 0.69314718])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / x"""
        return quotient(g, x)

    return np.log(x), to_x


@op(r"y = \ln (1 + x)", numpy=np.log1p, examples=lambda draw: [draw(3, 4, low=0.3), draw(low=0.3)])
def log1p(x: Array):
    """Logarithm of ``1 + x``, exact for small ``x``.

    Examples
    --------
    >>> log1p([0.0, 1e-20])
    array([0.e+00, 1.e-20])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (1 + x)"""
        return quotient(g, 1 + x)

    return np.log1p(x), to_x


@op(r"y = \log_2 x", numpy=np.log2, examples=lambda draw: [draw(3, 4, low=0.3), draw(low=0.3)])
def log2(x: Array):
    """Logarithm to the base 2.

    Examples
    --------
    >>> log2([1.0, 8.0])
    array([0., 3.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (x \ln 2)"""
        return quotient(g, x * math.log(2))

    return np.log2(x), to_x


@op(r"y = \log_{10} x", numpy=np.log10, examples=lambda draw: [draw(3, 4, low=0.3), draw(low=0.3)])
def log10(x: Array):
    """Logarithm to the base 10.

    Examples
    --------
    >>> log10([1.0, 100.0])
    array([0., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (x \ln 10)"""
        return quotient(g, x * math.log(10))

    return np.log10(x), to_x


@op(r"y = \sqrt{x}", numpy=np.sqrt, examples=lambda draw: [draw(3, 4, low=0.3), draw(low=0.3)])
def sqrt(x: Array):
    """Square root. A zero upstream gradient stays zero, even at ``x = 0``.

    Examples
    --------
    >>> sqrt([1.0, 4.0])
    array([1., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (2 y)"""
        return quotient(g, 2 * y)

    return np.sqrt(x), to_x


@op(r"y = x^2", numpy=np.square, examples=lambda draw: [draw(3, 4), draw()])
def square(x: Array):
    """Square.

    Examples
    --------
    >>> square([1.0, -3.0])
    array([1., 9.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = 2 \bar{y} \odot x"""
        return 2 * g * x

    return np.square(x), to_x


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
    if isinstance(b, (int, np.integer)) and b < 0 and np.asarray(a).dtype.kind in "iu":
        a = np.asarray(a, np.float64)  # NumPy refuses negative powers of integers
    return np.power(a, b)


@operator("__abs__")
@op(r"y = |x|", numpy=np.abs, examples=lambda draw: [draw.away(3, 4), draw.away()])
def abs(x: Array):
    """Absolute value; its derivative at 0 is taken as 0.

    Examples
    --------
    >>> abs([-1.0, 2.0])
    array([1., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot \operatorname{sign} x"""
        return g * np.sign(x)

    return np.abs(x), to_x


def _steps(latex: str, ufunc: np.ufunc, gives: str) -> Any:
    def body(x: Array):
        return ufunc(x), None

    body.__name__ = body.__qualname__ = ufunc.__name__
    body.__doc__ = f"{gives}: constant between jumps, so an untracked result."
    return op(latex, examples=lambda draw: [draw.away(3, 4), draw()])(body)


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


@op(r"y = [x \text{ n'est pas un nombre}]", examples=lambda draw: [draw(3, 4)])
def isnan(x: Array):
    """Whether each entry is NaN: an untracked boolean Tensor.

    Examples
    --------
    >>> isnan([1.0, float("nan")])
    array([False,  True])
    """
    return np.isnan(x), None


@op(r"y = 1 / x", numpy=np.reciprocal, examples=lambda draw: [draw.away(3, 4), draw.away()])
def reciprocal(x: Array):
    """1 over x. A zero upstream gradient stays zero, even at ``x = 0``.

    Examples
    --------
    >>> reciprocal([2.0, 4.0])
    array([0.5 , 0.25])
    """

    def to_x(g, y, x):
        r"""\bar{x} = -\bar{y} / x^2"""
        return -quotient(quotient(g, x), x)

    return np.reciprocal(x), to_x
