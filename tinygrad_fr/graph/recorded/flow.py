"""The gradients of a graph: what arrives at each vertex, and what each edge carries on."""

from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd.engine import handed
from ...autograd.guards.messages import changed
from ...autograd.modes import no_grad
from ...kernels import Array
from .extract import Edge, Graph
from .walk import contribution, walk

SMALL = 64  # a local derivative of more entries is not computed: it would not be read


@dataclass(frozen=True)
class Flow:
    """Gradients of the output, computed apart from every ``.grad``.

    Attributes
    ----------
    upstream : dict of int to array
        By vertex, the derivative of the output with respect to it: the sum of the contributions
        of its uses. A vertex without an entry has no gradient, which is not the same as zero.
    downstream : mapping of int to array
        By edge (its place in ``graph.edges``), what that use contributes to its source; written
        out when it is read.
    """

    upstream: Mapping[int, Array]
    downstream: Mapping[int, Array]


def flow(graph: Graph) -> Flow:
    """Walk a graph backwards; from ones, where its output is not a single number.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> graph = tg.graph.extract(x * x)
    >>> dict(flow(graph).downstream), flow(graph).upstream[0]
    ({0: array(3.), 1: array(3.)}, array(6.))
    """
    upstream: dict[int, Array] = {}
    downstream: dict[int, Any] = {}
    last = graph.vertices[graph.output]
    if last.requires_grad:
        upstream[last.id] = np.ones(last.shape, last.value.dtype)

    def carried(number: int, g: Array) -> Any:
        d = _handed_on(graph, graph.edges[number], g)
        if d is not None:
            downstream[number] = d
        return d

    def uses(vertex: int) -> list[tuple[int, int]]:
        return [(number, graph.edges[number].source) for number in graph.arriving[vertex]]

    walk(range(len(graph.vertices) - 1, -1, -1), uses, upstream, carried)
    return Flow(upstream, _Written(downstream))


class _Written(UserDict[int, Any]):
    """Gradients that are written out one by one: those of n rows of an array are n arrays."""

    def __getitem__(self, number: int) -> Array:
        return np.asarray(self.data[number])


def refuse_changed(graph: Graph, vertex: int | None = None) -> None:
    """Raise if a value was changed in place after an operation, or the one named, had used it."""
    numbers = range(len(graph.edges)) if vertex is None else graph.arriving[vertex]
    for edge in (graph.edges[n] for n in numbers):
        node, x = graph.vertices[edge.target].tensor, graph.vertices[edge.source].tensor
        if node is not None and x is not None:
            later = x._memory is not None and x._memory[0] > node._rank
            if x._rank > node._rank or later:
                raise changed(node, x)


def pulled(graph: Graph, edge: Edge, g: Array | None) -> Array | None:
    """What an edge makes of an upstream gradient; None where no gradient flows."""
    d = _handed_on(graph, edge, g)
    return None if d is None else np.asarray(d)


def _handed_on(graph: Graph, edge: Edge, g: Array | None) -> Any:
    """The same, as its closure gave it where that is not yet written out."""
    node = graph.vertices[edge.target].tensor
    return None if node is None or g is None else contribution(node, edge.position, g)


def local(graph: Graph, edge: Edge) -> Array | None:
    """The local derivative of an edge, where it acts entry by entry; None where it does not.

    An operation acts entry by entry if what it makes of any upstream gradient is that gradient
    times what it makes of ones.
    """
    node: Any = graph.vertices[edge.target].tensor
    closure = None if node is None else node._closures[edge.position]
    if closure is None or not 0 < node._array.size <= SMALL:
        return None
    values = (node._array, *handed(node))
    ones = np.ones_like(node._array)
    probe = np.asarray(np.random.default_rng(0).uniform(1, 2, ones.shape), ones.dtype)
    with no_grad(), np.errstate(all="ignore"):
        slope, tested = closure(ones, *values), closure(probe, *values)
    if slope is None or np.shape(slope) != ones.shape:
        return None
    entrywise = np.allclose(tested, probe * slope, rtol=1e-5, atol=0, equal_nan=True)
    return np.asarray(slope) if entrywise else None
