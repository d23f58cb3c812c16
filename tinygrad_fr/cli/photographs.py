"""``tinygrad-fr train``, ``predict``, ``export``: models on photographs, or on MNIST's digits."""

import glob
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..autograd.modes import no_grad
from ..data import ArrayDataset, DataLoader, ImageFolder, load_mnist, preprocess
from ..errors import ArgumentError, FileError, TinygradError, need
from ..io import check_writable, load, save
from ..messages import _
from ..nn.models import DENSE, MODELS
from ..nn.module import Module
from ..ops import cross_entropy, softmax
from ..training import evaluate
from .console import complain, say
from .recipes import RECIPES, Recipe, train_model

LARGEST = 4096  # pixels: a side of the images that predict makes, whatever the file asks for


def train(options: Any) -> int:
    """Train a model on a folder and write its weights."""
    settings.manual_seed(options.seed)
    _need(options.out, "PIL" * (not _holds_digits(options.data)))
    check_writable(options.out)  # before the work, not after it
    recipe = RECIPES[options.model].changed(**vars(options))
    data, classes, recipe = _open(options.data, recipe)
    say(_("{n} images, classes: {classes}", n=len(data), classes=", ".join(classes)))
    test, learned = data.split(options.held_out, seed=options.seed)
    model = MODELS[options.model](len(classes), recipe.size, recipe.channels)
    say(f"{model.summary()}\n")
    history = train_model(
        model, learned, test, recipe, options.seed, checkpoint=options.checkpoint,
        resume=options.resume,
    )  # fmt: skip
    if not len(history):
        return 130  # interrupted before there was anything to keep
    result = evaluate(model, DataLoader(test, recipe.batch_size), cross_entropy, ("accuracy",))
    save_model(model, options.out, options.model, classes, recipe.size, recipe.channels)
    text = _("accuracy on the {n} images held out: {percent:.1f}%")
    say(text.format(n=len(test), percent=100 * result["accuracy"]))
    say(_("weights written to {path}", path=options.out))
    return 0


def _need(weights: str, pictures: str = "PIL") -> None:
    need(data=pictures, io="safetensors" * weights.lower().endswith(".safetensors"))


def _holds_digits(folder: str) -> bool:
    return any(Path(folder).glob("*-images-idx3-ubyte*"))


def _open(folder: str, recipe: Recipe) -> tuple[Any, list[str], Recipe]:
    """The data in a folder, the names of the classes, and the recipe for images of that size."""
    if not _holds_digits(folder):
        photographs = ImageFolder(folder, recipe.size, recipe.channels)
        return photographs, list(photographs.classes), recipe
    images, labels = load_mnist(folder)
    size = images.shape[2]
    if images.shape[3] != size:
        raise ArgumentError(
            "the models take square images, and these are {height}x{width}",
            height=size, width=images.shape[3],
        )  # fmt: skip
    digits = [str(i) for i in range(labels.max() + 1)]
    return ArrayDataset(images, labels), digits, recipe.changed(size=size, channels=1)


def predict(options: Any) -> int:
    """Tell the class of photographs."""
    _need(options.model)
    model, classes, size, channels = _load_model(options.model)
    status = 0
    for path in _expanded(options.images):
        try:
            image = preprocess(path, size, channels)
        except TinygradError as error:  # the others are still to be told
            complain(_("error: {error}", error=error))
            status = 2
            continue
        with no_grad():
            p = softmax(model(image[None]).data[0])
        best = np.argsort(-p, kind="stable")[:3]
        ranking = [_("{name} {percent:.1f}%", name=classes[i], percent=100 * p[i]) for i in best]
        say(_("{path}: {ranking}", path=path, ranking=", ".join(ranking)))
    return status


def export(options: Any) -> int:
    """Write a model as an ONNX file, with what prediction needs."""
    _need(options.model, "")
    from ..exchange import to_onnx

    model, classes, size, channels = _load_model(options.model)
    metadata = _facts(classes, size, channels)
    example = np.zeros((1, channels, size, size))
    to_onnx(model, example, options.out, opset=options.opset, metadata=metadata)
    say(_("model written to {path}", path=options.out))
    return 0


def _expanded(paths: Sequence[str]) -> list[str]:
    """The paths, with patterns such as ``*.jpg`` expanded, which Windows leaves to the program."""
    found: list[str] = []
    for path in paths:
        matches = [] if os.path.exists(path) else sorted(glob.glob(path))  # noqa: PTH110, PTH207
        found += matches or [path]
    return found


def save_model(
    model: Module, path: str | Path, name: str, classes: list[str], size: int, channels: int
) -> None:
    """Weights, with all that prediction needs."""
    known = {"kind": "tinygrad_fr model", "model": name, **_facts(classes, size, channels)}
    save(model.state_dict(), path, known)


def _facts(classes: list[str], size: int, channels: int) -> dict[str, str]:
    """What prediction needs besides the weights, as texts."""
    preprocessing = json.dumps({"size": size, "channels": channels})
    return {"classes": json.dumps(classes), "preprocessing": preprocessing}


def _load_model(path: str) -> tuple[Module, list[str], int, int]:
    state = load(path)
    known = state.metadata
    if known.get("kind") != "tinygrad_fr model" or known.get("model") not in MODELS:
        raise FileError(
            "{path} was not written by `tinygrad-fr train`: its model is not known", path=path
        )
    shapes = {array.shape for array in state.values()}
    try:
        classes = json.loads(known["classes"])
        preprocessing = json.loads(known["preprocessing"])
        size, channels = preprocessing["size"], preprocessing["channels"]
        n = len(classes)
        named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
        sized = type(size) is int and 0 < size <= LARGEST
        sized = sized and type(channels) is int and channels in (1, 3)
        # Compared before a model is made, which would be of the size that the metadata claim.
        if not (named and sized and {(n,), DENSE[known["model"]](n, size)} <= shapes):
            raise ValueError(_("they do not fit together"))
        if not all(np.isfinite(array).all() for array in state.values()):
            raise ValueError(_("NaN or infinite weights"))
        model = MODELS[known["model"]](n, size, channels)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FileError(
            "{path} has no usable classes, preprocessing and weights ({error}): train it again",
            path=path,
            error=error,
        ) from error
    model.load_state_dict(state)
    return model.eval(), classes, size, channels
