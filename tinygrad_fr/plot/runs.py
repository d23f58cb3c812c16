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

    The metrics stand below the loss: those between 0 and 1 in one panel, each other in its own.
    Epochs whose value is NaN or infinite have a cross at the upper edge. The best epoch is marked:
    that of the lowest validation loss, or training loss.

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
    panels = [["loss"], *_panels(curves)]
    height = 0.5 + (2.5 if len(panels) > 1 else 3.2) * len(panels)
    with canvas.panels(height, count=len(panels), sharex=True) as (figure, axes):
        for panel, shown in zip(axes, panels):
            _panel(panel, history, curves, steps, shown, best)
        canvas.whole_numbers(axes[-1], steps[0], steps[-1])
        axes[-1].set_xlabel(_("epoch"))
    return canvas.describe(figure, *in_words(curves, steps, best))


def _panels(curves: dict[str, Any]) -> list[list[str]]:
    """The metrics, those of one scale together."""
    metrics = dict.fromkeys(name.removeprefix("valid_") for name in curves)
    del metrics["loss"]

    def is_share(metric: str) -> bool:
        values = [*curves.get(metric, ()), *curves.get(f"valid_{metric}", ())]
        return all(0 <= value <= 1 for value in values if math.isfinite(value))

    shares = [metric for metric in metrics if is_share(metric)]
    return [group for group in (shares, *([m] for m in metrics if m not in shares)) if group]


def _panel(
    axes: Axes, history: History, curves: dict[str, Any], steps: Any, shown: list[str], best: int
) -> None:
    """Training with points and a full line, validation with squares and a broken one."""
    axes.axvline(steps[best], color=canvas.GREY, linestyle=(0, (1, 2)), linewidth=1.2, zorder=1)
    many = len(shown) > 1
    for i, name in enumerate(shown):
        for prefix, word, marker, line, colour in (
            ("", _("training"), "o", "-", canvas.BLUE),
            ("valid_", _("validation"), "s", (0, (5, 2)), canvas.VERMILLION),
        ):
            if prefix + name not in curves:
                continue
            values = curves[prefix + name]
            style: dict[str, Any] = {"color": colour, "linestyle": line, "marker": marker}
            style["linewidth"] = 1.6 if prefix else 2.0  # both are seen where they are the same
            if many:  # a metric each has its points, filled in training only
                style["marker"] = "o^Dv*P"[i % 6]
                style["markerfacecolor"] = "white" if prefix else colour
                word = _("{metric}, {data}", metric=canvas.plain(measure_word(name), 30), data=word)
            bad = [
                step
                for step, epoch in zip(steps, history.epochs)
                if not math.isfinite(epoch.get(prefix + name, 0.0))  # measured, but no number
            ]
            if bad:
                word += ", " + _("NaN or infinite: {k} of {n}", k=len(bad), n=len(steps))
                canvas.beside(axes, bad, 0.97, "x", colour)
            axes.plot(steps, values, markevery=max(1, len(steps) // 20), label=word, **style)
            reference = bool(prefix) == ("valid_" + name in curves)
            if not many and reference and math.isfinite(values[best]):
                axes.plot(
                    steps[best], values[best], linestyle="", marker="*", markersize=13,
                    color=colour, markeredgecolor="white", zorder=4,
                    label=_("best epoch: {n}", n=steps[best]) if name == "loss" else None,
                )  # fmt: skip
    axes.set_ylabel(_("metrics") if many else canvas.plain(measure_word(shown[0]), 30))
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
