"""What is known of an entry: its value, what made it, what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...kernels import Array
from ..formulas.naming import derivative, numeral
from ..recorded.extract import Graph, Vertex
from .local import Index
from .parts import Part

# How far the sum may be from what was recorded, relative to the size of its terms.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2}


@dataclass(frozen=True)
class Origin:
    """What is known of an entry and of what made it.

    Attributes
    ----------
    kind : str
        ``"sum"``: the entry is the sum of the products of ``parts``; ``"function"``: it is a
        function of their entries, which the weights are the slopes of; ``"gradient"``: it is the
        sum of what flows into it; ``"given"``: nothing made it.
    graph : Graph
    symbols : dict of int to str
        What its values are called, LaTeX.
    vertex : Vertex
        The value, or whose gradient it is.
    index : tuple of int
    value : float
        What was recorded.
    parts : tuple of Part
        By use, the entries and their weights.
    gradient : bool
        Whether it is of the gradient.
    upstream : dict of int to array
        The gradients that arrive, where it is of one.
    """

    kind: str
    graph: Graph
    symbols: Mapping[int, str]
    vertex: Vertex
    index: Index
    value: float
    parts: tuple[Part, ...] = ()
    gradient: bool = False
    upstream: Mapping[int, Array] = field(default_factory=dict, repr=False)

    @property
    def tolerance(self) -> float:
        """How far a sum may be from what was recorded, relative to the size of its terms."""
        return TOLERANCE.get(str(self.vertex.value.dtype), 1e-9)


def entry_latex(found: Origin, vertex: int, index: Index, gradient: bool = False) -> str:
    """An entry as NumPy writes it: ``W[0, 2]``, or one of the gradient."""
    return entry(found, vertex, tuple(map(str, index)), gradient)


def entry(found: Origin, vertex: int, inside: tuple[str, ...], gradient: bool) -> str:
    """The same with anything between the brackets."""
    own = found.symbols[vertex]
    if gradient:
        own = derivative(found.symbols[found.graph.output], own)
    return f"{own}[{', '.join(inside)}]" if inside else own


def number(x: float) -> str:
    """A number in LaTeX, with four digits."""
    return numeral(float(f"{float(x):.4g}") + 0.0)  # no minus zero


def bracketed(x: float) -> str:
    """The same; in parentheses where it is negative."""
    words = number(x)
    return f"({words})" if words.startswith("-") else words
