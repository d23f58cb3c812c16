"""Cells in other shapes: states in one array, results in another order, outputs beside states."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_fr import verify

DRAW = np.random.default_rng(0).standard_normal
T, N, D, H, K = 4, 2, 3, 4, 5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Memory:
    """An LSTM's step as an object, which hands on the memory first."""

    def __init__(self):
        draw = np.random.default_rng(1).standard_normal
        for gate in "fiog":
            setattr(self, "W" + gate, draw((D + H, H)))
            setattr(self, "b" + gate, draw(H))

    def forward(self, x, h, c):
        self.v, self.before = np.concatenate([x, h], axis=1), c
        self.f = sigmoid(self.v @ self.Wf + self.bf)
        self.i = sigmoid(self.v @ self.Wi + self.bi)
        self.o = sigmoid(self.v @ self.Wo + self.bo)
        self.g = np.tanh(self.v @ self.Wg + self.bg)
        self.c = self.f * c + self.i * self.g
        self.a = np.tanh(self.c)
        self.h = self.o * self.a
        return self.c, self.h

    def backward(self, dc, dh):
        dc = dc + dh * self.o * (1 - self.a**2)
        zs = {
            "f": dc * self.before * self.f * (1 - self.f), "i": dc * self.g * self.i * (1 - self.i),
            "o": dh * self.a * self.o * (1 - self.o), "g": dc * self.i * (1 - self.g**2),
        }  # fmt: skip
        for gate, z in zs.items():
            setattr(self, "dW" + gate, self.v.T @ z)
            setattr(self, "db" + gate, z.sum(0))
        dv = sum(z @ getattr(self, "W" + gate).T for gate, z in zs.items())
        return dv[:, :D], dv[:, D:], dc * self.f


class Careless(Memory):
    def backward(self, dc, dh):
        found = super().backward(dc, dh)
        self.dWo = 7 + 0 * self.dWo
        return found


def test_weights_that_only_another_result_needs_are_judged():
    given = DRAW((T, N, D)), DRAW((N, H)), DRAW((N, H))
    report = verify.layer(Memory(), given, steps=T, repair=False)
    assert report
    assert {"Wo", "bo"} <= set(report.entries)
    wrong = verify.layer(Careless(), given, steps=T, repair=False)
    assert wrong["Wo"].verdict == "wrong"
    assert wrong.first_wrong == "Wo"


def both(x, state, W_x, W_h, b):
    h, c = state
    f, i, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)
    f, i, o, g = sigmoid(f), sigmoid(i), sigmoid(o), np.tanh(g)
    c2 = f * c + i * g
    return np.stack([o * np.tanh(c2), c2]), (x, h, c, W_x, W_h, f, i, o, g, np.tanh(c2))


def both_backward(d_state, cache):
    x, h, c, W_x, W_h, f, i, o, g, a = cache
    dh, dc = d_state
    dc = dc + dh * o * (1 - a**2)
    parts = dc * c * f * (1 - f), dc * g * i * (1 - i), dh * a * o * (1 - o), dc * i * (1 - g**2)
    dz = np.concatenate(parts, axis=-1)
    return dz @ W_x.T, np.stack([dz @ W_h.T, dc * f]), x.T @ dz, h.T @ dz, dz.sum(0)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_state_of_several_arrays_in_one_is_a_state(steps):
    given = (DRAW((steps, N, D)), DRAW((2, N, H)), DRAW((D, 4 * H)), DRAW((H, 4 * H)), DRAW(4 * H))
    report = verify.layer((both, both_backward), given, steps=steps, repair=False)
    assert report
    assert report["input"].shape == (steps, N, D)

    def without_the_gate(d_state, cache):
        dx, d_before, *rest = both_backward(d_state, cache)
        return dx, d_before / np.stack([np.ones_like(cache[5]), cache[5]]), *rest

    wrong = verify.layer((both, without_the_gate), given, steps=steps, repair=False)
    assert wrong.first_wrong == "state"


def step_with_output(x, h_prev, Wx, Wh, Why):
    h = np.tanh(x @ Wx + h_prev @ Wh)
    y = h @ Why
    return h, y, (x, h_prev, Wx, Wh, Why, h)


def backward_with_output(dh, dy, cache):
    x, h_prev, Wx, Wh, Why, h = cache
    dz = (dh + dy @ Why.T) * (1 - h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h_prev.T @ dz, h.T @ dy


def test_what_the_states_do_not_depend_on_is_not_passed_over_in_silence():
    given = DRAW((T, N, D)), DRAW((N, H)), DRAW((D, H)), DRAW((H, H)), DRAW((H, K))
    report = verify.layer((step_with_output, backward_with_output), given, steps=T, repair=False)
    judged = {name: report[name].verdict for name in report.entries}
    assert judged.pop("Why") == "inconclusive"
    assert set(judged.values()) == {"correct"}
    assert not report
