"""What people call things is understood: a row for each word, in a layer that uses it."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr import verify

LAYER = """
class Layer:
    def __init__(self):
        self.{weights} = np.arange(6.0).reshape(3, 2) - 2

    def {forward}(self, x):
        self.x = x
        return x @ self.{weights}

    def {backward}(self, {upstream}, {rate}):
        self.{gradient} = self.x.T @ {upstream}
        downstream = {upstream} @ self.{weights}.T
        self.{weights} = self.{weights} - {rate} * self.{gradient}
        return downstream
"""
USUAL = {
    "forward": "forward", "backward": "backward", "upstream": "d_out", "rate": "learning_rate",
    "weights": "W", "gradient": "dW",
}  # fmt: skip
WORDS = [
    ("forward", "propager"), ("forward", "feedforward"), ("forward", "propagation_avant"),
    ("backward", "backprop"), ("backward", "retropropagation"), ("backward", "bprop"),
    ("upstream", "dout"), ("upstream", "grad_output"), ("upstream", "delta"),
    ("upstream", "gradient_amont"), ("upstream", "d_L_d_out"), ("upstream", "g"),
    ("rate", "lr"), ("rate", "eta"), ("rate", "taux"), ("rate", "learn_rate"),
    ("gradient", "d_W"), ("gradient", "grad_W"), ("gradient", "W_grad"), ("gradient", "dL_dW"),
]  # fmt: skip


@pytest.mark.parametrize(("thing", "word"), WORDS)
def test_a_word_is_understood(thing, word):
    names = {"np": np}
    exec(LAYER.format(**{**USUAL, thing: word}), names)
    report = verify.layer(names["Layer"](), np.arange(12.0).reshape(4, 3) / 7)
    assert report, report
    assert set(report.entries) >= {"input", "W"}


@pytest.mark.parametrize(
    ("weights", "gradient"),
    [("poids", "dpoids"), ("weights", "d_weights"), ("weights", "dW"), ("W", "grad_weights")],
)
def test_weights_and_their_gradient_may_be_called_differently(weights, gradient):
    names = {"np": np}
    exec(LAYER.format(**{**USUAL, "weights": weights, "gradient": gradient}), names)
    report = verify.layer(names["Layer"](), np.arange(12.0).reshape(4, 3) / 7)
    assert report, report
    assert weights in report.entries
