"""The error function against Python's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_fr.kernels.erf import erf

X = np.concatenate([np.linspace(-7, 7, 20_001), np.geomspace(1e-30, 1, 200)])


def test_it_is_exact_to_the_last_digits():
    expected = np.array([math.erf(x) for x in X])
    np.testing.assert_allclose(erf(X), expected, rtol=1e-15, atol=1e-300)


def test_single_precision_is_within_its_rounding():
    x = X.astype(np.float32)
    expected = np.array([math.erf(float(v)) for v in x])
    assert erf(x).dtype == np.float32
    np.testing.assert_allclose(erf(x), expected, rtol=4e-7, atol=1e-37)
    assert abs(erf(x)).max() <= 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_ends_and_the_empty_array(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], dtype)
    np.testing.assert_array_equal(erf(x), np.array([1, -1, np.nan, 0, 0], dtype))
    assert erf(np.zeros((0, 3), dtype)).shape == (0, 3)
    assert erf(dtype(0.5)).dtype == dtype
