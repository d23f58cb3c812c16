"""What a picture of a graph consists of: items, links and boxes.

A small graph is drawn as it is. In a larger one Module calls deeper than ``depth`` become one item,
and blocks that repeat are drawn once, with their count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..formulas.naming import is_leaf
from ..formulas.operations import arguments
from ..recorded.extract import Graph, Vertex

MANY = 60  # items: beyond, repeated operations are drawn once
LIMIT = 200  # items: beyond, modules are closed
LONGEST = 64  # items in a block that repeats


@dataclass(eq=False)
class Repeat:
    """A block that comes ``count`` times; only its first copy is drawn."""

    count: int


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

    @property
    def stands_for_several(self) -> bool:
        """Whether it is more than one value."""
        return self.call is not None or self.count > 1

    @property
    def times(self) -> str:
        """How many times it comes, behind its name."""
        return f" (× {self.count})" if self.count > 1 else ""


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
    if depth is not None or len(graph.vertices) <= LIMIT:
        return _merged(_items(graph, depth), graph, depth is not None)
    drawn = whole = _merged(_items(graph, None), graph, False)
    depth = max(len(_chain(v.module)) for v in graph.vertices)
    while len(drawn.items) > LIMIT and depth > 1:
        depth -= 1
        drawn = _merged(_items(graph, depth), graph, True)
    return drawn if len(drawn.items) <= LIMIT else whole


def unfolded(graph: Graph) -> tuple[Outline, dict[int, int]]:
    """The same for a picture that opens and closes: every value, and the boxes around it.

    Returns
    -------
    Outline
        In a large graph, what :func:`outline` draws.
    dict of int to int
        By item of a repeated block, the item of its first copy that stands for it while the block
        is closed.
    """
    if len(graph.vertices) > LIMIT:
        return outline(graph), {}
    items = _items(graph, None)
    place = {item.members[0]: i for i, item in enumerate(items)}
    stands: dict[int, int] = {}
    for drawn in _merged(_items(graph, None), graph, True).items:
        repeats = [k for k, box in enumerate(drawn.boxes) if isinstance(box, Repeat)]
        for member in drawn.members if repeats else ():
            boxes = items[place[member]].boxes
            for k in repeats:  # at the depth where the first copy has it
                boxes = (*boxes[:k], drawn.boxes[k], *boxes[k:])
            items[place[member]].boxes = boxes
            if member != drawn.members[0]:
                stands[place[member]] = place[drawn.members[0]]
    links = [
        Link(place[edge.source], place[edge.target], (number,))
        for number, edge in enumerate(graph.edges)
    ]
    return Outline(items, links), stands


def _chain(call: Any) -> tuple[Any, ...]:
    """A Module call and those around it, outermost first."""
    chain: list[Any] = []
    while call is not None:
        chain.append(call)
        call = getattr(call, "parent", None)
    return tuple(chain[::-1])


def _items(graph: Graph, depth: int | None) -> list[Item]:
    """Every vertex, or the closed call that it lies in."""
    chains = {v.id: () if is_leaf(v) else _chain(v.module) for v in graph.vertices}
    for vertex in filter(_belongs, graph.vertices):
        users = [graph.edges[number].target for number in graph.leaving[vertex.id]]
        chains[vertex.id] = _common([chains[user] for user in users])
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
    shared = 0
    for level in zip(*chains, strict=False):
        if any(call is not level[0] for call in level):
            break
        shared += 1
    return chains[0][:shared] if chains else ()


# --- blocks that repeat -----------------------------------------------------------------------


def _merged(items: list[Item], graph: Graph, closed: bool) -> Outline:
    """The outline, with repeated blocks drawn once where there are many items."""
    place = {vertex: i for i, item in enumerate(items) for vertex in item.members}
    target = list(range(len(items)))  # the item that stands for each
    if closed or len(items) > MANY:
        blocks = _Blocks(items, graph, place, target)
        for copies in blocks.repeated():
            blocks.merge(copies)
    between: dict[tuple[int, int, bool], list[int]] = {}
    for number, edge in enumerate(graph.edges):
        a, b = place[edge.source], place[edge.target]
        if a != b:
            again = target[a] >= target[b]
            between.setdefault((target[a], target[b], again), []).append(number)
    kept = sorted(set(target))
    where = {i: n for n, i in enumerate(kept)}
    links: list[Link] = []
    for (a, b, again), edges in between.items():
        # Two uses by one operation are two arrows; many edges between blocks are one.
        single = len(items[a].members) == len(items[b].members) == 1
        arrows = [(number,) for number in edges] if single else [tuple(edges)]
        links += [Link(where[a], where[b], arrow, again) for arrow in arrows]
    return Outline([items[i] for i in kept], links)


def _options(vertex: Vertex) -> Any:
    """The arguments of an operation, but for the row that it reads: each step in time its own."""
    index = vertex.static.get("index") if vertex.operation == "getitem" else None
    parts = index if isinstance(index, tuple) else (index,)
    if all(type(p) is int or (type(p) is slice and p == slice(None)) for p in parts):
        return tuple(type(part) is int for part in parts)
    return arguments(vertex)


def shows_leaf(item: Item, graph: Graph) -> bool:
    """Whether an item is a value that no operation made."""
    return item.call is None and is_leaf(graph.vertices[item.members[0]])


class _Blocks:
    """Items in the order of their steps, among which blocks repeat; ``target`` stands for each."""

    def __init__(
        self, items: list[Item], graph: Graph, place: Mapping[int, int], target: list[int]
    ) -> None:
        self.items, self.graph, self.target = items, graph, target
        kinds: dict[Any, int] = {}
        self.looks = [kinds.setdefault(self._look(item), len(kinds)) for item in items]
        self.users: list[list[int]] = [[] for _item in items]
        self.sources: list[list[int]] = [[] for _item in items]
        for edge in graph.edges:
            a, b = place[edge.source], place[edge.target]
            if a != b:
                self.users[a].append(b)
                self.sources[b].append(a)
        self.steps = [i for i, item in enumerate(items) if not shows_leaf(item, graph)]
        self.rank = {item: n for n, item in enumerate(self.steps)}  # leaves have none

    def _look(self, item: Item) -> Any:
        """What an item is, whatever its values and names."""
        vertices = [self.graph.vertices[i] for i in item.members]
        parts = tuple((v.kind, v.operation, _options(v), v.shape, v.value.dtype) for v in vertices)
        return (None if item.call is None else str(item.call).rpartition(" ")[2], parts)

    def repeated(self) -> Iterator[list[list[int]]]:
        """The copies of each block that repeats, from the left, the widest first."""
        start = 0
        while start < len(self.steps):
            best: list[list[int]] = []
            covered = 0
            for period in range(1, min(LONGEST, (len(self.steps) - start) // 2) + 1):
                if self.looks[self.steps[start]] != self.looks[self.steps[start + period]]:
                    continue
                copies = self._copies(start, period)
                if len(copies) > 1 and len(copies) * period > covered and self._is_worth(copies):
                    best, covered = copies, len(copies) * period
            if best:
                yield best
            start += covered or 1

    def _copies(self, start: int, period: int) -> list[list[int]]:
        """A block of some steps, and those behind it that are like it."""
        copies = [self.steps[start : start + period]]
        for place in range(start + period, len(self.steps) - period + 1, period):
            if not all(
                self.looks[a] == self.looks[self.steps[place + i]]
                and self._needs_the_same(a, self.steps[place + i])
                for i, a in enumerate(copies[0])
            ):
                break
            copies.append(self.steps[place : place + period])
        return copies

    def _is_worth(self, copies: list[list[int]]) -> bool:
        """Whether copies are drawn once: two of closed modules, three in a large graph."""
        modules = all(self.items[i].call is not None for i in copies[0])
        return modules or (len(copies) > 2 and len(self.items) > MANY)

    def _needs_the_same(self, a: int, b: int) -> bool:
        """Whether two steps take their arguments alike: as far back, or from one place."""
        first, second, rank = self.sources[a], self.sources[b], self.rank
        if len(first) != len(second):
            return False
        for x, y in zip(first, second, strict=True):
            if x == y:
                continue
            if x in rank and y in rank:
                if rank[a] - rank[x] != rank[b] - rank[y]:
                    return False
            elif y in rank:  # the first copy may begin with the network's input
                if rank[y] < rank[a] or self._shape(x) != self._shape(y):
                    return False
            elif x in rank or self.looks[x] != self.looks[y]:
                return False
        return True

    def _shape(self, i: int) -> tuple[int, ...]:
        return self.graph.vertices[self.items[i].members[-1]].shape

    def merge(self, copies: list[list[int]]) -> None:
        """Let the first copy of a block stand for all of them, in a box of its own."""
        items, target = self.items, self.target
        members = {i: k for k, copy in enumerate(copies) for i in copy}
        for k, copy in enumerate(copies[1:], 1):
            for first, other in zip(copies[0], copy, strict=True):
                target[other] = first
                items[first].members += items[other].members
                # A leaf that only this copy uses goes with it.
                for mine, its in zip(self.sources[first], self.sources[other], strict=False):
                    if mine == its or mine in self.rank or its in self.rank:
                        continue
                    if target[its] == its and all(members.get(u) == k for u in self.users[its]):
                        target[its] = mine
                        items[mine].members += items[its].members
                        items[mine].count += 1
        inside = set(copies[0])
        for first in copies[0]:
            items[first].count = len(copies)
            own = [i for i in self.sources[first] if i not in self.rank]
            inside |= {i for i in own if items[i].count > 1}
        if len(copies[0]) < 2:
            return
        box = Repeat(len(copies))
        around = _common([items[i].boxes for copy in copies for i in copy])
        for i in inside:
            if items[i].boxes[: len(around)] == around or len(items[i].boxes) <= len(around):
                items[i].boxes = (*around, box, *items[i].boxes[len(around) :])
