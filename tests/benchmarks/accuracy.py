"""Accuracy on data never seen, and the time that training takes.

``python -m tests.benchmarks.accuracy`` trains the demonstration on digits, over five seeds;
``... mnist FOLDER`` lenet on the first four fifths of MNIST's files, tested on the rest;
``... flowers FOLDER`` small_vgg on photographs, over two seeds, tested on a held-out fifth.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import statistics
import tempfile
import time
from pathlib import Path

import tinygrad_fr as tg
from tinygrad_fr.cli import main
from tinygrad_fr.cli.recipes import RECIPES, train_model
from tinygrad_fr.training import evaluate


def digits(seed: int) -> tuple[float, str]:
    """The demonstration, as a user runs it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        main(["demo", "--out", folder, "--seed", str(seed)])
        report = (Path(folder) / "report.md").read_text(encoding="utf-8")
        epochs = len(json.loads((Path(folder) / "history.json").read_text())["epochs"])
    found = re.search(r"([\d.]+)\s?%", report)
    assert found
    return float(found.group(1)), f"course_cnn, {epochs} epochs"


def mnist(folder: str, seed: int) -> tuple[float, str]:
    """lenet on MNIST: in order, so that everybody tests on the same digits."""
    images, labels = tg.data.load_mnist(folder)
    first = 4 * len(images) // 5
    train = tg.data.ArrayDataset(images[:first], labels[:first])
    test = tg.data.ArrayDataset(images[first:], labels[first:])
    tg.manual_seed(seed)
    recipe = RECIPES["lenet"]
    model = tg.nn.models.lenet()
    train_model(model, train, test, recipe, seed, progress=False)
    result = evaluate(model, test, tg.cross_entropy, ("accuracy",))
    return 100 * result["accuracy"], f"lenet, {first} digits, {recipe.epochs} epochs"


def flowers(folder: str, seed: int) -> tuple[float, str]:
    """small_vgg on photographs, as a user runs it."""
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()) as text:
        weights = f"{out}/w.npz"
        main(["train", folder, "--model", "small_vgg", "--out", weights, "--seed", str(seed)])
    found = re.search(r"([\d.]+)\s?%", text.getvalue())
    assert found
    return float(found.group(1)), f"small_vgg, {RECIPES['small_vgg'].epochs} epochs"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("digits", "mnist", "flowers"), default="digits")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--seeds", type=int, help="how many")
    options = parser.parse_args()
    if options.what != "digits" and not options.folder:
        parser.error("give the folder of the data")
    count = options.seeds or {"digits": 5, "mnist": 3, "flowers": 2}[options.what]
    results, seconds = [], []
    for seed in range(count):
        start = time.perf_counter()
        if options.what == "digits":
            accuracy, how = digits(seed)
        else:
            accuracy, how = globals()[options.what](options.folder, seed)
        results.append(accuracy)
        seconds.append(time.perf_counter() - start)
        print(f"seed {seed}: {accuracy:.2f}% ({how}), {seconds[-1]:.1f} s", flush=True)
    print(f"mean {statistics.mean(results):.2f}%, slowest {max(seconds):.1f} s")
