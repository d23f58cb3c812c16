"""AugmentedDataset: images that differ each time they are loaded, reproducibly."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

import tinygrad_fr as tg
from tinygrad_fr import nn, optim
from tinygrad_fr.data import (
    ArrayDataset,
    AugmentedDataset,
    DataLoader,
    ImageFolder,
    RandomHorizontalFlip,
    RandomRotation,
    RandomShift,
)
from tinygrad_fr.errors import ArgumentError, DTypeError, IndexingError, ShapeError

X = np.random.default_rng(0).random((20, 2, 6, 6)).astype(np.float32)
Y = np.arange(20)
TRANSFORMS = [RandomHorizontalFlip(), RandomShift(2), RandomRotation(20)]


def augmented(seed=0, data=(X, Y), transforms=TRANSFORMS):
    return AugmentedDataset(data, transforms, seed)


def epochs(n, data=None, start=0, **options):
    """The images of ``n`` epochs, each in one array."""
    loader = DataLoader(augmented() if data is None else data, **{"batch_size": 6, **options})
    loader.epoch = start
    return [np.concatenate([x for x, _y in loader]) for _ in range(n)]


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


def add_noise(images, rng):
    return images + rng.normal(0, 0.1, images.shape)


# --- as a dataset ----------------------------------------------------------------------------


def test_images_are_changed_and_labels_are_not():
    images, labels = augmented()[:]
    assert images.shape == X.shape
    assert images.dtype == X.dtype
    assert (images != X).any()
    np.testing.assert_array_equal(labels, Y)


def test_the_data_stay_as_they_are():
    def overwrite(images, rng):
        images[...] = rng.random()
        return images

    before = X.copy()
    for data in (X, Y), list(zip(X, Y, strict=True)):
        for _ in DataLoader(augmented(data=data, transforms=[overwrite, *TRANSFORMS])):
            pass
    np.testing.assert_array_equal(X, before)


def test_an_integer_gives_one_example():
    image, label = augmented(transforms=RandomHorizontalFlip(1))[-1]
    np.testing.assert_array_equal(image, X[-1, ..., ::-1])
    assert label == 19


@pytest.mark.parametrize("index", [slice(2, 4), [2, 3], np.array([2, 3]), Y // 2 == 1])
def test_anything_else_gives_several(index):
    images, labels = augmented(transforms=[RandomHorizontalFlip(1)])[index]
    np.testing.assert_array_equal(images, X[2:4, ..., ::-1])
    np.testing.assert_array_equal(labels, [2, 3])


def test_length_classes_and_the_end_are_those_of_the_data():
    data = augmented(data=ArrayDataset(X, Y, classes=["a", "b"]))
    assert len(data) == len(list(data)) == 20
    assert data.classes == ("a", "b")
    assert augmented().classes is None
    with pytest.raises(IndexingError, match="there are 20, numbered from 0 to 19"):
        data[20]


def test_any_dataset_can_be_augmented(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.fromarray((255 * X[i, 0]).astype(np.uint8)).save(tmp_path / name / f"{i}.png")
    folder = ImageFolder(tmp_path, 6)
    train, _valid = folder.split(0.75, seed=0)
    for data in (train, list(zip(X, Y, strict=True)), list(X)):
        whole = DataLoader(augmented(data=data), 4)
        assert sum(len(batch[0]) for batch in whole) == len(data)
    assert augmented(data=train).classes == ("a", "b")


def test_transforms_may_be_one_several_or_none():
    np.testing.assert_array_equal(augmented(transforms=[])[:][0], X)
    twice = augmented(transforms=[RandomHorizontalFlip(1)] * 2)
    np.testing.assert_array_equal(twice[:][0], X)


def test_a_function_is_a_transform_and_the_dtype_stays():
    images = augmented(transforms=add_noise)[:][0]
    assert images.dtype == np.float32
    assert 0.05 < (images - X).std() < 0.15


def test_an_augmented_dataset_can_be_augmented():
    inner = augmented(seed=1, transforms=RandomShift(1))
    runs = [epochs(2, augmented(seed=2, data=inner, transforms=add_noise)) for _ in range(2)]
    assert same(*runs)
    alone, wrapped = (epochs(2, data) for data in (inner, augmented(data=inner, transforms=[])))
    assert same(alone, wrapped)  # the inner one is told the epoch too
    assert not same(alone[:1], alone[1:])


# --- what chance depends on ------------------------------------------------------------------


def test_the_same_seed_gives_the_same_run_and_another_another():
    assert same(epochs(3), epochs(3))
    assert not same(epochs(3), epochs(3, augmented(1)))


def test_each_epoch_changes_the_images_anew():
    first, second = epochs(2)
    assert all((a != b).any() for a, b in zip(first, second, strict=True))


def test_each_batch_of_an_epoch_has_its_own_chance():
    data = augmented(data=(np.repeat(X[:1], 12, axis=0), Y[:12]), transforms=add_noise)
    one, two = epochs(1, data)[0].reshape(2, 6, -1)
    assert (one != two).all()


@pytest.mark.parametrize("start", [1, 2])
def test_a_resumed_loader_gives_the_epochs_that_follow(start):
    whole = epochs(4, shuffle=True, seed=0)
    assert same(epochs(4 - start, start=start, shuffle=True, seed=0), whole[start:])


@pytest.mark.parametrize("seed", [0, None])
def test_a_thread_gives_the_same_batches(seed):
    runs = []
    for prefetch in (0, 1, 3):
        tg.manual_seed(1)
        runs.append(epochs(2, augmented(seed), prefetch=prefetch, shuffle=True))
    assert same(runs[0], runs[1])
    assert same(runs[0], runs[2])


def test_batches_are_prepared_in_a_thread():
    names = set()

    def look(images, rng):
        names.add(threading.current_thread().name)
        return images

    epochs(1, augmented(transforms=look))
    assert names == {"DataLoader"}


def test_without_a_seed_manual_seed_decides():
    runs = []
    for seed in (5, 5, 6):
        tg.manual_seed(seed)
        runs.append([*epochs(2, augmented(None)), augmented(None)[:][0]])
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])
    assert (runs[0][0] != runs[0][1]).any()


def test_without_a_loader_it_is_epoch_0_or_new_each_time_without_a_seed():
    seeded, free = augmented(0), augmented(None)
    np.testing.assert_array_equal(seeded[:6][0], epochs(1)[0][:6])
    np.testing.assert_array_equal(seeded[:6][0], seeded[:6][0])
    assert (free[:6][0] != free[:6][0]).any()


def test_two_epochs_at_once_do_not_disturb_each_other():
    wanted = epochs(2)
    loader = DataLoader(augmented(), 6)
    pairs = list(zip(loader, loader, strict=True))
    for k in range(2):
        np.testing.assert_array_equal(np.concatenate([pair[k][0] for pair in pairs]), wanted[k])


def run(path=None, n=4, seed=0, **options):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 20))
    history = tg.fit(
        model,
        augmented(seed),
        loss=tg.cross_entropy,
        optimizer=optim.Adam(model.parameters(), lr=0.01),
        epochs=n,
        seed=0,
        progress=False,
        checkpoint=path,
        **options,
    )
    return history["loss"], model


@pytest.mark.parametrize("seed", [0, None])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path, seed):
    losses, model = run(seed=seed)
    run(tmp_path / "run.npz", 2, seed)
    resumed, again = run(tmp_path / "run.npz", 4, seed, resume=True)
    assert resumed == losses
    np.testing.assert_array_equal(model[1].weight.data, again[1].weight.data)


def test_a_dataset_of_ones_own_may_follow_the_epoch():
    class Growing:
        def __init__(self, epoch=0):
            self.epoch = epoch

        def for_epoch(self, epoch):
            return Growing(epoch)

        def __len__(self):
            return 3

        def __getitem__(self, i):
            return np.float64(10 * self.epoch + i)

    loader = DataLoader(Growing())
    assert [next(iter(loader))[0].tolist() for _ in range(2)] == [[0, 1, 2], [10, 11, 12]]


# --- wrong uses ------------------------------------------------------------------------------


def test_a_split_is_refused():
    with pytest.raises(ArgumentError, match="split the data first, then augment one part"):
        augmented().split(0.8, seed=0)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (RandomHorizontalFlip, r"such as RandomShift\(4\), not RandomHorizontalFlip"),
        ("flip", "a transform is a function"),
        (None, "not None"),
        (lambda images: images, r"<lambda> must take two arguments, f\(images, rng\)"),
    ],
)
def test_what_is_no_transform_is_refused_at_once(transform, words):
    with pytest.raises(DTypeError, match=words):
        augmented(transforms=[transform])


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda images: None, "forgetful must return an array of 20 images.* not NoneType"),
        (lambda images: images[0], r"20 images.* not \(2, 6, 6\)"),
        (lambda images: images.mean(), "20 images"),
        (lambda images: tg.Tensor(images), "not Tensor"),
    ],
)
def test_a_transform_gives_a_batch_of_as_many_images(result, words):
    def forgetful(images, rng):
        return result(images)

    with pytest.raises(ShapeError, match=words):
        augmented(transforms=forgetful)[:]


def test_an_error_of_a_transform_reaches_the_loop():
    with pytest.raises(DTypeError, match="floating images, not int64"):
        list(DataLoader(augmented(data=(np.ones((3, 1, 2, 2), int), Y[:3]))))


def test_a_generator_is_no_dataset():
    with pytest.raises(ArgumentError, match="generator lacks them"):
        augmented(data=(pair for pair in zip(X, Y, strict=True)))


def test_a_seed_is_a_whole_number():
    with pytest.raises(ArgumentError, match="whole number from 0 on"):
        augmented(seed=-1)
