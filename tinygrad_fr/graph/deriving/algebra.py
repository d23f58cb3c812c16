r"""The algebra of terms: every function does to the arrays what it writes.

A line of a derivation is therefore evaluated while it is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...kernels import Array
from ..formulas import parse
from ..formulas.latex import Atom, Fraction, Item, fenced, operator, raised, row
from ..formulas.naming import numeral
from . import terms
from .terms import ATOM, CALL, DOT, PLUS, SUM, TIMES, Factor, Term, factor, fraction, term


def times(a: Term, b: Term) -> Term:
    r"""Entry by entry: ``a \odot b``; a number stands in front, and y / p times p is y."""
    over = list(a.over + b.over)
    factors: list[Factor] = []
    front, below = a.front * b.front, a.below * b.below
    for x in (a, b):
        number = terms.plain_number(x)
        front *= number or 1
        for part in () if number is not None else x.factors:
            if part.level == ATOM and part in over:
                over.remove(part)
            else:
                factors.append(part)
    factors.sort(key=lambda x: not x.single)  # numbers first
    return Term(tuple(factors), np.asarray(a.value * b.value), a.negative != b.negative,
                tuple(over), a.by + b.by, front=front, below=below)  # fmt: skip


def divided(a: Term, b: Term) -> Term:
    """Entry by entry, or by a number."""
    with np.errstate(all="ignore"):
        value = np.asarray(a.value / b.value)
    if b.over or b.by:
        return term(Fraction(a.tree, b.tree), value, TIMES)
    number = terms.plain_number(b)
    below = a.below * b.front / b.below * (number or 1)
    changed = replace(a, value=value, negative=a.negative != b.negative, below=below,
                      inner=terms.NOTHING)  # fmt: skip
    if number is not None or not b.factors:
        return changed
    if b.value.size == 1:
        tree = fenced(b.body) if b.level >= TIMES else b.body
        return replace(changed, by=(*a.by, (tree, float(b.value.item()))))
    parts = b.factors if b.level <= TIMES else (Factor(fenced(b.body), ATOM, b.written),)
    return replace(changed, over=a.over + parts)


def negated(a: Term) -> Term:
    """With the other sign."""
    return replace(a, value=-a.value, negative=not a.negative)


def matmul(a: Term, b: Term) -> Term:
    """The product of two matrices, as NumPy's ``@`` takes them."""
    return _product_of(a, b, np.matmul(a.value, b.value), _dotted(solid(b)))


def outer(a: Term, b: Term) -> Term:
    r"""The matrix of all products of the entries of two vectors: ``a b^{\top}``."""
    return _product_of(a, b, np.outer(a.value, b.value), _raised(solid(b)))


def _product_of(a: Term, b: Term, value: Array, right: Item) -> Term:
    tree = row(_dotted(solid(a)), right)
    return term(tree, value, DOT, negative=a.negative != b.negative, by=a.by + b.by,
                front=a.front * b.front, below=a.below * b.below)  # fmt: skip


def _dotted(a: Term) -> Item:
    return terms.ONES_SIGN if a.is_ones else factor(a, CALL if a.level != DOT else DOT)


def _raised(a: Term) -> Item:
    return raised(terms.ONES_SIGN if a.is_ones else factor(a, ATOM), terms.TRANSPOSED)


def transposed(a: Term) -> Term:
    """With its last two axes exchanged."""
    if a.value.ndim < 2:
        return a
    a = solid(a)
    return terms.bare(a, _raised(a), np.swapaxes(a.value, -1, -2))


def plus(added: Iterable[Term]) -> Term:
    """A sum, signs included."""
    first, *others = added
    if not others:
        return first
    tree, value = first.tree, first.value
    for x in others:
        positive = replace(x, negative=False)
        words = positive.tree
        if x.level >= PLUS and x.negative and positive.is_plain:
            words = fenced(words)
        tree = row(tree, terms.MINUS if x.negative else operator("+"), words)
        value = value + x.value
    shapes = [x.value.shape if x.is_ones else x.written for x in (first, *others)]
    return term(tree, value, PLUS, np.broadcast_shapes(*shapes))


def minus(a: Term, b: Term) -> Term:
    """A difference."""
    return plus((a, negated(b)))


def call(name: str | Item, a: Term, value: Array) -> Term:
    r"""A function of a term: ``\ln x``, ``\operatorname{softmax}(z)``."""
    sign = parse(name) if isinstance(name, str) else name
    simple = isinstance(sign, Atom) and sign.kind == "function" and sign.text != "softmax"
    simple = simple and a.level == ATOM and a.is_plain
    return term(row(sign, a.tree if simple else fenced(a.tree)), value, CALL)


def power(a: Term, exponent: float) -> Term:
    """A constant power."""
    if exponent == 1:
        return a
    with np.errstate(all="ignore"):
        value = np.power(a.value, exponent)
    return term(raised(a.closed, parse(numeral(exponent))), value)


def total(a: Term, axes: tuple[int, ...], keepdims: bool = False) -> Term:
    """The sum along axes; indices say which, where it is not all of them."""
    value = np.asarray(a.value.sum(axis=axes, keepdims=keepdims))
    written = (1,) * (a.value.ndim - len(a.written)) + a.written
    added = [axis for axis in axes if written[axis] > 1]
    # Along a stretched axis the same is added up n times: that is n times what is written.
    stretched = math.prod(a.value.shape[axis] for axis in axes if axis not in added)
    a = replace(a, front=a.front * stretched)
    if not (added or stretched > 1 or keepdims or a.is_ones):
        added = list(axes)  # a column that becomes a vector: the sum is written, if only of one
    if not added:  # nothing is left to add up
        return seen_as(a, value)
    inner = factor(a, TIMES)
    if {axis for axis, n in enumerate(written) if n != 1} <= set(added) and value.size == 1:
        inner = a.inner if not a.over and a.inner != terms.NOTHING else inner
        tree = row(terms.SUMMED, inner)  # a sum of sums is one sum
    else:
        below = "".join(terms.INDICES[axis % len(terms.INDICES)] for axis in sorted(added))
        tree = terms.summed(terms.entry_of(a, terms.INDICES[: a.value.ndim]), below)
    left = [1 if axis in added else n for axis, n in enumerate(written)]
    left = [n for axis, n in enumerate(left) if keepdims or axis not in axes]
    return replace(terms.bare(a, tree, value, SUM, tuple(left)), inner=inner)


def spread(a: Term, shape: tuple[int, ...]) -> Term:
    """The same number, or row, everywhere."""
    return replace(a, value=np.broadcast_to(a.value, shape), inner=terms.NOTHING)


def seen_as(a: Term, value: Array) -> Term:
    """The same entries with other axes of length 1."""
    if not a.written or value.shape == a.value.shape:
        return replace(a, value=value, inner=terms.NOTHING)
    a = solid(a)
    return terms.bare(a, factor(a, PLUS), value, TIMES if a.over else a.level)


def solid(a: Term) -> Term:
    """A term written in its full shape: times ones, where broadcasting has made it larger."""
    if a.is_ones or a.value.size == math.prod(a.written):
        return a
    tree = fraction(a) if a.over else fenced(a.body) if a.level >= SUM else a.body
    ones = (terms.ONES_SIGN,) if not a.written else (terms.BY_ENTRY, terms.ONES_SIGN)
    return terms.bare(a, row(tree, *ones), a.value, TIMES)


def summed_to(a: Term, shape: tuple[int, ...]) -> Term:
    """Broadcasting undone: summed along the axes that were added or stretched."""
    added = a.value.ndim - len(shape)
    axes = tuple(range(added)) + tuple(
        added + i for i, n in enumerate(shape) if n == 1 and a.value.shape[added + i] != 1
    )
    if axes:
        a = total(a, axes)
    return a if a.value.shape == shape else seen_as(a, a.value.reshape(shape))


def close(a: Array, b: Array) -> bool:
    """Whether arrays are equal but for rounding."""
    if a.shape != b.shape:
        return False
    tight = 1e-4 if b.dtype == np.float32 else 1e-9
    top = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    return bool(np.allclose(a, b, rtol=0, atol=tight * top + 1e-300, equal_nan=True))
