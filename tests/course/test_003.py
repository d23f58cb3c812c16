"""Document 003, softmax layer and chain rule: each formula under its identifier."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import (
    OTHERS,
    TARGET,
    X0,
    C,
    D,
    K,
    P,
    T,
    U,
    W,
    X,
    Y,
    differ,
    jacobian,
    kinds,
    loss,
    same,
    softmax,
)  # fmt: skip


def test_003_1_and_2_are_the_cross_entropy():
    same(-(TARGET * np.log(P)).sum(), tg.cross_entropy(T, K))
    same(-np.log(P[K]), tg.cross_entropy(T, K))
    # The library takes logits: probabilities would go through softmax twice, and it says so.
    with pytest.warns(UserWarning, match="softmax"):
        differ(tg.cross_entropy(P[None], [K]), -np.log(P[K]))


def test_003_3_divides_by_the_label():
    printed = np.where(np.arange(C) == K, -1.0, 0.0)  # -1 / y_c, and y_c = 1
    report = verify.hand(lambda p: -tg.log(p[K]), {"p": P}, {"p": printed})
    assert {"missing_factor", "scale"} <= set(kinds(report, "p"))
    mended = lambda p: np.where(np.arange(C) == K, -1 / p, 0)
    assert verify.hand(lambda p: -tg.log(p[K]), {"p": P}, {"p": mended})
    # On one image the direction is kept (times p_c); over a batch, each row has its own factor.
    same(jacobian(T).T @ printed, P[K] * (P - TARGET))
    p = softmax(X @ W)
    same(tg.grad(lambda z: -(Y * tg.softmax(z)).sum())(X @ W), p[Y == 1][:, None] * (p - Y))


def test_003_4_to_6_are_the_softmax():
    total = np.exp(T).sum()
    same(np.exp(T[K]) / np.exp(T).sum(), tg.softmax(T)[K])
    same(total, tg.exp(T).sum())
    same(np.exp(T[K]) / total, tg.softmax(T)[K])


def test_003_7_holds_for_the_other_classes():
    total = lambda t: np.exp(t).sum()
    lines = [
        lambda t: jacobian(t)[K, OTHERS],
        lambda t: (tg.grad(lambda s: np.exp(t[K]) / s)(total(t)) * np.exp(t))[OTHERS],
        lambda t: (-np.exp(t[K]) / total(t) ** 2 * np.exp(t))[OTHERS],
    ]
    assert verify.steps(lines, T)


def test_003_8_and_9_hold_for_the_class_itself():
    total = lambda t: np.exp(t).sum()
    slope = lambda t: tg.grad(lambda t: tg.exp(t).sum())(t)[K]
    lines = [
        lambda t: jacobian(t)[K, K],
        lambda t: (np.exp(t[K]) * total(t) - np.exp(t[K]) * slope(t)) / total(t) ** 2,
        lambda t: np.exp(t[K]) * (total(t) - np.exp(t[K])) / total(t) ** 2,
    ]
    assert verify.steps(lines, T)


COLUMN, BIAS = X0[:, None], np.arange(C)[:, None] / C  # 003: W (C, D), input (D, 1), b (C, 1)


def test_003_10_is_the_column_convention():
    same((X0 @ W)[:, None] + BIAS, tg.Tensor(W.T) @ COLUMN + BIAS)
    with pytest.raises(ValueError, match="do not align"):
        tg.Tensor(W) @ COLUMN  # the weights of the course's code: input @ W


def test_003_11_gives_jacobians_of_other_shapes():
    total = lambda w, b, x: w @ x + b
    by_w, by_b, by_x = tg.jacobian(total, (0, 1, 2))(W.T, BIAS, COLUMN)
    same(np.einsum("ki,j->kij", np.eye(C), X0), by_w[:, 0])  # (C, C, D), not input
    same(np.eye(C), by_b[:, 0, :, 0])  # not 1
    same(W.T, by_x[:, 0, :, 0])  # as printed
    assert kinds(verify.jacobian(lambda b: W.T @ COLUMN + b, BIAS, 1.0), "jacobian")


def test_003_12_is_exact_for_the_input_only():
    d_out = (-TARGET / P)[None]  # a row
    d_t = d_out @ jacobian(T)
    # The logits are T, whatever the bias has to be.
    layer = lambda W, b, inp: loss((W @ inp + b)[:, 0], K)
    inputs = {"W": W.T, "b": T[:, None] - W.T @ COLUMN, "inp": COLUMN}
    same((d_t @ W.T).T, tg.grad(layer, 2)(*inputs.values()))  # (1, C) (C, C) (C, D)
    mended = {"W": d_t.T @ COLUMN.T, "b": d_t.T, "inp": W @ d_t.T}
    assert verify.hand(layer, inputs, mended)
    with pytest.raises(ValueError, match="mismatch"):
        d_t @ COLUMN  # dL/dT times "inp": (1, C) and (D, 1)


def test_003_13_to_15_are_the_chain_rule_of_one_and_of_two_values():
    a, z = tg.sin, tg.exp
    same(np.exp(np.sin(0.7)) * np.cos(0.7), tg.grad(lambda t: z(a(t)))(0.7))
    # 003-13: both have to be differentiable; |t| at 0 is not, and any slope in [-1, 1] is accepted.
    assert verify.hand(tg.abs, {"x": 0.0}, {"x": 0.3}, upstream=1.0)["x"].verdict == "kink"
    # 003-15: z of two values that both depend on t.
    assert verify.check(lambda t: tg.sin(t) * tg.exp(t), 0.7)


def test_003_16_sums_both_paths():
    def f(t):
        return tg.sin(t).named("a1") * tg.exp(t).named("a2")

    assert verify.hand(f, {"t": 0.7}, {"t": lambda t, da1, da2: da1 * np.cos(t) + da2 * np.exp(t)})
    report = verify.hand(f, {"t": 0.7}, {"t": lambda t, da1: da1 * np.cos(t)})
    assert "missing_branch" in kinds(report, "t")


def test_003_17_is_the_rule_of_the_quotient():
    f, g = np.sin, np.exp
    printed = (np.cos(T) * g(T) - f(T) * np.exp(T)) / g(T) ** 2
    same(printed, tg.grad(lambda t: (tg.sin(t) / tg.exp(t)).sum())(T))


def test_003_T1_the_sum_always_depends_on_t_c():
    same(np.exp(T), tg.grad(lambda t: tg.exp(t).sum())(T))  # never zero
    # What is zero is the derivative of another class's exponential, even if the values are equal.
    twice = np.array([2.0, 2.0, 1.0])
    same(np.diag(np.exp(twice)), tg.jacobian(tg.exp)(twice))


def test_003_T3_a_vector_is_no_column_matrix():
    vector, column = np.zeros(D), np.zeros((D, 1))
    assert (vector - column).shape == (D, D)  # silent
    assert (vector @ W).shape == (C,)
    with pytest.raises(ValueError, match="mismatch"):
        column @ W


def test_003_T6_local_is_not_downstream():
    _, pullback = tg.vjp(tg.softmax, T)
    local, downstream = jacobian(T), pullback(U)
    assert (local.shape, downstream.shape) == ((C, C), (C,))
    same(local.T @ U, downstream)
    differ(local.sum(0), downstream)
