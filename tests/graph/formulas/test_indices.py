"""Indices: shown in pictures, and written out in derivations."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.graph.formulas import text

from .. import networks
from ..deriving.test_derive import end, said

INDICES = {
    "number": (2, "x[2]"),
    "last": (-1, "x[−1]"),
    "entry": ((1, 2), "x[1, 2]"),
    "column": ((slice(None), 0), "x[:, 0]"),
    "slice": ((..., slice(1, 5, 2)), "x[..., 1:5:2]"),
    "axis": ((None, 0), "x[None, 0]"),
    "array": ([0, 2, 2], "x[[0, 2, 2]]"),
    "pairs": ((np.arange(12) % 4, [0] * 12), "x[[0, 1, 2, …, 3], [0, 0, 0, …, 0]]"),
    "mask": (np.eye(4, 5) > 0, "x[bool (4, 5)]"),
    "whole": ((), "x[()]"),
}


@pytest.mark.parametrize("name", INDICES)
def test_a_node_shows_its_index(name):
    index, shown = INDICES[name]
    x = tg.Tensor(np.ones((4, 5)), requires_grad=True, name="x")
    drawing = tg.draw(x[index].named("y"), names="tensors")
    assert f"y = {shown}: getitem" in drawing.text
    assert "index=" not in drawing.dot


def test_a_node_shows_what_it_takes():
    x = tg.Tensor(np.ones((4, 5)), requires_grad=True, name="x")
    assert "y = x[:, [1, 0]]: take" in tg.draw(x.take([1, 0], 1).named("y"), names="tensors").text
    assert "y = x[1, 2]: take" in tg.draw(x.take(7).named("y"), names="tensors").text


def test_a_number_in_an_array_is_an_index():
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    y = x[np.array(2)]
    y.backward(retain_graph=True)
    assert x.grad.data.tolist() == [0.0, 0.0, 1.0]
    assert tg.draw(y).text.splitlines()[1].startswith("y = x[2]")


def picked():
    """The loss of one example: minus the logarithm of the probability of its class."""
    x = tg.Tensor(networks.draws().standard_normal(4), name="x")
    W = tg.Tensor(networks.draws().standard_normal((4, 3)), requires_grad=True, name="W")
    t = (x @ W).named("t")
    out = (tg.exp(t) / tg.exp(t).sum()).named("out")
    yield -tg.log(out[2]), W
    yield -out[-1].log(), W
    yield -tg.log(tg.take(out, 2)), W
    yield -tg.log(t.softmax().named("out")[2]), W


@pytest.mark.parametrize("form", range(4))
def test_an_index_hands_its_gradient_to_one_entry(form):
    """dL/dout = dL/dv, a vector equal to a number, is what was printed."""
    loss, W = list(picked())[form]
    derivation = tg.derive(loss, W, names="tensors")
    assert derivation.check()
    steps, last = said(derivation), "−1" if form == 1 else "2"
    assert steps["∂L/∂out"] == [f"−onehot(2)/out[{last}]"]
    assert steps["∂L/∂t"][-1] == "out − onehot(2)"
    assert end(derivation) == "∂L/∂W = x(out − onehot(2))ᵀ"
    assert "onehot(k): 1 at the index k, counted from 0, and 0 elsewhere" in derivation.text
    assert r"\operatorname{onehot}(2)" in derivation.latex
    assert r"\operatorname{onehot}(2)" in derivation.markdown


def test_a_named_entry_is_a_step_of_its_own():
    x = tg.Tensor([0.2, 0.8], requires_grad=True, name="x")
    derivation = tg.derive(x[1].named("p").square(), x)
    assert derivation.check()
    assert said(derivation)["∂L/∂x"] == ["(∂L/∂p) onehot(1)", "2 p onehot(1)"]


PLACES = {
    "column": ((slice(None), 0), "[:, 0]"),
    "row": (1, "[1]"),
    "repeated": ([0, 0, 2], "[[0, 0, 2]]"),
    "mask": (np.eye(3, 2) > 0, "[bool (3, 2)]"),
    "shuffled": (([2, 0, 1], [0, 1, 1]), "[[2, 0, 1], [0, 1, 1]]"),
}


@pytest.mark.parametrize("name", PLACES)
def test_an_index_of_several_entries_scatters_its_gradient(name):
    index, shown = PLACES[name]
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True, name="x")
    derivation = tg.derive((x[index].named("p") * 2.0).sum(), x)
    assert derivation.check()
    assert text(derivation.definitions[0].terms[0].latex) == f"x{shown}"
    assert said(derivation)["∂L/∂x"][0] == f"scatter(∂L/∂p, {shown})"
    assert "G at the places [i], added up where one comes twice" in derivation.text
    assert "quoted" not in derivation.text


def test_one_class_for_all_examples_is_a_target_too():
    x = tg.Tensor(networks.draws().standard_normal((6, 4)), name="x")
    W = tg.Tensor(networks.draws().standard_normal((4, 3)), requires_grad=True, name="W")
    derivation = tg.derive(-tg.log((x @ W).softmax().named("p")[:, 0]).mean(), W, names="tensors")
    assert derivation.check()
    assert end(derivation) == "∂L/∂W = xᵀ (p − onehot(0))/N"
