"""``tinygrad-fr train`` and ``predict``: models on photographs, or on digits in MNIST's files."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..autograd.modes import no_grad
from ..checks import whole
from ..data import (
    ArrayDataset,
    AugmentedDataset,
    DataLoader,
    ImageFolder,
    RandomHorizontalFlip,
    RandomShift,
    load_mnist,
    preprocess,
)  # fmt: skip
from ..errors import ArgumentError, FileError, TinygradError
from ..io import check_writable, load, save
from ..messages import _
from ..nn.models import MODELS
from ..nn.module import Module
from ..ops import cross_entropy, softmax
from ..optim import Adam, AdamW, CosineAnnealingLR, OneCycleLR
from ..training import History, evaluate, fit
from .console import complain, say

LARGEST = 4096  # pixels: a side of the images that predict makes, whatever the file asks for


def train(options: Any) -> int:
    """Train a model on a folder and write its weights."""
    settings.manual_seed(options.seed)
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
    say(
        _(
            "accuracy on the {n} images held out: {percent:.1f}%",
            n=len(test),
            percent=100 * result["accuracy"],
        )
    )
    say(_("weights written to {path}", path=options.out))
    return 0


def _open(folder: str, recipe: Recipe) -> tuple[Any, list[str], Recipe]:
    """The data in a folder, the names of the classes, and the recipe for images of that size."""
    if not any(Path(folder).glob("*-images-idx3-ubyte*")):
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
    metadata = {
        "kind": "tinygrad_fr model",
        "model": name,
        "classes": json.dumps(classes),
        "preprocessing": json.dumps({"size": size, "channels": channels}),
    }
    save(model.state_dict(), path, metadata)


def _load_model(path: str) -> tuple[Module, list[str], int, int]:
    state = load(path)
    known = state.metadata
    if known.get("kind") != "tinygrad_fr model" or known.get("model") not in MODELS:
        raise FileError(
            "{path} was not written by `tinygrad-fr train`: its model is not known", path=path
        )
    try:
        classes = json.loads(known["classes"])
        preprocessing = json.loads(known["preprocessing"])
        size = whole(preprocessing["size"], "size", 1, LARGEST)
        channels = whole(preprocessing["channels"], "channels", 1, 3)
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError(_("the classes are no names"))
        # Compared before a model is made, which would be of the size that the metadata claim.
        if {(len(classes),)}.isdisjoint(array.shape for array in state.values()):
            raise ValueError(_("they do not fit together"))
        if not all(np.isfinite(array).all() for array in state.values()):
            raise ValueError(_("NaN or infinite weights"))
        model = MODELS[known["model"]](len(classes), size, channels)
        model.load_state_dict(state)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FileError(
            "{path} has no usable classes, preprocessing and weights ({error}): train it again",
            path=path,
            error=error,
        ) from error
    return model.eval(), classes, size, channels


# --- how each model is trained ---------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """Options of a training run.

    Attributes
    ----------
    size, channels
        Of the images.
    epochs, batch_size, lr
        Passes, images per step, and the (highest) learning rate.
    weight_decay, one_cycle
        Adam with a cosine schedule, or AdamW with this decay and a one-cycle schedule.
    label_smoothing
        Share of the target that is spread over all classes.
    flip, shift
        Augmentation: whether images are mirrored at random, and by how many pixels they are moved.
    """

    size: int = 50
    channels: int = 1
    epochs: int = 15
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.0
    one_cycle: bool = False
    label_smoothing: float = 0.0
    flip: bool = False
    shift: int = 0

    def changed(self, **options: Any) -> Recipe:
        """The recipe with those of the options that it knows and that are not None."""
        given = {f.name: options.get(f.name) for f in fields(self)}
        return replace(self, **{name: x for name, x in given.items() if x is not None})

    def describe(self) -> str:
        """As the options of the command line."""
        values = {f.name.replace("_", "-"): getattr(self, f.name) for f in fields(self)}
        values.pop("one-cycle")
        return " ".join(
            f"--{name}" if value is True else f"--{name} {value}"
            for name, value in values.items()
            if value
        )


RECIPES = {
    "course_cnn": Recipe(),
    "lenet": Recipe(size=28, epochs=15, batch_size=64, lr=2e-3, shift=2),
    "small_vgg": Recipe(
        size=64, channels=3, epochs=40, batch_size=32, lr=3e-3, weight_decay=0.05, one_cycle=True,
        label_smoothing=0.05, flip=True, shift=6,
    ),
}  # fmt: skip


def train_model(
    model: Module, train: Any, valid: Any, recipe: Recipe, seed: int, **options: Any
) -> History:
    """Train a model on a dataset as its recipe says; ``options`` are those of ``fit``."""
    transforms: list[Any] = [RandomHorizontalFlip()] * recipe.flip
    transforms += [RandomShift(recipe.shift)] * bool(recipe.shift)
    if transforms:
        train = AugmentedDataset(train, transforms, seed=seed)
    batches = DataLoader(train, recipe.batch_size, shuffle=True, seed=seed)
    learned = model.parameters()
    if recipe.one_cycle:
        optimizer: Any = AdamW(learned, lr=recipe.lr, weight_decay=recipe.weight_decay)
        steps = recipe.epochs * len(batches)
        scheduler: Any = OneCycleLR(optimizer, recipe.lr, total_steps=steps)
    else:
        optimizer = Adam(learned, lr=recipe.lr, weight_decay=recipe.weight_decay)
        scheduler = CosineAnnealingLR(optimizer, T_max=recipe.epochs)
    loss = partial(cross_entropy, label_smoothing=recipe.label_smoothing)
    held_out = None if valid is None else DataLoader(valid, recipe.batch_size)
    return fit(
        model, batches, held_out, loss=loss, optimizer=optimizer,
        scheduler=scheduler, epochs=recipe.epochs, metrics=("accuracy",), **options,
    )  # fmt: skip
