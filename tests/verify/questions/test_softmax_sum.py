"""Slips in the sum inside the softmax's gradient, in a layer for batches."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr import verify

Z = np.random.default_rng(5).standard_normal((6, 4))


class Softmax:
    def __init__(self, backward):
        self.formula = backward

    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, d_p):
        return self.formula(self.p, d_p)


SLIPS = {
    "right": (lambda p, g: p * (g - (g * p).sum(1, keepdims=True)), None, ""),
    "other axis": (lambda p, g: p * (g - (g * p).sum(0, keepdims=True)), "wrong_axis",
                   "goes along axis 1, not axis 0"),
    "no axis": (lambda p, g: p * (g - (g * p).sum()), "wrong_axis", "not the axes 0, 1"),
    "mean": (lambda p, g: p * (g - (g * p).mean(1, keepdims=True)), "wrong_local_derivative",
             "you took their mean"),
    "sum of g": (lambda p, g: p * (g - g.sum(1, keepdims=True)), "wrong_local_derivative",
                 "you left the p_j out"),
    "p before one term": (lambda p, g: g - p * (g * p).sum(1, keepdims=True),
                          "wrong_local_derivative", "multiplies both terms"),
    "no p": (lambda p, g: g - (g * p).sum(1, keepdims=True), "wrong_local_derivative",
             "before the bracket is missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_inner_sum_is_named(name):
    formula, kind, words = SLIPS[name]
    entry = verify.layer(Softmax(formula), Z)["input"]
    if kind is None:
        assert entry.verdict == "correct"
    else:
        assert entry.diagnoses[0].kind == kind, entry
        assert words in entry.diagnoses[0].explanation


def test_the_shapes_are_told_with_the_least_hints():
    class Dense:
        def __init__(self):
            self.W = np.random.default_rng(0).standard_normal((4, 3))

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, d):
            self.dW = d.T @ self.x
            return d @ self.W.T

    report = verify.layer(Dense(), Z)
    assert report["W"].where == "the shape is (3, 4) instead of (4, 3)"
    assert "the shape is (3, 4)" in report.text("where")
