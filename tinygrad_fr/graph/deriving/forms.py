"""How a derivation writes what an operation computes: one row per operation.

``form(*inputs, vertex)`` writes it, and computes as it writes (see ``terms``). The backward pass
needs no table of its own: under ``create_graph`` it is made of the same operations (``rules``). An
operation without a row is written as the registry has it; so is one that a row does not know how to
write with the shapes at hand (:class:`Unwritten`).
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...autograd.operation import Operation
from ...kernels import Array, stable
from ...messages import _
from ..formulas import indexing, parse
from ..formulas.latex import Atom, Item, Root, Row, Scripts, applied, atoms, fenced, row
from ..formulas.operations import after_equals
from ..recorded.expansion import Unwritten
from ..recorded.extract import Graph, Vertex
from . import algebra
from .terms import ATOM, CALL, Term, symbol_term, term

Form = Callable[..., Term]


def form_of(vertex: Vertex) -> Form:
    """How an operation is written."""
    if vertex.operation in FORMS:
        return FORMS[vertex.operation]
    operation: Operation | None = getattr(vertex.tensor, "_op", None)
    name = None if operation is None else _function(operation)
    if operation is None or name is None:
        raise Unwritten
    body = operation.body
    return lambda x, v: algebra.call(name, x, body(np.asarray(x.value), **v.static)[0])


def has_form(vertex: Vertex) -> bool:
    """Whether a derivation has words of its own for an operation."""
    try:
        return form_of(vertex) is not None
    except Unwritten:
        return False


@functools.cache
def _function(operation: Operation) -> Item | None:
    r"""The name of an operation whose formula is ``y = \name x``."""
    right = after_equals(parse(operation.latex))
    match right:
        case Row((Atom("function") as name, Atom("identifier"))):
            return name
    return None


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


def _linear(x: Term, weight: Term, *rest: Any) -> Term:
    product = algebra.matmul(x, algebra.transposed(weight))
    return algebra.plus((product, rest[0])) if len(rest) == 2 else product


def _power(base: Term, exponent: Term, vertex: Vertex) -> Term:
    is_number = all(atom.kind in ("number", "operator") for atom in atoms(exponent.tree))
    if exponent.value.size != 1 or not is_number:
        raise Unwritten
    return algebra.power(base, float(exponent.value.item()))


def _exponential(x: Term, vertex: Vertex) -> Term:
    if "letter" in vertex.static:  # e is something else there
        return algebra.call(r"\exp", x, np.exp(x.value))
    return term(Scripts(Atom("identifier", "e"), None, x.tree), np.exp(x.value))


def _softmax_axis(vertex: Vertex) -> int:
    return int(vertex.static.get("axis", -1))


def _transpose(x: Term, vertex: Vertex) -> Term:
    axes = {vertex.static.get(name, 0) % max(x.value.ndim, 1) for name in ("axis1", "axis2")}
    last_two = vertex.operation == "swapaxes" and axes == {x.value.ndim - 2, x.value.ndim - 1}
    if x.value.ndim != 2 and not last_two:
        raise Unwritten
    return algebra.transposed(x)


def _reshaped(x: Term, vertex: Vertex) -> Term:
    """A vector as the channels of images is written as it is."""
    shape, value = vertex.shape, x.value
    channels = value.ndim == 1 and len(shape) > 2 and max(shape) == value.size
    if channels or (value.ndim > 2 and len(shape) == 1 and max(value.shape) == value.size):
        return algebra.seen_as(x, value.reshape(shape))
    return algebra.reshaped(x, shape)


# --- what an index picks ----------------------------------------------------------------------


def _getitem(x: Term, vertex: Vertex) -> Term:
    shape = x.value.shape
    index = indexing.index_of(vertex, shape)
    if index is None:
        raise Unwritten
    if _is_array(index) and _picks(index, shape) is not None:
        return algebra.total(algebra.times(one_hot(index, shape, vertex), x), (1,))
    x = algebra.solid(x)
    body = x.tree if x.level == ATOM and x.is_plain else fenced(x.tree)
    return term(row(body, _place(index)), np.asarray(x.value[index]))


def _embedding(indices: Term, table: Term, vertex: Vertex) -> Term:
    """The rows of a table: ``W[k]``."""
    value = table.value[indices.value]
    return term(row(table.tree, fenced(indices.tree, "[]")), value)


def scattered(g: Term, vertex: Vertex) -> Term:
    """The adjoint of an index: what was picked, back at its place among zeros."""
    shape, index = vertex.static["shape"], vertex.static["index"]
    index = index if isinstance(index, tuple) else (index,)
    classes = vertex.static.get("letter") and _is_array(index)
    if indexing.numbers(index, shape) is not None:
        return algebra.times(g, one_hot(index, shape, vertex))
    if classes and _picks(index, shape) is not None:
        column = replace(g, value=g.value[:, None]) if g.value.ndim else g
        return algebra.times(column, one_hot(index, shape, vertex))
    g = algebra.solid(g)
    value = np.zeros(shape, g.value.dtype)
    np.add.at(value, index, g.value)
    return term(applied(_("scatter"), g.tree, _place(index)), value, CALL)


def _place(index: tuple[Any, ...]) -> Item:
    return fenced(parse(indexing.written(index)), "[]")


def one_hot(index: tuple[Any, ...], shape: tuple[int, ...], vertex: Vertex) -> Term:
    """What an index picks, as ones among zeros: ``onehot(2)``, or y where it is a class per row."""
    place = indexing.numbers(index, shape)
    if place is not None:
        mask = np.zeros(shape)
        mask[place] = 1.0
        return term(applied(_("onehot"), parse(indexing.written(place))), mask, CALL)
    picks = _picks(index, shape)
    if picks is None:
        raise Unwritten
    if _is_array(index):
        return term(parse(str(vertex.static.get("letter", r"\mathbf{1}_{c}"))), picks)
    words = indexing.written((int(picks[:1].argmax()),))  # the same class in each row
    return term(applied(_("onehot"), parse(words)), picks, CALL, narrow=shape[1:])


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


def indexes_classes(graph: Graph, vertex: Vertex) -> bool:
    """Whether it picks an entry of each row, by an array of classes."""
    shape = graph.vertices[graph.inputs(vertex.id)[0]].shape
    index = indexing.index_of(vertex, shape) or ()
    return _is_array(index) and _picks(index, shape) is not None


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
    "linear": _linear,
    "exp": _exponential,
    "sqrt": lambda x, v: term(Root(x.tree), np.sqrt(x.value)),
    "square": lambda x, v: algebra.power(x, 2),
    "power": _power,
    "sum": _sum,
    "mean": _mean,
    **dict.fromkeys(
        ("reshape", "flatten", "ravel", "squeeze", "expand_dims"),
        _reshaped,
    ),
    **dict.fromkeys(("transpose", "swapaxes"), _transpose),
    "identity": lambda x, v: x,
    "sigmoid": lambda x, v: algebra.call(r"\sigma", x, stable.sigmoid(x.value)),
    "relu": lambda x, v: term(
        applied("max", Atom("number", "0"), x.tree), np.maximum(x.value, 0), CALL
    ),
    "softmax": lambda x, v: algebra.call(
        r"\operatorname{softmax}", x, stable.softmax(x.value, _softmax_axis(v))
    ),
    "log_softmax": lambda x, v: algebra.call(
        r"\ln \operatorname{softmax}", x, stable.log_softmax(x.value, _softmax_axis(v))
    ),
    **dict.fromkeys(("getitem", "take"), _getitem),
    "embedding": _embedding,
}
