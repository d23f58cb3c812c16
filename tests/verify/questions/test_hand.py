"""hand, jacobian, steps and descent: what is accepted, where a mistake starts, and odd input."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.errors import ArgumentError, DTypeError, ShapeError

from .. import correct
from .. import networks as nets

RNG = np.random.default_rng(3)
NET = nets.network(np.random.default_rng(31), "tanh")
D = nets.dense(np.random.default_rng(32))


def square(x):
    return (x * x).sum()


def test_right_gradients_are_never_called_wrong():
    counts = {"correct": 0, "kink": 0, "wrong": 0, "inconclusive": 0}
    for verdict, maker, seed, entry in correct.verdicts(range(5000, 5160)):
        counts[verdict] += 1
        assert verdict != "wrong", (maker, seed, entry)
    assert counts["kink"]
    assert counts["inconclusive"] <= 0.02 * sum(counts.values())


@pytest.mark.parametrize("size", [1e-8, 1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("error", [1e-4, -1e-4, 1e-2, -2.0])
def test_wrong_gradients_are_never_called_correct(size, error):
    x = RNG.standard_normal(5) * size
    for f, g in ((square, 2 * x), (lambda x: (x**3).sum(), 3 * x**2)):
        wrong = g.copy()
        wrong[np.abs(g).argmax()] *= 1 + error
        assert verify.hand(f, {"x": x}, {"x": g})["x"].verdict == "correct"
        assert verify.hand(f, {"x": x}, {"x": wrong})["x"].verdict == "wrong"


def test_a_small_wrong_entry_beside_a_large_one_is_seen():
    x = np.array([1e-8, 1e8, 1.0])
    entry = verify.hand(square, {"x": x}, {"x": 2 * x * [1, 1, -1]})["x"]
    assert entry.verdict == "wrong"
    assert entry.worst_index == (2,)
    assert entry.diagnoses[0].kind == "sign"


def test_one_wrong_entry_of_twenty_thousand_is_found():
    x = RNG.standard_normal((200, 100))
    g = 2 * x
    g[77, 13] *= 1 + 1e-4
    entry = verify.hand(square, {"x": x}, {"x": g})["x"]
    assert entry.verdict == "wrong" or np.abs(g[77, 13]) < 1e-2 * np.abs(g).max()
    wrong = 2 * x
    wrong[77, 13] = -7.0
    assert verify.hand(square, {"x": x}, {"x": wrong})["x"].worst_index == (77, 13)


def test_first_wrong_and_what_is_right_given_it():
    right = NET.truth
    dz1 = NET.da1  # the derivative of tanh is missing
    report = verify.hand(NET.f, NET.inputs, {
        "z2": right["z2"], "z1": dz1, "W1": lambda x, dz1: x.T @ dz1, "b1": dz1.sum(0),
    })  # fmt: skip
    assert report.first_wrong == "z1"
    assert report["z2"].verdict == "correct"
    assert report["z1"].diagnoses[0].kind == "missing_factor"
    for name in ("W1", "b1"):
        assert report[name].verdict == "wrong"
        assert not report[name].diagnoses
        assert f"d{name} is the right function of your dz1" in report[name].note
    assert verify.hand(NET.f, NET.inputs, right).first_wrong is None


def test_two_mistakes_in_a_row_are_told_apart():
    report = verify.hand(NET.f, NET.inputs, {"z1": NET.da1, "W1": lambda x, dz1: dz1.T @ x})
    assert report.first_wrong == "z1"
    assert report["W1"].diagnoses[0].kind == "transpose"


def test_two_mistakes_in_one_gradient_are_both_named():
    kinds = lambda g: {d.kind for d in verify.hand(D.f, D.inputs, g)[next(iter(g))].diagnoses}
    assert kinds({"z": D.Y - D.p}) == {"sign", "scale"}
    assert kinds({"b": (D.p - D.Y)}) == {"not_summed", "scale"}
    g = {"b1": NET.da1}
    assert {d.kind for d in verify.hand(NET.f, NET.inputs, g)["b1"].diagnoses} == {
        "missing_factor", "not_summed",
    }  # fmt: skip


def test_all_equivalent_explanations_are_listed():
    x = RNG.standard_normal((5, 5))
    report = verify.hand(lambda z, y: tg.cross_entropy(z, y), {"z": x, "y": np.arange(5)},
                         {"z": nets.softmax(x) - np.eye(5)})  # fmt: skip
    scales = [d for d in report["z"].diagnoses if d.kind == "scale"]
    assert {d.detail["equals"] for d in scales} >= {"N", "C"}
    assert all(d.confidence < 1 for d in scales)
    assert "other explanations" in report["z"].sentence


def test_a_hypothesis_must_hold_on_a_second_draw():
    # At z = 1 exactly a factor of 2 and an exponent of 2 look the same.
    z = np.ones(4)
    f = lambda z: (z**3).sum()
    array = verify.hand(f, {"z": z}, {"z": 2 * z})["z"]
    function = verify.hand(f, {"z": z}, {"z": lambda z: 2 * z})["z"]
    assert "scale" in [d.kind for d in array.diagnoses]
    assert "scale" not in [d.kind for d in function.diagnoses]


def test_functions_get_values_gradients_and_the_upstream():
    u = RNG.standard_normal((4, 3))
    x, w = RNG.standard_normal((4, 2)), RNG.standard_normal((2, 3))
    seen = {}

    def dw(x, dz, upstream):
        seen.update(dz=dz, upstream=upstream)
        x *= 2  # a student's accident stays with the student
        return x.T @ dz / 2

    report = verify.hand(lambda x, W: (x @ W).named("z"), {"x": x, "W": w},
                         {"W": dw, "z": lambda upstream: upstream}, upstream=u)  # fmt: skip
    assert report
    np.testing.assert_array_equal(seen["upstream"], u)
    np.testing.assert_array_equal(seen["dz"], u)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda x: None, "gives None"), (lambda x: "2x", "gives str"),
        (lambda x: (2 * x, 1), "gives tuple"), (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda dx: dx, "in a circle"),
    ],
)  # fmt: skip
def test_what_a_students_function_may_do(made, words):
    entry = verify.hand(square, {"x": np.ones(2)}, {"x": made})["x"]
    assert entry.verdict == "wrong"
    assert words in entry.note


def test_the_students_own_line_is_quoted():
    def dx(x):
        return x @ x[:1]  # does not align

    note = verify.hand(square, {"x": np.ones(2)}, {"x": dx})["x"].note
    assert "test_hand.py" in note
    assert "return x @ x[:1]" in note


def test_a_constant_near_the_loss_does_not_move_the_first_input_there():
    def cost(W, x):
        return (np.full((2, 4), 2.0) * tg.tanh((W @ x).named("z"))).sum()

    report = verify.hand(
        cost,
        {"W": np.ones((2, 3)), "x": np.ones((3, 4))},
        {"z": lambda z, W: W.T @ z @ z, "W": lambda dz, x: dz @ x.T},
    )
    assert "dz" in report["W"].note
    assert report.first_wrong == "z"


def test_random_and_failing_functions_are_inconclusive():
    entry = verify.hand(square, {"x": np.ones(2)}, {"x": lambda x: 2 * x + RNG.random()})["x"]
    assert entry.verdict == "inconclusive"
    assert "called again" in entry.note
    random = lambda x: (x * RNG.random()).sum()
    assert verify.hand(random, {"x": np.ones(2)}, {"x": np.ones(2)})["x"].verdict == "inconclusive"
    assert verify.check(random, np.ones(2))["x"].verdict == "inconclusive"

    def fails(x):
        raise RuntimeError("no")

    assert "RuntimeError" in verify.hand(fails, {"x": np.ones(2)}, {"x": np.ones(2)})["x"].note


def test_wrong_uses_say_what_there_is():
    with pytest.raises(ArgumentError, match=r"no value q to check: the graph has x"):
        verify.hand(square, {"x": np.ones(2)}, {"q": np.ones(2)})
    with pytest.raises(ArgumentError, match=r"argument q of the gradient of x"):
        verify.hand(square, {"x": np.ones(2)}, {"x": lambda q: q})
    with pytest.raises(ArgumentError, match="dicts of names"):
        verify.hand(square, np.ones(2), {"x": np.ones(2)})
    with pytest.raises(ShapeError, match="upstream has the shape"):
        verify.hand(lambda x: x * x, {"x": np.ones(2)}, {"x": np.ones(2)}, upstream=np.ones(3))
    with pytest.raises(DTypeError, match="left the graph"):
        verify.hand(lambda x: x.data, {"x": np.ones(2)}, {"x": np.ones(2)})
    with pytest.raises(DTypeError, match="array of numbers"):
        verify.check(square, "a")


def test_names_that_are_arguments_of_our_own_functions():
    assert verify.hand(lambda f: (f * f).sum(), {"f": np.ones(3)}, {"f": lambda f: 2 * f})
    assert verify.steps([lambda f: f + f, lambda f: 2 * f], {"f": np.ones(3)})


# --- kinks ------------------------------------------------------------------------------------


def test_a_window_must_pay_what_it_receives_however_it_shares_it():
    zeros = np.zeros((1, 1, 8, 8))
    pool = lambda x: tg.max_pool2d(x, 2).sum()
    assert not verify.hand(pool, {"x": zeros}, {"x": zeros})
    assert verify.hand(pool, {"x": zeros}, {"x": zeros + 0.25})["x"].verdict == "kink"
    assert not verify.hand(lambda x: x.max(), {"x": np.zeros(10)}, {"x": np.zeros(10)})
    x = RNG.integers(0, 3, (2, 3, 16, 16)) * 1.0
    f = lambda x: (tg.max_pool2d(x, 2) ** 2).sum()
    t = tg.Tensor(x, requires_grad=True)
    f(t).backward()
    last = np.flip(np.asarray(tg.grad(f)(np.flip(x, (2, 3)))), (2, 3))
    assert verify.hand(f, {"x": x}, {"x": last})["x"].verdict == "kink"
    for factor in (-1.0, 0.5, 1.001, 2.0):
        wrong = last.copy()
        wrong[tuple(np.argwhere(last != 0)[7])] *= factor
        assert verify.hand(f, {"x": x}, {"x": wrong})["x"].verdict == "wrong"


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_every_choice_at_the_kink_of_relu_is_accepted_through_the_layers(slope):
    x, w = np.zeros((1, 4)), RNG.standard_normal((4, 3))
    v = np.array([1.0, -2.0, 3.0])
    report = verify.hand(
        lambda x, W, v: (tg.relu((x @ W).named("z")) * v).sum(), {"x": x, "W": w, "v": v},
        {"z": lambda z, v: ((z > 0) + slope * (z == 0)) * v, "x": lambda dz, W: dz @ W.T},
    )  # fmt: skip
    assert report
    assert not verify.hand(tg.relu, {"x": np.array([0.0, 1.0])}, {"x": np.array([1.1, 1.0])},
                           upstream=np.ones(2))  # fmt: skip


def test_zero_weights_under_a_relu():
    x, u = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 3))
    f = lambda x, W: tg.relu(x @ W)
    verdict = lambda s: (
        verify.hand(f, {"x": x, "W": np.zeros((4, 3))}, {"W": s * x.T @ u}, upstream=u)["W"].verdict
    )
    assert [verdict(s) for s in (0, 0.5, 1, 2)] == ["correct", "kink", "kink", "wrong"]


def test_jacobians_at_kinks():
    x = np.array([0.0, 1.0, -2.0])
    for row in (0.0, 0.5, 1.0):
        assert verify.jacobian(tg.relu, x, np.diag([row, 1, 0]))
    assert not verify.jacobian(tg.abs, x, np.diag([1.5, 1, -1]))


def test_finite_differences_overrule_a_recorded_gradient_at_kinks_that_cancel():
    f = lambda x: (tg.relu(x) - tg.relu(-x)).sum()  # x itself
    assert verify.hand(f, {"x": np.array([0.0, 1.0, -1.0])}, {"x": np.ones(3)})


def test_saturated_softmax_is_right():
    y = np.array([0, 1, 2, 3, 4, 1])
    for size in (25.0, 40.0, 100.0):
        z = np.eye(5)[y] * size
        p = nets.softmax(z)
        assert verify.hand(lambda z, y: tg.cross_entropy(z, y), {"z": z, "y": y},
                           {"z": (p - np.eye(5)[y]) / 6})  # fmt: skip


# --- other entry points, and the report --------------------------------------------------------


def test_jacobians_of_numpy_functions_and_rows_for_scalars():
    assert verify.jacobian(lambda x: np.sin(x), np.arange(3.0), lambda x: np.diag(np.cos(x)))
    assert verify.jacobian(lambda x: x.sum(), np.ones(3), np.ones((1, 3)))
    assert verify.jacobian(tg.softmax, np.ones(3), np.ones((2, 3))).first_wrong == "jacobian"


def test_descent_accepts_a_dict_a_function_and_a_zero_gradient():
    f = lambda W, b: ((W - 1.0) ** 2).sum() + 0.0 * b.sum()
    inputs = {"W": np.zeros((2, 2)), "b": np.zeros(2)}
    assert verify.descent(f, inputs, lambda W, dW, b, db: {"W": W - 0.1 * dW, "b": b - 0.1 * db})
    assert verify.descent(f, inputs, {"W": lambda W, dW: W - 0.1 * dW})
    report = verify.descent(f, inputs, {"W": lambda W, dW: W})
    assert report["W"].diagnoses[0].kind == "zero"
    with pytest.raises(ArgumentError, match="no floating input"):
        verify.descent(f, inputs, {"V": lambda W: W})


def test_steps_take_arrays_constants_and_report_shapes_and_errors():
    assert verify.steps([lambda x: x + x, lambda x: 2 * x], np.arange(3.0))
    assert not verify.steps([lambda x: x, lambda x: x[:2]], np.arange(3.0))
    report = verify.steps([lambda x: x, lambda x: x / 0 if x is None else x.nothing], 1.0)
    assert "AttributeError" in report["step 1"].note
    with pytest.raises(ArgumentError, match="at least two"):
        verify.steps([lambda x: x], 1.0)


def test_a_module_is_checked_with_its_parameters_and_left_alone():
    model = tg.nn.Sequential(tg.nn.Linear(4, 3), tg.nn.BatchNorm1d(3), tg.nn.Tanh())
    before = model.state_dict()
    report = verify.check(model, RNG.standard_normal((5, 4)).astype(np.float32))
    assert report
    assert {"0.weight", "0.bias", "1.weight", "1.bias"} < set(report.entries)
    assert any("float64" in note for note in report.notes)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert any("order 2" in n for n in verify.check(square, np.ones(2), order=2).notes)


def test_the_report_as_text_html_and_json(monkeypatch):
    report = verify.hand(D.f, D.inputs, {"z": D.p - D.Y, "W": D.truth["W"]})
    full = report.text()
    assert "times too large" in full
    assert "mend first: z" in full
    where, kind = report.text("where"), report.text("kind")
    assert "largest error is at" in where
    assert "factor" not in where
    assert "factor (N)" in kind
    assert "you the sum" not in kind
    with pytest.raises(ArgumentError, match="hints is one of"):
        report.show("everything")
    data = json.loads(report.to_json())
    assert data["entries"]["z"]["diagnoses"][0]["kind"] == "scale"
    assert data["entries"]["W"]["verdict"] == "correct"
    assert data["first_wrong"] == "z"
    html = report._repr_html_()
    assert html.count("<figure") == 1
    assert "aria-label='z: " in html
    assert report["z"] is report.entries["z"]


def test_names_are_escaped_in_html():
    name = "<script>"
    report = verify.hand(lambda **t: square(t[name]), {name: np.ones(2)}, {name: np.zeros(2)})
    assert "<script>" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()


def test_json_of_nan_and_infinity_is_strict():
    report = verify.hand(square, {"x": np.ones(2)}, {"x": np.array([np.nan, 2.0])})
    json.loads(report.to_json(), parse_constant=lambda text: pytest.fail(text))


def optimum(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((7, 3)), rng.standard_normal(7)
    return (lambda w: ((X @ w - y) ** 2).sum()), np.linalg.lstsq(X, y, rcond=None)[0]


@pytest.mark.parametrize("seed", [4, 8, 10, 46, 173])
def test_zero_is_right_at_an_optimum(seed):
    f, w = optimum(seed)
    assert verify.hand(f, {"w": w}, {"w": np.zeros(3)})["w"].verdict == "correct"
    assert not verify.hand(f, {"w": w}, {"w": np.full(3, 1e-11)})
    assert not verify.hand(f, {"w": w + 1e-11}, {"w": np.zeros(3)})


@pytest.mark.parametrize("size", [1.0, 1e-8, 1e-20])
def test_a_tiny_gradient_is_no_zero(size):
    f, w = optimum(0)
    assert not verify.hand(lambda w: f(w) * size, {"w": w + 0.1}, {"w": np.zeros(3)})
    assert not verify.hand(lambda z: tg.sigmoid(z).sum(), {"z": np.array([-40.0])}, {"z": [0.0]})


def test_one_gradient_serves_the_output_and_the_difference_made_of_it():
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((6, 4)), rng.standard_normal((4, 2))

    def autoencoder(x, W):
        out = (tg.tanh(x @ W) @ W.T).named("o")
        return 0.5 * ((out - x) ** 2).sum()

    a = np.tanh(x @ W)
    do = 2 * (a @ W.T - x)
    dx = ((do @ W) * (1 - a**2)) @ W.T - do
    report = verify.hand(autoencoder, {"x": x, "W": W}, {"o": do, "x": dx})
    assert report.first_wrong == "o"
    assert report["x"].follows
    assert not report["o"].follows
    assert "right function of your do" in report["x"].note
    assert not report["x"].diagnoses


def test_a_kept_axis_is_a_matter_of_shape():
    entry = verify.hand(D.f, D.inputs, {"b": D.dz.sum(0, keepdims=True)})["b"]
    assert [d.kind for d in entry.diagnoses] == ["wrong_shape"]
    assert "keepdims" in entry.sentence


def test_labels_forgotten_in_the_gradient_of_softmax():
    entry = verify.hand(D.f, D.inputs, {"z": D.p / D.N})["z"]
    assert entry.diagnoses[0].kind == "missing_branch"
    assert "-y after a cross entropy" in entry.sentence


def test_jacobians_that_students_write():
    t = RNG.standard_normal(4)
    p = nets.softmax(t)
    kind = lambda f, j: verify.jacobian(f, t, j)["jacobian"].diagnoses[0].kind
    assert kind(tg.softmax, np.diag(p)) == "missing_branch"
    assert kind(tg.softmax, np.diag(p) + np.outer(p, p)) == "sign"
    assert kind(tg.sigmoid, np.diag(nets.sigmoid(t))) == "wrong_local_derivative"
    entry = verify.jacobian(tg.sigmoid, t, nets.sigmoid(t) * (1 - nets.sigmoid(t)))["jacobian"]
    assert "np.diag" in entry.sentence


def test_a_wrong_upstream_further_down_is_named_at_its_root_with_its_own_numbers():
    dz2 = NET.dz2 * 2
    report = verify.hand(NET.f, NET.inputs, {
        "z2": dz2, "a1": lambda dz2, W2: dz2 @ W2.T,
        "z1": lambda da1, a1: da1 * (1 - a1**2), "W1": lambda x, dz1: x.T @ dz1,
    })  # fmt: skip
    assert report["W1"].note == "dW1 is the right function of your dz2; mend dz2 first"
    report = verify.hand(NET.f, NET.inputs, {"z2": -NET.dz2, "b2": -NET.dz2.sum(0) / NET.N})
    assert report["b2"].diagnoses[0].kind == "scale"
    assert report["b2"].note.startswith("given your dz2; at")


def test_identities_for_one_sign_only_and_steps_that_are_too_large():
    report = verify.steps([lambda x: np.sqrt(x**2), lambda x: x], 2.0)
    assert report
    assert any("opposite" in text for text in report.hidden)
    f, inputs = (lambda W: (W**2).sum()), {"W": np.ones(3)}
    report = verify.descent(f, inputs, {"W": lambda W, dW: W - 1000 * dW})
    assert report
    assert "step is too large" in report.notes[0]
    report = verify.descent(
        lambda W: ((W - 1.0) ** 2).sum(), {"W": np.array([1.0, 2.0])}, {"W": lambda dW: -0.1 * dW}
    )
    assert report["W"].diagnoses[0].kind == "missing_branch"


def test_json_gives_away_no_more_than_the_hints_allow():
    report = verify.hand(D.f, D.inputs, {"z": D.p - D.Y})
    where = json.loads(report.to_json(hints="where"))["entries"]["z"]
    assert where["diagnoses"] == []
    assert "instead of" not in where["note"]
    kind = json.loads(report.to_json(hints="kind"))["entries"]["z"]["diagnoses"][0]
    assert kind["kind"] == "scale"
    assert "mean" not in kind["explanation"]
    assert repr(report["z"]).startswith("z: wrong; your gradient is N = ")


def test_what_kept_a_gradient_from_being_judged_is_no_hint():
    class Unwritten:
        def forward(self, x):
            raise NotImplementedError("to be done")

        def backward(self, d):
            raise NotImplementedError("to be done")

    report = verify.layer(Unwritten(), np.ones(3))
    assert "to be done" in report.text("where")
    assert "to be done" in report.to_dict("kind")["entries"]["input"]["note"]
    report = verify.hand(D.f, D.inputs, {"z": lambda x: None})
    assert "None" in report.text("where")


def test_the_key_of_a_gradient_is_the_name_of_its_value():
    with pytest.raises(ArgumentError, match="W, not dW"):
        verify.hand(D.f, D.inputs, {"dW": D.truth["W"]})
