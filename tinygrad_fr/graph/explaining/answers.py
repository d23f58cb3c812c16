"""What a page must hold to answer for every entry of a graph: values, and links between them.

What follows from the rest by its links (a convolution's result, a gradient) is not stored: the page
computes it again. So the course's network fits in a page.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernels import Array
from ..formulas import mathml, text
from ..formulas.naming import derivative
from ..formulas.operations import formula, rule
from ..recorded.extract import Edge, Graph, Vertex
from ..recorded.flow import Flow
from .links import Link, alike, computed, handed_back, told
from .origin import TOLERANCE
from .parts import row_parts, summed
from .reading import links

STORED = 60_000  # numbers in a page: 320 kB
ROWS = 8_000  # entries of Jacobians that are told one by one
DOUBLE = 4_096  # numbers: larger arrays are stored in single precision
NAMED, CODES = 256, 40_000  # different slopes told by their number; entries told so
LARGEST = 60_000  # entries: to try the rows of larger arrays would take seconds
MOST = 300  # vertices: of a larger graph a page tells what it shows, and answers no clicks


def answers(graph: Graph, symbols: Mapping[int, str], flow: Flow | None) -> dict[str, Any]:
    """The values of a graph, their gradients and their links, as JSON."""
    with np.errstate(all="ignore"):  # an infinite slope is told, and warned of where it arose
        return _answers(graph, symbols, flow)


def _answers(graph: Graph, symbols: Mapping[int, str], flow: Flow | None) -> dict[str, Any]:
    if len(graph.vertices) > MOST:
        return {"values": {}}
    store = _Store(graph)
    output = symbols[graph.output]
    found = {}
    for vertex in graph.vertices:
        if vertex.kind == "failure" or vertex.value.dtype.kind not in "biuf":
            continue
        sizes = (graph.vertices[i].value.size for i in graph.inputs(vertex.id).values())
        small = flow is not None and max([vertex.value.size, *sizes]) <= LARGEST
        told_links = store.told(vertex.id, links(graph, vertex) if small else [])
        edges = {graph.edges[n].position: graph.edges[n] for n in graph.arriving[vertex.id]}
        for link in told_links:
            known_rule = rule(graph, edges[link["position"]], symbols)
            link["rule"] = "" if known_rule is None else mathml(known_rule)
        gradient = derivative(output, symbols[vertex.id])
        found[vertex.id] = {
            "name": mathml(symbols[vertex.id]),
            "text": text(symbols[vertex.id]),
            "gradient": mathml(gradient),
            "gradient_text": f"({text(gradient)})",
            "shape": vertex.shape,
            "number": vertex.kind == "constant" and not vertex.shape,
            "operation": vertex.operation,
            "formula": mathml(formula(graph, vertex, symbols)) if vertex.operation else "",
            "sum": _summed(graph, vertex, store.links[vertex.id]),
            "links": told_links,
        }
    store.fill(found, flow)
    return {"values": found, "output": graph.output}


def _summed(graph: Graph, vertex: Vertex, known: list[Link]) -> list[int] | None:
    """Which links' products add up to the value, everywhere; None where it is no such sum."""
    if not known:
        return None
    index = tuple(n // 2 for n in vertex.shape)
    parts = row_parts(graph, vertex, index)[1]
    tolerance = TOLERANCE.get(str(vertex.value.dtype), 1e-9)
    chosen = summed(parts, float(vertex.value[index]), tolerance)
    positions = [] if chosen is None else [part.edge.position for part in chosen]
    taken = [n for n, link in enumerate(known) if link.position in positions]
    value = computed(graph, vertex, [known[n] for n in taken])
    if chosen is None or len(taken) < len(positions) or value is None:
        return None
    return taken if _close(value, vertex.value) else None


def _close(mine: Array, recorded: Array) -> bool:
    return alike(mine, recorded, 1e-3 if recorded.dtype.itemsize < 8 else 1e-9)


class _Store:
    """Keeps to what a page may hold, the small arrays first."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rows, self.numbers, self.codes = ROWS, STORED, CODES
        self.links: dict[int, list[Link]] = {}

    def told(self, vertex: int, known: list[Link]) -> list[dict[str, Any]]:
        """Links as JSON, without those that are too long."""
        found, self.links[vertex] = [], []
        for link in known:
            if link.rows is not None:
                size = sum(len(row[0]) for row in link.rows)
                if size > self.rows:
                    continue
                self.rows -= size
            as_json = told(link)
            if "constant" in as_json:
                as_json["constant"] = self._weights(as_json["constant"])
            if as_json.get("constant", 0) is not None:
                found.append(as_json)
                self.links[vertex].append(link)
        return found

    def _weights(self, weights: Array) -> Any:
        """One number, or codes and what they stand for, or all of them."""
        if not np.isfinite(weights).all():
            return None  # no JSON, and no sum
        if not weights.ndim:
            return float(weights)
        values, codes = np.unique(weights, return_inverse=True)
        if weights.size > 16 and len(values) <= NAMED:
            if weights.size > self.codes:
                return None
            self.codes -= weights.size
            packed = np.asarray(codes, np.uint8).ravel()
            return {"codes": _base64(packed), "of": values.tolist()}
        return self._taken(weights)

    def _taken(self, array: Array) -> str | None:
        """An array as text, off the budget; small ones of double precision keep it."""
        double = array.dtype == np.float64 and array.size <= DOUBLE
        cost = array.size * (2 if double else 1)
        if cost > self.numbers:
            return None
        self.numbers -= cost
        return "d" + _base64(np.ascontiguousarray(array, "<f8")) if double else "f" + _floats(array)

    def fill(self, found: dict[int, dict[str, Any]], flow: Flow | None) -> None:
        """Add the numbers, where they do not follow from others'."""
        arrays: list[tuple[int, str, Array]] = []
        for i, known in found.items():
            vertex = self.graph.vertices[i]
            if known["sum"] is None:
                arrays.append((i, "value", vertex.value))
            g = None if flow is None else flow.upstream.get(i)
            known["flows"] = g is not None
            known["uses"] = [[edge.target, edge.position] for edge in self._uses(flow, i)]
            if flow is not None and g is not None and not self._follows(flow, i):
                arrays.append((i, "upstream", g))
        for i, name, array in sorted(arrays, key=lambda item: item[2].size):
            text_ = self._taken(array)
            if text_ is not None:
                found[i][name] = text_

    def _uses(self, flow: Flow | None, i: int) -> list[Edge]:
        """The uses of a value through which its gradient comes."""
        edges = [self.graph.edges[n] for n in self.graph.leaving[i]]
        upstream = {} if flow is None else flow.upstream
        return [edge for edge in edges if edge.rule is not None and edge.target in upstream]

    def _follows(self, flow: Flow, i: int) -> bool:
        """Whether a gradient is what the links make of those behind it."""
        upstream = flow.upstream[i]
        total = np.zeros(upstream.shape)
        edges = self._uses(flow, i)
        for edge in edges:
            known = self.links.get(edge.target, [])
            link = next((x for x in known if x.position == edge.position), None)
            target = self.graph.vertices[edge.target]
            g = flow.upstream[edge.target]
            back = None if link is None else handed_back(self.graph, target, link, g)
            if back is None:
                return False
            total += back
        return bool(edges) and _close(total, upstream)


def _floats(array: Array) -> str:
    return _base64(np.ascontiguousarray(array, "<f4"))


def _base64(array: Array) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
