"""Gradients that were wrong once, or wrong silently."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, DTypeError, GraphError, SignatureError


def leaf(x, dtype=float):
    return tg.Tensor(np.asarray(x, dtype), requires_grad=True)


def test_jvp_and_hvp_of_powers():
    assert tg.jvp(lambda b: 2.0**b, 1.0, 1.0)[1] == pytest.approx(2 * np.log(2))
    assert tg.jvp(lambda x: x**2, 0.0, 1.0)[1] == 0.0
    expected = 3 * 4 + 8 * np.log(2)
    assert tg.jvp(lambda a, b: a**b, (2.0, 3.0), (1.0, 1.0))[1] == pytest.approx(expected)
    assert tg.hvp(lambda w: (2.0**w).sum(), np.ones(1), np.ones(1)) == pytest.approx(
        2 * np.log(2) ** 2
    )
    assert tg.hvp(lambda w: (w**3).sum(), np.zeros(3), np.ones(3)).tolist() == [0, 0, 0]


def test_hessians_of_powers_where_an_upstream_gradient_is_zero():
    assert tg.hessian(lambda v: v[0] * v[1] ** 2)(np.zeros(2)).tolist() == [[0, 0], [0, 0]]
    h = tg.hessian(lambda v: v[0] * 2.0 ** v[1])(np.array([0.0, 1.0]))
    np.testing.assert_allclose(h, [[0, 2 * np.log(2)], [2 * np.log(2), 0]])


class Scale:
    def __init__(self, k):
        self.k = k

    def to_x(self, g, y, x):
        return g * self.k


def test_bound_methods_as_closures_belong_to_their_own_object():
    @tg.op("y = k x", method=False)
    def scaled(x, k):
        return x * k, Scale(k).to_x

    a, b = leaf(1.0), leaf(1.0)
    scaled(a, 2.0).backward()
    scaled(b, 5.0).backward()
    assert (a.grad.item(), b.grad.item()) == (2.0, 5.0)


def test_gradients_of_a_leaf_changed_since_raises_as_backward_does():
    w = leaf([3.0])
    loss = ((w * 2.0) ** 2).sum()
    w.data -= 0.1
    with pytest.raises(GraphError, match="changed in place"):
        tg.gradients(loss, w)


def test_transforms_on_tensors_stay_connected_to_outer_variables():
    w = leaf(3.0)
    g = tg.grad(lambda x: w * x * x)(tg.Tensor(2.0))
    (g * g + w).backward()
    assert w.grad.item() == 97.0
    v = leaf([1.0, 2.0])
    dy = tg.jvp(lambda x: x * x, tg.Tensor([3.0, 4.0]), v)[1]
    (dy * v).sum().backward()
    assert v.grad.tolist() == [12.0, 32.0]


def test_changes_through_shared_memory_are_noticed():
    x = leaf([3.0])
    y = (x * x).sum()
    d = x.detach()
    d -= 1.0
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()

    w = leaf([[3.0, 1.0]])
    y = (w * w).sum()
    with tg.no_grad():
        for row in w:
            row *= 0.0
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()

    w, c = leaf([3.0]), tg.Tensor([2.0])
    view = c.reshape(1, 1)
    for change in (lambda: view.__iadd__(10.0), lambda: np.add(c, 5.0, out=c)):
        y = (w * c).sum()
        change()
        with pytest.raises(GraphError, match="changed in place"):
            y.backward()
    y = (w * view).sum()
    np.copyto(c, 9.0)
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


def test_an_index_changed_after_its_use_does_no_harm():
    x, i = leaf([1.0, 2.0, 3.0]), np.array([0, 1])
    y = (x[i] * np.array([1.0, 5.0])).sum()
    i[0] = 2
    y.backward()
    assert x.grad.tolist() == [1.0, 5.0, 0.0]


def test_a_tracked_tensor_that_is_operand_and_static_argument_raises():
    @tg.op("y = k x", method=False)
    def scaled(x, k):
        return x * k, lambda g, y, x: g * k

    a = leaf(3.0)
    with pytest.raises(GraphError, match="no gradient with respect to k"):
        scaled(a, a)


def test_ufunc_methods_work_on_untracked_tensors():
    u = tg.Tensor([1.0, 2.0])
    assert np.subtract.outer(u, tg.Tensor([5.0, 7.0])).tolist() == [[-4, -6], [-3, -5]]
    assert np.add.reduce(u) == 3.0
    with pytest.raises(GraphError, match="plain form"):
        np.add.reduce(leaf([1.0]))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_masked_arrays_and_matrices_are_refused():
    t = leaf(np.ones((2, 2)))
    for foreign in (np.ma.array([1.0, 2.0]), np.ones((2, 2)).view(np.matrix)):
        with pytest.raises((DTypeError, GraphError)):
            t * foreign
        with pytest.raises((DTypeError, GraphError)):
            foreign * t


def test_hessian_of_several_arguments_gives_blocks():
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    (aa, ab), (ba, bb) = tg.hessian(lambda x, y: (x * x * y).sum(), (0, 1))(a, b)
    np.testing.assert_allclose(aa, np.diag(2 * b))
    np.testing.assert_allclose(ab, np.diag(2 * a))
    np.testing.assert_allclose(ba, ab.T)
    assert not bb.any()


def test_empty_inner_axes_and_numbers_along_axis_zero():
    a, b = leaf(np.ones((2, 3, 0))), leaf(np.ones((0, 5)))
    (a @ b).sum().backward()
    assert (a.grad.shape, b.grad.shape) == ((2, 3, 0), (0, 5))
    for f in (tg.sum, tg.max, tg.softmax, tg.log_softmax):
        x = leaf(2.0)
        f(x, 0).backward()
        assert x.grad.shape == ()


def test_division_neither_overflows_nor_underflows_in_its_gradient():
    a, b = leaf(1e30, np.float32), leaf(1e20, np.float32)
    (a / b).backward()
    assert b.grad.item() == pytest.approx(-1e-10, rel=1e-5)


def test_where_leaks_no_nan_from_negative_bases():
    for f in (tg.sqrt, lambda x: x**0.5):
        x = leaf([1.0, -1.0])
        with np.errstate(invalid="ignore"):
            tg.where(x.data > 0.5, f(x), 0.0).sum().backward()
        assert x.grad.tolist() == [0.5, 0.0]


def test_recorded_gradients_are_tensors_of_their_own():
    a, b = leaf(1.0), leaf(1.0)
    ga, gb = tg.gradients(a + b, [a, b], create_graph=True)
    assert ga is not gb
    assert not np.shares_memory(ga.data, gb.data)
    upstream = np.array([2.0])
    y = leaf([1.0]) * 1.0
    g = tg.gradients(y, y, upstream, create_graph=True)
    assert not np.shares_memory(g.data, upstream)


def test_a_spent_subgraph_off_the_path_is_no_trouble():
    a, x = leaf([1.0]), leaf([1.0])
    h = tg.exp(x * x)
    h.sum().backward()
    assert tg.gradients((a * h).sum(), a).item() == pytest.approx(np.e)


def test_errors_of_a_users_operation_keep_their_words():
    @tg.op("y = x", method=False)
    def picky(x, w):
        raise ValueError("k must be odd")

    with pytest.raises(ValueError, match="k must be odd"):
        picky(leaf(np.ones((2, 3))), np.ones((4, 5)))


def test_numpys_argument_names_are_understood():
    t = leaf([[3.0, -1.0]])
    for y in (
        np.sum(a=t), np.max(a=t, axis=1), np.clip(t, a_min=0.0, a_max=1.0), np.clip(t, 0, None),
        np.transpose(t, axes=(1, 0)),
        np.sum(t, axis=0, out=None), np.mean(t, axis=1, keepdims=True),
    ):  # fmt: skip
        assert isinstance(y, tg.Tensor)
        assert y.requires_grad
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        assert np.clip(t, min=0.0).requires_grad
        assert np.reshape(t, shape=(2, 1)).requires_grad
    assert [i.tolist() for i in np.where(tg.Tensor([0.0, 2.0]))] == [[1]]


def test_argnums_may_be_numpy_integers_and_name_each_argument_once():
    assert tg.grad(lambda x, y: x * y, np.int64(1))(2.0, 3.0) == 2.0
    for twice in ((0, 0), (1, -1)):
        with pytest.raises(ArgumentError, match="twice"):
            tg.grad(lambda x, y: x * y, twice)(2.0, 3.0)


def test_losses_of_integers_are_those_of_their_floats():
    assert tg.mse_loss(np.array([0], np.uint8), np.array([20], np.uint8)) == 400.0
    p, y = np.array([1, 0]), np.array([0.995, 0.0])
    assert tg.binary_cross_entropy(p, y) == pytest.approx(tg.binary_cross_entropy(p * 1.0, y))


def test_a_gradient_takes_the_dtype_of_its_tensor():
    x = leaf([1.0], np.float32)
    x.grad = np.array([1.0])
    assert x.grad.dtype == np.float32
    x.grad = tg.Tensor([2.0])
    assert x.grad.dtype == np.float32


def test_a_large_mean_of_half_precision_has_a_gradient():
    x = leaf(np.ones(70_000), np.float16)
    with np.errstate(over="ignore"):
        x.mean().backward()
    assert x.grad.data[0] == pytest.approx(1 / 70_000, rel=0.02)


def test_op_without_its_formula_says_so():
    with pytest.raises(ArgumentError, match="formula"):

        @tg.op
        def f(x):
            return x


def test_no_grad_works_without_parentheses():
    @tg.no_grad
    def f(x):
        return (x * 2.0).requires_grad

    assert f(leaf(1.0)) is False


def test_a_function_that_leaves_the_graph_is_refused():
    with pytest.raises(DTypeError, match="leave the graph"):
        tg.grad(lambda x: x.item() ** 2)(2.0)
    with pytest.raises(ArgumentError, match=r"tg\.gradients"):
        tg.grad(tg.Tensor(1.0))


def test_what_is_no_array_is_refused_by_name():
    with pytest.raises((DTypeError, SignatureError), match="target"):
        tg.cross_entropy(leaf([1.0, 2.0]), None)


def test_detached_values_and_views_keep_no_graph_alive():
    w = leaf(np.ones(3))
    h = w * 2.0
    watched = weakref.ref(h)
    loss = (h * h).sum()
    loss.backward()
    kept = [loss.detach(), loss.detach().reshape(1)]
    with tg.no_grad():
        kept.append(h[1:])
    del h, loss
    assert watched() is None
    assert len(kept) == 3


def test_no_false_alarm_where_no_memory_is_shared():
    buffer, head = tg.Tensor(np.ones((2, 1, 6, 6))), leaf(np.ones((2, 2, 4, 4)))
    features = tg.conv2d(buffer, np.ones((2, 1, 3, 3)))
    loss = (features * head).sum() + (buffer[:, [0]].sum() * head).sum()
    buffer[...] = 0.0
    loss.backward()

    w = leaf([1.0, 2.0])
    d = w.detach()
    y = (w * w).sum()
    d.data = np.zeros(2)  # other memory from now on
    d += 1.0
    y.backward()
    assert w.grad.tolist() == [2.0, 4.0]


def test_a_result_or_a_view_changed_through_another_tensor_is_noticed():
    x = leaf([0.0, 1.0])
    y = tg.exp(x)
    d = y.detach()
    d += 10.0
    with pytest.raises(GraphError, match="changed in place"):
        (y * 3.0).sum().backward()

    w, c = leaf([[1.0, 2.0]]), leaf([1.0, 1.0])
    z = (w[0] * c).sum()
    with tg.no_grad():
        w -= 100.0
    with pytest.raises(GraphError, match="changed in place"):
        tg.gradients(z, c)


def test_numpy_functions_that_write_are_noticed_and_refused_on_recorded_tensors():
    w, x = leaf([1.0, 1.0]), tg.Tensor([1.0, 2.0])
    for change in (
        lambda: np.add.at(x, [0], 5.0),
        lambda: np.copyto(dst=x, src=np.ones(2)),
        lambda: np.put_along_axis(x, np.array([0]), 3.0, 0),
    ):
        y = (w * x).sum()
        change()
        with pytest.raises(GraphError, match="changed in place"):
            y.backward()
    with pytest.raises(GraphError):
        np.floor(np.ones(2), out=w)


def test_a_copy_refused_is_not_a_change():
    w, x = leaf([1.0, 1.0]), tg.Tensor([1.0, 2.0])
    y = (w * x).sum()
    np.astype(x, np.float64, copy=False)
    y.backward()
    y = (w * x).sum()
    np.nan_to_num(x, copy=False)
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


def test_empty_lists_are_indices():
    assert tg.Tensor([1.0, 2.0])[[]].shape == (0,)
    i = [0]
    x = leaf([1.0, 2.0, 3.0])
    y = x[i,]
    i[0] = 2
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]


def test_where_leaks_no_nan_to_exponents_and_denominators():
    a, b = leaf([-1.0, 4.0]), leaf([0.5, 0.5])
    with np.errstate(all="ignore"):
        tg.where(a.data > 0, a**b, 0.0).sum().backward()
    np.testing.assert_allclose(b.grad.data, [0.0, 2 * np.log(4)])
    a, b = leaf([np.inf]), leaf([0.0])
    with np.errstate(all="ignore"):
        tg.where(np.array([False]), a / b, 0.0).sum().backward()
    assert b.grad.tolist() == [0.0]
