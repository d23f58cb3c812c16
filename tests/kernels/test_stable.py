"""Exponentials and quotients keep their digits where the fast way would lose some."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.kernels import stable, sums


def confident(dtype):
    """Logits of a network that is sure: right by far."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 100, 64)
    z = np.full((64, 100), -30, dtype)
    z[np.arange(64), labels] = rng.uniform(0, 4, 64)
    return z, labels


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_losses_of_confident_logits_are_not_negative(dtype):
    z, labels = confident(dtype)
    t = tg.Tensor(z, requires_grad=True)
    loss = tg.cross_entropy(t, labels, "none")
    loss.backward(np.ones(64, dtype))
    assert loss.data.min() >= 0
    assert tg.log_softmax(z).max() <= 0
    assert float(np.abs(t.grad.data).max()) < 1e-9


@pytest.mark.parametrize(("dtype", "worst"), [("f2", 60), ("f4", 200), ("f8", 2000)])
@pytest.mark.parametrize("rows", [2, 80])
def test_losses_of_confident_mistakes_are_the_distance_of_the_logits(dtype, worst, rows):
    z = np.zeros((rows, 60), dtype)
    z[:, 0] = np.linspace(0, worst, rows)
    loss = tg.cross_entropy(z, np.ones(rows, int), "none")
    z = z.astype(np.float64)
    top = z.max(1)
    expected = top + np.log(np.exp(z - top[:, None]).sum(1)) - z[:, 1]
    np.testing.assert_allclose(loss, expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("spread", [0.0, 3.0, 30.0, 3000.0])
@pytest.mark.parametrize("axis", [0, 1])
def test_softmax_of_many_numbers_whose_rows_lie_far_apart(spread, axis):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((80, 90)) + spread * rng.standard_normal((80, 90)).mean(
        axis, keepdims=True
    )
    e = np.exp(z - z.max(axis, keepdims=True))
    np.testing.assert_allclose(
        stable.softmax(z, axis), e / e.sum(axis, keepdims=True), rtol=1e-12, atol=1e-300
    )


def test_softmax_of_many_numbers_with_infinities_and_nan():
    z = np.zeros((80, 90))
    z[0, 0], z[1, 1], z[2] = -np.inf, np.nan, -1e300
    p = stable.softmax(z, 1)
    assert p[0, 0] == 0
    assert np.isnan(p[1]).all()
    np.testing.assert_allclose(p[2:], 1 / 90)


@pytest.mark.parametrize("shape", [(64, 100), (100, 64), (3, 4), (10, 2000), (2000, 10), (0, 5)])
@pytest.mark.parametrize("axis", [0, 1, -1, (0,), (1,), (0, 1), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_and_means_are_those_of_numpy(shape, axis, keepdims):
    x = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(
        sums.total(x, axis, keepdims), x.sum(axis, keepdims=keepdims), atol=1e-12
    )
    if x.size:
        np.testing.assert_allclose(
            sums.mean(x, axis, keepdims), x.mean(axis, keepdims=keepdims), atol=1e-12
        )


def test_a_quotient_with_a_zero_over_zero_is_left_to_the_careful_way():
    a, b = np.array([1.0, 0.0]), np.array([2.0, 0.0])
    assert stable.finite_quotient(a, b) is None
    assert stable.finite_quotient(a, np.array([2.0, np.nan])) is None
    np.testing.assert_array_equal(stable.finite_quotient(a, b + 1), [1 / 3, 0])
    np.testing.assert_array_equal(stable.finite_quotient(a, b + 1, a + 3), [4 / 3, 0])


@pytest.mark.parametrize("axis", [(0, 1), None, (0,), 0, 1, -2])
def test_softmax_of_many_numbers_over_any_axes(axis):
    y = stable.softmax(np.random.default_rng(0).standard_normal((600, 600)), axis)
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-12)
