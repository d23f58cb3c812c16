"""The course's letters for values that nobody has named, the same in pictures and derivations."""

import itertools
from collections.abc import Mapping

from ..recorded.compositions import compositions
from ..recorded.extract import Graph, Vertex
from . import symbol

MOST = 200  # values: in a larger graph nothing that was written out is looked for
PARTS = ("mu", "c", "s", "x_hat")  # of a normalisation
LETTERS = {
    **dict.fromkeys(("relu", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus"), "a"),
    **dict.fromkeys(("linear", "conv2d", "conv1d"), "z"),
}


def with_letters(
    graph: Graph, names: Mapping[int, str], as_recorded: bool = True
) -> dict[int, str]:
    """Names, with the course's letters where there are none.

    z for what a layer computes before its activation, a for an activation, y_hat for the
    probabilities that enter the loss, y for their targets. In a graph ``as_recorded`` a softmax or
    sigmoid may have been written out.
    """
    near = Near(graph)
    if as_recorded:
        near.operation |= _recognised(graph)
    letters: dict[int, str] = {}
    for vertex in graph.vertices:
        if vertex.id not in names and vertex.id != graph.output:
            letter = _letter(vertex, near)
            if letter:
                letters[vertex.id] = letter
    found = dict(names)
    taken = {symbol(name) for name in names.values()}
    for letter in dict.fromkeys(letters.values()):
        those = [i for i, own in letters.items() if own == letter]
        if len(those) == 1 and symbol(letter) not in taken:
            found[those[0]] = letter
            continue
        numbers = (n for n in itertools.count(1) if symbol(f"{letter}{n}") not in taken)
        found |= {i: f"{letter}{n}" for i, n in zip(those, numbers, strict=False)}
    return found


def _recognised(graph: Graph) -> dict[int, str]:
    """A softmax or sigmoid that was written out, by its last value."""
    nodes = [v.tensor for v in graph.vertices if v.tensor is not None]
    if len(nodes) > MOST:
        return {}
    ids = {id(node): v.id for v in graph.vertices if (node := v.tensor) is not None}
    return {
        ids[id(found.output)]: found.operation
        for found in compositions(nodes)
        if found.operation in ("softmax", "sigmoid") and id(found.output) in ids
    }


class Near:
    """What each value is made of, and what it is used for."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.operation = {v.id: v.operation for v in graph.vertices}
        self.inputs = {v.id: list(graph.inputs(v.id).values()) for v in graph.vertices}
        self.users = {
            i: [graph.edges[n].target for n in edges] for i, edges in graph.leaving.items()
        }

    def made_of(self, i: int) -> set[str | None]:
        """The operations that made what a value is made of."""
        return {self.operation[x] for x in self.inputs[i]}

    def used_by(self, i: int) -> set[str | None]:
        """The operations that use it."""
        return {self.operation[u] for u in self.users[i]}

    def weighed_logarithms(self, i: int) -> list[int]:
        """The products of a value and a logarithm."""
        products = [u for u in self.users[i] if self.operation[u] == "multiply"]
        return [u for u in products if self.made_of(u) & {"log", "log_softmax"}]


def _letter(vertex: Vertex, near: Near) -> str:
    own, into = vertex.operation, near.used_by(vertex.id)
    if vertex.name in PARTS:
        return str(vertex.name)
    if own in ("softmax", "sigmoid"):
        return "y_hat" if "log" in into and into <= {"log", "subtract"} else "a"
    if own == "matmul":
        return "z" if into - {"add"} else ""
    if own == "add":
        return "z" if "matmul" in near.made_of(vertex.id) else ""
    if own in ("batch_norm", "layer_norm"):
        return "x_hat" if len(near.inputs[vertex.id]) == 1 else ""
    if vertex.kind == "constant" and vertex.shape and not (vertex.value < 0).any():
        negated = [u for u in near.users[vertex.id] if near.operation[u] == "negative"]
        weighs = [u for i in (vertex.id, *negated) for u in near.weighed_logarithms(i)]
        inner = {made for u in weighs for y in near.inputs[u] for made in near.made_of(y)}
        return "y" if weighs and "subtract" not in inner else ""
    return LETTERS.get(own or "", "")
