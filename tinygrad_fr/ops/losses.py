"""Losses of numbers: how far predictions are from their targets. And how losses are reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op
from ..checks import one_of
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..messages import _
from .casting import in_single

REDUCTIONS = ("mean", "sum", "none")


def reduce(
    loss: Array, reduction: str, n: int, known: tuple[str, ...] = REDUCTIONS
) -> tuple[Any, float]:
    """The reduced loss, and the factor that the reduction puts on every gradient."""
    if one_of(reduction, "reduction", known) == "none":
        return loss, 1.0
    if reduction == "sum":
        return loss.sum(), 1.0
    if n == 0:
        raise ArgumentError(_("the mean over no examples is undefined: the batch is empty"))
    return loss.sum() / n, 1.0 / n


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


def comparable(x: Array, target: Array) -> tuple[Array, Array]:
    """Both as floats, of one shape: unsigned integers wrap around, and a mean has decimals.

    Integers take the dtype of the other, so that float32 predictions give a float32 loss.
    """
    if np.shape(x) != np.shape(target):
        raise ShapeError(
            _(
                "predictions {shape} and targets {other} must have the same shape: broadcasting "
                "(N,) against (N, 1) would compare every pair"
            ),
            shape=np.shape(x),
            other=np.shape(target),
        )
    if x.dtype.kind != "f":
        x = x.astype(target.dtype if target.dtype.kind == "f" else np.float64)
    return x, target if target.dtype.kind == "f" else target.astype(x.dtype)
