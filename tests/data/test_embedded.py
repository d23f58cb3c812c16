"""Digits and MNIST."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.data import load_digits, load_mnist
from tinygrad_fr.errors import ArgumentError, FileError, MissingExtraError

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"


def idx(array):
    array = np.asarray(array, np.uint8)
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write(folder, name, images, labels, pack=bytes, suffix=""):
    (folder / f"{name}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images)))
    (folder / f"{name}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "t10k", np.arange(24).reshape(2, 3, 4), [3, 9])
    return tmp_path


# --- digits ----------------------------------------------------------------------------------


def test_digits_are_images_between_0_and_1():
    images, labels = load_digits()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)
    assert (images.min(), images.max()) == (0, 1)
    assert set(labels.tolist()) == set(range(10))


@pytest.mark.parametrize("size", [50, (12, 16)])
def test_digits_are_resized_on_demand(size):
    images, _ = load_digits(size)
    small, _ = load_digits()
    assert images.shape == (1797, 1, *((50, 50) if size == 50 else size))
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_allclose(images.mean((2, 3)), small.mean((2, 3)), atol=0.02)


def test_digits_follow_the_default_dtype():
    tg.set_default_dtype("float64")
    try:
        assert load_digits()[0].dtype == load_digits(9)[0].dtype == np.float64
    finally:
        tg.set_default_dtype("float32")


def test_a_size_is_whole_numbers():
    with pytest.raises(ArgumentError, match="size is an integer of at least 1, or two"):
        load_digits(0)


def test_a_missing_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r'scikit-learn\. .*"tinygrad_fr\[data\]"'):
        load_digits()


def test_one_error_names_all_that_digits_of_another_size_need(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match="scikit-learn, pillow"):
        load_digits(16)


# --- MNIST -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_idx_files_are_read_gzipped_or_not(tmp_path, pack, suffix):
    write(tmp_path, "train", np.full((2, 3, 4), 51), [3, 9], pack, suffix)
    images, labels = load_mnist(str(tmp_path))
    np.testing.assert_array_equal(images, np.full((2, 1, 3, 4), np.float32(51) / 255))
    np.testing.assert_array_equal(labels, [3, 9])
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)


def test_the_split_chooses_the_files(folder):
    assert len(load_mnist(folder)[1]) == len(load_mnist(folder, "test")[1]) == 2
    with pytest.raises(FileError, match=r"no files .*NAME being train: check the folder"):
        load_mnist(folder, "train")
    write(folder, "train", np.zeros((3, 3, 4)), [1, 2, 3])
    assert len(load_mnist(folder)[1]) == len(load_mnist(folder, "train")[1]) == 3
    assert len(load_mnist(folder, "test")[1]) == 2


def test_an_unknown_split_is_refused(folder):
    with pytest.raises(ArgumentError, match="split is one of train, test, None, not 'valid'"):
        load_mnist(folder, "valid")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileError, match=r"NAME-images-idx3-ubyte .*train / t10k"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin as an idx file of 3 axes"),
        (idx([1, 2]), "does not begin as an idx file of 3 axes"),
        (idx(np.zeros((2, 3, 4)))[:-1], r"23 bytes for the shape \[2, 3, 4\]"),
        (idx(np.zeros((2, 3, 4))) + b"\0", "25 bytes for the shape"),
        (idx(np.zeros((2, 3, 4)))[:10], "bytes for the shape"),
    ],
    ids=["empty", "other axes", "one byte less", "one byte more", "ten bytes"],
)
def test_a_damaged_file_is_named(folder, content, words):
    (folder / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(FileError, match=f"t10k-images-idx3-ubyte is damaged .*{words}.*again"):
        load_mnist(folder)


@pytest.mark.parametrize(
    ("path", "error"),
    [("a\0b", FileError), ("x" * 300, FileError), (b"mnist", ArgumentError), (3, ArgumentError)],
)
def test_odd_paths_are_clear_errors(path, error):
    with pytest.raises(error):
        load_mnist(path)


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(idx(np.zeros((2, 3, 4))), mtime=0)[:-9]],
    ids=["foreign", "cut"],
)
def test_a_damaged_archive_is_named(folder, content):
    (folder / "t10k-images-idx3-ubyte").unlink()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(FileError, match=r"ubyte\.gz is damaged .*download it again"):
        load_mnist(folder)


def test_files_that_do_not_belong_together_are_refused(folder):
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx([1]))
    with pytest.raises(FileError, match=r"has 2 images, and .* 1 labels"):
        load_mnist(folder)


@pytest.mark.skipif(not MNIST.is_dir(), reason="needs shared/data/mnist")
def test_mnist_is_read():
    images, labels = load_mnist(MNIST, "test")
    assert images.shape == (10_000, 1, 28, 28)
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)
    assert (images.min(), images.max()) == (0, 1)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]  # as published
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(labels).tolist() == counts
    assert images[labels == 1].mean() < images[labels == 0].mean()  # ones take less ink
