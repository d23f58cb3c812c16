"""Properties over random shapes and values, with Hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_fr as tg
from tinygrad_fr import verify

settings.register_profile("tests", max_examples=40, deadline=None)
settings.load_profile("tests")

numbers = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 3))
pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)


@given(pairs, st.sampled_from(["add", "subtract", "multiply", "divide"]), st.data())
def test_arithmetic_broadcasts_as_numpy_and_its_gradient_is_right(shapes, name, data):
    a = data.draw(hnp.arrays(float, shapes.input_shapes[0], elements=numbers))
    b = data.draw(hnp.arrays(float, shapes.input_shapes[1], elements=st.floats(0.5, 3)))
    f = getattr(tg, name)
    np.testing.assert_array_equal(f(a, b), getattr(np, name)(a, b))
    report = verify.check(f, a, b)
    assert report, report


@given(st.data())
def test_basic_and_advanced_indexing_is_numpys(data):
    x = np.arange(24.0).reshape(2, 3, 4)
    index = data.draw(
        st.one_of(
            hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True),
            hnp.integer_array_indices(x.shape),
            hnp.arrays(bool, x.shape),
        )
    )
    t = tg.Tensor(x, requires_grad=True)
    y = t[index]
    np.testing.assert_array_equal(y.data, x[index])
    g = np.random.default_rng(0).standard_normal(y.shape)
    y.backward(g)
    expected = np.zeros(x.shape)
    np.add.at(expected, index, g)
    np.testing.assert_allclose(t.grad.data, expected, atol=1e-14)


@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(3, 6), st.integers(3, 6)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_convolution_agrees_with_its_definition(sizes, image, kernel, stride, padding):
    (n, c, f), rng = sizes, np.random.default_rng(0)
    x, w = rng.standard_normal((n, c, *image)), rng.standard_normal((f, c, *kernel))
    padded = np.pad(x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2])
    y = tg.conv2d(x, w, None, stride, padding)
    plain = np.zeros(y.shape)
    for i, j in np.ndindex(y.shape[2:]):
        window = padded[
            :,
            :,
            i * stride[0] : i * stride[0] + kernel[0],
            j * stride[1] : j * stride[1] + kernel[1],
        ]
        plain[:, :, i, j] = np.einsum("nckl,fckl->nf", window, w)
    np.testing.assert_allclose(y, plain, atol=1e-12)
    # The three maps are adjoint to each other: <conv(x, w), g> = <x, to_x(g)> = <w, to_w(g)>.
    tx, tw = tg.Tensor(x, requires_grad=True), tg.Tensor(w, requires_grad=True)
    g = rng.standard_normal(y.shape)
    tg.conv2d(tx, tw, None, stride, padding).backward(g)
    inner = (plain * g).sum()
    np.testing.assert_allclose((tx.grad.data * x).sum(), inner, atol=1e-10)
    np.testing.assert_allclose((tw.grad.data * w).sum(), inner, atol=1e-10)


@given(
    hnp.arrays(float, (2, 2, 5, 6), elements=st.integers(0, 3).map(float)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.booleans(),
)
def test_max_pooling_agrees_with_its_definition_even_with_ties(x, kernel, stride, padded):
    padding = (kernel[0] // 2, kernel[1] // 2) if padded else (0, 0)
    t = tg.Tensor(x, requires_grad=True)
    y = tg.max_pool2d(t, kernel, stride, padding)
    border = np.pad(
        x, [(0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2], constant_values=-np.inf
    )
    plain, grad = np.zeros(y.shape), np.zeros(border.shape)
    g = np.random.default_rng(0).standard_normal(y.shape)
    for n, c, i, j in np.ndindex(y.shape):
        top, left = i * stride[0], j * stride[1]
        window = border[n, c, top : top + kernel[0], left : left + kernel[1]]
        k, m = np.unravel_index(window.argmax(), window.shape)
        plain[n, c, i, j] = window[k, m]
        grad[n, c, top + k, left + m] += g[n, c, i, j]
    np.testing.assert_array_equal(y.data, plain)
    y.backward(g)
    h, w = x.shape[2:]
    inside = grad[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w]
    np.testing.assert_allclose(t.grad.data, inside, atol=1e-12)


@given(hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=numbers))
def test_softmax_rows_sum_to_one_and_its_jacobian_rows_to_zero(z):
    p = tg.softmax(z)
    np.testing.assert_allclose(p.sum(1), 1.0)
    jacobian = tg.jacobian(tg.softmax)(z[0])
    expected = np.diag(p[0]) - np.outer(p[0], p[0])
    np.testing.assert_allclose(jacobian, expected, atol=1e-14)


@given(
    hnp.arrays(
        float, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), elements=numbers
    ),
    st.booleans(),
    st.data(),
)
def test_reductions_over_any_axes_are_numpys(x, keepdims, data):
    axes = data.draw(
        st.one_of(
            st.none(),
            st.lists(st.integers(0, max(x.ndim - 1, 0)), unique=True, max_size=x.ndim).map(tuple),
        )
    )
    t = tg.Tensor(x, requires_grad=True)
    y = t.sum(axes, keepdims=keepdims)
    np.testing.assert_array_equal(y.data, x.sum(axes, keepdims=keepdims))
    y.backward(np.ones(y.shape))
    assert (t.grad.data == 1).all()
