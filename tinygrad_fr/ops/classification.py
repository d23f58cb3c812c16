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
from ..kernels import Array, as_array, filled, stable
from ..messages import _
from .activations import log_softmax, softmax
from .casting import in_single
from .indexing import _scatter
from .losses import not_negative, reduce
from .shape import broadcast_to


@op(r"L = -\tfrac1N \sum_n \sum_k y_{nk} \ln \operatorname{softmax}(z_n)_k", examples=lambda draw: [
    (draw(3, 4), draw.labels(3, classes=4)), (draw(3, 4), draw.probabilities(3, 4)),
    (draw(3, 4), draw.labels(3, classes=4), "sum"), (draw(4), np.array(2)),
    (draw(3, 4), draw.labels(3, classes=4), "none"),
    (draw(3, 4), draw.labels(3, classes=4), "mean", 0.1),
    (draw(2, 4, 3), draw.labels(2, 3, classes=4)), (draw(3, 4), draw(3, 4, low=0.1), "mean", 0.2),
    (draw(2, 4, 3), np.array([[0, 2, -100], [3, 3, 1]]), {"weight": draw(4, low=0.1)}),
    (draw(3, 4), np.array([1, 0, 1]), "sum", 0.1, draw(4, low=0.1), 0),
    (draw(3, 4), draw.probabilities(3, 4), "none", 0.1, draw(4, low=0.1)),
])  # fmt: skip
@in_single
def cross_entropy(
    logits: Array, target: Array, reduction: str = "mean", label_smoothing: float = 0.0,
    weight: Any = None, ignore_index: int | None = -100,
):  # fmt: skip
    r"""Softmax and cross entropy in one, without overflow.

    Its gradient with respect to the logits is :math:`(\hat y - y) / N` under the mean (course
    document 002, slide 45), for targets that sum to 1.

    Parameters
    ----------
    logits
        (N, C), (C,) or (N, C, ...), such as (N, C, T) for sequences: scores, *not* probabilities.
    target
        Class indices (N,), (), (N, ...), or probabilities in the shape of the logits.
    reduction
        ``"mean"`` over the examples, ``"sum"`` or ``"none"``.
    label_smoothing
        Share of the target that is spread evenly over all classes.
    weight
        (C,): how much each class counts. Of class indices, the mean is then a weighted one: it
        divides by the sum of the weights of the examples' classes, as in PyTorch.
    ignore_index
        Examples of this class index count in no sum and in no mean: the padding of sequences.

    Raises
    ------
    ArgumentError
        If a class index is out of range, or the mean is over no example.

    Warns
    -----
    UserWarning
        If the logits look like probabilities: a softmax too many.

    Examples
    --------
    >>> float(cross_entropy([[0.0, 0.0]], [1]).round(6))
    0.693147
    """
    axis, others = classes_of(logits)
    share(label_smoothing, "label_smoothing")
    _warn_probabilities(logits, axis)
    weight = class_weights(weight, logits.shape[axis], stable.floating(logits))
    if target.dtype.kind != "f":
        return _of_classes(logits, target, reduction, label_smoothing, weight, ignore_index)
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
    if ignore_index not in (-100, None):
        raise ArgumentError("ignore_index is a class index, and these targets are probabilities")
    return _of_probabilities(logits, target, reduction, label_smoothing, weight)


def _of_probabilities(
    logits: Array, target: Array, reduction: str, smoothing: float, weight: Array | None
) -> Any:
    axis = 1 if logits.ndim > 1 else 0
    w = 1.0 if weight is None else along(weight, logits.ndim, axis)

    def shares(target: Any) -> Any:
        return (target * (1 - smoothing) + smoothing / logits.shape[axis]) * w

    loss = -(shares(target) * stable.log_softmax(logits, axis)).sum(axis)
    y, factor = reduce(loss, reduction, loss.size)

    def to_logits(g, y, logits, target):
        r"""\bar{z} = \bar{L} \odot (\operatorname{softmax}(z) - y) / N"""
        p = shares(target)
        up = _upstream(g * factor, axis)
        return up * (softmax(logits, axis) * p.sum(axis, keepdims=True) - p)

    def to_target(g, y, logits, target):
        r"""\bar{y} = -\bar{L} \odot \ln \hat{y} / N"""
        return _upstream(g * factor, axis) * log_softmax(logits, axis) * ((smoothing - 1) * w)

    if weight is not None:
        to_logits.__doc__ = (
            r"\bar{z} = \bar{L} \odot ((\sum_k w_k y_k) \operatorname{softmax}(z) - w \odot y) / N"
        )
        to_target.__doc__ = r"\bar{y} = -\bar{L} \odot w \odot \ln \hat{y} / N"
    return y, to_logits, to_target


def _of_classes(
    logits: Array, target: Array, reduction: str, smoothing: float, weight: Array | None,
    ignore_index: int | None,
) -> Any:  # fmt: skip
    axis, classes = (1, logits.shape[1]) if logits.ndim > 1 else (0, len(logits))
    given = np.asarray(target, like=logits)  # a list, or of a loader that knows no cards
    labels, ignored = check_labels(given, logits.shape, ignore_index)
    scale = _scales(labels, ignored, weight, stable.floating(logits).dtype)
    picked = positions(labels, axis)

    def shares() -> Array:
        """The targets as rows that say how much each logarithm counts."""
        p = filled(logits.shape, smoothing / classes, logits, y.dtype)
        p[picked] += 1 - smoothing
        if weight is not None:
            p *= along(weight, logits.ndim, axis)
        if ignored is not None:
            np.moveaxis(p, axis, -1)[ignored] = 0
        return p

    if smoothing:
        log_p = stable.log_softmax(logits, axis)
        evenly = log_p if weight is None else log_p * along(weight, logits.ndim, axis)
        right = log_p[picked] if weight is None else log_p[picked] * weight[labels]
        loss = right * (smoothing - 1) - smoothing * evenly.mean(axis)
    else:
        loss, to_z = stable.cross_entropy(logits, picked, axis)
        loss = loss if scale is None else loss * scale
    if ignored is not None:
        loss = np.where(ignored, 0, loss)
    y, factor = reduce(loss, reduction, loss.size if scale is None else float(scale.sum()))

    def to_logits(g, y, logits, target):
        r"""\bar{z} = \bar{L} \odot (\operatorname{softmax}(z) - y) / N"""
        if isinstance(g, Node) or smoothing:
            p = shares()
            up = _upstream(g * factor, axis)
            return up * (softmax(logits, axis) * p.sum(axis, keepdims=True) - p)
        return to_z(g * factor if scale is None else g * factor * scale)

    if scale is not None:
        to_logits.__doc__ = (
            r"\bar{z} = \bar{L} \odot w_c (\operatorname{softmax}(z) - y)" + WEIGHTED[reduction]
        )
    return y, to_logits, None


# How the rules of weighted losses end: the mean is over weights, and not over examples.
WEIGHTED = {"mean": r" / \sum_n w_{c_n}", "sum": "", "none": ""}


def _upstream(g: Any, axis: int) -> Any:
    """The upstream gradient beside the logits: of losses that were not reduced, one for each."""
    return g.reshape((*g.shape[:axis], 1, *g.shape[axis:])) if g.ndim else g


def classes_of(scores: Array) -> tuple[int, tuple[int, ...]]:
    """The axis of the classes, and the shape without it."""
    shape = scores.shape
    if not shape:
        raise ShapeError("a score for each class needs an axis of classes: (N, C) or (C,)")
    axis = 1 if len(shape) > 1 else 0
    if not shape[axis]:
        raise ShapeError("scores {shape} have no class on axis {axis}", shape=shape, axis=axis)
    return axis, (*shape[:axis], *shape[axis + 1 :])


def positions(labels: Array, axis: int) -> tuple[Any, ...]:
    """The index of each example's class in the logits."""
    if labels.ndim == 1:
        return np.arange(len(labels), like=labels), labels
    grid: list[Any] = list(np.indices(labels.shape, sparse=True))
    grid.insert(axis, labels)
    return tuple(grid)


def check_labels(
    target: Array, scores: tuple[int, ...], ignore_index: int | None = None
) -> tuple[Array, Array | None]:
    """The class indices, copied, with 0 for those to ignore; and where these are, if any are."""
    if not isinstance(ignore_index, int | np.integer | None):
        raise ArgumentError(
            "ignore_index is a class index, or None: not {value!r}", value=ignore_index
        )
    axis = 1 if len(scores) > 1 else 0
    classes, shape = scores[axis], (*scores[:axis], *scores[axis + 1 :])
    if target.dtype.kind not in "iu":
        raise DTypeError(
            "the target holds class indices (integers) or probabilities (floats), not {dtype}",
            dtype=target.dtype,
        )
    if target.shape == scores[:-1] != shape:
        raise ShapeError(
            "the classes stand on axis 1, (N, C, T): for {target}, scores of shape {scores} want "
            ".swapaxes(1, -1)",
            scores=scores,
        )
    if target.shape != shape:
        raise ShapeError(
            "{target} must be class indices of shape {shape}, one per example; from one-hot "
            "rows take .argmax(-1), or .astype(float) for cross_entropy",
            shape=shape,
        )
    labels = target.astype(np.intp)  # a copy: changed later, it were wrong
    is_class = ignore_index is not None and 0 <= ignore_index < classes
    if _are_classes(labels, classes) and not is_class:
        return labels, None
    none = np.zeros(shape, bool, like=labels)
    ignored = none if ignore_index is None else labels == ignore_index
    kept = labels[~ignored]
    if not _are_classes(kept, classes):
        raise ArgumentError(
            "class indices go from 0 to {last}; the target has {low} to {high}",
            last=classes - 1,
            low=kept.min(),
            high=kept.max(),
        )
    labels[ignored] = 0
    return labels, ignored if ignored.any() else None


def _are_classes(labels: Array, classes: int) -> bool:
    # In one pass: read without a sign, negative ones are huge.
    return not labels.size or bool(labels.view(np.uintp).max() < classes)


def class_weights(weight: Any, classes: int, scores: Array) -> Array | None:
    """The weights of the classes, copied, as an array of the kind and the dtype of the scores."""
    if weight is None:
        return None
    weight = np.array(weight, scores.dtype, like=scores)
    if weight.shape != (classes,):
        raise ShapeError(
            "weight holds a number for each of the {n} classes, (C,): not {shape}",
            n=classes, shape=weight.shape,
        )  # fmt: skip
    return not_negative(weight, "weight")


def _scales(labels: Array, ignored: Array | None, weight: Array | None, dtype: Any) -> Any:
    """How much each example counts; None where all count alike."""
    if weight is None and ignored is None:
        return None
    ones = filled(labels.shape, 1, labels, dtype)
    scale = ones if weight is None else as_array(weight[labels])
    if ignored is not None:
        scale[ignored] = 0
    return scale


def along(weight: Array, ndim: int, axis: int) -> Array:
    """Weights of classes, laid along the axis of the classes."""
    return weight.reshape((-1,) + (1,) * (ndim - axis - 1))


def _warn_probabilities(logits: Array, axis: int) -> None:
    # The first example settles it for almost all logits, before the whole array is looked at.
    if (
        not logits.size
        or logits.shape[axis] < 2
        or logits[(0,) * logits.ndim] < 0
        or logits[0].min() < 0
    ):
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
    (draw(2, 4, 3), np.array([[0, 2, 1], [3, 3, 1]]), "mean", draw(4, low=0.1), 3),
])  # fmt: skip
@in_single
def nll_loss(
    log_p: Array, target: Array, reduction: str = "mean", weight: Any = None,
    ignore_index: int | None = -100,
):  # fmt: skip
    """Negative logarithm of the probability of the right class, such as after ``log_softmax``.

    Parameters
    ----------
    log_p
        (N, C), (C,) or (N, C, ...): logarithms of probabilities.
    target
        Class indices (N,), () or (N, ...).
    reduction
        ``"mean"`` over the examples, ``"sum"`` or ``"none"``.
    weight, ignore_index
        As in ``cross_entropy``.

    Examples
    --------
    >>> float(nll_loss([[-0.5, -1.0]], [1]))
    1.0
    """
    axis, others = classes_of(log_p)
    labels, ignored = check_labels(np.asarray(target, like=log_p), log_p.shape, ignore_index)
    picked = positions(labels, axis)
    loss = -stable.floating(log_p[picked])
    weight = class_weights(weight, log_p.shape[axis], stable.floating(log_p))
    scale = _scales(labels, ignored, weight, loss.dtype)
    loss = loss if scale is None else loss * scale
    loss = loss if ignored is None else np.where(ignored, 0, loss)
    y, factor = reduce(loss, reduction, math.prod(others) if scale is None else float(scale.sum()))

    def to_log_p(g, y, log_p, target):
        r"""\bar{\ell}_{n, c_n} = -\bar{L} / N"""
        upstream = g * -factor
        if scale is not None:
            upstream = upstream * scale
        elif reduction != "none":
            upstream = broadcast_to(upstream, others)
        return _scatter(upstream, picked, log_p.shape)

    if scale is not None:
        to_log_p.__doc__ = r"\bar{\ell}_{n, c_n} = -w_{c_n} \bar{L}" + WEIGHTED[reduction]
    return y, to_log_p, None
