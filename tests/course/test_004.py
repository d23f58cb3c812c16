"""Document 004, questions and answers on softmax: each formula under its identifier.

Signs were lost in conversion; a formula is tested as it was meant, and refuted as printed.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import (
    SQUARE,
    TARGET,
    C,
    K,
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
)

H = softmax(T)  # h
OFF = ~np.eye(C, dtype=bool)


def test_004_1_is_the_softmax():
    same(np.exp(T) / np.exp(T).sum(), tg.softmax(T))


def test_004_2_is_the_diagonal_only():
    same(H * (1 - H), np.diag(jacobian(T)))
    report = verify.jacobian(tg.softmax, T, lambda z: np.diag(softmax(z) * (1 - softmax(z))))
    assert kinds(report, "jacobian")[0] == "diagonal_only"
    report = verify.hand(lambda z: tg.softmax(z), {"z": T}, {"z": U * H * (1 - H)}, upstream=U)
    assert kinds(report, "z")[0] == "diagonal_only"
    # With -t/h from the cross entropy only the entry of the class is not zero.
    found = -TARGET / H * H * (1 - H)
    assert np.flatnonzero(found).tolist() == [K]
    same(found[K], (H - TARGET)[K])


def test_004_3_and_4_are_the_two_cases():
    same(H * (1 - H), np.diag(jacobian(T)))
    same(-np.outer(H, H)[OFF], jacobian(T)[OFF])
    printed = lambda z: np.where(OFF, np.outer(softmax(z), softmax(z)), jacobian(z))
    first = verify.jacobian(tg.softmax, T, printed)["jacobian"].diagnoses[0]
    assert (first.kind, first.detail["subset"]) == ("sign", "the case i != j")


def test_004_5_and_6_are_the_jacobian():
    delta = np.eye(C)
    assert verify.jacobian(tg.softmax, T, H[:, None] * (delta - H))
    assert not verify.jacobian(tg.softmax, T, H[:, None] * delta * H)  # as printed


def test_004_7_forgets_the_upstream():
    printed = jacobian(T).sum(axis=0)
    np.testing.assert_allclose(printed, 0, atol=1e-15)
    report = verify.hand(lambda z: loss(z, K), {"z": T}, {"z": printed})
    assert {"zero", "missing_upstream"} & set(kinds(report, "z"))
    _, pullback = tg.vjp(tg.softmax, T)
    same(np.einsum("ik,i->k", jacobian(T), U), pullback(U))


def test_004_8_holds_because_the_jacobian_is_symmetric():
    _, pullback = tg.vjp(tg.softmax, T)
    same(jacobian(T) @ U, pullback(U))
    other = lambda z: tg.softmax(SQUARE @ z)
    _, pullback = tg.vjp(other, T)
    differ(tg.jacobian(other)(T) @ U, pullback(U))
    same(tg.jacobian(other)(T).T @ U, pullback(U))


def test_004_9_and_14_are_h_minus_t():
    cross_entropy = lambda z, t: -(t * tg.log(tg.softmax(z))).sum()
    assert verify.hand(cross_entropy, {"z": T, "t": TARGET}, {"z": H - TARGET})
    report = verify.hand(cross_entropy, {"z": T, "t": TARGET}, {"z": H * TARGET})  # as printed
    assert report["z"].verdict == "wrong"
    report = verify.hand(cross_entropy, {"z": T, "t": TARGET}, {"z": H + TARGET})
    assert {"sign", "missing_branch"} & set(kinds(report, "z"))


def test_004_10_and_17_name_the_error():
    z = tg.Tensor(T, requires_grad=True)
    tg.cross_entropy(z, K).backward()
    assert z.grad.shape == z.shape  # one sigma_j for each z_j: a vector, not a matrix
    same(H - TARGET, z.grad)


def test_004_11_is_the_jacobian():
    assert verify.jacobian(tg.softmax, T, H[:, None] * np.eye(C) - np.outer(H, H))
    assert not verify.jacobian(tg.softmax, T, H[:, None] * np.eye(C) * np.outer(H, H))


def test_004_12_and_13_have_the_same_gradient():
    softened = 0.9 * Y + 0.02  # targets without zeros
    cross = lambda z, t: -(t * tg.log(tg.softmax(z))).sum()
    relative = lambda z, t: -(t * tg.log(tg.softmax(z) / t)).sum()
    z = X @ W
    same(cross(z, softened) + (softened * np.log(softened)).sum(), relative(z, softened))
    same(tg.grad(cross)(z, softened), tg.grad(relative)(z, softened))
    with np.errstate(all="ignore"):
        assert np.isnan(relative(z, Y))  # 0 ln 0, coded naively
    same(cross(z, Y), tg.kl_divergence(Y, softmax(z), reduction="sum"))


def test_004_15_is_the_jacobian_off_and_on_the_diagonal():
    printed = np.where(OFF, -np.outer(H, H), np.diag(H * (1 - H)))
    assert verify.jacobian(tg.softmax, T, printed)


def test_004_16_is_the_cross_entropy():
    same(-(TARGET * np.log(H)).sum(), tg.cross_entropy(T, K))
    differ((TARGET * np.log(H)).sum(), tg.cross_entropy(T, K))  # the second time, as printed


def test_004_T2_the_sums_of_the_jacobian_are_zero():
    for axis in (0, 1):
        np.testing.assert_allclose(jacobian(T).sum(axis), 0, atol=1e-15)
    assert np.abs(tg.grad(loss)(T, K)).min() > 0.01  # the gradient is not


def test_004_T3_element_by_element_for_sigmoid_only():
    _, pullback = tg.vjp(tg.sigmoid, T)
    s = tg.sigmoid(T)
    same(s * (1 - s) * U, pullback(U))
    _, pullback = tg.vjp(tg.softmax, T)
    differ(H * (1 - H) * U, pullback(U))
    with pytest.raises(ValueError, match="mismatch"):
        np.ones((C, 4)) @ jacobian(T)  # "the dimensions do not match": the order is another
