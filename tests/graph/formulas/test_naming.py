"""What values are called."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError
from tinygrad_fr.graph.formulas import text

from .. import networks


def shown(drawing):
    return drawing.text.splitlines()


def test_names_come_from_the_callers_variables():
    weights = tg.Tensor([1.0, 2.0], requires_grad=True)
    inputs = np.array([3.0, 4.0])
    score = (inputs * weights).sum()
    lines = shown(tg.draw(score))
    assert lines[0].startswith("inputs: constant")
    assert lines[1].startswith("weights: parameter")
    assert lines[-1].startswith("∂score/∂weights")


def test_a_tensors_own_name_comes_first_and_a_dict_before_it():
    x = tg.Tensor([1.0], requires_grad=True, name="w")
    assert shown(tg.draw(x * 1.0))[0].startswith("w: parameter")
    assert shown(tg.draw(x * 1.0, names={"theta": x}))[0].startswith("θ (theta): parameter")
    y = tg.Tensor([1.0], requires_grad=True)
    assert shown(tg.draw(y * 1.0, names="tensors"))[0].startswith("θ₁: parameter")
    with pytest.raises(ArgumentError, match="names is"):
        tg.draw(y, names="all")


def test_parameters_are_called_by_their_path():
    tg.manual_seed(0)
    model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.ReLU(), tg.nn.Linear(3, 1))
    out = model(np.ones((1, 2), "float32"))
    assert "W₂ (2.weight): parameter" in tg.draw(out).text
    del model
    assert "W₂ (2.weight): parameter" in tg.draw(out).text  # the layers' calls know it, too


def test_two_values_of_one_name_are_told_apart():
    x, other = (tg.Tensor(2.0, requires_grad=True, name="x") for _ in range(2))
    graph = tg.draw(x * other).text
    assert "x: parameter" in graph
    assert "x⁽²⁾ (x (2)): parameter" in graph


def test_dicts_and_lists_of_parameters_give_names():
    params = {"W1": tg.Tensor([1.0], requires_grad=True)}
    biases = [tg.Tensor([1.0], requires_grad=True)]
    drawn = tg.draw(params["W1"] + biases[0]).text
    assert "W₁ (W1)" in drawn
    assert "biases" in drawn


def test_the_output_is_the_loss():
    found = networks.fan_out()
    assert "L = ∑ᵢ v₂ᵢ" in tg.draw(found, names="tensors").text
    loss = networks.fan_out()
    assert "L = ∑ᵢ v₂ᵢ" in tg.draw(loss).text
    assert text(r"\frac{\partial L}{\partial x}") == "∂L/∂x"
