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
from tinygrad_fr.cli.photographs import _load_model, save_model
from tinygrad_fr.errors import FileError, TinygradError
from tinygrad_fr.nn.models import DENSE, MODELS

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
def test_mistakes_end_with_status_2_and_words(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # --out w.npz must be writable
    output = run(*arguments, status=2)
    assert words in output
    assert "Traceback" not in output


def test_weights_of_another_kind_are_refused(tmp_path):
    tg.save({"a": np.ones(2)}, tmp_path / "a.npz")
    assert "not written by" in run("predict", tmp_path / "a.npz", "a.png", status=2)


def weights(path, **changes):
    """A model of five classes for grey images of 50x50, with other metadata."""
    known = {
        "kind": "tinygrad_fr model",
        "model": "course_cnn",
        "classes": '["a", "b", "c", "d", "e"]',
        "preprocessing": '{"size": 50, "channels": 1}',
        **changes,
    }
    state = tg.nn.models.course_cnn().state_dict()
    tg.save(state, path, {key: text for key, text in known.items() if text is not None})


@pytest.mark.parametrize(
    "preprocessing",
    [
        *(f'{{"size": {size}, "channels": 1}}' for size in (
            "1000000", "1e6", "5000", "52", "3", "0", "-50", "50.0", "NaN", "Infinity", "true",
            "null", '"50"', "[50, 50]", "1" + 30 * "0",
        )),
        *(f'{{"size": 50, "channels": {n}}}' for n in ("3", "0", "-1", "1e9", "true", '"1"')),
        '{"size": 50}', "[]", "3", "null", "size", None, 10**5 * "[",
    ],
)  # fmt: skip
def test_metadata_that_do_not_fit_the_weights_make_no_model(tmp_path, preprocessing):
    weights(tmp_path / "w.npz", preprocessing=preprocessing)
    with pytest.raises(TinygradError):
        _load_model(tmp_path / "w.npz")


@pytest.mark.parametrize(
    "classes",
    ["[]", '["a"]', '"abcde"', "[1, 2, 3, 4, 5]", '["a", "b", "c", "d", null]', "null", "5", "[",
     json.dumps(dict.fromkeys("abcde")), json.dumps(10**6 * ["a"]), None],
)  # fmt: skip
def test_classes_that_do_not_fit_the_weights_make_no_model(tmp_path, classes):
    weights(tmp_path / "w.npz", classes=classes)
    with pytest.raises(FileError, match="has no usable classes"):
        _load_model(tmp_path / "w.npz")


@pytest.mark.parametrize("model", ["lenet", "mlp", "", None])
def test_another_model_than_the_weights_are_of_is_refused(tmp_path, model):
    weights(tmp_path / "w.npz", model=model)
    with pytest.raises(FileError):
        _load_model(tmp_path / "w.npz")


def test_odd_paths_to_predict_are_told(tmp_path):
    weights(tmp_path / "w.npz")
    for path in ("x" * 300, "", tmp_path, os.devnull):
        assert "error: " in run("predict", tmp_path / "w.npz", path, status=2)


def test_weights_that_are_not_finite_predict_nothing(tmp_path):
    model = tg.nn.models.course_cnn(2, 8)
    model[0].weight.data[0] = np.nan
    save_model(model, tmp_path / "w.npz", "course_cnn", ["a", "b"], 8, 1)
    with pytest.raises(FileError, match="NaN or infinite weights"):
        _load_model(tmp_path / "w.npz")


@pytest.mark.parametrize(("name", "sizes"), [
    ("course_cnn", (4, 5, 8, 50)), ("lenet", (4, 7, 28, 31)), ("small_vgg", (16, 65, 500)),
])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_models_of_all_sizes_come_back(tmp_path, name, sizes, channels):
    for size in sizes:
        model = MODELS[name](7, size, channels)
        dense = next(p.shape for p in model.parameters() if p.ndim == 2)
        assert dense == DENSE[name](7, size)
        save_model(model, tmp_path / "w.npz", name, list("abcdefg"), size, channels)
        assert _load_model(tmp_path / "w.npz")[1:] == (list("abcdefg"), size, channels)


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


LAYERS = """
import numpy as np


class Softmax:
    def __init__(self, n, c):
        self.w, self.b = np.random.default_rng(1).standard_normal((n, c)) / n, np.zeros(c)

    def forward(self, image):
        self.shape, self.x = image.shape, image.flatten()
        t = self.x @ self.w + self.b
        self.p = np.exp(t - t.max()) / np.exp(t - t.max()).sum()
        return self.p

    def backprop(self, d_out, learn_rate):
        d_t = self.d_t(d_out)
        dx = (self.w @ d_t).reshape(self.shape)
        self.w -= learn_rate * np.outer(self.x, d_t)
        self.b -= learn_rate * d_t
        return dx

    def d_t(self, d_out):
        return self.p * (d_out - (d_out * self.p).sum())


class Wrong(Softmax):
    def d_t(self, d_out):
        return self.p * (1 - self.p) * d_out


class Random:
    def forward(self, x):
        return x

    def backward(self, d):
        return d * np.random.rand(*d.shape)


class Squares:
    def loss(self, y_true, y_pred):
        return np.mean((y_pred - y_true) ** 2)

    def gradient(self, y_true, y_pred):
        return 2 * (y_pred - y_true) / y_pred.size


instance = Softmax(6, 3)
"""


@pytest.fixture
def layers(tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(LAYERS, encoding="utf-8")
    return path


def test_check_says_right_wrong_or_undecided_by_its_exit_status(layers):
    course = ("--init", "4608,5", "--input", "24,24,8")
    assert "correct" in run("check", f"{layers}:Softmax", *course)
    assert "correct" in run("check", f"{layers}:instance", "--input", "6")
    assert "correct" in run("check", f"{layers}:Squares", "--input", "4,3")
    text = run("check", f"{layers}:Wrong", *course, status=1)
    assert "only the diagonal of the softmax's Jacobian" in text
    assert "b        " in text
    text = run("check", f"{layers}:Random", "--input", "4,3", status=2)
    assert "random numbers of its own" in text


def test_check_speaks_french_and_json_and_hides_what_teachers_hide(layers):
    wrong = (f"{layers}:Wrong", "--init", "6,3", "--input", "6")
    text = run("check", *wrong, status=1, language="fr", encoding="cp1252")
    assert "hors diagonale" in text
    data = json.loads(run("check", *wrong, "--json", status=1))
    assert data["entries"]["w"]["diagnoses"][0]["kind"] == "diagonal_only"
    where = run("check", *wrong, "--hints", "where", status=1)
    assert "largest error is at" in where
    assert "diagonal" not in where
    assert "correct" in run("check", f"{layers}:Softmax", "--init", "6,3", "--input", "6",
                            "--one-hot", "--parameters", "w,b")  # fmt: skip
    text = run("check", f"{layers}:Softmax", "--init", "6,3", "--input", "6", "--reference",
               "softmax", status=1)  # fmt: skip
    assert "the forward is not the reference" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{}", "--input", "6"), "a file and a name in it"),
        (("{}:Nothing", "--input", "6"), "has no Nothing"),
        (("nowhere.py:X", "--input", "6"), "no such file"),
        (("{}:Softmax", "--input", "6"), "cannot be made: TypeError"),
        (("{}:Softmax", "--init", "6", "--input", "6"), "cannot be made"),
        (("{}:Softmax", "--init", "6 5 4", "--input", "6"), "values separated by commas"),
        (("{}:instance", "--input", "a,b"), "takes a shape"),
        (("{}:instance", "--input", "6", "--reference", "sofmax"), "no operation sofmax"),
        (("{}:instance", "--input", "6", "--backward", "back"), "back"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_with_its_arguments(layers, arguments, words):
    text = run("check", *(a.format(layers) for a in arguments), status=2)
    assert words in text
    assert "Traceback" not in text


def test_check_tells_the_line_of_a_file_that_fails(tmp_path):
    (tmp_path / "broken.py").write_text("import numpy\nx = numpy.nothing\n", encoding="utf-8")
    text = run("check", f"{tmp_path / 'broken.py'}:x", "--input", "3", status=2)
    assert "broken.py, line 2: x = numpy.nothing" in text


def test_a_trained_model_is_exported_to_onnx_with_its_classes(tmp_path):
    onnx = pytest.importorskip("onnx")
    save_model(MODELS["course_cnn"](3, 8, 1), tmp_path / "w.npz", "course_cnn", list("abé"), 8, 1)
    assert "model written" in run("export", tmp_path / "w.npz", tmp_path / "m.onnx")
    made = onnx.load(tmp_path / "m.onnx")
    known = {prop.key: json.loads(prop.value) for prop in made.metadata_props}
    assert known == {"classes": ["a", "b", "é"], "preprocessing": {"size": 8, "channels": 1}}
    run("export", tmp_path / "w.npz", tmp_path / "m.onnx", "--opset", 18)
    assert onnx.load(tmp_path / "m.onnx").opset_import[0].version == 18
    output = run("export", tmp_path / "w.npz", tmp_path / "m.onnx", "--opset", 3, status=2)
    assert "opset" in output
