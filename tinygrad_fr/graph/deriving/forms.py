"""How a derivation writes what can stand within another formula: one row per operation.

``form(*inputs, vertex)`` writes it, and computes as it writes (see ``terms``). An operation without
a row is written as the registry has it; so is one that a row does not know how to write with the
shapes at hand (:class:`Unwritten`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels import Array
from ..formulas import indexing, parse
from ..formulas.latex import Item, applied, atoms, fenced, row
from ..recorded.expansion import Unwritten
from ..recorded.extract import Vertex
from . import algebra
from .terms import CALL, SUM, Term, entry_of, summed, symbol_term, term

Form = Callable[..., Term]


def axes_of(vertex: Vertex, ndim: int) -> tuple[int, ...]:
    """The axes along which an operation adds up."""
    axis = vertex.static.get("axis")
    if axis is None or not ndim:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(int(a) % ndim for a in axes)


def _sum(x: Term, vertex: Vertex) -> Term:
    return algebra.total(x, axes_of(vertex, x.value.ndim), bool(vertex.static.get("keepdims")))


def _mean(x: Term, vertex: Vertex) -> Term:
    added = _sum(x, vertex)
    return algebra.divided(added, count(x.value.size // max(added.value.size, 1), vertex))


def count(n: int, vertex: Vertex) -> Term:
    """How many entries a mean is over: N where they are the examples."""
    return symbol_term(str(vertex.static.get("letter", n)), np.array(float(n)))


def exponent_of(exponent: Term) -> float:
    """The exponent of a constant power."""
    is_number = all(atom.kind in ("number", "operator") for atom in atoms(exponent.tree))
    if exponent.value.size != 1 or not is_number:
        raise Unwritten
    return float(exponent.value.item())


def probabilities(vertex: Vertex, x: Term) -> Term:
    """The softmax of which an operation is the logarithm."""
    return algebra.call(r"\operatorname{softmax}", x, np.exp(vertex.value))


def classes_of(vertex: Vertex) -> int:
    """The axis of a softmax."""
    return int(vertex.static.get("axis", -1))


def over_classes(x: Term, axis: int) -> Term:
    """The sum over the classes, which stays an axis."""
    x = algebra.solid(x)
    return term(summed(entry_of(x, "k", whole=True), "k"), x.value.sum(axis, keepdims=True), SUM)


# --- what an index picks ----------------------------------------------------------------------


def _getitem(x: Term, vertex: Vertex) -> Term:
    shape = x.value.shape
    index = indexing.index_of(vertex, shape)
    if index is None:
        raise Unwritten
    if _is_array(index) and _picks(index, shape) is not None:
        return algebra.total(algebra.times(one_hot(index, shape, vertex), x), (1,))
    x = algebra.solid(x)
    return term(row(x.closed, _place(index)), np.asarray(x.value[index]))


def scattered(g: Term, index: tuple[Any, ...], shape: tuple[int, ...], vertex: Vertex) -> Term:
    """The adjoint of an index: what was picked, back at its place among zeros."""
    if indexing.numbers(index, shape) is not None:
        return algebra.times(g, one_hot(index, shape, vertex))
    if _is_array(index) and _picks(index, shape) is not None:
        factors, over = (
            tuple(replace(x, shape=(*x.shape, 1) if x.shape else ()) for x in parts)
            for parts in (g.factors, g.over)
        )
        g = replace(g, value=g.value[:, None], factors=factors, over=over)
        return algebra.times(g, one_hot(index, shape, vertex))
    g = algebra.solid(g)
    value = np.zeros(shape, g.value.dtype)
    np.add.at(value, index, g.value)
    return term(applied("scatter", g.tree, _place(index)), value, CALL)


def _place(index: tuple[Any, ...]) -> Item:
    return fenced(parse(indexing.written(index)), "[]")


def one_hot(index: tuple[Any, ...], shape: tuple[int, ...], vertex: Vertex) -> Term:
    """What an index picks, as ones among zeros: ``onehot(2)``, or y where it is a class per row."""
    place = indexing.numbers(index, shape)
    if place is not None:
        mask = np.zeros(shape)
        mask[place] = 1.0
        return term(applied("onehot", parse(indexing.written(place))), mask, CALL)
    picks = _picks(index, shape)
    if picks is None:
        raise Unwritten
    if _is_array(index):
        return term(parse(str(vertex.static.get("letter", r"\mathbf{1}_{c}"))), picks)
    words = indexing.written((int(picks[:1].argmax()),))  # the same class in each row
    return term(applied("onehot", parse(words)), picks, CALL, shape[1:])


def _picks(index: tuple[Any, ...], shape: tuple[int, ...]) -> Array | None:
    """Ones where an index picks an entry and zeros elsewhere, if it picks one from each row."""
    if len(shape) != 2:
        return None
    rows = np.broadcast_to(np.arange(shape[0])[:, None], shape)[index]
    if not np.array_equal(rows, np.arange(shape[0])):
        return None
    mask = np.zeros(shape)
    mask[index] = 1.0
    return mask


def _is_array(index: tuple[Any, ...]) -> bool:
    return any(np.ndim(part) for part in index)


# --- the table ----------------------------------------------------------------------------------

FORMS: dict[str, Form] = {
    "add": lambda a, b, v: algebra.plus((a, b)),
    "subtract": lambda a, b, v: algebra.minus(a, b),
    "multiply": lambda a, b, v: algebra.times(a, b),
    "divide": lambda a, b, v: algebra.divided(a, b),
    "negative": lambda x, v: algebra.negated(x),
    "matmul": lambda a, b, v: algebra.matmul(a, b),
    "log": lambda x, v: algebra.call(r"\ln", x, np.log(x.value)),
    "square": lambda x, v: algebra.power(x, 2),
    "power": lambda x, n, v: algebra.power(x, exponent_of(n)),
    "sum": _sum,
    "mean": _mean,
    "sigmoid": lambda x, v: algebra.call(r"\sigma", x, v.value),
    "softmax": lambda x, v: algebra.call(r"\operatorname{softmax}", x, v.value),
    "log_softmax": lambda x, v: algebra.call(r"\ln \operatorname{softmax}", x, v.value),
    **dict.fromkeys(("getitem", "take"), _getitem),
}
