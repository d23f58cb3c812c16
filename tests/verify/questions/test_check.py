"""check: right gradients pass, wrong ones are found."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify


def wrong(factor):
    @tg.op("y = x^2", method=False)
    def square_of_test(x):
        def to_x(g, y, x):
            return g * 2 * x * factor

        return x * x, to_x

    return square_of_test


def test_a_right_gradient_is_correct_at_both_orders():
    x = np.array([[0.5, -1.0], [2.0, 3.0]])
    for order in (1, 2):
        report = verify.check(lambda x, y: tg.softmax(x @ y), x, x + 1.0, order=order)
        assert report
        assert list(report.entries) == ["x", "y"]
        assert all(entry.verdict == "correct" for entry in report)


@pytest.mark.parametrize("factor", [1 + 1e-4, -1.0, 0.0, 2.0])
def test_a_wrong_gradient_is_found(factor):
    report = verify.check(wrong(factor), np.array([1.0, -2.0, 3.0]))
    assert not report
    entry = report.entries["x"]
    assert entry.verdict == "wrong"
    assert entry.worst_index == (2,)
    assert entry.max_rel_error == pytest.approx(abs(factor - 1), rel=1e-3)
    assert "wrong" in str(report)


def test_a_gradient_wrong_only_at_second_order_is_found():
    @tg.op("y = x^3", method=False)
    def cube_with_a_captured_value(x):
        def to_x(g, y, _x):
            return g * (3 * x**2)  # x is the raw array: a constant for the second order

        return x**3, to_x

    assert verify.check(cube_with_a_captured_value, np.array([1.0, 2.0]))
    assert not verify.check(cube_with_a_captured_value, np.array([1.0, 2.0]), order=2)


def test_numeric_derivatives_are_exact_over_magnitudes():
    for size in (1e-4, 1.0, 1e4):
        x = np.array([size, -2 * size])
        gradient, error = verify.derivative(lambda v: float((v**3).sum()), x)
        np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-7, atol=1e-7)
        assert (error >= 0).all()


def test_the_report_reads_in_the_users_language():
    report = verify.check(wrong(2.0), np.array([1.0]))
    assert "instead of" in str(report)


def test_a_function_that_is_not_finite_is_inconclusive():
    with np.errstate(all="ignore"):
        report = verify.check(lambda x: tg.log(x), np.array([0.0, 1.0]))
    assert report.entries["x"].verdict == "inconclusive"
    assert not report


def test_order_two_includes_order_one():
    @tg.op("y = x^3", method=False)
    def cube_with_a_wrong_factor(x):
        return x**3, lambda g, y, x: g * 2 * x**2  # consistent with itself at order 2

    assert not verify.check(cube_with_a_wrong_factor, np.array([1.0, -2.0]), order=2)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (tg.relu, [0.0, -2.0]),
        (lambda w: tg.relu(np.ones((2, 3)) @ w) * 2.0, np.zeros((3, 2))),
        (lambda z: tg.max_pool2d(z, 2), np.zeros((1, 1, 4, 4))),
        (tg.max, [1.0, 1.0, 0.0]),
        (lambda x: tg.clip(x, 0.0, 1.0), [0.0, 1.0]),
    ],
)
def test_subgradients_at_kinks_are_accepted(f, x):
    report = verify.check(f, x)
    assert report
    assert report.entries.popitem()[1].verdict in ("kink", "correct")


def test_a_mask_that_pays_every_tied_maximum_is_wrong():
    @tg.op("y = max x", method=False)
    def greedy_max(x):
        return x.max(), lambda g, y, x: g * (x == y)

    assert not verify.check(greedy_max, [1.0, 1.0, 0.0])
    assert verify.check(greedy_max, [1.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (tg.log, [1e-4]), (lambda x: x**0.5, [1e-3]), (tg.sin, [1e4]), (lambda x: 1 / x, [0.01]),
        (tg.abs, [0.003, 0.5]), (tg.relu, [0.001]), (tg.max, [1.0, 1.001]), (tg.exp, [1e-9, 20.0]),
        (tg.softmax, [50.0, -50.0, 0.0]), (lambda x: x * 1e-8, [3.0]), (lambda x: x * 1e8, [3.0]),
    ],
)  # fmt: skip
def test_right_gradients_are_correct_near_edges_and_over_magnitudes(f, x):
    report = verify.check(f, x)
    assert report, report


def test_right_gradients_are_correct_on_many_draws():
    rng = np.random.default_rng(0)
    for _ in range(10):
        report = verify.check(tg.relu, rng.standard_normal(100))
        assert report, report


def test_variadic_functions_get_distinct_names():
    def f(x1, *xs):
        return x1 * xs[0]

    assert len(verify.check(f, [1.0], [2.0]).entries) == 2


def test_a_plain_mistake_is_not_hidden_by_kinks_elsewhere():
    @tg.op("y = max(0, x)", method=False)
    def relu_doubled_at_three(x):
        return np.maximum(x, 0), lambda g, y, x: g * (x > 0) * (1 + (x == 3.0))

    some, many = np.zeros(101), np.zeros(1000)
    some[100], many[:3] = 3.0, 3.0
    for f, x in ((lambda x: relu_doubled_at_three(x).sum(), some), (relu_doubled_at_three, many)):
        assert verify.check(f, x).entries["x"].verdict == "wrong"


def test_a_tiny_gradient_with_the_wrong_sign_is_wrong():
    @tg.op("y = x^2", method=False)
    def square_with_the_wrong_sign(x):
        return x * x, lambda g, y, x: g * -2 * x

    assert not verify.check(lambda x: square_with_the_wrong_sign(x) * 1e-10, np.array([1.0, 2.0]))


@pytest.mark.parametrize("x", [1e-6, 1e-8])
def test_gradients_close_to_the_edge_of_the_domain_are_correct(x):
    for f in (tg.log, tg.sqrt, lambda t: 1 / t):
        assert verify.check(f, np.array([x]))


def test_a_numeric_derivative_that_is_not_finite_is_no_verdict():
    with np.errstate(invalid="ignore"):
        report = verify.check(tg.log, np.array([1e-300, 1.0]))
    assert next(iter(report.entries.values())).verdict in ("correct", "inconclusive")
    with np.errstate(all="ignore"):  # a pole within the smallest step
        verify.check(lambda x: (x - 1.0) ** -1.0, np.array([1.0 + 1e-15, 2.0]))


def test_targets_at_the_border_can_be_checked():
    z, y = np.array([0.3, -1.0]), np.array([0.0, 1.0])
    assert verify.check(tg.binary_cross_entropy_with_logits, z, y)


def test_steps_outside_of_the_domain_do_not_end_the_check():
    p, y = np.array([0.02, 0.97]), np.array([0.0, 1.0])
    assert verify.check(tg.binary_cross_entropy, p, y)
    report = verify.check(lambda p: tg.kl_divergence(p, np.array([0.5, 0.5])), np.array([0.01, 1]))
    assert report
