"""Document 002, slides 8 to 18, activations: each formula under its identifier."""

from __future__ import annotations

import numpy as np

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import SQUARE, C, T, U, derivative, differ, network, same

# --- slide 12: activations ---------------------------------------------------------------------

POINTS = np.array([-3.1, -1.5, -0.4, 0.3, 1.2, 4.5])
AROUND = np.array([-1.5, 0.0, 2.0])


def at_0(f, hand):
    """The verdict on the gradient by hand where one of the points is 0."""
    u = np.array([1.0, -2.0, 0.5])
    return verify.hand(lambda x: f(x), {"x": AROUND}, {"x": u * hand(AROUND)}, upstream=u)["x"]


def test_002_A1_identity():
    assert derivative(tg.identity, lambda x: np.ones_like(x), POINTS)


def test_002_A2_step():
    assert tg.step(AROUND).tolist() == [0.0, 1.0, 1.0]
    assert derivative(tg.step, lambda x: np.zeros_like(x), POINTS)
    for h in (1e-1, 1e-3, 1e-5):  # the quotient on the left grows without bound: no f'(0)
        assert (tg.step(0.0) - tg.step(-h)) / h == 1 / h


def test_002_A3_logistic():
    f = lambda x: 1 / (1 + np.exp(-x))
    same(f(POINTS), tg.sigmoid(POINTS))
    assert derivative(tg.sigmoid, lambda x: f(x) * (1 - f(x)), POINTS)


def test_002_A4_tanh():
    f = lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    same(f(POINTS), tg.tanh(POINTS))
    assert derivative(tg.tanh, lambda x: 1 - f(x) ** 2, POINTS)
    with np.errstate(all="ignore"):
        assert np.isnan(f(np.array(711.0)))
    assert tg.tanh(711.0) == 1.0


def test_002_A5_arctan():
    assert derivative(tg.arctan, lambda x: 1 / (x**2 + 1), POINTS)
    differ(1 / np.tan(POINTS), tg.arctan(POINTS))


def test_002_A6_relu_has_a_kink_at_0():
    printed = lambda x: np.where(x < 0, 0.0, 1.0)
    assert derivative(tg.relu, printed, POINTS)
    assert at_0(tg.relu, printed).verdict == "kink"
    assert tg.grad(tg.relu)(0.0) == 0  # the library's choice


def test_002_A7_prelu_has_a_kink_at_0_and_learns_alpha():
    printed = lambda x: np.where(x < 0, 0.2, 1.0)
    f = lambda x: tg.prelu(x, np.array(0.2))
    assert derivative(f, printed, POINTS)
    assert at_0(f, printed).verdict == "kink"
    by_alpha = tg.jacobian(lambda alpha: tg.prelu(POINTS, alpha))(np.array(0.2))
    same(np.where(POINTS < 0, POINTS, 0), by_alpha)


def test_002_A8_elu_has_a_kink_at_0_unless_alpha_is_1():
    for alpha, verdict in ((0.5, "kink"), (1.0, "correct")):
        f = lambda x, alpha=alpha: tg.elu(x, alpha)
        printed = lambda x, f=f, alpha=alpha: np.where(x < 0, f(x) + alpha, 1.0)
        assert derivative(f, printed, POINTS)
        assert at_0(f, printed).verdict == verdict


def test_002_A9_softplus():
    same(np.log(1 + np.exp(POINTS)), tg.softplus(POINTS))
    assert derivative(tg.softplus, lambda x: 1 / (1 + np.exp(-x)), POINTS)
    with np.errstate(over="ignore"):
        assert np.isinf(np.log(1 + np.exp(710.0)))
    assert tg.softplus(710.0) == 710.0


# --- slides 8 to 17: statements ----------------------------------------------------------------


def test_002_T1_weights_are_multiplied_and_biases_added():
    x, w, b = T, SQUARE, U
    assert verify.jacobian(lambda x: w @ x + b, x, w)
    assert verify.jacobian(lambda b: w @ x + b, b, np.eye(C))
    assert not verify.jacobian(lambda x: w @ x + b, x, np.eye(C))  # as if they were added


def test_002_T2_small_changes_only_in_saturation():
    slope = tg.grad(tg.sigmoid)
    assert slope(0.0) == 0.25
    assert tg.sigmoid(2.0) - tg.sigmoid(-2.0) > 0.75  # a large change
    assert slope(10.0) < 1e-4


def test_002_T3_a_dead_neuron_keeps_its_weights():
    x, w = np.array([[0.5, 1.0], [2.0, 0.1], [1.5, 3.0]]), np.array([-1.0, -2.0])
    assert (x @ w < 0).all()  # z, for each example
    assert (tg.relu(x @ w) == 0).all()
    slope = tg.grad(lambda w: tg.relu(x @ w).sum())(w)
    assert (slope == 0).all()  # exactly, not "very small"
    same(w - 0.1 * slope, w)  # the weights stay as they are: it does not "become 0"
    assert (tg.grad(lambda w: tg.leaky_relu(x @ w).sum())(w) > 0).all()  # the remedy


def test_002_T4_gradients_explode_with_depth_times_weights():
    def slope(depth, weight):
        def f(x):
            for _ in range(depth):
                x = tg.relu(weight * x)
            return x

        return tg.grad(f)(1.0)

    same(2.0**30, slope(30, 2.0))
    assert slope(30, 1.0) == 1.0
    with np.errstate(all="ignore"):
        assert slope(2000, 2.0) == np.inf  # infinity comes first, NaN from inf - inf or 0 inf
    # What the kind of descent changes: a sum over the batch is m times the mean.
    x = np.arange(6.0)
    mean = tg.grad(lambda w: tg.square(x * w).mean())(1.0)
    same(6 * mean, tg.grad(lambda w: tg.square(x * w).sum())(1.0))


def test_002_T5_the_sigmoid_does_not_saturate_at_1():
    found = [tg.sigmoid(1.0), tg.grad(tg.sigmoid)(1.0), tg.sigmoid(5.0)]
    np.testing.assert_allclose(found, [0.7311, 0.1966, 0.9933], atol=5e-5)
    assert tg.sigmoid(36.7) < 1 == tg.sigmoid(36.8)
    assert tg.sigmoid(np.float32(16.6)) < 1 == tg.sigmoid(np.float32(16.7))
    assert not verify.steps([tg.sigmoid, lambda z: np.ones_like(z)], np.array([1.0, 5.0]))


def test_002_T6_sigmoids_lose_the_gradient_with_depth():
    def through(activation, depth):
        def f(x):
            for _ in range(depth):
                x = activation(x)
            return x

        return tg.grad(f)(0.5)

    assert through(tg.sigmoid, 10) < 0.25**9  # the slope is 1/4 at most
    assert through(tg.relu, 10) == 1
    probability = network(3, 4, 1).A[2]  # at the output of slide 20 it is at its place
    assert ((probability > 0) & (probability < 1)).all()
