"""What a derivation says, line by line, and how each line is evaluated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...kernels import Array
from ..formulas.naming import derivative, is_leaf
from ..formulas.operations import after_equals, formula
from ..recorded.expansion import Unwritten
from ..recorded.extract import Edge, Graph, Vertex
from ..recorded.flow import Flow
from .algebra import plus
from .forms import FORMS
from .rules import Rule, rule_of
from .simplification import simplified
from .terms import NOTHING, Term, level_of, symbol_term, term

LONGEST = 40  # characters: beyond, a gradient is written as a symbol in later lines
LONGEST_TAIL = 20  # operations within the definition of a loss
# What may stand within one definition, where it has no name and is used once.
TAIL = frozenset([
    "log", "negative", "multiply", "divide", "sum", "mean", "add", "subtract", "getitem", "take",
    "square", "power",
])  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A chain of equalities, ``what = terms[0] = terms[1] = ...``, and the value that was recorded.

    Attributes
    ----------
    what : str
        The left side, LaTeX.
    terms : tuple of Term
    truth : array
        What every term must equal.
    local : str
        The local derivative that was used, LaTeX.
    note : str
        Why the last equality holds, in words.
    quoted : bool
        Whether the rule is quoted from the operation, and not built from its parts.
    """

    what: str
    terms: tuple[Term, ...]
    truth: Array
    local: str = ""
    note: str = ""
    quoted: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it gives."""
        return tuple(np.shape(self.truth))


class Writer:
    """Writes the lines from the output of a graph down to one of its values."""

    def __init__(
        self, graph: Graph, symbols: dict[int, str], named: dict[int, str], flow: Flow, wrt: int
    ) -> None:
        self.graph, self.symbols, self.flow, self.wrt = graph, symbols, flow, wrt
        self.named = named
        self.inputs = {v.id: graph.inputs(v.id) for v in graph.vertices}
        self.uses = graph.leaving
        self.path = self._path()
        self.inlined = self._inlined()
        self.closed: dict[int, Term] = {}

    def _path(self) -> set[int]:
        """The values that depend on ``wrt`` and on which the output depends."""
        below = {self.wrt}
        for edge in sorted(self.graph.edges, key=lambda e: e.target):
            if edge.source in below and edge.rule is not None:
                below.add(edge.target)
        return below & set(self.flow.upstream)

    def _inlined(self) -> set[int]:
        """Values written inside the definition of the only one that uses them."""
        found: set[int] = set()
        tail = {self.graph.output}
        for vertex in reversed(self.graph.vertices):
            users = self.users(vertex.id)
            named = vertex.id in self.named or vertex.id == self.wrt
            if is_leaf(vertex) or len(users) != 1 or named:
                continue
            user = users[0]
            affine = vertex.operation == "matmul" and user.operation == "add" and all(
                i == vertex.id or self.graph.vertices[i].kind == "parameter"
                for i in self.inputs[user.id].values()
            )  # fmt: skip
            if affine:
                found.add(vertex.id)
            elif vertex.operation in TAIL and user.id in tail and user.operation in TAIL:
                tail.add(vertex.id)
        # A longer tail is no formula of a loss: it is better read step by step.
        if len(tail) <= LONGEST_TAIL and self._is_loss(tail):
            found |= tail
        return found - {self.graph.output}

    def users(self, i: int) -> list[Vertex]:
        """The operations that use a value, once for each use."""
        return [self.graph.vertices[self.graph.edges[n].target] for n in self.uses[i]]

    def _is_loss(self, tail: set[int]) -> bool:
        """Whether operations make a loss of logarithms or squares."""
        reached = tail.union(*(self.inputs[i].values() for i in tail))
        return any(
            v.operation in ("log", "log_softmax")
            or (v.operation in ("square", "power") and v.value.ndim > 0)
            for v in (self.graph.vertices[i] for i in reached)
        )

    # --- terms ---------------------------------------------------------------------------------

    def term(self, i: int) -> Term:
        """A value, as its symbol; or written out, where it is inlined."""
        if i in self.inlined:
            return self.value(i)
        return symbol_term(self.symbols[i], np.asarray(self.graph.vertices[i].value))

    def value(self, i: int) -> Term:
        """What an operation computes."""
        vertex = self.graph.vertices[i]
        found = self.inputs[i]
        if vertex.operation in FORMS:
            with contextlib.suppress(Unwritten), np.errstate(all="ignore"):
                written = FORMS[vertex.operation]
                return written(*(self.term(found[n]) for n in sorted(found)), vertex)
        right = after_equals(formula(self.graph, vertex, self.symbols))
        right = NOTHING if right is None else right
        return term(right, np.asarray(vertex.value), level_of(right))

    def gradient(self, i: int) -> Term:
        """The gradient of a value, as a symbol; of the output, 1; or written out if inlined."""
        if i == self.graph.output:
            return Term((), np.ones(self.graph.vertices[i].shape))
        if i in self.inlined:
            return self._sum([(edge, self._rule(edge)) for edge in self._ways(i)], self.gradient)
        return symbol_term(self._gradient_symbol(i), self.flow.upstream[i])

    def _gradient_symbol(self, i: int) -> str:
        return derivative(self.symbols[self.graph.output], self.symbols[i])

    def _sum(self, ways: list[tuple[Edge, Rule]], gradient: Callable[[int], Term]) -> Term:
        """The sum over the uses of a value of what they hand on."""
        with np.errstate(all="ignore"):
            return plus([rule.of(gradient(edge.target)) for edge, rule in ways])

    def _ways(self, i: int) -> list[Edge]:
        """The uses of a value through which its gradient comes."""
        edges = [self.graph.edges[n] for n in self.uses[i]]
        return [edge for edge in edges if edge.target in self.path and edge.rule is not None]

    def _rule(self, edge: Edge) -> Rule:
        last = edge.target == self.graph.output
        shape = self.graph.vertices[edge.target].shape
        upstream = np.ones(shape) if last else self.flow.upstream[edge.target]
        return rule_of(self.graph, edge, upstream, self.term, self.symbols)

    # --- lines ---------------------------------------------------------------------------------

    def definitions(self) -> list[Line]:
        """What each value is, from the inputs to the output."""
        return [
            Line(self.symbols[v.id], (self.value(v.id),), np.asarray(v.value))
            for v in self.graph.vertices
            if not is_leaf(v) and v.id not in self.inlined
            and (self.uses[v.id] or v.id == self.graph.output)
        ]  # fmt: skip

    def steps(self) -> list[Line]:
        """The gradients, from the output down to ``wrt``."""
        lines = []
        self.closed[self.graph.output] = self.gradient(self.graph.output)
        for vertex in reversed(self.graph.vertices):
            if vertex.id not in self.path or vertex.id == self.graph.output:
                continue
            ways = [(edge, self._rule(edge)) for edge in self._ways(vertex.id)]
            closed = self._sum(ways, self.closed.__getitem__)
            if vertex.id in self.inlined:
                self.closed[vertex.id] = closed
                continue
            terms = [self._sum(ways, self.gradient)]
            short = len(closed.text) <= LONGEST
            if closed.tree != terms[0].tree and short:
                terms.append(closed)
            better, note = simplified(self, vertex.id)
            terms += better
            what = self._gradient_symbol(vertex.id)
            quoted = any(rule.quoted for _edge, rule in ways)
            truth = self.flow.upstream[vertex.id]
            lines.append(Line(what, tuple(terms), truth, self._local(ways), note, quoted))
            last = terms[-1]
            short = len(last.text) <= LONGEST
            self.closed[vertex.id] = last if short else self.gradient(vertex.id)
        return lines

    def _local(self, ways: list[tuple[Edge, Rule]]) -> str:
        """The local derivatives of the uses of a value."""
        words = [self._local_of(*way) for way in ways if way[0].target != self.graph.output]
        return r", \quad ".join(dict.fromkeys(filter(None, words)))

    def _local_of(self, edge: Edge, rule: Rule) -> str:
        vertex = self.graph.vertices[edge.target]
        y, x = self.symbols[edge.target], self.symbols[edge.source]
        if vertex.operation == "softmax":
            return (
                rf"\frac{{\partial {{{y}}}_{{i}}}}{{\partial {{{x}}}_{{j}}}} = "
                rf"{{{y}}}_{{i}} (\delta_{{ij}} - {{{y}}}_{{j}})"
            )
        rules, here = [rule], edge.target
        while here in self.inlined:  # x W within x W + b: down to the value that has a name
            way = self.graph.edges[self.uses[here][0]]
            rules.insert(0, self._rule(way))
            here = way.target
        if here == self.graph.output or any(rule.quoted for rule in rules):
            return ""
        y, end = self.symbols[here], self.graph.vertices[here]
        shape = self.graph.vertices[edge.source].shape
        entrywise = all(rule.entrywise for rule in rules) and shape == end.shape
        ones = np.ones(end.shape)
        found = Term((), ones) if entrywise else symbol_term("G", ones)
        with np.errstate(all="ignore"):
            for step in rules:
                found = step.of(found)
        if entrywise:
            return rf"{derivative(y, x)} = {found.latex}"
        # The upstream gradient G goes through the transposed Jacobian.
        return rf"\left({derivative(y, x)}\right)^{{\top}} G = {found.latex}"
