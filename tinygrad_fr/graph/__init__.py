"""Reading the recorded graph."""

from .extract import Edge, Graph, Vertex, extract

__all__ = ["Edge", "Graph", "Vertex", "extract"]
