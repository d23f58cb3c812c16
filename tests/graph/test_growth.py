"""Graphs of many operations: drawing, words and derivation cost what their size is, or say no."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, ShapeError
from tinygrad_fr.graph.drawing import rendering
from tinygrad_fr.graph.formulas import parse
from tinygrad_fr.graph.recorded.extract import extract
from tinygrad_fr.graph.recorded.flow import flow


def calls(program, *args):
    """How many functions a program calls, Python's own and those in C."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    parse.cache_clear()
    sys.setprofile(note)
    try:
        program(*args)
    finally:
        sys.setprofile(None)
    return count


def chain(n):
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    steps = (tg.sin, tg.cos, tg.tanh, lambda y: y * 0.5, lambda y: -y)
    y = x
    for k in np.random.default_rng(0).integers(0, len(steps), n):
        y = steps[k](y)
    return y, x


def equal_steps(n):
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for _step in range(n):
        y = y * 1.0001
    return y, x


def used_often(n):
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    return sum(x * float(k) for k in range(n)), x


def joined(n):
    xs = [tg.Tensor(float(k), requires_grad=True, name="x") for k in range(n)]
    return tg.stack(xs).sum(), xs[0]


def rows(n):
    x = tg.Tensor(np.ones((n, 2)), requires_grad=True, name="x")
    return sum(row.sum() for row in x), x


def recurrent(n):
    rng = np.random.default_rng(0)
    w = tg.Tensor(rng.normal(size=(2, 2)), requires_grad=True, name="W")
    h = tg.Tensor(np.zeros((1, 2)))
    for _step in range(n // 2):
        h = tg.tanh(h @ w + rng.normal(size=(1, 2)))
    return (h * h).sum(), w


def sigmoids(n):
    xs = [tg.Tensor(np.array([0.1, 0.2]), requires_grad=True) for _k in range(n // 4)]
    return sum((x.sigmoid() * (1 - x.sigmoid())).sum() for x in xs), xs[0]


PROGRAMS = [chain, equal_steps, used_often, joined, rows, recurrent, sigmoids]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_twice_the_operations_are_twice_the_calls(program):
    def described(n):
        y, _x = program(n)
        return tg.draw(y, names="tensors").text

    def derived(n):
        y, x = program(n)
        return tg.derive(y, x, names="tensors").text

    for verb in (described, derived):
        verb(20)
        assert calls(verb, 400) < 2.3 * calls(verb, 200)


def test_the_gradients_of_many_rows_are_written_out_one_by_one():
    x = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    graph = extract(sum((row * row).sum() for row in x) + x.sum())
    found = flow(graph)
    np.testing.assert_array_equal(found.upstream[graph.edges[0].source], 2 * x.data + 1)
    parts = [found.downstream[n] for n in graph.leaving[graph.edges[0].source]]
    np.testing.assert_array_equal(sum(parts), 2 * x.data + 1)


@pytest.mark.parametrize("program", [chain, joined], ids=lambda f: f.__name__)
def test_twenty_thousand_operations_are_said_and_not_painted(program):
    y, x = program(20_000)
    drawing = tg.draw(y, names="tensors")
    assert len(drawing.text.splitlines()) > 20_000
    for asked in (lambda: drawing.svg, lambda: drawing.save("x.png"), lambda: tg.replay(y)):
        with pytest.raises(rendering.RenderingError, match=r"at most 3000.*inner Tensor.*depth"):
            asked()
    said = drawing._repr_mimebundle_()["text/plain"].splitlines()
    assert len(said) < 300
    assert "at most 3000" in said[0]
    if program is chain:
        with pytest.raises(ArgumentError, match=r"at most 10000.*inner Tensor"):
            tg.derive(y, x)


def test_a_long_chain_of_one_operation_is_still_painted_once(tmp_path):
    y, _x = equal_steps(20_000)
    assert "20000 times the same block" in tg.draw(y).text or tg.draw(y).dot.count("->") < 10


def test_the_graph_of_twenty_thousand_operations_can_be_read_and_copied():
    y, _x = chain(20_000)
    graph = extract(y)
    assert len(graph.vertices) > 20_000
    assert copy.copy(graph).output == graph.output


def test_an_error_after_many_operations_carries_its_graph_and_stays_short():
    xs = [tg.Tensor(np.ones(2), requires_grad=True) * 2.0 for _k in range(5_000)]
    with pytest.raises(ShapeError) as caught:
        tg.stack([*xs, tg.Tensor(np.ones(3))])
    assert len(str(caught.value)) < 300
    assert len(extract(caught.value).vertices) > 10_000


def test_many_values_of_one_name_are_numbered():
    y, _x = joined(400)
    text = tg.draw(y, names="tensors").text
    assert "(x (400))" in text
    assert "(x (401))" not in text
