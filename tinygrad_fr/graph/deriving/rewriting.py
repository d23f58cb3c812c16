"""A graph made ready for a derivation: fused losses written out, a composed softmax recognised."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...autograd.modes import switch
from ...autograd.operation import registry
from ...autograd.tensor import Tensor
from ...kernels import Array
from ...ops.losses import reduced
from ..formulas import symbol
from ..formulas.letters import Near, with_letters
from ..recorded.compositions import compositions
from ..recorded.expansion import EXPANSIONS
from ..recorded.extract import Edge, Graph, Vertex, extract
from ..recorded.replay import Function, replay


def _kl_divergence(p: Any, q: Any, reduction: str = "mean", axis: int = -1) -> Any:
    """The sum of p ln p, which is a number per distribution, less that of p ln q."""
    p = np.asarray(p._array if isinstance(p, Tensor) else p)
    entropy = (p * np.log(np.where(p > 0, p, 1))).sum(axis)
    crossed = -(p * q.log()).sum(axis)
    return reduced(crossed + entropy if entropy.any() else crossed, reduction, float(crossed.size))


def _normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """As one divides by a spread by hand: mean, what is centred, root of the mean square."""
    centred = (x - x.mean(axes, keepdims=True).named("mu")).named("c")
    spread = ((centred**2).mean(axes, keepdims=True) + eps).sqrt().named("s")
    return (centred / spread).named("x_hat")


def _scaled(y: Any, weight: Any, bias: Any, shape: Any) -> Any:
    y = y if weight is None else y * (weight if shape is None else weight.reshape(shape))
    return y if bias is None else y + (bias if shape is None else bias.reshape(shape))


def _batch_norm(x: Any, running_mean: Any, running_var: Any, weight: Any = None,
                bias: Any = None, training: bool = False, momentum: float = 0.1,
                eps: float = 1e-5) -> Any:  # fmt: skip
    """Batch norm; in evaluation with given statistics."""
    shape = (-1,) + (1,) * (x.ndim - 2) if x.ndim > 2 else None
    if training:
        return _scaled(_normalised(x, (0, *range(2, x.ndim)), eps), weight, bias, shape)
    mean, variance = (np.array(a, x.dtype) for a in (running_mean, running_var))
    spread = np.sqrt(variance + x.dtype.type(eps)).reshape(shape or -1)
    return _scaled((x - mean.reshape(shape or -1)) / spread, weight, bias, shape)


def _layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
                eps: float = 1e-5) -> Any:  # fmt: skip
    n = len(normalized_shape) if np.ndim(normalized_shape) else 1
    return _scaled(_normalised(x, tuple(range(-n, 0)), eps), weight, bias, None)


def _var(
    x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0, correction: int | None = None
) -> Any:
    ddof = ddof if correction is None else correction
    centred = (x - x.mean(axis, keepdims=True).named("mu")).named("c")
    squares = (centred**2).sum(axis, keepdims=keepdims)
    return squares / float(x.size // max(squares.size, 1) - ddof)


# Written out for a derivation; layers such as conv2d stay one step.
WRITTEN = ["cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
LOSSES: dict[str, Callable[..., Any]] = {
    "kl_divergence": _kl_divergence,
    **{name: EXPANSIONS[name] for name in [*WRITTEN, "mse_loss"]},
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "var": _var,
    "std": lambda x, *args, **kwargs: _var(x, *args, **kwargs).sqrt(),
}


def expanded(graph: Graph) -> tuple[Graph, dict[int, Tensor]]:
    """The graph with fused losses written out, and its new Tensors by the id of the old ones.

    What lies before a loss stays as it was recorded; only what follows it is computed again.
    """
    nodes: list[Any] = [v.tensor for v in graph.vertices if v.kind == "operation"]
    losses: dict[int, Function] = {
        id(node): LOSSES[node._op.name]
        for node in nodes
        if node._op.name in LOSSES and _can_be_written(node)
    }
    new: dict[int, Any] = {}
    with switch(recording=True):
        replay(nodes, new, losses)
    output = graph.vertices[graph.output].tensor
    if not new or output is None:
        return graph, {}
    return extract(new.get(id(output), output)), new


def _can_be_written(node: Any) -> bool:
    """Whether it is the same written out: all but a square error are cut off at their targets.

    A spread of 0 has the derivative 0 as one operation, and none as a root.
    """
    name = node._op.name
    if name in ("batch_norm", "layer_norm", "mse_loss", "var", "std"):
        return name != "std" or bool((node._array > 0).all())
    targets = node._inputs[0 if name == "kl_divergence" else 1]
    return not getattr(targets, "_requires_grad", False)


def recognised(graph: Graph, keep: int) -> Graph:
    """The graph with a softmax or sigmoid that was written out as one operation.

    Not where a part is used elsewhere, too, or is the value ``keep``.
    """
    vertices, added = list(graph.vertices), list[Edge]()
    gone: set[int] = set()  # the vertices whose edges are left out
    ids = {id(vertex.tensor): vertex.id for vertex in graph.vertices if vertex.tensor is not None}
    for found in compositions([v.tensor for v in graph.vertices if v.tensor is not None]):
        if found.operation not in ("softmax", "sigmoid"):
            continue
        z, y, parts = ids[id(found.input)], ids[id(found.output)], {ids[id(x)] for x in found.inner}
        users = {graph.edges[n].target for part in parts for n in graph.leaving[part]}
        if keep in parts or not users <= {*parts, y}:
            continue
        with switch(recording=True):  # its rule is that of one operation, too
            made = registry[found.operation].function(found.input, **found.arguments)
        vertices[y] = replace(
            vertices[y], operation=found.operation, static=found.arguments, tensor=made
        )
        gone |= {y, *parts}
        added.append(Edge(z, y, 0, found.operation))
    edges = (edge for edge in graph.edges if edge.target not in gone)
    return Graph(tuple(vertices), (*edges, *added), graph.output)


def lettered(graph: Graph, names: Mapping[int, str]) -> tuple[Graph, dict[int, str]]:
    """The graph and its names, with the course's letters where there are none; N for a count."""
    return _with_counts(graph, with_letters(graph, names, as_recorded=False), Near(graph))


def unsigned(graph: Graph, names: Mapping[int, str]) -> Graph:
    """The graph with the array -y of ``-y * log(a)``, which NumPy computed, as minus y."""
    near = Near(graph)
    vertices, edges = list(graph.vertices), list(graph.edges)
    for vertex in graph.vertices:
        if vertex.kind not in ("constant", "input") or vertex.id in names or not vertex.shape:
            continue
        below_zero = (vertex.value <= 0).all() and (vertex.value < 0).any()
        if below_zero and near.weighed_logarithms(vertex.id):
            y = Vertex(len(vertices), "constant", -vertex.value)
            vertices[vertex.id] = replace(vertex, kind="operation", operation="negative")
            vertices.append(y)
            edges.append(Edge(y.id, vertex.id, 0))
    return Graph(tuple(vertices), tuple(edges), graph.output)


SMALL = 1e-2  # what is added below a root to keep it from 0


def _with_counts(graph: Graph, names: dict[int, str], near: Near) -> tuple[Graph, dict[int, str]]:
    """N for the number of examples, and y for picked classes, where the letters are free."""
    vertices = list(graph.vertices)
    examples = _examples(graph, near)
    free_n = "N" not in names.values() and examples > 1
    picked = (v.id for v in graph.vertices if v.operation == "getitem")
    picks = {i: n for n, i in enumerate(picked, 1)}
    free_y = "y" not in names.values() and len(picks) == 1
    for vertex in graph.vertices:
        if vertex.operation == "mean" and free_n:
            size = vertices[near.inputs[vertex.id][0]].value.size // max(vertex.value.size, 1)
            over_examples = vertex.value.size == 1 or vertex.static.get("axis") in (0, (0,))
            if size == examples and over_examples:
                vertices[vertex.id] = replace(vertex, static={**vertex.static, "letter": "N"})
        elif vertex.operation == "getitem":
            letter = "y" if free_y else rf"\mathbf{{1}}_{{c_{{{picks[vertex.id]}}}}}"
            vertices[vertex.id] = replace(vertex, static={**vertex.static, "letter": letter})
        elif vertex.kind == "constant" and not vertex.shape and free_n:
            single = all(vertices[user].value.size == 1 for user in near.users[vertex.id])
            divides = single and near.used_by(vertex.id) == {"divide"}
            if divides and vertex.value == examples and vertex.id not in names:
                names[vertex.id] = "N"
        elif vertex.operation == "exp" and "e" in names.values():
            vertices[vertex.id] = replace(vertex, static={**vertex.static, "letter": "exp"})
        if vertex.kind == "constant" and not vertex.shape and vertex.id not in names:
            roots = [near.used_by(user) for user in near.users[vertex.id]]
            if 0 < vertex.value < SMALL and {"sqrt"} in roots:
                names[vertex.id] = "epsilon"
    return Graph(tuple(vertices), graph.edges, graph.output), names


def _examples(graph: Graph, near: Near) -> int:
    """The length of the first axis of what enters the loss: the examples of a batch."""
    here = graph.output
    for _step in range(50):
        vertex = graph.vertices[here]
        if len(vertex.shape) >= 2:
            return int(vertex.shape[0])
        differentiated = [i for i in near.inputs[here] if graph.vertices[i].requires_grad]
        if not differentiated:
            break
        here = max(differentiated, key=lambda i: graph.vertices[i].value.ndim)
    return 0


def complements(graph: Graph, names: Mapping[int, str]) -> dict[int, str]:
    """The symbol ``(1 - y)`` for an array without a name of which 1 - y gives every entry."""
    arrays = [
        v for v in graph.vertices
        if v.kind in ("constant", "input") and v.value.size > 1 and v.value.dtype.kind in "biuf"
    ]  # fmt: skip
    named = {_content(1 - v.value): names[v.id] for v in arrays if v.id in names}
    return {
        v.id: rf"\left(1 - {symbol(named[_content(v.value)])}\right)"
        for v in arrays
        if v.id not in names and _content(v.value) in named
    }


def _content(array: Array) -> tuple[Any, bytes]:
    """What tells whether two arrays are equal; -0 is 0."""
    return array.shape, (np.asarray(array, float) + 0.0).tobytes()
