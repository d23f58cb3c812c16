"""Document 001, softmax and Kullback-Leibler divergence: each formula under its identifier."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import LABELS, TARGET, X0, C, D, P, T, W, Y, differ, same, softmax


def divergence(X, W, Y):
    """001-1, 001-2 and 001-3 one after the other."""
    S = tg.softmax(X @ W)
    return tg.kl_divergence(Y, S)


INPUTS = {"X": X0, "W": W, "Y": TARGET}


def test_001_1_and_2_are_the_layer():
    logits = X0 @ W
    assert logits.shape == (C,)
    layer = tg.nn.Linear(D, C, bias=False)
    layer.load_state_dict({"weight": W.T.astype("float32")})  # the library's weights are (C, D)
    np.testing.assert_allclose(tg.softmax(layer(X0)).data, softmax(logits), rtol=1e-5)


def test_001_3_is_minus_the_log_of_S_y():
    S = softmax(X0 @ W)
    y = TARGET.argmax()
    same(-np.log(S[y]), divergence(X0, W, TARGET))
    same(-np.log(S[y]), tg.kl_div(np.log(S), TARGET, reduction="sum"))  # the other way round
    soft = np.array([0.1, 0.2, 0.3, 0.4, 0.0])
    same((soft[:4] * np.log(soft[:4] / S[:4])).sum(), tg.kl_divergence(soft, S))
    with np.errstate(all="ignore"):
        assert np.isnan(np.sum(TARGET * np.log(TARGET / S)))  # coded naively


def test_001_4_counts_from_1():
    labels = LABELS + 1  # in {1, ..., C}
    same(Y, np.eye(C)[labels - 1])
    with pytest.raises(IndexError):
        np.eye(C)[np.append(labels, C)]  # y = C has no row
    one = verify.hand(
        lambda z, y: tg.cross_entropy(z, y),
        {"z": T, "y": np.array(2)},
        {"z": P - np.eye(C)[3]},
    )
    assert one["z"].diagnoses[0].kind == "off_by_one_class"


def test_001_5_is_the_outer_product_that_is_not_given():
    mended = lambda X, W, Y: np.outer(X, softmax(X @ W) - Y)
    report = verify.hand(divergence, INPUTS, {"W": mended})
    assert report
    assert report["W"].autograd.shape == (D, C)


def test_001_6_climbs():
    printed = {"W": lambda W, dW: W + 0.01 * dW}
    report = verify.descent(divergence, INPUTS, printed)
    assert [d.kind for d in report["W"].diagnoses] == ["ascent"]
    assert verify.descent(divergence, INPUTS, {"W": lambda W, dW: W - 0.01 * dW})
    # The gradient itself is right: only the loss tells.
    dW = np.outer(X0, softmax(X0 @ W) - TARGET)
    before, after = (divergence(X0, w, TARGET) for w in (W, W + 0.01 * dW))
    assert after - before == pytest.approx(0.01 * (dW**2).sum(), rel=0.1)


def test_001_7_is_the_softmax_once_S_i_is_given():
    same(np.exp(T) / np.exp(T).sum(), tg.softmax(T))
    assert tg.softmax(np.array([0.3])).tolist() == [1.0]  # N = 1; for N = 0 there is no class


def test_001_T1_the_divergence_is_no_distance():
    p, q = softmax(T), softmax(-T)
    differ(tg.kl_divergence(p, q), tg.kl_divergence(q, p))
