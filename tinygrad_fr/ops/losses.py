"""Losses of numbers and of probabilities, and how losses are reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import op
from ..checks import one_of
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from .activations import sigmoid
from .casting import in_single
from .elementwise import exp, log
from .selection import maximum, minimum, quotient
from .shape import expand_dims

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
        raise ArgumentError("the mean over no examples is undefined: the batch is empty")
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


@op(r"L = -\tfrac1N \sum_n y_n \ln p_n + (1 - y_n) \ln (1 - p_n)", examples=lambda draw: [
    (draw(3, 4, low=0.1, high=0.9), draw(3, 4, low=0.1, high=0.9)),
    (draw(5, low=0.1, high=0.9), np.array([0, 1, 1, 0, 1])),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "sum"),
    (draw(3, low=0.1, high=0.9), draw(3, low=0.1, high=0.9), "none"),
])  # fmt: skip
@in_single
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
    loss = -(target * log_p + (1 - target) * log_q)
    y, factor = reduce(loss.astype(p.dtype), reduction, p.size)

    def to_p(g, y, p, target):
        r"""\bar{p} = \bar{L} \odot \frac{p - y}{p (1 - p)} / N"""
        return g * factor * ((p - target) / maximum(p * (1 - p), 1e-12))

    def to_target(g, y, p, target):
        r"""\bar{y} = \bar{L} \odot (\ln(1 - p) - \ln p) / N"""
        q = minimum(maximum(p, 1e-44), 1.0)
        return g * factor * (log(maximum(1 - q, 1e-44)) - log(q))

    return y, to_p, to_target


@op(r"L = \tfrac1N \sum_n \ln(1 + e^{z_n}) - y_n z_n", examples=lambda draw: [
    (draw.away(3, 4), draw(3, 4, low=0.1, high=0.9)), (draw.away(5), np.array([0, 1, 1, 0, 1])),
    (draw.away(3), draw(3, low=0.1, high=0.9), "sum"),
    (draw.away(3), draw(3, low=0.1, high=0.9), "none"),
])  # fmt: skip
@in_single
def binary_cross_entropy_with_logits(z: Array, target: Array, reduction: str = "mean"):
    r"""Sigmoid and binary cross entropy in one, without overflow.

    Its gradient with respect to the logits is :math:`(\sigma(z) - y) / N` under the mean.

    Logits of any shape; target and reduction as in ``binary_cross_entropy``.

    Examples
    --------
    >>> float(binary_cross_entropy_with_logits([0.0], [1]).round(6))
    0.693147
    """
    z, target = comparable(z, target)
    _check_targets(target)
    loss = np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z)))
    y, factor = reduce(loss, reduction, z.size)

    def to_z(g, y, z, target):
        r"""\bar{z} = \bar{L} \odot (\sigma(z) - y) / N"""
        return g * factor * (sigmoid(z) - target)

    def to_target(g, y, z, target):
        r"""\bar{y} = -\bar{L} \odot z / N"""
        return g * -factor * z

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
    return np.asarray(x * np.log(np.where(x == 0, 1, x)))


def _check_targets(target: Array) -> None:
    """Refuse labels such as -1 and 1, or 1 and 2; numeric derivatives may step over the border."""
    if target.size and not (target.min() >= -0.5 and target.max() <= 1.5):
        raise ArgumentError(
            "targets of a binary classification lie between 0 and 1; these go from {low} to "
              "{high}", low=target.min(), high=target.max(),
        )  # fmt: skip


def _no_negatives(name: str, x: Array) -> None:
    if x.size and not x.min() >= 0:
        raise ArgumentError(
            "probabilities are not negative, and {name} goes down to {low}: apply softmax; "
              "only the first argument of kl_div holds logarithms", name=name, low=x.min(),
        )  # fmt: skip
