"""Long gradients get letters: the result is one formula whose parts are defined above it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.graph.deriving.typesetting import parts
from tinygrad_fr.graph.formulas import text

from .. import networks

LABELS = np.array([0, 1, 1, 0])


def tensor(*shape, name=None, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return tg.Tensor(values, requires_grad=True, name=name)


def deep(depth, activation="tanh"):
    """Layers of 5 units, and the weight of the first."""
    h, sizes = tensor(4, 3, name="x"), [3, *[5] * (depth - 1), 2]
    weights = [
        tensor(m, n, name=f"W{k}", seed=k) for k, (m, n) in enumerate(itertools.pairwise(sizes), 1)
    ]
    for weight in weights:
        h = h @ weight
        h = h if weight is weights[-1] else getattr(h, activation)()
    return tg.cross_entropy(h, LABELS), weights[0]


def recurrent():
    w, v, h = tensor(3, 4, name="W"), tensor(4, 4, name="V", seed=1), tg.Tensor(np.zeros((4, 4)))
    for t in range(3):
        h = (tg.Tensor(np.ones((4, 3)) * t, name=f"x{t}") @ w + h @ v).tanh()
    return tg.cross_entropy(h @ tensor(4, 2, name="U", seed=2), LABELS), v


def residual():
    h, w = tensor(4, 3, name="x"), tensor(3, 3, name="W")
    for _ in range(3):
        h = h + (h @ w).relu() @ tensor(3, 3, seed=5)
    return tg.cross_entropy(h @ tensor(3, 2, seed=6), LABELS), w


def photograph():
    loss = networks.course_cnn()
    parameters = (v for v in tg.graph.extract(loss).vertices if v.kind == "parameter")
    return loss, next(parameters).tensor


NETWORKS = {
    **{f"{act} {n}": (lambda n=n, act=act: deep(n, act))
       for n in (2, 3, 6, 40) for act in ("tanh", "relu", "gelu")},
    "recurrent": recurrent, "residual": residual, "photograph": photograph,
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_result_names_no_gradient_that_it_does_not_define(name):
    derivation = tg.derive(*NETWORKS[name](), names="tensors")
    assert derivation.check()
    known = {letter for line in derivation.steps if (letter := line.letter)}
    for line in (derivation.result, *(line for _number, line in parts(derivation))):
        assert "∂" not in text(line.terms[-1].tree)
        assert set(re.findall(r"\\delta_\{\d+\}", line.terms[-1].latex)) <= known
    assert "from step" not in derivation.text


def test_the_layers_of_a_deep_network_read_alike():
    derivation = tg.derive(*deep(6), names="tensors")
    letters = {text(line.letter): text(line.terms[-1].tree) for line in derivation.steps}
    assert text(derivation.result.terms[-1].tree) == "xᵀ δ₁"
    assert letters["δ₅"] == "((ŷ − y) W₆ᵀ) ⊙ (1 − a₅²)/N"
    for k, m in ("₁₂", "₂₃", "₃₄", "₄₅"):
        assert letters[f"δ{k}"] == f"(δ{m} W{m}ᵀ) ⊙ (1 − a{k}²)"
    assert "=: δ₁" in derivation.text
    assert "δ₁ = (δ₂ W₂ᵀ) ⊙ (1 − a₁²)    (12)" in derivation.text


def test_a_short_result_needs_no_letters():
    derivation = tg.derive(*deep(2), names="tensors")
    assert not any(line.letter for line in derivation.steps)
    assert "δᵢⱼ" in derivation.text  # Kronecker's


def test_delta_means_one_thing_only():
    assert "([i = j] − ŷⱼ)" in tg.derive(*deep(6), names="tensors").text
    w = tensor(3, 3, name="delta")
    h = tensor(4, 3) @ w
    for k in range(6):
        h = (h @ tensor(3, 3, seed=k)).tanh()
    derivation = tg.derive(h.sum(), w, names="tensors")
    assert derivation.check()
    assert "=: Δ" in derivation.text
    assert "=: δ" not in derivation.text


def test_of_many_parts_the_last_are_written_again():
    written = tg.derive(*deep(40), names="tensors").text
    assert written.count("\n    δ") == 12
    assert "and so on up to δ₃₉" in written


# --- indices ---------------------------------------------------------------------------------


def test_a_value_called_i_is_no_index():
    i, k = tensor(3, 3, name="i"), tensor(3, name="k", seed=1)
    derivation = tg.derive((i * k).softmax(axis=1).log().sum(), k, names="tensors")
    assert derivation.check()
    assert "∑ᵢ" not in derivation.text
    assert "∑ₖ" not in derivation.text


def test_a_sum_within_a_sum_has_a_letter_of_its_own():
    x = tensor(4, 3, name="x")
    loss = ((x - x.mean(0)) / ((x - x.mean(0)) ** 2).sum(0).sqrt()).tanh().sum()
    derivation = tg.derive(loss, x, names="tensors")
    assert derivation.check()
    for line in derivation.steps:
        for member in line.terms:
            inner = [m.span() for m in re.finditer(r"∑ᵢ", text(member.tree))]
            assert not re.search(r"∑ᵢ\[[^\]]*∑ᵢ", text(member.tree)), inner


def test_classes_and_examples_have_different_letters_in_a_line():
    x, w = tensor(4, 3, name="x"), tensor(3, 2, name="W")
    picked = (x @ w).softmax()[np.arange(4), LABELS]
    line = tg.derive(-picked.log().mean(), w, names="tensors").steps[1]
    assert "∑ⱼ" in text(line.terms[1].tree)
    assert text(line.local) == "∂aₚ/∂z_q = aₚ(δ_pq − a_q)"


def test_what_the_formulas_name_is_given():
    x, w = tensor(4, 3, name="x"), tensor(3, 2, name="W")
    picked = (x @ w).softmax()[np.arange(4), LABELS]
    written = tg.derive(-picked.log().mean(), w, names="tensors").text
    assert "N : the number of examples, 4" in written
    assert "y : the class of each row, one-hot" in written
