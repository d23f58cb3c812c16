"""Augmentation: what it does to images, and that a seed decides it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import tinygrad_fr as tg
from tinygrad_fr.data import (
    ArrayDataset,
    AugmentedDataset,
    DataLoader,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
)

IMAGES = npst.arrays(
    np.float32, npst.array_shapes(min_dims=4, max_dims=4, min_side=2, max_side=6),
    elements=st.floats(0, 1, width=32),
)  # fmt: skip
TRANSFORMS = [RandomHorizontalFlip(), RandomShift(1), RandomCrop(2), RandomRotation(10)]


def generator(seed=0):
    return np.random.default_rng(seed)


def digits(n=40):
    rng = np.random.default_rng(1)
    return ArrayDataset(rng.random((n, 1, 8, 8), dtype=np.float32), np.arange(n))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)
@settings(max_examples=30, deadline=None)
@given(images=IMAGES, seed=st.integers(0, 9))
def test_transforms_leave_their_input_alone_and_stay_in_its_range(transform, images, seed):
    before = images.copy()
    out = transform(images, generator(seed))
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(out, images)
    assert out.dtype == images.dtype
    assert out.shape[:2] == images.shape[:2]
    assert out.min() >= images.min() - 1e-5
    assert out.max() <= images.max() + 1e-5


@settings(max_examples=30, deadline=None)
@given(images=IMAGES)
def test_no_chance_no_change(images):
    for transform in (RandomHorizontalFlip(0.0), RandomShift(0), RandomRotation(0)):
        np.testing.assert_array_equal(transform(images, generator()), images)


def test_flipping_mirrors_each_image_or_not():
    images = digits().arrays[0]
    np.testing.assert_array_equal(RandomHorizontalFlip(1.0)(images, generator()), images[..., ::-1])
    out = RandomHorizontalFlip(0.5)(images, generator())
    flipped = [not np.array_equal(a, b) for a, b in zip(out, images, strict=True)]
    assert 5 < sum(flipped) < 35
    for a, b, f in zip(out, images, flipped, strict=True):
        np.testing.assert_array_equal(a, b[..., ::-1] if f else b)


def test_shifts_go_every_way_by_whole_pixels():
    images = np.zeros((200, 1, 9, 9), np.float32)
    images[:, 0, 4, 4] = 1.0
    out = RandomShift(2, border="edge")(images, generator())
    places = {tuple(int(i) for i in np.argwhere(x[0])[0]) for x in out}
    assert places == {(i, j) for i in range(2, 7) for j in range(2, 7)}


def test_a_crop_is_a_part_of_the_image():
    images = digits(5).arrays[0]
    for x, y in zip(images, RandomCrop((3, 4))(images, generator()), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 4)).reshape(-1, 3, 4)
        assert any(np.array_equal(y[0], w) for w in windows)


def test_borders_repeat_or_mirror():
    images = np.arange(4.0).reshape(1, 1, 1, 4).repeat(4, 2)
    rows = {
        border: {tuple(RandomShift(2, border)(images, generator(s))[0, 0, 0]) for s in range(99)}
        for border in ("edge", "reflect")
    }
    assert (0.0, 0.0, 0.0, 1.0) in rows["edge"]
    assert (2.0, 1.0, 0.0, 1.0) in rows["reflect"]


def test_a_quarter_turn_is_exact():
    class Quarter(RandomRotation):
        def __call__(self, images, rng):
            return np.stack([self._turned(x, np.pi / 2) for x in images])

    images = digits(3).arrays[0]
    np.testing.assert_allclose(
        Quarter(90)(images, generator()), np.rot90(images, 1, (2, 3)), atol=1e-5
    )


def test_small_turns_stay_close_to_the_image():
    y, x = np.mgrid[:16, :16]
    images = (x + 2 * y)[None, None].astype(np.float64).repeat(20, 0)
    inside = (slice(None), slice(None), slice(4, 12), slice(4, 12))
    out = RandomRotation(5)(images, generator())
    assert 0.01 < np.abs(out - images)[inside].max() < 2.0


def run(seed, prefetch=2, start=0, epochs=3):
    data = AugmentedDataset(digits(), [RandomHorizontalFlip(), RandomShift(2)], seed=seed)
    loader = DataLoader(data, 16, shuffle=True, seed=seed, prefetch=prefetch)
    loader.epoch = start
    return [np.concatenate([x for x, _ in loader]) for _ in range(start, epochs)]


def test_the_seed_decides_in_threads_and_after_resuming_too():
    whole = run(seed=3)
    for a, b in zip(whole, run(seed=3, prefetch=0), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(run(seed=3, start=2)[0], whole[2])
    assert not np.array_equal(whole[0], run(seed=4)[0])


def test_every_epoch_is_new_and_labels_stay_with_their_images():
    data = AugmentedDataset(digits(), RandomHorizontalFlip(), seed=0)
    images, _ = digits().arrays
    seen = []
    for _ in range(2):
        loader = DataLoader(data, 8)
        loader.epoch = len(seen)
        batches = list(loader)
        seen.append(np.concatenate([x for x, _ in batches]))
        for x, labels in batches:
            for image, label in zip(x, labels, strict=True):
                assert any(
                    np.array_equal(image, v) for v in (images[label], images[label][..., ::-1])
                )
    assert not np.array_equal(*seen)


def test_without_a_seed_the_global_one_decides():
    def first():
        tg.manual_seed(5)
        return AugmentedDataset(digits(), RandomShift(3)).batch(np.arange(10))[0]

    np.testing.assert_array_equal(first(), first())


def test_own_functions_and_plain_datasets_serve():
    class Plain:
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.full((1, 2, 2), float(i)), i

    data = AugmentedDataset(Plain(), lambda images, rng: images + rng.random() * 0 + 1)
    images, labels = data[1:]
    np.testing.assert_array_equal(images[:, 0, 0, 0], [2.0, 3.0])
    np.testing.assert_array_equal(labels, [1, 2])
    assert data[0][0].shape == (1, 2, 2)
    assert data.classes is None
