"""What is named does not depend on how the forward was written."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .. import networks as nets

RNG = np.random.default_rng(5)
Z, T = RNG.standard_normal((6, 4)), RNG.integers(0, 2, (6, 4)).astype(float)
Y = np.eye(4)[RNG.integers(0, 4, 6)]
P, S, U = nets.softmax(Z), nets.sigmoid(Z), RNG.standard_normal((6, 4))
DP = -Y / P / 6


def shifted(z):
    e = tg.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def transposed(z):
    e = tg.exp(z).T
    return (e / e.sum(0)).T


def layer_norm(z):
    c = z - z.mean(1, keepdims=True)
    return c / tg.sqrt((c * c).mean(1, keepdims=True) + 1e-5)


def told(f, wrong, upstream=None, name="z"):
    entry = verify.hand(f, {"z": Z}, {name: wrong}, upstream=upstream)[name]
    assert entry.verdict == "wrong"
    return [(d.kind, d.explanation) for d in entry.diagnoses]


SOFTMAX = {
    "diagonal_only": DP * P * (1 - P),
    "missing_factor": DP,
    "extra_factor": (P - Y) / 6 * P * (1 - P),
    "double_activation": (nets.softmax(P) - Y) / 6,
    "wrong_axis": (nets.softmax(Z, 0) - Y) / 6,
    "scale": P - Y,
    "sign": (Y - P) / 6,
    "missing_branch": -P * (DP * P).sum(1, keepdims=True),
    "off_by_one_class": (P - np.roll(Y, 1, 1)) / 6,
}


@pytest.mark.parametrize("kind", SOFTMAX)
@pytest.mark.parametrize("spelling", [nets.softmax, shifted, transposed], ids=lambda f: f.__name__)
def test_a_composed_softmax_gets_the_diagnoses_of_the_fused_one(kind, spelling):
    def loss(softmax):
        return lambda z: -(Y * tg.log(softmax(z).named("p"))).sum() / 6

    fused = told(loss(tg.softmax), SOFTMAX[kind])
    spelling = (
        spelling
        if spelling is not nets.softmax
        else lambda z: tg.exp(z) / tg.exp(z).sum(1, keepdims=True)
    )
    assert told(loss(spelling), SOFTMAX[kind]) == fused
    assert fused[0][0] == kind


@pytest.mark.parametrize(
    "sigmoid",
    [
        lambda z: 1 / (1 + tg.exp(-z)), lambda z: tg.exp(z) / (1 + tg.exp(z)),
        lambda z: 0.5 * (1 + tg.tanh(z / 2)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("slope", [1.0, S**2, 1 - S, (S * (1 - S)) ** 2, Z * (1 - Z)])
def test_a_composed_sigmoid_gets_the_diagnoses_of_the_fused_one(sigmoid, slope):
    wrong = 2 * (S - T) * slope
    fused = told(lambda z: ((tg.sigmoid(z) - T) ** 2).sum(), wrong)
    assert told(lambda z: ((sigmoid(z) - T) ** 2).sum(), wrong) == fused


def test_a_composed_normalisation_gets_the_diagnoses_of_the_fused_one():
    inverse = 1 / np.sqrt(Z.var(1, keepdims=True) + 1e-5)
    for wrong in ((U - U.mean(1, keepdims=True)) * inverse, U * inverse):
        composed = told(layer_norm, wrong, U)
        assert composed == told(lambda z: tg.layer_norm(z, (4,)), wrong, U)
        assert composed[0][0] == "missing_branch"


def test_what_lies_inside_a_composition_can_be_asked_for():
    def f(z):
        e = tg.exp(z).named("e")
        return -(Y * tg.log(e / e.sum(1, keepdims=True))).sum()

    e = np.exp(Z)
    truth = -Y / e + 1 / e.sum(1, keepdims=True)
    assert verify.hand(f, {"z": Z}, {"e": truth})
    assert told(f, -Y / e, name="e")[0][0] == "missing_branch"


@pytest.mark.parametrize(
    ("kind", "wrong"), [("missing_factor", 1.0), ("wrong_local_derivative", None)]
)
def test_a_slip_in_every_layer_is_one_mistake(kind, wrong):
    w = [RNG.standard_normal((4, 4)) for _k in range(2)]

    def f(z):
        return tg.tanh(tg.tanh(z @ w[0]).named("a") @ w[1]).named("b")

    a = np.tanh(Z @ w[0])
    b = np.tanh(a @ w[1])
    slopes = [1.0, 1.0] if wrong else [1 - a, 1 - b]
    dz = ((U * slopes[1]) @ w[1].T * slopes[0]) @ w[0].T
    assert told(f, dz, U)[0][0] == kind


@pytest.mark.parametrize(
    ("operation", "slope", "kind"),
    [
        (tg.softplus, S * (1 - S), "wrong_local_derivative"),
        (tg.tanh, 1 / (1 - np.tanh(Z) ** 2), "wrong_local_derivative"),
        (tg.exp, np.exp(-Z), "wrong_local_derivative"),
        (tg.sin, np.sin(Z), "wrong_local_derivative"),
    ],
)
def test_slips_in_other_derivatives(operation, slope, kind):
    assert told(lambda z: operation(z), U * slope, U)[0][0] == kind


def test_a_jacobian_shows_the_slips_of_every_operation():
    a, x = RNG.standard_normal((3, 5)), RNG.standard_normal(5)
    h = np.tanh(a @ x)
    f = lambda x: tg.tanh(a @ x)
    kinds = [
        verify.jacobian(f, x, wrong)["jacobian"].diagnoses[0].kind
        for wrong in (a, (1 - h)[:, None] * a, (1 - h**2)[:, None] ** 2 * a)
    ]
    assert kinds == ["missing_factor", "wrong_local_derivative", "extra_factor"]


def test_an_index_that_is_repeated_is_overwritten():
    i = np.array([1, 1, 4, 1])
    u = RNG.standard_normal((4, 4))
    g = np.zeros_like(Z)
    g[i] += u
    assert told(lambda z: z[i], g, u)[0][0] == "overwritten"
    assert told(lambda z: tg.embedding(i, z), g, u)[0][0] == "overwritten"
