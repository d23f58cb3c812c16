"""A function of one variable and its derivative."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..autograd.tensor import Tensor
from ..autograd.transforms import grad
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from ..kernels import Array
from ..messages import _
from . import given
from .canvas import BLUE, GREY, VERMILLION, Axes, Figure, describe, grid, number, panels, plain

STEPS = 801  # points at which a curve is computed
HALVINGS = 40  # of an interval, to find where a jump is
CLOSE = 1e-6  # of a step: how far from a jump its limits are taken


class Break(NamedTuple):
    """Where a curve jumps: the limits on both sides, and the value there; or it has a pole."""

    x: float
    left: float
    right: float
    value: float
    pole: bool


def function(
    f: Callable[[Any], Any],
    low: float = -4.0,
    high: float = 4.0,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw a function and its derivative, as the library computes it.

    Where one of them jumps (at a kink the derivative does) the curve is broken: a full circle is
    the value there, an open one the limit from a side.

    Parameters
    ----------
    f
        An operation such as ``tg.relu``, or any function of a Tensor that acts on each entry.
    low, high
        The ends of the axis.
    ax
        Axes to draw in, such as one of many; they keep their own style.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.function(tg.tanh)
    >>> figure.axes[0].get_legend_handles_labels()[1]
    ['tanh(x)', "tanh'(x)"]
    """
    if isinstance(f, type) or not callable(f):
        text = _("f is a function of a Tensor, such as tg.relu, not {kind}")
        raise DTypeError(text, kind=checks.kind(f))
    ends = given.finite([low, high], "low, high")
    if not ends[0] < ends[1]:
        raise ArgumentError("low is less than high: {low} and {high} are not", low=low, high=high)
    x = np.linspace(float(low), float(high), STEPS)

    value: Callable[[Array], Array] = partial(_value, f)

    def slope(points: Array) -> Array:
        found = np.asarray(grad(lambda t: f(t).sum())(points), np.float64)
        return np.where(np.isfinite(value(points)), found, np.nan)

    name = _name(f)
    curves = {
        f"{name}(x)": (value, {"color": BLUE, "linewidth": 2.0}),
        f"{name}'(x)": (slope, {"color": VERMILLION, "linewidth": 1.8, "linestyle": (0, (5, 2))}),
    }
    with np.errstate(all="ignore"):
        y = value(x)
        if not np.allclose(value(x[: len(x) // 2]), y[: len(x) // 2], equal_nan=True):
            text = _("f must act on each entry by itself; this one's values depend on the others")
            raise ShapeError(text)
        if not np.isfinite(y).any():
            raise NonFiniteError("f is finite nowhere between {low} and {high}", low=low, high=high)
        breaks = {label: _breaks(curve, x) for label, (curve, _style) in curves.items()}
        poles = any(found.pole for each in breaks.values() for found in each)
        limits = _limits(poles, y, slope(x))
        if ax is not None:
            return _draw(ax, x, curves, breaks, limits)
        with panels(3.6, width=6.4) as (figure, (axes,)):
            _draw(axes, x, curves, breaks, limits)
    text = _("{name}(x) and its derivative, for x from {low} to {high}.")
    words = text.format(name=name, low=number(float(x[0])), high=number(float(x[-1])))
    return describe(figure, words, *_in_words(breaks))


def _value(f: Callable[[Any], Any], points: Array) -> Array:
    y = f(Tensor(points))
    if not isinstance(y, Tensor):
        text = _("f must give a Tensor for a Tensor, not {kind}: write it with tg's operations")
        raise DTypeError(text, kind=type(y).__name__)
    if y.shape != points.shape:
        text = _("f acts on each entry: for a Tensor {shape} it gives one of that shape, not {got}")
        raise ShapeError(text, shape=points.shape, got=y.shape)
    return y.data.astype(np.float64)


def _name(f: Any) -> str:
    """The name of a function; f, where it has none."""
    name = getattr(f, "__name__", None) or type(f).__name__
    return "f" if name in ("<lambda>", "function", "partial") else plain(name, 20)


# --- jumps and poles -------------------------------------------------------------------------


def _breaks(curve: Callable[[Array], Array], x: Array) -> list[Break]:
    """Where a curve jumps or goes to infinity.

    Each interval is halved again and again, and the half kept over which the curve changes more:
    over a jump the change stays, however short the interval is.
    """
    y = curve(x)
    a, b, ya, yb = x[:-1], x[1:], y[:-1], y[1:]
    for _i in range(HALVINGS):
        middle = (a + b) / 2
        ym = curve(middle)
        left = ~(np.abs(yb - ym) > np.abs(ym - ya))
        b, yb = np.where(left, middle, b), np.where(left, ym, yb)
        a, ya = np.where(left, a, middle), np.where(left, ya, ym)
    change, spread = np.abs(yb - ya), float(np.ptp(y[np.isfinite(y)])) or 1.0
    broken = (change > 1e-3 * spread) | ~np.isfinite(change)
    broken &= np.isfinite(y[:-1]) | np.isfinite(y[1:])
    small, digits = CLOSE * (x[1] - x[0]), 10 - round(float(np.log10(x[-1] - x[0])))
    found = {}
    for i in np.flatnonzero(broken):
        at = round(float(a[i] + b[i]) / 2, digits) + 0.0  # no -0
        before, there, after = map(float, curve(np.array([at - small, at, at + small])))
        pole = change[i] > 10 * spread or not np.isfinite([change[i], before, after]).all()
        found[at] = Break(at, before, after, there, bool(pole))
    return [found[at] for at in sorted(found)]


def _draw(
    axes: Axes, x: Array, curves: dict[str, Any], breaks: dict[str, list[Break]],
    limits: tuple[float, float],
) -> Figure:  # fmt: skip
    """Both curves in Axes; and the figure of these."""
    if not hasattr(axes, "axhline"):
        text = _("ax is one of matplotlib's Axes, such as plt.subplots()[1], not {kind}")
        raise DTypeError(text, kind=type(axes).__name__)
    axes.set(xlabel="$x$", xlim=(x[0], x[-1]), ylim=limits)
    axes.axhline(0, color=GREY, linewidth=0.7, zorder=1)
    axes.axvline(0, color=GREY, linewidth=0.7, zorder=1)
    for label, (curve, style) in curves.items():
        _draw_curve(axes, curve, x, breaks[label], label, style)
    grid(axes)
    axes.legend(loc="best")
    return axes.figure  # type: ignore[return-value]


def _draw_curve(
    axes: Axes, curve: Callable[[Array], Array], x: Array, breaks: list[Break], label: str,
    style: dict[str, Any],
) -> None:  # fmt: skip
    """The curve between its breaks, and the circles at its jumps."""
    small = CLOSE * (x[1] - x[0])
    places = np.array([found.x for found in breaks])
    near = np.concatenate([places - small, places + small])
    points = np.sort(np.concatenate([x[~np.isin(x, places)], near[(near > x[0]) & (near < x[-1])]]))
    y = curve(points)
    y[~np.isfinite(y)] = np.nan
    after = np.searchsorted(points, places)
    axes.plot(np.insert(points, after, np.nan), np.insert(y, after, np.nan), label=label, **style)
    jumps = [found for found in breaks if not found.pole]
    tell = 1e-5 * max((abs(v) for jump in jumps for v in jump[1:4]), default=0)
    circle = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgewidth": 1.5,
              "markeredgecolor": style["color"], "clip_on": False}  # fmt: skip
    for jump in jumps:
        for limit in (jump.left, jump.right):
            if abs(limit - jump.value) > tell:
                axes.plot([jump.x], [limit], markerfacecolor="white", zorder=3, **circle)
        axes.plot([jump.x], [jump.value], markerfacecolor=style["color"], zorder=4, **circle)


def _limits(poles: bool, *curves: Array) -> tuple[float, float]:
    """Limits that show all; or most, where something goes to infinity."""
    known = np.concatenate([y[np.isfinite(y)] for y in curves])
    low, high = float(known.min()), float(known.max())
    if poles:
        inner_low, inner_high = (float(v) for v in np.quantile(known, [0.1, 0.9]))
        inner = inner_high - inner_low
        low, high = max(low, inner_low - inner), min(high, inner_high + inner)
    margin = 0.07 * (high - low) or 1.0
    return low - margin, high + margin


def _in_words(breaks: dict[str, list[Break]]) -> Iterator[str]:
    """The first jumps of each curve."""
    text = _("{curve} jumps at x = {x} from {left} to {right}; its value there is {value}.")
    for label, found in breaks.items():
        for jump in [each for each in found if not each.pole][:5]:
            x, left, right, value = map(number, jump[:4])
            yield text.format(curve=label, x=x, left=left, right=right, value=value)
