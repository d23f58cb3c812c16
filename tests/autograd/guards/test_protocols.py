"""NumPy's functions and Python's operators on Tensors: what leaks, is refused, or is plain."""

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import DTypeError, GraphError, IndexingError, ShapeError, TinygradError


def leaf(data=(1.0, 2.0, 4.0)):
    return tg.Tensor(data, requires_grad=True)


LEAKS = {
    "full_like": lambda t: np.full_like(t, t[0]),
    "full_like of an array": lambda t: np.full_like(np.ones(3), t[0]),
    "full_like by name": lambda t: np.full_like(t, fill_value=t),
    "full": lambda t: np.full(3, t[0]),
    "bincount": lambda t: np.bincount([0, 1, 1], weights=t),
    "bincount by position": lambda t: np.bincount([0, 1, 1], t),
    "histogram": lambda t: np.histogram([0.1, 0.2, 0.6], weights=t),
    "histogram by position": lambda t: np.histogram([0.1, 0.2, 0.6], [0, 0.5, 1], None, None, t),
    "edges of a histogram": lambda t: np.histogram(t),
    "edges that are given": lambda t: np.histogram([1.0, 2.0], t),
    "range of a histogram": lambda t: np.histogram([1.0], 2, [0.0, t[0]]),
    "unique": lambda t: np.unique(t),
    "initial of a sum": lambda t: np.sum(t, initial=t[0]),
    "initial of a maximum": lambda t: np.max(t, initial=t[0]),
    "where of a sum": lambda t: np.sum(t, where=np.array([True, False, True])),
    "mean of a variance": lambda t: np.var(t, mean=t.mean(keepdims=True)),
    "linspace": lambda t: np.linspace(0, t[0]),
    "interp": lambda t: np.interp(0.5, [0.0, 1.0, 2.0], t),
    "copyto": lambda t: np.copyto(np.zeros(3), t),
    "put": lambda t: np.put(np.zeros(3), [0], t),
    "nested lists": lambda t: np.block([[t, [t]]]),
    "array of Tensors": lambda t: np.array([t, t]),
    "random numbers": lambda t: np.random.default_rng(0).normal(loc=t),
    "ufunc method": lambda t: np.add.reduce(t),
    "ufunc changing an array": lambda t: np.add.at(np.zeros(3), [0, 1, 2], t),
    "array out": lambda t: np.exp(t, out=np.zeros(3)),
    "Tensor out": lambda t: np.exp(t, out=tg.Tensor(np.zeros(3))),
    "out by position": lambda t: np.sum(t, 0, None, np.zeros(())),
    "recorded out": lambda t: np.exp(np.ones(3), out=t),
    "recorded out by position": lambda t: np.cumsum(np.ones(3), 0, None, t),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_would_lose_the_gradient_raises(name):
    with pytest.raises(GraphError):
        LEAKS[name](leaf())


def test_the_error_names_the_argument_that_would_be_lost():
    with pytest.raises(GraphError, match=r"np\.bincount\(\.\.\., weights=\.\.\.\)"):
        np.bincount([0, 1, 1], weights=leaf())
    with pytest.raises(GraphError, match="plain form only, without dtype="):
        np.sum(leaf(), 0, np.float32)


def test_what_only_looks_at_a_tensor_gives_plain_arrays():
    t = leaf()
    assert np.full_like(t, 2.0).tolist() == [2, 2, 2]
    assert np.bincount([0, 1, 1], minlength=3).tolist() == [1, 2, 0]
    counts, edges = np.histogram(t, [0.0, 1.5, 5.0])
    assert counts.tolist() == [1, 2]
    assert edges.tolist() == [0, 1.5, 5]
    assert np.digitize(t, [1.5]).tolist() == [0, 1, 1]
    assert np.isin(t, [2.0]).tolist() == [False, True, False]
    assert np.around(t / 3).tolist() == [0, 1, 1]
    assert np.logical_or.reduce(t > 9) == np.False_


def test_untracked_tensors_fall_back_to_numpy():
    u = tg.Tensor([1.0, 2.0, 4.0])
    assert np.full_like(u, u[0]).tolist() == [1, 1, 1]
    assert np.bincount([0, 1, 1], weights=u).tolist() == [1, 6]
    assert np.unique(u).tolist() == [1, 2, 4]
    assert np.histogram(u, 2)[0].tolist() == [2, 1]
    assert np.sum(u, initial=u[0]) == 8.0
    assert np.sum(u, 0, np.float32).dtype == np.float32
    assert np.interp(0.5, [0.0, 1.0, 2.0], u) == 1.5
    with pytest.raises(np.exceptions.AxisError):
        np.argmax(u, axis=5)
    with tg.no_grad():
        assert np.fft.fft(u)[0] == 7


@pytest.mark.parametrize(
    ("program", "right"),
    [
        (lambda t: np.sum(t, 0, None, None, True), [1, 1, 1]),
        (lambda t: np.sum(a=t, dtype=None, where=True), [1, 1, 1]),
        (lambda t: np.var(t, 0, None, None, 1), [-8 / 6, -2 / 6, 10 / 6]),
        (lambda t: np.max(t, 0, None), [0, 0, 1]),
        (lambda t: np.take(t, [2], 0, None, "raise"), [0, 0, 1]),
        (lambda t: np.reshape(t, (1, 3), order="C"), [1, 1, 1]),
        (lambda t: np.reshape(t, (1, 3), "C"), [1, 1, 1]),
        (lambda t: np.ravel(t, "C"), [1, 1, 1]),
        (lambda t: np.sort(t, -1, "stable"), [1, 1, 1]),
        (lambda t: np.clip(t, 0.0, 3.0, None), [1, 1, 0]),
        (lambda t: np.clip(t, a_min=1.5, a_max=3.0), [0, 1, 0]),
        (lambda t: np.concatenate([t, t], axis=0, out=None), [2, 2, 2]),
        (lambda t: np.dot(t, np.ones(3), out=None), [1, 1, 1]),
        (lambda t: np.outer(b=np.ones(2), a=t), [2, 2, 2]),
        (lambda t: np.square(t, where=True, casting="same_kind", order="K"), [2, 4, 8]),
        (lambda t: np.transpose(t, axes=None), [1, 1, 1]),
    ],
)
def test_numpys_arguments_are_taken_by_numpys_names_in_numpys_order(program, right):
    t = leaf()
    program(t).sum().backward()
    np.testing.assert_allclose(t.grad.data, right)
    np.testing.assert_allclose(program(t).data, program(t.detach().numpy()))


FOREIGN = {
    "axis that is not there": (lambda t: np.argmax(t, axis=5), IndexingError),
    "list of axes": (lambda t: np.sum(t, axis=[0]), DTypeError),
    "shapes of isclose": (lambda t: np.isclose(t, [1.0, 2.0]), ShapeError),
    "decimals": (lambda t: np.round(t, "a"), DTypeError),
    "indices of bincount": (lambda t: np.bincount(t), DTypeError),
    "reshape": (lambda t: np.reshape(t, (2, 2)), ShapeError),
    "product with a number": (lambda t: t @ 2.0, ShapeError),
    "truth value": (lambda t: bool(t), ShapeError),
    "iteration without axes": (lambda t: list(t[0]), DTypeError),
    "shift": (lambda t: t << 1, DTypeError),
    "shifted": (lambda t: 1 << t, DTypeError),
    "exclusive or": (lambda t: t ^ 1, DTypeError),
    "comparison with a text": (lambda t: t < "a", DTypeError),
    "comparison with None": (lambda t: t < None, DTypeError),
    "sum with None": (lambda t: None + t, DTypeError),
    "index": (lambda t: t[1.5], IndexingError),
    "index by a dict": (lambda t: t[{}], IndexingError),
    "step of 0": (lambda t: t[::0], ShapeError),
    "outer product with None": (lambda t: t.outer(None), DTypeError),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_errors_are_ours(name):
    program, kind = FOREIGN[name]
    with pytest.raises(kind) as caught:
        program(leaf())
    assert isinstance(caught.value, TinygradError)


def test_masks_and_integers_have_pythons_operators():
    a, b = tg.Tensor([True, False, True]), tg.Tensor([True, True, False])
    for y, right in (
        (a ^ b, [False, True, True]), (True ^ a, [False, True, False]),
        (tg.Tensor([1, 2]) << 2, [4, 8]), (1 << tg.Tensor([1, 2]), [2, 4]),
        (tg.Tensor([8, 5]) >> 1, [4, 2]), (64 >> tg.Tensor([1, 2]), [32, 16]),
    ):  # fmt: skip
        assert isinstance(y, tg.Tensor)
        assert y.data.tolist() == right
