"""Losses of numbers: squares, absolute values, and what lies between."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import composed, op
from ..checks import positive
from ..kernels import Array
from .casting import halves_in_single, in_single
from .losses import comparable, reduce
from .selection import clip


@op(r"L = \tfrac1N \sum_n (x_n - y_n)^2", examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3), draw(3), "sum"), (draw(3), draw(3), "none"),
])  # fmt: skip
@in_single
def mse_loss(x: Array, target: Array, reduction: str = "mean"):
    """Mean of the squared differences, over all entries.

    Examples
    --------
    >>> float(mse_loss([1.0, 2.0], [0.0, 0.0]))
    2.5
    """
    x, target = comparable(x, target)
    y, factor = reduce((x - target) ** 2, reduction, x.size)

    def to_x(g, y, x, target):
        r"""\bar{x} = \tfrac{2}{N} \bar{L} \odot (x - y)"""
        return g * (2 * factor) * (x - target)

    def to_target(g, y, x, target):
        r"""\bar{y} = \tfrac{2}{N} \bar{L} \odot (y - x)"""
        return g * (2 * factor) * (target - x)

    return y, to_x, to_target


@op(r"L = \tfrac1N \sum_n |x_n - y_n|", examples=lambda draw: [
    (draw(3, 4), draw(3, 4) + 5), (draw(3), draw(3) - 5, "sum"), (draw(3), draw(3) + 5, "none"),
])  # fmt: skip
@in_single
def l1_loss(x: Array, target: Array, reduction: str = "mean"):
    """Mean of the absolute differences, over all entries; where they are 0, so is the gradient.

    Examples
    --------
    >>> float(l1_loss([1.0, 2.0], [0.0, 0.0]))
    1.5
    """
    x, target = comparable(x, target)
    y, factor = reduce(np.abs(x - target), reduction, x.size)

    def to_x(g, y, x, target):
        r"""\bar{x} = \tfrac{1}{N} \bar{L} \odot \operatorname{sign}(x - y)"""
        return g * factor * np.sign(x - target)

    def to_target(g, y, x, target):
        r"""\bar{y} = \tfrac{1}{N} \bar{L} \odot \operatorname{sign}(y - x)"""
        return g * factor * np.sign(target - x)

    return y, to_x, to_target


@op(r"L = \tfrac1N \sum_n h_\delta(x_n - y_n)", examples=lambda draw: [
    (draw.away(3, 4), np.zeros((3, 4))), (draw(3), draw(3) + 3, "sum"),
    (draw.away(5), np.zeros(5), "none", 0.1), (draw(3) / 9, draw(3) / 9, "mean", 2.5),
])  # fmt: skip
@in_single
def huber_loss(x: Array, target: Array, reduction: str = "mean", delta: float = 1.0):
    r"""Squares of small differences, absolute values of large ones: outliers pull less.

    With :math:`d = x - y` it is :math:`h_\delta(d) = d^2 / 2` where :math:`|d| \leq \delta`, and
    :math:`\delta (|d| - \delta / 2)` beyond. The two meet with the same slope: the gradient is the
    difference, clipped to :math:`[-\delta, \delta]`.

    References
    ----------
    P. J. Huber, "Robust Estimation of a Location Parameter", Ann. Math. Statist. 35(1), 1964.

    Examples
    --------
    >>> huber_loss([0.5, 3.0], [0.0, 0.0], "none")
    array([0.125, 2.5  ])
    """
    positive(delta, "delta")
    x, target = comparable(x, target)
    d = x - target
    inside = np.clip(d, -delta, delta)
    y, factor = reduce(inside * (d - inside / 2), reduction, x.size)

    def to_x(g, y, x, target):
        r"""\bar{x} = \bar{L} \odot \min(\max(x - y, -\delta), \delta) / N"""
        return g * factor * clip(x - target, -delta, delta)

    def to_target(g, y, x, target):
        r"""\bar{y} = \bar{L} \odot \min(\max(y - x, -\delta), \delta) / N"""
        return g * factor * clip(target - x, -delta, delta)

    return y, to_x, to_target


@composed(r"L = \tfrac{1}{\beta N} \sum_n h_\beta(x_n - y_n)", examples=lambda draw: [
    (draw(3, 4), draw(3, 4) + 2), (draw.away(3), np.zeros(3), "sum", 0.1),
    (draw(3), draw(3) + 5, "none", 0.0),
])  # fmt: skip
@halves_in_single
def smooth_l1_loss(x: Array, target: Array, reduction: str = "mean", beta: float = 1.0) -> Any:
    """The Huber loss over ``beta``: it tends to ``l1_loss``, which it is below a ``beta`` of 1e-20.

    Arguments as in ``huber_loss``, with ``beta`` for ``delta``.

    Examples
    --------
    >>> smooth_l1_loss([0.5, 3.0], [0.0, 0.0], "none", 0.5)
    array([0.25, 2.75])
    """
    if positive(beta, "beta", zero=True) < 1e-20:  # 1 / beta could be infinite
        return l1_loss(x, target, reduction)
    return huber_loss(x, target, reduction, beta) / beta
