"""Kinks, ties and edges: the library's conventions, each stated once."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tinygrad_fr as tg


def slope(f, *values):
    xs = [tg.Tensor(value, requires_grad=True) for value in values]
    f(*xs).sum().backward()
    grads = [x.grad.tolist() for x in xs]
    return grads[0] if len(grads) == 1 else grads


def test_relu_and_abs_have_slope_zero_at_zero():
    assert slope(tg.relu, [-1.0, 0.0, 1.0]) == [0.0, 0.0, 1.0]
    assert slope(tg.abs, [-1.0, 0.0, 1.0]) == [-1.0, 0.0, 1.0]


def test_other_activations_have_the_slope_of_their_negative_side_at_zero():
    assert slope(lambda x: tg.leaky_relu(x, 0.2), 0.0) == pytest.approx(0.2)
    assert slope(lambda x: tg.prelu(x, np.array([0.3])), 0.0) == pytest.approx(0.3)
    assert slope(lambda x: tg.elu(x, 0.7), 0.0) == pytest.approx(0.7)
    assert slope(tg.step, 0.0) == 0.0
    assert tg.step(0.0) == 1.0


def test_norm_std_and_absolute_loss_have_slope_zero_at_zero():
    np.testing.assert_array_equal(slope(tg.norm, np.zeros(3)), 0.0)
    np.testing.assert_array_equal(slope(lambda x: tg.norm(x, 1, 0), np.zeros(3)), 0.0)
    np.testing.assert_array_equal(slope(tg.std, np.full(3, 2.0)), 0.0)
    np.testing.assert_array_equal(slope(lambda x: tg.l1_loss(x, np.ones(2)), np.ones(2)), 0.0)


def test_an_infinite_norm_shares_its_gradient_and_sort_keeps_the_order():
    np.testing.assert_array_equal(
        slope(lambda x: tg.norm(x, np.inf, 0), np.array([-2.0, 2.0, 1.0])), [-0.5, 0.5, 0.0]
    )
    weights = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(
        slope(lambda x: (tg.sort(x) * weights).sum(), np.array([5.0, 5.0, 1.0])), [2.0, 3.0, 1.0]
    )


def test_divergence_of_certain_distributions():
    p = np.array([1.0, 0.0])
    assert tg.kl_divergence(p, np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert tg.kl_divergence(np.array([0.5, 0.5]), p) == np.inf
    np.testing.assert_allclose(
        slope(lambda q: tg.kl_divergence(p, q), np.array([0.5, 0.5])), [-2, 0]
    )
    assert tg.kl_div(np.log([0.5, 0.5]), p, "sum") == pytest.approx(np.log(2))


def test_clip_passes_the_gradient_at_its_bounds():
    assert slope(lambda x: tg.clip(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0]) == [0, 1, 1, 1, 0]


def test_max_and_min_share_the_gradient_among_ties():
    assert slope(lambda x: tg.max(x, axis=1), [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]) == [
        [0.0, 0.5, 0.5],
        pytest.approx([1 / 3] * 3),
    ]
    assert slope(tg.min, [1.0, 1.0, 2.0]) == [0.5, 0.5, 0.0]


def test_maximum_and_minimum_share_the_gradient_at_a_tie():
    assert slope(tg.maximum, [1.0, 2.0], [1.0, 3.0]) == [[0.5, 0.0], [0.5, 1.0]]
    assert slope(tg.minimum, [1.0, 2.0], [1.0, 3.0]) == [[0.5, 1.0], [0.5, 0.0]]


def test_max_pooling_gives_a_tie_to_the_first_in_row_major_order():
    for window in ([[5, 5], [5, 5]], [[1, 5], [5, 1]], [[1, 2], [5, 5]], [[0, 5], [3, 5]]):
        x = np.array(window, float).reshape(1, 1, 2, 2)
        expected = np.zeros(4)
        expected[int(x.argmax())] = 1.0
        assert np.ravel(slope(lambda t: tg.max_pool2d(t, 2), x)).tolist() == expected.tolist()


def test_overlapping_windows_add_their_gradients():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1.0
    assert slope(lambda t: tg.max_pool2d(t, 2, 1), x)[0][0][1][1] == 4.0


def test_padding_never_wins_a_maximum():
    x = -np.ones((1, 1, 2, 2))
    y = tg.max_pool2d(x, 2, stride=1, padding=1)
    assert y.max() == -1.0


def test_softmax_neither_overflows_nor_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.softmax([4000, 5000, 6000]).tolist() == [0.0, 0.0, 1.0]
        np.testing.assert_allclose(
            tg.softmax([4, 5, 6]), [0.09003057, 0.24472847, 0.66524096], atol=5e-9
        )
        assert tg.sigmoid([-1e4, 1e4]).tolist() == [0.0, 1.0]
        assert tg.logsumexp([-1e4, -1e4]) == pytest.approx(-1e4 + np.log(2))
        assert tg.logsumexp([-np.inf, -np.inf]) == -np.inf
        assert tg.log_softmax([0.0, 1e4]).tolist() == [-1e4, 0.0]


def test_softmax_of_a_batch_is_stable_row_by_row():
    p = tg.softmax([[0.0, 1.0], [1000.0, 1001.0]])  # document 002 gives nan for the first
    np.testing.assert_allclose(p[0], p[1], rtol=1e-12)


def test_sigmoid_keeps_its_relative_precision_in_the_tail():
    assert tg.sigmoid(-40.0) == pytest.approx(np.exp(-40.0), rel=1e-14)


def test_where_leaks_no_nan_from_the_branch_not_taken():
    x = tg.Tensor([0.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = tg.where(x.data > 0, tg.sqrt(x) + tg.log(x) + 1.0 / x + x**0.5, 0.0)
        y.sum().backward()
    assert x.grad.data[0] == 0.0
    assert np.isfinite(x.grad.data).all()


def test_power_zero_has_slope_zero_even_at_zero():
    assert slope(lambda x: x**0, [0.0, 2.0]) == [0.0, 0.0]
    assert slope(lambda x: x**1, [0.0, 2.0]) == [1.0, 1.0]
    assert slope(lambda x: x**2, [0.0, 2.0]) == [0.0, 4.0]


def test_comparisons_are_untracked_booleans_with_logic():
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    mask = (x > 1.0) & ~(x == 3.0) | (x != x)
    assert mask.dtype == np.bool_
    assert not mask.requires_grad
    assert mask.tolist() == [False, True, False]
    assert (x[mask] * 2.0).tolist() == [4.0]


def test_repeated_indices_add_up():
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x[[0, 0, 2]] * [1.0, 10.0, 100.0]).sum().backward()
    assert x.grad.tolist() == [11.0, 0.0, 100.0]


def test_tensors_can_be_indices():
    x = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    i = tg.Tensor([0, 1])
    y = x[i, tg.Tensor([2, 0])]
    y.sum().backward()
    assert y.tolist() == [2.0, 3.0]
    assert x.grad.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_binary_cross_entropy_of_certainty_is_large_but_finite():
    p = tg.Tensor([0.0, 1.0], requires_grad=True)
    loss = tg.binary_cross_entropy(p, [1, 0])
    loss.backward()
    assert loss.item() == 100.0
    assert np.isfinite(p.grad.data).all()


def test_iteration_unpacking_and_length():
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert len(x) == 2
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]


def test_reshape_and_transpose_take_sizes_or_a_tuple():
    x = tg.Tensor(np.zeros((2, 3, 4)))
    assert x.reshape(4, -1).shape == x.reshape((4, -1)).shape == (4, 6)
    assert x.transpose(2, 0, 1).shape == x.transpose((2, 0, 1)).shape == (4, 2, 3)
    assert x.T.shape == (4, 3, 2)


def test_logits_gradient_is_probabilities_minus_targets_fused_and_composed():
    rng = np.random.default_rng(0)
    scores, labels, n = rng.standard_normal((6, 5)), rng.integers(0, 5, 6), 6
    expected = tg.softmax(scores)
    expected[np.arange(n), labels] -= 1
    expected /= n
    z = tg.Tensor(scores, requires_grad=True)
    composed = -tg.log((tg.exp(z) / tg.exp(z).sum(1, keepdims=True))[np.arange(n), labels]).mean()
    for loss in (
        composed,
        tg.cross_entropy(z, labels),
        -tg.log_softmax(z)[np.arange(n), labels].mean(),
        -(tg.log(tg.softmax(z)) * np.eye(5)[labels]).sum() / n,
        tg.cross_entropy(z, np.eye(5)[labels]),
    ):
        np.testing.assert_allclose(tg.gradients(loss, z).data, expected, atol=1e-15)


def test_targets_that_do_not_sum_to_one_weigh_the_softmax():
    z = tg.Tensor([[0.3, -1.0, 2.0]], requires_grad=True)
    target = np.array([[1.0, 0.0, 1.0]])
    tg.cross_entropy(z, target).backward()
    np.testing.assert_allclose(z.grad.data, 2 * tg.softmax(z.data) - target, atol=1e-15)


def test_composed_cross_entropy_overflows_where_the_fused_one_does_not():
    z = tg.Tensor([[0.0, 1000.0]], requires_grad=True)
    with np.errstate(all="ignore"):
        composed = -tg.log(tg.exp(z) / tg.exp(z).sum(1, keepdims=True))[0, 1]
    assert np.isnan(composed.item())
    assert tg.cross_entropy(z, [0]).item() == 1000.0


def test_a_user_operation_gets_all_orders_and_stays_out_of_the_way():
    @tg.op(r"y = x^3")
    def cube_of_test(x):
        def to_x(g, y, x):
            r"\bar{x} = 3 x^2 \bar{y}"
            return g * 3 * x**2

        return x**3, to_x

    assert tg.grad(tg.grad(cube_of_test))(2.0) == pytest.approx(12.0)
    assert tg.Tensor(2.0).cube_of_test().item() == 8.0

    @tg.op(r"y = 2 x")
    def softmax(x):
        return x * 2, lambda g, y, x: 2 * g

    assert softmax(np.ones(2)).tolist() == [2.0, 2.0]
    assert tg.Tensor([0.0, 0.0]).softmax().tolist() == [0.5, 0.5]


def test_python_numbers_are_taken_for_arrays():
    assert tg.sum(3.0) == 3.0
    assert tg.softmax([1.0, 1.0], axis=0).tolist() == [0.5, 0.5]
    assert tg.reshape(2.0, (1, 1)).tolist() == [[2.0]]
    assert tg.cross_entropy(np.zeros(4), 2) == pytest.approx(np.log(4))
    z = tg.Tensor(np.zeros(4), requires_grad=True)
    tg.cross_entropy(z, 2).backward()
    assert z.grad.tolist() == [0.25, 0.25, -0.75, 0.25]


def test_labels_changed_after_the_loss_do_not_change_its_gradient():
    labels = np.array([0, 1])
    z = tg.Tensor(np.zeros((2, 3)), requires_grad=True)
    for loss in (tg.cross_entropy, lambda z, y: tg.nll_loss(tg.log_softmax(z), y)):
        z.grad = None
        y = loss(z, labels)
        labels[:] = 2
        y.backward()
        labels[:] = [0, 1]
        np.testing.assert_allclose(z.grad.data, (np.full((2, 3), 1 / 3) - np.eye(3)[:2]) / 2)


def test_rounding_with_the_builtin():
    x = tg.Tensor([1.26, -0.5], requires_grad=True)
    np.testing.assert_array_equal(round(x, 1).data, [1.3, -0.5])
    np.testing.assert_array_equal(round(x).data, [1.0, -0.0])


def test_integers_are_averaged_and_normalised_as_floats():
    images = np.arange(16).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(tg.avg_pool2d(images, 2), [[[[2.5, 4.5], [10.5, 12.5]]]])
    rows = np.arange(6).reshape(3, 2)
    y = tg.batch_norm(rows, None, None, training=True)
    np.testing.assert_allclose(y, tg.batch_norm(rows.astype(float), None, None, training=True))
    assert tg.dropout(np.ones(100, int), 0.5).max() == 2.0


def test_numpys_other_spellings_are_understood():
    x = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert x.std(correction=1).item() == np.std(x, ddof=1).item() == np.std(x.data, ddof=1)
    assert np.var(x, axis=0, correction=1).shape == (3,)
    assert np.sort(x, kind="stable").requires_grad
    assert np.einsum("ij->j", x, optimize=True).requires_grad
    assert x.roll([1, 1], [0, 1]).data.tolist() == np.roll(x.data, [1, 1], [0, 1]).tolist()
    assert x.reshape(1, 6, 1).squeeze([0, 2]).shape == (6,)


def test_integers_do_not_wrap_around():
    small = np.array([200, 200], np.uint8)
    assert tg.norm(small) == pytest.approx(np.hypot(200, 200))
    np.testing.assert_allclose(tg.sigmoid(np.array([3, 200], np.uint8)), [tg.sigmoid(3.0), 1.0])
    np.testing.assert_array_equal(tg.layer_norm(np.ones((2, 3), int), 3), 0.0)
    images = np.arange(200, 216, dtype=np.uint8).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(tg.avg_pool2d(images, 2), tg.avg_pool2d(images * 1.0, 2))
    assert tg.one_hot(np.array([1, 2], np.uint8)).shape == (2, 3)
    matrix = np.array([[200, 3], [3, 90]], np.uint8)
    np.testing.assert_allclose(tg.cholesky(matrix), np.linalg.cholesky(matrix * 1.0))


def test_lists_of_axes_changed_later_do_not_change_the_gradient():
    weights = np.arange(24.0).reshape(2, 3, 4)
    for f, shift in ((tg.flip, ()), (tg.roll, ([1, 1],))):
        axes = [1, 2]
        x = tg.Tensor(np.ones((2, 3, 4)), requires_grad=True)
        y = f(x, *shift, axes)
        axes.pop()
        (y * weights).sum().backward()
        expected = np.flip(weights, (1, 2)) if f is tg.flip else np.roll(weights, (-1, -1), (1, 2))
        np.testing.assert_array_equal(x.grad.data, expected)


def test_norms_below_one_have_slope_zero_where_an_entry_is_zero():
    np.testing.assert_allclose(slope(lambda x: tg.norm(x, 0.5, 0), [3.0, 0.0]), [1.0, 0.0])
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(slope(lambda x: tg.norm(x, -1, 0), [3.0, 0.0]), [0.0, 0.0])


def test_slogdet_has_numpys_names_and_det_lets_nan_pass():
    assert tg.slogdet(np.eye(2)).logabsdet == 0
    with np.errstate(invalid="ignore"):
        assert np.isnan(slope(tg.det, [[np.nan, 1.0], [2.0, 3.0]])).all()


def test_polar_coordinates_have_slope_zero_at_the_origin():
    assert slope(tg.hypot, [0.0, 3.0], [0.0, 4.0]) == [[0.0, 0.6], [0.0, 0.8]]
    angle = slope(tg.arctan2, [0.0, 1.0, 1e200], [0.0, -1.0, 1e200])
    np.testing.assert_allclose(angle, [[0, -0.5, 5e-201], [0, -0.5, -5e-201]], rtol=1e-14)
    np.testing.assert_allclose(slope(tg.hypot, [1e200], [1e200]), np.sqrt([[0.5], [0.5]]))


def test_logaddexp_has_no_nan_among_infinities():
    inf = np.inf
    a, b = [-inf, inf, -inf, inf, 1e4, -inf], [-inf, inf, 3.0, 3.0, 0.0, inf]
    x, y = tg.Tensor(a, requires_grad=True), tg.Tensor(b, requires_grad=True)
    z = tg.logaddexp(x, y)
    z.backward(np.ones(6))
    np.testing.assert_array_equal(z.data, [-inf, inf, 3, inf, 1e4, inf])
    assert x.grad.tolist() == [0.5, 0.5, 0.0, 1.0, 1.0, 0.0]
    assert y.grad.tolist() == [0.5, 0.5, 1.0, 0.0, 0.0, 1.0]
    assert tg.grad(tg.grad(lambda t: tg.logaddexp(t, -inf)))(-inf) == 0.0


def test_mod_has_the_sign_of_the_divisor_and_slopes_between_the_jumps():
    a, b = [5.0, -5.0, 5.0, -5.0], [3.0, 3.0, -3.0, -3.0]
    assert tg.mod(a, b).tolist() == [2.0, 1.0, -1.0, -2.0]
    assert slope(tg.mod, a, b) == [[1.0] * 4, [-1.0, 2.0, 2.0, -1.0]]
    assert slope(lambda x: x % 2.0, [4.0]) == [1.0]  # at a jump
    with np.errstate(all="ignore"):
        safe = slope(lambda a, b: tg.where([False, True], a % b, 0.0), [1.0, 1.0], [0.0, 2.0])
    np.testing.assert_array_equal(safe, [[0, 1], [0, 0]])


def test_division_with_a_remainder_serves_pythons_operators():
    x = tg.Tensor([5.5, -3.0], requires_grad=True)
    q, r = divmod(x, 2.0)
    assert (q.tolist(), r.tolist()) == ([2.0, -2.0], [1.5, 1.0])
    assert (q.requires_grad, r.requires_grad) == (False, True)
    assert [y.tolist() for y in divmod(7.0, x)] == [[1.0, -3.0], [1.5, -2.0]]
    assert [y.requires_grad for y in (x % 2, 2 % x, x // 2, 2 // x)] == [True, True, False, False]
    assert (np.ones(2) % x).tolist() == [1.0, -2.0]
    assert (np.floor(x).tolist(), x.floor().tolist()) == ([5.0, -3.0], [5.0, -3.0])
    assert isinstance(np.floor_divide(x, 2), np.ndarray)
    assert [tg.Tensor([5, 6]) % 4, tg.Tensor([5, 6]) // 4][0].dtype == np.int64


def test_a_copy_has_memory_of_its_own_and_passes_the_gradient():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for y in (+x, x.copy(), np.copy(x), np.positive(x)):
        x.grad = None
        assert not np.shares_memory(y.data, x.data)
        (y * [3.0, 4.0]).sum().backward()
        assert x.grad.tolist() == [3.0, 4.0]


def test_clip_gives_to_the_bound_what_it_takes_and_max_wins_over_min():
    x, low, high = [-2.0, -1.0, 0.0, 1.0, 2.0], [-1.0] * 5, [1.0] * 5
    assert slope(tg.clip, x, low, high) == [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert tg.clip(x, 2.0, 1.0).tolist() == np.clip(x, 2.0, 1.0).tolist() == [1.0] * 5
    assert slope(tg.clip, x, [2.0] * 5, [1.0] * 5) == [[0.0] * 5, [0.0] * 5, [1.0] * 5]
    assert slope(lambda x, b: x.clip(b, b), [0.0, 1.0, 2.0], 1.0) == [[0, 1, 0], 2.0]


def test_clip_takes_its_bounds_in_all_of_numpys_ways():
    x = tg.Tensor([0.0, 1.0, 5.0], requires_grad=True)
    low = tg.Tensor(0.5, requires_grad=True)
    for y in (
        np.clip(x, low, None), np.clip(x, a_min=low, a_max=[9.0] * 3),
        x.clip(low), x.clip(a_min=low), x.clip(min=low), x.clip(a_max=None, a_min=low),
    ):  # fmt: skip
        found = tg.gradients(y.sum(), [x, low])
        assert (y.tolist(), found[0].tolist(), found[1].item()) == ([0.5, 1, 5], [0, 1, 1], 1.0)


def test_bounds_changed_after_the_clip_do_not_change_its_gradient():
    bounds = np.zeros(2)
    x = tg.Tensor([1.0, -1.0], requires_grad=True)
    y = tg.clip(x, bounds)
    bounds[:] = 9.0
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]


def test_cumprod_needs_no_division_by_its_zeros():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    assert slope(tg.cumprod, x) == [1.0, 2.0 + 6.0, 0.0, 0.0, 0.0]
    report = tg.verify.check(lambda t: (tg.cumprod(t) * np.arange(1.0, 6.0)).sum(), x, order=2)
    assert report, report
    assert slope(lambda t: tg.cumprod(t, 0), np.empty((0, 3))) == []


def test_norms_of_matrices_have_slope_zero_at_zero_and_share_ties():
    orders = ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    for ord in orders:
        np.testing.assert_array_equal(slope(lambda x, p=ord: tg.norm(x, p), np.zeros((2, 3))), 0.0)
    turn = np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2 + np.eye(3))[0]
    for ord in (2, -2):
        found = slope(lambda x, p=ord: tg.norm(x, p), turn)
        np.testing.assert_allclose(found, turn / 3, atol=1e-15)
    np.testing.assert_allclose(slope(lambda x: tg.norm(x, "nuc"), turn), turn, atol=1e-15)
    ones = np.ones((2, 2))
    for ord in (1, -1, np.inf, -np.inf):
        np.testing.assert_array_equal(slope(lambda x, p=ord: tg.norm(x, p), ones), ones / 2)
    rank_one = np.outer([1.0, 2.0], [3.0, 4.0])
    np.testing.assert_allclose(
        slope(lambda x: tg.norm(x, "nuc"), rank_one), rank_one / np.sqrt(125), atol=1e-14
    )
    report = tg.verify.check(lambda x: tg.norm(x, "nuc"), np.eye(3), order=2)
    assert report, report


def test_python_numbers_do_not_promote_in_composed_operations_either():
    x = tg.Tensor(np.ones(2, np.float32), requires_grad=True)
    for y in (divmod(x, 2.5)[1], tg.append(x, 1.0), x.diff(prepend=0.0), tg.dot(x, 2.0)):
        assert y.dtype == np.float32


def test_stacking_is_numpys():
    x, v = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True), [7.0, 8.0, 9.0]
    for ours, numpys in (
        (np.vstack([x, v]), np.vstack([x.data, v])), (np.vstack(x), np.vstack(x.data)),
        (np.hstack((x, x)), np.hstack((x.data, x.data))), (np.hstack(x), np.hstack(x.data)),
        (np.column_stack([x, v[:2]]), np.column_stack([x.data, v[:2]])),
        (np.append(x, v), np.append(x.data, v)), (np.append(x, [v], 0), np.append(x.data, [v], 0)),
        (np.diff(x, prepend=0), np.diff(x.data, prepend=0)),
        (np.diff(x, 2, append=x), np.diff(x.data, 2, append=x.data)),
        (np.atleast_3d(x), np.atleast_3d(x.data)), (np.diff(x, n=0), x.data),
    ):  # fmt: skip
        assert ours.requires_grad
        np.testing.assert_array_equal(ours.data, numpys)
    for parts in (2, 4, [1], [2, 1]):
        ours, numpys = np.array_split(x, parts, axis=1), np.array_split(x.data, parts, axis=1)
        assert [part.tolist() for part in ours] == [part.tolist() for part in numpys]
    assert [y.shape for y in np.atleast_2d(x, x[0], 3.0)] == [(2, 3), (1, 3), (1, 1)]
    assert np.diff(tg.Tensor([True, False, False])).tolist() == [True, False]
    assert tg.einsum("ij->j", x, optimize="greedy").tolist() == [3.0, 5.0, 7.0]
