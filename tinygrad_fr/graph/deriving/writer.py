"""What a derivation says, line by line, and how each line is evaluated."""

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...kernels import Array
from ...messages import _
from .. import values
from ..formulas import indexing, parse
from ..formulas.latex import Atom, Item, Matrix, Row, fenced, items_of, row
from ..formulas.naming import derivative, is_leaf, numeral
from ..formulas.operations import after_equals, formula
from ..formulas.source import latex_of
from ..recorded.expansion import Unwritten
from ..recorded.extract import Edge, Graph, Vertex
from ..recorded.flow import Flow
from . import terms
from .algebra import plus
from .forms import form_of, has_form
from .rules import Rule, rule_of
from .simplification import simplified
from .terms import MINUS, NOTHING, Term, indices_of, level_of, symbol_term, term

LONGEST = 40  # characters: a longer gradient gets a letter, by which later lines call it
LONGEST_DEEP = 12  # the same for the gradient of a z, in a network where letters are needed
LONGEST_TAIL = 20  # operations within the definition of a loss
SMALL = 6  # entries: arrays that numbers replace in a formula
PREACTIVATION = re.compile(r"z_\{(\d+)\}", re.IGNORECASE)
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
    numbers : tree
        The first term with numbers in the place of symbols.
    letter : str
        What later lines call it, LaTeX, where it is too long to be written out again.
    """

    what: str
    terms: tuple[Term, ...]
    truth: Array
    local: str = ""
    note: str = ""
    quoted: bool = False
    numbers: Item = NOTHING
    letter: str = ""

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
        self.deep = False

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
        found, roots = set[int](), set[int]()
        tail: set[int] = {self.graph.output} if self._ends_in_a_loss() else set()
        for vertex in reversed(self.graph.vertices):
            users = self.users(vertex.id)
            if is_leaf(vertex) or len(users) != 1 or vertex.id in self.named:
                continue
            user = users[0]
            if vertex.id == self.wrt or not has_form(vertex):
                continue
            affine = vertex.operation == "matmul" and user.operation == "add"
            if user.id in tail and vertex.operation in TAIL and self._can_be_written(vertex.id):
                tail.add(vertex.id)
            elif affine and has_form(user) and user.id not in tail:
                found.add(vertex.id)
            elif (user.operation == "sqrt" or user.id in roots) and vertex.operation in TAIL:
                roots.add(vertex.id)
            elif user.id not in tail and self._scales(vertex, user):
                found.add(vertex.id)
        # A tail that long is no formula of a loss: it is better read step by step.
        found |= roots
        return found | (tail - {self.graph.output} if len(tail) <= LONGEST_TAIL else set())

    def _scales(self, vertex: Vertex, user: Vertex) -> bool:
        """Whether it is part of what follows a normalisation: its scale, and the shift's shape."""
        made = {self.graph.vertices[i].name for i in self.inputs[vertex.id].values()}
        product = vertex.operation == "multiply" and user.operation == "add" and "x_hat" in made
        stands = vertex.operation == "reshape" and user.operation in ("add", "multiply")
        source = self.graph.vertices[self.inputs[vertex.id][0]]
        return product or (stands and is_leaf(source) and len(source.shape) == 1)

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
        if self.digits and _is_small(value):
            return placed(array_tree(value), value)
        return symbol_term(self.symbols[i], value)

    def value(self, i: int) -> Term:
        """What an operation computes."""
        vertex = self.graph.vertices[i]
        found = self.inputs[i]
        try:
            with np.errstate(all="ignore"):
                return form_of(vertex)(*(self.term(found[n]) for n in sorted(found)), vertex)
        except Unwritten:
            right = after_equals(formula(self.graph, vertex, self.symbols))
            right = NOTHING if right is None else right
            return term(right, np.asarray(vertex.value), level_of(right))

    def gradient(self, i: int) -> Term:
        """The gradient of a value, as a symbol; of the output, 1; or written out if inlined."""
        if i == self.graph.output:
            return Term((), np.ones(self.graph.vertices[i].shape))
        if i in self.inlined:
            return self._sum([(edge, self._rule(edge)) for edge in self._ways(i)], self.gradient)
        g = self.flow.upstream[i]
        if self.digits and _is_small(g):
            return placed(array_tree(g), g)
        return symbol_term(self._gradient_symbol(i), g)

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
        """The gradients, from the output down to ``wrt``, in closed form.

        Where one becomes too long it gets a letter; then the gradient of every z gets one, so
        that the layers of a deep network read alike.
        """
        lines = self._steps(False)
        return self._steps(True) if any(line.letter for line in lines) else lines

    def _steps(self, deep: bool) -> list[Line]:
        self.deep, self.letters = deep, Letters(self.symbols.values())
        lines = []
        self.closed = {self.graph.output: self.gradient(self.graph.output)}
        for vertex in reversed(self.graph.vertices):
            if vertex.id not in self.path or vertex.id == self.graph.output:
                continue
            ways = [(edge, self._rule(edge)) for edge in self._ways(vertex.id)]
            closed = self._sum(ways, self.closed.__getitem__)
            if vertex.id in self.inlined:
                self.closed[vertex.id] = closed
                continue
            members = [self._sum(ways, self.gradient)]
            if closed.tree != members[0].tree:
                members.append(closed)
            better, note = simplified(self, vertex.id)
            members += better
            quoted = any(rule.quoted for _edge, rule in ways)
            letter = self._letter(vertex.id, members[-1])
            called = symbol_term(letter, members[-1].value) if letter else members[-1]
            self.closed[vertex.id] = called
            lines.append(Line(
                self._gradient_symbol(vertex.id), tuple(members), self.flow.upstream[vertex.id],
                self._local(ways, members), note, quoted, letter=letter,
            ))  # fmt: skip
        return lines

    def _letter(self, i: int, gradient: Term) -> str:
        """A letter for a gradient that is too long to be written again and again."""
        symbol = self.symbols[i]
        layer = symbol[0] in "zZ" or self.graph.vertices[i].name == "x_hat"
        most = LONGEST_DEEP if self.deep and layer else LONGEST
        return "" if i == self.wrt or len(gradient.text) <= most else self.letters.free(symbol)

    def _local(self, ways: list[tuple[Edge, Rule]], members: list[Term]) -> str:
        """The local derivatives of the uses of a value."""
        taken = {x for term in members for x in indices_of(term.tree)} - {"k"}
        taken.update(self.symbols.values())
        words = [
            self._local_of(edge, rule, taken) for edge, rule in ways
            if edge.target != self.graph.output
        ]  # fmt: skip
        return r", \quad ".join(dict.fromkeys(filter(None, words)))

    def _local_of(self, edge: Edge, rule: Rule, taken: set[str]) -> str:
        vertex = self.graph.vertices[edge.target]
        y, x = self.symbols[edge.target], self.symbols[edge.source]
        if vertex.operation == "softmax":
            i, j = next(x for x in ("ij", "pq", "mn") if not taken & set(x))
            # Where gradients are called delta, Kronecker's is written out.
            same = f"[{i} = {j}]" if self.deep else rf"\delta_{{{i}{j}}}"
            return (
                rf"\frac{{\partial {{{y}}}_{{{i}}}}}{{\partial {{{x}}}_{{{j}}}}} = "
                rf"{{{y}}}_{{{i}}} ({same} - {{{y}}}_{{{j}}})"
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
        letter = next(x for x in "GHUV" if x not in self.symbols.values())
        found = Term((), ones) if entrywise else symbol_term(letter, ones)
        with np.errstate(all="ignore"):
            for step in rules:
                found = step.of(found)
        if entrywise:
            return rf"{derivative(y, x)} = {found.latex}"
        # The upstream gradient G goes through the transposed Jacobian.
        return rf"\left({derivative(y, x)}\right)^{{\top}} {letter} = {found.latex}"


class Letters:
    r"""The letters of gradients: ``\delta_k`` for that of ``z_k``, and the numbers after those.

    >>> letters = Letters(["x", "z_{1}", "z_{2}"])
    >>> letters.free("z_{2}"), letters.free("v_{1}"), letters.free("z_{1}")
    ('\\delta_{2}', '\\delta_{3}', '\\delta_{1}')
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        found = list(map(PREACTIVATION.fullmatch, signs := list(symbols)))
        used = any(sign.startswith(r"\delta") for sign in signs)
        self.base = r"\Delta" if used else r"\delta"
        self.own = {sign: int(own[1]) for sign, own in zip(signs, found, strict=True) if own}
        self.others = itertools.count(max(self.own.values(), default=0) + 1)

    def free(self, symbol: str) -> str:
        """The letter for the gradient of a value."""
        number = self.own.pop(symbol) if symbol in self.own else next(self.others)
        return f"{self.base}_{{{number}}}"


def with_numbers(lines: list[Line], numeric: list[Line]) -> list[Line]:
    """Lines, each with the words of another writer that used numbers as symbols."""
    return [
        replace(line, numbers=other.terms[0].tree)
        for line, other in zip(lines, numeric, strict=True)
    ]


def numbers_for(graph: Graph, symbols: dict[int, str]) -> dict[int, str]:
    """Numbers in the place of symbols, for small arrays."""
    return {
        v.id: placed(array_tree(v.value), v.value).latex if _is_small(v.value) else symbols[v.id]
        for v in graph.vertices
    }


def _is_small(array: Array) -> bool:
    return (
        0 < np.size(array) <= SMALL
        and np.ndim(array) <= 2
        and np.asarray(array).dtype.kind in "biuf"
    )


def placed(tree: Item, value: Array) -> Term:
    """Numbers as a factor that keeps its place: it is not multiplied out."""
    negative = tree == row(MINUS, *items_of(tree)[1:])
    return term(fenced(tree) if negative else Row((tree,)), value)


def array_tree(array: Array) -> Item:
    """A small array in full, a large one in words."""
    if array.ndim == 0:
        return parse(numeral(float(f"{array.item():.4g}")))
    if array.size > values.FULL or array.ndim > 2 or not array.size:
        return Atom("text", _("array of shape {shape}", shape=array.shape))
    rows = array.reshape(1, -1) if array.ndim < 2 else array
    cells = tuple(tuple(parse(numeral(float(f"{x:.4g}"))) for x in line) for line in rows.tolist())
    return Matrix(cells, array.ndim == 1)


def relettered(line: Line, letters: dict[str, str]) -> Line:
    """A line with other letters for its indices: its own are names of values."""

    def changed(x: Term) -> Term:
        factors, over = (
            tuple(replace(part, tree=terms.relettered(part.tree, letters)) for part in parts)
            for parts in (x.factors, x.over)
        )
        return replace(x, factors=factors, over=over)

    local = latex_of(terms.relettered(parse(line.local), letters)) if line.local else ""
    return replace(line, terms=tuple(map(changed, line.terms)), local=local)
