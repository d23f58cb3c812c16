"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.cli.demo import logits_agreement

PIL = pytest.importorskip("PIL.Image")
pytest.importorskip("sklearn")
pytest.importorskip("safetensors")

FLOWERS = Path(__file__).resolve().parents[2] / "shared" / "data" / "flowers"


def run(*arguments, status=0, language="en", encoding="utf-8"):
    environment = {**os.environ, "TINYGRAD_FR_LANG": language, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_fr", *map(str, arguments)],
        capture_output=True, env=environment, timeout=120,
    )  # fmt: skip
    output = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == status, output
    return output


@pytest.fixture
def photographs(tmp_path):
    """Two classes that a linear model can tell apart: bright above, bright below."""
    rng = np.random.default_rng(0)
    for name in ("above", "below"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 100, (20, 24, 3))
            pixels[:10] += 150 * (name == "above")
            pixels[10:] += 150 * (name == "below")
            image = PIL.fromarray(pixels.astype(np.uint8))
            image.save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def test_the_demonstration_learns_and_its_gradient_is_that_of_the_course(tmp_path):
    output = run("demo", "--out", tmp_path / "demo", "--epochs", 8)
    assert "(y_hat - y) / N" in output
    report = (tmp_path / "demo" / "report.md").read_text(encoding="utf-8")
    accuracy = float(report.split("never seen: ")[1].split("%")[0])
    assert accuracy > 90
    history = json.loads((tmp_path / "demo" / "history.json").read_text())
    assert len(history["epochs"]) == 8
    weights = tg.load(tmp_path / "demo" / "weights.safetensors")
    assert weights.metadata["model"] == "course_cnn"


def test_logits_agree_to_rounding():
    images = np.random.default_rng(0).random((6, 1, 8, 8))
    agreement = logits_agreement(tg.nn.models.course_cnn(3, 8), images, np.array([0, 1, 2] * 2))
    assert agreement["composed"] < 1e-15
    assert agreement["fused"] < 1e-15
    assert agreement["scale"] > 1e-3


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_train_then_predict_on_photographs(photographs, tmp_path, suffix):
    weights = tmp_path / f"w.{suffix}"
    output = run("train", photographs, "--model", "course_cnn", "--out", weights, "--size", 12,
                 "--epochs", 10, "--channels", 3)  # fmt: skip
    assert "40 images, classes: above, below" in output
    output = run(
        "predict", weights, photographs / "above" / "3.png", photographs / "below" / "4.png"
    )
    first, second = output.splitlines()[-2:]
    assert "3.png: above" in first
    assert "4.png: below" in second


def test_train_and_predict_on_the_flowers(tmp_path):
    if not FLOWERS.is_dir():
        pytest.skip("no flowers here")
    weights = tmp_path / "w.safetensors"
    run("train", FLOWERS, "--model", "course_cnn", "--out", weights, "--epochs", 1)
    photo = next((FLOWERS / "rose").glob("*.jpg"))
    assert "%" in run("predict", weights, photo)


def test_small_vgg_is_trained_by_its_recipe_and_resumed(photographs, tmp_path):
    common = ("train", photographs, "--model", "small_vgg", "--size", 16, "--shift", 1,
              "--no-flip", "--checkpoint", tmp_path / "run.npz")  # fmt: skip
    run(*common, "--out", tmp_path / "whole.npz", "--epochs", 3)
    output = run(*common, "--out", tmp_path / "again.npz", "--epochs", 3, "--resume")
    assert "epoch 1" not in output  # there was nothing left to do
    whole, again = tg.load(tmp_path / "whole.npz"), tg.load(tmp_path / "again.npz")
    for name, array in whole.items():
        np.testing.assert_array_equal(array, again[name])
    assert whole["1.num_batches_tracked"] == 3  # one batch of 32 photographs per epoch
    output = run("predict", tmp_path / "again.npz", photographs / "above" / "3.png")
    assert "%" in output


def test_a_folder_of_mnist_files_is_trained_on(tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels = np.arange(40, dtype=np.uint8) % 4
    images = (rng.random((40, 12, 12)) * 50).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3 * label : 3 * label + 3] = 255
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / f"train-{name}-ubyte").write_bytes(head + array.tobytes())
    output = run("train", folder, "--model", "lenet", "--out", tmp_path / "w.npz", "--epochs", 2)
    assert "40 images, classes: 0, 1, 2, 3" in output
    picture = tmp_path / "digit.png"
    PIL.fromarray(images[0]).save(picture)
    assert "digit.png:" in run("predict", tmp_path / "w.npz", picture)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_french_survives_any_console(tmp_path, encoding):
    output = run("demo", "--out", tmp_path, "--epochs", 1, language="fr", encoding=encoding)
    assert ("époque 1" if encoding != "ascii" else "epoque 1") in output


def test_help_is_in_the_users_language():
    assert "usage:" in run("--help")
    assert "utilisation" in run("--help", language="fr")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "nowhere", "--out", "w.npz"), "nowhere"),
        (("predict", "nothing.safetensors", "a.png"), "nothing.safetensors"),
        (("demo", "--epochs", "0"), "at least 1, not 0"),
        (("train", "x", "--out", "w.npz", "--held-out", "1.5"), "between 0 and 1"),
        (("train", "x", "--out", "w.npz", "--model", "resnet"), "resnet"),
        ((), "COMMAND"),
    ],
)
def test_mistakes_end_with_status_2_and_words(arguments, words, tmp_path):
    output = run(*arguments, status=2)
    assert words in output
    assert "Traceback" not in output


def test_weights_of_another_kind_are_refused(tmp_path):
    tg.save({"a": np.ones(2)}, tmp_path / "a.npz")
    assert "not written by" in run("predict", tmp_path / "a.npz", "a.png", status=2)


def test_a_path_that_cannot_be_written_is_refused_before_the_training(photographs, tmp_path):
    for out in (tmp_path / "w.bin", tmp_path / "nowhere" / "w.npz", tmp_path):
        output = run("train", photographs, "--out", out, status=2)
        assert "epoch" not in output


def test_a_reader_that_has_seen_enough_does_not_stop_the_training(photographs, tmp_path):
    weights = tmp_path / "w.npz"
    command = (
        f"{sys.executable} -m tinygrad_fr train {photographs} --out {weights} --epochs 3 --size 8"
    )
    subprocess.run(
        f"{command} | head -n 1", shell=True, check=True, capture_output=True, timeout=60
    )
    assert weights.exists()


def test_a_broken_image_does_not_keep_the_others_from_being_told(photographs, tmp_path):
    weights = tmp_path / "w.npz"
    run("train", photographs, "--out", weights, "--epochs", 1, "--size", 8)
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = photographs / "above" / "1.png"
    output = run("predict", weights, tmp_path / "bad.png", photographs, good, status=2)
    assert "1.png:" in output
    assert "bad.png is not an image" in output
    assert "is a folder" in output
