"""jacobian: what is left out of one is found in the recorded graph, through sums of its rows."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

RNG = np.random.default_rng(0)
A, x = RNG.standard_normal((3, 5)), RNG.standard_normal(5)


def layer(x):
    return tg.tanh((A @ x).named("t"))


h = np.tanh(A @ x)
WRONG = {
    "left out": (A, {"missing_factor"}),
    "1 - h": ((1 - h)[:, None] * A, {"wrong_local_derivative"}),
    "minus": (-(1 - h**2)[:, None] * A, {"sign"}),
    "function": (lambda x: A, {"missing_factor"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_one_operation_is_named(name):
    hand, kinds = WRONG[name]
    report = verify.jacobian(layer, x, hand)
    assert report["jacobian"].diagnoses[0].kind in kinds
    if "missing_factor" in kinds:
        assert report["jacobian"].diagnoses[0].detail["operation"] == "tanh"


def test_a_right_jacobian_is_right():
    assert verify.jacobian(layer, x, (1 - h**2)[:, None] * A)


def test_any_rows_of_subgradients_are_accepted():
    x = np.array([0.0, 1.0, -2.0])
    for slope in (0.0, 0.3, 1.0):
        assert verify.jacobian(tg.relu, x, np.diag([slope, 1.0, 0.0])).entries["jacobian"].verdict
    assert not verify.jacobian(tg.relu, x, np.diag([1.2, 1.0, 0.0]))


def test_what_nothing_explains_is_not_named():
    hand = (1 - h**2)[:, None] * A
    hand[1, 2] += 0.37
    report = verify.jacobian(layer, x, hand)
    assert report["jacobian"].verdict == "wrong"
    assert report["jacobian"].worst_index == (1, 2)
    assert "1 of 15 entries differs" in report["jacobian"].note
