"""What a training run measured, and the checkpoints from which it goes on as if never stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..errors import ArgumentError, FileError, TinygradError
from ..io import load, save
from ..kernels import Array
from ..messages import _
from ..nn.module import Module
from ..optim import Optimizer

State = dict[str, Array]


class History:
    """What a training run measured, epoch by epoch.

    Attributes
    ----------
    epochs : list of dict
        For each epoch ``epoch`` (from 1), ``loss``, the metrics, ``seconds``, and with validation
        data ``valid_loss`` and ``valid_...`` metrics.
    best_epoch : int
        The epoch of the lowest validation loss (training loss without validation data).
    best_state : dict
        The model's state then.
    interrupted : bool
        Whether Ctrl-C ended the run.

    Examples
    --------
    >>> history = History()
    >>> history.epochs += [{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}]
    >>> history["loss"]
    [0.7, 0.5]
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.best_epoch = 0
        self.best_state: State = {}
        self.interrupted = False

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> list[float]:
        if name not in self:
            raise ArgumentError(
                "the history has no {name!r}: it has {known}",
                name=name,
                known=", ".join(self) or "-",
            )
        return [epoch.get(name, math.nan) for epoch in self.epochs]

    def keys(self) -> list[str]:
        """The names of what was measured."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch))

    def __repr__(self) -> str:
        return "\n".join(describe(epoch) for epoch in self.epochs) or _("no epoch yet")

    def to_dict(self) -> dict[str, Any]:
        """Everything but the states, ready for JSON."""
        return {
            "epochs": self.epochs, "best_epoch": self.best_epoch, "interrupted": self.interrupted,
        }  # fmt: skip


def measure_word(name: str) -> str:
    """What people call a measure; the name itself where it is theirs."""
    return {
        "epoch": _("epoch"), "loss": _("loss"), "accuracy": _("accuracy"),
        "valid_loss": _("validation loss"), "valid_accuracy": _("validation accuracy"),
    }.get(name, name)  # fmt: skip


def describe(epoch: dict[str, float]) -> str:
    """One epoch as a line."""
    parts = [f"{measure_word('epoch')} {int(epoch['epoch'])}"]
    for name, value in epoch.items():
        if name == "seconds":
            parts.append(f"{value:.2f} s" if value < 10 else f"{value:.0f} s")
        elif name != "epoch":
            parts.append(f"{measure_word(name)} {value:.4f}")
    return "  ".join(parts)


def note(history: History, epoch: dict[str, float], model: Module) -> None:
    """Append an epoch, and keep the model's state if it is the best so far."""
    key = "valid_loss" if "valid_loss" in epoch else "loss"
    history.epochs.append(epoch)
    best = history.epochs[history.best_epoch - 1].get(key, math.nan)
    if not history.best_state or epoch[key] < best or math.isnan(best):
        history.best_epoch = int(epoch["epoch"])
        history.best_state = model.state_dict()


# --- checkpoints ------------------------------------------------------------------------------


def write_checkpoint(
    path: str | Path, model: Module, optimizer: Optimizer, scheduler: Any, history: History
) -> None:
    """Write model, optimizer, schedule, generator and history to a file."""
    state = {f"model.{name}": array for name, array in model.state_dict().items()}
    state.update((f"optimizer.{name}", array) for name, array in optimizer.state_dict().items())
    state.update((f"best.{name}", array) for name, array in history.best_state.items())
    metadata = {
        "kind": "tinygrad_fr checkpoint",
        "optimizer": type(optimizer).__name__,
        "history": _to_json(history.to_dict()),
        "generator": _to_json(settings.generator().bit_generator.state),
        "scheduler": _to_json(scheduler.state_dict() if hasattr(scheduler, "state_dict") else None),
    }
    save(state, path, metadata)


def resume_from(
    path: str, model: Module, optimizer: Optimizer, scheduler: Any, history: History
) -> None:
    """Read them back; all of it fits, or an error says what does not."""
    state = load(path)
    if state.metadata.get("kind") != "tinygrad_fr checkpoint":
        raise FileError("{path} is not a checkpoint of fit", path=path)

    def part(prefix: str) -> State:
        return {name[len(prefix) :]: x for name, x in state.items() if name.startswith(prefix)}

    try:
        known = json.loads(state.metadata["history"])
        epochs, best_epoch = known["epochs"], known["best_epoch"]
        generator = json.loads(state.metadata["generator"])
        schedule = json.loads(state.metadata["scheduler"])
        kind = state.metadata["optimizer"]
        if kind != type(optimizer).__name__:
            raise ArgumentError(
                "the checkpoint is of {known}, and the optimizer is {kind}: use the same",
                known=kind,
                kind=type(optimizer).__name__,
            )
        settings.generator().bit_generator.state = generator
        model.load_state_dict(part("model."))
        optimizer.load_state_dict(part("optimizer."))
        if schedule is not None and hasattr(scheduler, "load_state_dict"):
            scheduler.load_state_dict(schedule)
    except TinygradError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        raise FileError(
            "{path} is a damaged checkpoint ({error}): start again without resume",
            path=path,
            error=error,
        ) from error
    history.epochs, history.best_epoch = epochs, best_epoch
    history.best_state = part("best.")


def _to_json(thing: Any) -> str:
    """JSON; NumPy numbers become Python's."""
    return json.dumps(thing, default=lambda x: x.item() if isinstance(x, np.generic) else str(x))
