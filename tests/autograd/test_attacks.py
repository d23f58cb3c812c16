"""What strangers found: values and gradients that were silently wrong, errors in foreign words."""

from __future__ import annotations

from array import array
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import TinygradError


def leaf(value):
    return tg.Tensor(np.asarray(value, float), requires_grad=True)


def test_einsum_multiplies_constants_in_the_dtype_of_the_result():
    small, t = np.full((2, 2), 20, np.int8), leaf([1.0, 1.0])
    y = np.einsum("ij,ij,k->k", small, small, t)
    assert y.data.tolist() == [1600.0, 1600.0]
    assert tg.gradients(y.sum(), t).data.tolist() == [1600.0, 1600.0]
    half = tg.einsum("i,i,i->", np.array([300], np.float16), np.array([300], np.float16), leaf([2]))
    assert half.item() == 180000.0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64, np.int8, np.int64, bool])
@pytest.mark.parametrize("order", [1, 2])
def test_powers_of_integer_dtypes(dtype, order):
    exponents = np.array([0, 1, 1], dtype) if dtype is bool else np.array([0, 1, 2], dtype)
    base = np.array([100.0, 3.0, 2.0])
    n = exponents.astype(float)
    right = n * base ** (n - 1) if order == 1 else n * (n - 1) * base ** (n - 2)
    t = leaf(base)
    d = tg.gradients((t**exponents).sum(), t, create_graph=True)
    if order == 2:
        d = tg.gradients(d.sum(), t)
    np.testing.assert_allclose(d.data, right)


def test_the_logarithm_of_a_small_integer_is_exact():
    t = leaf(2.0)
    (np.int8(3) ** t).backward()
    np.testing.assert_allclose(t.grad.data, 9 * np.log(3), rtol=1e-15)


def test_threads_add_to_the_gradient_of_one_leaf():
    shared = leaf(np.ones(1000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: (shared * 2.0).sum().backward(), range(500)))
    assert (shared.grad.data == 1000.0).all()


LOSSES = {
    "mse": tg.mse_loss, "l1": tg.l1_loss, "kl_div": tg.kl_div, "kl": tg.kl_divergence,
    "bce": tg.binary_cross_entropy, "logits": tg.binary_cross_entropy_with_logits,
    "cross_entropy": tg.cross_entropy,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(
    "other",
    [
        np.array([0.2, 0.5, 0.3]) + 0j, np.array([1, 2, 3], "m8[s]"), np.array(["a", "b", "c"]),
        np.array([0.2, 0.5, 0.3], object), tg.Tensor([1j, 0.0, 1.0]),
    ],
)  # fmt: skip
def test_losses_take_real_numbers_only(loss, other):
    t = leaf([0.3, 0.2, 0.5])
    for call in (lambda: loss(t, other), lambda: loss(other, t)):
        with pytest.raises(TinygradError):
            call()


def test_gradients_taken_inside_a_transform_are_part_of_it():
    assert tg.grad(lambda v: tg.gradients(v**3 * 1.0, v))(2.0) == 12.0

    def by_backward(v):
        a = tg.Tensor(3.0, requires_grad=True)
        (a * a * v).backward()
        return a.grad * v

    assert tg.grad(by_backward)(2.0) == 24.0


def test_transforms_stay_differentiable_in_what_else_they_are_given():
    w = leaf(2.0)
    for d in (
        tg.grad(lambda a, b: a * b)(3.0, w), tg.grad(lambda a, *, b: a * b)(3.0, b=w),
        tg.grad(lambda a, b: a * b[0])(3.0, [w]), tg.grad(lambda a, b: a * b["w"])(3.0, {"w": w}),
    ):  # fmt: skip
        assert tg.gradients(d * 5.0, w).item() == 5.0
    assert isinstance(tg.grad(lambda a, b: a * b)(3.0, tg.Tensor(2.0)), np.ndarray)


def test_views_by_functions_of_numpy_are_copies():
    t = leaf([1.0, 2.0, 3.0])
    loss = (t * t * t).sum()
    with tg.no_grad():
        for view in (
            np.rot90(t.reshape(1, 3)), np.rot90(m=t.reshape(1, 3)), np.rollaxis(t[None], 1),
            *np.dsplit(t[None, None], 3), np.meshgrid(t[:], [1.0], copy=False)[0],
            np.diagonal(t[:, None]),
        ):  # fmt: skip
            view -= 0.5
    loss.backward()
    assert t.grad.data.tolist() == [3.0, 12.0, 27.0]


def test_a_mask_divided_has_second_derivatives():
    t = leaf([2.0, 4.0])
    d = tg.gradients((np.array([True, False]) / t).sum(), t, create_graph=True)
    np.testing.assert_allclose(tg.gradients(d.sum(), t).data, [0.25, 0.0])


@pytest.mark.parametrize(
    "numbers", [range(1, 4), deque([1, 2, 3]), array("d", [1, 2, 3]), bytearray([1, 2, 3])]
)
def test_sequences_of_numbers_are_arrays(numbers):
    t = leaf([1.0, 2.0, 3.0])
    assert tg.gradients(t @ numbers, t).data.tolist() == [1.0, 2.0, 3.0]
    assert tg.gradients((t**numbers).sum(), t).data.tolist() == [1.0, 4.0, 27.0]


WRONG = {
    "gradients of a number": lambda t: tg.gradients(3.0, t),
    "gradients of a list": lambda t: tg.gradients([t * 2.0], t),
    "gradients to a number": lambda t: tg.gradients(t.sum(), 3.0),
    "gradients to None": lambda t: tg.gradients(t.sum(), None),
    "argnums of 1.0": lambda t: tg.grad(lambda x: x * x, argnums=1.0)(2.0),
    "argnums of None": lambda t: tg.grad(lambda x: x * x, argnums=None)(2.0),
    "argnums of a": lambda t: tg.grad(lambda x: x * x, argnums="a")(2.0),
    "a direction of letters": lambda t: tg.jvp(lambda x: x * x, 2.0, "a"),
    "a ragged upstream": lambda t: (t * 2.0).backward([[1.0], [1.0, 2.0], 3.0]),
    "a number beyond all": lambda t: t + 10**400,
    "hypot of objects": lambda t: tg.hypot(t, np.array([1, 2, 3], object)),
    "an object array of Tensors": lambda t: np.array([leaf(1.0)] * 3, object) @ t,
    "a complex weight": lambda t: tg.layer_norm(t, 3, weight=np.ones(3) + 1j),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", WRONG.values(), ids=WRONG)
def test_wrong_uses_are_errors_of_ours(use):
    with pytest.raises(TinygradError):
        use(leaf([1.0, 2.0, 3.0]))
