"""The recorded graph as plain data, for drawing, replaying and deriving."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...autograd.engine import Node
from ...autograd.guards.debug import Trace
from ...autograd.operation import Operation
from ...autograd.tensor import Tensor
from ...errors import DTypeError, TinygradError
from ...kernels import Array
from .arguments import static
from .walk import ordered


@dataclass(frozen=True)
class Vertex:
    """A value of the graph.

    Attributes
    ----------
    id : int
        Its place in the order of computation, from 0.
    kind : str
        ``"operation"``, ``"parameter"`` (a leaf that requires a gradient), ``"input"`` (a Tensor
        that does not), ``"constant"`` (an array or a number) or ``"failure"`` (the operation that
        raised an error).
    value : array
    name : str or None
    requires_grad : bool
    operation : str or None
        The operation that made it.
    latex : str
        The formula of that operation.
    static : dict
        Its other arguments, by name.
    module : str or None
        The Module call that it belongs to, such as ``features.3 (Conv2d)``.
    tensor : Tensor or None
        The Tensor itself; None for a constant.
    """

    id: int
    kind: str
    value: Array = field(repr=False)
    name: str | None = None
    requires_grad: bool = False
    operation: str | None = None
    latex: str = ""
    static: dict[str, Any] = field(default_factory=dict)
    module: str | None = None
    tensor: Tensor | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its value."""
        return tuple(np.shape(self.value))

    @property
    def argument_names(self) -> tuple[str, ...]:
        """What the operation calls its arguments; empty for a leaf."""
        operation = getattr(self.tensor, "_op", None)
        return () if operation is None else tuple(operation.parameters)


@dataclass(frozen=True)
class Edge:
    """The use of a value by an operation, as its argument number ``position``.

    ``rule`` is the LaTeX of the local rule; None where no gradient flows.
    """

    source: int
    target: int
    position: int
    rule: str | None = None


@dataclass(frozen=True)
class Graph:
    """Vertices in the order of computation, edges in the order of use, and the output's id."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    output: int

    @functools.cached_property
    def arriving(self) -> dict[int, list[int]]:
        """By vertex, the edges that end there, by their places in ``edges``."""
        return self._by(lambda edge: edge.target)

    @functools.cached_property
    def leaving(self) -> dict[int, list[int]]:
        """By vertex, the edges that begin there (the uses of its value)."""
        return self._by(lambda edge: edge.source)

    @functools.cached_property
    def sources(self) -> dict[int, dict[int, int]]:
        """By vertex, and by argument, the vertices that it is made from."""
        found: dict[int, dict[int, int]] = {vertex.id: {} for vertex in self.vertices}
        for edge in self.edges:
            found[edge.target][edge.position] = edge.source
        return found

    def _by(self, end: Callable[[Edge], int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {vertex.id: [] for vertex in self.vertices}
        for number, edge in enumerate(self.edges):
            found[end(edge)].append(number)
        return found

    def inputs(self, vertex: int) -> dict[int, int]:
        """By argument, the vertices that a vertex is made from."""
        return self.sources[vertex]


def extract(output: Tensor | TinygradError) -> Graph:
    """Read the graph behind a Tensor, or up to the operation that raised an error.

    A Tensor used twice is one vertex with two edges. Nothing is computed, and no ``.grad`` is
    touched.

    Parameters
    ----------
    output
        A Tensor, computed or not; or an error of the library, whose operation becomes the last
        vertex.

    Returns
    -------
    Graph

    Raises
    ------
    GraphError
        If a backward pass has released the graph.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> graph = extract((x * x).sum())
    >>> [vertex.operation or vertex.name for vertex in graph.vertices]
    ['x', 'multiply', 'sum']
    >>> [(edge.source, edge.target) for edge in graph.edges]
    [(0, 1), (0, 1), (1, 2)]
    """
    if isinstance(output, TinygradError) and output.operation is not None:
        failed = [x for x in _flattened(output.inputs) if isinstance(x, (Node, np.ndarray))]
        roots = [x for x in failed if isinstance(x, Node)]
    elif isinstance(output, Tensor):
        roots, failed = [output], []
    else:
        raise DTypeError(
            "the graph is read from a Tensor, or from an error that an operation raised, not "
            "from {kind}",
            kind=type(output).__name__,
        )
    vertices: list[Vertex] = []
    edges: list[Edge] = []
    ids: dict[int, int] = {}

    def number(x: Any) -> int | None:
        """The vertex of an argument, made at its first use."""
        if x is None:
            return None
        if not isinstance(x, Node):
            vertices.append(Vertex(len(vertices), "constant", np.asarray(x)))
            return len(vertices) - 1
        if id(x) not in ids:
            ids[id(x)] = len(vertices)
            kind = "parameter" if x._requires_grad else "input"
            vertices.append(_vertex(len(vertices), kind, x))
        return ids[id(x)]

    for node in ordered(roots):
        operation: Operation | None = node._op
        if operation is None:
            continue  # a leaf becomes a vertex just before its first use
        sources = [number(x) for x in node._inputs]
        ids[id(node)] = len(vertices)
        vertices.append(
            _vertex(
                len(vertices), "operation", node, operation=operation.name, latex=operation.latex,
                static=static(node),
                module=node._where.module if isinstance(node._where, Trace) else node._where,
            )
        )  # fmt: skip
        for position, source in enumerate(sources):
            if source is not None:
                closure = node._closures[position]
                rule = None if closure is None else (closure.__doc__ or "").strip()
                edges.append(Edge(source, ids[id(node)], position, rule))
    if isinstance(output, Tensor):
        number(output)  # a leaf alone becomes a vertex here
        return Graph(tuple(vertices), tuple(edges), ids[id(output)])
    sources = [number(x) for x in failed]
    last, name, module = len(vertices), output.operation, output.module
    vertices.append(Vertex(last, "failure", np.empty(0), operation=name, module=module))
    edges += [Edge(source, last, i) for i, source in enumerate(sources) if source is not None]
    return Graph(tuple(vertices), tuple(edges), last)


def _flattened(arguments: Any) -> list[Any]:
    """The arguments of a call, those in lists included."""
    flat: list[Any] = []
    for x in arguments:
        flat.extend(_flattened(x) if isinstance(x, (list, tuple)) else [x])
    return flat


def _vertex(number: int, kind: str, x: Any, **made: Any) -> Vertex:
    """The vertex of a Tensor; ``made`` says by which operation."""
    return Vertex(number, kind, x._array, x._name, x._requires_grad, tensor=x, **made)
