r"""How a derivation writes operations: their value, and what they do to an upstream gradient.

One row per operation: ``value(*inputs, vertex)`` writes it, ``pull(g, y, inputs, i, vertex)``
the gradient that it hands on to its input number ``i``. Both compute as they write (see
``terms``), so a rule is checked against the recorded gradient by itself. An operation without a
row is quoted from the registry, its value taken from its closure; so is one that a row does not
know how to write with the shapes at hand (:class:`Unwritten`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels import Array
from ..formulas import indexing
from ..recorded.expansion import Unwritten
from ..recorded.extract import Vertex
from .terms import (
    ATOM,
    CALL,
    INDICES,
    PLUS,
    SUM,
    Term,
    call,
    divided,
    factor,
    fraction,
    matmul,
    minus,
    negated,
    parenthesised,
    plain_number,
    plus,
    power,
    reshaped,
    solid,
    spread,
    summed_to,
    symbol_term,
    times,
    total,
    transposed,
    unwrapped,
)

Value = Callable[..., Term]
Pull = Callable[[Term, Term, list[Term], int, Vertex], Term]

ONE, TWO = Term("1", np.array(1.0)), Term("2", np.array(2.0))


def _axes(vertex: Vertex, ndim: int) -> tuple[int, ...]:
    axis = vertex.static.get("axis")
    if axis is None or not ndim:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(int(a) % ndim for a in axes)


def _sum(x: Term, vertex: Vertex) -> Term:
    return total(x, _axes(vertex, x.value.ndim), bool(vertex.static.get("keepdims")))


def _mean(x: Term, vertex: Vertex) -> Term:
    added = _sum(x, vertex)
    return divided(added, _count(x.value.size // max(added.value.size, 1), vertex))


def _count(n: int, vertex: Vertex) -> Term:
    """How many entries a mean is over: N where they are the examples."""
    return symbol_term(str(vertex.static.get("letter", n)), np.array(float(n)))


def _from_sum(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    shape = list(xs[0].value.shape)
    axes = _axes(vertex, len(shape))
    for axis in axes:
        shape[axis] = 1
    if g.value.ndim and g.value.shape != tuple(shape):
        # Which axis went away is told by the indices that are left.
        left = "".join(INDICES[axis] for axis in range(len(shape)) if axis not in axes)
        words = rf"\left[{unwrapped(factor(g, PLUS))}\right]_{{{left}}}"
        if not g.is_ones and g.written:  # a single number needs no index
            g = replace(solid(g), body=words, level=ATOM, over=(), inner="")
        g = replace(g, value=g.value.reshape(shape))
    return spread(g, xs[0].value.shape)


def _from_mean(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    n = xs[0].value.size // max(y.value.size, 1)
    return divided(_from_sum(g, y, xs, i, vertex), _count(n, vertex))


def _from_divide(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    pulled = divided(g if i == 0 else times(g, y), xs[1], adjoint=True)
    return pulled if i == 0 else negated(pulled)


def _from_matmul(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    a, b = xs
    axes = a.value.ndim, b.value.ndim
    if axes == (1, 1):
        return times(g, xs[1 - i])
    if min(axes) < 2 < max(axes):  # a vector with a stack of matrices
        raise Unwritten
    if i == 0:
        term = _outer(g, b) if axes == (2, 1) else matmul(g, transposed(b))
    else:
        term = _outer(a, g) if axes == (1, 2) else matmul(transposed(a), g)
    return summed_to(term, xs[i].value.shape)


def _outer(a: Term, b: Term) -> Term:
    """Two vectors as a matrix: ``a b^T``."""
    column = replace(a, value=a.value[:, None])
    row = transposed(replace(b, value=b.value[:, None]))
    return matmul(column, row)


def _linear(x: Term, weight: Term, *rest: Any) -> Term:
    product = matmul(x, transposed(weight))
    bias = rest[0] if len(rest) == 2 else None
    return product if bias is None else plus((product, bias))


def _from_linear(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    if i == 2:
        return summed_to(g, xs[2].value.shape)
    if i == 0:
        return matmul(g, xs[1])
    if g.value.ndim == 1:
        return _outer(g, xs[0])
    if g.value.ndim == 2:
        return matmul(transposed(g), xs[0])
    raise Unwritten


def _from_power(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    base, exponent = xs
    if i == 1 or exponent.value.size != 1:
        raise Unwritten
    n = float(exponent.value.item())
    lowered = base if n == 2 else power(base, n - 1)
    if not np.isfinite(lowered.value).all():
        raise Unwritten
    number = symbol_term(f"{n:g}", np.array(n))
    return times(g, times(number, lowered))


def _power(base: Term, exponent: Term, vertex: Vertex) -> Term:
    if exponent.value.size != 1 or plain_number(exponent) is None:
        raise Unwritten
    return power(base, float(exponent.value.item()))


def _softmax_axis(vertex: Vertex) -> int:
    return int(vertex.static.get("axis", -1))


def _inner(a: Term, b: Term, axis: int) -> Term:
    """The sum over classes of a product."""
    product = solid(times(a, b))
    body = product.body if not product.over else fraction(product)
    value = product.value.sum(axis=axis, keepdims=True)
    sign = "-" if product.negative else ""
    whole = replace(product, body=body, over=(), negative=False, value=value).latex
    return Term(rf"\sum_k \left[{sign}{whole}\right]_k", value, SUM)


def _from_softmax(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    return times(y, minus(g, _inner(g, y, _softmax_axis(vertex))))


def _log_softmax(x: Term, vertex: Vertex) -> Term:
    axis = _softmax_axis(vertex)
    shifted = x.value - x.value.max(axis, keepdims=True)
    value = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return call(r"\ln \operatorname{softmax}", x, value)


def _from_log_softmax(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    axis = _softmax_axis(vertex)
    p = call(r"\operatorname{softmax}", xs[0], np.exp(y.value))
    return minus(g, times(p, _inner(g, Term("", np.ones_like(g.value)), axis)))


def _softmax(x: Term, vertex: Vertex) -> Term:
    e = np.exp(x.value - x.value.max(_softmax_axis(vertex), keepdims=True))
    return call(r"\operatorname{softmax}", x, e / e.sum(_softmax_axis(vertex), keepdims=True))


def _index(vertex: Vertex, shape: tuple[int, ...]) -> tuple[Any, ...]:
    index = indexing.index_of(vertex, shape)
    if index is None:
        raise Unwritten
    return index


def picks(vertex: Vertex, shape: tuple[int, ...]) -> Array:
    """Ones where ``x[index]`` picks an entry, one from each row; zeros elsewhere."""
    index = _index(vertex, shape)
    if len(shape) != 2:
        raise Unwritten
    rows = np.broadcast_to(np.arange(shape[0])[:, None], shape)[index]
    if not np.array_equal(rows, np.arange(shape[0])):  # no one-hot encoding of its rows
        raise Unwritten
    mask = np.zeros(shape)
    mask[index] = 1.0
    return mask


def one_hot(vertex: Vertex, shape: tuple[int, ...]) -> Term:
    """What an index picks, as ones among zeros: ``onehot(2)``, or y where it is a class per row."""
    index = _index(vertex, shape)
    place = indexing.numbers(index, shape)
    if place is None:
        mask = picks(vertex, shape)
        if _is_column(index):  # the same class in each row
            words = indexing.written((int(mask[:1].argmax()),))
            return Term(_one_hot(words), mask, CALL, narrow=shape[1:])
        return Term(str(vertex.static.get("letter", r"\mathbf{1}_{c}")), mask)
    mask = np.zeros(shape)
    mask[place] = 1.0
    return Term(_one_hot(indexing.written(place)), mask, CALL)


def _one_hot(place: str) -> str:
    return rf"\operatorname{{onehot}}({place})"


def _is_column(index: tuple[Any, ...]) -> bool:
    return not any(np.ndim(part) for part in index)


def _is_class_per_row(vertex: Vertex, shape: tuple[int, ...]) -> bool:
    """Whether ``p[n, y]`` picks an entry from each row, by an array of classes."""
    if _is_column(_index(vertex, shape)):
        return False
    try:
        picks(vertex, shape)
    except Unwritten:
        return False
    return True


def _getitem(x: Term, vertex: Vertex) -> Term:
    shape = x.value.shape
    if _is_class_per_row(vertex, shape):
        return total(times(one_hot(vertex, shape), x), (1,))
    index, x = _index(vertex, shape), solid(x)
    plain = x.level == ATOM and x.latex == x.body
    body = x.body if plain else parenthesised(x.latex)
    return Term(f"{body}[{indexing.written(index)}]", np.asarray(x.value[index]))


def _from_getitem(g: Term, y: Term, xs: list[Term], i: int, vertex: Vertex) -> Term:
    shape = xs[0].value.shape
    index = _index(vertex, shape)
    if indexing.numbers(index, shape) is not None:
        return times(g, one_hot(vertex, shape))
    if _is_class_per_row(vertex, shape):
        column = replace(g, value=g.value[:, None]) if g.value.ndim else g
        return times(column, one_hot(vertex, shape))
    g = solid(g)
    value = np.zeros(shape, g.value.dtype)
    np.add.at(value, index, g.value)
    body = rf"\operatorname{{scatter}}\left({g.latex}, [{indexing.written(index)}]\right)"
    return Term(body, value, CALL)


def _transpose(x: Term) -> Term:
    if x.value.ndim != 2:
        raise Unwritten
    return transposed(x)


def _sigmoid(x: Term, vertex: Vertex) -> Term:
    return call(r"\sigma", x, 1 / (1 + np.exp(-x.value)))


def _unary(name: str, f: Callable[[Array], Array]) -> Value:
    return lambda x, vertex: call(name, x, f(x.value))


def _by(local: Callable[[Term, Term], Term]) -> Pull:
    """Times the local derivative, which the input and the output tell."""
    return lambda g, y, xs, i, vertex: times(g, local(xs[0], y))


RESHAPE: tuple[Value, Pull] = (
    lambda x, v: reshaped(x, v.shape), lambda g, y, xs, i, v: reshaped(g, xs[0].value.shape)
)  # fmt: skip
TRANSPOSE: tuple[Value, Pull] = lambda x, v: _transpose(x), lambda g, y, xs, i, v: _transpose(g)
RULES: dict[str, tuple[Value, Pull]] = {
    "add": (lambda a, b, v: plus((a, b)), lambda g, y, xs, i, v: g),
    "subtract": (lambda a, b, v: minus(a, b), lambda g, y, xs, i, v: g if i == 0 else negated(g)),
    "multiply": (lambda a, b, v: times(a, b), lambda g, y, xs, i, v: times(g, xs[1 - i])),
    "divide": (lambda a, b, v: divided(a, b), _from_divide),
    "negative": (lambda x, v: negated(x), lambda g, y, xs, i, v: negated(g)),
    "matmul": (lambda a, b, v: matmul(a, b), _from_matmul),
    "linear": (_linear, _from_linear),
    "exp": (lambda x, v: Term(rf"e^{{{x.latex}}}", np.exp(x.value), ATOM), _by(lambda x, y: y)),
    "log": (_unary(r"\ln", np.log), lambda g, y, xs, i, v: divided(g, xs[0], adjoint=True)),
    "sqrt": (
        lambda x, v: Term(rf"\sqrt{{{x.latex}}}", np.sqrt(x.value), ATOM),
        lambda g, y, xs, i, v: divided(divided(g, TWO), y, adjoint=True),
    ),
    "square": (lambda x, v: power(x, 2), _by(lambda x, y: times(TWO, x))),
    "power": (_power, _from_power),
    "sum": (_sum, _from_sum),
    "mean": (_mean, _from_mean),
    **dict.fromkeys(("reshape", "flatten", "ravel", "squeeze", "expand_dims"), RESHAPE),
    **dict.fromkeys(("transpose", "swapaxes"), TRANSPOSE),
    "identity": (lambda x, v: x, lambda g, y, xs, i, v: g),
    "sin": (_unary(r"\sin", np.sin), _by(lambda x, y: call(r"\cos", x, np.cos(x.value)))),
    "cos": (
        _unary(r"\cos", np.cos),
        lambda g, y, xs, i, v: negated(times(g, call(r"\sin", xs[0], np.sin(xs[0].value)))),
    ),
    "sigmoid": (_sigmoid, lambda g, y, xs, i, v: times(times(g, y), minus(ONE, y))),
    "tanh": (_unary(r"\tanh", np.tanh), _by(lambda x, y: minus(ONE, power(y, 2)))),
    "relu": (
        lambda x, v: Term(rf"\max(0, {x.latex})", np.maximum(x.value, 0), CALL),
        _by(lambda x, y: Term(rf"[{x.latex} > 0]", (x.value > 0).astype(x.value.dtype))),
    ),
    "softmax": (_softmax, _from_softmax),
    "log_softmax": (_log_softmax, _from_log_softmax),
    **dict.fromkeys(("getitem", "take"), (_getitem, _from_getitem)),
}  # fmt: skip

# Where the local derivative acts entry by entry, and can be written by itself.
ENTRYWISE = frozenset([
    "add", "subtract", "multiply", "divide", "negative", "exp", "log", "sqrt", "square", "power",
    "identity", "sin", "cos", "sigmoid", "tanh", "relu",
])  # fmt: skip
