"""Reading the recorded graph: as data, as a picture, as a page to step through, as a derivation."""

from .derive import Derivation, derive
from .draw import Drawing, draw
from .extract import Edge, Graph, Vertex, extract
from .replay import Replay, replay

__all__ = ["Derivation", "Drawing", "Edge", "Graph", "Replay", "Vertex", "derive", "draw", "extract", "replay"]
