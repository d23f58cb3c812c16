"""Formulas of the course documents, under their identifiers, against what the tape computes.

A formula is written here as the document prints it (or as the errata mend it) and compared with the
recorded gradient; one that is wrong as printed must be refuted.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg

RNG = np.random.default_rng(2)
N, D, H, C = 6, 7, 4, 5  # all different, so that no transposition can hide
X, W, B = RNG.standard_normal((N, D)), RNG.standard_normal((D, C)), RNG.standard_normal(C)
LABELS = RNG.integers(0, C, N)
Y = np.eye(C)[LABELS]
T = RNG.standard_normal(C)
K = 3  # the class c
P = tg.softmax(T)
S = np.exp(T).sum()


def slope(f, *values):
    """The recorded gradients of a scalar function."""
    found = tg.grad(f, tuple(range(len(values))))(*values)
    return found[0] if len(values) == 1 else found


def dense(x, w, b):
    """The mean cross entropy of a dense softmax layer, composed."""
    return -(Y * tg.log(tg.softmax(x @ w + b))).sum() / N


JACOBIAN = tg.jacobian(tg.softmax)(T)  # [i, j]: of output i by input j
OTHERS = [k for k in range(C) if k != K]

# identifier: (as the document has it, as the tape computes it)
RIGHT = {
    "000-1": (-np.log(P[K]), tg.cross_entropy(T, K)),
    "000-3": (
        np.where(np.arange(C) == K, -1 / P, 0.0), slope(lambda p: -tg.log(p[K]), P)),
    "000-4": (np.exp(T[K]) / S, tg.softmax(T)[K]),
    "000-6": (-np.exp(T[K]) * np.exp(T[OTHERS]) / S**2, JACOBIAN[K, OTHERS]),
    "000-7b mended": (np.exp(T[K]) * (S - np.exp(T[K])) / S**2, JACOBIAN[K, K]),
    "000-9": (
        np.einsum("i,jk->jik", X[0], np.eye(C)),
        tg.jacobian(lambda w: tg.Tensor(X[0]) @ w)(W)),
    "000-10": (np.eye(C), tg.jacobian(lambda b: X[0] @ W + b)(B)),
    "000-11 mended": (W.T, tg.jacobian(lambda x: x @ W + B)(X[0])),
    "000-12": (
        np.outer(X[0], P - np.eye(C)[K]),
        slope(lambda w: tg.cross_entropy(X[0] @ w + (T - X[0] @ W), K), W)),
    "000-13": (P - np.eye(C)[K], slope(lambda b: tg.cross_entropy(b, K), T)),
    "000-14": (W @ (P - np.eye(C)[K]),
               slope(lambda x: tg.cross_entropy(x @ W + (T - X[0] @ W), K), X[0])),
    "000-T6": (24 * 24 * 8, tg.nn.models.course_cnn()[3].in_features),
    "001-3": (-np.log(P[K]), -tg.log(tg.softmax(T))[K]),
    "001-5": (np.outer(X[0], tg.softmax(X[0] @ W) - Y[0]),
              slope(lambda w: tg.cross_entropy(X[0] @ w, LABELS[0]), W)),
    "002-A3": (tg.sigmoid(T) * (1 - tg.sigmoid(T)), slope(lambda x: tg.sigmoid(x).sum(), T)),
    "002-A4": (1 - np.tanh(T) ** 2, slope(lambda x: tg.tanh(x).sum(), T)),
    "002-A6": ((T >= 0) * 1.0, slope(lambda x: tg.relu(x).sum(), T)),
    "002-22": (1 / P, slope(lambda x: tg.log(x).sum(), P)),
    "002-55": (np.exp(T - T.max()) / np.exp(T - T.max()).sum(), tg.softmax(T)),
    "002-60": (P * (1 - P), np.diag(JACOBIAN)),
    "002-61": (-np.outer(P, P)[~np.eye(C, dtype=bool)], JACOBIAN[~np.eye(C, dtype=bool)]),
    "002-62": ((tg.softmax(X @ W + B) - Y) / N,
               slope(lambda z: -(Y * tg.log(tg.softmax(z))).sum() / N, X @ W + B)),
    "003-1": (-(Y[0] * np.log(P)).sum(), tg.cross_entropy(T, Y[0])),
    "003-7": (-np.exp(T[K]) / S**2 * np.exp(T[OTHERS]), JACOBIAN[K, OTHERS]),
    "003-9": (np.exp(T[K]) * (S - np.exp(T[K])) / S**2, JACOBIAN[K, K]),
    "003-17": (
        ((np.cos(T) * np.exp(T)) - np.sin(T) * np.exp(T)) / np.exp(T) ** 2,
        slope(lambda t: (tg.sin(t) / tg.exp(t)).sum(), T)),
    "004-6": (P[:, None] * (np.eye(C) - P), JACOBIAN),
    "004-14": (P - np.eye(C)[K], slope(lambda z: tg.cross_entropy(z, K), T)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_formula_holds(name):
    printed, recorded = RIGHT[name]
    recorded = getattr(recorded, "data", recorded)
    np.testing.assert_allclose(printed, recorded, rtol=1e-10, atol=1e-12)


# identifier: (as printed, the truth); the checks of the mended forms stand above.
WRONG = {
    "000-7b": (-np.exp(T[K]) * (S - np.exp(T[K])) / S**2, JACOBIAN[K, K]),
    "003-3": (np.where(np.arange(C) == K, -1.0, 0.0), slope(lambda p: -tg.log(p[K]), P)),
    "002-60 third member": ((np.exp(T) * S - np.exp(T)) / S**2, np.diag(JACOBIAN)),
    "004-2 as the gradient": (
        (-Y[0] / P) * P * (1 - P), slope(lambda z: -(Y[0] * tg.log(tg.softmax(z))).sum(), T)),
    "004-7": (JACOBIAN.sum(0), slope(lambda z: -tg.log(tg.softmax(z))[K], T)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_formula_is_refuted_as_printed(name):
    printed, truth = WRONG[name]
    assert np.abs(printed - truth).max() > 0.01


def test_formula_002_21_to_34_of_the_binary_network():
    """Slides 30 to 36: every result of the backward pass, on a two-layer network in columns."""
    x, y = X.T, RNG.integers(0, 2, (1, N)).astype(float)  # one column per example
    arrays = {
        "W1": RNG.standard_normal((H, D)), "b1": RNG.standard_normal((H, 1)),
        "W2": RNG.standard_normal((1, H)), "b2": RNG.standard_normal((1, 1)),
    }  # fmt: skip
    t = {name: tg.Tensor(a, requires_grad=True, name=name) for name, a in arrays.items()}
    z1 = (t["W1"] @ x + t["b1"]).named("Z1")
    a1 = tg.relu(z1)
    z2 = t["W2"] @ a1 + t["b2"]
    a2 = tg.sigmoid(z2)
    cost = (-y * tg.log(a2) - (1 - y) * tg.log(1 - a2)).sum()
    cost.backward(retain_grads=True)
    a = a2.data
    formulas = {
        "002-26": (-y / a + (1 - y) / (1 - a), a2.grad),
        "002-28": (a * (1 - a), z2.grad.data / a2.grad.data),
        "002-34": (a - y, z2.grad),
        "002-39": ((arrays["W2"].T @ (a - y)) * (z1.data > 0), z1.grad),
        "002-41": (z1.grad.data @ x.T, t["W1"].grad),
        "002-43 mended": (z1.grad.data.sum(1, keepdims=True), t["b1"].grad),
    }
    for name, (printed, recorded) in formulas.items():
        np.testing.assert_allclose(printed, recorded, rtol=1e-9, atol=1e-12, err_msg=name)
    # 002-43 as printed forgets the sum over the examples: it does not even have the shape.
    assert z1.grad.shape != t["b1"].grad.shape


def test_formula_001_6_as_printed_climbs():
    before = tg.cross_entropy(X @ W, LABELS)
    step = 0.01 * slope(lambda w: tg.cross_entropy(X @ w, LABELS), W)
    assert tg.cross_entropy(X @ (W + step), LABELS) > before
    assert tg.cross_entropy(X @ (W - step), LABELS) < before


def test_formula_003_16_a_value_used_twice_sums_both_paths():
    t = tg.Tensor(0.7, requires_grad=True)
    a1, a2 = tg.sin(t), tg.exp(t)
    (a1 * a2).backward(retain_grads=True)
    expected = a1.grad.item() * np.cos(0.7) + a2.grad.item() * np.exp(0.7)
    assert t.grad.item() == pytest.approx(expected, rel=1e-14)


def test_formula_002_C1_to_C3_softmax_of_large_numbers():
    naive = lambda z: np.exp(z) / np.exp(z).sum(axis=0, keepdims=True)
    with np.errstate(all="ignore"):
        assert np.isnan(naive(np.array([4000.0, 5000.0, 6000.0]))).all()
    assert tg.softmax([4000, 5000, 6000]).tolist() == [0.0, 0.0, 1.0]
    expected = [0.09003057, 0.24472847, 0.66524096]
    np.testing.assert_allclose(tg.softmax([4, 5, 6]), expected, atol=5e-9)
    # 002-54: the sum is 1 up to rounding, not exactly.
    assert tg.softmax([4, 5, 6]).sum() == pytest.approx(1.0, abs=1e-15)


def test_formula_002_C2_fails_on_a_batch_where_the_library_does_not():
    def printed(z):
        e = np.exp(z - np.max(z))
        return e / e.sum(axis=0, keepdims=True)

    columns = np.array([[0.0, 1000.0], [1.0, 1001.0]])
    with np.errstate(all="ignore"):
        assert np.isnan(printed(columns)[:, 0]).all()
    assert np.isfinite(tg.softmax(columns, axis=0)).all()


def test_formula_002_62_needs_targets_that_sum_to_one():
    two_hot = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    found = slope(lambda z: -(two_hot * tg.log(tg.softmax(z))).sum(), T)
    np.testing.assert_allclose(found, P * two_hot.sum() - two_hot, atol=1e-14)
    assert np.abs(found - (P - two_hot)).max() > 0.1


def test_formula_002_T5_the_sigmoid_does_not_saturate_at_one():
    assert tg.sigmoid(1.0) == pytest.approx(0.7311, abs=1e-4)
    assert tg.sigmoid(36.0) < 1.0
    assert tg.sigmoid(37.0) == 1.0
