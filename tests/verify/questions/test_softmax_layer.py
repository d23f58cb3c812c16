"""The softmax layer of document 000 in plain NumPy, with one more mistake: it, and it alone, is
named, though the recipe (the one entry of dL/dout that is not zero) is judged under a dense one."""

from __future__ import annotations

import linecache

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

X = np.random.default_rng(1).standard_normal((6, 6, 2))
ONE = np.array([0, 0, -3.0, 0, 0])


class Recipe:
    """Right for an upstream gradient with one entry that is not zero; steps to be overridden."""

    def __init__(self, inputs=72, nodes=5):
        rng = np.random.default_rng(2)
        self.w = rng.standard_normal((inputs, nodes)) / np.sqrt(inputs)
        self.b = 0.1 * rng.standard_normal(nodes)

    def forward(self, input):
        self.last_input_shape = input.shape
        self.last_input = input.flatten()
        self.t = self.last_input @ self.w + self.b
        return np.exp(self.t) / np.exp(self.t).sum()

    def backprop(self, d_L_d_out, learn_rate):
        for i, gradient in enumerate(d_L_d_out):
            if gradient == 0:
                continue
            d_t = self.d_t(gradient, np.exp(self.t), np.exp(self.t).sum(), i)
            return self.update(d_t, self.d_w(d_t), self.d_b(d_t), learn_rate)
        return None

    def d_t(self, gradient, e, S, i):
        d_out_d_t = -e[i] * e / S**2
        d_out_d_t[i] = e[i] * (S - e[i]) / S**2
        return gradient * d_out_d_t

    def d_w(self, d_t):
        return np.outer(self.last_input, d_t)

    def d_b(self, d_t):
        return d_t

    def d_input(self, d_t):
        return (self.w @ d_t).reshape(self.last_input_shape)

    def update(self, d_t, d_w, d_b, learn_rate):
        d_input = self.d_input(d_t)
        self.w -= learn_rate * d_w
        self.b -= learn_rate * d_b
        return d_input


class AscentOfW(Recipe):
    def update(self, d_t, d_w, d_b, learn_rate):
        return super().update(d_t, -d_w, d_b, learn_rate)


class AscentOfB(Recipe):
    def d_b(self, d_t):
        return -d_t


class TooEarly(Recipe):
    def update(self, d_t, d_w, d_b, learn_rate):
        super().update(d_t, d_w, d_b, learn_rate)
        return self.d_input(d_t)


class Transposed(Recipe):
    def d_w(self, d_t):
        self.dw = np.outer(d_t, self.last_input)
        return self.dw.T


class NotReshaped(Recipe):
    def d_input(self, d_t):
        return self.w @ d_t


class NotSummed(Recipe):
    def d_input(self, d_t):
        return self.w * d_t


class OneNumber(Recipe):
    def d_b(self, d_t):
        return d_t.sum()


class WithoutInput(Recipe):
    def d_w(self, d_t):
        return d_t


class LocalOnly(Recipe):
    def d_w(self, d_t):
        return np.outer(self.last_input, np.ones(5))


ONE_MISTAKE = [
    (AscentOfW, "w", "sign"), (AscentOfB, "b", "sign"), (TooEarly, "input", "updated_too_early"),
    (Transposed, "w", "transpose"), (NotReshaped, "input", "wrong_shape"),
    (NotSummed, "input", "not_summed"), (OneNumber, "b", "zero"),
    (WithoutInput, "w", "missing_factor"), (LocalOnly, "w", "missing_upstream"),
]  # fmt: skip


@pytest.mark.parametrize("upstream", [None, ONE])
@pytest.mark.parametrize(("make", "name", "kind"), ONE_MISTAKE)
def test_one_more_mistake_is_found_and_nothing_else_is_called_wrong(make, name, kind, upstream):
    report = verify.layer(make(), X, upstream=upstream)
    assert report.first_wrong == name
    for entry in report:
        if entry.name == name:
            assert entry.verdict == "wrong"
            assert entry.diagnoses[0].kind == kind
        else:
            assert entry.verdict == "correct"
            found = [d.kind for d in entry.diagnoses]
            assert found == ([] if upstream is not None else ["one_hot_upstream_only"])


def test_what_a_single_entry_of_the_upstream_shows_says_so():
    entry = verify.layer(AscentOfW(), X)["w"]
    assert {d.kind for d in entry.diagnoses} == {"sign", "ascent"}
    for d in entry.diagnoses:
        assert d.detail["with"] == "one_hot_upstream_only"
        assert "with a single non-zero entry" in d.explanation


@pytest.mark.parametrize("seed", range(4))
def test_what_is_linear_in_the_upstream_is_not_excused_next_to_what_is_not(seed):
    class Dropped(Recipe):
        """The gradient of w follows the recipe; b's is linear in the upstream, and wrong."""

        def backprop(self, d_L_d_out, learn_rate):
            p = np.exp(self.t) / np.exp(self.t).sum()
            d_b = (np.diag(p) - np.outer(p, p)) @ d_L_d_out
            d_b[3] = 0
            super().backprop(d_L_d_out, learn_rate)
            self.db = d_b

    report = verify.layer(Dropped(), X, seed=seed)
    assert report["w"].verdict == "correct"
    assert report.first_wrong == "b"
    assert all("with" not in d.detail for d in report["b"].diagnoses)


def test_what_stays_unexplained_is_to_be_tried_again_with_one_entry():
    class Noise(Recipe):
        def d_b(self, d_t):
            return d_t * np.array([1.0, 2.5, -0.7, 3.1, 0.2])

    for upstream in (None, ONE):
        report = verify.layer(Noise(), X, upstream=upstream)
        assert report.first_wrong == "b"
        told = [n for n in report.notes if "--one-hot" in n]
        assert len(told) == (upstream is None)


def test_a_forgotten_sum_before_a_reshape():
    d = verify.layer(NotSummed(), X, upstream=ONE)["input"].diagnoses[0]
    assert d.detail["axis"] == (1,)
    assert "(6, 6, 2)" in d.explanation
    assert "another order" not in verify.layer(NotSummed(), X)["input"].sentence


def test_a_forgotten_reshape_is_no_other_order():
    entry = verify.layer(NotReshaped(), X, upstream=ONE)["input"]
    assert [d.kind for d in entry.diagnoses] == ["wrong_shape"]
    assert "the values are right" in entry.sentence
    assert "(72,) instead of (6, 6, 2)" in entry.sentence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("upstream", [None, ONE])
def test_the_upstream_left_out_of_the_recipe(upstream, seed):
    class WithoutUpstream(Recipe):
        def d_t(self, gradient, e, S, i):
            return super().d_t(1.0, e, S, i)

    report = verify.layer(WithoutUpstream(), X, upstream=upstream, seed=seed)
    for entry in report:
        assert "missing_upstream" in [d.kind for d in entry.diagnoses]
        if upstream is not None:  # a negative one: no factor explains it
            assert entry.diagnoses[0].kind == "missing_upstream"


@pytest.mark.parametrize("upstream", [None, ONE])
def test_a_sum_of_exponentials_too_few_is_named(upstream):
    class OneSum(Recipe):
        def d_t(self, gradient, e, S, i):
            return super().d_t(gradient, e, S, i) * S

    for entry in verify.layer(OneSum(), X, upstream=upstream):
        assert entry.diagnoses[0].kind == "scale"
        assert entry.diagnoses[0].detail["equals"] == "S"
        assert "exponentials" in entry.sentence


def test_the_factor_that_is_missing_has_the_name_of_what_was_flattened():
    d = verify.layer(WithoutInput(), X, upstream=ONE)["w"].diagnoses[0]
    assert (d.detail["operation"], d.detail["operand"]) == ("matmul", "input")


def test_one_number_for_all_biases():
    for seed in range(2):
        assert "add up to zero" in verify.layer(OneNumber(), X, seed=seed)["b"].sentence


@pytest.mark.parametrize("seed", range(3))  # with the first, it might be the sign of the gradient
def test_one_number_for_all_biases_where_it_is_not_zero(seed):
    class Sigmoid(OneNumber):
        def forward(self, input):
            super().forward(input)
            self.a = 1 / (1 + np.exp(-self.t))
            return self.a

        def backprop(self, d_L_d_out, learn_rate):
            d_t = d_L_d_out * self.a * (1 - self.a)
            return self.update(d_t, self.d_w(d_t), self.d_b(d_t), learn_rate)

    report = verify.layer(Sigmoid(), X, seed=seed)
    assert report.first_wrong == "b"
    assert report["b"].diagnoses[0].kind == "wrong_axis"
    assert "everything" in report["b"].sentence


def test_an_update_that_raises_is_told_of_the_weights():
    class Raises(Recipe):
        def update(self, d_t, d_w, d_b, learn_rate):
            self.b -= learn_rate * d_b
            self.w -= learn_rate * d_w.T

    report = verify.layer(Raises(), X)
    assert report.first_wrong == "w"
    assert report["w"].diagnoses[0].kind == "wrong_shape"
    assert report["w"].diagnoses[0].detail == {"hand": (5, 72), "expected": (72, 5)}
    assert "transpose" in report["w"].sentence
    assert "self.w -= learn_rate * d_w.T" in report["w"].sentence
    assert {report[name].verdict for name in ("input", "b")} == {"inconclusive"}


def test_an_update_that_raises_for_another_reason():
    class Raises(Recipe):
        def update(self, d_t, d_w, d_b, learn_rate):
            self.w = self.w - learn_rate * d_w[:50]

    report = verify.layer(Raises(), X)
    assert report.first_wrong == "w"
    assert "(50, 5) instead of (72, 5)" in report["w"].sentence
    assert "transpose" not in report["w"].sentence


class Fused(Recipe):
    """With its loss: the backward takes the label."""

    def backprop(self, label, learn_rate):
        d_t = np.exp(self.t) / np.exp(self.t).sum()
        d_t[label] -= 1
        return self.update(d_t, self.d_w(d_t), self.d_b(d_t), learn_rate)


def test_a_backward_that_takes_the_label_is_told_what_it_should_take():
    report = verify.layer(Fused(), X)
    assert not report
    assert "IndexError" in report["input"].sentence
    assert "not a label" in report["input"].sentence

    class OneHotTarget(Fused):
        def backprop(self, y, learn_rate):
            d_t = np.exp(self.t) / np.exp(self.t).sum() - y
            return self.update(d_t, self.d_w(d_t), self.d_b(d_t), learn_rate)

    report = verify.layer(OneHotTarget(), X)
    assert not report
    assert any("not a label" in note for note in report.notes)
    assert not any("not a label" in note for note in verify.layer(Recipe(), X).notes)


def test_the_loss_in_the_forward_is_the_way_out():
    class WithLoss(Fused):
        def forward(self, input, label):
            return -np.log(super().forward(input)[label])

    assert verify.layer(WithLoss(), (X, 3))


@pytest.mark.parametrize("file", ["ipykernel_12/2656582784.py", "<ipython-input-3-0a1b2c>"])
@pytest.mark.parametrize(("language", "word"), [("en", "cell, line 4"), ("fr", "cellule, ligne 4")])
def test_a_cell_of_a_notebook_is_called_a_cell(file, language, word):
    text = "class Broken(Recipe):\n    def backprop(self, d_L_d_out, learn_rate):\n" + (
        "        p = self.forward(X)\n        return p @ self.w\n"
    )
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = {"Recipe": Recipe, "X": X}
    exec(compile(text, file, "exec"), space)
    tg.set_language(language)
    note = verify.layer(space["Broken"](), X)["input"].note
    assert f"({word}" in note.replace("\u00a0", " ")
    assert "2656582784" not in note
    assert "return p @ self.w" in note
