"""Sums, means, extrema over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op
from ..kernels import Array, stable, sums
from .activations import sigmoid
from .casting import in_single
from .elementwise import exp
from .joining import concatenate
from .selection import ratio, where
from .shape import broadcast_to, flip, moveaxis

Axis = int | tuple[int, ...] | None


def _examples(draw: Any) -> list[Any]:
    return [
        draw.distinct(3, 4), (draw.distinct(3, 4), 0), (draw.distinct(2, 3, 4), (0, -1)),
        (draw.distinct(3, 4), {"axis": 1, "keepdims": True}), (draw.distinct(2, 3), ()), draw(),
    ]  # fmt: skip


def _examples_of_spread(draw: Any) -> list[Any]:
    return [
        draw(3, 4), (draw(3, 4), 0), (draw(2, 3, 4), (0, -1)),
        (draw(3, 4), {"axis": 1, "keepdims": True, "ddof": 1}), (draw(3, 4), {"ddof": 1}),
    ]  # fmt: skip


def kept_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape after a reduction that keeps its axes, with size 1."""
    if axis is None or not shape:
        return (1,) * len(shape)
    axes = _reduced(len(shape), axis)
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


@op(r"y = \sum_i x_i", numpy=np.sum, examples=_examples)
def sum(x: Array, axis: Axis = None, keepdims: bool = False):
    """Sum over all axes, or over those given.

    Examples
    --------
    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([4., 6.])
    """

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y}"""
        return broadcast_to(g.reshape(kept_shape(x.shape, axis)), x.shape)

    return sums.total(x, axis, keepdims), to_x


@op(r"y = \tfrac1n \sum_i x_i", numpy=np.mean, examples=_examples)
@in_single
def mean(x: Array, axis: Axis = None, keepdims: bool = False):
    """Mean over all axes, or over those given.

    Examples
    --------
    >>> mean([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([2., 3.])
    """
    share = _share(x, axis, 0)

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} / n"""
        return broadcast_to((g * share).reshape(kept_shape(x.shape, axis)), x.shape)

    return sums.mean(x, axis, keepdims), to_x


def _extremum(name: str, latex: str, gives: str, numpy: Any) -> Any:
    def body(x: Array, axis: Axis = None, keepdims: bool = False):
        def to_x(g, y, x):
            r"""\bar{x}_i = \bar{y} \odot [x_i = y] / \#\{j : x_j = y\}"""
            return share_ties(g, y, x, axis)

        return getattr(x, name)(axis, keepdims=keepdims), to_x

    body.__name__ = body.__qualname__ = name
    body.__doc__ = f"{gives} over all axes, or over those given; ties share the gradient equally."
    return op(latex, numpy=numpy, examples=_examples)(in_single(body))


max = _extremum("max", r"y = \max_i x_i", "Maximum", (np.max, np.amax))
min = _extremum("min", r"y = \min_i x_i", "Minimum", (np.min, np.amin))


def share_ties(g: Any, y: Any, x: Any, axis: Axis) -> Any:
    """The upstream gradient in equal parts to all entries of ``x`` that are equal to ``y``."""
    kept = kept_shape(x.shape, axis)
    ties = (x == y.reshape(kept)).astype(x.dtype)
    return g.reshape(kept) * (ties / ties.sum(axis, keepdims=True))


@op(r"y = \ln \sum_i e^{x_i}", examples=_examples)
@in_single
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False):
    """Logarithm of a sum of exponentials, without overflow.

    Examples
    --------
    >>> float(logsumexp([1000.0, 1000.0]).round(4))
    1000.6931
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \odot e^{x - y}"""
        kept = kept_shape(x.shape, axis)
        e = exp(x - y.reshape(kept))
        if isinstance(y, Node):  # rounded to its dtype
            e = e / e.sum(axis, keepdims=True)
        return g.reshape(kept) * e

    y = stable.logsumexp(x, axis)
    return y if keepdims else np.squeeze(y, axis), to_x


@op(r"y = \ln(e^a + e^b)", numpy=np.logaddexp, examples=lambda draw: [
    (draw(3, 4), draw(3, 4)), (draw(3, 1), draw(4)), (draw(3), 0.5),
])  # fmt: skip
def logaddexp(a: Array, b: Array):
    """Logarithm of the sum of two exponentials, without overflow; equal infinities share equally.

    Examples
    --------
    >>> float(logaddexp(1000.0, 1000.0).round(4))
    1000.6931
    """

    def lead(a: Any, b: Any) -> Any:
        """``a - b``, 0 for equal infinities."""
        equal = (a == b) & (abs(a) == math.inf)
        return where(equal, 0, where(equal, 0, a) - b)

    def to_a(g, y, a, b):
        r"""\bar{a} = \bar{y} \odot e^{a - y}"""
        return g * sigmoid(lead(a, b))

    def to_b(g, y, a, b):
        r"""\bar{b} = \bar{y} \odot e^{b - y}"""
        return g * sigmoid(lead(b, a))

    return np.logaddexp(a, b), to_a, to_b


@op(r"y = \tfrac{1}{n - d} \sum_i (x_i - \mu)^2", numpy=np.var, examples=_examples_of_spread)
@in_single
def var(
    x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0, *,
    correction: int | None = None,
):  # fmt: skip
    """Variance; the divisor is ``n - ddof`` (NumPy's default is 0, PyTorch's 1).

    ``correction`` is another name of ``ddof``, as in NumPy and PyTorch.

    Examples
    --------
    >>> float(var([1.0, 3.0])), float(var([1.0, 3.0], ddof=1))
    (1.0, 2.0)
    """
    ddof = ddof if correction is None else correction
    share = _share(x, axis, ddof)

    def to_x(g, y, x):
        r"""\bar{x}_i = \tfrac{2}{n - d} \bar{y} (x_i - \mu)"""
        return (g * (2 * share)).reshape(kept_shape(x.shape, axis)) * _centred(x, axis)

    return x.var(axis, ddof=ddof, keepdims=keepdims), to_x


@op(r"y = \sqrt{\operatorname{var} x}", numpy=np.std, examples=_examples_of_spread)
@in_single
def std(
    x: Array, axis: Axis = None, keepdims: bool = False, ddof: int = 0, *,
    correction: int | None = None,
):  # fmt: skip
    """Standard deviation; its derivative at 0 is taken as 0. For ``ddof`` see ``var``.

    Examples
    --------
    >>> float(std([1.0, 3.0]))
    1.0
    """
    ddof = ddof if correction is None else correction
    share = _share(x, axis, ddof)

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} \frac{x_i - \mu}{(n - d) y}"""
        return ratio(g * share, y).reshape(kept_shape(x.shape, axis)) * _centred(x, axis)

    return x.std(axis, ddof=ddof, keepdims=keepdims), to_x


def _share(x: Array, axis: Axis, ddof: int) -> float:
    """1 / (n - ddof) for the n numbers that are reduced to one."""
    n = math.prod(x.shape[i] for i in _reduced(x.ndim, axis)) - ddof
    return 1.0 / n if n > 0 else math.nan


def _reduced(ndim: int, axis: Axis) -> list[int]:
    """The axes that a reduction removes, in order."""
    if axis is None:
        return list(range(ndim))
    return sorted(
        {a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))} if ndim else ()
    )


def _centred(x: Any, axis: Axis) -> Any:
    return x - x.mean(axis, keepdims=True)


@op(r"y = \prod_i x_i", numpy=np.prod, examples=lambda draw: [
    *_examples(draw), (draw(2, 3) * [[1, 0, 1], [0, 1, 0]], 1),
])  # fmt: skip
@in_single
def prod(x: Array, axis: Axis = None, keepdims: bool = False):
    """Product over all axes, or over those given.

    Examples
    --------
    >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([3., 8.])
    """

    def to_x(g, y, x):
        r"""\bar{x}_i = \bar{y} \prod_{j \neq i} x_j"""
        reduced = _reduced(x.ndim, axis)
        order = [i for i in range(x.ndim) if i not in reduced] + reduced
        moved = x.transpose(order)
        sizes, cut = moved.shape, x.ndim - len(reduced)
        rows = moved.reshape(*sizes[:cut], math.prod(sizes[cut:]))
        others = _products_of_others(rows).reshape(sizes).transpose(np.argsort(order).tolist())
        return g.reshape(kept_shape(x.shape, axis)) * others

    return x.prod(axis, keepdims=keepdims), to_x


def _products_of_others(x: Any) -> Any:
    """For each number the product of all others on the last axis; no division, so zeros are fine.

    Of those before it, times those after it.
    """
    one = np.ones_like(x, shape=(*x.shape[:-1], 1))
    before = cumprod(concatenate([one, x[..., :-1]], -1), -1)
    after = cumprod(concatenate([one, flip(x, -1)[..., :-1]], -1), -1)
    return (before * flip(after, -1))[..., : x.shape[-1]]


@op(r"y_i = \sum_{j \leq i} x_j", numpy=np.cumsum, examples=lambda draw: [
    (draw(3, 4), 0), (draw(3, 4), -1), draw(2, 3), draw(3), draw(),
])  # fmt: skip
@in_single
def cumsum(x: Array, axis: int | None = None):
    """Sums of each entry and all before it, along an axis (all flattened first if it is None).

    Examples
    --------
    >>> cumsum([1.0, 2.0, 3.0])
    array([1., 3., 6.])
    """
    along = 0 if axis is None else axis

    def to_x(g, y, x):
        r"""\bar{x}_j = \sum_{i \geq j} \bar{y}_i"""
        return flip(cumsum(flip(g, along), along), along).reshape(x.shape)

    return x.cumsum(axis), to_x


@op(r"y_i = \prod_{j \leq i} x_j", numpy=np.cumprod, examples=lambda draw: [
    (draw(3, 4), 0), (draw(3, 5) * [[1, 0, 1, 0, 1], [1, 1, 0, 1, 1], [0] * 5], -1), draw(2, 3),
    draw(1), draw(),
])  # fmt: skip
@in_single
def cumprod(x: Array, axis: int | None = None):
    """Products of each entry and all before it, along an axis (all flattened if it is None).

    Examples
    --------
    >>> cumprod([1.0, 2.0, 3.0])
    array([1., 2., 6.])
    """
    along = 0 if axis is None else axis

    def to_x(g, y, x):
        r"""\bar{x}_j = \sum_{i \geq j} \bar{y}_i \prod_{k \leq i, k \neq j} x_k"""
        g, y, rows = (moveaxis(z.reshape(g.shape), along, 0) for z in (g, y, x))
        before = concatenate([np.ones_like(rows[:1]), y[:-1]])
        return moveaxis(before * _weighted_sums(g, rows), 0, along).reshape(x.shape)

    return x.cumprod(axis), to_x


def _weighted_sums(g: Any, x: Any) -> Any:
    """``s_j = g_j + x_{j+1} s_{j+1}`` on the first axis; each step doubles how far they reach."""
    sums, products, step = g, _ahead(x, 1), 1
    while step < len(x):
        sums = sums + products * _ahead(sums, step)
        products, step = products * _ahead(products, step), 2 * step
    return sums


def _ahead(x: Any, n: int) -> Any:
    """The entries ``n`` places further on; 0 beyond the end."""
    return concatenate([x[n:], np.zeros_like(x[:n])])


# --- without a gradient: constant between jumps, so untracked results ------------------------


@op(r"i = \operatorname{argmax} x", examples=lambda draw: [draw(3, 4), (draw(3, 4), 1, True)])
def argmax(x: Array, axis: int | None = None, keepdims: bool = False):
    """The index of the maximum, the first of them if there are several.

    Examples
    --------
    >>> argmax([[1.0, 3.0, 2.0]], axis=1)
    array([1])
    """
    return np.argmax(x, axis, keepdims=keepdims), None


@op(r"i = \operatorname{argmin} x", examples=lambda draw: [draw(3, 4), (draw(3, 4), 1, True)])
def argmin(x: Array, axis: int | None = None, keepdims: bool = False):
    """The index of the minimum, the first of them if there are several.

    Examples
    --------
    >>> argmin([[1.0, 3.0, 2.0]], axis=1)
    array([0])
    """
    return np.argmin(x, axis, keepdims=keepdims), None


def _truth(latex: str, function: Any, summary: str) -> Any:
    def body(x: Array, axis: Axis = None, keepdims: bool = False):
        return function(x, axis, keepdims=keepdims), None

    body.__name__ = body.__qualname__ = function.__name__
    body.__doc__ = summary
    return op(latex, examples=lambda draw: [draw(3, 4) > 0, (draw(3, 4) > 0, 1)])(body)


any = _truth(r"y = \exists i : x_i", np.any, "Whether any entry is true, or not zero.")
all = _truth(r"y = \forall i : x_i", np.all, "Whether all entries are true, or not zero.")
