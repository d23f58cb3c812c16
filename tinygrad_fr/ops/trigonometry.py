"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op
from ..kernels import Array
from .elementwise import elementwise, sqrt
from .selection import quotient, ratio


def _inside(draw: Any) -> list[Any]:
    return [draw(3, 4, low=-0.9, high=0.9), draw(low=-0.9, high=0.9)]


@elementwise(r"y = \sin x", np.sin, "Sine.")
def sin(g, y, x):
    r"""\bar{x} = \bar{y} \odot \cos x"""
    return g * cos(x)


@elementwise(r"y = \cos x", np.cos, "Cosine.")
def cos(g, y, x):
    r"""\bar{x} = -\bar{y} \odot \sin x"""
    return -g * sin(x)


@elementwise(r"y = \tan x", np.tan, "Tangent.", _inside)
def tan(g, y, x):
    r"""\bar{x} = \bar{y} \odot (1 + y^2)"""
    return g * (1 + y * y)


@elementwise(r"y = \arcsin x", np.arcsin, "Inverse of the sine, in [-pi/2, pi/2].", _inside)
def arcsin(g, y, x):
    r"""\bar{x} = \bar{y} / \sqrt{1 - x^2}"""
    return quotient(g, sqrt((1 - x) * (1 + x)))


@elementwise(r"y = \arccos x", np.arccos, "Inverse of the cosine, in [0, pi].", _inside)
def arccos(g, y, x):
    r"""\bar{x} = -\bar{y} / \sqrt{1 - x^2}"""
    return -quotient(g, sqrt((1 - x) * (1 + x)))


@elementwise(r"y = \arctan x", np.arctan, "Inverse of the tangent, in [-pi/2, pi/2].")
def arctan(g, y, x):
    r"""\bar{x} = \bar{y} / (1 + x^2)"""
    return g / (1 + x * x)


@elementwise(r"y = \sinh x", np.sinh, "Hyperbolic sine.")
def sinh(g, y, x):
    r"""\bar{x} = \bar{y} \odot \cosh x"""
    return g * cosh(x)


@elementwise(r"y = \cosh x", np.cosh, "Hyperbolic cosine.")
def cosh(g, y, x):
    r"""\bar{x} = \bar{y} \odot \sinh x"""
    return g * sinh(x)


@elementwise(r"y = \tanh x", np.tanh, "Hyperbolic tangent (course document 002, slide 12).")
def tanh(g, y, x):
    r"""\bar{x} = \bar{y} \odot (1 - y^2)"""
    return g * (1 - y * y)


@elementwise(r"y = \operatorname{arsinh} x", np.arcsinh, "Inverse of the hyperbolic sine.")
def arcsinh(g, y, x):
    r"""\bar{x} = \bar{y} / \sqrt{1 + x^2}"""
    return g / hypot(x, 1)


@elementwise(
    r"y = \operatorname{arcosh} x",
    np.arccosh,
    "Inverse of the hyperbolic cosine, from 0 on.",
    lambda draw: [draw(3, 4, low=1.3, high=3.0)],
)
def arccosh(g, y, x):
    r"""\bar{x} = \bar{y} / \sqrt{x^2 - 1}"""
    return quotient(g, sqrt(x - 1) * sqrt(x + 1))


@elementwise(
    r"y = \operatorname{artanh} x", np.arctanh, "Inverse of the hyperbolic tangent.", _inside
)
def arctanh(g, y, x):
    r"""\bar{x} = \bar{y} / (1 - x^2)"""
    return quotient(g, (1 - x) * (1 + x))


# --- the polar coordinates of (b, a) -----------------------------------------------------------


def _points(draw: Any) -> list[Any]:
    return [(draw.away(3, 4), draw.away(3, 4)), (draw.away(3, 1), draw.away(4)), (draw(3), 2.0)]


@op(r"y = \sqrt{a^2 + b^2}", numpy=np.hypot, examples=_points)
def hypot(a: Array, b: Array):
    """The distance from the origin, without overflow; its derivative at (0, 0) is taken as 0.

    Examples
    --------
    >>> hypot([3.0, 0.0], 4.0)
    array([5., 4.])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot a / y"""
        return g * ratio(a, y)

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot b / y"""
        return g * ratio(b, y)

    return np.hypot(a, b), to_a, to_b


@op(r"y = \operatorname{arctan2}(a, b)", numpy=np.arctan2, examples=_points)
def arctan2(a: Array, b: Array):
    """The angle of the point ``(b, a)``, in [-pi, pi]; its derivative at (0, 0) is taken as 0.

    Examples
    --------
    >>> arctan2([0.0, 1.0], -1.0)
    array([3.14159265, 2.35619449])
    """

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot b / (a^2 + b^2)"""
        r = hypot(a, b)
        return ratio(g * ratio(b, r), r)

    def to_b(g, y, a, b):
        r"""\bar{b} = -\bar{y} \odot a / (a^2 + b^2)"""
        r = hypot(a, b)
        return -ratio(g * ratio(a, r), r)

    return np.arctan2(a, b), to_a, to_b
