"""Winograd's algorithm against the plain sum over windows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_fr.kernels.fast import winograd


def plain(x, w, padding):
    """Nine shifted products: what convolution means."""
    ph, pw = padding
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    oh, ow = x.shape[2] - 2, x.shape[3] - 2
    return sum(
        np.einsum("nchw,fc->nfhw", x[:, :, i : i + oh, j : j + ow], w[:, :, i, j])
        for i in range(3)
        for j in range(3)
    )


def plain_weight(x, g, padding):
    ph, pw = padding
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    oh, ow = g.shape[2:]
    taps = [
        np.einsum("nchw,nfhw->fc", x[:, :, i : i + oh, j : j + ow], g)
        for i in range(3)
        for j in range(3)
    ]
    return np.stack(taps, -1).reshape(g.shape[1], x.shape[1], 3, 3)


def draw(n, c, f, size, padding, dtype=np.float64):
    rng = np.random.default_rng(0)
    out = tuple(s + 2 * p - 2 for s, p in zip(size, padding, strict=True))
    shapes = (n, c, *size), (f, c, 3, 3), (n, f, *out)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@st.composite
def arguments(draw):
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = tuple(draw(st.integers(max(1, 3 - 2 * p), 14)) for p in padding)
    n, c, f = (draw(st.integers(1, 4)) for _ in range(3))
    return n, c, f, size, padding


@given(arguments(), st.sampled_from([1, 500, 2000, 2**18]))
@settings(deadline=None)
def test_it_is_the_plain_sum_for_every_size_and_piece(shape, piece):
    x, w, g = draw(*shape)
    padding = shape[-1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_PIECE", piece)
        y = winograd.conv(x, w, padding)
        to_w, to_x = winograd.conv_weight(x, g, padding), winograd.conv_input(g, w, padding)
    np.testing.assert_allclose(y, plain(x, w, padding), atol=1e-12)
    np.testing.assert_allclose(to_w, plain_weight(x, g, padding), atol=1e-11)
    assert to_x.shape == x.shape
    assert np.vdot(to_x, x) == pytest.approx(np.vdot(g, y), abs=1e-9)


@pytest.mark.parametrize("channels", [16, 128])
def test_rounding_in_float32_stays_below_four_millionths_of_the_largest_value(channels):
    x, w, g = draw(8, channels, 32, (16, 16), (1, 1), np.float32)
    wide = [a.astype(np.float64) for a in (x, w, g)]
    results = winograd.conv(x, w, (1, 1)), winograd.conv_weight(x, g, (1, 1))
    references = plain(*wide[:2], (1, 1)), plain_weight(wide[0], wide[2], (1, 1))
    for result, reference in zip(results, references, strict=True):
        assert result.dtype == np.float32
        assert np.abs(result - reference).max() < 4e-6 * np.abs(reference).max()


def test_kept_tiles_give_the_same_gradient_to_the_bit():
    x, w, g = draw(5, 16, 24, (13, 10), (1, 1))
    kept = {}
    y = winograd.conv(x, w, (1, 1), None, kept)
    np.testing.assert_array_equal(y, winograd.conv(x, w, (1, 1)))
    assert kept
    with_kept = winograd.conv_weight(np.full_like(x, np.nan), g, (1, 1), kept)
    np.testing.assert_array_equal(with_kept, winograd.conv_weight(x, g, (1, 1)))


def test_a_bias_is_added():
    x, w, _ = draw(5, 16, 24, (13, 10), (1, 1))
    bias = np.arange(24.0)
    y = winograd.conv(x, w, (1, 1), bias)
    np.testing.assert_allclose(y, winograd.conv(x, w, (1, 1)) + bias[:, None, None], atol=1e-12)


def test_results_are_contiguous():
    x, w, g = draw(3, 8, 9, (13, 10), (1, 1))
    for result in (
        winograd.conv(x, w, (1, 1)),
        winograd.conv_weight(x, g, (1, 1)),
        winograd.conv_input(g, w, (1, 1)),
    ):
        assert result.flags.c_contiguous


@given(
    st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), st.integers(1, 64),
    st.sampled_from([1, 5000, 2**17]),
)  # fmt: skip
def test_pieces_cover_every_tile_once_in_nearly_equal_parts(n, oh, ow, depth, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_PIECE", piece)
        pieces = winograd._pieces(n, oh, ow, depth)
    th, tw = -(-oh // 4), -(-ow // 4)
    count = np.zeros((n, th))
    assert [number for number, *_ in pieces] == list(range(len(pieces)))
    for _, images, rows, grid in pieces:
        count[images, rows] += 1
        assert grid == (images.stop - images.start, rows.stop - rows.start, tw)
    assert (count == 1).all()
    parts = [rows.stop - rows.start for _, _, rows, _ in pieces]
    assert max(parts) - min(parts) <= max(1, -(-th // max(parts)) - 1)


def test_threads_do_not_disturb_each_other():
    x, w, _ = draw(2, 8, 8, (24, 24), (1, 1))
    expected = [winograd.conv(x * k, w, (1, 1)) for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda k: winograd.conv(x * k, w, (1, 1)), range(8))
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    ("x", "filters", "padding", "dtype", "expected"),
    [
        ((64, 24, 32, 32), (48, 24, 3, 3), (1, 1), np.float32, True),
        ((64, 24, 32, 32), (48, 24, 3, 3), (1, 1), np.float16, False),
        ((64, 24, 32, 32), (48, 24, 5, 5), (1, 1), np.float32, False),
        ((64, 24, 32, 32), (48, 24, 3, 3), (3, 1), np.float32, False),
        ((64, 3, 32, 32), (48, 3, 3, 3), (1, 1), np.float32, False),
        ((64, 24, 32, 32), (8, 24, 3, 3), (1, 1), np.float32, False),
        ((1, 24, 8, 8), (48, 24, 3, 3), (1, 1), np.float32, False),
    ],
)
def test_it_suits_large_convolutions_by_three_by_three_filters(
    x, filters, padding, dtype, expected
):
    assert winograd.suits(np.empty(x, dtype), filters, padding) is expected
