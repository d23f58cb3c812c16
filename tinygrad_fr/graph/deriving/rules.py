"""Local rules, read off the recorded backward pass.

Under ``create_graph`` the closure of an operation gets Tensors, and what it does with them is
recorded like everything else: that graph *is* the derivation of its local rule. A rule that is too
long, or made of arrays that are no formula, is quoted from the closure's docstring.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...autograd.engine import Node
from ...autograd.modes import switch
from ...autograd.tensor import Tensor
from ...kernels import Array
from ..formulas import parse
from ..formulas.latex import Atom, ended, fenced, items_of, mapped, raised, row
from ..formulas.naming import derivative, numeral
from ..formulas.operations import after_equals, factor_of_rule, rule
from ..formulas.source import CLOSING
from ..recorded.expansion import Unwritten
from ..recorded.extract import Edge, Graph, Vertex, extract
from ..recorded.flow import pulled
from . import algebra, terms
from .forms import axes_of, count, form_of, scattered
from .terms import ATOM, ONE, OVER, SUM, Term, bare, entry_of, level_of, summed, symbol_term, term

LONGEST = 4  # operations of a rule that is read: a longer one is quoted
INDEXING = ("getitem", "take", "embedding")  # what the program itself picks by indices
# What acts entry by entry.
ENTRYWISE = frozenset([
    "add", "subtract", "multiply", "divide", "negative", "exp", "log", "sqrt", "square", "power",
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "sigmoid",
])  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What a use of a value makes of the gradient that arrives there.

    Attributes
    ----------
    of : callable
        The gradient that is handed on, from the one that arrives.
    entrywise : bool
        Whether it multiplies entry by entry: then the local derivative can be written by itself.
    quoted : bool
        Whether it only says what becomes of the recorded gradient, in the operation's own words.
    """

    of: Callable[[Term], Term]
    entrywise: bool = False
    quoted: bool = False


def rule_of(
    graph: Graph, edge: Edge, upstream: Array, term_of: Callable[[int], Term],
    symbols: Mapping[int, str],
) -> Rule:  # fmt: skip
    """The rule of a use: as it was recorded, or as the operation says it.

    Parameters
    ----------
    upstream
        The gradient that arrives: what a rule does may depend on its zeros.
    term_of
        The values of the graph, written.
    """
    vertex, source = graph.vertices[edge.target], graph.vertices[edge.source]
    try:
        recorded = _Recorded(graph, edge, upstream, term_of)
        recorded(symbol_term("G", upstream))
    except Unwritten:
        pass
    else:
        made = {v.operation for v in recorded.rule.vertices if v.kind == "operation"}
        return Rule(recorded, made <= ENTRYWISE and source.shape == vertex.shape)
    local = _declared(graph, edge, symbols)
    if local is not None:
        return Rule(lambda g: _multiplied(g, local), entrywise=True)
    return Rule(lambda g: _quoted(graph, edge, g, symbols), quoted=True)


class _Recorded:
    """The rule of a use, as its closure records it."""

    def __init__(
        self, graph: Graph, edge: Edge, upstream: Array, term_of: Callable[[int], Term]
    ) -> None:
        self.graph, self.term_of = graph, term_of
        self.vertex, self.source = graph.vertices[edge.target], graph.vertices[edge.source]
        node: Any = self.vertex.tensor
        sources = graph.inputs(edge.target)
        self.places: dict[int, int | None] = {}  # by rank of a leaf, what it stands for; None for g
        self.arrays = {id(x): sources[i] for i, x in enumerate(node._inputs) if i in sources}
        inputs = [
            # An array's steps are to be seen, too; a number is better reckoned with.
            self._leaf(np.asarray(getattr(x, "_array", x)), sources[i])
            if isinstance(x, Node) or np.ndim(x) else x
            for i, x in enumerate(node._inputs)
        ]  # fmt: skip
        g = self._leaf(np.asarray(upstream, node._array.dtype), None)
        y = self._leaf(node._array, edge.target)
        with switch(recording=True), np.errstate(all="ignore"):
            try:
                d = node._closures[edge.position](g, y, *inputs if node._op.needs_inputs else ())
            except Exception:  # a user's closure that takes arrays only
                raise Unwritten from None
        if not isinstance(d, Tensor):
            raise Unwritten
        self.rule = extract(d)
        if sum(v.kind == "operation" for v in self.rule.vertices) > LONGEST:
            raise Unwritten

    def _leaf(self, array: Array, place: int | None) -> Tensor:
        leaf = Tensor(array, requires_grad=array.dtype.kind == "f")
        self.places[leaf._rank] = place
        return leaf

    def __call__(self, g: Term) -> Term:
        """The gradient that is handed on."""
        found: dict[int, Term] = {}
        for v in self.rule.vertices:
            if v.kind == "operation":
                node: Any = v.tensor
                found[v.id] = self._operation(v, [
                    found[place] if isinstance(node._inputs[i], Node)
                    else self._constant(node._inputs[i])
                    for i, place in sorted(self.rule.inputs(v.id).items())
                ])  # fmt: skip
            elif v.tensor is not None:
                if v.tensor._rank not in self.places:  # where a condition holds: not recorded
                    raise Unwritten
                place = self.places[v.tensor._rank]
                found[v.id] = g if place is None else self.term_of(place)
        return algebra.summed_to(found[self.rule.output], self.source.shape)

    def _constant(self, x: Any) -> Term:
        """A number of the rule; one of the operation's own, such as N, by its name."""
        if id(x) in self.arrays:
            return self.term_of(self.arrays[id(x)])
        n = self.source.value.size // max(self.vertex.value.size, 1)
        if self.vertex.operation == "mean" and n and x == 1.0 / n:
            return algebra.divided(ONE, count(n, self.vertex))
        # NumPy's numbers were computed from the data; the decimals of ln 2 would say nothing.
        if type(x) not in (int, float) or float(f"{x:.6g}") != x:
            raise Unwritten
        return symbol_term(numeral(x), np.array(float(x)))

    def _operation(self, v: Vertex, inputs: list[Term]) -> Term:
        """A step, in the words of a backward pass where it has its own."""
        x = inputs[0]
        if v.operation == "broadcast_to":
            return algebra.spread(x, v.shape)
        if v.operation == "_scatter":
            if self.vertex.operation not in INDEXING:  # positions that the operation has computed
                raise Unwritten
            letter = self.vertex.static.get("letter")
            static = v.static if letter is None else {**v.static, "letter": letter}
            return scattered(x, replace(v, static=static))
        if v.operation == "reshape" and x.value.shape == v.shape:
            return x
        inside = v.id != self.rule.output
        if v.operation == "reshape" and inside and _axes_of_one(x.value.shape, v.shape):
            users = [self.rule.edges[n].target for n in self.rule.leaving[v.id]]
            if any(self.rule.vertices[user].operation == "broadcast_to" for user in users):
                return self._stood_in_rows(x, v.shape)
            return _seen(x, x.value.reshape(v.shape))
        if v.operation == "getitem" and _keeps_all(v.static["index"]):
            value = x.value[v.static["index"]]
            if value.size == x.value.size:
                return _seen(x, value)
        if v.operation == "sum" and v.static.get("keepdims"):
            return _over_classes(x, axes_of(v, x.value.ndim))
        if v.operation == "multiply" and x is inputs[1]:
            return algebra.power(x, 2)
        return form_of(v)(*inputs, v)

    def _stood_in_rows(self, g: Term, shape: tuple[int, ...]) -> Term:
        """A gradient before it is spread: which axis went away is told by the indices left."""
        value = g.value.reshape(shape)
        if g.is_ones or not g.written:  # a single number needs no index
            return algebra.seen_as(g, value)
        gone = axes_of(self.vertex, len(shape))
        g = algebra.solid(g)
        letters = terms.axis_letters(g.tree, len(shape))
        left = "".join(letters[axis] for axis in range(len(shape)) if axis not in gone)
        return bare(g, entry_of(g, left), value)


def _seen(x: Term, value: Array) -> Term:
    """A vector as a row or as a column, or either as a vector."""
    if sum(n != 1 for n in value.shape) > 1:
        raise Unwritten
    return algebra.seen_as(x, value)


def _axes_of_one(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether shapes differ by axes of length 1 only."""
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def _keeps_all(index: Any) -> bool:
    """Whether an index only adds axes or, of those of length 1, leaves them out."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(not np.ndim(x) and (x in (None, Ellipsis, 0) or x == slice(None)) for x in parts)


def _over_classes(x: Term, axes: tuple[int, ...]) -> Term:
    """The sum over the classes that stays an axis: those of a softmax, of a normalisation."""
    if len(axes) != 1:
        raise Unwritten
    value = x.value.sum(axes, keepdims=True)
    if x.is_ones:
        return replace(x, value=value, front=x.front * x.value.shape[axes[0]])
    x = algebra.solid(x)
    bound = terms.summed_over(x.tree)
    k = next(letter for letter in terms.SPARE[2:] if letter not in bound)
    return term(summed(entry_of(x, k, whole=True), k), value, SUM)


def _declared(graph: Graph, edge: Edge, symbols: Mapping[int, str]) -> Term | None:
    """The local derivative as the operation declares it, where it acts entry by entry."""
    vertex, source = graph.vertices[edge.target], graph.vertices[edge.source]
    found = factor_of_rule(graph, edge, symbols)
    if found is None or source.shape != vertex.shape:
        return None
    sign, tree = found
    with np.errstate(all="ignore"):
        slope = pulled(graph, edge, np.ones_like(vertex.value))
        if slope is None or sign != OVER:
            return None if slope is None else term(tree, slope, level_of(tree))
        return replace(algebra.divided(ONE, term(tree, 1 / slope, level_of(tree))), value=slope)


def _multiplied(g: Term, local: Term) -> Term:
    """Upstream times local: where nothing arrives nothing is handed on, as in the library."""
    product = algebra.times(g, local)
    return replace(product, value=np.where(g.value == 0, 0, product.value))


def _quoted(graph: Graph, edge: Edge, g: Term, symbols: Mapping[int, str]) -> Term:
    """The rule that the operation declares, and what its closure makes of ``g``."""
    vertex, source = graph.vertices[edge.target], graph.vertices[edge.source]
    d = pulled(graph, edge, np.asarray(g.value, vertex.value.dtype))
    tree = rule(graph, edge, symbols)
    right = None if tree is None else after_equals(tree)
    if right is None or vertex.operation in ("matmul", "linear"):
        # Its rule says less than it does with these shapes: only that it is the adjoint.
        adjoint = raised(Atom("function", str(vertex.operation)), terms.TRANSPOSED)
        right = row(adjoint, fenced(g.tree))
    else:
        arrives = parse(derivative(symbols[graph.output], symbols[edge.target]))
        closed = g.level <= terms.CALL and ended(items_of(g.tree)[-1]) in CLOSING
        simple = g.is_plain and (g.level == ATOM or closed)
        told = g.tree if simple else fenced(g.tree)
        right = mapped(right, lambda x: told if x == arrives else None)
    return term(right, np.zeros(source.shape) if d is None else d, level_of(right))
