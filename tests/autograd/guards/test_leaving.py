"""No value leaves the graph without a word: numbers, arrays filled, foreign operands, copies."""

from __future__ import annotations

import array
import cmath
import copy
import decimal
import fractions
import logging
import math
import pickle
import random
import statistics

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import DTypeError, GraphError, TinygradError

TWO = np.array([1.0, 2.0])


def leaf(value=2.0):
    return tg.Tensor(value, requires_grad=True)


# --- a recorded Tensor becomes no number -------------------------------------------------------

NUMBERS = {
    "float": float, "int": int, "complex": complex, "math.exp": math.exp, "math.floor": math.floor,
    "math.trunc": math.trunc, "math.isclose": lambda t: math.isclose(t, 2.0),
    "math.hypot": lambda t: math.hypot(t, 1.0), "math.fsum": lambda t: math.fsum([t, 1.0]),
    "cmath.exp": cmath.exp,
    "fmean": lambda t: statistics.fmean([t, 1.0]), "stdev": lambda t: statistics.stdev([t, t]),
    "array.array": lambda t: array.array("d", [t]),
    "gammavariate": lambda t: random.gammavariate(t, 1),
    "choices": lambda t: random.choices([1, 2], weights=[t, 1.0]),
    "np.float64": np.float64, "np.full": lambda t: np.full(2, t),
    "np.array": lambda t: np.array([t]),
    "slice of an array": lambda t: np.zeros(2).__setitem__(slice(None), t),
    "normal": lambda t: np.random.default_rng(0).normal(t),
    "normal of old": lambda t: np.random.normal(t),
    "poisson": lambda t: np.random.default_rng(0).poisson(t),
}  # fmt: skip


@pytest.mark.parametrize("use", NUMBERS.values(), ids=NUMBERS)
def test_a_recorded_tensor_becomes_no_number_without_a_word(use):
    with pytest.raises(GraphError, match=r"\.detach\(\)"):
        use(leaf())
    use(leaf().detach())
    use(leaf().item())


@pytest.mark.parametrize("use", [float, int, complex, math.exp, math.trunc])
def test_under_no_grad_it_is_a_number(use):
    with tg.no_grad():
        assert use(leaf()) == use(2.0)


def test_it_says_where_and_what_to_do():
    x = leaf()
    with pytest.raises(GraphError) as refused:
        x * math.exp(x)
    assert __file__ in str(refused.value)
    assert "tg.exp" in str(refused.value)
    with pytest.raises(GraphError) as refused:
        statistics.mean([x])  # the line is ours, not one of the module statistics
    assert __file__ in str(refused.value)


def test_a_tensor_is_an_index_only_if_it_is_an_integer():
    assert list(range(tg.Tensor(2))) == [0, 1]
    assert [1, 2, 3][tg.Tensor(1)] == 2
    for wrong in (leaf(), tg.Tensor(2.0), tg.Tensor([1])):
        with pytest.raises(DTypeError, match="index"):
            range(wrong)


class Loss(logging.Handler):
    def emit(self, record):
        self.text = self.format(record)


def test_a_loss_can_still_be_printed():
    loss = leaf(1.25) * 2.0
    assert f"{loss:.3f} {loss:8.2e}" == "2.500 2.50e+00"
    assert "{:.1f}".format(loss) == "2.5"  # noqa: UP032
    assert "%.2f" % loss == "2.50"  # noqa: UP031
    assert "%d of %s" % (loss, "all") == "2 of all"  # noqa: UP031
    text = "%.1f"
    text %= loss
    assert text == "2.5"
    assert "2.5" in str(loss)
    assert "2.5" in repr([loss])
    handler = Loss()
    logger = logging.Logger("losses")
    logger.addHandler(handler)
    logger.warning("loss %.3f", loss)
    assert handler.text == "loss 2.500"
    with pytest.raises(GraphError):
        10.0 % float(loss)


def test_the_progress_bar_shows_a_loss():
    tqdm = pytest.importorskip("tqdm")
    with tqdm.tqdm([1], disable=None) as bar:
        bar.set_postfix(loss=leaf(1.25) * 2.0)


# --- inside a transform, NumPy's own error becomes ours ----------------------------------------


def filled_in_a_loop(x):
    z = np.zeros(2)
    for i in range(2):
        z[i] = x[i] ** 2
    return (x * z).sum()


def filled(x):
    z = np.zeros(2)
    z.fill(x.sum())
    return (x * z).sum()


def from_an_iterator(x):
    return (x * np.fromiter((t for t in x), float)).sum()


@pytest.mark.parametrize("f", [filled_in_a_loop, filled, from_an_iterator])
def test_an_array_filled_with_recorded_values_is_refused(f):
    for transform in (tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian):
        with pytest.raises(GraphError, match=r"tg\.stack"):
            transform(f)(TWO)
    with pytest.raises(ValueError, match="array element") as refused:  # NumPy's words, our cause
        f(leaf(TWO))
    assert isinstance(refused.value.__cause__, GraphError)


def test_the_way_out_is_right():
    def stacked(x):
        return (x * tg.stack([x[i] ** 2 for i in range(2)])).sum()

    np.testing.assert_allclose(tg.grad(stacked)(TWO), [3.0, 12.0])


# --- verify says where ---------------------------------------------------------------------------


def by_math(x):
    return (x * math.exp(x[0])).sum()


def by_item(x):
    return (x * x[0].item()).sum()


def by_detaching(x):
    return (x * x.detach()).sum()


def by_data(x):
    return (x * x.data).sum()


def under_no_grad(x):
    with tg.no_grad():
        y = x * x
    return (x * y).sum()


@pytest.mark.parametrize("f", [filled_in_a_loop, by_math])
def test_verify_says_that_the_graph_was_left(f):
    with pytest.raises(GraphError, match=r"test_leaving\.py"):
        tg.verify.check(f, TWO)
    report = tg.verify.hand(f, {"x": TWO}, {"x": TWO})
    assert report["x"].verdict == "inconclusive"
    assert "drop its gradient" in report["x"].note
    assert "test_leaving.py, line" in report["x"].note


@pytest.mark.parametrize("f", [by_item, by_detaching, by_data, under_no_grad])
def test_verify_says_where_the_graph_was_left_on_purpose(f):
    line = f"test_leaving.py, line {f.__code__.co_firstlineno + 1}"
    report = tg.verify.check(f, TWO)
    assert report["x"].verdict == "wrong"
    assert line in report["x"].note
    report = tg.verify.hand(f, {"x": TWO}, {"x": lambda x: 3 * x})
    assert report["x"].verdict == "inconclusive"
    assert line in report["x"].note
    assert not report["x"].diagnoses


# --- operands that are no real numbers, or follow rules of their own ---------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + 1j, lambda x: 1j * x, lambda x: x**1j, lambda x: x.astype(complex),
        lambda x: tg.where([True, False], x, 1j), lambda x: tg.einsum("i,i", x, [1j, 2.0]),
        lambda x: tg.concatenate([x, [1j]]), lambda x: tg.stack([x, np.array([1j, 2])]),
        lambda x: np.multiply(x, np.complex64(1j)), lambda x: x @ np.array([1j, 2]),
        lambda x: x * np.array([1, 2], object), lambda x: tg.where([True, False], x, None),
        lambda x: x - tg.Tensor([1j, 2.0]),
        lambda x: tg.where([True, False], x, ["a", "b"]),
        lambda x: x * fractions.Fraction(1, 3), lambda x: decimal.Decimal(1) + x,
        lambda x: tg.maximum(x, fractions.Fraction(1, 3)),
        lambda x: tg.stack([x, [fractions.Fraction(1, 3)] * 2]),
        lambda x: x * [fractions.Fraction(1, 3)] * 2,
    ],
)  # fmt: skip
def test_results_without_a_gradient_are_refused(f):
    with pytest.raises(TinygradError):
        f(leaf(TWO))


@pytest.mark.parametrize("other", [lambda: [leaf(), leaf()], lambda: ["a", "b"], lambda: [None, 1]])
def test_nothing_but_numbers_comes_out_of_an_operation(other):
    objects = np.empty(2, object)
    objects[0], objects[1] = other()
    with pytest.raises(TinygradError):
        tg.where([True, False], tg.Tensor(TWO), objects)


def test_untracked_tensors_may_be_complex():
    assert (tg.Tensor(TWO) + 1j).dtype == complex
    with tg.no_grad():
        assert (leaf(TWO) + 1j).dtype == complex
    assert (leaf(TWO).detach() * 1j).dtype == complex
    assert complex(tg.Tensor(1j)) == 1j


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
OWN_RULES = {
    "mse_loss": lambda x: tg.mse_loss(x, MASKED), "l1_loss": lambda x: tg.l1_loss(x, MASKED),
    "bce": lambda x: tg.binary_cross_entropy_with_logits(x, MASKED),
    "multiply": lambda x: x * MASKED, "from the left": lambda x: MASKED * x,
    "where": lambda x: tg.where(MASKED > 1, x, 0.0),
    "where b": lambda x: tg.where([True, False], x, MASKED),
    "concatenate": lambda x: tg.concatenate([x, MASKED]), "np.add": lambda x: np.add(MASKED, x),
    "einsum": lambda x: tg.einsum("i,i", x, MASKED), "index": lambda x: x[MASKED > 1],
    "backward": lambda x: x.backward(MASKED), "tensor": lambda x: tg.Tensor(MASKED),
    "tensordot": lambda x: tg.tensordot(x, MASKED, 1), "kl": lambda x: tg.kl_divergence(x, MASKED),
    "matrix": lambda x: x * np.matrix([[1.0, 2.0]]),
    "matrix @": lambda x: np.matrix([[1.0, 2.0]]) @ x,
    "matrix target": lambda x: tg.mse_loss(x[None], np.matrix([[1.0, 2.0]])),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("use", OWN_RULES.values(), ids=OWN_RULES)
def test_arrays_with_rules_of_their_own_are_refused(use):
    with pytest.raises(TinygradError):
        use(leaf(TWO))


def test_in_place_too():
    x = leaf(TWO)
    with tg.no_grad():
        with pytest.raises(DTypeError, match="MaskedArray"):
            x += MASKED
        with pytest.raises(DTypeError, match="MaskedArray"):
            x[:] = MASKED


def test_pandas_is_taken_by_position_not_by_index():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([10.0, 20.0, 30.0], index=[2, 0, 1])
    three = np.array([1.0, 2.0, 3.0])
    for product in (lambda x: x * series, lambda x: series * x, lambda x: np.multiply(series, x)):
        x = leaf(three)
        y = product(x)
        assert type(y.data) is np.ndarray
        np.testing.assert_array_equal(y.data, [10.0, 40.0, 90.0])
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, [10.0, 20.0, 30.0])
    assert tg.mse_loss(leaf(three), series).item() == 378.0
    x = leaf(three)
    (x * x).backward(series)
    np.testing.assert_array_equal(x.grad.data, [20.0, 80.0, 180.0])
    with pytest.raises(DTypeError):
        x * pandas.Series(["a", "b", "c"])


def test_torch_is_taken_without_a_graph_only():
    torch = pytest.importorskip("torch")
    x = leaf(TWO)
    for y in (x * torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0]) * x):
        np.testing.assert_array_equal(tg.gradients(y.sum(), x).data, [3.0, 4.0])
    with pytest.raises(DTypeError, match="detach"):
        x * torch.ones(2, requires_grad=True)


def test_a_memory_map_is_an_array_like_any_other(tmp_path):
    stored = np.memmap(tmp_path / "x", float, "w+", shape=2)
    stored[:] = [3.0, 4.0]
    x = leaf(TWO)
    y = x * stored
    assert type(y.data) is np.ndarray
    np.testing.assert_array_equal(tg.gradients(y.sum(), x).data, [3.0, 4.0])


# --- copies ------------------------------------------------------------------------------------


def test_a_shallow_copy_of_a_recorded_tensor_is_recorded():
    assert tg.grad(lambda x: (copy.copy(x) ** 2).sum())(3.0) == 6.0
    w = leaf(TWO)
    other = copy.copy(w)
    other.sum().backward()
    np.testing.assert_array_equal(w.grad.data, [1.0, 1.0])
    untracked = tg.Tensor(TWO)
    other = copy.copy(untracked)
    other += 1.0
    np.testing.assert_array_equal(untracked.data, TWO)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_the_variable_of_a_transform_has_no_copy_outside_its_graph(duplicate):
    with pytest.raises(GraphError, match="transform"):
        tg.grad(lambda x: (duplicate(x) ** 2).sum())(3.0)
    duplicate(leaf())
    tg.grad(lambda x: (duplicate(tg.nn.Linear(1, 1).weight) * x).sum())(3.0)


class Slotted(tg.Tensor):
    __slots__ = ("unit",)


class Marked(tg.Tensor):
    def __init__(self, data, unit, **options):
        super().__init__(data, **options)
        self.unit = unit


def with_slots():
    x = Slotted(TWO, requires_grad=True, name="x")
    x.unit = ["m"]
    return x


@pytest.mark.parametrize(
    "make", [with_slots, lambda: Marked(TWO, ["m"], requires_grad=True, name="x")]
)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_subclasses_are_copied_with_what_they_add(make, duplicate):
    x = make()
    x.grad = TWO
    y = duplicate(x)
    assert type(y) is type(x)
    assert y.unit == ["m"]
    assert y.unit is not x.unit
    assert (y.name, y.requires_grad) == ("x", True)
    np.testing.assert_array_equal(y.data, TWO)
    np.testing.assert_array_equal(y.grad.data, TWO)
    assert not np.shares_memory(y.data, x.data)


def test_a_copy_may_refer_to_itself():
    x = Marked(TWO, None)
    x.unit = [x]
    y = copy.deepcopy(x)
    assert y.unit[0] is y
