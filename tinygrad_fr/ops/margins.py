"""Losses of margins: what is right by far enough costs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import checks
from ..autograd.op import composed, op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array, as_array, filled
from .activations import relu
from .casting import halves_in_single, in_single
from .classification import check_labels, class_weights, classes_of, positions
from .losses import comparable, reduce, reduced
from .matrices import vector_norm
from .selection import minimum, where
from .shape import expand_dims


@op(r"L = \tfrac1N \sum_n \max(0, 1 - y_n x_n)", examples=lambda draw: [
    (draw(2, 3), np.array([[1, -1, 1], [-1, -1, 1]])), (draw(3), np.array([-1, 1, -1]), "sum"),
    (draw(3), np.array([1, 1, -1]), "none"),
])  # fmt: skip
@in_single
def hinge_loss(x: Array, target: Array, reduction: str = "mean"):
    """The loss of support vector machines for two classes, -1 and 1.

    Scores of any shape, and -1 or 1 for each. An example costs nothing once its score has the right
    sign and a size of at least 1; where it is exactly 1, the slope is 0.

    References
    ----------
    C. Cortes, V. Vapnik, "Support-Vector Networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> hinge_loss([0.5, 3.0, 0.5], [1, 1, -1], "none")
    array([0.5, 0. , 1.5])
    """
    if target.size and not (abs(target) == 1).all():
        raise ArgumentError(
            "the targets of hinge_loss are -1 and 1; these go from {low} to {high}: "
              "from 0 and 1 take 2 * y - 1", low=target.min(), high=target.max(),
        )  # fmt: skip
    x, target = comparable(x, target)
    y, factor = reduce(np.maximum(0, 1 - target * x), reduction, x.size)

    def to_x(g, y, x, target):
        r"""\bar{x} = -\bar{L} \odot y \odot [y \odot x < 1] / N"""
        return g * -factor * target * (target * x < 1)

    return y, to_x, None


@composed(r"L = \tfrac{1}{N C} \sum_n \sum_{k \neq c_n} \max(0, m - x_{n c_n} + x_{nk})^p",
    examples=lambda draw: [
        (draw.distinct(3, 4), draw.labels(3, classes=4), 1, 0.73), (draw.distinct(4), np.array(2)),
        (draw(3, 4), draw.labels(3, classes=4), 2, 1.0, [0.5, 1.0, 0.0, 2.0], "sum"),
        (draw(3, 4), draw.labels(3, classes=4), 1, 0.5, None, "none"),
    ])  # fmt: skip
@halves_in_single
def multi_margin_loss(
    x: Array, target: Array, p: int = 1, margin: float = 1.0, weight: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """The loss of support vector machines for several classes.

    Scores (N, C) or (C,), class indices (N,) or (). A class costs nothing once its score is below
    that of the right one by the margin. As in PyTorch the sum over the classes is divided by their
    number C; courses often do not.

    Parameters
    ----------
    p
        1, or 2 for squares.
    weight
        (C,): a factor for the examples of each class; the mean is over examples all the same.

    References
    ----------
    J. Weston, C. Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", 1999.

    Examples
    --------
    >>> float(multi_margin_loss([[3.0, 1.0, 2.5]], [0]).round(6))
    0.166667
    """
    checks.one_of(p, "p", (1, 2))
    checks.positive(margin, "margin", zero=True)
    axis, _others = classes_of(x)
    classes, dtype = x.shape[axis], x.dtype if x.dtype.kind == "f" else np.dtype(float)
    labels, _ignored = check_labels(as_array(getattr(target, "_array", target)), x.shape)
    share = filled(x.shape, 1 / classes, labels, dtype)
    picked, weights = positions(labels, axis), class_weights(weight, classes, share)
    if weights is not None:
        share *= np.expand_dims(weights[labels], axis)
    others = filled(x.shape, True, labels, bool)
    others[picked] = False
    with np.errstate(invalid="ignore"):  # an infinite score against itself
        short = relu(where(others, x - expand_dims(x[picked], axis) + margin, 0.0))
    return reduced(((short if p == 1 else short * short) * share).sum(axis), reduction)


@composed(r"L = \tfrac1N \sum_n \max(0, \|a_n - p_n\| - \|a_n - q_n\| + m)",
    examples=lambda draw: [
        (draw(3, 4), draw(3, 4), draw(3, 4)), (draw(4), draw(4), draw(4), 9.0),
        (draw(3, 4), draw(3, 4), draw(3, 4), 2.0, 1.0, 1e-6, False, "none"),
        (draw(3, 4), draw(3, 4), draw(3, 4), 5.0, 2.0, 1e-6, True, "sum"),
    ])  # fmt: skip
@halves_in_single
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Ask that an anchor be nearer to its like than to another, by a margin.

    Representations (N, D) or (D,): of examples, of others of the same class, of others of another.

    Parameters
    ----------
    p
        The p of the norm.
    eps
        Added to each difference, as in PyTorch, so that equal ones have a slope.
    swap
        Take the distance from the positive to the negative one where it is the smaller.

    References
    ----------
    F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", CVPR 2015, equation 3.

    Examples
    --------
    >>> float(triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 4.5]]).round(4))
    1.5
    """
    checks.positive(margin, "margin")
    checks.positive(p, "p")
    shapes = [x.shape for x in (anchor, positive, negative)]
    if len(set(shapes)) > 1 or not anchor.ndim:
        raise ShapeError(
            "anchor, positive and negative have one shape, (N, D) or (D,): not {shapes}",
            shapes=", ".join(map(str, shapes)),
        )
    anchor, positive = comparable(anchor, positive)
    anchor, negative = comparable(anchor, negative)

    def distance(a: Any, b: Any) -> Any:
        return vector_norm(a - b + eps, -1, ord=p)

    far = distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(relu(distance(anchor, positive) - far + margin), reduction)
