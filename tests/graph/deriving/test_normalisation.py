"""Batch and layer norm are derived, from mean and spread to the known closed form."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.graph.formulas import text


def tensor(*shape, name=None, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return tg.Tensor(values, requires_grad=True, name=name)


def batch(x, training=True, **parameters):
    n = x.shape[1]
    return tg.batch_norm(x, np.zeros(n), np.ones(n), training=training, **parameters)


def scaled(n):
    return {"weight": tensor(n, name="gamma", seed=1), "bias": tensor(n, name="beta", seed=2)}


NORMS = {
    "batch": (lambda x: batch(x, **scaled(2)), (4, 2)),
    "batch, bare": (batch, (4, 2)),
    "batch of images": (lambda x: batch(x, **scaled(2)), (3, 2, 4, 4)),
    "batch of sequences": (lambda x: batch(x, **scaled(2)), (3, 2, 5)),
    "layer": (lambda x: tg.layer_norm(x, 3, **scaled(3)), (4, 3)),
    "layer, bare": (lambda x: tg.layer_norm(x, 3), (4, 3)),
    "layer of several axes": (lambda x: tg.layer_norm(x, (3, 4)), (2, 3, 4)),
    "two": (lambda x: tg.layer_norm(tg.layer_norm(x, 3).tanh(), 3), (4, 3)),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_normalisation_is_derived_and_not_quoted(name):
    f, shape = NORMS[name]
    x = tensor(*shape, name="x")
    loss = (f(x).tanh() * tensor(*shape, name="w", seed=3)).sum()
    for vertex in tg.graph.extract(loss).vertices:
        if vertex.kind == "parameter":
            derivation = tg.derive(loss, vertex.tensor, names="tensors")
            assert derivation.check(), derivation.text
            assert "quoted" not in derivation.text
            assert "norm" not in derivation.text


def test_the_closed_form_of_a_batch_norm():
    x, u = tensor(4, 2, name="x"), tensor(2, 2, name="U")
    derivation = tg.derive((batch(x) @ u).tanh().square().sum(), x, names="tensors")
    assert derivation.check()
    last = text(derivation.result.terms[-1].tree)
    assert last == "(δ₁ Uᵀ − (1/N) ∑ᵢ[δ₁ Uᵀ]ᵢⱼ − x̂ ⊙ (∑ᵢ[(δ₁ Uᵀ) ⊙ x̂]ᵢⱼ)/N)/s"
    assert "because ∑ᵢ cᵢⱼ = 0 and c/s = x̂" in derivation.text
    for line in ("μ = (1/N) ∑ᵢ xᵢⱼ", "c = x − μ", "s = √((1/N) ∑ᵢ cᵢⱼ² + ϵ)", "x̂ = c/s"):
        assert line in derivation.text


def test_given_statistics_are_numbers():
    x = tensor(4, 2, name="x")
    derivation = tg.derive((batch(x, False, **scaled(2)) ** 2).sum(), x, names="tensors")
    assert derivation.check()
    assert text(derivation.result.terms[-1].tree).endswith("⊙ γ)/c₂")


def test_names_outlive_what_is_written_out():
    x = tensor(4, 2, name="x")
    y = batch(x).named("y")
    loss = (y * y).named("h").sum()
    derivation = tg.derive(loss, x)
    assert derivation.check()
    assert "h = y ⊙ y" in derivation.text


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1, "ddof": 1}, {"correction": 1}])
def test_a_variance_is_derived(name, options):
    x = tensor(4, 3, name="x")
    derivation = tg.derive((getattr(x, name)(**options) ** 2).sum(), x, names="tensors")
    assert derivation.check()
    assert "quoted" not in derivation.text


def test_a_spread_of_zero_stays_one_operation():
    x = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    assert tg.derive(x.std().sum(), x, names="tensors").check()
