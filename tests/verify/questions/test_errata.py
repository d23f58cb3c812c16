"""The errors of the course documents (formulas.md, section F), found from them as printed."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .. import networks as nets

RNG = np.random.default_rng(12)
C, K = 5, 3
T = RNG.standard_normal(C)
D = nets.dense(np.random.default_rng(21))


def p_of(t):
    return nets.softmax(t)


def true_jacobian(t):
    p = p_of(t)
    return np.diag(p) - np.outer(p, p)


def kinds(report, name):
    return [d.kind for d in report[name].diagnoses]


def test_E1_000_7b_has_the_wrong_sign_in_the_case_k_equals_c():
    def printed(t):
        e, s = np.exp(t), np.exp(t).sum()
        return np.where(np.arange(C) == K, -e[K] * (s - e[K]) / s**2, -e[K] * e / s**2)

    report = verify.jacobian(lambda t: tg.softmax(t)[K], T, printed)
    first = report["jacobian"].diagnoses[0]
    assert first.kind == "sign"
    assert first.detail["subset"] == "the case k = c"
    # The same in the gradient of the loss, where c is an input.
    report = verify.hand(lambda t, c: tg.cross_entropy(t, c), {"t": T, "c": np.array(K)},
                         {"t": -printed(T) / p_of(T)[K]})  # fmt: skip
    first = report["t"].diagnoses[0]
    assert (first.kind, first.detail["subset"]) == ("sign", "the case k = c")


def test_E2_003_3_lacks_a_factor_in_each_row():
    def f(z):
        return -(D.Y * tg.log(tg.softmax(z).named("p"))).sum() / D.N

    report = verify.hand(f, {"z": D.z}, {"p": -D.Y / D.N})
    assert kinds(report, "p")[0] in ("missing_factor", "wrong_variable")
    one = verify.hand(
        lambda p: -tg.log(p[K]), {"p": p_of(T)}, {"p": np.where(np.arange(C) == K, -1.0, 0.0)}
    )
    assert {"missing_factor", "scale"} <= set(kinds(one, "p"))


def test_E3_004_2_is_the_diagonal_only():
    report = verify.jacobian(tg.softmax, T, lambda t: np.diag(p_of(t) * (1 - p_of(t))))
    assert kinds(report, "jacobian")[0] == "diagonal_only"
    u = RNG.standard_normal(C)
    p = p_of(T)
    report = verify.hand(lambda t: tg.softmax(t), {"t": T}, {"t": u * p * (1 - p)}, upstream=u)
    assert kinds(report, "t")[0] == "diagonal_only"


def two_layers():
    """Document 002: one column per example, the cost a sum."""
    m = 6
    x, y = RNG.standard_normal((3, m)), RNG.integers(0, 2, (1, m)).astype(float)
    inputs = {
        "W1": RNG.standard_normal((4, 3)), "b1": RNG.standard_normal((4, 1)),
        "W2": RNG.standard_normal((1, 4)), "b2": RNG.standard_normal((1, 1)), "X": x, "y": y,
    }  # fmt: skip

    def f(W1, b1, W2, b2, X, y):
        Z1 = (W1 @ X + b1).named("Z1")
        A1 = tg.relu(Z1).named("A1")
        Z2 = (W2 @ A1 + b2).named("Z2")
        A2 = tg.sigmoid(Z2).named("A2")
        return (-y * tg.log(A2) - (1.0 - y) * tg.log(1.0 - A2)).sum()

    return f, inputs


def test_E4_002_43_47_50_forget_the_sum_over_the_examples():
    f, inputs = two_layers()
    report = verify.hand(f, inputs, {
        "A2": lambda A2, y: -y / A2 + (1 - y) / (1 - A2), "Z2": lambda A2, y: A2 - y,
        "W2": lambda dZ2, A1: dZ2 @ A1.T, "b2": lambda dZ2: dZ2,
        "Z1": lambda W2, dZ2, Z1: (W2.T @ dZ2) * (Z1 > 0),
        "W1": lambda dZ1, X: dZ1 @ X.T, "b1": lambda dZ1: dZ1,
    })  # fmt: skip
    for name in ("A2", "Z2", "W2", "Z1", "W1"):
        assert report[name].verdict == "correct", report
    assert kinds(report, "b1")[0] == kinds(report, "b2")[0] == "not_summed"
    assert report.first_wrong == "b2"
    assert not any("N = 1" in text for text in report.hidden)  # six examples, in columns


def test_E5_002_60_the_third_member_of_the_chain_is_wrong():
    def a(z):
        return p_of(z)

    members = [
        lambda z: np.diag(true_jacobian(z)),
        lambda z: (np.exp(z) * np.exp(z).sum() - np.exp(z) ** 2) / np.exp(z).sum() ** 2,
        lambda z: (np.exp(z) * np.exp(z).sum() - np.exp(z)) / np.exp(z).sum() ** 2,
        lambda z: a(z) * (1 - a(z)),
        lambda z: a(z) - a(z) ** 2,
    ]
    for z in (T, np.zeros(4)):  # at 0 the mistake does not show: other points are tried
        report = verify.steps(members, {"z": z})
        assert report.first_wrong == "step 2"
        assert [e.verdict for e in report] == ["correct", "wrong", "wrong", "correct"]
        assert "member 3" in report["step 2"].note


def test_E6_002_T10_two_mistakes_cancel():
    y = np.eye(C)[K]

    def f(z):
        return -(y * tg.log(tg.softmax(z).named("a"))).sum()

    def binary(a):
        return -y / a + (1 - y) / (1 - a)

    report = verify.hand(f, {"z": T}, {"a": binary, "z": lambda a, da: da * a * (1 - a)})
    assert report["a"].verdict == "wrong"
    assert report["z"].verdict == "correct"
    assert "cancel" in report["z"].note
    assert "instead of 0;" in report["a"].note  # and not "of -0"
    assert report.first_wrong == "a"
    # The right dL/da with the same diagonal is wrong, and named.
    report = verify.hand(f, {"z": T}, {"a": lambda a: -y / a, "z": lambda a, da: da * a * (1 - a)})
    assert report["a"].verdict == "correct"
    assert kinds(report, "z")[0] == "diagonal_only"


class Printed:
    """002-C2 as an activation for a batch of rows."""

    def forward(self, z):
        expz = np.exp(z - np.max(z))
        self.a = expz / expz.sum(axis=0, keepdims=True)
        return self.a

    def backward(self, d):
        return self.a * (d - (d * self.a).sum(0, keepdims=True))


def test_E7_002_C2_normalises_columns_and_gives_nan_on_a_batch():
    z = RNG.standard_normal((4, 3))
    report = verify.layer(Printed(), z, reference=tg.softmax)
    assert report["output"].verdict == "wrong"
    assert report["output"].diagnoses[0].kind == "forward_differs"
    assert "axis 0" in report["output"].diagnoses[0].explanation
    columns = np.array([[0.0, 1000.0], [1.0, 1001.0]])
    with np.errstate(all="ignore"):
        report = verify.layer(Printed(), columns, reference=lambda z: tg.softmax(z, axis=0))
    assert report["output"].verdict == "wrong"
    assert "NaN" in report["output"].diagnoses[0].explanation


def test_E8_004_7_the_jacobian_summed_without_the_upstream_is_zero():
    report = verify.hand(lambda z: -tg.log(tg.softmax(z).named("h"))[K], {"z": T},
                         {"z": true_jacobian(T).sum(0)})  # fmt: skip
    assert {"zero", "missing_upstream"} & set(kinds(report, "z"))


def test_E9_000_8_to_14_orders_and_transposes():
    x, w, b = RNG.standard_normal(6), RNG.standard_normal((6, C)), RNG.standard_normal(C)
    dt = p_of(x @ w + b) - np.eye(C)[K]
    report = verify.hand(
        lambda inp, w, b, c: tg.cross_entropy(inp @ w + b, c),
        {"inp": x, "w": w, "b": b, "c": np.array(K)},
        {"w": np.outer(dt, x), "inp": dt[:, None] * true_jacobian(T), "b": dt},
    )  # fmt: skip
    assert kinds(report, "w")[0] == "transpose"
    assert kinds(report, "inp")[0] == "wrong_shape"
    assert report["b"].verdict == "correct"
    # 000-11 and 003-11: dt/dinput = w, where w^T is meant.
    report = verify.jacobian(lambda x: x @ w + b, x, w)
    assert kinds(report, "jacobian")[0] == "transpose"


def test_E10_000_7a_and_004_8_show_on_softmax_of_A_t_and_hidden_says_why_not_on_softmax():
    report = verify.jacobian(tg.softmax, T, lambda t: true_jacobian(t).T)
    assert report
    assert any("symmetric" in text for text in report.hidden)
    a = RNG.standard_normal((C, C))
    report = verify.jacobian(lambda t: tg.softmax(a @ t), T, lambda t: (true_jacobian(a @ t) @ a).T)
    assert kinds(report, "jacobian")[0] == "transpose"


@pytest.mark.parametrize(
    ("f", "printed"),
    [
        (tg.relu, lambda x: (x >= 0) * 1.0),
        (lambda x: tg.prelu(x, np.array(0.2)), lambda x: np.where(x < 0, 0.2, 1.0)),
        (lambda x: tg.elu(x, 0.5), lambda x: np.where(x < 0, 0.5 * np.exp(x), 1.0)),
    ],
)
def test_E11_002_A6_to_A8_at_0_are_accepted_as_kinks(f, printed):
    x = np.array([-1.5, 0.0, 2.0])
    u = np.array([1.0, -2.0, 0.5])
    report = verify.hand(lambda x: f(x), {"x": x}, {"x": u * printed(x)}, upstream=u)
    assert report["x"].verdict == "kink"
    assert report


def test_E12_004_4_5_11_lost_their_minus():
    h = p_of(T)
    off = verify.jacobian(tg.softmax, T, lambda t: np.where(
        np.eye(C) == 1, true_jacobian(t), np.outer(p_of(t), p_of(t))))  # fmt: skip
    first = off["jacobian"].diagnoses[0]
    assert (first.kind, first.detail["subset"]) == ("sign", "the case i != j")
    product = verify.jacobian(tg.softmax, T, h[:, None] * np.eye(C) * h)
    plus = verify.jacobian(tg.softmax, T, h[:, None] * np.eye(C) + np.outer(h, h))
    for report in (product, plus):
        assert report["jacobian"].verdict == "wrong"


def test_E12_004_9_and_14_h_plus_t():
    target = np.eye(C)[K]
    report = verify.hand(lambda z, t: tg.cross_entropy(z, t), {"z": T, "t": target},
                         {"z": p_of(T) + target})  # fmt: skip
    assert {"sign", "missing_branch"} & set(kinds(report, "z")), report


def test_X1_001_6_climbs():
    x, w = RNG.standard_normal(7), RNG.standard_normal((7, C))
    y = np.eye(C)[K]

    def f(X, W, Y):
        S = tg.softmax(X @ W)
        return tg.kl_divergence(Y, S)

    report = verify.descent(f, {"X": x, "W": w, "Y": y}, {"W": lambda W, dW: W + 0.01 * dW})
    assert report["W"].diagnoses[0].kind == "ascent"
    assert verify.hand(f, {"X": x, "W": w, "Y": y}, {
        "W": lambda X, W, Y: np.outer(X, p_of(X @ W) - Y)})  # fmt: skip


def test_reports_on_the_errata_read_well_in_french():
    tg.set_language("fr")
    y = np.eye(C)[K]
    report = verify.hand(lambda z: -(y * tg.log(tg.softmax(z).named("a"))).sum(), {"z": T},
                         {"a": lambda a: -y / a + (1 - y) / (1 - a)})  # fmt: skip
    assert "diffèrent" in report["a"].note
    assert not re.search(r"\w;", report["a"].note)  # a space before the semicolon
    report = verify.descent(lambda w: tg.square(w).sum(), {"w": T}, {"w": lambda w, dw: w + dw})
    assert "<figure" not in report._repr_html_()  # a step is no gradient: no map of errors


def test_X2_000_2_is_right_at_1_only():
    report = verify.steps([lambda p: -np.log(p), lambda p: np.log(p)], {"p": np.array([1.0])})
    assert report.first_wrong == "step 1"


def test_X3_false_sentences_about_values():
    total = lambda t: np.exp(t).sum()
    slope = verify.jacobian(
        lambda t: tg.exp(t).sum(), T, lambda t: np.where(np.arange(C) == K, np.exp(t), 0)
    )
    assert slope["jacobian"].verdict == "wrong"  # 003-T1: it is exp(t_c) for every c, never zero
    assert verify.jacobian(lambda t: tg.exp(t).sum(), T, np.exp)
    assert total(T) > 0
    saturated = verify.steps([lambda z: nets.sigmoid(z), 1.0], {"z": np.array([1.0, 5.0])})
    assert saturated.first_wrong == "step 1"  # 002-T5
