"""Activation functions (course document 002, slide 12), softmax and its logarithm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..checks import one_of
from ..errors import ShapeError
from ..kernels import Array, stable
from ..kernels.erf import erf as kernel_erf
from ..kernels.fast.elementwise import elementwise as shared
from .casting import in_single
from .elementwise import elementwise, exp
from .selection import where
from .trigonometry import tanh


@elementwise(r"y = \frac{1}{1 + e^{-x}}", stable.sigmoid, "Logistic function; it never overflows.")
def sigmoid(g, y, x):
    r"""\bar{x} = \bar{y} \odot y \odot (1 - y)"""
    return g * (y * (1 - y))


@op(r"y = \max(0, x)", examples=lambda draw: [draw.away(3, 4), draw.away()])
def relu(x: Array):
    """Rectified linear unit; its derivative at 0 is taken as 0.

    Examples
    --------
    >>> relu([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot [x > 0]"""
        return shared(_passed, g, y)

    return shared(_positive, x), to_x


def _positive(x: Any) -> Any:
    # With a row of zeros 2.3 times faster than with the scalar 0.
    return np.maximum(x, np.zeros(x.shape[-1:], x.dtype) if isinstance(x, np.ndarray) else 0)


def _passed(g: Any, y: Any) -> Any:
    return g * (y > 0)


@op(r"y = \max(0, x) + \alpha \min(0, x)", examples=lambda draw: [
    draw.away(3, 4), (draw.away(3, 4), 0.2), draw.away(),
])  # fmt: skip
def leaky_relu(x: Array, negative_slope: float = 0.01):
    """ReLU with a small slope on the negative side, which its derivative also has at 0.

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0], 0.1)
    array([-0.1,  2. ])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot ([x > 0] + \alpha [x \leq 0])"""
        return where(x > 0, g, g * negative_slope)

    return np.where(x > 0, x, x * negative_slope), to_x


@op(r"y = \max(0, x) + a \min(0, x)", examples=lambda draw: [
    (draw.away(3, 4), draw(1)), (draw.away(2, 3, 4), draw(3)), (draw.away(2, 3, 2, 2), draw(3)),
    (draw.away(4), draw(1)),
])  # fmt: skip
@in_single
def prelu(x: Array, weight: Array):
    """Leaky ReLU whose negative slope is learned; at 0 the derivative is that slope.

    Parameters
    ----------
    x
        (N, C, ...), or any shape with a single slope.
    weight
        (1,), or (C,): a slope for each channel.

    References
    ----------
    K. He et al., "Delving Deep into Rectifiers", ICCV 2015, equation 1.

    Examples
    --------
    >>> prelu([-1.0, 2.0], [0.5])
    array([-0.5,  2. ])
    """
    if weight.ndim > 1 or (weight.size != 1 and (x.ndim < 2 or weight.size != x.shape[1])):
        raise ShapeError("{weight} must have one slope, or one per channel (axis 1) of {x}")

    def slopes(weight: Any) -> Any:
        return weight.reshape(-1, *[1] * (x.ndim - 2)) if weight.size > 1 else weight.reshape(())

    def to_x(g, y, x, weight):
        r"""\bar{x} = \bar{y} \odot ([x > 0] + a [x \leq 0])"""
        return where(x > 0, g, g * slopes(weight))

    def to_weight(g, y, x, weight):
        r"""\bar{a} = \sum \bar{y} \odot \min(0, x)"""
        d = g * where(x > 0, 0, x)
        if weight.size == 1:
            return d.sum().reshape(weight.shape)
        return d.sum((0, *range(2, x.ndim)))

    return np.where(x > 0, x, x * slopes(weight)), to_x, to_weight


@op(r"y = x \text{ if } x > 0, \alpha (e^x - 1) \text{ otherwise}", examples=lambda draw: [
    draw.away(3, 4), (draw.away(3, 4), 0.5), draw.away(),
])  # fmt: skip
def elu(x: Array, alpha: float = 1.0):
    """Exponential linear unit; its derivative at 0 is taken as ``alpha``.

    Examples
    --------
    >>> elu([-1.0, 2.0])
    array([-0.63212056,  2.        ])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot ([x > 0] + \alpha e^x [x \leq 0])"""
        return where(x > 0, g, g * alpha * exp(where(x > 0, 0, x)))

    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), to_x


@op(
    r"y = \tfrac1\beta \ln(1 + e^{\beta x})",
    examples=lambda draw: [draw(3, 4), (draw(3), 2.0), draw()],
)
def softplus(x: Array, beta: float = 1.0):
    """Smooth ReLU; it never overflows.

    Examples
    --------
    >>> softplus([0.0, 1000.0])
    array([6.93147181e-01, 1.00000000e+03])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot \sigma(\beta x)"""
        return g * sigmoid(x * beta)

    z = x * beta
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(z))) / beta, to_x


@elementwise(
    r"y = [x \geq 0]", lambda x: np.where(x >= 0, x.dtype.type(1), x.dtype.type(0)),
    "Heaviside's step, 1 at 0; its derivative is taken as 0 everywhere.",
    lambda draw: [draw.away(3, 4), draw.away()],
)  # fmt: skip
def step(g, y, x):
    r"""\bar{x} = 0"""
    return g * 0


@elementwise(r"y = x", lambda x: x.copy(), "The same numbers.")
def identity(g, y, x):
    r"""\bar{x} = \bar{y}"""
    return g


@elementwise(
    r"y = \operatorname{erf} x = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt", kernel_erf,
    "Error function, to the last digits in float64 and within 4e-7 in float32.",
)  # fmt: skip
def erf(g, y, x):
    r"""\bar{x} = \bar{y} \odot \frac{2}{\sqrt\pi} e^{-x^2}"""
    return g * (2 / math.sqrt(math.pi)) * exp(-x * x)


@op(r"y = x \, \Phi(x)", examples=lambda draw: [draw(3, 4), (draw(3, 4), "tanh"), draw()])
def gelu(x: Array, approximate: str = "none"):
    r"""Gaussian error linear unit: x times the normal distribution function.

    Parameters
    ----------
    x
        Any shape.
    approximate
        ``"none"``, or ``"tanh"`` for :math:`\Phi(x) \approx \tfrac12 (1 +
        \tanh(\sqrt{2/\pi} (x + 0.044715 x^3)))`.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415, section 2.

    Examples
    --------
    >>> gelu([-1.0, 0.0, 1.0])
    array([-0.15865525,  0.        ,  0.84134475])
    """
    if one_of(approximate, "approximate", ("none", "tanh")) == "tanh":
        share = 0.5 * (1 + np.tanh(_GELU * (x + 0.044715 * x**3)))
    else:
        share = 0.5 * (1 + kernel_erf(x * math.sqrt(0.5)))

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot (\Phi(x) + x \, \varphi(x))"""
        if approximate == "tanh":
            t = tanh(_GELU * (x + 0.044715 * x**3))
            slope = 0.5 * x * (1 - t * t) * (_GELU * (1 + 3 * 0.044715 * x * x))
            return g * (0.5 * (1 + t) + slope)
        phi = exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
        cdf = 0.5 * (1 + erf(x * math.sqrt(0.5))) if isinstance(g, Node) else share
        return g * (cdf + x * phi)

    return x * share, to_x


_GELU = math.sqrt(2 / math.pi)


@elementwise(
    r"y = x \, \sigma(x)", lambda x: x * stable.sigmoid(x),
    "Sigmoid linear unit, also called swish.",
)  # fmt: skip
def silu(g, y, x):
    r"""\bar{x} = \bar{y} \odot (\sigma(x) + y (1 - \sigma(x)))"""
    s = sigmoid(x)
    return g * (s + y * (1 - s))


@op(r"y_i = \frac{e^{x_i}}{\sum_k e^{x_k}}", examples=lambda draw: [
    draw(3, 4), (draw(3, 4), 0), (draw(2, 3, 4), 1), draw(5),
])  # fmt: skip
@in_single
def softmax(x: Array, axis: int = -1):
    r"""Exponentials divided by their sum, without overflow (document 002, slides 41 to 44).

    Parameters
    ----------
    x
        Logits; by default the classes are on the last axis.
    axis
        The axis over which the results sum to 1.

    Notes
    -----
    The Jacobian is :math:`y_i (\delta_{ij} - y_j)`; the closure applies it without forming it.

    Examples
    --------
    >>> softmax([4, 5, 6])
    array([0.09003057, 0.24472847, 0.66524096])
    >>> softmax([4000, 5000, 6000])
    array([0., 0., 1.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = y \odot \left(\bar{y} - \sum_k \bar{y}_k y_k\right)"""
        if not isinstance(g, np.ndarray) or not g.ndim:
            return y * (g - (g * y).sum(axis, keepdims=True))
        return stable.softmax_gradient(g, y, axis)

    return stable.softmax(x, axis), to_x


@op(r"y_i = x_i - \ln \sum_k e^{x_k}", examples=lambda draw: [
    draw(3, 4), (draw(3, 4), 0), (draw(2, 3, 4), 1), draw(5),
])  # fmt: skip
@in_single
def log_softmax(x: Array, axis: int = -1):
    """Logarithm of the softmax, exact even where the softmax is 0 to rounding.

    Examples
    --------
    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} - \operatorname{softmax}(x) \sum_k \bar{y}_k"""
        p = exp(y) if isinstance(g, np.ndarray) else softmax(x, axis)  # y is rounded
        return g - p * g.sum(axis, keepdims=True)

    return stable.log_softmax(x, axis), to_x
