"""A training run: loss and metrics over the epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DTypeError
from ..messages import _
from .canvas import (
    BLUE,
    GREY,
    VERMILLION,
    canvas,
    describe,
    grid,
    number,
    plain,
    sentence,
    whole_numbers,
)
from .curves import beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..training import History

NOT_MEASURED = ("epoch", "seconds")


def history(history: History, *, ax: Axes | None = None) -> Figure:
    """Draw a training run: loss and metrics, in training and validation, epoch by epoch.

    The metrics stand below the loss: those between 0 and 1 in one panel, each other in its own.
    Epochs whose value is NaN or infinite have a cross at the upper edge. The best epoch is marked:
    that of the lowest validation loss, or training loss.

    Parameters
    ----------
    history : tinygrad_fr.training.History
        What ``tg.fit`` gives.
    ax
        Axes to draw the loss in, without the metrics.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If no epoch is in it.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> run = tg.training.History()
    >>> run.epochs += [{"epoch": 1, "loss": 0.7, "accuracy": 0.5}]
    >>> run.epochs += [{"epoch": 2, "loss": 0.5, "accuracy": 0.8}]
    >>> figure = tg.plot.history(run)
    >>> len(figure.axes)
    2
    """
    epochs = getattr(history, "epochs", None)
    if not isinstance(epochs, list):
        raise DTypeError(
            _("history is what tg.fit gives, a History, not {kind}"), kind=type(history).__name__
        )
    if not epochs:
        raise ArgumentError(_("the history has no epoch yet: there is nothing to draw"))
    names = [name for name in history.keys() if name not in NOT_MEASURED]  # noqa: SIM118
    if "loss" not in names:
        raise ArgumentError(_("the history has no loss: there is nothing to draw"))
    steps = [int(epoch.get("epoch", i + 1)) for i, epoch in enumerate(epochs)]
    best = _best(history)
    panels = [["loss"], *(_panels(history, names) if ax is None else [])]
    tall = 2.5 if len(panels) > 1 else 3.2
    with canvas(ax, 0.5 + tall * len(panels), panels=len(panels), sharex=True) as (figure, axes):
        for panel, shown in zip(axes, panels):
            _panel(panel, history, steps, shown, best)
        whole_numbers(axes[-1], steps[0], steps[-1])
        axes[-1].set_xlabel(_("epoch"))
    return describe(figure, _in_words(history, names, steps[best]))


def _best(history: History) -> int:
    """The index of the best epoch."""
    if 1 <= history.best_epoch <= len(history.epochs):
        return history.best_epoch - 1
    losses = np.array(history["valid_loss" if "valid_loss" in history else "loss"], float)
    return 0 if np.isnan(losses).all() else int(np.nanargmin(losses))


def _panels(history: History, names: Sequence[str]) -> list[list[str]]:
    """The metrics, those of one scale together."""
    metrics = list(dict.fromkeys(name.removeprefix("valid_") for name in names))
    metrics.remove("loss")
    shares: list[str] = []
    others: list[str] = []
    for metric in metrics:
        known = [*_values(history, metric), *_values(history, f"valid_{metric}")]
        is_share = all(0 <= value <= 1 for value in known if math.isfinite(value))
        (shares if is_share else others).append(metric)
    return [group for group in (shares, *([other] for other in others)) if group]


def _values(history: History, name: str) -> list[float]:
    return [float(value) for value in history[name]] if name in history else []


def _words(name: str) -> str:
    return {"loss": _("loss"), "accuracy": _("accuracy")}.get(name) or plain(name, 30)


def _panel(axes: Axes, history: History, steps: list[int], shown: list[str], best: int) -> None:
    """Training with points and a full line, validation with squares and a broken one."""
    every = max(1, len(steps) // 20)
    axes.axvline(steps[best], color=GREY, linestyle=(0, (1, 2)), linewidth=1.2, zorder=1)
    many = len(shown) > 1
    for i, name in enumerate(shown):
        for prefix, word, marker, line, colour in (
            ("", _("training"), "o", "-", BLUE),
            ("valid_", _("validation"), "s", (0, (5, 2)), VERMILLION),
        ):
            values = _values(history, prefix + name)
            if not values:
                continue
            style: dict[str, Any] = {"color": colour, "linestyle": line, "marker": marker}
            style["linewidth"] = 1.6 if prefix else 2.0  # both are seen where they are the same
            if many:  # a metric each has its points, filled in training only
                style["marker"] = "o^Dv*P"[i % 6]
                style["markerfacecolor"] = "white" if prefix else colour
                word = _("{metric}, {data}").format(metric=_words(name), data=word)
            bad = [
                step
                for step, epoch in zip(steps, history.epochs)
                if not math.isfinite(float(epoch.get(prefix + name, 0.0)))
            ]
            if bad:
                word += ", " + _("NaN or infinite: {k} of {n}").format(k=len(bad), n=len(steps))
                beside(axes, bad, 0.97, "x", colour)
            axes.plot(steps, values, markevery=every, label=word, **style)
            reference = "valid_" + name in history
            if not many and bool(prefix) == reference and math.isfinite(values[best]):
                axes.plot(
                    steps[best : best + 1], values[best : best + 1], linestyle="", marker="*",
                    markersize=13, color=colour, markeredgecolor="white", zorder=4,
                    label=_("best epoch: {n}").format(n=steps[best]) if name == "loss" else None,
                )  # fmt: skip
    axes.set_ylabel(_("metrics") if many else _words(shown[0]))
    grid(axes)
    axes.legend(loc="best", ncols=1)


def _in_words(history: History, names: Sequence[str], best: int) -> list[str]:
    """Where each curve begins and ends."""
    words = {
        "loss": _("loss"), "accuracy": _("accuracy"), "valid_loss": _("validation loss"),
        "valid_accuracy": _("validation accuracy"),
    }  # fmt: skip
    sentences = [_("Training run; epochs: {n}.").format(n=len(history.epochs))]
    for name in names:
        values = _values(history, name)
        text = _("{name}: {first} at first, {last} at last").format(
            name=words.get(name, name), first=number(values[0]), last=number(values[-1])
        )
        sentences.append(sentence(text) if name in words else f"{text}.")
    return [*sentences, sentence(_("best epoch: {n}").format(n=best))]
