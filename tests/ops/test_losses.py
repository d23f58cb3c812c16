"""Losses: weights, what is ignored, margins, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, GraphError, ShapeError

RNG = np.random.default_rng(0)
Z, Y = RNG.standard_normal((3, 4)), np.array([0, 1, 2])


def slope(loss, x, *rest, **options):
    x = tg.Tensor(x, requires_grad=True)
    loss(x, *rest, **options).sum().backward()
    return x.grad.data


@given(st.lists(st.integers(-1, 3), min_size=2, max_size=9).filter(lambda y: max(y) >= 0))
def test_what_is_ignored_might_as_well_not_be_there(labels):
    y, z = np.array(labels), np.random.default_rng(1).standard_normal((len(labels), 4))
    kept = y >= 0
    for options in {}, {"weight": [1.0, 2.0, 0.5, 3.0]}, {"label_smoothing": 0.3}:
        whole = tg.cross_entropy(z, y, ignore_index=-1, **options)
        np.testing.assert_allclose(whole, tg.cross_entropy(z[kept], y[kept], **options))
        g = slope(tg.cross_entropy, z, y, ignore_index=-1, **options)
        np.testing.assert_allclose(g[kept], slope(tg.cross_entropy, z[kept], y[kept], **options))
        assert not g[~kept].any()


@given(st.lists(st.integers(1, 3), min_size=4, max_size=4))
def test_a_weight_is_a_number_of_repetitions(weight):
    repeated = np.repeat(np.arange(3), np.array(weight)[Y])
    whole = tg.cross_entropy(Z, Y, weight=weight)
    np.testing.assert_allclose(whole, tg.cross_entropy(Z[repeated], Y[repeated]))


def test_sequences_have_their_classes_on_axis_1():
    z, y = RNG.standard_normal((2, 4, 5)), RNG.integers(0, 4, (2, 5))
    flat = tg.cross_entropy(np.moveaxis(z, 1, -1).reshape(-1, 4), y.ravel(), weight=[1, 2, 3, 4])
    np.testing.assert_allclose(tg.cross_entropy(z, y, weight=[1, 2, 3, 4]), flat)
    with pytest.raises(ShapeError, match=r"scores of shape \(2, 5, 4\) want .swapaxes"):
        tg.cross_entropy(z.swapaxes(1, 2), y)


def test_what_is_ignored_may_hold_anything():
    z = np.array([[np.nan, 0.0], [1.0, 1.0]])
    assert tg.cross_entropy(z, [-100, 0]) == pytest.approx(np.log(2))
    assert tg.nll_loss(z, [-100, 0]) == -1.0
    assert tg.cross_entropy(z, [-100, -100], "none").tolist() == [0.0, 0.0]
    assert tg.cross_entropy(np.zeros((1, 300)), np.array([255], np.uint8), "sum",
                            ignore_index=255) == 0.0  # fmt: skip


def test_weights_keep_the_dtype_of_the_logits_and_may_change_afterwards():
    weight, z = np.ones(4), tg.Tensor(Z.astype(np.float32), requires_grad=True)
    loss = tg.cross_entropy(z, Y, weight=weight)
    weight[...] = np.nan
    loss.backward()
    assert loss.dtype == z.grad.dtype == np.float32
    np.testing.assert_allclose(z.grad.data, slope(tg.cross_entropy, Z, Y), rtol=1e-5, atol=1e-6)


def test_positive_weights_are_repetitions_of_what_is_positive():
    z, y = np.array([0.3, -1.0, 2.0]), np.array([1, 0, 1])
    again = tg.binary_cross_entropy_with_logits(np.r_[z, z[[0, 2]]], np.r_[y, 1, 1], "sum")
    weighted = tg.binary_cross_entropy_with_logits(z, y, "sum", pos_weight=2.0)
    assert weighted == pytest.approx(again)
    assert np.isfinite(tg.binary_cross_entropy_with_logits([-1e4, 1e4], [1, 0], pos_weight=9.0))


def test_losses_have_the_slopes_of_the_table_at_their_kinks():
    assert slope(tg.huber_loss, [-2.0, -1.0, 0.5, 3.0], np.zeros(4), "sum").tolist() == [
        -1.0, -1.0, 0.5, 1.0,
    ]  # fmt: skip
    assert slope(tg.hinge_loss, [1.0, 0.9], [1, 1], "sum").tolist() == [0.0, -1.0]
    assert not slope(tg.multi_margin_loss, [[2.0, 1.0]], [0]).any()
    a, b = tg.Tensor([[0.0]], requires_grad=True), np.array([[1.0]])
    tg.triplet_margin_loss(a, b, b + 1, eps=0.0).backward()
    assert a.grad.data == 0.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("beta", [1e-4, 1e-30, 1e-40, 1e-310, 5e-324])
def test_a_smooth_loss_tends_to_absolute_values_however_small_its_beta(dtype, beta):
    x = tg.Tensor(np.array([1.0, -0.25, 3.0], dtype), requires_grad=True)
    loss = tg.smooth_l1_loss(x, np.zeros(3, dtype), "sum", beta)
    loss.backward(100.0)
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(4.25, abs=2 * beta)
    assert x.grad.data.tolist() == [100.0, -100.0, 100.0]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("x", [
    [1.0, np.inf, 2.0], [np.inf, 1.0, 2.0], [1.0, -np.inf, 2.0], [-np.inf, 1.0, 2.0],
])  # fmt: skip
def test_infinite_scores_cost_what_they_cost_in_pytorch(x, p):
    torch = pytest.importorskip("torch")
    t = torch.tensor([x], requires_grad=True)
    expected = torch.nn.functional.multi_margin_loss(t, torch.tensor([1]), p=p)
    expected.backward()
    z = tg.Tensor(np.array([x]), requires_grad=True)
    loss = tg.multi_margin_loss(z, [1], p)
    assert loss.item() == pytest.approx(expected.item())
    loss.backward()
    np.testing.assert_allclose(z.grad.data, t.grad.numpy())


def test_the_loss_of_cs231n_is_the_margin_loss_times_the_classes():
    x, y = np.array([[3.2, 5.1, -1.7]]), [0]  # its example: max(0, 2.9) + max(0, -3.9)
    assert 3 * tg.multi_margin_loss(x, y) == pytest.approx(2.9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda z: tg.cross_entropy(z, Y, weight=[1, 2]), r"each of the 4 classes.*not \(2,\)"),
        (lambda z: tg.cross_entropy(z, Y, weight=[1, 2, 3, np.nan]), "finite"),
        (lambda z: tg.nll_loss(z, Y, weight=[1, 2, 3, -1]), "go from -1.0 to 3.0"),
        (lambda z: tg.cross_entropy(z, [-1, 0, 1]), "the target has -1 to 1"),
        (lambda z: tg.cross_entropy(z, [-100, 0, 7]), "the target has 0 to 7"),
        (lambda z: tg.multi_margin_loss(z, [0, 1, -100]), "the target has -100 to 1"),
        (lambda z: tg.cross_entropy(z, np.eye(4)[Y], ignore_index=1), "are probabilities"),
        (lambda z: tg.cross_entropy(z, Y, ignore_index=1.5), "ignore_index.*not 1.5"),
        (lambda z: tg.nll_loss(z, Y, ignore_index=np.nan), "ignore_index.*not nan"),
        (lambda z: tg.cross_entropy(z, [-100] * 3), "no example has a weight"),
        (lambda z: tg.cross_entropy(z, Y, weight=np.zeros(4)), "no example has a weight"),
        (lambda z: tg.binary_cross_entropy(z * 0, Y[:, None] + z * 0 > 1, weight=[1, 2]),
         r"weight \(2,\) does not broadcast"),
        (lambda z: tg.binary_cross_entropy_with_logits(z, z * 0, pos_weight=-1), "not negative"),
        (lambda z: tg.hinge_loss(z[0], [0, 1, 1, 0]), "from 0 and 1 take 2"),
        (lambda z: tg.huber_loss(z, z, delta=0), "delta is a number above 0"),
        (lambda z: tg.smooth_l1_loss(z, z, beta=-1), "beta is a number that is not negative"),
        (lambda z: tg.multi_margin_loss(z, Y, 3), "p is one of 1, 2"),
        (lambda z: tg.triplet_margin_loss(z, z, z[:1]), r"one shape.*\(3, 4\), \(1, 4\)"),
        (lambda z: tg.triplet_margin_loss(z, z, z, -1.0), "margin is a number above 0"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_in_words(call, words):
    for z in Z, tg.Tensor(Z, requires_grad=True):
        with pytest.raises((ArgumentError, ShapeError), match=words):
            call(z)


def test_weights_have_no_gradient():
    with pytest.raises(GraphError, match="no gradient with respect to weight"):
        tg.cross_entropy(Z, Y, weight=tg.Tensor(np.ones(4), requires_grad=True))


def test_a_derivation_of_a_weighted_loss_holds():
    z = tg.Tensor(Z, requires_grad=True, name="z")
    for loss in (
        tg.cross_entropy(z, [0, -100, 2], weight=[1, 2, 0.5, 1]),
        tg.cross_entropy(z, [0, -100, 2], label_smoothing=0.2, weight=[1, 2, 0.5, 1]),
        tg.cross_entropy(z, np.eye(3, 4), "sum", weight=[1, 2, 0.5, 1]),
        tg.binary_cross_entropy_with_logits(z, np.eye(3, 4), weight=[[2], [1], [3]], pos_weight=2),
        tg.nll_loss(z, [0, -100, 2], weight=[1, 2, 0.5, 1]),
    ):
        derivation = tg.derive(loss, z)
        assert "quoted" not in derivation.text
        assert derivation.check(), derivation.text
        assert tg.explain(z, (0, 1), gradient=True, of=loss).check()
        assert "(1/N)" not in tg.draw(loss).text
