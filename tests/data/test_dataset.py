"""ArrayDataset: arrays that belong together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_fr as tg
from tinygrad_fr.data import ArrayDataset
from tinygrad_fr.errors import ArgumentError, GraphError, IndexingError, ShapeError


@pytest.fixture
def data():
    return ArrayDataset(np.arange(20.0).reshape(10, 2), np.arange(10), classes=["even", "odd"])


def test_an_integer_gives_one_example(data):
    image, label = data[-1]
    np.testing.assert_array_equal(image, [18, 19])
    assert label == 9


@pytest.mark.parametrize("index", [slice(2, 4), [2, 3], np.array([2, 3]), np.arange(10) // 2 == 1])
def test_anything_else_gives_several(data, index):
    images, labels = data[index]
    np.testing.assert_array_equal(images, data.arrays[0][2:4])
    np.testing.assert_array_equal(labels, [2, 3])


def test_a_for_loop_ends(data):
    assert [int(label) for _, label in data] == list(range(10))


def test_arrays_are_not_copied(data):
    assert ArrayDataset(*data.arrays).arrays[0] is data.arrays[0]


def test_lists_and_tensors_are_arrays_too():
    assert ArrayDataset([1, 2], tg.Tensor([1.0, 2.0]))[1] == (2, 2.0)


@given(n=st.integers(0, 50), fraction=st.floats(0.01, 0.99))
def test_a_split_deals_out_every_example_once(n, fraction):
    first, second = ArrayDataset(np.arange(n)).split(fraction, seed=1)
    assert len(first) == round(fraction * n)
    dealt = np.concatenate([*first.arrays, *second.arrays])
    np.testing.assert_array_equal(np.sort(dealt), np.arange(n))


def test_a_split_follows_its_seed_and_keeps_the_classes(data):
    first, second = data.split(0.5, seed=3)
    again, _ = data.split(0.5, seed=3)
    other, _ = data.split(0.5, seed=4)
    np.testing.assert_array_equal(first.arrays[1], again.arrays[1])
    assert (first.arrays[1] != other.arrays[1]).any()
    assert first.classes == second.classes == ("even", "odd")
    np.testing.assert_array_equal(first.arrays[0][:, 0], 2 * first.arrays[1])


def test_a_split_without_a_seed_follows_manual_seed(data):
    parts = []
    for _ in range(2):
        tg.manual_seed(5)
        parts.append(data.split(0.5)[0].arrays[1])
    np.testing.assert_array_equal(*parts)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 80, float("nan")])
def test_a_fraction_lies_between_0_and_1(data, fraction):
    with pytest.raises(ArgumentError, match=r"between 0 and 1 \(0\.8 puts 80 %"):
        data.split(fraction)


@pytest.mark.parametrize("seed", [-1, 0.5, "a"])
def test_a_seed_is_a_whole_number(data, seed):
    with pytest.raises(ArgumentError, match="whole number from 0 on"):
        data.split(0.5, seed)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"same number of examples .*not 3, 2"):
        ArrayDataset(np.ones(3), np.ones(2))


def test_a_dataset_needs_arrays_with_an_axis():
    with pytest.raises(ArgumentError, match="at least one array"):
        ArrayDataset()
    with pytest.raises(ShapeError, match="no axis of examples"):
        ArrayDataset(3.0)


def test_a_tracked_tensor_is_refused():
    with pytest.raises(GraphError, match="detach"):
        ArrayDataset(tg.Tensor([1.0], requires_grad=True))


def test_an_example_that_does_not_exist_is_named(data):
    with pytest.raises(IndexingError, match="no examples 10: there are 10, numbered from 0 to 9"):
        data[10]
