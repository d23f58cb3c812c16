"""Which entries make which, for a whole operation at once: what a page needs to answer a click.

The local Jacobian of a convolution has millions of entries, and a rule of three lines: entry ``i``
is made of the entries ``c + A i + S t`` for every ``t`` in a box. :mod:`reading` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...kernels import Array
from ..recorded.extract import Graph, Vertex

MOST = 2_000_000  # terms of a whole operation that are computed at once


@dataclass(frozen=True)
class Places:
    """``start + by_entry i + by_term t``: places in an array, for an entry ``i`` and a term ``t``.

    ``flat`` counts through all axes of the array; else the coordinates are told, and those that
    lie outside (in the padding) are left out.
    """

    start: Array
    by_entry: Array
    by_term: Array
    flat: bool = False

    def of(self, entries: Array, terms: Array) -> Array:
        """The coordinates, (entries, terms, axes)."""
        moved = self.start + entries @ self.by_entry.T
        return np.asarray(moved[:, None] + (terms @ self.by_term.T)[None])


@dataclass(frozen=True)
class Link:
    """How every entry of a result depends on those of one argument.

    Attributes
    ----------
    position, source : int
        The argument, and its vertex.
    box : tuple of int
        How many terms there are, in each direction.
    places : Places or None
        Of the terms in the argument; None where ``rows`` tells them.
    factor : tuple of (int, Places, float) or None
        The vertex whose entries are the weights, their places, and their sign.
    weights : array or None
        One for all, or one for each term; of a function taken entry by entry one for each entry.
    choice : str
        ``"first"``, ``"max"`` or ``"min"``: the terms are compared, and the winner has weight 1
        (the first, or all of equal size a share).
    rows : list of (list of int, list of float) or None
        By entry, places in the flattened argument and weights.
    """

    position: int
    source: int
    box: tuple[int, ...] = ()
    places: Places | None = None
    factor: tuple[int, Places, float] | None = None
    weights: Array | None = None
    choice: str = ""
    rows: list[tuple[list[int], list[float]]] | None = None


def terms_of(
    graph: Graph, link: Link, shape: tuple[int, ...], entries: Array
) -> tuple[Array, Array]:
    """For some entries the places of their terms, in the flattened argument, and their weights.

    A place outside is -1.
    """
    x = np.asarray(graph.vertices[link.source].value, float)
    if link.rows is not None:
        numbers = np.ravel_multi_index(tuple(entries.T), shape) if shape else [0]
        width = max((len(link.rows[n][0]) for n in numbers), default=0)
        places = np.full((len(entries), width), -1)
        weights = np.zeros((len(entries), width))
        for k, n in enumerate(numbers):
            places[k, : len(link.rows[n][0])] = link.rows[n][0]
            weights[k, : len(link.rows[n][1])] = link.rows[n][1]
        return places, weights
    assert link.places is not None
    box = link.box
    count = int(np.prod(box))
    terms = np.stack(np.unravel_index(np.arange(count), box), 1) if box else np.zeros((1, 0), int)
    places = _flat(link.places, entries, terms, x.shape)
    if link.factor is not None:
        vertex, where, sign = link.factor
        values = np.asarray(graph.vertices[vertex].value, float)
        spots = _flat(where, entries, terms, values.shape)
        places = np.where(spots < 0, -1, places)
        return places, sign * values.ravel()[np.maximum(spots, 0)]
    if link.choice:
        return places, _winners(x, places, link.choice)
    weights = np.asarray(link.weights, float)
    if box or not weights.ndim:
        return places, np.broadcast_to(weights, places.shape)
    return places, weights[tuple(entries.T)][:, None]


def _flat(where: Places, entries: Array, terms: Array, shape: tuple[int, ...]) -> Array:
    found = where.of(entries, terms)
    if where.flat:
        size = int(np.prod(shape))
        return np.where((found[..., 0] >= 0) & (found[..., 0] < size), found[..., 0], -1)
    if not shape:
        return np.zeros(found.shape[:2], int)
    inside = ((found >= 0) & (found < np.asarray(shape))).all(-1)
    clipped = np.clip(found, 0, np.asarray(shape) - 1)
    return np.where(inside, np.ravel_multi_index(tuple(np.moveaxis(clipped, -1, 0)), shape), -1)


def _winners(x: Array, places: Array, choice: str) -> Array:
    worst = np.inf if choice == "min" else -np.inf
    values = np.where(places >= 0, x.ravel()[np.maximum(places, 0)], worst)
    best = values.min(1, keepdims=True) if choice == "min" else values.max(1, keepdims=True)
    equal = (values == best) & (places >= 0)
    if choice == "first":
        return np.asarray(equal & (np.cumsum(equal, 1) == 1), float)
    return np.asarray(equal / np.maximum(equal.sum(1, keepdims=True), 1))


def computed(graph: Graph, vertex: Vertex, told: Iterable[Link]) -> Array | None:
    """A value by its links: the sum of all products; None where it is too large for that."""
    total = np.zeros(vertex.value.size)
    entries = _all_entries(vertex.shape)
    for link in told:
        if not _is_small(graph, vertex, link):
            return None
        places, weights = terms_of(graph, link, vertex.shape, entries)
        x = np.asarray(graph.vertices[link.source].value, float).ravel()
        there = (places >= 0) & (weights != 0)
        total += np.where(there, x[np.maximum(places, 0)] * np.where(there, weights, 0), 0).sum(1)
    return total.reshape(vertex.shape)


def handed_back(graph: Graph, vertex: Vertex, link: Link, g: Array) -> Array | None:
    """What flows to an argument of an upstream gradient; None where it is too large for that."""
    if not _is_small(graph, vertex, link):
        return None
    places, weights = terms_of(graph, link, vertex.shape, _all_entries(vertex.shape))
    there = places >= 0
    found = np.zeros(graph.vertices[link.source].value.size)
    products = np.broadcast_to(np.asarray(g, float).reshape(-1, 1), places.shape) * weights
    np.add.at(found, places[there], products[there])
    return found.reshape(graph.vertices[link.source].shape)


def alike(mine: Array, recorded: Array, rtol: float) -> bool:
    """Whether two arrays are the same but for rounding, as large as their largest number allows."""
    finite = np.abs(np.asarray(recorded, float)[np.isfinite(recorded)])
    room = rtol * float(finite.max(initial=0)) + 1e-30
    with np.errstate(all="ignore"):
        return bool(np.allclose(mine, recorded, rtol=rtol, atol=room, equal_nan=True))


def _is_small(graph: Graph, vertex: Vertex, link: Link) -> bool:
    return vertex.value.size * max(1, int(np.prod(link.box))) <= MOST


def _all_entries(shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape))
    return (
        np.stack(np.unravel_index(np.arange(count), shape), 1) if shape else np.zeros((1, 0), int)
    )


def told(link: Link) -> dict[str, Any]:
    """A link as JSON; its weights apart, as they may be many."""

    def places(where: Places) -> list[Any]:
        return [where.start.tolist(), where.by_entry.tolist(), where.by_term.tolist(), where.flat]

    found: dict[str, Any] = {"source": link.source, "position": link.position}
    if link.rows is not None:
        return {**found, "rows": link.rows}
    assert link.places is not None
    found |= {"box": link.box, "places": places(link.places)}
    if link.factor is not None:
        vertex, where, sign = link.factor
        return {**found, "factor": [vertex, places(where), sign]}
    if link.choice:
        return {**found, "choice": link.choice}
    return {**found, "constant": np.asarray(link.weights, float)}
