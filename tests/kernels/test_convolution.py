"""Convolution and its two adjoints, against PyTorch and against each other."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_fr.kernels import convolution
from tinygrad_fr.kernels.convolution import conv, conv_bias, conv_input, conv_weight
from tinygrad_fr.kernels.fast import winograd
from tinygrad_fr.kernels.windows import Windows, cut

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}  # relative to the largest value

# images, filters, stride, padding, dilation, groups
CASES = {
    "one channel": ((2, 1, 7, 6), (3, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    "no image": ((0, 4, 7, 6), (3, 4, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    "one image": ((1, 1, 9, 8), (8, 1, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    "one image, many channels": ((1, 6, 9, 8), (5, 6, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "many channels": ((3, 8, 7, 6), (5, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "uneven everything": ((2, 4, 9, 8), (6, 4, 2, 3), (2, 1), (0, 2), (1, 2), 1),
    "stride beyond the kernel": ((2, 5, 11, 9), (4, 5, 2, 2), (3, 4), (1, 0), (1, 1), 1),
    "pixels that no window covers": ((2, 4, 8, 8), (4, 4, 3, 3), (3, 3), (0, 0), (1, 1), 1),
    "padding beyond the kernel": ((2, 4, 3, 4), (3, 4, 2, 2), (1, 1), (3, 2), (1, 1), 1),
    "dilation": ((2, 4, 9, 9), (3, 4, 3, 2), (1, 1), (2, 1), (2, 3), 1),
    "dilation and stride": ((2, 4, 10, 9), (3, 4, 3, 3), (2, 3), (2, 2), (2, 2), 1),
    "a kernel of one pixel": ((2, 6, 4, 5), (4, 6, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "a kernel of the image's size": ((3, 6, 4, 5), (4, 6, 4, 5), (1, 1), (0, 0), (1, 1), 1),
    "images of one pixel": ((4, 6, 1, 1), (5, 6, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "images of one row": ((2, 6, 1, 9), (5, 6, 1, 3), (1, 2), (0, 1), (1, 1), 1),
    "images of one column": ((2, 6, 9, 1), (5, 6, 3, 1), (2, 1), (1, 0), (1, 1), 1),
    "one filter": ((2, 6, 5, 5), (1, 6, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "groups": ((3, 8, 6, 7), (12, 2, 3, 3), (1, 1), (1, 1), (1, 1), 4),
    "groups, stride and dilation": ((1, 8, 9, 9), (4, 4, 3, 3), (2, 2), (2, 2), (2, 2), 2),
    "depthwise": ((2, 6, 7, 7), (6, 1, 3, 3), (1, 1), (1, 1), (1, 1), 6),
    "depthwise with a multiplier": ((2, 3, 7, 7), (6, 1, 3, 3), (2, 1), (1, 1), (1, 1), 3),
    "wide": ((5, 16, 28, 28), (32, 16, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "wide and strided": ((5, 16, 29, 30), (32, 16, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    "an image of more than a block": ((2, 32, 70, 60), (8, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1),
}


def every(x, w, stride, padding, dilation, groups):
    """The output, the upstream gradient, and the three gradients."""
    y, cols = conv(x, w, stride, padding, dilation, groups)
    g = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    to_x = conv_input(g, w, x.shape[2:], stride, padding, dilation, groups)
    return y, g, to_x, conv_weight(cols, g, w.shape, groups), conv_bias(g)


def draw(case, dtype=np.float64):
    shape, filters, *static = CASES[case]
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype(dtype) for s in (shape, filters))
    return x, w, *static


def close(result, expected, dtype):
    assert result.shape == expected.shape
    assert result.dtype == dtype
    scale = max(np.abs(expected).max(initial=0), 1.0)
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolution_and_its_gradients_are_those_of_pytorch(case, dtype):
    torch = pytest.importorskip("torch")
    x, w, stride, padding, dilation, groups = draw(case, dtype)
    y, g, *gradients = every(x, w, stride, padding, dilation, groups)
    inputs = [torch.from_numpy(a).double().requires_grad_() for a in (x, w, np.zeros(len(w)))]
    reference = torch.nn.functional.conv2d(*inputs, stride, padding, dilation, groups)
    reference.backward(torch.from_numpy(g).double())
    close(y, reference.detach().numpy(), dtype)
    for ours, theirs in zip(gradients, inputs, strict=True):
        close(ours, theirs.grad.numpy(), dtype)


@pytest.mark.parametrize("case", CASES)
def test_the_layout_of_the_arrays_does_not_matter(case):
    x, w, *static = draw(case)
    expected = every(x, w, *static)
    layouts = {
        "F order": np.asfortranarray,
        "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(
            0, 3, 1, 2
        ),
        "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1, ::-1, ::-1])[
            ::-1, ::-1, ::-1, ::-1
        ],
        "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 3)[::2, :, :, ::2],
    }
    for change in layouts.values():
        y, g, to_x, to_w, to_b = every(change(x), change(w), *static)
        np.testing.assert_allclose(y, expected[0], atol=1e-12)
        np.testing.assert_allclose(to_x, expected[2], atol=1e-12)
        np.testing.assert_allclose(to_w, expected[3], atol=1e-11)
        _, cols = conv(x, w, *static)
        np.testing.assert_allclose(
            conv_weight(cols, change(g), w.shape, static[-1]), to_w, atol=1e-11
        )
        np.testing.assert_allclose(conv_input(change(g), w, x.shape[2:], *static), to_x, atol=1e-12)
        np.testing.assert_allclose(conv_bias(change(g)), to_b, atol=1e-11)


@pytest.mark.parametrize("case", CASES)
def test_inputs_are_left_alone_and_may_be_read_only(case):
    x, w, *static = draw(case)
    copies = x.copy(), w.copy()
    x.flags.writeable = w.flags.writeable = False
    y, _, *gradients = every(x, w, *static)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(w, copies[1])
    for result in (y, *gradients):
        assert result.flags.writeable
        assert not np.shares_memory(result, x)
        assert not np.shares_memory(result, w)


@pytest.mark.parametrize("case", CASES)
def test_columns_made_anew_block_by_block_give_the_same(case, monkeypatch):
    x, w, *static = draw(case)
    expected = every(x, w, *static)
    monkeypatch.setattr(convolution, "_SMALL", 0)
    monkeypatch.setattr(convolution, "_KEPT", 0)
    monkeypatch.setattr(convolution, "_BLOCK", 1)
    monkeypatch.setattr(winograd, "suits", lambda *_: False)
    assert isinstance(conv(x, w, *static)[1], Windows) == (len(x) > 0)
    for result, wanted in zip(every(x, w, *static), expected, strict=True):
        np.testing.assert_allclose(result, wanted, atol=1e-11)


@pytest.mark.parametrize("case", ["wide", "uneven everything", "groups"])
def test_mixed_precision_gives_the_wider(case):
    x, w, *static = draw(case)
    mixed = every(x.astype(np.float32), w, *static)  # and an upstream gradient in float32
    expected = every(x.astype(np.float32).astype(np.float64), w, *static)
    assert mixed[0].dtype == mixed[2].dtype == np.float64
    np.testing.assert_allclose(mixed[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(mixed[2], expected[2], atol=1e-4)
    np.testing.assert_allclose(mixed[3], expected[3], atol=1e-2)


def test_little_is_kept_of_large_images():
    x = np.zeros((8, 24, 64, 64), np.float32)
    w = np.zeros((24, 24, 5, 5), np.float32)
    tracemalloc.start()
    y, cols = conv(x, w, (1, 1), (2, 2), (1, 1), 1)
    kept, peak = tracemalloc.get_traced_memory()
    conv_weight(cols, y, w.shape, 1)
    conv_input(y, w, (64, 64), (1, 1), (2, 2), (1, 1), 1)
    _, later = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1.1 * y.nbytes
    assert max(peak, later) < 10 * y.nbytes  # the columns are 25 times as large


pairs = lambda least, most: st.tuples(*[st.integers(least, most)] * 2)


@st.composite
def convolutions(draw):
    groups = draw(st.integers(1, 3))
    kernel, dilation = draw(pairs(1, 3)), draw(pairs(1, 3))
    stride, padding = draw(pairs(1, 3)), draw(pairs(0, 3))
    extent = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = [draw(st.integers(max(1, e), max(1, e) + 4)) for e in extent]
    n, c, f = (draw(st.integers(1, most)) for most in (3, 5, 3))
    return (n, c * groups, *size), (f * groups, c, *kernel), stride, padding, dilation, groups


@given(convolutions(), st.integers(0, 1000))
@settings(deadline=None)
def test_the_three_maps_are_adjoint_to_each_other(convolution, seed):
    shape, filters, *static = convolution
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal(shape), rng.standard_normal(filters)
    y, cols = conv(x, w, *static)
    g = rng.standard_normal(y.shape)
    expected = np.vdot(y, g)
    bound = 1e-10 * (1 + np.abs(y).sum())
    to_x = conv_input(g, w, shape[2:], *static)
    assert to_x.shape == shape
    assert abs(np.vdot(x, to_x) - expected) < bound
    assert abs(np.vdot(w, conv_weight(cols, g, filters, static[-1])) - expected) < bound


@given(convolutions())
@settings(deadline=None)
def test_output_size_counts_the_windows_that_fit(convolution):
    shape, filters, stride, padding, dilation, _ = convolution
    expected = tuple(
        len([i for i in range(0, size + 2 * p, s) if i + d * (k - 1) < size + 2 * p])
        for size, k, s, p, d in zip(shape[2:], filters[2:], stride, padding, dilation, strict=True)
    )
    assert cut(shape[2:], filters[2:], stride, padding, dilation).out == expected
