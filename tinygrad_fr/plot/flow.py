"""The health of a model's layers: how large their gradients are, and which neurons are silent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, GraphError
from ..messages import _
from ..nn.module import Module, Parameter
from .canvas import (
    BLUE,
    PALE,
    VERMILLION,
    canvas,
    describe,
    grid,
    ink,
    number,
    plain,
    sentence,
)
from .curves import Curve, curves, draw_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    (lines,) = curves(model, "gradient_flow", "gradients")
    with canvas(ax, 3.5 + 0.09 * len(lines)) as (figure, (axes,)):
        draw_curves(axes, lines, log=True, below=ax is None)
        axes.set_ylabel(_("norm of the gradient"))
    n = max(len(line.values) for line in lines)
    words = _("Norm of the gradient of each layer; steps: {n}.").format(n=n)
    return describe(figure, words, *(line.in_words() for line in lines))


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
    dead, saturated = curves(watch, "health", "dead", "saturated")
    both = [(dead, _("dead neurons")), (saturated, _("saturated neurons"))]
    kinds = [(lines, kind) for lines, kind in both if lines]  # a panel for what is measured
    n, panels = len(dead) + len(saturated), len(kinds) if ax is None else 1
    with canvas(ax, 2.5 * panels + 0.09 * n, panels=panels) as (figure, axes):
        if ax is None:
            for panel, (lines, kind) in zip(axes, kinds):
                _shares(panel, lines, kind, below=True)
        else:
            named = [
                line._replace(name=_("{name}: {value}").format(name=line.name, value=kind))
                for lines, kind in kinds
                for line in lines
            ]
            _shares(ax, named, _("share of neurons"), below=False)
    return describe(
        figure,
        *(
            " ".join([sentence(kind), *(line.in_words(percent=True) for line in lines)])
            for lines, kind in kinds
        ),
    )


def _shares(axes: Axes, lines: list[Curve], kind: str, *, below: bool) -> None:
    from matplotlib.ticker import PercentFormatter

    draw_curves(axes, lines, log=False, below=below)
    axes.set_ylim(-0.04, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=_("%")))
    axes.set_ylabel(kind)


# --- the gradients of now --------------------------------------------------------------------


def _norms(model: Module) -> list[tuple[str, float | None, list[str]]]:
    """Each layer with parameters: its name, its gradient's norm, what has none."""
    layers = []
    for path, module in model.named_modules():
        own = [(name, p) for name, p in module._attributes() if isinstance(p, Parameter)]
        if not own:
            continue
        missing = [name for name, p in own if p.grad is None]
        with np.errstate(all="ignore"):
            norms = [
                np.linalg.norm(p.grad.data.astype(np.float64))
                for _n, p in own
                if p.grad is not None
            ]
        kind = type(module).__name__
        label = f"{path} ({kind})" if path else kind
        layers.append((label, math.hypot(*norms) if norms else None, missing))
    return layers


def _bars(model: Module, ax: Axes | None) -> Figure:
    from matplotlib.ticker import NullFormatter

    layers = _norms(model)
    if not layers:
        raise ArgumentError(
            _("{model} has no parameters, and so no gradients to draw"),
            model=type(model).__name__,
        )
    if all(norm is None for _name, norm, _missing in layers):
        raise GraphError(
            _("no parameter has a gradient yet: call loss.backward(), then draw, then zero_grad()")
        )
    known = [n for _name, n, _missing in layers if n is not None and 0 < n < math.inf]
    low, high = (min(known), max(known)) if known else (1e-3, 1.0)
    low = 10 ** (math.floor(math.log10(low)) - 0.3)
    remarks = any(missing for _name, norm, missing in layers if norm is not None)
    high = low * max(high / low, 30) ** (1.5 if remarks else 1.2)  # room for the numbers
    row = float(np.clip(10 / len(layers), 0.17, 0.36))
    words = []
    with canvas(ax, 0.95 + row * len(layers)) as (figure, (axes,)):
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        for y, (name, norm, missing) in enumerate(layers):
            text = _bar(axes, y, norm, missing, low, high)
            words.append(_("{name}: {value}").format(name=name, value=text) + ".")
        names = [plain(name, 34) for name, _norm, _missing in layers]
        axes.set_yticks(range(len(layers)), names, fontsize=min(9, row * 40))
        axes.set_ylim(len(layers) - 0.4, -0.6)
        grid(axes, "x")
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(_("norm of the gradient; the input is at the top, the output below"))
    return describe(figure, _("Norm of the gradient of each layer."), *words)


def _bar(
    axes: Axes, y: int, norm: float | None, missing: list[str], low: float, high: float
) -> str:
    """A bar and its number; a hatched band where there is none to draw."""
    band: dict[str, Any] = {"height": 0.62, "left": low, "width": high - low, "linewidth": 0}
    if norm is None:
        text = _("no gradient (None)")
        axes.barh(y, color="none", edgecolor=PALE, hatch="////", **band)
    elif not math.isfinite(norm):
        text = "NaN" if math.isnan(norm) else _("infinite")
        axes.barh(y, color="none", edgecolor=VERMILLION, hatch="xxxx", **band)
    elif norm == 0:
        text = _("0: exactly zero")
        axes.plot([low], [y], marker="d", markersize=9, color=VERMILLION, clip_on=False, zorder=3)
    else:
        text = number(norm)
        axes.barh(y, norm - low, left=low, height=0.62, color=BLUE, linewidth=0)
    if missing and norm is not None:
        text = _("{value} (no gradient: {names})").format(value=text, names=", ".join(missing))
    special = norm is None or norm == 0 or not math.isfinite(norm)
    axes.annotate(
        plain(text), (low if special else norm, y), (9 if special else 4, 0),
        textcoords="offset points", va="center", fontsize=8.5, color=ink(axes), zorder=4,
        bbox={"facecolor": axes.get_facecolor() if special else "none", "edgecolor": "none",
              "pad": 1.2},
    )  # fmt: skip
    return text
