"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op
from ..kernels import Array
from .elementwise import sqrt
from .selection import quotient, ratio


def _inside(draw: Any) -> list[Any]:
    return [draw(3, 4, low=-0.9, high=0.9), draw(low=-0.9, high=0.9)]


@op(r"y = \sin x", numpy=np.sin, examples=lambda draw: [draw(3, 4), draw()])
def sin(x: Array):
    """Sine.

    Examples
    --------
    >>> sin([0.0])
    array([0.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot \cos x"""
        return g * cos(x)

    return np.sin(x), to_x


@op(r"y = \cos x", numpy=np.cos, examples=lambda draw: [draw(3, 4), draw()])
def cos(x: Array):
    """Cosine.

    Examples
    --------
    >>> cos([0.0])
    array([1.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = -\bar{y} \odot \sin x"""
        return -g * sin(x)

    return np.cos(x), to_x


@op(r"y = \tan x", numpy=np.tan, examples=_inside)
def tan(x: Array):
    """Tangent.

    Examples
    --------
    >>> tan([0.0])
    array([0.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot (1 + y^2)"""
        return g * (1 + y * y)

    return np.tan(x), to_x


@op(r"y = \arcsin x", numpy=np.arcsin, examples=_inside)
def arcsin(x: Array):
    """Inverse of the sine, in [-pi/2, pi/2].

    Examples
    --------
    >>> arcsin([0.0, 1.0])
    array([0.        , 1.57079633])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / \sqrt{1 - x^2}"""
        return quotient(g, sqrt((1 - x) * (1 + x)))

    return np.arcsin(x), to_x


@op(r"y = \arccos x", numpy=np.arccos, examples=_inside)
def arccos(x: Array):
    """Inverse of the cosine, in [0, pi].

    Examples
    --------
    >>> arccos([1.0])
    array([0.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = -\bar{y} / \sqrt{1 - x^2}"""
        return -quotient(g, sqrt((1 - x) * (1 + x)))

    return np.arccos(x), to_x


@op(r"y = \arctan x", numpy=np.arctan, examples=lambda draw: [draw(3, 4), draw()])
def arctan(x: Array):
    """Inverse of the tangent, in [-pi/2, pi/2].

    Examples
    --------
    >>> arctan([0.0, 1.0])
    array([0.        , 0.78539816])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (1 + x^2)"""
        return g / (1 + x * x)

    return np.arctan(x), to_x


@op(r"y = \sinh x", numpy=np.sinh, examples=lambda draw: [draw(3, 4), draw()])
def sinh(x: Array):
    """Hyperbolic sine.

    Examples
    --------
    >>> sinh([0.0, 1.0])
    array([0.        , 1.17520119])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot \cosh x"""
        return g * cosh(x)

    return np.sinh(x), to_x


@op(r"y = \cosh x", numpy=np.cosh, examples=lambda draw: [draw(3, 4), draw()])
def cosh(x: Array):
    """Hyperbolic cosine.

    Examples
    --------
    >>> cosh([0.0, 1.0])
    array([1.        , 1.54308063])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot \sinh x"""
        return g * sinh(x)

    return np.cosh(x), to_x


@op(r"y = \tanh x", numpy=np.tanh, examples=lambda draw: [draw(3, 4), draw()])
def tanh(x: Array):
    """Hyperbolic tangent (course document 002, slide 12).

    Examples
    --------
    >>> tanh([0.0, 1.0])
    array([0.        , 0.76159416])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot (1 - y^2)"""
        return g * (1 - y * y)

    return np.tanh(x), to_x


@op(r"y = \operatorname{arsinh} x", numpy=np.arcsinh, examples=lambda draw: [draw(3, 4), draw()])
def arcsinh(x: Array):
    """Inverse of the hyperbolic sine."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / \sqrt{1 + x^2}"""
        return g / hypot(x, 1)

    return np.arcsinh(x), to_x


@op(r"y = \operatorname{arcosh} x", numpy=np.arccosh, examples=lambda draw: [
    draw(3, 4, low=1.3, high=3.0), draw(low=1.3),
])  # fmt: skip
def arccosh(x: Array):
    """Inverse of the hyperbolic cosine, from 0 on."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / \sqrt{x^2 - 1}"""
        return quotient(g, sqrt(x - 1) * sqrt(x + 1))

    return np.arccosh(x), to_x


@op(r"y = \operatorname{artanh} x", numpy=np.arctanh, examples=_inside)
def arctanh(x: Array):
    """Inverse of the hyperbolic tangent."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} / (1 - x^2)"""
        return quotient(g, (1 - x) * (1 + x))

    return np.arctanh(x), to_x


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
