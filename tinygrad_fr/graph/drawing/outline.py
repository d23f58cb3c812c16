"""What a picture of a graph consists of: items, links and boxes.

A small graph is drawn as it is. In a larger one Module calls deeper than ``depth`` become one item,
and blocks that repeat are drawn once, with their count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..extract import Graph, Vertex
from ..formulas import arguments
from ..naming import is_leaf

MANY = 60  # items: beyond, repeated operations are drawn once
LIMIT = 200  # items: beyond, modules are closed
LONGEST = 64  # items in a block that repeats


@dataclass(eq=False)
class Repeat:
    """A block that comes ``count`` times; only its first copy is drawn."""

    count: int
    names: tuple[str, ...] = ()


Box = Any  # a Module call or a Repeat


@dataclass(eq=False)
class Item:
    """Something drawn: a vertex, or a Module call with all that it holds.

    Attributes
    ----------
    members : list of int
        The vertices that it stands for; of all copies, where it repeats.
    boxes : tuple
        The Module calls and Repeats around it, outermost first.
    call : str or None
        The Module call, when it is closed.
    count : int
        How many times it comes.
    """

    members: list[int]
    boxes: tuple[Box, ...] = ()
    call: Any = None
    count: int = 1


@dataclass(frozen=True)
class Link:
    """What goes from an item to another: ``edges`` are places in ``graph.edges``.

    ``again`` marks the way from one copy of a repeated block to the next.
    """

    source: int
    target: int
    edges: tuple[int, ...]
    again: bool = False


@dataclass
class Outline:
    """The items, in the order of computation, and the links between them."""

    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def outline(graph: Graph, depth: int | None = None) -> Outline:
    """Decide what is drawn.

    Parameters
    ----------
    depth
        How many levels of Modules are open: 0 shows the outermost one as a single item, 1 its
        layers. None opens all, unless the graph is large.
    """
    closed = depth is not None
    if depth is None and len(graph.vertices) > LIMIT:
        deepest = max((len(_chain(v.module)) for v in graph.vertices), default=0)
        whole = _merged(_items(graph, None), graph, False)
        drawn, depth = whole, deepest
        while len(drawn.items) > LIMIT and depth > 1:
            depth -= 1
            drawn = _merged(_items(graph, depth), graph, True)
        return drawn if len(drawn.items) <= LIMIT else whole
    return _merged(_items(graph, depth), graph, closed)


def _chain(call: Any) -> tuple[Any, ...]:
    """A Module call and those around it, outermost first."""
    chain: list[Any] = []
    while call is not None:
        chain.append(call)
        call = getattr(call, "parent", None)
    return tuple(chain[::-1])


def _items(graph: Graph, depth: int | None) -> list[Item]:
    """Every vertex, or the closed call that it lies in."""
    users: dict[int, list[int]] = {}
    for edge in graph.edges:
        users.setdefault(edge.source, []).append(edge.target)
    chains: dict[int, tuple[Any, ...]] = {}
    for vertex in graph.vertices:
        if not is_leaf(vertex):
            chains[vertex.id] = _chain(vertex.module)
    for vertex in graph.vertices:
        if is_leaf(vertex):
            around = [chains[user] for user in users.get(vertex.id, ())]
            chains[vertex.id] = _common(around) if _belongs(vertex) else ()
    items: list[Item] = []
    closed: dict[int, Item] = {}
    for vertex in graph.vertices:
        chain = chains[vertex.id]
        if depth is None or len(chain) <= depth:
            items.append(Item([vertex.id], chain))
        elif id(chain[depth]) in closed:
            closed[id(chain[depth])].members.append(vertex.id)
        else:
            items.append(Item([vertex.id], chain[:depth], chain[depth]))
            closed[id(chain[depth])] = items[-1]
    # A closed call stands where its last operation does: after all that it uses.
    return sorted(items, key=lambda item: item.members[-1])


def _belongs(vertex: Vertex) -> bool:
    """Whether a leaf is part of the module that uses it: a constant, or one of its parameters."""
    return vertex.kind == "constant" or type(vertex.tensor).__name__ == "Parameter"


def _common(chains: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The calls that all have around them."""
    if not chains:
        return ()
    first = chains[0]
    n = min(len(chain) for chain in chains)
    for i in range(n):
        if any(chain[i] is not first[i] for chain in chains):
            return first[:i]
    return first[:n]


# --- blocks that repeat -----------------------------------------------------------------------


def _merged(items: list[Item], graph: Graph, closed: bool) -> Outline:
    """The outline, with repeated blocks drawn once where there are many items."""
    place = {vertex: i for i, item in enumerate(items) for vertex in item.members}
    steps = [i for i, item in enumerate(items) if not _leaf(item, graph)]
    many = len(items) > MANY
    target = list(range(len(items)))  # the item that stands for each
    if many or closed:
        kinds: dict[Any, int] = {}
        looks = [kinds.setdefault(_look(item, graph), len(kinds)) for item in items]
        users, sources = _between(items, graph, place)
        for run in _runs(items, steps, graph, looks, sources, many):
            _merge(run, items, target, graph, users, sources)
    links: dict[tuple[int, int, bool], list[int]] = {}
    for number, edge in enumerate(graph.edges):
        a, b = place[edge.source], place[edge.target]
        if a == b:
            continue
        again = target[a] >= target[b]
        links.setdefault((target[a], target[b], again), []).append(number)
    kept = sorted(set(target))
    where = {i: n for n, i in enumerate(kept)}
    found = [
        Link(where[a], where[b], tuple(edges), again) for (a, b, again), edges in links.items()
    ]
    # Two uses by one operation are two arrows; many edges between blocks are one.
    apart: list[Link] = []
    for link in found:
        single = all(len(items[kept[end]].members) == 1 for end in (link.source, link.target))
        if single:
            apart += [Link(link.source, link.target, (edge,), link.again) for edge in link.edges]
        else:
            apart.append(link)
    return Outline([items[i] for i in kept], apart)


def _leaf(item: Item, graph: Graph) -> bool:
    return item.call is None and is_leaf(graph.vertices[item.members[0]])


@dataclass
class _Run:
    """``count`` copies of ``period`` steps from ``start`` on."""

    start: int
    period: int
    count: int
    steps: list[int]


def _between(
    items: list[Item], graph: Graph, place: Mapping[int, int]
) -> tuple[list[list[int]], list[list[int]]]:
    """For each item, those that use it, and those that it takes its arguments from."""
    users: list[list[int]] = [[] for _item in items]
    sources: list[list[int]] = [[] for _item in items]
    for edge in graph.edges:
        a, b = place[edge.source], place[edge.target]
        if a != b:
            users[a].append(b)
            sources[b].append(a)
    return users, sources


def _runs(
    items: list[Item], steps: list[int], graph: Graph, looks: list[int],
    sources: list[list[int]], many: bool,
) -> Iterable[_Run]:  # fmt: skip
    """The repetitions in the sequence of steps, from the left, the widest first."""
    rank = {item: n for n, item in enumerate(steps)}
    start = 0
    while start < len(steps):
        best: _Run | None = None
        for period in range(1, min(LONGEST, (len(steps) - start) // 2) + 1):
            if looks[steps[start]] != looks[steps[start + period]]:
                continue
            modules = all(items[steps[start + i]].call is not None for i in range(period))
            least = 2 if modules else 3
            if not (modules or many):
                continue
            count = 1
            while start + (count + 1) * period <= len(steps) and all(
                looks[steps[start + i]] == looks[steps[start + count * period + i]]
                and _same_needs(
                    sources,
                    rank,
                    steps[start + i],
                    steps[start + count * period + i],
                    items,
                    graph,
                    looks,
                )
                for i in range(period)
            ):
                count += 1
            longer = best is None or period * count > best.period * best.count
            if count >= least and longer:
                best = _Run(start, period, count, steps)
        if best is None:
            start += 1
        else:
            yield best
            start += best.period * best.count


def _look(item: Item, graph: Graph) -> Any:
    """What an item is, whatever its values and names."""
    vertices = [graph.vertices[i] for i in item.members]
    parts = tuple((v.kind, v.operation, arguments(v), v.shape, v.value.dtype) for v in vertices)
    return (None if item.call is None else str(item.call).rpartition(" ")[2], parts)


def _same_needs(
    sources: list[list[int]], rank: Mapping[int, int], a: int, b: int,
    items: list[Item], graph: Graph, looks: list[int],
) -> bool:  # fmt: skip
    """Whether two steps take their arguments alike: as far back, from one place, or from leaves."""
    first, second = sources[a], sources[b]
    if len(first) != len(second):
        return False
    for x, y in zip(first, second, strict=True):
        if x == y:
            continue
        if x in rank and y in rank:
            if rank[a] - rank[x] != rank[b] - rank[y]:
                return False
        elif y in rank:  # the first copy may begin with the network's input
            if rank[y] < rank[a] or _shape(x, items, graph) != _shape(y, items, graph):
                return False
        elif x in rank or looks[x] != looks[y]:
            return False
    return True


def _shape(i: int, items: list[Item], graph: Graph) -> Any:
    return graph.vertices[items[i].members[-1]].shape


def _merge(
    run: _Run, items: list[Item], target: list[int], graph: Graph,
    users: list[list[int]], sources: list[list[int]],
) -> None:  # fmt: skip
    """Let the first copy of a run stand for all of them, in a box of its own."""
    copies = [
        [run.steps[run.start + k * run.period + i] for i in range(run.period)]
        for k in range(run.count)
    ]
    members = {i: k for k, copy in enumerate(copies) for i in copy}
    for k, copy in enumerate(copies[1:], 1):
        for first, other in zip(copies[0], copy, strict=True):
            target[other] = first
            items[first].members += items[other].members
            # A leaf that only this copy uses goes with it.
            for mine, its in zip(sources[first], sources[other], strict=False):
                owned = _leaf(items[its], graph) and all(members.get(u) == k for u in users[its])
                if owned and mine != its and _leaf(items[mine], graph) and target[its] == its:
                    target[its] = mine
                    items[mine].members += items[its].members
                    items[mine].count += 1
    inside = set(copies[0])
    for first in copies[0]:
        items[first].count = run.count
        own = [i for i in sources[first] if _leaf(items[i], graph)]
        inside |= {i for i in own if items[i].count > 1}
    around = _common([items[i].boxes for copy in copies for i in copy])
    names = tuple(str(items[copy[0]].call or "") for copy in copies)
    if run.period > 1:
        box = Repeat(run.count, names)
        for i in inside:
            if items[i].boxes[: len(around)] == around or len(items[i].boxes) <= len(around):
                rest = items[i].boxes[len(around) :]
                items[i].boxes = (*around, box, *rest)


def vertex_of(item: Item, graph: Graph) -> Vertex | None:
    """The vertex that an item shows; None for a closed call."""
    return None if item.call is not None else graph.vertices[item.members[0]]
