"""One line for each layer, step by step; what has no place on the axis is marked beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DTypeError
from ..kernels import Array
from ..messages import _
from .canvas import COLOURS, LINES, MARKERS, beside, grid, number, plain, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONG = 300  # steps; of more, medians are drawn over faint lines


class Curve(NamedTuple):
    """What was measured of a layer; None where nothing was."""

    name: str
    values: list[float | None]

    def last(self, percent: bool = False) -> str:
        """The last value in words."""
        value = self.values[-1]
        if value is None:
            return _("no gradient")
        if percent and math.isfinite(value):
            return _("{percent:.0f}%").format(percent=100 * value)
        return number(value)

    def remarks(self, zeros: bool) -> list[str]:
        """What the line does not show: zeros on a logarithmic axis, and NaN."""
        n, found = len(self.values), []
        if zeros and (k := self.values.count(0)):
            found.append(_("zero {k} of {n} times").format(k=k, n=n))
        if k := sum(v is not None and not math.isfinite(v) for v in self.values):
            found.append(_("NaN or infinite {k} of {n} times").format(k=k, n=n))
        return found

    def in_words(self, percent: bool = False) -> str:
        """The last value and the remarks."""
        last = _("{name}: {value} at last").format(name=self.name, value=self.last(percent))
        return ", ".join([last, *self.remarks(zeros=not percent)]) + "."


def curves(watch: Any, function: str, *attributes: str) -> list[list[Curve]]:
    """The lines of each of the attributes of a Watch."""
    found: list[Any] = [getattr(watch, attribute, None) for attribute in attributes]
    if not all(isinstance(each, Mapping) for each in found):
        raise DTypeError(
            _("{function} takes what tg.health.watch gives, not {kind}")
            if function == "health"
            else _("{function} takes a Module or what tg.health.watch gives, not {kind}"),
            function=function,
            kind=getattr(watch, "__name__", type(watch).__name__),
        )
    lines = [
        [Curve(str(name), list(values)) for name, values in each.items() if len(values)]
        for each in found
    ]
    if not any(lines):
        raise ArgumentError(
            _("there is no step to draw: train under `with tg.health.watch(model) as watch:`")
        )
    return lines


def draw_curves(axes: Axes, lines: list[Curve], *, log: bool, below: bool) -> None:
    """Draw them, with a legend that says the last values: inside, or below the axis."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, NullFormatter
    from matplotlib.transforms import ScaledTranslation

    steps = max(len(line.values) for line in lines)
    several = steps // 50 if steps > LONG else 1
    handles, known = [], []
    for i, line in enumerate(lines):
        x = np.arange(1, len(line.values) + 1)
        missing = np.array([v is None for v in line.values])
        y = np.array([math.nan if v is None else v for v in line.values], float)
        shown = np.where(np.isfinite(y) & ((y > 0) | (not log)), y, np.nan)
        if log:
            shown = np.clip(shown, 1e-99, 1e99)  # beyond, the axis overflows
        known += list(shown[np.isfinite(shown)])
        other = i + 2 * (i // len(COLOURS))  # so that no two of 35 lines look alike
        style: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[other % len(LINES)],
            "marker": MARKERS[other % len(MARKERS)],
            "linewidth": 1.4,
        }
        line_x, line_y = (x, shown) if several == 1 else _medians(x, shown, several)
        if several > 1:
            axes.plot(x, shown, color=style["color"], linewidth=0.5, alpha=0.35)
        every = max(1, len(line_x) // 8)
        start = min(i * every // 5, len(line_x) - 1)
        axes.plot(line_x, line_y, markevery=(start, every), **style)
        beside(axes, x[(y == 0) & log], 0.03, "v", style["color"])
        beside(axes, x[~np.isfinite(y) & ~missing], 0.97, "x", style["color"])
        texts = [_("{name}: {value}").format(name=plain(line.name, 32), value=line.last(not log))]
        handles.append(Line2D([], [], label=", ".join(texts + line.remarks(zeros=log)), **style))
    if log:
        axes.set_yscale("log")
        if known and max(known) < 100 * min(known):  # few powers of ten: other numbers as well
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
            axes.yaxis.set_major_formatter(lambda value, _place: number(value))
            axes.yaxis.set_minor_formatter(NullFormatter())
    grid(axes)
    whole_numbers(axes, 1, steps)
    axes.set_xlabel(_("step"))
    title = _("at the last step")
    if several > 1:
        title = _("at the last step (thick lines: medians of {n} steps)").format(n=several)
    place: dict[str, Any] = {"loc": "best"}
    if below:
        longest = max(len(str(handle.get_label())) for handle in handles)
        down = ScaledTranslation(0, -34 / 72, axes.figure.dpi_scale_trans)  # the axis's label
        place = {
            "loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": axes.transAxes + down,
            "alignment": "left", "borderaxespad": 0.2, "borderpad": 0,
            "ncols": 3 if longest < 28 else 2 if longest < 44 else 1,
        }  # fmt: skip
    axes.legend(handles=handles, title=title, **place)


def _medians(x: Array, y: Array, several: int) -> tuple[Array, Array]:
    """The middles of every ``several`` steps, and the medians of what is known there."""
    parts = max(1, len(x) // several)
    known = [part[np.isfinite(part)] for part in np.array_split(y, parts)]
    middles = [part.mean() for part in np.array_split(x, parts)]
    return np.array(middles), np.array([np.median(k) if len(k) else np.nan for k in known])
