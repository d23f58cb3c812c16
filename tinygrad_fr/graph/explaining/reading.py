"""The rule of an operation's links, read off a few rows of its local Jacobian and then tried.

It is not written down for any operation; one that has none is told row by row, if it is small.
"""

from __future__ import annotations

import itertools
from contextlib import suppress

import numpy as np

from ...kernels import Array
from ..recorded.extract import Graph, Vertex
from ..recorded.walk import contribution
from .links import Link, Places, alike, handed_back, terms_of
from .local import CHOICES, Index, Local
from .parts import Part, row_parts

MOST_ROWS = 4_000  # entries of a Jacobian told one by one
TRIED = 8  # entries at random, besides the corners


def links(graph: Graph, vertex: Vertex) -> list[Link]:
    """The links of an operation that could be told, one for each argument at most."""
    if vertex.operation is None or vertex.kind == "failure" or not vertex.value.size:
        return []
    local = Local(vertex.tensor)
    found = []
    for position in local.positions:
        source = graph.inputs(vertex.id)[position]
        if graph.vertices[source].value.size:
            with suppress(Exception):  # a closure of the user's may take arrays only
                link = _Reader(graph, vertex, local, position).link()
                if link is not None:
                    found.append(link)
    return found


class _Reader:
    """Reads the rule of one argument off a few rows."""

    def __init__(self, graph: Graph, vertex: Vertex, local: Local, position: int) -> None:
        self.graph, self.vertex, self.position = graph, vertex, position
        self.shape = vertex.shape
        self.local = local
        self.source = graph.inputs(vertex.id)[position]
        self.known: dict[Index, Part] = {}

    def part(self, index: Index) -> Part:
        """The entries that one entry is made of; of a choice, all that are compared."""
        if index not in self.known:
            _local, parts = row_parts(self.graph, self.vertex, index, self.local, self.position)
            self.known[index] = parts[0]
        return self.known[index]

    def link(self) -> Link | None:
        """The rule, if there is one that holds wherever it is tried; else the rows."""
        middle = tuple(n // 2 for n in self.shape)
        return self._rule(middle, False) or self._rule(middle, True) or self._rows()

    def _rule(self, middle: Index, flat: bool) -> Link | None:
        part = self.part(middle)
        x, f = self._coordinates(part, flat)
        base = x if f is None else f
        box, grid = _box(base)
        if box is None or grid is None or len(grid) != len(base):
            return None
        order = np.lexsort(base.T[::-1]) if base.shape[1] else np.arange(len(base))
        moves = self._moves(middle, flat)
        if moves is None:
            return None
        by_x, by_f = moves
        places = _places(x[order], grid, by_x, middle, flat)
        factor = None
        if f is not None and part.factor is not None:
            told = _places(f[order], grid, by_f, middle, False)
            sign = np.sign(part.weights @ self._factor_values(part)) or 1.0
            factor = None if told is None else (part.factor, told, float(sign))
        if places is None or (f is not None and factor is None):
            return None
        operation = str(self.vertex.operation)
        choice = ""
        if operation in CHOICES and self.position == 0 and self.local.candidates is not None:
            choice = "first" if operation == "max_pool2d" else operation
        weights = None if factor is not None or choice else self._weights(part, order, box)
        if factor is None and not choice and weights is None:
            return None
        found = Link(self.position, self.source, box, places, factor, weights, choice)
        return found if self._holds(found) else None

    def _factor_values(self, part: Part) -> Array:
        values = np.asarray(self.graph.vertices[part.factor or 0].value, float)
        return values[tuple(np.asarray(part.factor_indices).T)] if values.ndim else values[None]

    def _coordinates(self, part: Part, flat: bool) -> tuple[Array, Array | None]:
        x = part.indices
        if flat:
            x = part.places(self.graph.vertices[self.source].shape)[:, None]
        return x, part.factor_indices

    def _moves(self, middle: Index, flat: bool) -> tuple[Array, Array] | None:
        """How the places move with each axis of the entry."""
        x, f = self._coordinates(self.part(middle), flat)
        by_x = np.zeros((x.shape[1], len(self.shape)), int)
        by_f = np.zeros((0 if f is None else f.shape[1], len(self.shape)), int)
        for axis, n in enumerate(self.shape):
            near = [middle[axis] + step for step in (1, -1) if 0 <= middle[axis] + step < n]
            for place in near:
                other = (*middle[:axis], place, *middle[axis + 1 :])
                x1, f1 = self._coordinates(self.part(other), flat)
                if len(x1) == len(x) and (f is None) == (f1 is None):
                    step = place - middle[axis]
                    by_x[:, axis] = step * (_first(x1) - _first(x))
                    if f is not None and f1 is not None:
                        by_f[:, axis] = step * (_first(f1) - _first(f))
                    break
            else:
                if near:
                    return None
        return by_x, by_f

    def _weights(self, part: Part, order: Array, box: tuple[int, ...]) -> Array | None:
        """The weights: the same for all entries, or one for each entry of a function."""
        others = [self.part(index) for index in list(self.known)]
        same = all(
            len(p) == len(part) and np.array_equal(p.weights, part.weights) for p in others
        )  # fmt: skip
        sampled = [self.part(index) for index in self._samples()]
        constant = np.ptp(part.weights) == 0 if len(part) else True
        if constant and all((p.weights == part.weights[0]).all() for p in (*others, *sampled)):
            return np.asarray(part.weights[0])
        if same and all(np.array_equal(p.weights, part.weights) for p in sampled):
            return np.asarray(part.weights[order])
        node = self.local.node
        size = np.size(self.graph.vertices[self.source].value)
        if not box and size == node.size:
            with np.errstate(all="ignore"):
                ones = np.ones(node.shape, node._array.dtype)
                slopes = contribution(node, self.position, ones)
            return None if slopes is None else np.asarray(slopes).reshape(node.shape)
        return None

    def _samples(self) -> list[Index]:
        """Corners, and entries at random."""
        rng = np.random.default_rng(0)
        corners = itertools.islice(itertools.product(*((0, n - 1) for n in self.shape)), 8)
        random = [tuple(int(rng.integers(n)) for n in self.shape) for _k in range(TRIED)]
        return list(dict.fromkeys([*corners, *random]))

    def _holds(self, link: Link) -> bool:
        """Whether the rule gives the rows that were recorded, at the corners and elsewhere."""
        shape = self.graph.vertices[self.source].shape
        for index in self._samples():
            part = self.part(index)
            told = np.zeros(shape).reshape(-1)
            known = np.zeros(shape).reshape(-1)
            known[part.places(shape)] = part.weights
            places, weights = terms_of(self.graph, link, self.shape, np.asarray([index], int))
            there = places[0] >= 0
            np.add.at(told, places[0][there], weights[0][there])
            seen = np.zeros(told.shape, bool)
            seen[places[0][there]] = True
            listed = np.zeros(told.shape, bool)
            listed[part.places(shape)] = True
            if not np.allclose(told, known, rtol=1e-4, atol=1e-7, equal_nan=True):
                return False
            if not (listed <= seen).all():
                return False
        return self._hands_back(link)

    def _hands_back(self, link: Link) -> bool:
        """Whether the rule makes of an upstream gradient what the recorded closure makes of it."""
        node = self.local.node
        g = np.random.default_rng(1).uniform(0.5, 1, node.shape).astype(node._array.dtype)
        mine = handed_back(self.graph, self.vertex, link, g)
        if mine is None:
            return True  # too large to be tried in one go
        with np.errstate(all="ignore"):
            recorded = np.asarray(contribution(node, self.position, g), float)
        return alike(mine, recorded, 1e-4)

    def _rows(self) -> Link | None:
        """Row by row, where there are few."""
        source = self.graph.vertices[self.source]
        size = int(np.prod(self.shape))
        if size * source.value.size > 16 * MOST_ROWS or size > MOST_ROWS:
            return None
        rows, count = list[tuple[list[int], list[float]]](), 0
        for index in np.ndindex(*self.shape):
            part = self.part(index)
            count += len(part)
            if count > MOST_ROWS or not np.isfinite(part.weights).all():
                return None
            weights = [float(f"{w:.6g}") for w in part.weights.tolist()]
            rows.append((part.places(source.shape).tolist(), weights))
        return Link(self.position, self.source, rows=rows)


def _first(places: Array) -> Array:
    """The first place in the order of counting."""
    if not places.shape[1]:
        return np.zeros(0, int)
    return np.asarray(places[np.lexsort(places.T[::-1])[0]])


def _box(base: Array) -> tuple[tuple[int, ...] | None, Array | None]:
    """The sides of the box that places fill, and the terms in their order of counting."""
    sides = []
    for column in base.T:
        unique = np.unique(column)
        if len(unique) > 1:
            if len(np.unique(np.diff(unique))) > 1:
                return None, None
            sides.append(len(unique))
    box = tuple(sides)
    grid = np.stack(np.unravel_index(np.arange(int(np.prod(box))), box), 1) if box else None
    return box, np.zeros((1, 0), int) if grid is None else grid


def _places(
    column: Array, grid: Array, by_entry: Array, middle: Index, flat: bool
) -> Places | None:
    """The rule behind places that lie in the order of counting; None if there is none."""
    if len(column) != len(grid):
        return None
    sides = grid.max(0, initial=0)
    by_term = np.zeros((column.shape[1], grid.shape[1]), int)
    for axis in range(grid.shape[1]):
        if sides[axis]:
            second = int(np.flatnonzero((grid == np.eye(grid.shape[1], dtype=int)[axis]).all(1))[0])
            by_term[:, axis] = column[second] - column[0]
    if not (column == column[0] + grid @ by_term.T).all():
        return None
    start = column[0] - by_entry @ np.asarray(middle, int)
    return Places(start, by_entry, by_term, flat)
