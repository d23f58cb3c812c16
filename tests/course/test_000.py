"""Document 000, the softmax layer of one image: each formula under its identifier."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import (
    OTHERS,
    SQUARE,
    TARGET,
    X0,
    B,
    C,
    D,
    K,
    P,
    S,
    T,
    U,
    W,
    differ,
    jacobian,
    kinds,
    loss,
    same,
)  # fmt: skip


def test_000_1_is_minus_the_log_of_p_c():
    same(-np.log(P[K]), tg.cross_entropy(T, K))


def test_000_2_lacks_a_minus_that_does_not_show_at_1():
    printed, mended = np.log, lambda p: -np.log(p)
    assert printed(1.0) == mended(1.0) == 0
    report = verify.steps([mended, printed], np.array([1.0]))
    assert report.first_wrong == "step 1"  # found at the other points that are tried
    assert verify.steps([lambda p: -tg.log(p), mended], np.array([1.0]))


def test_000_3_is_the_slope_of_the_loss():
    printed = lambda p: np.where(np.arange(C) == K, -1 / p, 0)
    assert verify.hand(lambda p: -tg.log(p[K]), {"p": P}, {"p": printed})


def test_000_4_is_the_definition_of_softmax():
    same(np.exp(T[K]) / np.exp(T).sum(), tg.softmax(T)[K])


def test_000_5_is_the_same_with_the_sum_named():
    same(np.exp(T[K]) * S**-1, tg.softmax(T)[K])


def test_000_6_holds_line_by_line_for_another_class():
    by_s = lambda t: tg.grad(lambda s: np.exp(t[K]) / s)(np.exp(t).sum())
    s_by = tg.grad(lambda t: tg.exp(t).sum())
    lines = [
        lambda t: jacobian(t)[K, OTHERS],
        lambda t: (by_s(t) * s_by(t))[OTHERS],
        lambda t: (-np.exp(t[K]) * np.exp(t).sum() ** -2 * s_by(t))[OTHERS],
        lambda t: (-np.exp(t[K]) * np.exp(t).sum() ** -2 * np.exp(t))[OTHERS],
        lambda t: (-np.exp(t[K]) * np.exp(t) / np.exp(t).sum() ** 2)[OTHERS],
    ]
    assert verify.steps(lines, T)
    # For k = c, where e^(t_c) depends on t_k too, it is not the derivative.
    differ(-np.exp(T[K]) * np.exp(T[K]) / S**2, jacobian(T)[K, K])


def test_000_7a_swaps_an_index_and_symmetry_hides_it():
    same(-np.exp(T[K]) * np.exp(T[OTHERS]) / S**2, jacobian(T)[K, OTHERS])
    same(jacobian(T)[OTHERS, K], jacobian(T)[K, OTHERS])  # the swap cannot show ...
    full = tg.jacobian(lambda t: tg.softmax(SQUARE @ t))(T)
    differ(full[OTHERS, K], full[K, OTHERS])  # ... where the Jacobian is symmetric


def test_000_7b_has_the_wrong_sign():
    def printed(t, sign=-1):
        e, s = np.exp(t), np.exp(t).sum()
        return np.where(np.arange(C) == K, sign * e[K] * (s - e[K]) / s**2, -e[K] * e / s**2)

    report = verify.jacobian(lambda t: tg.softmax(t)[K], T, printed)
    first = report["jacobian"].diagnoses[0]
    assert (first.kind, first.detail["subset"]) == ("sign", "the case k = c")
    assert verify.jacobian(lambda t: tg.softmax(t)[K], T, lambda t: printed(t, sign=1))
    # Its gradient of the loss has no negative entry, and its entries no longer sum to 0.
    dt = -printed(T) / P[K]
    assert (dt > 0).all()
    assert dt.sum() == pytest.approx(2 * (1 - P[K]))
    # Descent with it climbs, even with a small step.
    assert loss(T - 0.01 * dt, K) > loss(T, K) > loss(T - 0.01 * (P - TARGET), K)


def test_000_8_raises_or_broadcasts_if_read_as_numpy():
    same(X0 @ W + B, tg.Tensor(X0) @ W + B)
    with pytest.raises(ValueError, match="broadcast"):
        W * X0  # (D, C) with (D,)
    assert (W.T * X0).shape == (C, D)  # silent
    assert (SQUARE * T).shape == (C, C)  # silent


def test_000_9_and_10_are_jacobians():
    assert verify.jacobian(lambda w: X0 @ w + B, W, np.einsum("i,jk->jik", X0, np.eye(C)))
    assert verify.jacobian(lambda b: X0 @ W + b, B, np.eye(C))
    assert kinds(verify.jacobian(lambda w: X0 @ w + B, W, X0), "jacobian") == ["wrong_shape"]
    assert kinds(verify.jacobian(lambda b: X0 @ W + b, B, 1.0), "jacobian") == ["wrong_shape"]


def test_000_11_is_the_transpose_for_the_weights_of_the_code():
    assert verify.jacobian(lambda x: x @ W + B, X0, W.T)
    assert kinds(verify.jacobian(lambda x: x @ W + B, X0, W), "jacobian")[0] == "transpose"
    assert verify.jacobian(lambda x: W.T @ x + B, X0, W.T)  # as printed for weights (C, D)
    # Where the shapes cannot tell, the values do.
    assert kinds(verify.jacobian(lambda t: t @ SQUARE, T, SQUARE), "jacobian")[0] == "transpose"


def test_000_12_to_14_need_outer_products_and_an_order():
    d_out = np.where(np.arange(C) == K, -1 / P, 0)
    d_t = jacobian(T).T @ d_out
    layer = lambda inp, w, b: loss(inp @ w + b, K)
    inputs = {"inp": X0, "w": W, "b": B}
    mended = {"w": np.outer(X0, d_t), "b": d_t, "inp": W @ d_t}
    assert verify.hand(layer, inputs, mended)
    # Read as NumPy's *, the first two factors broadcast in silence.
    printed = {"b": d_out * jacobian(T) * 1}
    assert printed["b"].shape == (C, C)
    assert kinds(verify.hand(layer, inputs, printed), "b") == ["not_summed"]


def test_000_i1_a_layer_turns_its_upstream_into_its_downstream():
    _, pullback = tg.vjp(tg.softmax, T)
    same(jacobian(T).T @ U, pullback(U))


def test_000_i2_the_upstream_is_no_vector_of_probabilities():
    assert tg.softmax(T).sum() == pytest.approx(1)
    upstream = tg.grad(lambda p: -tg.log(p[K]))(P)
    assert upstream.min() < -1


class Recipe:
    """Document 000: the first upstream entry that is not zero, with the sign of 000-7b mended."""

    def forward(self, t):
        self.t = t
        return np.exp(t) / np.exp(t).sum()

    def backprop(self, d_out):
        for c, gradient in enumerate(d_out):
            if gradient == 0:
                continue
            e, s = np.exp(self.t), np.exp(self.t).sum()
            d = -e[c] * e / s**2
            d[c] = e[c] * (s - e[c]) / s**2
            return gradient * d
        return None


def test_000_T1_the_recipe_needs_a_one_hot_upstream():
    recipe = Recipe()
    recipe.forward(T)
    same(recipe.backprop(-TARGET / P), jacobian(T).T @ (-TARGET / P))
    differ(recipe.backprop(U), jacobian(T).T @ U)
    assert recipe.backprop(np.zeros(C)) is None
    report = verify.layer(Recipe(), T)
    assert "one_hot_upstream_only" in kinds(report, "input")


def test_000_T6_flattens_height_width_channels():
    assert 24 * 24 * 8 == tg.nn.models.course_cnn()[3].in_features == 4608
    image = np.arange(4608).reshape(24, 24, 8)
    assert not np.array_equal(image.ravel(), image.transpose(2, 0, 1).ravel())
