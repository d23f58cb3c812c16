"""Losses: how far predictions are from their targets."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array, stable
from ..messages import _
from .activations import log_softmax, softmax
from .elementwise import log
from .selection import maximum, minimum

REDUCTIONS = ("mean", "sum", "none")


def _reduce(loss: Array, reduction: str, n: int) -> tuple[Any, float]:
    """The reduced loss, and the factor that the reduction puts on every gradient."""
    if reduction == "none":
        return loss, 1.0
    if reduction == "sum":
        return loss.sum(), 1.0
    if reduction == "mean":
        if n == 0:
            raise ArgumentError(_("the mean over no examples is undefined: the batch is empty"))
        return loss.sum() / n, 1.0 / n
    raise ArgumentError(
        _("reduction is one of {known}, not {value!r}"), known=REDUCTIONS, value=reduction
    )


@op(r"L = -\tfrac1N \sum_n \sum_k y_{nk} \ln \operatorname{softmax}(z_n)_k", examples=lambda draw: [
    (draw(3, 4), draw.labels(3, classes=4)), (draw(3, 4), draw.probabilities(3, 4)),
    (draw(3, 4), draw.labels(3, classes=4), "sum"), (draw(4), np.array(2)),
    (draw(3, 4), draw.labels(3, classes=4), "none"),
    (draw(3, 4), draw.labels(3, classes=4), "mean", 0.1),
    (draw(2, 4, 3), draw.labels(2, 3, classes=4)), (draw(3, 4), draw(3, 4, low=0.1), "mean", 0.2),
])  # fmt: skip
def cross_entropy(
    logits: Array, target: Array, reduction: str = "mean", label_smoothing: float = 0.0
):
    r"""Softmax and cross entropy in one, without overflow.

    Its gradient with respect to the logits is :math:`(\hat y - y) / N` under the mean (course
    document 002, slide 45), for targets that sum to 1.

    Parameters
    ----------
    logits
        (N, C), (C,) or (N, C, ...): scores, *not* probabilities.
    target
        Class indices (N,), (), (N, ...), or probabilities of the logits' shape.
    reduction
        ``"mean"`` over the examples, ``"sum"`` or ``"none"``.
    label_smoothing
        Share of the target that is spread evenly over all classes.

    Raises
    ------
    ArgumentError
        If a class index is out of range.

    Warns
    -----
    UserWarning
        If the logits look like probabilities: a softmax too many.

    Examples
    --------
    >>> float(cross_entropy([[0.0, 0.0]], [1]).round(6))
    0.693147
    """
    axis = 1 if logits.ndim > 1 else 0
    if logits.ndim == 0:
        raise ShapeError(_("{logits} needs an axis of classes: (N, C) or (C,)"))
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(
            _("label_smoothing is between 0 and 1, not {value}"), value=label_smoothing
        )
    _warn_probabilities(logits, axis)
    classes = logits.shape[axis]
    if not classes:
        raise ShapeError(_("{logits} has no class on axis {axis}"), axis=axis)
    others = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    log_p = stable.log_softmax(logits, axis)
    soft = target.dtype.kind == "f"
    picked: Any = None
    if soft:
        if target.shape != logits.shape:
            raise ShapeError(
                _("{target} must have the shape of {logits} (probabilities), or be integer "
                  "class indices of shape {others}"), others=others,
            )  # fmt: skip
        weights = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(weights * log_p).sum(axis)
    else:
        _check_labels(target, others, classes)
        picked = _positions(target, axis)
        loss = -log_p[picked]
        if label_smoothing:
            loss = loss * (1 - label_smoothing) - label_smoothing * log_p.mean(axis)
    y, factor = _reduce(loss, reduction, math.prod(others))

    def upstream(g: Any) -> Any:
        g = g * factor
        return g.reshape((*g.shape[:axis], 1, *g.shape[axis:])) if reduction == "none" else g

    def to_logits(g, y, logits, target):
        r"""\bar{z} = \bar{L} \odot (\hat{y} - y) / N"""
        if soft:
            p = target * (1 - label_smoothing) + label_smoothing / classes
            return upstream(g) * (softmax(logits, axis) * p.sum(axis, keepdims=True) - p)
        if isinstance(g, Node) or label_smoothing:
            one_hot = np.zeros(log_p.shape, log_p.dtype)
            one_hot[picked] = 1 - label_smoothing
            return upstream(g) * (softmax(logits, axis) - (one_hot + label_smoothing / classes))
        d = np.exp(log_p)
        d[picked] -= 1
        d *= upstream(g)
        return d

    def to_target(g, y, logits, target):
        r"""\bar{y} = -\bar{L} \odot \ln \hat{y} / N"""
        return upstream(g) * log_softmax(logits, axis) * (label_smoothing - 1)

    return y, to_logits, to_target if soft else None


def _positions(target: Array, axis: int) -> tuple[Any, ...]:
    """The index of each example's class in the logits."""
    if target.ndim == 1:
        return np.arange(len(target)), target
    grid: list[Any] = list(np.indices(target.shape, sparse=True))
    grid.insert(axis, target)
    return tuple(grid)


def _check_labels(target: Array, shape: tuple[int, ...], classes: int) -> None:
    if target.dtype.kind not in "iu":
        raise DTypeError(
            _("the target holds class indices (integers) or probabilities (floats), not {dtype}"),
            dtype=target.dtype,
        )
    if target.shape != shape:
        raise ShapeError(
            _(
                "{target} must be class indices of shape {shape}, one per example of {logits}; "
                "for one-hot targets use .astype(float)"
            ),
            shape=shape,
        )
    if target.size and (target.min() < 0 or target.max() >= classes):
        raise ArgumentError(
            _("class indices go from 0 to {last}; the target has {low} to {high}"),
            last=classes - 1,
            low=target.min(),
            high=target.max(),
        )


def _warn_probabilities(logits: Array, axis: int) -> None:
    # One number settles it for almost all logits, before the whole array is looked at.
    if not logits.size or logits.item(0) < 0 or logits.shape[axis] < 2:
        return
    if logits.min() >= 0 and (abs(logits.sum(axis) - 1.0) <= 1e-4).all():
        warnings.warn(
            _(
                "cross_entropy takes logits, and these look like probabilities (rows that sum "
                "to 1): a softmax too many makes the loss stall; remove yours"
            ),
            stacklevel=4,
        )


@op(r"L = -\tfrac1N \sum_n y_n \ln p_n + (1 - y_n) \ln (1 - p_n)", examples=lambda draw: [
    (draw(3, 4, low=0.1, high=0.9), draw(3, 4, low=0.1, high=0.9)),
    (draw(5, low=0.1, high=0.9), np.array([0, 1, 1, 0, 1])),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "sum"),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "none"),
])  # fmt: skip
def binary_cross_entropy(p: Array, target: Array, reduction: str = "mean"):
    """Cross entropy of probabilities ``p`` of the class 1 (course document 002, slide 22).

    Logarithms are bounded below by -100 and the gradient's denominator by 1e-12, as in PyTorch,
    so that a probability of exactly 0 or 1 gives a large loss instead of an infinite one.

    Parameters
    ----------
    p
        Probabilities, any shape.
    target
        0, 1 or probabilities, of the same shape.
    reduction
        ``"mean"`` over all entries, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> float(binary_cross_entropy([0.5], [1]).round(6))
    0.693147
    """
    _same_shape(p, target)
    p, target = _floating(p), _floating(target)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ArgumentError(
            _("probabilities lie between 0 and 1; these go from {low} to {high}: apply sigmoid"),
            low=p.min(),
            high=p.max(),
        )
    with np.errstate(divide="ignore"):
        log_p = np.maximum(np.log(p), -100)
        log_q = np.maximum(np.log1p(-p), -100)
    loss = -(target * log_p + (1 - target) * log_q)
    y, factor = _reduce(loss.astype(p.dtype), reduction, p.size)

    def to_p(g, y, p, target):
        r"""\bar{p} = \bar{L} \odot \frac{p - y}{p (1 - p)} / N"""
        return g * factor * ((p - target) / maximum(p * (1 - p), 1e-12))

    def to_target(g, y, p, target):
        r"""\bar{y} = \bar{L} \odot (\ln(1 - p) - \ln p) / N"""
        q = minimum(maximum(p, 1e-44), 1.0)
        return g * factor * (log(maximum(1 - q, 1e-44)) - log(q))

    return y, to_p, to_target


@op(r"L = \tfrac1N \sum_n (x_n - y_n)^2", examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3), draw(3), "sum"), (draw(3), draw(3), "none"),
])  # fmt: skip
def mse_loss(x: Array, target: Array, reduction: str = "mean"):
    """Mean of the squared differences, over all entries.

    Examples
    --------
    >>> float(mse_loss([1.0, 2.0], [0.0, 0.0]))
    2.5
    """
    _same_shape(x, target)
    x, target = _floating(x), _floating(target)
    y, factor = _reduce((x - target) ** 2, reduction, x.size)

    def to_x(g, y, x, target):
        r"""\bar{x} = \tfrac{2}{N} \bar{L} \odot (x - y)"""
        return g * (2 * factor) * (x - target)

    def to_target(g, y, x, target):
        r"""\bar{y} = \tfrac{2}{N} \bar{L} \odot (y - x)"""
        return g * (2 * factor) * (target - x)

    return y, to_x, to_target


def _floating(x: Array) -> Array:
    """The same as floats: unsigned integers wrap around, and a mean has decimals."""
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _same_shape(x: Array, target: Array) -> None:
    if np.shape(x) != np.shape(target):
        raise ShapeError(
            _(
                "predictions {shape} and targets {other} must have the same shape: broadcasting "
                "(N,) against (N, 1) would compare every pair"
            ),
            shape=np.shape(x),
            other=np.shape(target),
        )
