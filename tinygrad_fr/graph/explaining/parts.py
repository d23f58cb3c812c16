"""What one entry is made of: the entries of other values, each with its weight."""

from dataclasses import dataclass

import numpy as np

from ...kernels import Array
from ..recorded.extract import Edge, Graph, Vertex
from .local import Factor, Index, Local


@dataclass(frozen=True)
class Part:
    """The entries of one value, and their weights.

    Attributes
    ----------
    edge : Edge
        The use of a value by an operation that they come through.
    of : int
        The vertex whose entries (forward) or whose gradient's entries (backward) they are.
    indices : array of int, (T, n)
        Their places.
    values, weights : array, (T,)
        Forward the entries and the local derivatives; backward the upstream gradients and the
        local derivatives.
    factor : int or None
        The vertex whose entries the weights are, but for their sign.
    factor_indices : array of int, (T, m), or None
        Their places.
    """

    edge: Edge
    of: int
    indices: Array
    values: Array
    weights: Array
    factor: int | None = None
    factor_indices: Array | None = None

    def __len__(self) -> int:
        return len(self.values)

    def places(self, shape: tuple[int, ...]) -> Array:
        """Where they lie in the flattened value."""
        if not shape:
            return np.zeros(len(self), int)
        return np.asarray(np.ravel_multi_index(tuple(self.indices.T), shape))

    @property
    def products(self) -> Array:
        """What each contributes: an upstream gradient of 0 gives 0, whatever the slope."""
        with np.errstate(all="ignore"):
            found = np.asarray(self.values, float) * np.asarray(self.weights, float)
        return np.where((self.values == 0) & ~np.isfinite(self.weights), 0.0, found)

    @property
    def is_copy(self) -> bool:
        """Whether it is a single entry, as it is."""
        return len(self) == 1 and self.weights[0] == 1 and self.factor is None


def row_parts(
    graph: Graph, vertex: Vertex, index: Index, local: Local | None = None,
    only: int | None = None,
) -> tuple[Local, list[Part]]:  # fmt: skip
    """What an entry of a computed value depends on: a part for each argument, or for one."""
    local = Local(vertex.tensor) if local is None else local
    edges = {graph.edges[n].position: graph.edges[n] for n in graph.arriving[vertex.id]}
    sources = graph.inputs(vertex.id)
    parts = []
    for position in local.positions if only is None else (only,):
        weights = np.asarray(local.row(position, index))
        factor = local.factors_of_row(position, index, weights)
        there = _looked_at(local, position, index, weights, factor)
        x = local.value(position)
        parts.append(_part(edges[position], sources[position], x, weights, there, factor, sources,
                           local))  # fmt: skip
    return local, parts


def column_part(graph: Graph, edge: Edge, index: Index, upstream: Array) -> Part:
    """What flows into an entry of a value through one of its uses."""
    local, position = Local(graph.vertices[edge.target].tensor), edge.position
    weights = np.asarray(local.column(position, index))
    factor = local.factors_of_column(position, index, weights)
    there = np.array((weights != 0) if factor is None else (weights != 0) | (factor.spot >= 0))
    if not there.any() and there.size == 1:
        there = np.ones_like(there)
    sources = graph.inputs(edge.target)
    return _part(edge, edge.target, upstream, weights, there, factor, sources, local)


def _part(
    edge: Edge, of: int, x: Array, weights: Array, there: Array, factor: Factor | None,
    sources: dict[int, int], local: Local,
) -> Part:  # fmt: skip
    """The entries at the places that count."""
    indices = np.argwhere(there)
    if factor is None or factor.position not in sources:
        return Part(edge, of, indices, x[there], weights[there])
    shape = np.shape(local.value(factor.position))
    spots = np.maximum(factor.spot[there], 0)
    places = np.stack(np.unravel_index(spots, shape), 1) if shape else np.zeros((len(spots), 0))
    return Part(edge, of, indices, x[there], weights[there], sources[factor.position],
                places.astype(int))  # fmt: skip


def _looked_at(
    local: Local, position: int, index: Index, weights: Array, factor: Factor | None
) -> Array:
    """Which entries of an argument count: those with a weight, and those that could have had one.

    In a product the entry beside a zero; of a maximum all that were compared; of a function taken
    entry by entry the one entry, where it is flat.
    """
    there = np.array(weights != 0)
    if factor is not None:
        return np.asarray(there | (factor.spot >= 0))
    if position == 0 and local.candidates is not None:
        return np.asarray(there | (local.candidates.row(0, index) != 0))
    if not there.any() and weights.ndim <= local.node.ndim:
        own = local.node.shape[local.node.ndim - weights.ndim :]
        if all(n in (1, m) for n, m in zip(weights.shape, own, strict=True)):
            last = index[len(index) - weights.ndim :]
            there[tuple(i if n > 1 else 0 for i, n in zip(last, weights.shape, strict=True))] = True
    return there


def summed(parts: list[Part], value: float, tolerance: float) -> list[Part] | None:
    """Of the parts, those whose products add up to the value; None if no such choice is known.

    Of a product of two arguments, one stands for both: the other's entries are its weights. What
    is homogeneous of degree one in an argument (a maximum, a norm) is its sum by Euler's theorem.
    """
    taken: list[Part] = []
    for part in parts:
        partner = next((p for p in taken if p.factor is not None), None)
        if partner is None or part.edge.source != partner.factor or part.factor is None:
            taken.append(part)
    choices = [taken, *([part] for part in parts), parts]
    for choice in choices:
        products = np.concatenate([part.products for part in choice]) if choice else np.zeros(0)
        scale = float(np.abs(products).sum()) + abs(value)
        with np.errstate(all="ignore"):
            if abs(products.sum() - value) <= tolerance * scale:
                return choice
    return None
