"""A training run: loss and metrics over the epochs."""

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError
from ..messages import _
from ..training.history import History, measure_word
from . import canvas
from .canvas import Axes, Figure


def history(history: History) -> Figure:
    """Draw a training run: loss and metrics, in training and validation, epoch by epoch.

    The metrics stand below the loss, each in a panel of its own. Epochs whose value is NaN or
    infinite have a cross at the upper edge. The best epoch is marked: that of the lowest validation
    loss, or training loss.

    Parameters
    ----------
    history : tinygrad_fr.training.History
        What ``tg.fit`` gives.

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
        text = _("history is what tg.fit gives, a History, not {kind}")
        raise DTypeError(text, kind=type(history).__name__)
    if not epochs:
        raise ArgumentError("the history has no epoch yet: there is nothing to draw")
    curves = {name: history[name] for name in history.keys()}  # noqa: SIM118
    steps = curves.pop("epoch", range(1, len(epochs) + 1))
    curves.pop("seconds", None)
    if "loss" not in curves:
        raise ArgumentError("the history has no loss: there is nothing to draw")
    best = history.best_epoch - 1
    if not 0 <= best < len(epochs):
        losses = np.array(curves.get("valid_loss", curves["loss"]), float)
        best = 0 if np.isnan(losses).all() else int(np.nanargmin(losses))
    panels = list(dict.fromkeys(["loss", *(name.removeprefix("valid_") for name in curves)]))
    height = 0.5 + (2.5 if len(panels) > 1 else 3.2) * len(panels)
    with canvas.panels(height, count=len(panels), sharex=True) as (figure, axes):
        for panel, name in zip(axes, panels):
            _panel(panel, history, curves, steps, name, best)
        canvas.whole_numbers(axes[-1], steps[0], steps[-1])
        axes[-1].set_xlabel(_("epoch"))
    return canvas.describe(figure, *in_words(curves, steps, best))


def _panel(
    axes: Axes, history: History, curves: dict[str, Any], steps: Any, name: str, best: int
) -> None:
    """Training with points and a full line, validation with squares and a broken one."""
    axes.axvline(steps[best], color=canvas.GREY, linestyle=(0, (1, 2)), linewidth=1.2, zorder=1)
    for key, word, marker, line, width, colour in (
        (name, _("training"), "o", "-", 2.0, canvas.BLUE),
        (f"valid_{name}", _("validation"), "s", (0, (5, 2)), 1.6, canvas.VERMILLION),
    ):  # of two widths, so that both are seen where they are the same
        if key not in curves:
            continue
        bad = [
            step
            for step, epoch in zip(steps, history.epochs)
            if not math.isfinite(epoch.get(key, 0.0))  # measured, but no number
        ]
        if bad:
            word += ", " + _("NaN or infinite: {k} of {n}", k=len(bad), n=len(steps))
            canvas.beside(axes, bad, 0.97, "x", colour)
        axes.plot(
            steps, curves[key], color=colour, linestyle=line, linewidth=width, marker=marker,
            markevery=max(1, len(steps) // 20), label=word,
        )  # fmt: skip
        last = key == f"valid_{name}" or f"valid_{name}" not in curves
        if last and math.isfinite(curves[key][best]):
            axes.plot(
                steps[best], curves[key][best], linestyle="", marker="*", markersize=13,
                color=colour, markeredgecolor="white", zorder=4,
                label=_("best epoch: {n}", n=steps[best]) if name == "loss" else None,
            )  # fmt: skip
    axes.set_ylabel(canvas.plain(measure_word(name), 30))
    canvas.grid(axes)
    axes.legend(loc="best")


def in_words(curves: dict[str, Any], steps: Any, best: int) -> list[str]:
    """Where each curve begins and ends."""
    sentences = [_("Training run; epochs: {n}.", n=len(steps))]
    text = _("{name}: {first} at first, {last} at last")
    for name, values in curves.items():
        first, last = canvas.number(values[0]), canvas.number(values[-1])
        words = text.format(name=measure_word(name), first=first, last=last)
        sentences.append(canvas.sentence(words))
    return [*sentences, canvas.sentence(_("best epoch: {n}", n=steps[best]))]
