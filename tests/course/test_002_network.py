"""Document 002, slides 20 to 38, the binary network: each formula under its identifier."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify

from .setting import P, T, U, cost, derivative, differ, kinds, network, same

# --- slides 20 to 23: forward ------------------------------------------------------------------

TWO = network(7, 4, 1)  # slides 20 to 27
DEEP = network(7, 4, 3, 1)  # k is the layer, from 1 to 3


def test_002_1_is_a_row_of_002_3():
    W, b, A, Z = DEEP.W[2], DEEP.b[2], DEEP.A[1], DEEP.Z[2]
    for i in range(len(W)):
        same(W[i].T @ A[:, 0] + b[i, 0], Z[i, 0])


def test_002_2_to_4_are_a_layer():
    for k in DEEP.layers:
        Z = DEEP.W[k] @ DEEP.A[k - 1] + DEEP.b[k]
        same(Z, DEEP.Z[k])
        activation = tg.sigmoid if k == DEEP.L else tg.relu
        same(activation(Z), DEEP.A[k])
        same(activation(Z[0, 0]), DEEP.A[k][0, 0])  # entry by entry, unlike softmax
    differ(tg.softmax(T[:1]), P[:1])


def test_002_5_puts_one_example_in_each_column():
    assert TWO.A[0].shape == (7, TWO.m)
    with pytest.raises(ValueError, match="do not align"):
        tg.Tensor(TWO.W[1]) @ TWO.A[0].T


def test_002_6_to_10_and_12_are_the_forward_pass():
    Z1 = TWO.W[1] @ TWO.A[0] + TWO.b[1]
    A1 = np.maximum(Z1, 0)
    Z2 = TWO.W[2] @ A1 + TWO.b[2]
    A2 = 1 / (1 + np.exp(-Z2))
    for printed, recorded in zip((Z1, A1, Z2, A2), (TWO.Z[1], TWO.A[1], TWO.Z[2], TWO.A[2])):
        same(printed, recorded)


def test_002_11_is_the_cost_of_one_example():
    a, y = TWO.A[2], TWO.y
    same(cost(a, y), tg.binary_cross_entropy(a, y, reduction="none"))
    mean = tg.grad(lambda a: cost(a, y).mean())(a)
    same(TWO.dA[2] / TWO.m, mean)  # 1/m is written nowhere


# --- slides 26 to 29: the chain rule -----------------------------------------------------------


def test_002_13_is_the_chain_rule():
    same(np.cos(0.49) * 1.4, tg.grad(lambda x: tg.sin(x**2))(0.7))


def test_002_14_and_15_need_an_order_and_a_transpose():
    with pytest.raises(ValueError, match="mismatch"):
        TWO.dA[2] @ TWO.s[2] @ TWO.A[1]  # (1, m) (1, m) (4, m)
    assert (TWO.dA[2] * TWO.s[2] * TWO.A[1]).shape != TWO.W[2].shape  # silent
    same((TWO.dA[2] * TWO.s[2]) @ TWO.A[1].T, TWO.dW[2])
    assert (TWO.dA[2] * TWO.s[2] * 1).shape != TWO.b[2].shape  # silent
    same((TWO.dA[2] * TWO.s[2]).sum(axis=1, keepdims=True), TWO.db[2])


def test_002_16_and_17_need_an_order_and_transposes():
    with pytest.raises(ValueError, match="broadcast"):
        TWO.dA[2] * TWO.s[2] * TWO.W[2] * TWO.s[1] * TWO.A[0]
    dZ1 = (TWO.W[2].T @ (TWO.dA[2] * TWO.s[2])) * TWO.s[1]
    same(dZ1 @ TWO.A[0].T, TWO.dW[1])
    same(dZ1.sum(axis=1, keepdims=True), TWO.db[1])


def test_002_18_and_19_are_products_with_a_jacobian():
    for k in DEEP.layers:
        Z = lambda W, b, k=k: W @ DEEP.A[k - 1] + b
        by_W, by_b = tg.jacobian(Z, (0, 1))(DEEP.W[k], DEEP.b[k])
        same(np.einsum("im,imjk->jk", DEEP.dZ[k], by_W), DEEP.dW[k])
        same(np.einsum("im,imjk->jk", DEEP.dZ[k], by_b), DEEP.db[k])


def test_002_20_needs_the_gradient_of_Z_l_and_not_of_W_L():
    for k in DEEP.layers:  # dC/dZ of each layer, with dZ/dW and dZ/db, gives all that is wanted
        same(DEEP.dZ[k] @ DEEP.A[k - 1].T, DEEP.dW[k])
        same(DEEP.dZ[k] @ np.ones((DEEP.m, 1)), DEEP.db[k])


# --- slides 30 to 33: the last layer -----------------------------------------------------------


def test_002_21_and_25_and_26_are_the_slope_of_the_cost():
    members = [
        lambda A, y: tg.grad(lambda A: cost(A, y).sum())(A),
        lambda A, y: -y / A - (-(1 - y) / (1 - A)),
        lambda A, y: -y / A + (1 - y) / (1 - A),
    ]
    A, y = TWO.A[2], TWO.y
    assert verify.steps(members, {"A": A, "y": y})
    assert verify.hand(lambda A: cost(A, y).sum(), {"A": A}, {"A": members[2](A, y)})
    with np.errstate(all="ignore"):
        assert np.isinf(members[2](np.array([1.0]), 0.0))
        assert np.isnan(members[2](np.array([1.0]), 1.0))
    assert tg.sigmoid(37.0) == 1.0  # which happens


def test_002_22_to_24_are_derivatives_of_the_natural_logarithm():
    A, y = TWO.A[2], TWO.y
    assert derivative(tg.log, lambda x: 1 / x, P)
    assert derivative(tg.log10, lambda x: 1 / x / np.log(10), P)
    same(-y / A, tg.grad(lambda A: (-y * tg.log(A)).sum())(A))
    same(1 / (1 - A) * -1, tg.grad(lambda A: tg.log(1 - A).sum())(A))


def test_002_27_holds_element_by_element_but_not_for_softmax():
    same(TWO.dA[2] * TWO.s[2], TWO.dZ[2])
    report = verify.hand(lambda z: tg.softmax(z), {"z": T}, {"z": U * P * (1 - P)}, upstream=U)
    assert kinds(report, "z")[0] == "diagonal_only"


def test_002_28_is_the_slope_of_the_sigmoid():
    slope = lambda z: tg.sigmoid(z) * (1 - tg.sigmoid(z))
    assert derivative(tg.sigmoid, slope, TWO.Z[2][0])
    same(TWO.A[2] * (1 - TWO.A[2]), TWO.dZ[2] / TWO.dA[2])


def test_002_29_to_34_are_equal_line_by_line():
    lines = {
        "002-29": lambda A, y: (-y / A + (1 - y) / (1 - A)) * A * (1 - A),
        "002-30, line 1": lambda A, y: (
            (-y * (1 - A) / (A * (1 - A)) + A * (1 - y) / (A * (1 - A))) * A * (1 - A)
        ),
        "002-30, line 2": lambda A, y: (-y * (1 - A) + A * (1 - y)) / (A * (1 - A)) * A * (1 - A),
        "002-31": lambda A, y: -y * (1 - A) + A * (1 - y),
        "002-32": lambda A, y: -y + y * A + A - A * y,
        "002-33": lambda A, y: -y + A,
        "002-34": lambda A, y: A - y,
    }
    truth = lambda Z, y: tg.grad(lambda Z: cost(tg.sigmoid(Z), y).sum())(Z)
    members = [lambda Z, y, line=line: line(tg.sigmoid(Z), y) for line in lines.values()]
    assert verify.steps([truth, *members], {"Z": TWO.Z[2], "y": TWO.y})


# --- slides 34 to 38: every layer --------------------------------------------------------------


def test_002_35_needs_the_transpose_of_W_in_front():
    for k in DEEP.hidden:
        with pytest.raises(ValueError, match=r"mismatch|broadcast"):
            DEEP.dZ[k + 1] @ DEEP.W[k + 1] * DEEP.s[k]  # the order of the document
        same(DEEP.W[k + 1].T @ DEEP.dZ[k + 1] * DEEP.s[k], DEEP.dZ[k])


def test_002_36_to_38_are_the_local_derivatives():
    for k in DEEP.hidden:
        W, b, A = DEEP.W[k + 1], DEEP.b[k + 1], DEEP.A[k]
        same(W @ A + b, DEEP.Z[k + 1])
        assert derivative(tg.relu, lambda z: (z > 0) * 1.0, DEEP.Z[k][:, 0])
        column = tg.jacobian(lambda a, W=W, b=b: W @ a + b)(A[:, :1])
        same(W, column[:, 0, :, 0])


def test_002_39_and_48_go_back_through_a_layer():
    for k in DEEP.hidden:
        same(np.dot(DEEP.W[k + 1].T, DEEP.dZ[k + 1]) * DEEP.s[k], DEEP.dZ[k])
        with pytest.raises(ValueError, match=r"aligned|broadcast"):
            np.dot(DEEP.W[k + 1].T, DEEP.dZ[k + 1] * DEEP.s[k])  # the other reading


def test_002_40_and_42_are_jacobians_of_more_axes():
    W, A, b, ones = DEEP.W[2], DEEP.A[1], DEEP.b[2], np.ones((1, DEEP.m))
    by_W, by_b = tg.jacobian(lambda W, b: W @ A + b, (0, 1))(W, b)
    same(np.einsum("ij,km->imjk", np.eye(len(W)), A), by_W)
    same(np.einsum("ij,km->imjk", np.eye(len(W)), ones), by_b)


def test_002_41_and_49_are_the_gradient_of_the_weights():
    for k in DEEP.layers:
        same(DEEP.dZ[k] @ DEEP.A[k - 1].T, DEEP.dW[k])


def report_on_biases(m):
    """What verify says to 002-43, db = dZ, in both layers, for m examples."""
    net = network(3, 4, 1, m=m)

    def f(W1, b1, W2, b2):
        A1 = tg.relu((W1 @ net.A[0] + b1).named("Z1"))
        return cost(tg.sigmoid((W2 @ A1 + b2).named("Z2")), net.y).sum()

    inputs = {"W1": net.W[1], "b1": net.b[1], "W2": net.W[2], "b2": net.b[2]}
    return verify.hand(f, inputs, {"b2": lambda dZ2: dZ2, "b1": lambda dZ1: dZ1})


def test_002_43_forgets_the_sum():
    assert kinds(report_on_biases(m=6), "b1")[0] == "not_summed"
    assert report_on_biases(m=1)  # right for one example
    for k in DEEP.layers:
        same(DEEP.dZ[k].sum(axis=1, keepdims=True), DEEP.db[k])
    assert (DEEP.b[1] - 0.1 * DEEP.dZ[1]).shape == (4, DEEP.m)  # silent: the biases grow


def test_002_44_to_46_sum_up_the_last_layer():
    a, y = DEEP.A[3], DEEP.y
    same(-y / a + (1 - y) / (1 - a), DEEP.dA[3])
    same(a - y, DEEP.dZ[3])
    same((a - y) @ DEEP.A[2].T, DEEP.dW[3])


def test_002_47_and_50_forget_the_sum_again():
    report = report_on_biases(m=6)
    assert kinds(report, "b2")[0] == kinds(report, "b1")[0] == "not_summed"
    assert report.first_wrong == "b2"


def test_002_51_and_52_go_down():
    def f(W1, b1, W2, b2):
        A2 = tg.sigmoid(W2 @ tg.relu(W1 @ TWO.A[0] + b1) + b2)
        return cost(A2, TWO.y).sum()

    inputs = {"W1": TWO.W[1], "b1": TWO.b[1], "W2": TWO.W[2], "b2": TWO.b[2]}
    eta = 0.01
    printed = {
        "W1": lambda W1, dW1: W1 - eta * dW1, "b1": lambda b1, db1: b1 - eta * db1,
        "W2": lambda W2, dW2: W2 - eta * dW2, "b2": lambda b2, db2: b2 - eta * db2,
    }  # fmt: skip
    assert verify.descent(f, inputs, printed)
    # 002-39 needs the old W2: with the new one the gradient of layer 1 is another.
    new = TWO.W[2] - 0.5 * TWO.dW[2]
    differ((new.T @ TWO.dZ[2] * TWO.s[1]) @ TWO.A[0].T, TWO.dW[1])


def test_002_T9_gradients_go_back_and_values_do_not():
    for k in reversed(DEEP.hidden):
        same(DEEP.W[k + 1].T @ DEEP.dZ[k + 1] * DEEP.s[k], DEEP.dZ[k])
    # Another Z1 gives the same Z2: it cannot be found from Z2.
    other = np.where(DEEP.Z[1] < 0, DEEP.Z[1] - 1, DEEP.Z[1])
    same(DEEP.W[2] @ np.maximum(other, 0) + DEEP.b[2], DEEP.Z[2])
