"""Poolings over grids of their settings, against their definition and against PyTorch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import nn

RNG = np.random.default_rng(0)
KERNELS, STRIDES = [(1, 1), (2, 2), (3, 2), (4, 1), (1, 3)], [None, (1, 1), (1, 2), (3, 2), (2, 5)]
SIZES = [(1, 1), (2, 3), (4, 4), (5, 6), (7, 4)]


def settings(dilations=((1, 1), (2, 1), (1, 3))):
    for size, kernel, stride, dilation, ceil in itertools.product(
        SIZES, KERNELS, STRIDES, dilations, (False, True)
    ):
        h, w = kernel[0] // 2, kernel[1] // 2
        for padding in {(0, 0), (h, 0), (h, w)}:
            yield size, (kernel, stride, padding, dilation, ceil)


def maximum(x, kernel, stride, padding, dilation, ceil):
    return tg.max_pool2d(x, kernel, stride, padding, dilation=dilation, ceil_mode=ceil)


def mean(x, kernel, stride, padding, ceil, borders, divisor):
    return tg.avg_pool2d(
        x, kernel, stride, padding, ceil_mode=ceil, count_include_pad=borders,
        divisor_override=divisor,
    )  # fmt: skip


def windows(size, kernel, stride, padding, dilation, ceil):
    """The pixels of each window, in the image or not; None where no window fits."""
    axes = []
    for n, k, s, p, d in zip(size, kernel, stride or kernel, padding, dilation, strict=True):
        whole = n + 2 * p - d * (k - 1) - 1
        starts = [i * s - p for i in range(1 + (math.ceil if ceil else math.floor)(whole / s))]
        axes.append([[i + d * tap for tap in range(k)] for i in starts if not ceil or i < n])
    return axes if all(axes) else None


def maximum_by_definition(x, static):
    axes = windows(x.shape[-2:], *static)
    h, w = x.shape[-2:]
    y, d = [], []
    for rows, columns in itertools.product(*axes):
        pixels = [(i, j) for i in rows for j in columns if 0 <= i < h and 0 <= j < w]
        first = max(pixels, key=lambda at: x[at], default=None)  # max() gives the first
        y.append(-math.inf if first is None else x[first])
        d.append(first)
    return np.reshape(y, [len(axis) for axis in axes]), d


def mean_by_definition(x, static, count_include_pad, divisor):
    """The matrix of the map, windows by pixels."""
    axes, (h, w), (ph, pw) = windows(x.shape, *static), x.shape, static[2]
    rows = []
    for ys, xs in itertools.product(*axes):
        inside = [(i, j) for i in ys for j in xs if 0 <= i < h and 0 <= j < w]
        counted = sum(i < h + ph for i in ys) * sum(j < w + pw for j in xs)
        row = np.zeros((h, w))
        for at in inside:
            row[at] = 1 / (divisor or (counted if count_include_pad else len(inside)))
        rows.append(row.ravel())
    return np.array(rows), [len(axis) for axis in axes]


def test_maxima_and_their_gradients_are_those_of_the_definition():
    fitted = 0
    for size, static in settings():
        x = np.round(RNG.standard_normal(size))  # with ties
        t = tg.Tensor(x[None], requires_grad=True)
        if windows(size, *static) is None:
            with pytest.raises(tg.errors.ShapeError):
                maximum(t, *static)
            continue
        fitted += 1
        expected, places = maximum_by_definition(x, static)
        y = maximum(t, *static)
        np.testing.assert_array_equal(y.data[0], expected, err_msg=str((size, static)))
        g = tg.Tensor(RNG.standard_normal(y.shape), requires_grad=True)
        d = np.zeros(size)
        for at, value in zip(places, g.data.ravel(), strict=True):
            if at is not None:
                d[at] += value
        (first,) = tg.gradients(y, [t], g, create_graph=True)
        np.testing.assert_allclose(first.data[0], d, atol=1e-12, err_msg=str((size, static)))
        u = RNG.standard_normal(size)
        (second,) = tg.gradients((first * u).sum(), [g])
        back = [0.0 if at is None else u[at] for at in places]
        np.testing.assert_allclose(second.data.ravel(), back, err_msg=str((size, static)))
        maximum(t, *static).backward(g.data)
        np.testing.assert_allclose(t.grad.data[0], d, atol=1e-12)
    assert fitted > 500


@pytest.mark.parametrize("options", [(True, None), (False, None), (True, 3), (False, -2)])
def test_means_and_their_gradients_are_those_of_the_definition(options):
    for size, (kernel, stride, padding, dilation, ceil) in settings([(1, 1)]):
        static = kernel, stride, padding, ceil, *options
        x = tg.Tensor(RNG.standard_normal(size)[None], requires_grad=True)
        if windows(size, kernel, stride, padding, dilation, ceil) is None:
            with pytest.raises(tg.errors.ShapeError):
                mean(x, *static)
            continue
        where = kernel, stride, padding, dilation, ceil
        matrix, out = mean_by_definition(x.data[0], where, *options)
        y = mean(x, *static)
        expected = (matrix @ x.data.ravel()).reshape(1, *out)
        np.testing.assert_allclose(y.data, expected, atol=1e-12, err_msg=str(static))
        g = tg.Tensor(RNG.standard_normal(y.shape), requires_grad=True)
        (first,) = tg.gradients(y, [x], g, create_graph=True)
        np.testing.assert_allclose(first.data.ravel(), g.data.ravel() @ matrix, atol=1e-12)
        u = RNG.standard_normal(x.shape)
        (second,) = tg.gradients((first * u).sum(), [g])
        np.testing.assert_allclose(second.data.ravel(), matrix @ u.ravel(), atol=1e-12)
        mean(x, *static).backward(g.data)
        np.testing.assert_allclose(x.grad.data, first.data, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("special", [None, -np.inf, np.nan])
def test_maxima_are_pytorchs(dtype, special):
    torch = pytest.importorskip("torch")
    for i, (size, static) in enumerate(settings()):
        shape = [(2, 2, *size), (2, *size), (0, 2, *size), (1, 1, *size)][i % 4]
        x = np.round(RNG.standard_normal(shape)).astype(dtype)
        if special is not None:
            x[RNG.random(shape) < 0.4] = special
        ours, theirs = tg.Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
        if windows(size, *static) is None:
            with pytest.raises(RuntimeError):
                torch.nn.functional.max_pool2d(theirs, *static)
            continue
        y, t = maximum(ours, *static), torch.nn.functional.max_pool2d(theirs, *static)
        np.testing.assert_array_equal(y.data, t.detach().numpy(), err_msg=str((size, static)))
        assert y.dtype == dtype
        if any(not any(0 <= i < n for i in axis) for n, axes in zip(
            size, windows(size, *static), strict=True) for axis in axes):  # fmt: skip
            continue  # a window of nothing but padding: what PyTorch makes of it is undefined
        g = RNG.integers(1, 9, y.shape).astype(dtype)
        y.backward(g)
        t.backward(torch.from_numpy(g))
        np.testing.assert_array_equal(
            ours.grad.data, theirs.grad.numpy(), err_msg=str((size, static))
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [(True, None), (False, None), (True, 3)])
def test_means_are_pytorchs(dtype, options):
    torch = pytest.importorskip("torch")
    for i, (size, (kernel, stride, padding, dilation, ceil)) in enumerate(settings([(1, 1)])):
        if windows(size, kernel, stride, padding, dilation, ceil) is None:
            continue
        shape = [(2, 2, *size), (2, *size), (0, 2, *size), (1, 1, *size)][i % 4]
        x = RNG.standard_normal(shape).astype(dtype)
        static = kernel, stride, padding, ceil, *options
        ours, theirs = tg.Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
        y, t = mean(ours, *static), torch.nn.functional.avg_pool2d(theirs, *static)
        np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=1e-5, atol=1e-6)
        assert y.dtype == dtype
        g = RNG.standard_normal(y.shape).astype(dtype)
        y.backward(g)
        t.backward(torch.from_numpy(g))
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", [tg.max_pool2d, tg.avg_pool2d])
def test_strided_images_and_integers_are_taken(pool):
    x = np.arange(120).reshape(2, 3, 4, 5)[..., ::-1]
    for padding in (0, 1):
        expected = pool(np.ascontiguousarray(x).astype(float), 2, None, padding)
        np.testing.assert_array_equal(pool(x, 2, None, padding), expected)
        np.testing.assert_array_equal(pool(x.astype(float), 2, None, padding), expected)


def test_padding_never_wins_among_integers():
    assert tg.max_pool2d(np.full((1, 2, 2), -5), 2, None, 1).tolist() == [[[-5, -5], [-5, -5]]]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda n: n.MaxPool2d(3, 2, 1, 2, ceil_mode=True),) * 2,
        (lambda n: n.AvgPool2d(3, 2, 1, True, False),) * 2,
        (lambda n: n.AvgPool2d(2, ceil_mode=True, divisor_override=5),) * 2,
        (lambda n: n.Conv2d(3, 2, 3, bias=False),) * 2,
    ],
)
def test_layers_take_pytorchs_options_and_single_images(ours, theirs):
    torch = pytest.importorskip("torch")
    layer, other = ours(nn), theirs(torch.nn)
    for shape in ((2, 3, 7, 8), (3, 7, 8)):
        x = RNG.standard_normal(shape).astype(np.float32)
        y = layer(tg.Tensor(x))
        if hasattr(layer, "weight"):
            other.weight.data = torch.from_numpy(layer.weight.data.copy())
        np.testing.assert_allclose(y.data, other(torch.from_numpy(x)).detach(), atol=1e-5)


@pytest.mark.parametrize(
    "program",
    [
        lambda x: tg.max_pool2d(x, 2, None, 2),
        lambda x: tg.max_pool2d(x, 2, None, 0, dilation=0),
        lambda x: tg.avg_pool2d(x, 2, divisor_override=0),
        lambda x: tg.avg_pool2d(x[:, :, :0], 2, None, 1, count_include_pad=False),
        lambda x: tg.max_pool2d(x[:, :, :, :0], 2, None, 1),
        lambda x: tg.max_pool2d(x[0, 0], 2),
        lambda x: tg.max_pool2d(x, 4),
    ],
)
def test_what_makes_no_sense_is_refused_in_our_words(program):
    with pytest.raises(tg.errors.TinygradError):
        program(np.ones((1, 1, 3, 3)))
