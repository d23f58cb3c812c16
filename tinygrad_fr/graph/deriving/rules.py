r"""Local rules, read off the docstrings of the closures: ``\bar{A} = \bar{Y} B^{\top}``.

What is read is computed and compared with what the closure makes of the same gradient. A rule that
says less than its closure does, or more than is understood here, is quoted as it stands.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...autograd.engine import handed
from ...autograd.modes import no_grad
from ...kernels import Array
from ..formulas import indexing
from ..formulas.latex import (
    Accent,
    Atom,
    Item,
    Scripts,
    fenced,
    items_of,
    raised,
    row,
    substituted,
    unfenced,
)
from ..formulas.operations import (
    after_equals,
    argument_letters,
    dotted,
    output_letter,
    rule,
    written_rule,
)
from ..recorded.expansion import Unwritten
from ..recorded.extract import Edge, Graph
from ..recorded.flow import pulled
from . import algebra, terms
from .forms import axes_of, classes_of, count, exponent_of, over_classes, probabilities, scattered
from .terms import BY_ENTRY, MINUS, OVER, TRANSPOSED, Term, entry_of, level_of, symbol_term, term

Pull = Callable[[Term], Term]


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

    of: Pull
    entrywise: bool = False
    quoted: bool = False


def rule_of(
    graph: Graph, edge: Edge, upstream: Array, term_of: Callable[[int], Term],
    symbols: Mapping[int, str],
) -> Rule:  # fmt: skip
    """The rule of a use: of its structure, as its docstring is read, or quoted.

    Parameters
    ----------
    upstream
        The gradient that arrives: what is read must hold for it.
    term_of
        The values of the graph, written.
    """
    use = _Use(graph, edge, term_of)
    truth = pulled(graph, edge, upstream)
    for read in (use.structural, use.read):
        try:
            with np.errstate(all="ignore"):
                found = read(symbol_term("G", upstream))
        except (Unwritten, ValueError):  # or NumPy refuses the shapes
            continue
        if truth is not None and algebra.close(found.value, truth):
            return Rule(read, use.is_entrywise)
    return Rule(lambda g: _quoted(graph, edge, g, symbols), quoted=True)


class _Use:
    """A use of a value by an operation, and what it hands on."""

    def __init__(self, graph: Graph, edge: Edge, term_of: Callable[[int], Term]) -> None:
        self.graph, self.edge, self.term_of = graph, edge, term_of
        self.vertex, self.source = graph.vertices[edge.target], graph.vertices[edge.source]
        self.inputs = graph.inputs(edge.target)
        self.mixes = False  # whether the rule, as far as it was read, adds up entries
        right = after_equals(written_rule(edge, self.vertex))
        self.right = () if right is None else items_of(right)

    @property
    def is_entrywise(self) -> bool:
        """Whether each entry of the gradient is multiplied by a number of its own."""
        structural = {"softmax", "log_softmax", "getitem", "take"}
        mixes = self.mixes or self.vertex.operation in structural
        return self.source.shape == self.vertex.shape and not mixes

    # --- operations whose rule depends on shapes and arguments ---------------------------------

    def structural(self, g: Term) -> Term:
        """The rule of an operation that is more than a product."""
        vertex, shape = self.vertex, self.source.shape
        match vertex.operation:
            case "sum":
                return self._spread(g)
            case "mean":
                n = self.source.value.size // max(vertex.value.size, 1)
                return algebra.divided(self._spread(g), count(n, vertex))
            case "power" if self.edge.position == 0:
                base, exponent = (self.term_of(self.inputs[i]) for i in (0, 1))
                lower = algebra.power(base, exponent_of(exponent) - 1)
                return algebra.times(algebra.times(g, exponent), lower)
            case "softmax":
                y = self.term_of(vertex.id)
                weighed = over_classes(algebra.times(g, y), classes_of(vertex))
                return algebra.times(y, algebra.minus(g, weighed))
            case "log_softmax":
                y = probabilities(vertex, self.term_of(self.edge.source))
                return algebra.minus(g, algebra.times(y, over_classes(g, classes_of(vertex))))
            case "getitem" | "take":
                index = indexing.index_of(vertex, shape)
                if index is None:
                    raise Unwritten
                return scattered(g, index, shape, vertex)
        raise Unwritten

    def _spread(self, g: Term) -> Term:
        """The gradient of a sum, the same along its axes: indices say which are left."""
        shape = self.source.shape
        axes = axes_of(self.vertex, len(shape))
        value = g.value.reshape([1 if i in axes else n for i, n in enumerate(shape)])
        if g.written and value.shape != g.value.shape:
            left = "".join(terms.INDICES[i] for i in range(len(shape)) if i not in axes)
            g = algebra.solid(g)
            g = terms.bare(g, entry_of(g, left), value)
        return algebra.spread(replace(g, value=value), shape)

    # --- rules as they are written -------------------------------------------------------------

    def read(self, g: Term) -> Term:
        """The rule read as a product; after the gradient it may go on with any formula."""
        right = self.right
        negative = right[:1] == (MINUS,)
        right = right[1:] if negative else right
        found: Term
        try:
            found = self._product(right, g)
        except Unwritten:
            if right[:1] != (self._bar,) or right[1:2] not in ((BY_ENTRY,), (OVER,)):
                raise
            found = self._followed(g, right[1], right[2:], negative)
        found = algebra.negated(found) if negative else found
        if found.value.ndim < len(self.source.shape):
            raise Unwritten
        return algebra.summed_to(found, self.source.shape)

    @functools.cached_property
    def _letters(self) -> dict[str, int]:
        """The values that the letters of the rule mean."""
        operation: Any = self.vertex.tensor
        letters = argument_letters(operation._op, self.vertex)
        if len(set(letters.values())) < len(letters):
            raise Unwritten
        found = {letter: self.inputs[i] for i, letter in letters.items() if i in self.inputs}
        return {output_letter(operation._op): self.vertex.id, **found}

    @functools.cached_property
    def _bar(self) -> Item:
        operation: Any = self.vertex.tensor
        return Accent("bar", Atom("identifier", output_letter(operation._op)))

    def _product(self, items: tuple[Item, ...], g: Term) -> Term:
        """A product of letters, numbers and the gradient; a sum of it, where it was stretched."""
        sign = items[0] if items else None
        if terms.SUMMED in (sign, getattr(sign, "base", None)) and len(items) == 2:
            self.mixes = True
            return self._factor(getattr(items[1], "base", items[1]), g)
        found, between = None, None
        for item in items:
            if item in (BY_ENTRY, OVER):
                between = item
                continue
            part = self._factor(item, g)
            if found is None:
                found = part
            elif between == OVER:
                found = algebra.divided(found, part)
                # Where nothing arrives nothing is handed on, as in the library.
                found = replace(found, value=np.where(g.value == 0, 0, found.value))
            elif between == BY_ENTRY or not (found.value.ndim and part.value.ndim):
                found = algebra.times(found, part)
            else:
                self.mixes = True
                vectors = found.value.ndim == part.value.ndim == 1
                found = (algebra.outer if vectors else algebra.matmul)(found, part)
            between = None
        if found is None:
            raise Unwritten
        return found

    def _factor(self, item: Item, g: Term) -> Term:
        letters = self._letters
        match item:
            case Accent() if item == self._bar:
                return g
            case Atom("identifier", letter) if letter in letters:
                return self.term_of(letters[letter])
            case Atom("number", digits):
                return symbol_term(digits, np.array(float(digits)))
            case Scripts(base, None, above) if above == TRANSPOSED:
                self.mixes = True
                return algebra.transposed(self._factor(base, g))
            case Scripts(base, None, Atom("number", digits)):
                return algebra.power(self._factor(base, g), float(digits))
        raise Unwritten

    def _followed(self, g: Term, sign: Item, rest: tuple[Item, ...], negative: bool) -> Term:
        """The gradient times or over any formula; the closure computes it, signs included."""
        node: Any = self.vertex.tensor
        if any(isinstance(item, Accent) for item in rest):
            raise Unwritten
        found = {letter: self.term_of(i) for letter, i in self._letters.items()}
        given = {letter: x.closed for letter, x in found.items()}
        tree = dotted(substituted(row(*rest), given, {}), self.graph, self.vertex)
        inner = unfenced(tree)
        tree = inner if level_of(inner) == terms.PLUS else tree  # a product puts them back
        local = term(tree, np.ones(self.vertex.shape), level_of(tree))
        product = algebra.times(g, local) if sign == BY_ENTRY else algebra.divided(g, local)
        with no_grad(), np.errstate(all="ignore"):
            value = node._closures[self.edge.position](
                np.asarray(g.value, node._array.dtype), node._array, *handed(node)
            )
        if np.shape(value) != self.vertex.shape:
            raise Unwritten
        return replace(product, value=-np.asarray(value) if negative else np.asarray(value))


def _quoted(graph: Graph, edge: Edge, g: Term, symbols: Mapping[int, str]) -> Term:
    """The rule that the operation declares, and what its closure makes of ``g``."""
    vertex, source = graph.vertices[edge.target], graph.vertices[edge.source]
    d = pulled(graph, edge, np.asarray(g.value, vertex.value.dtype))
    tree = rule(graph, edge, symbols)
    right = None if tree is None else after_equals(tree)
    if right is None or vertex.operation in ("matmul", "linear"):
        # Its rule says less than it does with these shapes: only that it is the adjoint.
        adjoint = raised(Atom("function", str(vertex.operation)), TRANSPOSED)
        right = row(adjoint, fenced(g.tree))
    return term(right, np.zeros(source.shape) if d is None else d, level_of(right))
