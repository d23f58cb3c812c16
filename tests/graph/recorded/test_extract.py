"""The neutral reading of a graph."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg


def test_kinds_names_and_edges():
    w = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="W")
    x = tg.Tensor(np.ones((4, 2)), name="x")
    y = ((x @ w) * 2.0).sum(0, keepdims=True).named("y")
    graph = tg.graph.extract(y)
    assert [(v.kind, v.name or v.operation) for v in graph.vertices] == [
        ("input", "x"), ("parameter", "W"), ("operation", "matmul"), ("constant", None),
        ("operation", "multiply"), ("operation", "y"),
    ]  # fmt: skip
    assert graph.vertices[graph.output].static == {"axis": 0, "keepdims": True}
    edges = [(e.source, e.target, e.position) for e in graph.edges]
    assert edges == [(0, 2, 0), (1, 2, 1), (2, 4, 0), (3, 4, 1), (4, 5, 0)]
    assert graph.edges[0].rule is None
    assert graph.edges[1].rule == r"\bar{B} = A^{\top} \bar{Y}"


def test_a_value_used_twice_is_one_vertex_with_two_edges():
    x = tg.Tensor(2.0, requires_grad=True)
    graph = tg.graph.extract(x * x)
    assert len(graph.vertices) == 2
    assert [(e.source, e.position) for e in graph.edges] == [(0, 0), (0, 1)]


def test_static_arguments_are_named_with_their_defaults():
    x = tg.Tensor(np.ones((1, 1, 4, 4)), requires_grad=True)
    graph = tg.graph.extract(tg.max_pool2d(x, 2).reshape(2, 2)[0, 1])
    static = [v.static for v in graph.vertices if v.kind == "operation"]
    assert static[0] == {"kernel_size": 2, "stride": None, "padding": 0}
    assert static[1] == {"shape": [2, 2]}
    assert static[2] == {"index": (0, 1)}
    parts = tg.graph.extract(tg.concatenate([x, x], axis=1))
    assert parts.vertices[-1].static == {"axis": 1}
    assert len(parts.edges) == 2


def test_a_leaf_alone_is_a_graph():
    graph = tg.graph.extract(tg.Tensor(1.0, name="c"))
    assert [(v.kind, v.name) for v in graph.vertices] == [("input", "c")]


def test_a_leaf_updated_since_is_still_read_in_order():
    w = tg.Tensor([1.0], requires_grad=True, name="w")
    y = (w * w).sum()
    w.data -= 0.5
    assert [v.name or v.operation for v in tg.graph.extract(y).vertices] == ["w", "multiply", "sum"]


def test_reading_touches_no_gradient():
    x = tg.Tensor([1.0], requires_grad=True)
    y = (x * x).sum()
    tg.graph.extract(y)
    assert x.grad is None
    y.backward()
