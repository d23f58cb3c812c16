r"""The algebra of terms: every function does to the arrays what it writes.

A line of a derivation is therefore evaluated while it is written.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...kernels import Array
from ...messages import _
from ..formulas import parse
from ..formulas.latex import (
    Atom,
    Fraction,
    Item,
    applied,
    fenced,
    items_of,
    operator,
    raised,
    row,
    unfenced,
)
from ..formulas.naming import numeral
from . import terms
from .terms import ATOM, CALL, DOT, PLUS, SUM, TIMES, Factor, Term, factor, fraction, term


def times(a: Term, b: Term) -> Term:
    r"""Entry by entry: ``a \odot b``; a number stands in front, and y / p times p is y."""
    column, other = (a, b) if _is_column(a) else (b, a)
    if _is_column(column) and (other.value.ndim == 1 or other.standing) and not _is_column(other):
        return matmul(column, seen_as(other, other.value.reshape(1, -1)))  # the outer product
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
    value = np.asarray(a.value * b.value)
    narrow = _together(value, a.written, b.written)
    return Term(tuple(factors), value, a.negative != b.negative, tuple(over), a.by + b.by,
                front=front, below=below, narrow=narrow)  # fmt: skip


def _is_column(a: Term) -> bool:
    return a.standing and a.value.ndim == 2 and a.value.shape[1] == 1


def _together(value: Array, *shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of what is written of a value; None where that is all of it."""
    shape = np.broadcast_shapes(*shapes)
    return None if shape == value.shape else shape


def divided(a: Term, b: Term, adjoint: bool = False) -> Term:
    """Entry by entry, or by a number; in an ``adjoint`` 0 over anything is 0, as in the library."""
    with np.errstate(all="ignore"):
        value = np.asarray(a.value / b.value)
        value = np.where(a.value == 0, np.zeros_like(value), value) if adjoint else value
    if b.over or b.by:
        return term(Fraction(a.tree, b.tree), value, TIMES)
    number = terms.plain_number(b)
    below = a.below * b.front / b.below * (number or 1)
    standing = a.standing and value.shape == a.value.shape
    changed = replace(a, value=value, negative=a.negative != b.negative, below=below,
                      inner=terms.NOTHING, standing=standing)  # fmt: skip
    if number is not None or not b.factors:
        return changed
    if b.value.size == 1:
        tree = fenced(b.body) if b.level >= TIMES else b.body
        return replace(changed, by=(*a.by, (tree, float(b.value.item()))))
    parts = b.factors if b.level <= TIMES else (Factor(fenced(b.body), ATOM),)
    return replace(changed, over=a.over + parts, narrow=_together(value, a.written, b.written))


def negated(a: Term) -> Term:
    """With the other sign."""
    return replace(a, value=-a.value, negative=not a.negative)


def matmul(a: Term, b: Term) -> Term:
    """The product of two matrices, as NumPy's ``@`` takes them; of two vectors, the outer one."""
    value = np.matmul(a.value, b.value)
    a, b = solid(a), solid(b)
    right = _dotted(b)
    if _is_column(a) and b.standing:
        right = raised(factor(b, ATOM), terms.TRANSPOSED)
    tree = row(_dotted(a), right)
    return term(tree, value, DOT, negative=a.negative != b.negative, by=a.by + b.by,
                front=a.front * b.front, below=a.below * b.below)  # fmt: skip


def _dotted(a: Term) -> Item:
    return terms.ONES_SIGN if a.is_ones else factor(a, CALL if a.level != DOT else DOT)


def transposed(a: Term) -> Term:
    """With its last two axes exchanged; a vector that stands for a row stands for a column."""
    if a.value.ndim < 2:
        return a
    value = np.swapaxes(a.value, -1, -2)
    if a.standing:
        return replace(a, value=value)
    a = solid(a)
    return terms.bare(
        a, raised(terms.ONES_SIGN if a.is_ones else factor(a, ATOM), terms.TRANSPOSED), value
    )


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
        signed = not x.negative and items_of(words)[:1] == (terms.MINUS,)
        tree = row(tree, *[terms.MINUS if x.negative else operator("+")][signed:], words)
        value = value + x.value
    shapes = [x.value.shape if x.is_ones else x.written for x in (first, *others)]
    return term(tree, value, PLUS, narrow=_together(value, *shapes))


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
    tree = a.tree if a.level == ATOM and a.is_plain else fenced(a.tree)
    return term(raised(tree, parse(numeral(exponent))), value)


def total(a: Term, axes: tuple[int, ...], keepdims: bool = False) -> Term:
    """The sum along axes; indices say which, where it is not all of them."""
    value, gone = np.asarray(a.value.sum(axis=axes, keepdims=keepdims)), axes
    padded = (1,) * (a.value.ndim - len(a.written)) + a.written
    # Along a stretched axis the same is added up n times: that is n times what is written.
    stretched = [axis for axis in axes if padded[axis] == 1 and a.value.shape[axis] > 1]
    count = math.prod(a.value.shape[axis] for axis in stretched)
    axes = tuple(axis for axis in axes if axis not in stretched and a.value.shape[axis] != 1)
    a = replace(a, front=a.front * count)
    if stretched:
        short = a.value[
            tuple(slice(1) if i in stretched else slice(None) for i in range(a.value.ndim))
        ]
        a = replace(a, value=short, narrow=None if short.shape == padded else padded)
    if not (axes or stretched or keepdims or a.is_ones):
        axes = gone  # a column that becomes a vector: the sum is written, if only of one entry
    if not axes:  # nothing is left to add up
        return replace(a, value=value, narrow=_kept(padded, value), inner=terms.NOTHING)
    after = tuple(1 if axis in axes else n for axis, n in enumerate(padded))
    after = after if keepdims else tuple(n for axis, n in enumerate(after) if axis not in gone)
    inner = factor(a, TIMES)
    if {axis for axis, n in enumerate(padded) if n != 1} <= set(axes) and value.size == 1:
        inner = a.inner if not a.over and a.inner != terms.NOTHING else inner
        tree = row(terms.SUMMED, inner)  # a sum of sums is one sum
    else:
        letters = terms.axis_letters(inner, a.value.ndim)
        below = "".join(letters[axis] for axis in sorted(axes))
        tree = terms.summed(terms.entry_of(a, letters), below)
    narrow = None if after == value.shape else after
    return replace(terms.bare(a, tree, value, SUM), inner=inner, narrow=narrow)


def _kept(padded: tuple[int, ...], value: Array) -> tuple[int, ...] | None:
    """What is written when nothing was added up: as before, axes of length 1 aside."""
    written = tuple(n for n in padded if n != 1)
    left = tuple(n for n in value.shape if n != 1)
    return None if written == left else written


def spread(a: Term, shape: tuple[int, ...]) -> Term:
    """The same number, or row, everywhere."""
    value = np.broadcast_to(a.value, shape)
    narrow = _together(value, a.written)
    return replace(a, value=value, inner=terms.NOTHING, narrow=narrow, standing=False)


def seen_as(a: Term, value: Array) -> Term:
    """The same number or vector with other axes of length 1: written as before."""
    narrow = None if a.written else ()
    return replace(a, value=value, inner=terms.NOTHING, narrow=narrow, standing=value.ndim > 1)


def solid(a: Term) -> Term:
    """A term written in its full shape: times ones, where broadcasting has made it larger."""
    if a.is_ones or a.value.size == math.prod(a.written):
        return a
    tree = fraction(a) if a.over else fenced(a.body) if a.level >= SUM else a.body
    ones = (terms.ONES_SIGN,) if not a.written else (terms.BY_ENTRY, terms.ONES_SIGN)
    return terms.bare(a, row(tree, *ones), a.value, TIMES)


def reshaped(a: Term, shape: tuple[int, ...]) -> Term:
    """The same entries in another shape."""
    if a.value.shape == tuple(shape):
        return a
    value = a.value.reshape(shape)
    if a.is_ones:
        return replace(a, value=value)
    name = _("reshape")
    inner = unfenced(factor(solid(a), PLUS))
    if a.level == CALL and items_of(inner)[0] == Atom("function", name):  # the last shape counts
        return terms.bare(a, inner, value, CALL)
    return terms.bare(a, applied(name, inner), value, CALL)


def summed_to(a: Term, shape: tuple[int, ...]) -> Term:
    """Broadcasting undone: terms.summed along the axes that were added or stretched."""
    if a.value.shape == tuple(shape):
        return a
    added = a.value.ndim - len(shape)
    axes = tuple(range(added)) + tuple(
        added + i for i, n in enumerate(shape) if n == 1 and a.value.shape[added + i] != 1
    )
    if not axes:
        return replace(a, value=a.value.reshape(shape))
    found = total(a, axes)
    return replace(found, value=found.value.reshape(shape))
