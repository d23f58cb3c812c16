"""Losses of classification: cross entropy of logits, negative logarithm of a probability."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..checks import share
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array, stable
from ..messages import _
from .activations import log_softmax, softmax
from .casting import in_single
from .indexing import _scatter
from .losses import reduce
from .shape import broadcast_to


@op(r"L = -\tfrac1N \sum_n \sum_k y_{nk} \ln \operatorname{softmax}(z_n)_k", examples=lambda draw: [
    (draw(3, 4), draw.labels(3, classes=4)), (draw(3, 4), draw.probabilities(3, 4)),
    (draw(3, 4), draw.labels(3, classes=4), "sum"), (draw(4), np.array(2)),
    (draw(3, 4), draw.labels(3, classes=4), "none"),
    (draw(3, 4), draw.labels(3, classes=4), "mean", 0.1),
    (draw(2, 4, 3), draw.labels(2, 3, classes=4)), (draw(3, 4), draw(3, 4, low=0.1), "mean", 0.2),
])  # fmt: skip
@in_single
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
        Class indices (N,), (), (N, ...), or probabilities in the shape of the logits.
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
        raise ShapeError("{logits} needs an axis of classes: (N, C) or (C,)")
    share(label_smoothing, "label_smoothing")
    _warn_probabilities(logits, axis)
    classes = logits.shape[axis]
    if not classes:
        raise ShapeError("{logits} has no class on axis {axis}", axis=axis)
    others = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    soft = target.dtype.kind == "f"
    if soft:
        if target.shape == others != logits.shape:
            raise DTypeError(
                "class indices are integers, not {dtype}: take .astype(int)", dtype=target.dtype
            )
        if target.shape != logits.shape:
            raise ShapeError(
                "{target} must have the shape of {logits} (probabilities), or be integer "
                  "class indices of shape {others}", others=others,
            )  # fmt: skip
        if np.isnan(target).any():
            raise ArgumentError("the target probabilities hold NaN: look where they come from")
        weights = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(weights * stable.log_softmax(logits, axis)).sum(axis)
    else:
        check_labels(target, others, classes)
        picked = _positions(target.astype(np.intp), axis)  # a copy: changed later, it were wrong
        if label_smoothing:
            log_p = stable.log_softmax(logits, axis)
            loss = log_p[picked] * (label_smoothing - 1) - label_smoothing * log_p.mean(axis)
        else:
            loss, to_z = stable.cross_entropy(logits, picked, axis)
    y, factor = reduce(loss, reduction, math.prod(others))

    def upstream(g: Any) -> Any:
        g = g * factor
        return g.reshape((*g.shape[:axis], 1, *g.shape[axis:])) if reduction == "none" else g

    def to_logits(g, y, logits, target):
        r"""\bar{z} = \bar{L} \odot (\operatorname{softmax}(z) - y) / N"""
        if soft:
            p = target * (1 - label_smoothing) + label_smoothing / classes
            return upstream(g) * (softmax(logits, axis) * p.sum(axis, keepdims=True) - p)
        if isinstance(g, Node) or label_smoothing:
            one_hot = np.zeros(logits.shape, y.dtype)
            one_hot[picked] = 1 - label_smoothing
            return upstream(g) * (softmax(logits, axis) - (one_hot + label_smoothing / classes))
        return to_z(g * factor)

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


def check_labels(target: Array, shape: tuple[int, ...], classes: int) -> None:
    if target.dtype.kind not in "iu":
        raise DTypeError(
            "the target holds class indices (integers) or probabilities (floats), not {dtype}",
            dtype=target.dtype,
        )
    if target.shape != shape:
        raise ShapeError(
            "{target} must be class indices of shape {shape}, one per example; from one-hot "
            "rows take .argmax(-1), or .astype(float) for cross_entropy",
            shape=shape,
        )
    if target.size and (
        np.minimum.reduce(target, None) < 0 or np.maximum.reduce(target, None) >= classes
    ):
        raise ArgumentError(
            "class indices go from 0 to {last}; the target has {low} to {high}",
            last=classes - 1,
            low=target.min(),
            high=target.max(),
        )


def _warn_probabilities(logits: Array, axis: int) -> None:
    # The first example settles it for almost all logits, before the whole array is looked at.
    if not logits.size or logits.shape[axis] < 2 or logits.item(0) < 0 or logits[0].min() < 0:
        return
    if logits.min() >= 0 and (abs(logits.sum(axis) - 1.0) <= 1e-4).all():
        warnings.warn(
            _(
                "cross_entropy takes logits, and these look like probabilities (rows that sum "
                "to 1): a softmax too many makes the loss stall; remove yours"
            ),
            stacklevel=4,
        )


@op(r"L = -\tfrac1N \sum_n \ell_{n, c_n}", examples=lambda draw: [
    (draw(3, 4), draw.labels(3, classes=4)), (draw(3, 4), draw.labels(3, classes=4), "sum"),
    (draw(3, 4), draw.labels(3, classes=4), "none"), (draw(4), np.array(2)),
    (draw(2, 4, 3), draw.labels(2, 3, classes=4), "none"),
])  # fmt: skip
@in_single
def nll_loss(log_p: Array, target: Array, reduction: str = "mean"):
    """Negative logarithm of the probability of the right class, such as after ``log_softmax``.

    Parameters
    ----------
    log_p
        (N, C), (C,) or (N, C, ...): logarithms of probabilities.
    target
        Class indices (N,), () or (N, ...).
    reduction
        ``"mean"`` over the examples, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> float(nll_loss([[-0.5, -1.0]], [1]))
    1.0
    """
    if log_p.ndim == 0:
        raise ShapeError("{log_p} needs an axis of classes: (N, C) or (C,)")
    axis = 1 if log_p.ndim > 1 else 0
    others = (*log_p.shape[:axis], *log_p.shape[axis + 1 :])
    check_labels(target, others, log_p.shape[axis])
    picked = _positions(target.copy(), axis)
    y, factor = reduce(-stable.floating(log_p[picked]), reduction, math.prod(others))

    def to_log_p(g, y, log_p, target):
        r"""\bar{\ell}_{n, c_n} = -\bar{L} / N"""
        upstream = g * -factor
        if reduction != "none":
            upstream = broadcast_to(upstream, others)
        return _scatter(upstream, picked, log_p.shape)

    return y, to_log_p, None
