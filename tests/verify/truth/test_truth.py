"""What is right, and how surely: comparison, subgradients of several outputs, rounded data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.graph.recorded.tape import Tape
from tinygrad_fr.report import Entry
from tinygrad_fr.verify.truth import tolerances
from tinygrad_fr.verify.truth.comparison import close, compare
from tinygrad_fr.verify.truth.subgradients import at_kinks
from tinygrad_fr.verify.truth.uncertainty import of_the_data

RNG = np.random.default_rng(0)
zeros = np.zeros(3)


@pytest.mark.parametrize(
    ("claimed", "error", "verdict"),
    [(1.0, 0.0, "correct"), (1 + 1e-7, 0.0, "correct"), (1 + 1e-5, 0.0, "wrong"),
     (1 + 1e-5, 1e-5, "inconclusive"), (np.nan, 0.0, "wrong")],
)  # fmt: skip
def test_a_gradient_is_judged_by_how_surely_the_truth_is_known(claimed, error, verdict):
    claimed, true, error = (np.array([x]) for x in (claimed, 1.0, error))
    entry = compare(Entry("x", "correct"), claimed, true, error, 1e-6, 1e-9)
    assert entry.verdict == verdict


def test_no_more_is_granted_than_the_truth_needs():
    tiny = np.array([1e-12])
    entry = compare(Entry("x", "correct"), -tiny, tiny, np.zeros(1), 1e-6, 1e-9)
    assert entry.verdict == "wrong"


def test_close_is_relative_to_the_largest_entry():
    assert close(np.array([1.0, 1e-9]), np.array([1.0, 0.0]), 1e-8)
    assert not close(np.array([1.0, np.nan]), np.array([1.0, np.nan]), 1e-8)
    assert not close(np.ones(2), np.ones(3), 1.0)


def test_several_outputs_are_judged_by_their_own_rows():
    x = np.array([0.0, 1.0])

    def outputs(z):
        return np.array([abs(z[0]) + z[1], z[0] * z[1]])

    recorded = np.array([[0.0, 1.0], [1.0, 0.0]])
    slope = np.array([[0.5, 1.0], [1.0, 0.0]])
    assert at_kinks(outputs, x, slope, recorded, RNG).accepted
    steep = np.array([[1.5, 1.0], [1.0, 0.0]])
    found = at_kinks(outputs, x, steep, recorded, RNG)
    assert found.found
    assert not found.accepted
    # The second output has no kink there: its difference is a mistake.
    wrong = np.array([[0.5, 1.0], [1.5, 0.0]])
    assert not at_kinks(outputs, x, wrong, recorded, RNG).found


def test_a_gradient_that_pays_every_tied_maximum_is_no_subgradient():
    x, recorded = np.ones(2), np.array([1.0, 0.0])
    assert at_kinks(np.max, x, np.array([0.5, 0.5]), recorded, RNG).accepted
    assert not at_kinks(np.max, x, np.array([1.0, 1.0]), recorded, RNG).accepted


def test_the_last_digits_of_the_data_scale_with_what_cancels():
    for size in (1.0, 1e-12):
        x = tg.Tensor(np.array([3.0, 4.0]), requires_grad=True, name="x")
        y = ((x - np.array([3.0, 4.0])) ** 2).sum() * size
        error = of_the_data(Tape(y), "x", np.ones(())).max()
        assert 1e-16 * size < error < 1e-13 * size


def test_every_tolerance_has_a_sentence():
    text = Path(tolerances.__file__).read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.match(r"[A-Z_, ]+ = ", line):
            before = text[: text.index(line)].rstrip("\n").splitlines()[-1]
            assert "#" in line or before.startswith("#"), line


# --- away from kinks nothing is excused --------------------------------------------------------

SLOPES = {
    "relu": (tg.relu, lambda x: x > 0, lambda x: np.maximum(x, 0)),
    "abs": (tg.abs, np.sign, np.abs),
    "leaky_relu": (
        tg.leaky_relu, lambda x: np.where(x > 0, 1, 0.01), lambda x: np.maximum(x, 0.01 * x),
    ),
    "elu": (
        tg.elu, lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    ),
    "step": (tg.step, np.zeros_like, lambda x: (x >= 0) * 1.0),
}  # fmt: skip
WRONG = {"left out": lambda slope: 1.0 + 0 * slope, "turned": lambda slope: -1.0 * slope}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_slope_is_wrong_where_there_is_no_kink(name, wrong):
    function, slope, plain = SLOPES[name]
    X = np.random.default_rng(0).normal(size=(4, 6))

    class Layer:
        def forward(self, x):
            self.x = x
            return plain(x)

        def backward(self, d_out):
            return d_out * WRONG[wrong](slope(self.x))

    right = np.array_equal(WRONG[wrong](slope(X)), slope(X))
    for reference in (None, function):
        entry = verify.layer(Layer(), X, reference=reference)["input"]
        assert (entry.verdict == "correct") if right else (entry.verdict == "wrong")
    upstream = np.random.default_rng(1).normal(size=X.shape)
    report = verify.hand(
        function, {"x": X}, {"x": upstream * WRONG[wrong](slope(X))}, upstream=upstream
    )
    assert (report["x"].verdict == "correct") if right else (report["x"].verdict == "wrong")
