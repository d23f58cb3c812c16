"""Checkpoints: all that a run needs to continue as if never stopped."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import settings
from ..errors import ArgumentError, FileError, TinygradError
from ..io import load, save
from ..nn.module import Module
from ..optim import Optimizer
from .history import History, State
from .walks import Walks


def write(
    path: str | Path, model: Module, optimizer: Optimizer, scheduler: Any, history: History,
    walks: Walks,
) -> None:  # fmt: skip
    """Write model, optimizer, schedule, generator and history to a file."""
    state = {f"model.{name}": array for name, array in model.state_dict().items()}
    state.update((f"optimizer.{name}", array) for name, array in optimizer.state_dict().items())
    state.update((f"best.{name}", array) for name, array in history.best_state.items())
    metadata = {
        "kind": "tinygrad_fr checkpoint",
        "optimizer": type(optimizer).__name__,
        "history": _to_json(history.to_dict()),
        "walks": _to_json(walks.first),
        "generator": _to_json(settings.generator().bit_generator.state),
        "scheduler": _to_json(scheduler.state_dict() if hasattr(scheduler, "state_dict") else None),
    }
    save(state, path, metadata)


def resume(
    path: str, model: Module, optimizer: Optimizer, scheduler: Any, history: History, walks: Walks
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
        first = json.loads(state.metadata["walks"])
        kind = state.metadata["optimizer"]
        if kind != type(optimizer).__name__:
            raise ArgumentError(
                "the checkpoint is of {known}, and the optimizer is {kind}: use the same",
                known=kind,
                kind=type(optimizer).__name__,
            )
        if schedule is not None and not hasattr(scheduler, "load_state_dict"):
            raise ArgumentError(
                "the checkpoint is of a run with the schedule {known}: give a like one, scheduler=",
                known=schedule.get("kind"),
            )
        if schedule is not None:
            scheduler.load_state_dict(schedule)
        settings.generator().bit_generator.state = generator
        model.load_state_dict(part("model."))
        optimizer.load_state_dict(part("optimizer."))
        walks.restore(first)
    except TinygradError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError) as error:
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
