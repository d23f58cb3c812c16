"""Trigonometric and hyperbolic functions, and the inverses of the former."""

from __future__ import annotations

import numpy as np

from ..autograd.op import op
from ..kernels import Array
from .elementwise import sqrt
from .selection import quotient


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


@op(
    r"y = \tan x",
    numpy=np.tan,
    examples=lambda draw: [draw(3, 4, low=-0.9, high=0.9), draw(low=-0.9, high=0.9)],
)
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


@op(
    r"y = \arcsin x",
    numpy=np.arcsin,
    examples=lambda draw: [draw(3, 4, low=-0.9, high=0.9), draw(low=-0.9, high=0.9)],
)
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


@op(
    r"y = \arccos x",
    numpy=np.arccos,
    examples=lambda draw: [draw(3, 4, low=-0.9, high=0.9), draw(low=-0.9, high=0.9)],
)
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
