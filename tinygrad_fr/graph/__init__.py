"""Reading the recorded graph: as data, as a picture, as a page to step through, as a derivation."""

from .deriving.derive import Derivation, derive
from .drawing.draw import Drawing, draw
from .explaining.explain import Explanation, explain
from .recorded.extract import Edge, Graph, Vertex, extract
from .replaying.replay import Replay, replay

__all__ = [
    "Derivation",
    "Drawing",
    "Edge",
    "Explanation",
    "Graph",
    "Replay",
    "Vertex",
    "derive",
    "draw",
    "explain",
    "extract",
    "replay",
]
