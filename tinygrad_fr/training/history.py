"""What a training run measured."""

import math
from collections.abc import Iterator
from typing import Any

from ..errors import ArgumentError
from ..kernels import Array
from ..messages import Shown, _
from ..nn.module import Module

State = dict[str, Array]


class History(Shown):
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


def restore(history: History, model: Module) -> bool:
    """Give a model its best state, if there is one."""
    if history.best_state:
        model.load_state_dict(history.best_state)
    return bool(history.best_state)
