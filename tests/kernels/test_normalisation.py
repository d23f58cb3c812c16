"""Layer normalisation where numbers are large, tiny, few or short of digits."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.kernels import Array


def gradient(x, g, **options):
    t = tg.Tensor(x, requires_grad=True)
    y = tg.layer_norm(t, x.shape[1], **options)
    y.backward(g)
    return y.data, t.grad.data


@pytest.mark.parametrize("magnitude", [1e-13, 1e-6, 1.0, 1e6, 1e15, 1e17])
def test_the_gradient_in_float32_at_any_magnitude(magnitude):
    rng = np.random.default_rng(0)
    x = (magnitude * rng.normal(size=(2, 8))).astype(np.float32)
    g = rng.normal(size=(2, 8)).astype(np.float32)
    _, found = gradient(x, g, eps=0.0)
    _, expected = gradient(x.astype(np.float64), g.astype(np.float64), eps=0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    "x",
    [
        [[0, 0.01, 0.02, 0.03]],
        [[5, 5, 5, 5]],
        [[3]],
        np.tile(np.arange(30, 34), 1000)[None],
        [[1000] * 99 + [1002]],
    ],
    ids=["close together", "constant", "one", "a sum above 65504", "a large mean"],
)
def test_half_precision(x):
    x = np.array(x, np.float16)
    g = np.zeros_like(x)
    g[0, 0] = 1
    y, found = gradient(x, g)
    assert y.dtype == found.dtype == np.float16
    expected_y, expected = gradient(x.astype(np.float64), g.astype(np.float64))
    np.testing.assert_allclose(y, expected_y, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("mean", "allowed"), [(1e2, 3e-5), (1e4, 1.5e-3), (1e6, 0.1)])
def test_a_large_mean_costs_no_more_digits_than_it_must(mean, allowed):
    x = (mean + np.random.default_rng(0).normal(size=(64, 4096))).astype(np.float32)
    y = tg.layer_norm(x, 4096)
    assert np.abs(y - tg.layer_norm(x.astype(np.float64), 4096)).max() < allowed


def test_what_overflows_warns():
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        tg.layer_norm(np.array([[1e25, 0, -1e25]], np.float32), 3)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        tg.layer_norm(np.ones((2, 4)), 4, eps=0.0)
    with np.errstate(all="ignore"):
        assert np.isnan(tg.layer_norm(np.ones((2, 4)), 4, eps=0.0)).all()


@pytest.mark.parametrize(("shape", "mean"), [((1, 2, 600, 600), 1e5), ((2, 3, 224, 224), 1e6)])
def test_batch_norm_of_long_rows_with_a_large_mean(shape, mean):
    x = (np.random.default_rng(1).normal(size=shape) + mean).astype(np.float32)
    y = tg.batch_norm(x, None, None, training=True)
    exact = tg.batch_norm(x.astype(np.float64), None, None, training=True)
    assert np.abs(y - exact).max() < 0.1


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (0, 3), (2, 3, 0, 8)])
def test_batch_norm_of_nothing_outside_of_training(shape):
    x = tg.Tensor(np.zeros(shape), requires_grad=True)
    w = tg.Tensor(np.ones(3), requires_grad=True)
    tg.batch_norm(x, np.zeros(3), np.ones(3), w).sum().backward()
    assert x.grad.shape == shape
    np.testing.assert_array_equal(w.grad.data, np.zeros(3))


def test_a_second_pass_computes_again_what_the_first_has_left():
    upstream = np.ones((6, 4))

    @tg.op(r"y", method=False, name="_with_one_gradient")
    def with_one_gradient(x: Array):
        def to_x(g, y, x):
            return upstream  # the same array in each pass

        return np.asarray(x.sum()), to_x

    x, w, b = (tg.Tensor(a, requires_grad=True) for a in (np.eye(6, 4), np.ones(4), np.ones(4)))
    for y in (tg.batch_norm(x, None, None, w, b, training=True), tg.layer_norm(x, 4, w, b)):
        upstream[...] = 1
        loss = with_one_gradient(y)
        tg.gradients(loss, w, retain_graph=True)
        upstream[...] = np.arange(24.0).reshape(6, 4)
        found = tg.gradients(loss, b, retain_graph=True)
        np.testing.assert_allclose(found.data, upstream.sum(0))
