"""How each model is trained from the command line."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from ..data import AugmentedDataset, DataLoader, RandomHorizontalFlip, RandomShift
from ..nn.module import Module
from ..ops import cross_entropy
from ..optim import Adam, AdamW, CosineAnnealingLR, OneCycleLR
from ..training import History, fit


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
        known = {field.name for field in fields(self)}
        return replace(
            self, **{name: x for name, x in options.items() if name in known and x is not None}
        )

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
