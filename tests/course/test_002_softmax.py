"""Document 002, slides 40 to 45, softmax: each formula under its identifier."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import OTHERS, TARGET, C, K, P, T, differ, jacobian, kinds, loss, same, softmax

NAIVE = lambda z: np.exp(z) / np.exp(z).sum(axis=0, keepdims=True)


def printed_softmax(z):
    """002-C2."""
    expz = np.exp(z - np.max(z))
    return expz / expz.sum(axis=0, keepdims=True)


def test_002_53_and_59_are_the_softmax():
    same(np.exp(T) / sum(np.exp(z) for z in T), tg.softmax(T))


def test_002_54_holds_up_to_rounding():
    sums = softmax(np.random.default_rng(0).standard_normal((100, C))).sum(axis=1)
    np.testing.assert_allclose(sums, 1, rtol=1e-15)
    assert (sums != 1).any()


def test_002_55_is_the_same_softmax_without_overflow():
    stable = lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    assert verify.steps([NAIVE, stable, tg.softmax], T)
    same(stable(T + 1000), tg.softmax(T))


def test_002_56_to_59_give_the_derivative_once_the_indices_are_there():
    for i in range(C):
        g, h = lambda z, i=i: tg.exp(z)[i], lambda z: tg.exp(z).sum()  # g_i(z) = e^(z_i)
        dg, dh = tg.grad(g)(T), tg.grad(h)(T)
        same((dg * h(T) - dh * g(T)) / h(T) ** 2, jacobian(T)[i])
        same(g(T) / h(T), tg.softmax(T)[i])


def test_002_60_lost_parentheses_in_its_third_member():
    total = lambda z: np.exp(z).sum()
    first, last = lambda z: np.diag(jacobian(z)), lambda z: softmax(z) * (1 - softmax(z))
    second = lambda z: (np.exp(z) * total(z) - np.exp(z) * np.exp(z)) / total(z) ** 2
    third = lambda z: (np.exp(z) * total(z) - np.exp(z)) / total(z) ** 2
    mended = lambda z: np.exp(z) * (total(z) - np.exp(z)) / total(z) ** 2
    fourth = lambda z: np.exp(z) / total(z) * (1 - np.exp(z) / total(z))
    report = verify.steps([first, second, third, fourth, last], T)
    assert report.first_wrong == "step 2"
    assert [entry.verdict for entry in report] == ["correct", "wrong", "wrong", "correct"]
    assert verify.steps([first, second, mended, fourth, last], T)
    same(third(np.zeros(C)), first(np.zeros(C)))  # invisible where z_i = 0


def test_002_61_is_the_jacobian_off_the_diagonal():
    s = np.exp(T).sum()
    for i in OTHERS:
        same(-(np.exp(T[i]) * np.exp(T[K])) / s**2, jacobian(T)[i, K])
        same(-P[i] * P[K], jacobian(T)[i, K])


def test_002_62_needs_targets_that_sum_to_1():
    cost = lambda z, y: -(y * tg.log(tg.softmax(z))).sum()
    assert verify.hand(cost, {"z": T, "y": TARGET}, {"z": lambda z, y: softmax(z) - y})
    two_hot = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    report = verify.hand(cost, {"z": T, "y": two_hot}, {"z": lambda z, y: softmax(z) - y})
    assert report["z"].verdict == "wrong"
    mended = lambda z, y: softmax(z) * y.sum() - y
    assert verify.hand(cost, {"z": T, "y": two_hot}, {"z": mended})


def test_002_C1_is_nan():
    with np.errstate(all="ignore"):
        assert np.isnan(NAIVE(np.array([4000, 5000, 6000]))).all()


def test_002_C2_is_right_for_one_vector_and_wrong_for_a_batch():
    same(printed_softmax(T), tg.softmax(T))
    columns = np.array([[0.0, 1000.0], [1.0, 1001.0]])
    with np.errstate(all="ignore"):
        assert np.isnan(printed_softmax(columns)).tolist() == [[True, False], [True, False]]
    mended = lambda z: printed_softmax(z - z.max(axis=0, keepdims=True))
    same(mended(columns), tg.softmax(columns, axis=0))
    rows = np.random.default_rng(0).standard_normal((3, 4))  # (m, C): rows that do not sum to 1
    differ(printed_softmax(rows).sum(axis=1), np.ones(3))


def test_002_C3_prints_what_it_says():
    assert str(printed_softmax(np.array([4, 5, 6]))) == "[0.09003057 0.24472847 0.66524096]"
    assert str(printed_softmax(np.array([4000, 5000, 6000]))) == "[0. 0. 1.]"
    single = printed_softmax(np.array([4, 5, 6], np.float32))
    assert str(single) != "[0.09003057 0.24472847 0.66524096]"


def test_002_C4_checks_nothing(capsys):
    for function in (printed_softmax, np.exp):  # the second is no softmax, and passes as well
        function(np.array([4, 5, 6]))
        print("la somme des probabilités donne 1")
        assert "donne 1" in capsys.readouterr().out
    assert np.exp([4, 5, 6]).sum() > 200


def test_002_T10_two_mistakes_cancel():
    def f(z):
        return -(TARGET * tg.log(tg.softmax(z).named("a"))).sum()

    binary = lambda a: -TARGET / a + (1 - TARGET) / (1 - a)
    diagonal = lambda a, da: da * a * (1 - a)
    report = verify.hand(f, {"z": T}, {"a": binary, "z": diagonal})
    assert (report["a"].verdict, report["z"].verdict) == ("wrong", "correct")
    assert "cancel" in report["z"].note
    report = verify.hand(f, {"z": T}, {"a": lambda a: -TARGET / a, "z": diagonal})
    assert report["a"].verdict == "correct"
    assert kinds(report, "z")[0] == "diagonal_only"
    full = lambda a, da: a * (da - (da * a).sum())
    assert verify.hand(f, {"z": T}, {"a": lambda a: -TARGET / a, "z": full})
    same(P - TARGET, tg.grad(loss)(T, K))
