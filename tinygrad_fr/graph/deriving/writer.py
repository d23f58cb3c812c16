"""What a derivation says, line by line, and how each line is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...kernels import Array
from ...messages import _
from .. import values
from ..formulas import indexing
from ..formulas.latex import escaped
from ..formulas.naming import derivative, is_leaf, numeral
from ..formulas.operations import after_equals, formula, rule
from ..formulas.source import latex_of
from ..recorded.expansion import Unwritten
from ..recorded.extract import Edge, Graph, Vertex
from ..recorded.flow import Flow, pulled
from .rules import ENTRYWISE, RULES
from .simplification import simplified
from .terms import PLUS, Term, parenthesised, plus, summed_to, symbol_term

LONGEST = 110  # characters of LaTeX: beyond, a gradient is written as a symbol in later lines
LONGEST_TAIL = 20  # operations within the definition of a loss
SMALL = 6  # entries: arrays that numbers replace in a formula
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
    numbers : str
        The first term with numbers in the place of symbols, LaTeX.
    """

    what: str
    terms: tuple[Term, ...]
    truth: Array
    local: str = ""
    note: str = ""
    quoted: bool = False
    numbers: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it gives."""
        return tuple(np.shape(self.truth))


class Writer:
    """Writes the lines from the output of a graph down to one of its values."""

    def __init__(
        self, graph: Graph, symbols: dict[int, str], named: dict[int, str], flow: Flow, wrt: int,
        digits: bool = False,
    ) -> None:  # fmt: skip
        self.graph, self.symbols, self.flow, self.wrt = graph, symbols, flow, wrt
        self.named, self.digits = named, digits
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
        above = {self.graph.output}
        for edge in sorted(self.graph.edges, key=lambda e: -e.target):
            if edge.target in above and edge.rule is not None:
                above.add(edge.source)
        return below & above

    def _inlined(self) -> set[int]:
        """Values written inside the definition of the only one that uses them."""
        found: set[int] = set()
        tail: set[int] = {self.graph.output} if self._ends_in_a_loss() else set()
        for vertex in reversed(self.graph.vertices):
            users = self.users(vertex.id)
            if is_leaf(vertex) or len(users) != 1 or vertex.id in self.named:
                continue
            user = users[0]
            if vertex.id == self.wrt or vertex.operation not in RULES:
                continue
            affine = vertex.operation == "matmul" and user.operation == "add" and all(
                i == vertex.id or self.graph.vertices[i].kind == "parameter"
                for i in self.inputs[user.id].values()
            )  # fmt: skip
            if user.id in tail and vertex.operation in TAIL and self._can_be_written(vertex.id):
                tail.add(vertex.id)
            elif affine and user.operation in RULES and user.id not in tail:
                found.add(vertex.id)
        # A tail that long is no formula of a loss: it is better read step by step.
        return found | (tail - {self.graph.output} if len(tail) <= LONGEST_TAIL else set())

    def users(self, i: int) -> list[Vertex]:
        """The operations that use a value, once for each use."""
        return [self.graph.vertices[self.graph.edges[n].target] for n in self.uses[i]]

    def _can_be_written(self, i: int) -> bool:
        """Whether an operation can stand within a formula: not every ``take`` can."""
        vertex = self.graph.vertices[i]
        return vertex.operation != "take" or bool(indexing.shown_index(self.graph, vertex))

    def _ends_in_a_loss(self) -> bool:
        """Whether the last operations make a loss of logarithms or squares."""
        here, seen = [self.graph.output], 0
        while here and seen < 50:
            vertex = self.graph.vertices[here.pop()]
            seen += 1
            if vertex.operation in ("log", "log_softmax", "square", "power"):
                return vertex.value.ndim > 0 or vertex.operation.startswith("log")
            if vertex.operation in TAIL and (
                vertex.id == self.graph.output or vertex.id not in self.named
            ):
                here += self.inputs[vertex.id].values()
        return False

    # --- terms ---------------------------------------------------------------------------------

    def term(self, i: int) -> Term:
        """A value, as its symbol; or written out, where it is inlined."""
        if i in self.inlined:
            return self.value(i)
        value = np.asarray(self.graph.vertices[i].value)
        written = Term if self.digits else symbol_term
        return written(self.symbols[i], value)

    def value(self, i: int) -> Term:
        """What an operation computes."""
        vertex = self.graph.vertices[i]
        found = self.inputs[i]
        if vertex.operation in RULES:
            try:
                terms = [self.term(found[position]) for position in sorted(found)]
                with np.errstate(all="ignore"):
                    return RULES[vertex.operation][0](*terms, vertex)
            except Unwritten:
                pass
        right = after_equals(formula(self.graph, vertex, self.symbols))
        words = "" if right is None else latex_of(right)
        return Term(words, np.asarray(vertex.value), PLUS)

    def gradient(self, i: int) -> Term:
        """The gradient of a value, as a symbol; of the output, 1; or written out if inlined."""
        if i == self.graph.output:
            return Term("", np.ones(self.graph.vertices[i].shape))
        if i in self.inlined:
            return self.contributions(i, self.gradient)[0]
        g = self.flow.upstream[i]
        if self.digits and _is_small(g):
            return Term(array_latex(g, braced=True), g)
        return Term(self._gradient_symbol(i), g)

    def _gradient_symbol(self, i: int) -> str:
        return derivative(self.symbols[self.graph.output], self.symbols[i])

    def contributions(self, i: int, gradient: Callable[[int], Term]) -> tuple[Term, bool]:
        """The sum over the uses of a value of what they hand on; and whether a rule was quoted."""
        terms: list[Term] = []
        quoted = False
        for edge in self._ways(i):
            g = gradient(edge.target)
            term = self._pulled(edge, g)
            if term is None:
                term, quoted = self._quoted(edge, g), True
            terms.append(summed_to(term, self.graph.vertices[i].shape))
        return plus(terms), quoted

    def _ways(self, i: int) -> list[Edge]:
        """The uses of a value through which its gradient comes."""
        edges = [self.graph.edges[n] for n in self.uses[i]]
        return [edge for edge in edges if edge.target in self.path and edge.rule is not None]

    def _pulled(self, edge: Edge, g: Term) -> Term | None:
        vertex = self.graph.vertices[edge.target]
        if vertex.operation not in RULES:
            return None
        found = self.inputs[vertex.id]
        try:
            y = self.term(vertex.id)
            xs = [self.term(found[position]) for position in sorted(found)]
            place = sorted(found).index(edge.position)
            with np.errstate(all="ignore"):
                return RULES[vertex.operation][1](g, y, xs, place, vertex)
        except Unwritten:
            return None

    def _quoted(self, edge: Edge, g: Term) -> Term:
        """The rule that the operation declares, and what its closure makes of ``g``."""
        dtype = self.graph.vertices[edge.target].value.dtype
        d = pulled(self.graph, edge, np.asarray(g.value, dtype))
        tree = rule(self.graph, edge, self.symbols)
        right = after_equals(tree) if tree is not None else None
        operation = self.graph.vertices[edge.target].operation
        if right is None or operation in ("matmul", "linear"):
            # Its rule says less than it does with these shapes: only that it is the adjoint.
            words = rf"\operatorname{{{escaped(str(operation))}}}^{{\top}} {parenthesised(g.latex)}"
        else:
            words = latex_of(right)
        shape = self.graph.vertices[edge.source].shape
        return Term(words, np.zeros(shape) if d is None else np.asarray(d), PLUS)

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
            product, quoted = self.contributions(vertex.id, self.gradient)
            closed, _quoted = self.contributions(vertex.id, lambda u: self.closed[u])
            if vertex.id in self.inlined:
                self.closed[vertex.id] = closed
                continue
            terms = [product]
            if closed.latex != product.latex and len(closed.latex) <= LONGEST:
                terms.append(closed)
            better, note = simplified(self, vertex.id)
            terms += better
            what = self._gradient_symbol(vertex.id)
            truth, local = self.flow.upstream[vertex.id], self._local(vertex.id)
            lines.append(Line(what, tuple(terms), truth, local, note, quoted))
            last = terms[-1]
            short = len(last.latex) <= LONGEST
            self.closed[vertex.id] = last if short else self.gradient(vertex.id)
        return lines

    def _local(self, i: int) -> str:
        """The local derivatives of the uses of a value."""
        words = [self._local_of(edge) for edge in self._ways(i) if edge.target != self.graph.output]
        return r", \quad ".join(dict.fromkeys(filter(None, words)))

    def _local_of(self, edge: Edge) -> str:
        vertex = self.graph.vertices[edge.target]
        y, x = self.symbols[edge.target], self.symbols[edge.source]
        if vertex.operation == "softmax":
            return (
                rf"\frac{{\partial {{{y}}}_{{i}}}}{{\partial {{{x}}}_{{j}}}} = "
                rf"{{{y}}}_{{i}} (\delta_{{ij}} - {{{y}}}_{{j}})"
            )
        chain, here = [edge], edge.target
        while here in self.inlined:  # x W within x W + b: down to the value that has a name
            n = self.uses[here][0]
            chain.insert(0, self.graph.edges[n])
            here = self.graph.edges[n].target
        if here == self.graph.output:
            return ""
        y, end = self.symbols[here], self.graph.vertices[here]
        operations = [self.graph.vertices[step.target].operation for step in chain]
        shape = self.graph.vertices[edge.source].shape
        entrywise = ENTRYWISE.issuperset(operations) and shape == end.shape
        term: Term | None = Term("" if entrywise else "G", np.ones(end.shape))
        for step in chain:
            term = None if term is None else self._pulled(step, term)
        if term is None:
            return ""
        term = summed_to(term, shape)
        if entrywise:
            return rf"{derivative(y, x)} = {term.latex}"
        # The upstream gradient G goes through the transposed Jacobian.
        return rf"\left({derivative(y, x)}\right)^{{\top}} G = {term.latex}"


def with_numbers(lines: list[Line], numeric: list[Line]) -> list[Line]:
    """Lines, each with the words of another writer that used numbers as symbols."""
    return [
        replace(line, numbers=other.terms[0].latex)
        for line, other in zip(lines, numeric, strict=True)
    ]


def numbers_for(graph: Graph, symbols: dict[int, str]) -> dict[int, str]:
    """Numbers in the place of symbols, for small arrays."""
    return {
        v.id: array_latex(np.asarray(v.value), braced=True) if _is_small(v.value) else symbols[v.id]
        for v in graph.vertices
    }


def _is_small(array: Array) -> bool:
    return (
        0 < np.size(array) <= SMALL
        and np.ndim(array) <= 2
        and np.asarray(array).dtype.kind in "biuf"
    )


def array_latex(array: Array, braced: bool = False) -> str:
    """A small array in LaTeX, a large one in words; ``braced`` as a factor that keeps its place."""
    if array.ndim == 0:
        words = numeral(float(f"{array.item():.4g}"))
        if braced:
            return parenthesised(words) if words.startswith("-") else f"{{{words}}}"
        return words
    if array.size > values.FULL or array.ndim > 2 or not array.size:
        words = _("array of shape {shape}", shape=array.shape)
        return rf"\text{{{escaped(words)}}}"
    rows = array.reshape(1, -1) if array.ndim < 2 else array
    cells = r" \\ ".join(
        " & ".join(numeral(float(f"{x:.4g}")) for x in row.tolist()) for row in rows
    )
    return rf"\begin{{pmatrix}} {cells} \end{{pmatrix}}"
