"""grad, vjp, jvp, hessian and their nesting."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg

A = np.random.default_rng(0).standard_normal((3, 3))
V = np.array([1.0, -2.0, 0.5])


def f(x):
    return tg.sin(A @ x) * x


def test_arrays_in_arrays_out_and_tensors_in_tensors_out():
    g = tg.grad(lambda x: (x * x).sum())
    assert type(g(V)) is np.ndarray
    assert type(g(tg.Tensor(V))) is tg.Tensor
    assert type(g(2.0)) is np.ndarray


def test_several_arguments_give_a_tuple():
    da, db = tg.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(V, 2 * V)
    np.testing.assert_array_equal(da, 2 * V)
    np.testing.assert_array_equal(db, V)
    assert tg.grad(lambda a, b: (a * b).sum(), argnums=1)(V, V).tolist() == V.tolist()


def test_vjp_and_jvp_are_products_with_the_jacobian():
    jacobian = tg.jacobian(f)(V)
    y, pullback = tg.vjp(f, V)
    np.testing.assert_allclose(y, f(V))
    np.testing.assert_allclose(pullback(np.array([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0] @ jacobian)
    _, dy = tg.jvp(f, V, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(dy, jacobian @ [1.0, 2.0, 3.0])


def test_hvp_is_a_product_with_the_hessian():
    s = lambda x: f(x).sum()
    np.testing.assert_allclose(tg.hvp(s, V, V), tg.hessian(s)(V) @ V)


def test_jacobian_of_many_shapes():
    g = lambda x: x.reshape(2, 1, 3) * 2.0
    assert tg.jacobian(g)(np.ones((3, 2))).shape == (2, 1, 3, 3, 2)
    assert tg.jacobian(lambda x: x * 0.0)(np.ones(2)).tolist() == [[0, 0], [0, 0]]
    assert tg.jacobian(lambda x: tg.Tensor(np.ones(2)))(np.ones(3)).tolist() == [[0] * 3] * 2


def test_transforms_nest_to_any_order_and_mix():
    g = lambda x: x**5
    for order, expected in enumerate([5 * 16, 20 * 8, 60 * 4, 120 * 2, 120], start=1):
        derivative = g
        for _ in range(order):
            derivative = tg.grad(derivative)
        assert derivative(2.0) == pytest.approx(expected)
    assert tg.jvp(tg.grad(g), 2.0, 1.0)[1] == pytest.approx(160.0)
    assert tg.grad(lambda x: tg.jvp(g, x, 1.0)[1])(2.0) == pytest.approx(160.0)
    third = tg.jacobian(tg.hessian(lambda x: (x**3).sum()))(np.array([1.0, 2.0]))
    assert third[1, 1, 1] == pytest.approx(6.0)
    assert third.sum() == pytest.approx(12.0)


def test_variables_of_nested_transforms_are_not_confused():
    inner = lambda x: tg.grad(lambda y: x * y)(x)  # d/dy (x y) = x, not 2 x
    assert tg.grad(inner)(3.0) == pytest.approx(1.0)
    outer = lambda w: tg.grad(lambda y: y * w * w)(3.0)  # an array goes in, w comes through
    assert tg.grad(outer)(2.0) == pytest.approx(4.0)


def test_grad_works_on_recorded_tensors_and_connects():
    x = tg.Tensor(2.0, requires_grad=True)
    slope = tg.grad(lambda t: t**3)(x)
    slope.backward()
    assert x.grad.item() == pytest.approx(12.0)


def test_grad_inside_no_grad_still_differentiates():
    with tg.no_grad():
        assert tg.grad(lambda x: x * x)(3.0) == 6.0


def test_unconnected_inputs_are_none_for_gradients_and_zero_for_grad():
    x, y = (tg.Tensor(1.0, requires_grad=True) for _ in range(2))
    found = tg.gradients(x * 2.0, [x, y])
    assert found[0].item() == 2.0
    assert found[1] is None
    assert tg.grad(lambda a, b: tg.Tensor(a) * 2.0, argnums=1)(1.0, 5.0) == 0.0


def test_gradients_of_intermediates_leave_grad_alone():
    x = tg.Tensor(3.0, requires_grad=True)
    h = x * x
    y = h * h
    dh, dx = tg.gradients(y, [h, x])
    assert (dh.item(), dx.item()) == (18.0, 108.0)
    assert x.grad is None


def test_gradients_with_an_upstream_and_twice():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = x**3
    (first,) = tg.gradients(y, [x], np.array([1.0, 10.0]), create_graph=True)
    np.testing.assert_allclose(first.data, [3.0, 120.0])
    second = tg.gradients(first.sum(), x)
    np.testing.assert_allclose(second.data, [6.0, 120.0])


def test_backward_with_create_graph_can_be_differentiated_again():
    x = tg.Tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    slope, x.grad = x.grad, None
    slope.backward()
    assert x.grad.item() == pytest.approx(12.0)


def test_value_and_grad_gives_both():
    value, slope = tg.value_and_grad(lambda x: (x * x).sum())(V)
    assert value == pytest.approx((V * V).sum())
    np.testing.assert_allclose(slope, 2 * V)
