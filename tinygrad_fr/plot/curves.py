"""One line for each layer, step by step; what has no place on the axis is marked beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DTypeError
from ..messages import _
from . import checks
from .canvas import COLOURS, LINES, MARKERS, grid, number, plain, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


SMOOTHED = 300  # steps; beyond, a line is drawn faintly, and its moving mean over it


class Curve(NamedTuple):
    """What was measured of a layer; None where nothing was."""

    name: str
    values: list[float | None]

    def count(self, what: str) -> int:
        """How many values are ``"zero"`` or ``"bad"``: NaN or infinite."""
        known = [v for v in self.values if v is not None]
        if what == "zero":
            return sum(v == 0 for v in known)
        return sum(not math.isfinite(v) for v in known)

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
        if zeros and self.count("zero"):
            found.append(_("zero {k} of {n} times").format(k=self.count("zero"), n=n))
        if self.count("bad"):
            found.append(_("NaN or infinite {k} of {n} times").format(k=self.count("bad"), n=n))
        return found

    def in_words(self, percent: bool = False) -> str:
        """The last value and the remarks."""
        last = _("{name}: {value} at last").format(name=self.name, value=self.last(percent))
        return ", ".join([last, *self.remarks(zeros=not percent)]) + "."


def curves(watch: Any, attribute: str, function: str, empty: bool = False) -> list[Curve]:
    """The lines of an attribute of a Watch; without any, an error unless ``empty``."""
    found = getattr(watch, attribute, None)
    if not isinstance(found, Mapping):
        raise DTypeError(
            _("{function} takes what tg.health.watch gives, not {kind}")
            if function == "health"
            else _("{function} takes a Module or what tg.health.watch gives, not {kind}"),
            function=function,
            kind=getattr(watch, "__name__", type(watch).__name__),
        )
    lines = []
    for name, values in found.items():
        known = checks.array([math.nan if v is None else v for v in values], str(name))
        if (known < 0).any():
            raise ArgumentError(
                _("{name} is negative at step {n}: {value}"),
                name=name,
                n=int(np.argmax(known < 0)) + 1,
                value=float(known[known < 0][0]),
            )
        if known.size:
            measured = [None if v is None else float(v) for v in values]
            lines.append(Curve(str(name), measured))
    if not lines and not empty:
        raise ArgumentError(
            _("there is no step to draw: train under `with tg.health.watch(model) as watch:`")
        )
    return lines


def draw_curves(axes: Axes, lines: list[Curve], *, log: bool, below: bool) -> None:
    """Draw them, with a legend that says the last values."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, NullFormatter

    steps = max(len(line.values) for line in lines)
    window = steps // 50 if steps > SMOOTHED else 1
    handles = []
    if log:
        axes.set_yscale("log")
        known = [v for line in lines for v in line.values if v and 1e-90 < v < 1e90] or [1e-3, 1.0]
        margin = max(max(known) / min(known), 1.5) ** 0.08
        axes.set_ylim(min(known) / margin, max(known) * margin)
        axes.yaxis.set_minor_formatter(NullFormatter())
        if max(known) < 100 * min(known):  # few powers of ten, or none: other numbers as well
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
            axes.yaxis.set_major_formatter(lambda value, _place: number(value))
    for i, line in enumerate(lines):
        x = np.arange(1, len(line.values) + 1)
        y = np.array([math.nan if v is None else v for v in line.values], float)
        missing = np.array([v is None for v in line.values])
        shown = np.where(np.isfinite(y) & ((y > 0) | (not log)), y, np.nan)
        other = i + 2 * (i // len(COLOURS))  # so that no two of 35 lines look alike
        style: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[other % len(LINES)],
            "marker": MARKERS[other % len(MARKERS)],
            "linewidth": 1.4,
        }
        every = max(1, steps // 8)
        if window > 1:
            axes.plot(x, shown, color=style["color"], linewidth=0.5, alpha=0.35)
        axes.plot(x, _smooth(shown, window, log), **style,
                  markevery=(min(i * every // 5, len(x) - 1), every))  # fmt: skip
        beside(axes, x[(y == 0) & log], 0.03, "v", style["color"])
        beside(axes, x[~np.isfinite(y) & ~missing], 0.97, "x", style["color"])
        texts = [_("{name}: {value}").format(name=plain(line.name, 32), value=line.last(not log))]
        texts += line.remarks(zeros=log)
        handles.append(Line2D([], [], label=", ".join(texts), **style))
    grid(axes)
    whole_numbers(axes, 1, steps)
    axes.set_xlabel(_("step"))
    _legend(axes, handles, window, below)


def _smooth(y: Any, window: int, log: bool) -> Any:
    """The mean of the values around each; of their logarithms on a logarithmic axis."""
    window = min(window, len(y))
    if window < 2:
        return y
    values = np.log(y) if log else y
    known = np.isfinite(values)
    sums = np.convolve(np.where(known, values, 0.0), np.ones(window), "same")
    counts = np.convolve(known, np.ones(window), "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, sums / counts, np.nan)
    return np.exp(means) if log else means


def _legend(axes: Axes, handles: list[Line2D], window: int, below: bool) -> None:
    """Inside, or below the axis and its label, in as many columns as there is room for."""
    from matplotlib.transforms import ScaledTranslation

    title = _("at the last step")
    if window > 1:
        title = _("at the last step (thick lines: means of {n} steps)").format(n=window)
    if not below:
        axes.legend(handles=handles, title=title, loc="best")
        return
    longest = max(len(str(handle.get_label())) for handle in handles)
    down = ScaledTranslation(0, -34 / 72, axes.figure.dpi_scale_trans)
    axes.legend(
        handles=handles, title=title, alignment="left", loc="upper left", bbox_to_anchor=(0, 0),
        bbox_transform=axes.transAxes + down, borderaxespad=0.2, borderpad=0,
        ncols=3 if longest < 28 else 2 if longest < 44 else 1,
    )  # fmt: skip


def beside(axes: Axes, x: Any, height: float, marker: str, colour: str) -> None:
    """Marks at the lower or upper edge, where the axis has no place for the value."""
    if len(x):
        axes.plot(
            x, np.full(len(x), height), linestyle="", marker=marker, markersize=5, color=colour,
            transform=axes.get_xaxis_transform(), clip_on=False, zorder=4,
        )  # fmt: skip
