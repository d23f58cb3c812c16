"""What one entry is made of: the entries of other values, each with its weight."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd.modes import no_grad
from ...kernels import Array
from ..recorded.arguments import refilled
from ..recorded.extract import Edge, Graph, Vertex
from ..recorded.walk import operands
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
        """What each contributes: 0 times anything is 0, an infinite slope or entry too."""
        with np.errstate(all="ignore"):
            found = np.asarray(self.values, float) * np.asarray(self.weights, float)
        return np.where((self.values == 0) | (self.weights == 0), 0.0, found)


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
    taken_in = local.taken_in(index) if position == 0 else None
    if taken_in is not None:
        return np.asarray(there | taken_in)
    if not there.any() and weights.ndim <= local.node.ndim:
        own = local.node.shape[local.node.ndim - weights.ndim :]
        if all(n in (1, m) for n, m in zip(weights.shape, own, strict=True)):
            last = index[len(index) - weights.ndim :]
            there[tuple(i if n > 1 else 0 for i, n in zip(last, weights.shape, strict=True))] = True
    return there


def summed(parts: list[Part], value: float, tolerance: float) -> list[Part] | None:
    """Of the parts, those whose products add up to the value; None if no such choice is known.

    Of a product of two arguments, one stands for both: the other's entries are its weights.
    """
    taken: list[Part] = []
    for part in parts:
        partner = next((p for p in taken if p.factor is not None), None)
        if partner is None or part.edge.source != partner.factor or part.factor is None:
            taken.append(part)
    choices = [taken, *([part] for part in parts), parts]
    for choice in choices:
        products = [part.products for part in choice]
        if choice and add_up(np.concatenate(products), value, tolerance):
            return choice
    return None


def add_up(products: Array, value: float, tolerance: float) -> bool:
    """Whether products add up to a value, but for rounding; infinities and NaN are no rounding."""
    with np.errstate(all="ignore"):
        total, scale = float(products.sum()), float(np.abs(products).sum()) + abs(value)
    if not np.isfinite(scale):
        return total == value or bool(np.isnan(total) and np.isnan(value))
    return abs(total - value) <= tolerance * scale


# These are linear between their kinks, which a small step may lie beyond; dropout draws anew.
PIECEWISE = frozenset([
    "relu", "leaky_relu", "prelu", "abs", "max", "min", "maximum", "minimum", "max_pool2d", "clip",
    "where", "sort", "step", "dropout",
])  # fmt: skip
STEP, LINEAR = 0.05, 1e-4


def is_linear(local: Local, parts: list[Part], index: Index) -> bool:
    """Whether a value is such a sum elsewhere, too: exp(1) is e times 1 by accident only."""
    if local.node._op.name in PIECEWISE:
        return True
    rng = np.random.default_rng(0)
    ahead, scale = 0.0, 0.0
    inputs = [np.array(x, float) if _is_float(x) else x for x in operands(local.node)]
    for part in parts:
        x = inputs[part.edge.position]
        if not isinstance(x, np.ndarray) or not np.isfinite(part.products).all():
            return True  # nothing to be computed with
        moves = STEP * (1 + np.abs(part.values)) * rng.uniform(0.5, 1, len(part))
        moved = x.reshape(-1)
        moved[part.places(x.shape)] += moves
        ahead += float(part.weights @ moves)
        scale += float(np.abs(part.weights) @ moves)
    moved_to = recomputed(local, inputs, index)
    change = moved_to - float(local.node._array[index])
    if not np.isfinite([change, ahead]).all():
        return not np.isfinite(change)
    return bool(abs(change - ahead) <= LINEAR * scale + 1e-12)


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def recomputed(local: Local, inputs: list[Any], index: Index) -> float:
    """An entry of the operation's result on other inputs; they are not changed by it."""
    args, kwargs = refilled(local.node, inputs)
    with no_grad(), np.errstate(all="ignore"):
        y = local.node._op.function(*args, **kwargs)
    return float(np.asarray(getattr(y, "_array", y))[index])
