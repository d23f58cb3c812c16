"""Losses of probabilities, and how losses are reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op
from ..checks import one_of
from ..errors import ArgumentError, ShapeError
from ..kernels import Array, as_array
from .activations import sigmoid, softplus
from .casting import in_single
from .elementwise import exp, log
from .reductions import mean
from .reductions import sum as total
from .selection import maximum, minimum, quotient
from .shape import expand_dims

REDUCTIONS = ("mean", "sum", "none")


def reduce(
    loss: Array, reduction: str, n: float, known: tuple[str, ...] = REDUCTIONS
) -> tuple[Any, float]:
    """The reduced loss, and the factor that the reduction puts on every gradient.

    The mean divides by ``n``: a count, or a sum of weights.
    """
    if not isinstance(reduction, str):
        raise ArgumentError(
            "reduction is one of {known}, and weights go by their name: weight=...",
            known=", ".join(known),
        )
    if one_of(reduction, "reduction", known) == "none":
        return loss, 1.0
    if reduction == "sum":
        return loss.sum(), 1.0
    if n == 0:
        raise no_mean()
    return loss.sum() / n, 1.0 / n


def reduced(losses: Any, reduction: str, n: float | None = None) -> Any:
    """The same of Tensors, by operations that are recorded: with an ``n``, a sum over it."""
    if one_of(reduction, "reduction", REDUCTIONS) == "none":
        return losses
    if reduction == "mean" and not losses.size:
        raise no_mean()
    if reduction == "mean" and n is None:
        return mean(losses)
    return total(losses) if reduction == "sum" else total(losses) / n


def no_mean() -> ArgumentError:
    """The error for the mean of nothing, which is NaN in PyTorch."""
    return ArgumentError(
        "the mean over no examples is undefined: the batch is empty, or no example has a weight"
    )


@op(r"L = -\tfrac1N \sum_n y_n \ln p_n + (1 - y_n) \ln (1 - p_n)", examples=lambda draw: [
    (draw(3, 4, low=0.1, high=0.9), draw(3, 4, low=0.1, high=0.9)),
    (draw(5, low=0.1, high=0.9), np.array([0, 1, 1, 0, 1])),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "sum"),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "none"),
    (draw(3, 4, low=0.1, high=0.9), draw(3, 4, low=0.1, high=0.9), "mean", draw(4, low=0.1)),
])  # fmt: skip
@in_single
def binary_cross_entropy(p: Array, target: Array, reduction: str = "mean", weight: Any = None):
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
        ``"mean"`` over all entries, whatever their weights, ``"sum"`` or ``"none"``.
    weight
        A factor of each entry's loss; it broadcasts, such as (C,) or (N, 1).

    Examples
    --------
    >>> float(binary_cross_entropy([0.5], [1]).round(6))
    0.693147
    """
    p, target = comparable(p, target)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ArgumentError(
            "probabilities lie between 0 and 1; these go from {low} to {high}: apply sigmoid",
            low=p.min(),
            high=p.max(),
        )
    with np.errstate(divide="ignore"):
        log_p = np.maximum(np.log(p), -100)
        log_q = np.maximum(np.log1p(-p), -100)
    _check_targets(target)
    w = _entry_weights(weight, "weight", p)
    loss = -(target * log_p + (1 - target) * log_q)
    loss = loss if weight is None else loss * w
    y, factor = reduce(loss.astype(p.dtype), reduction, p.size)

    def to_p(g, y, p, target):
        r"""\bar{p} = \bar{L} \odot \frac{p - y}{p (1 - p)} / N"""
        return g * (factor * w) * ((p - target) / maximum(p * (1 - p), 1e-12))

    def to_target(g, y, p, target):
        r"""\bar{y} = \bar{L} \odot (\ln(1 - p) - \ln p) / N"""
        q = minimum(maximum(p, 1e-44), 1.0)
        return g * (factor * w) * (log(maximum(1 - q, 1e-44)) - log(q))

    if weight is not None:
        to_p.__doc__ = r"\bar{p} = \bar{L} \odot w \odot \frac{p - y}{p (1 - p)} / N"
        to_target.__doc__ = r"\bar{y} = \bar{L} \odot w \odot (\ln(1 - p) - \ln p) / N"
    return y, to_p, to_target


@op(r"L = \tfrac1N \sum_n \ln(1 + e^{z_n}) - y_n z_n", examples=lambda draw: [
    (draw.away(3, 4), draw(3, 4, low=0.1, high=0.9)), (draw.away(5), np.array([0, 1, 1, 0, 1])),
    (draw.away(3), draw(3, low=0.1, high=0.9), "sum"),
    (draw.away(3), draw(3, low=0.1, high=0.9), "none"),
    (draw.away(3, 4), draw(3, 4, low=0.1, high=0.9), "mean", draw(3, 1, low=0.1), draw(4, low=0.1)),
])  # fmt: skip
@in_single
def binary_cross_entropy_with_logits(
    z: Array, target: Array, reduction: str = "mean", weight: Any = None,
    pos_weight: Any = None,
):  # fmt: skip
    r"""Sigmoid and binary cross entropy in one, without overflow.

    Its gradient with respect to the logits is :math:`(\sigma(z) - y) / N` under the mean.

    Logits of any shape; target, reduction and weight as in ``binary_cross_entropy``.
    ``pos_weight`` multiplies the part of the class 1, such as (C,) for C labels: the number of
    negative examples over that of positive ones makes up for rare labels.

    Examples
    --------
    >>> float(binary_cross_entropy_with_logits([0.0], [1]).round(6))
    0.693147
    """
    z, target = comparable(z, target)
    _check_targets(target)
    w, q = _entry_weights(weight, "weight", z), _entry_weights(pos_weight, "pos_weight", z)
    below = np.log1p(np.exp(-np.abs(z)))  # and the softplus of -z is this, less min(z, 0)
    loss = np.maximum(z, 0) - z * target + below
    if pos_weight is not None:
        loss = loss + (q - 1) * target * (below - np.minimum(z, 0))
    y, factor = reduce(loss if weight is None else loss * w, reduction, z.size)

    def to_z(g, y, z, target):
        r"""\bar{z} = \bar{L} \odot (\sigma(z) - y) / N"""
        p = sigmoid(z)
        slope = p - target if pos_weight is None else (1 - target) * p - q * target * (1 - p)
        return g * (factor * w) * slope

    def to_target(g, y, z, target):
        r"""\bar{y} = -\bar{L} \odot z / N"""
        slope = z if pos_weight is None else z - (q - 1) * softplus(-z)
        return g * (-factor * w) * slope

    if weight is not None or pos_weight is not None:
        of = r" = \bar{L} \odot w \odot " if weight is not None else r" = \bar{L} \odot "
        rule = r"((1 - y) \sigma(z) - q y (1 - \sigma(z)))" if pos_weight is not None else ""
        to_z.__doc__ = r"\bar{z}" + of + (rule or r"(\sigma(z) - y)") + " / N"
        rule = r"((q - 1) \ln(1 + e^{-z}) - z)" if pos_weight is not None else "(-z)"
        to_target.__doc__ = r"\bar{y}" + of + rule + " / N"
    return y, to_z, to_target


@op(r"L = \tfrac1N \sum_n y_n (\ln y_n - x_n)", examples=lambda draw: [
    (draw(3, 4), draw.probabilities(3, 4)), (draw(3, 4), draw.probabilities(3, 4), "sum"),
    (draw(3, 4), draw.probabilities(3, 4), "batchmean"), (draw(3), draw.probabilities(3), "none"),
    (draw(3, 4), draw(3, 4), "mean", True),
])  # fmt: skip
@in_single
def kl_div(x: Array, target: Array, reduction: str = "mean", log_target: bool = False):
    r"""Kullback-Leibler divergence with PyTorch's arguments; ``kl_divergence`` is the documents'.

    Parameters
    ----------
    x
        *Logarithms* of the predicted probabilities, any shape.
    target
        Probabilities of the same shape, or their logarithms with ``log_target``; 0 ln 0 = 0.
    reduction
        ``"batchmean"`` divides by the number of examples, which is the mathematical divergence;
        ``"mean"`` by the number of entries; ``"sum"`` or ``"none"``.
    log_target
        Whether the target holds logarithms.

    Examples
    --------
    >>> import numpy as np
    >>> float(kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]], "batchmean").round(6))
    0.693147
    """
    x, target = comparable(x, target)
    if log_target:
        loss = np.exp(target) * (target - x)
    else:
        _no_negatives("target", target)
        loss = _x_log_x(target) - target * np.where(target == 0, 0, x)
    if reduction == "batchmean":
        y, factor = reduce(loss.sum(), "mean", len(x) if x.ndim else 1)
    else:
        y, factor = reduce(loss, reduction, x.size, (*REDUCTIONS, "batchmean"))

    def to_x(g, y, x, target):
        r"""\bar{x} = -\bar{L} \odot y / N"""
        return g * -factor * (exp(target) if log_target else target)

    def to_target(g, y, x, target):
        r"""\bar{y} = \bar{L} \odot (\ln y - x + 1) / N"""
        if log_target:
            return g * factor * exp(target) * (target - x + 1)
        return g * factor * (log(target) - x + 1)

    return y, to_x, to_target


@op(r"D_{KL}(p \| q) = \tfrac1N \sum_n \sum_k p_{nk} \ln (p_{nk} / q_{nk})", examples=lambda draw: [
    (draw.probabilities(4), draw.probabilities(4)), (*_two(draw), "sum"), (*_two(draw), "none"),
    _two(draw), (*_two(draw), "mean", 0),
])  # fmt: skip
@in_single
def kl_divergence(p: Array, q: Array, reduction: str = "mean", axis: int = -1):
    r"""Kullback-Leibler divergence of distributions (course document 001), with 0 ln 0 = 0.

    For a one-hot ``p`` it is the cross entropy; else they differ by the entropy of ``p``, which has
    no part in the gradient for ``q``.

    Parameters
    ----------
    p, q
        Probabilities of one shape, (..., C): the true ones and the predicted ones.
    reduction
        ``"mean"`` over the distributions, ``"sum"`` or ``"none"``.
    axis
        The axis of the classes.

    Returns
    -------
    The divergence; infinite where q is 0 and p is not.

    Examples
    --------
    >>> float(kl_divergence([1.0, 0.0], [0.5, 0.5]).round(6))
    0.693147
    """
    p, q = comparable(p, q)
    _no_negatives("p", p)
    _no_negatives("q", q)
    if not p.ndim:
        raise ShapeError("{p} needs an axis of classes")
    with np.errstate(divide="ignore"):
        terms = _x_log_x(p) - p * np.log(np.where(p == 0, 1, q))
    loss = terms.sum(axis)
    y, factor = reduce(loss, reduction, loss.size)

    def upstream(g: Any) -> Any:
        return expand_dims(g * factor, axis) if reduction == "none" else g * factor

    def to_p(g, y, p, q):
        r"""\bar{p} = \bar{D} \odot (\ln p - \ln q + 1) / N"""
        return upstream(g) * (log(p) - log(q) + 1)

    def to_q(g, y, p, q):
        r"""\bar{q} = -\bar{D} \odot \frac{p}{q} / N"""
        return -quotient(upstream(g) * p, q)

    return y, to_p, to_q


def comparable(x: Array, target: Array) -> tuple[Array, Array]:
    """Both as floats, of one shape: unsigned integers wrap around, and a mean has decimals.

    Integers take the dtype of the other, so that float32 predictions give a float32 loss.
    """
    if np.shape(x) != np.shape(target):
        raise ShapeError(
            "predictions {shape} and targets {other} must have the same shape: broadcasting "
            "(N,) against (N, 1) would compare every pair",
            shape=np.shape(x),
            other=np.shape(target),
        )
    if x.dtype.kind != "f":
        x = x.astype(target.dtype if target.dtype.kind == "f" else np.float64)
    return x, target if target.dtype.kind == "f" else target.astype(x.dtype)


def _two(draw: Any) -> tuple[Array, Array]:
    return draw.probabilities(3, 4), draw.probabilities(3, 4)


def _x_log_x(x: Array) -> Array:
    """``x ln x``, 0 at 0."""
    return as_array(x * np.log(np.where(x == 0, 1, x)))


def _check_targets(target: Array) -> None:
    """Refuse labels such as -1 and 1, or 1 and 2; numeric derivatives may step over the border."""
    if target.size and not (target.min() >= -0.5 and target.max() <= 1.5):
        raise ArgumentError(
            "targets of a binary classification lie between 0 and 1; these go from {low} to "
              "{high}", low=target.min(), high=target.max(),
        )  # fmt: skip


def _entry_weights(weight: Any, name: str, x: Array) -> Any:
    """Factors of the entries' losses, copied, of their dtype; 1 where there are none."""
    if weight is None:
        return 1.0
    weight = np.array(weight, x.dtype, like=as_array(x))
    try:
        fits = np.broadcast_shapes(weight.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            "{name} {shape} does not broadcast to the predictions {other}",
            name=name, shape=weight.shape, other=x.shape,
        )  # fmt: skip
    return not_negative(weight, name)


def not_negative(weight: Array, name: str) -> Array:
    """The weights, if each is a number, finite and at least 0."""
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ArgumentError(
            "{name} holds finite numbers that are not negative; these go from {low} to {high}",
            name=name, low=weight.min(), high=weight.max(),
        )  # fmt: skip
    return weight


def _no_negatives(name: str, x: Array) -> None:
    if x.size and not x.min() >= 0:
        raise ArgumentError(
            "probabilities are not negative, and {name} goes down to {low}: apply softmax; "
              "only the first argument of kl_div holds logarithms", name=name, low=x.min(),
        )  # fmt: skip
