"""Indexing by masks and by empty lists, as NumPy does it, with gradients of both orders."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_fr as tg

RNG = np.random.default_rng(0)
FULL = {
    shape: RNG.standard_normal(shape) for shape in [(), (4,), (3, 4), (2, 3, 4), (0, 3), (3, 0)]
}


def mask(*shape):
    return np.random.default_rng(len(shape)).random(shape) < 0.5


# the array's shape, the index
CASES = [
    ((0, 3), np.zeros((0, 3), bool)),
    ((0, 3), np.zeros(0, bool)),
    ((0, 3), (np.zeros(0, bool), 1)),
    ((0, 3), (slice(None), np.array([True, False, True]))),
    ((3, 0), np.zeros((3, 0), bool)),
    ((3, 0), np.array([True, False, True])),
    ((0, 3), []),
    ((0, 3), ([], 1)),
    ((3, 4), np.zeros((3, 4), bool)),
    ((3, 4), np.ones((3, 4), bool)),
    ((3, 4), mask(3, 4)),
    ((3, 4), np.zeros(3, bool)),
    ((3, 4), mask(3)),
    ((3, 4), [True, False, True]),
    ((3, 4), [False, False, False]),
    ((3, 4), [[True, False, True, False]] * 3),
    ((3, 4), (mask(3), 1)),
    ((3, 4), (mask(3), slice(1, 3))),
    ((3, 4), (mask(3), None)),
    ((3, 4), (slice(None), mask(4))),
    ((3, 4), (..., mask(4))),
    ((3, 4), (np.array([True, False, True]), [0, 3])),
    ((3, 4), ([True, False, True], np.array([True, False, False, True]))),
    ((2, 3, 4), mask(2, 3)),
    ((2, 3, 4), (mask(2, 3), 0)),
    ((2, 3, 4), (np.array([True, True]), slice(None), [0, 3])),
    ((2, 3, 4), (1, mask(3, 4))),
    ((2, 3, 4), (np.zeros(2, bool), 1, slice(None, None, 2))),
    ((3, 4), True),
    ((3, 4), False),
    ((3, 4), np.True_),
    ((3, 4), np.False_),
    ((3, 4), np.array(True)),
    ((3, 4), (True, slice(0, 2))),
    ((3, 4), (False, 1)),
    ((), True),
    ((), np.False_),
    ((), np.array(True)),
    ((), ...),
    ((), None),
    ((4,), []),
    ((4,), ([],)),
    ((4,), [[]]),
    ((4,), np.zeros((2, 0), int)),
    ((4,), ()),
    ((3, 4), ([], slice(None))),
    ((3, 4), ([], [])),
    ((3, 4), (slice(None), [])),
    ((3, 4), np.zeros(0, int)),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)))
def test_values_and_gradients_are_numpys(case):
    shape, index = CASES[case]
    a = FULL[shape]
    x = tg.Tensor(a, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, a[index])
    assert y.shape == np.shape(a[index])
    np.testing.assert_array_equal(tg.ops.getitem(a, index), a[index])
    g = RNG.standard_normal(y.shape)
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    upstream = tg.Tensor(g, requires_grad=True)
    (raw,) = tg.gradients(y, [x], g, retain_graph=True)
    (recorded,) = tg.gradients(y, [x], upstream, create_graph=True)
    for gradient in (raw, recorded):
        assert gradient.shape == shape
        np.testing.assert_array_equal(gradient.data, expected)
    u = RNG.standard_normal(shape)
    (back,) = tg.gradients((recorded * u).sum(), [upstream])
    np.testing.assert_array_equal(back.data, u[index])
    cubes = (x[index] ** 3).sum()
    (slope,) = tg.gradients(cubes, [x], create_graph=True)
    (curve,) = tg.gradients(slope.sum(), [x])
    sixes = np.zeros(shape)
    np.add.at(sixes, index, 6 * a[index])
    np.testing.assert_allclose(curve.data, sixes)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_masks_may_be_tensors(case):
    shape, index = CASES[case]
    if isinstance(index, np.ndarray):
        x = tg.Tensor(FULL[shape], requires_grad=True)
        y = x[tg.Tensor(index)]
        np.testing.assert_array_equal(y.data, FULL[shape][index])
        y.backward(np.ones(y.shape))
        expected = np.zeros(shape)
        np.add.at(expected, index, 1.0)
        np.testing.assert_array_equal(x.grad.data, expected)


def test_a_mask_changed_later_changes_no_gradient():
    x = tg.Tensor(FULL[(3, 4)], requires_grad=True)
    chosen = np.zeros(3, bool)
    y = x[chosen, [0]]
    chosen[:] = True
    y.backward(np.ones(y.shape))
    assert not x.grad.data.any()


@pytest.mark.parametrize(
    "index",
    [np.zeros(0), (np.zeros(0), 1), np.zeros(2, bool), np.zeros((3, 3), bool), [[True], [False]]],
)
def test_what_is_no_index_is_refused_in_our_words(index):
    with pytest.raises(tg.errors.IndexingError):
        tg.Tensor(FULL[(3, 4)])[index]


def test_comparisons_of_empty_tensors_are_masks():
    x = tg.Tensor(np.zeros((0, 3)), requires_grad=True)
    positive = x[x > 0]
    assert positive.shape == (0,)
    positive.sum().backward()
    assert x.grad.shape == (0, 3)
