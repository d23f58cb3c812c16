"""Images in another size: integers, infinities, halves, and the pixel that is nearest."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg


@pytest.mark.parametrize("size", [1, 2, (2, 3), (3, None)])
def test_means_of_integers_are_no_integers(size):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 6)).astype(np.uint8)
    y = tg.adaptive_avg_pool2d(images, size)
    np.testing.assert_allclose(y, tg.adaptive_avg_pool2d(images.astype(float), size))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("size", [2, 3])
def test_a_pixel_that_is_not_finite_spoils_its_own_part_only(value, size):
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 0] = value
    y = tg.adaptive_avg_pool2d(x, size)
    assert np.isfinite(y).sum() == size * size - 1
    np.testing.assert_equal(y[0, 0, 0, 0], value)


def test_halves_are_averaged_in_single_precision():
    ones = np.ones((1, 1, 250, 280), np.float16)
    assert tg.adaptive_avg_pool2d(ones, 1).item() == 1.0
    assert tg.adaptive_avg_pool2d(ones, 1).dtype == np.float16
    with pytest.raises(ValueError, match="pixels"):
        tg.adaptive_avg_pool2d(np.ones((1, 1, 0, 3)), 1)


def test_the_nearest_pixel_is_the_floor_of_the_quotient():
    for n in range(1, 64):
        for m in range(1, 130):
            y = tg.interpolate(np.arange(n)[None, None], m)[0, 0]
            assert y.tolist() == [i * n // m for i in range(m)]
    assert tg.interpolate(np.arange(31.0)[None, None], scale_factor=1.3)[0, 0, 39] == 30


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.3, 1.7, 2, 2.5, 3.1])
def test_factors_choose_the_pixels_of_pytorchs(factor):
    torch = pytest.importorskip("torch")
    for n in range(4, 60):
        x = np.arange(float(n))[None, None]
        z = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=factor)
        assert tg.interpolate(x, scale_factor=factor).tolist() == z.tolist(), n
