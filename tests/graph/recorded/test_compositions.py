"""Compositions are recognised by what they compute, however written; and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.graph.recorded.compositions import compositions
from tinygrad_fr.graph.recorded.tape import Tape


def found(f, shape=(4, 3), seed=0):
    z = tg.Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True, name="z")
    tape = Tape(f(z))
    return [(c.operation, c.axis, c.input._name) for c in tape.compositions]


def plain(z, axis):
    e = tg.exp(z)
    return e / e.sum(axis, keepdims=True)


def written_twice(z, axis):
    return tg.exp(z) / tg.exp(z).sum(axis, keepdims=True)


def less_its_maximum(z, axis):
    return plain(z - z.max(axis, keepdims=True), axis)


def less_a_constant(z, axis):
    return plain(z - z.data.max(axis, keepdims=True), axis)


def transposed(z, axis):
    return plain(z.swapaxes(0, axis), 0).swapaxes(0, axis)


def times_the_inverse(z, axis):
    e = tg.exp(z)
    return e * e.sum(axis, keepdims=True) ** -1


def exp_of_the_logarithm(z, axis):
    return tg.exp(z - tg.log(tg.exp(z).sum(axis, keepdims=True)))


SOFTMAXES = [plain, written_twice, less_its_maximum, less_a_constant, transposed,
             times_the_inverse, exp_of_the_logarithm]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(2, 4), min_size=1, max_size=3), st.data(), st.sampled_from(SOFTMAXES),
    st.integers(0, 99),
)  # fmt: skip
def test_a_softmax_is_recognised_along_any_axis_in_any_spelling(shape, data, spelling, seed):
    axis = data.draw(st.integers(0, len(shape) - 1))
    f = lambda z: spelling(z, axis)
    assert found(f, shape, seed) == [("softmax", axis, "z")]


@pytest.mark.parametrize(
    ("f", "operation"),
    [
        (lambda z: z - tg.log(tg.exp(z).sum(1, keepdims=True)), "log_softmax"),
        (lambda z: tg.log(tg.exp(z).sum(1)), "logsumexp"),
        (lambda z: tg.log(tg.exp(z - z.data.max()).sum(1)) + z.data.max(), "logsumexp"),
        (lambda z: 1 / (1 + tg.exp(-z)), "sigmoid"),
        (lambda z: tg.exp(z) / (1 + tg.exp(z)), "sigmoid"),
        (lambda z: 0.5 * (1 + tg.tanh(z / 2)), "sigmoid"),
        (lambda z: (tg.exp(z) - tg.exp(-z)) / (tg.exp(z) + tg.exp(-z)), "tanh"),
        (lambda z: tg.log(1 + tg.exp(z)), "softplus"),
        (lambda z: (z - z.mean(0)) / tg.sqrt(z.var(0) + 1e-5), "standardised"),
        (lambda z: (z - z.mean(0)) * (z.var(0) + 1e-3) ** -0.5, "standardised"),
        (lambda z: (z - z.mean(0)) / tg.sqrt((z**2).mean(0) - z.mean(0) ** 2), "standardised"),
        (lambda z: (z - z.mean(0)) / tg.sqrt(((z - z.mean(0)) ** 2).mean(0) + 1), "standardised"),
    ],
)
def test_other_compositions_are_recognised(f, operation):
    assert [(name, z) for name, _axis, z in found(f)] == [(operation, "z")]


def test_a_softmax_with_a_temperature_is_that_of_the_quotient():
    f = lambda z: tg.exp(z / 3) / tg.exp(z / 3).sum(1, keepdims=True)
    assert found(f) == [("softmax", 1, None)]


@pytest.mark.parametrize(
    "f",
    [
        lambda z: tg.exp(z) / tg.exp(z).mean(1, keepdims=True),
        lambda z: tg.exp(z) / tg.exp(z).sum(),  # over all entries: no axis
        lambda z: tg.exp(z) / tg.exp(2 * z).sum(1, keepdims=True),
        lambda z: 2 * tg.exp(z) / tg.exp(z).sum(1, keepdims=True) * 3,
        lambda z: 1 / (2 + tg.exp(-z)),
        lambda z: 1 / (1 + tg.exp(-z) * tg.exp(-z)),
        lambda z: (z - z.mean(0)) / (z.std(0) + 0.1),
        lambda z: (z - z.mean(0)) / tg.sqrt(z.var(1, keepdims=True) + 1e-5),
        lambda z: z / tg.sqrt((z**2).mean(0) + 1e-5),
        # right for these values alone
        lambda z: tg.exp(z) / np.exp(z.data).sum(1, keepdims=True),
        lambda z: (z - z.data.mean(0)) / tg.sqrt(z.data.var(0) + 1e-5),
    ],
)
def test_what_is_not_one_is_not_recognised(f):
    names = {name for name, _axis, z in found(f) if z == "z"}
    assert not names & {"sigmoid", "standardised", "log_softmax", "logsumexp"}
    y = f(tg.Tensor(np.random.default_rng(0).standard_normal((4, 3)), requires_grad=True, name="z"))
    assert all(c.output is not y for c in Tape(y).compositions)


def test_the_fused_reading_computes_the_same():
    z = tg.Tensor(np.random.default_rng(1).standard_normal((4, 3)), requires_grad=True, name="z")
    tape = Tape(tg.log(less_its_maximum(z, 1).named("p")).sum())
    read = tape.folded()
    assert [read.operation(i) for i in range(len(read.nodes))] == ["", "softmax", "log", "sum"]
    assert read.names.keys() == tape.names.keys()
    np.testing.assert_allclose(read.pull()[0], tape.pull()[tape.names["z"]])
    e = tg.exp(z).named("e")
    kept = Tape(e / e.sum(1, keepdims=True))
    assert kept.folded({"e"}) is kept


def test_the_time_grows_with_the_graph_and_not_with_its_square(monkeypatch):
    def steps(n):
        x = tg.Tensor(np.ones(3), requires_grad=True)
        for _k in range(n):
            x = 1 / (1 + tg.exp(-x))
        return Tape(x).nodes

    calls = []
    module = compositions.__globals__
    plain_only_of = module["_only_of"]
    monkeypatch.setitem(module, "_only_of", lambda *a: calls.append(1) or plain_only_of(*a))
    counts = []
    for n in (10, 40):
        calls.clear()
        assert len(compositions(steps(n))) == n
        counts.append(len(calls))
    assert counts[1] < 5 * counts[0]
