"""All that a picture, a page or a description needs to know of a graph."""

from dataclasses import dataclass, field

from ...kernels import Array
from .. import values
from ..formulas.naming import derivative
from ..recorded.extract import Graph, Vertex
from ..recorded.flow import Flow
from .outline import Outline

LEVELS = {"full": 26, "summary": 90}  # up to how many items, each detail
DETAILS = ("auto", "full", "summary", "none")
TERMS = 6  # of a sum written out


@dataclass
class Sheet:
    """All that a picture needs to know of a graph."""

    graph: Graph
    outline: Outline
    symbols: dict[int, str]
    names: dict[int, str]
    flow: Flow | None
    detail: str = "full"
    direction: str = "LR"
    title: str = ""
    images: dict[str, Array] = field(default_factory=dict)  # the thumbnails that labels name

    @property
    def output(self) -> str:
        """The symbol of what is differentiated."""
        return self.symbols[self.graph.output]

    def upstream(self, vertex: int) -> Array | None:
        """The gradient that arrives at a vertex, if one was computed."""
        return None if self.flow is None else self.flow.upstream.get(vertex)

    def gradient(self, vertex: int) -> str:
        """The symbol of that gradient."""
        return derivative(self.output, self.symbols[vertex])

    def is_told(self, vertex: Vertex) -> bool:
        """Whether its value needs a line of its own: a number in the formula does not."""
        return bool(vertex.shape) or self.symbols[vertex.id] != values.number(vertex.value.item())

    def uses(self, vertex: int) -> list[int]:
        """The edges along which gradients arrive at a vertex, by their places in the graph."""
        carried = () if self.flow is None else self.flow.downstream
        return [n for n in self.graph.leaving[vertex] if n in carried]
