"""The health of a model's layers: how large their gradients are, and which neurons are silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..errors import ArgumentError, DTypeError
from ..messages import _
from . import canvas
from .canvas import Axes, Figure

LONG = 300  # steps; of more, medians are drawn over faint lines


def gradient_flow(watch: Any, *, ax: canvas.Axes | None = None) -> Figure:
    """Draw how large the gradients of the layers are, a line for each, step by step.

    The scale is logarithmic, so a zero has no place on it: zeros, NaN and gradients that were not
    computed are each marked and named.

    Parameters
    ----------
    watch : the Watch of ``tg.health.watch``
        Its ``gradients`` hold a norm for each layer and step.
    ax
        Axes to draw in, of a figure of yours.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> model = tg.nn.models.mlp((4, 8, 3))
    >>> with tg.health.watch(model) as watch:
    ...     tg.cross_entropy(model(np.ones((2, 4))), [0, 2]).backward()
    >>> figure = tg.plot.gradient_flow(watch)
    >>> len(figure.axes[0].lines)
    2
    """
    (lines,) = _curves(watch, "gradient_flow", "gradients")
    with canvas.panels(3.5 + 0.09 * len(lines), ax=ax) as (figure, (axes,)):
        _draw_curves(axes, lines, _("norm of the gradient"))
    n = max(len(line.values) for line in lines)
    words = _("Norm of the gradient of each layer; steps: {n}.", n=n)
    return canvas.describe(figure, words, *(line.in_words for line in lines))


def through_time(watch: Any, *, ax: canvas.Axes | None = None) -> Figure:
    """Draw the gradient that arrives at each step of a sequence, from the first to the last.

    A line that falls towards the first step is a gradient that vanishes through time, one that
    climbs towards it explodes; the scale is logarithmic.

    Parameters
    ----------
    watch : the Watch of ``tg.health.watch``
        Its ``through_time`` holds a norm for each step, of each matrix used at several.
    ax
        Axes to draw in, of a figure of yours.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> cell = tg.nn.RNN(3, 4)
    >>> with tg.health.watch(cell) as watch:
    ...     cell(np.ones((20, 1, 3)))[1].sum().backward()
    >>> len(tg.plot.through_time(watch).axes[0].lines[0].get_xdata())
    20
    """
    if not getattr(watch, "through_time", True) and getattr(watch, "steps", False):
        raise ArgumentError(
            "no matrix of weights was used at several steps; those of a fused LSTM are not seen"
        )
    (lines,) = _curves(watch, "through_time", "through_time")
    with canvas.panels(3.5 + 0.09 * len(lines), ax=ax) as (figure, (axes,)):
        _draw_curves(axes, lines, _("norm of the gradient"))
        axes.set_xlabel(_("step of the sequence"))
    words = _("Norm of the gradient at each step of a sequence.")
    ends = [
        _("{name}: {first} at the first step, {last} at the last.", name=line.name,
          first=canvas.number(line.values[0] or 0.0), last=canvas.number(line.values[-1] or 0.0))
        for line in lines
    ]  # fmt: skip
    return canvas.describe(figure, words, *ends)


def health(watch: Any) -> Figure:
    """Draw the shares of dead and of saturated neurons in each layer, step by step.

    Dead neurons have a panel, and saturated ones, where any layer can have them.

    Parameters
    ----------
    watch : the Watch of ``tg.health.watch``
        Its ``dead`` and ``saturated`` hold a share, from 0 to 1, for each layer and step.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import tinygrad_fr as tg
    >>> watch = SimpleNamespace(dead={"1 (ReLU)": [0.0, 0.25, 0.5]}, saturated={})
    >>> figure = tg.plot.health(watch)
    >>> len(figure.axes)
    1
    """
    from matplotlib.ticker import PercentFormatter

    dead, saturated = _curves(watch, "health", "dead", "saturated")
    both = [(dead, _("dead neurons")), (saturated, _("saturated neurons"))]
    panels = [(lines, kind) for lines, kind in both if lines]  # of what is measured
    height = 2.5 * len(panels) + 0.09 * len(dead + saturated)
    with canvas.panels(height, count=len(panels)) as (figure, axes):
        for panel, (lines, kind) in zip(axes, panels):
            _draw_curves(panel, lines, kind)
            panel.set_ylim(-0.04, 1.04)
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=_("%")))
    words = [[canvas.sentence(kind), *(line.in_words for line in lines)] for lines, kind in panels]
    return canvas.describe(figure, *(text for kind in words for text in kind))


# --- a line for each layer, step by step -----------------------------------------------------


class Curve(NamedTuple):
    """What was measured of a layer, None where nothing was: shares, or numbers from 0 upwards."""

    name: str
    values: list[float | None]
    shares: bool

    @property
    def told(self) -> str:
        """The last value, and what the line does not show: zeros on a logarithmic axis, and NaN."""
        value, n = self.values[-1], len(self.values)
        words = [_("no gradient") if value is None else canvas.number(value)]
        if self.shares and value is not None and math.isfinite(value):
            words = [_("{percent:.0f}%", percent=100 * value)]
        if not self.shares and (k := self.values.count(0)):
            words.append(_("zero {k} of {n} times", k=k, n=n))
        if k := sum(v is not None and not math.isfinite(v) for v in self.values):
            words.append(_("NaN or infinite {k} of {n} times", k=k, n=n))
        return ", ".join(words)

    @property
    def in_words(self) -> str:
        """A sentence on its end."""
        return _("{name}: at last {value}.", name=self.name, value=self.told)


def _curves(watch: Any, function: str, *attributes: str) -> list[list[Curve]]:
    """The lines of each of the attributes of a Watch."""
    shares = function == "health"
    found: list[Any] = [getattr(watch, attribute, None) for attribute in attributes]
    if not all(isinstance(each, Mapping) for each in found):
        text = _("{function} takes what tg.health.watch gives, not {kind}")
        raise DTypeError(text, function=function, kind=checks.kind(watch))
    lines = [
        [Curve(str(name), list(values), shares) for name, values in each.items() if len(values)]
        for each in found
    ]
    if not any(lines):
        raise ArgumentError(
            "there is no step to draw: train under `with tg.health.watch(model) as watch:`"
        )
    return lines


def _draw_curves(axes: Axes, lines: list[Curve], label: str) -> None:
    """Draw them, with a legend above the axes that says the last values."""
    steps = max(len(line.values) for line in lines)
    several = steps // 50 if steps > LONG else 1
    handles = [_draw_curve(axes, i, line, several) for i, line in enumerate(lines)]
    if not lines[0].shares:
        axes.set_yscale("log")
    canvas.grid(axes)
    canvas.whole_numbers(axes, 1, steps)
    axes.set(xlabel=_("step"), ylabel=label)
    title = _("at the last step")
    if several > 1:
        title = _("at the last step (thick lines: medians of {n} steps)", n=several)
    longest = max(len(handle.get_label()) for handle in handles)
    columns = 3 if longest < 28 else 2 if longest < 44 else 1
    axes.legend(
        handles=handles, title=title, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1),
        alignment="left", borderpad=0,
    )  # fmt: skip


def _draw_curve(axes: Axes, i: int, line: Curve, several: int) -> Any:
    """The i-th line, of medians of ``several`` steps; and at the edges what has no place on it."""
    other = i + 2 * (i // len(canvas.COLOURS))  # so that no two of 35 lines look alike
    colour = canvas.COLOURS[i % len(canvas.COLOURS)]
    x, y = np.arange(1, len(line.values) + 1), np.array(line.values, float)  # NaN for None
    missing = np.array([value is None for value in line.values])
    zeros, bad = x[(y == 0) & (not line.shares)], x[~np.isfinite(y) & ~missing]
    shown = np.where(np.isfinite(y) & ((y > 0) | line.shares), y, np.nan)
    if not line.shares:
        shown = np.clip(shown, 1e-99, 1e99)  # beyond, the axis overflows
    if several > 1:
        axes.plot(x, shown, color=colour, linewidth=0.5, alpha=0.35)
        parts = max(1, len(x) // several)
        known = [part[np.isfinite(part)] for part in np.array_split(shown, parts)]
        shown = np.array([np.median(part) if len(part) else np.nan for part in known])
        x = np.array([part.mean() for part in np.array_split(x, parts)])
    every = max(1, len(x) // 8)
    text = _("{name}: {value}", name=canvas.plain(line.name, 32), value=line.told)
    (drawn,) = axes.plot(
        x, shown, color=colour, linewidth=1.4, label=text,
        linestyle=canvas.LINES[other % len(canvas.LINES)],
        marker=canvas.MARKERS[other % len(canvas.MARKERS)],
        markevery=(min(i * every // 5, len(x) - 1), every),
    )  # fmt: skip
    canvas.beside(axes, zeros, 0.03, "v", colour)
    canvas.beside(axes, bad, 0.97, "x", colour)
    return drawn
