"""The health of a model's layers: how large their gradients are, and which neurons are silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..errors import ArgumentError, DTypeError, GraphError
from ..kernels import Array
from ..messages import _
from ..nn.module import Module, Parameter
from ..nn.summary import titled
from . import canvas
from .canvas import Axes, Figure

LONG = 300  # steps; of more, medians are drawn over faint lines


def gradient_flow(model: Any, *, ax: Axes | None = None) -> Figure:
    """Draw how large the gradients of the layers are, from input to output.

    Of a Module: the norm of what ``.grad`` holds now, a bar for each layer with parameters. Of a
    Watch: the norm at each step, a line for each layer. The scale is logarithmic, so a zero has no
    place on it: zeros, NaN and gradients that were not computed are each marked and named.

    Parameters
    ----------
    model : Module, or the Watch of ``tg.health.watch``
        After ``backward()``, or after training.
    ax
        Axes to draw in.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> model = tg.nn.models.mlp((4, 8, 3))
    >>> tg.cross_entropy(model(np.ones((2, 4))), [0, 2]).backward()
    >>> figure = tg.plot.gradient_flow(model)
    >>> len(figure.axes[0].patches)
    2
    """
    if isinstance(model, Module):
        return _bars(model, ax)
    (lines,) = _curves(model, "gradient_flow", "gradients")
    with canvas.panels(ax, 3.5 + 0.09 * len(lines)) as (figure, (axes,)):
        _draw_curves(axes, lines, outside=ax is None)
        axes.set_ylabel(_("norm of the gradient"))
    n = max(len(line.values) for line in lines)
    words = _("Norm of the gradient of each layer; steps: {n}.", n=n)
    return canvas.describe(figure, words, *(line.in_words for line in lines))


def health(watch: Any, *, ax: Axes | None = None) -> Figure:
    """Draw the shares of dead and of saturated neurons in each layer, step by step.

    Parameters
    ----------
    watch : the Watch of ``tg.health.watch``
        Its ``dead`` and ``saturated`` hold a share, from 0 to 1, for each layer and step.
    ax
        Axes to draw both in; by default each that was seen has a panel.

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
    panels = kinds = [(lines, kind) for lines, kind in both if lines]  # of what is measured
    if ax is not None:
        named = [line.titled(kind) for lines, kind in kinds for line in lines]
        panels = [(named, _("share of neurons"))]
    height = 2.5 * len(panels) + 0.09 * len(dead + saturated)
    with canvas.panels(ax, height, count=len(panels)) as (figure, axes):
        for panel, (lines, kind) in zip(axes, panels):
            _draw_curves(panel, lines, outside=ax is None)
            panel.set_ylim(-0.04, 1.04)
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=_("%")))
            panel.set_ylabel(kind)
    words = [[canvas.sentence(kind), *(line.in_words for line in lines)] for lines, kind in kinds]
    return canvas.describe(figure, *(text for kind in words for text in kind))


# --- a line for each layer, step by step -----------------------------------------------------


class Curve(NamedTuple):
    """What was measured of a layer, None where nothing was: shares, or numbers from 0 upwards."""

    name: str
    values: list[float | None]
    shares: bool

    def titled(self, kind: str) -> Curve:
        """The same, with what was measured in its name."""
        return self._replace(name=_("{name}: {value}", name=self.name, value=kind))

    @property
    def last(self) -> str:
        """The last value in words."""
        value = self.values[-1]
        if value is None:
            return _("no gradient")
        if self.shares and math.isfinite(value):
            return _("{percent:.0f}%", percent=100 * value)
        return canvas.number(value)

    @property
    def remarks(self) -> list[str]:
        """What the line does not show: zeros on a logarithmic axis, and NaN."""
        n, found = len(self.values), []
        if not self.shares and (k := self.values.count(0)):
            found.append(_("zero {k} of {n} times", k=k, n=n))
        if k := sum(v is not None and not math.isfinite(v) for v in self.values):
            found.append(_("NaN or infinite {k} of {n} times", k=k, n=n))
        return found

    @property
    def in_words(self) -> str:
        """The last value and the remarks."""
        last = _("{name}: {value} at last", name=self.name, value=self.last)
        return ", ".join([last, *self.remarks]) + "."


def _curves(watch: Any, function: str, *attributes: str) -> list[list[Curve]]:
    """The lines of each of the attributes of a Watch."""
    shares = function == "health"
    found: list[Any] = [getattr(watch, attribute, None) for attribute in attributes]
    if not all(isinstance(each, Mapping) for each in found):
        raise DTypeError(
            _("{function} takes what tg.health.watch gives, not {kind}")
            if shares
            else _("{function} takes a Module or what tg.health.watch gives, not {kind}"),
            function=function,
            kind=checks.kind(watch),
        )
    lines = [
        [Curve(str(name), list(values), shares) for name, values in each.items() if len(values)]
        for each in found
    ]
    if not any(lines):
        raise ArgumentError(
            "there is no step to draw: train under `with tg.health.watch(model) as watch:`"
        )
    return lines


def _draw_curves(axes: Axes, lines: list[Curve], *, outside: bool) -> None:
    """Draw them, with a legend that says the last values: inside, or above the axes."""
    log = not lines[0].shares
    steps = max(len(line.values) for line in lines)
    several = steps // 50 if steps > LONG else 1
    handles: list[Any] = []
    for i, line in enumerate(lines):
        handles += _draw_curve(axes, i, line, several)
    if log:
        axes.set_yscale("log")
    canvas.grid(axes)
    canvas.whole_numbers(axes, 1, steps)
    axes.set_xlabel(_("step"))
    title = _("at the last step")
    if several > 1:
        title = _("at the last step (thick lines: medians of {n} steps)", n=several)
    place: dict[str, Any] = {"loc": "best"}
    if outside:
        longest = max(len(handle.get_label()) for handle in handles)
        place = {
            "loc": "lower left", "bbox_to_anchor": (0, 1), "alignment": "left", "borderpad": 0,
            "ncols": 3 if longest < 28 else 2 if longest < 44 else 1,
        }  # fmt: skip
    axes.legend(handles=handles, title=title, **place)


def _draw_curve(axes: Axes, i: int, line: Curve, several: int) -> Any:
    """The i-th line, of medians of ``several`` steps; and at the edges what has no place on it."""
    other = i + 2 * (i // len(canvas.COLOURS))  # so that no two of 35 lines look alike
    colour = canvas.COLOURS[i % len(canvas.COLOURS)]
    x, y = np.arange(1, len(line.values) + 1), np.array(line.values, float)  # NaN for None
    missing = np.array([value is None for value in line.values])
    shown = np.where(np.isfinite(y) & ((y > 0) | line.shares), y, np.nan)
    if not line.shares:
        shown = np.clip(shown, 1e-99, 1e99)  # beyond, the axis overflows
    line_x, line_y = x, shown
    if several > 1:
        axes.plot(x, shown, color=colour, linewidth=0.5, alpha=0.35)
        line_x, line_y = _medians(x, shown, several)
    every = max(1, len(line_x) // 8)
    start = min(i * every // 5, len(line_x) - 1)
    text = _("{name}: {value}", name=canvas.plain(line.name, 32), value=line.last)
    drawn = axes.plot(
        line_x, line_y, color=colour, linewidth=1.4, label=", ".join([text, *line.remarks]),
        linestyle=canvas.LINES[other % len(canvas.LINES)], markevery=(start, every),
        marker=canvas.MARKERS[other % len(canvas.MARKERS)],
    )  # fmt: skip
    canvas.beside(axes, x[(y == 0) & (not line.shares)], 0.03, "v", colour)
    canvas.beside(axes, x[~np.isfinite(y) & ~missing], 0.97, "x", colour)
    return drawn


def _medians(x: Array, y: Array, several: int) -> tuple[Array, Array]:
    """The middles of every ``several`` steps, and the medians of what is known there."""
    parts = max(1, len(x) // several)
    known = [part[np.isfinite(part)] for part in np.array_split(y, parts)]
    middles = [part.mean() for part in np.array_split(x, parts)]
    return np.array(middles), np.array([np.median(k) if len(k) else np.nan for k in known])


# --- the gradients of now --------------------------------------------------------------------


class Bar(NamedTuple):
    """A layer with parameters: its gradient's norm, and which parameters have none."""

    name: str
    norm: float | None
    missing: list[str]

    @property
    def length(self) -> float:
        """The norm, where it has a place on a logarithmic axis; or 0."""
        return self.norm if self.norm is not None and self.norm < math.inf else 0.0

    @property
    def text(self) -> str:
        """The norm in words."""
        if self.norm is None:
            return _("no gradient (None)")
        text = canvas.number(self.norm) if self.norm else _("0: exactly zero")
        if self.missing:
            names = ", ".join(self.missing)
            text = _("{value} (no gradient: {names})", value=text, names=names)
        return text


def _bars(model: Module, ax: Axes | None) -> Figure:
    from matplotlib.ticker import NullFormatter

    bars = _norms(model)
    if not bars:
        raise ArgumentError(
            "{model} has no parameters, and so no gradients to draw",
            model=type(model).__name__,
        )
    if all(bar.norm is None for bar in bars):
        raise GraphError(
            "no parameter has a gradient yet: call loss.backward(), then draw, then zero_grad()"
        )
    known = [bar.length for bar in bars if bar.length] or [1e-3, 1.0]
    low = 10 ** (math.floor(math.log10(min(known))) - 0.3)
    remarks = any(bar.missing for bar in bars if bar.norm is not None)
    high = low * max(max(known) / low, 30) ** (1.5 if remarks else 1.2)  # room for the numbers
    row = float(np.clip(10 / len(bars), 0.17, 0.36))
    with canvas.panels(ax, 0.95 + row * len(bars)) as (figure, (axes,)):
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        for y, bar in enumerate(bars):
            _draw_bar(axes, y, bar)
        names = [canvas.plain(bar.name, 34) for bar in bars]
        axes.set_yticks(range(len(bars)), names, fontsize=min(9, row * 40))
        axes.set_ylim(len(bars) - 0.4, -0.6)
        canvas.grid(axes, "x")
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(_("norm of the gradient; the input is at the top, the output below"))
    words = [_("{name}: {value}", name=bar.name, value=bar.text) + "." for bar in bars]
    return canvas.describe(figure, _("Norm of the gradient of each layer."), *words)


def _norms(model: Module) -> list[Bar]:
    bars = []
    for path, module in model.named_modules():
        own = [(name, p) for name, p in module._attributes() if isinstance(p, Parameter)]
        if not own:
            continue
        found = [p.grad.data.astype(np.float64) for _n, p in own if p.grad is not None]
        with np.errstate(all="ignore"):
            norm = math.hypot(*map(np.linalg.norm, found)) if found else None
        missing = [name for name, p in own if p.grad is None]
        bars.append(Bar(titled(path, module), norm, missing))
    return bars


def _draw_bar(axes: Axes, y: int, bar: Bar) -> None:
    """A bar and its number; a hatched band where there is none to draw."""
    low, high = axes.get_xlim()
    place: dict[str, Any] = {"left": low, "height": 0.62, "linewidth": 0}
    if bar.length:
        axes.barh(y, bar.length - low, color=canvas.BLUE, **place)
    elif bar.norm == 0:
        axes.plot(
            [low], [y], marker="d", markersize=9, color=canvas.VERMILLION, clip_on=False, zorder=3
        )
    else:
        hatch, colour = ("////", canvas.PALE) if bar.norm is None else ("xxxx", canvas.VERMILLION)
        axes.barh(y, high - low, color="none", edgecolor=colour, hatch=hatch, **place)
    axes.annotate(
        canvas.plain(bar.text), (bar.length or low, y), (4 if bar.length else 9, 0),
        textcoords="offset points", va="center", fontsize=8.5, color=canvas.ink(axes), zorder=4,
        bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 1.2},
    )  # fmt: skip
