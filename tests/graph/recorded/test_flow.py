"""Gradients for pictures: computed apart from ``.grad``, for every vertex and edge."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.graph import extract
from tinygrad_fr.graph.recorded.flow import flow, local

from .. import networks


@pytest.mark.parametrize("build", networks.ALL, ids=lambda f: f.__name__)
def test_upstream_gradients_are_those_of_the_backward_pass(build):
    output = build()
    graph = extract(output)
    found = flow(graph)
    vertices = [v for v in graph.vertices if v.requires_grad]
    truth = tg.gradients(output, [v.tensor for v in vertices], retain_graph=True)
    for vertex, g in zip(vertices, truth, strict=True):
        np.testing.assert_allclose(found.upstream[vertex.id], g.data, rtol=1e-5, atol=1e-12)
        assert vertex.tensor.grad is None
    for vertex in vertices:  # a gradient is the sum of the contributions
        parts = [found.downstream[n] for n in graph.leaving[vertex.id] if n in found.downstream]
        if parts:
            np.testing.assert_allclose(sum(parts), found.upstream[vertex.id], rtol=1e-5)


def test_both_uses_of_a_square_contribute():
    x = tg.Tensor(3.0, requires_grad=True)
    found = flow(extract(x * x))
    assert found.downstream == {0: 3.0, 1: 3.0}
    assert found.upstream[0] == 6.0


def test_a_gradient_that_is_not_computed_is_not_zero():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = tg.Tensor([1.0, 2.0], requires_grad=True)
    graph = extract((x * 0.0 + y.data).sum())
    found = flow(graph)
    assert (found.upstream[0] == 0).all()
    assert not any(v.tensor is y for v in graph.vertices)
    constants = [v.id for v in graph.vertices if v.kind == "constant"]
    assert constants
    assert not set(constants) & set(found.upstream)


def test_local_derivatives_are_shown_where_they_act_entry_by_entry():
    x = tg.Tensor([1.0, -2.0, 3.0], requires_grad=True)
    graph = extract(x.relu())
    np.testing.assert_array_equal(local(graph, graph.edges[0]), [1, 0, 1])
    graph = extract(x.softmax())
    assert local(graph, graph.edges[0]) is None
    graph = extract(x.sum())
    assert local(graph, graph.edges[0]) is None
