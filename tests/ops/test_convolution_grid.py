"""Convolutions over grids of their settings, against their definition and against PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_fr as tg

RNG = np.random.default_rng(0)
# Vertical and horizontal differ, in every setting, so that none can be taken for the other.
KERNELS = [(1, 1), (2, 3), (3, 2), (3, 3), (4, 1), (1, 4)]
STRIDES, DILATIONS, PADDINGS = [(1, 1), (1, 2), (3, 2)], [(1, 1), (2, 1), (1, 3)], [(0, 0), (1, 2)]


def draw(*shape):
    return RNG.standard_normal(shape)


def by_definition(x, w, b, stride, padding, dilation, groups):
    """``conv2d``, tap by tap."""
    edges = [(0, 0), (0, 0), *[(p, p) for p in padding]]
    x, (f, c, kh, kw) = np.pad(x, edges), w.shape
    oh, ow = (
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], (kh, kw), stride, dilation, strict=True)
    )
    y = np.zeros((len(x), f, oh, ow)) + (0 if b is None else b[:, None, None])
    for k, i, j in itertools.product(range(f), range(kh), range(kw)):
        top, left, first = i * dilation[0], j * dilation[1], k // (f // groups) * c
        seen = x[:, first : first + c, top:, left:][..., :: stride[0], :: stride[1]]
        y[:, k] += np.einsum("nchw,c->nhw", seen[..., :oh, :ow], w[k, :, i, j])
    return y


def transposed_by_definition(x, w, b, stride, padding, output_padding, groups, dilation):
    """``conv_transpose2d``: each pixel lays the filters down, the padding is cut away."""
    (n, c, h, width), (_, f, kh, kw) = x.shape, w.shape
    size = [
        (m - 1) * s - 2 * p + d * (k - 1) + e + 1
        for m, s, p, d, k, e in zip(
            (h, width), stride, padding, dilation, (kh, kw), output_padding, strict=True
        )
    ]
    y = np.zeros((n, f * groups, *(m + 2 * p + 9 for m, p in zip(size, padding, strict=True))))
    for k, i, j in itertools.product(range(c), range(kh), range(kw)):
        top, left, first = i * dilation[0], j * dilation[1], k // (c // groups) * f
        rows = slice(top, top + h * stride[0], stride[0])
        columns = slice(left, left + width * stride[1], stride[1])
        y[:, first : first + f, rows, columns] += x[:, k, None] * w[k, :, i, j, None, None]
    y = y[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
    return y + (0 if b is None else b[:, None, None])


def plain_grid():
    for kernel, stride, dilation, padding, groups in itertools.product(
        KERNELS, STRIDES, DILATIONS, PADDINGS, (1, 2)
    ):
        reach = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=True)]
        for more in (0, 3):
            size = [max(1, r + more) for r in reach]
            yield (2, 2, *size), (4, 2 // groups, *kernel), (stride, padding, dilation, groups)


def transposed_grid():
    for kernel, stride, dilation, padding, groups in itertools.product(
        KERNELS, STRIDES, DILATIONS, PADDINGS, (1, 2)
    ):
        most = [max(s, d) for s, d in zip(stride, dilation, strict=True)]
        for extra in {(0, 0), (most[0] - 1, 0), (0, most[1] - 1), (most[0] - 1, most[1] - 1)}:
            for h, w in ((2, 3), (1, 1)):
                size = [
                    (n - 1) * s - 2 * p + d * (k - 1) + e + 1
                    for n, s, p, d, k, e in zip(
                        (h, w), stride, padding, dilation, kernel, extra, strict=True
                    )
                ]
                if min(size) > 0:
                    static = stride, padding, extra, groups, dilation
                    yield (2, 2, h, w), (2, 2, *kernel), static


GRIDS = {
    "conv2d": (list(plain_grid()), by_definition),
    "conv_transpose2d": (list(transposed_grid()), transposed_by_definition),
}


def bias_of(name, w, static):
    groups = static[3]
    return draw(len(w) if name == "conv2d" else w.shape[1] * groups)


def close(ours, expected, what, rtol=1e-9):
    scale = max(np.abs(expected).max(initial=0), 1.0)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=rtol * scale, err_msg=str(what))


@pytest.mark.parametrize("name", GRIDS)
def test_values_and_gradients_of_both_orders_are_those_of_the_definition(name):
    """The map is linear in each argument, so that its own values along directions tell all."""
    grid, definition = GRIDS[name]
    for shape, filters, static in grid:
        x, w = draw(*shape), draw(*filters)
        b = bias_of(name, w, static)
        tensors = [tg.Tensor(a, requires_grad=True) for a in (x, w, b)]
        y = getattr(tg, name)(*tensors, *static)
        close(y.data, definition(x, w, b, *static), static)
        g = tg.Tensor(draw(*y.shape), requires_grad=True)
        u, v, t = draw(*shape), draw(*filters), draw(*b.shape)
        along = [definition(u, w, None, *static), definition(x, v, None, *static)]
        first = tg.gradients(y, tensors, g, create_graph=True)
        for d, direction, slope in zip(first, (u, v), along, strict=False):
            close((d.data * direction).sum(), (g.data * slope).sum(), static)
        close(first[2].data, g.data.sum((0, 2, 3)), static)
        total = sum((d * a).sum() for d, a in zip(first, (u, v, t), strict=True))
        second = tg.gradients(total, [tensors[0], tensors[1], g])
        close(second[2].data, along[0] + along[1] + t[:, None, None], static)
        mixed = (g.data * definition(u, v, None, *static)).sum()
        close((second[0].data * u).sum(), mixed, static)
        close((second[1].data * v).sum(), mixed, static)
        raw = tg.gradients(getattr(tg, name)(*tensors, *static), tensors, g.data)
        for plain, recorded in zip(raw, first, strict=True):
            close(plain.data, recorded.data, static)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", GRIDS)
def test_values_and_gradients_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    for i, (shape, filters, static) in enumerate(GRIDS[name][0]):
        n = (2, None, 1, 0)[i % 4]  # None: one image without an axis for the batch
        x, w = draw(*shape[1:]) if n is None else draw(n, *shape[1:]), draw(*filters)
        arrays = [a.astype(dtype) for a in (x, w, bias_of(name, w, static))]
        ours = [tg.Tensor(a, requires_grad=True) for a in arrays]
        theirs = [torch.from_numpy(a).double().requires_grad_() for a in arrays]
        y = getattr(tg, name)(*ours, *static)
        t = getattr(torch.nn.functional, name)(*theirs, *static)
        assert y.shape == tuple(t.shape)
        assert y.dtype == dtype
        rtol = 1e-5 if dtype == np.float32 else 1e-12
        close(y.data, t.detach().numpy(), static, rtol)
        g = draw(*y.shape).astype(dtype)
        y.backward(g)
        t.backward(torch.from_numpy(g).double())
        for a, b in zip(ours, theirs, strict=True):
            close(a.grad.data, b.grad.numpy(), static, 5 * rtol)


# Channels and sizes from which other kernels take over: Winograd, one channel compiled, blocks.
WIDE = [
    ((2, 16, 24, 25), (16, 16, 3, 3)), ((2, 16, 24, 25), (16, 16, 2, 3)),
    ((2, 1, 9, 50), (5, 1, 3, 3)), ((1, 13, 40, 33), (12, 13, 3, 3)),
    ((2, 40, 60, 61), (4, 40, 3, 3)),
]  # fmt: skip


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("case", range(len(WIDE)))
@pytest.mark.parametrize("layout", ["contiguous", "strided"])
def test_every_kernel_computes_the_definition(case, padding, layout):
    shape, filters = WIDE[case]
    x, w = draw(*shape), draw(*filters)
    given = x if layout == "contiguous" else np.repeat(x, 2, 3)[..., ::2]
    weight = w if layout == "contiguous" else np.asfortranarray(w)
    static = (1, 1), padding, (1, 1), 1
    expected = by_definition(x, w, None, *static)
    close(tg.conv2d(given, weight, None, *static), expected, static, 1e-7)
    tensors = tg.Tensor(given, requires_grad=True), tg.Tensor(weight, requires_grad=True)
    g = draw(*expected.shape)
    tg.conv2d(*tensors, None, *static).backward(g)
    u, v = draw(*shape), draw(*filters)
    slopes = by_definition(u, w, None, *static), by_definition(x, v, None, *static)
    for tensor, direction, slope in zip(tensors, (u, v), slopes, strict=True):
        close((tensor.grad.data * direction).sum(), (g * slope).sum(), static, 1e-6)
    back = tg.conv_transpose2d(g, weight, None, *static[:2])
    close((back * u).sum(), (g * slopes[0]).sum(), static, 1e-6)


def test_convolutions_of_signals_are_those_of_images_one_pixel_high():
    torch = pytest.importorskip("torch")
    for k, stride, padding, dilation, groups in itertools.product(
        (1, 2, 3, 4), (1, 3), (0, 2), (1, 2), (1, 2)
    ):
        static = stride, padding, dilation, groups
        for shape in ((3, 4, 9), (0, 4, 9), (4, 9)):
            arrays = draw(*shape), draw(6, 4 // groups, k), draw(6)
            ours = [tg.Tensor(a, requires_grad=True) for a in arrays]
            theirs = [torch.from_numpy(a).requires_grad_() for a in arrays]
            y = tg.conv1d(*ours, *static)
            t = torch.nn.functional.conv1d(*theirs, *static)
            close(y.data, t.detach().numpy(), static)
            g = draw(*y.shape)
            y.backward(g)
            t.backward(torch.from_numpy(g))
            for a, b in zip(ours, theirs, strict=True):
                close(a.grad.data, b.grad.numpy(), static)


def test_rows_that_output_padding_adds_pull_on_the_filters_that_reach_them():
    x = tg.Tensor(np.array([1.0, 2.0]).reshape(1, 1, 2, 1), requires_grad=True)
    w = tg.Tensor(np.ones((1, 1, 2, 1)), requires_grad=True)
    y = tg.conv_transpose2d(x, w, None, 1, (1, 0), (1, 0), 1, (2, 1))
    assert y.data.ravel().tolist() == [2.0, 1.0, 2.0]
    (y * np.array([1.0, 2.0, 3.0]).reshape(y.shape)).sum().backward()
    assert x.grad.data.ravel().tolist() == [2.0, 4.0]
    assert w.grad.data.ravel().tolist() == [2.0, 8.0]


@pytest.mark.parametrize(
    "program",
    [
        lambda: tg.conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), None, 2, 0, 2),
        lambda: tg.conv2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3))),
        lambda: tg.conv2d(np.ones((3, 8, 8)), np.ones((2, 1, 3, 3))),
        lambda: tg.conv_transpose2d(np.ones((3, 8, 8)), np.ones((2, 1, 3, 3))),
        lambda: tg.conv1d(np.ones(8), np.ones((2, 1, 3))),
    ],
)
def test_what_does_not_fit_is_refused_in_our_words(program):
    with pytest.raises(tg.errors.TinygradError):
        program()
