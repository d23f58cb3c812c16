"""A function of one variable and its derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..autograd.tensor import Tensor
from ..autograd.transforms import grad
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from ..kernels import Array
from ..messages import _
from . import checks
from .canvas import BLUE, GREY, VERMILLION, canvas, describe, grid, number, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALVINGS = 40  # of an interval, to find where a jump is


class Jump(NamedTuple):
    """Where a curve jumps: its limits on both sides, and its value there."""

    x: float
    left: float
    right: float
    value: float


def function(
    f: Callable[[Any], Any],
    low: float = -4.0,
    high: float = 4.0,
    *,
    steps: int = 801,
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
    steps
        At how many points it is computed.
    ax
        Axes to draw in.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If ``f`` does not act on each entry by itself.
    DTypeError
        If ``f`` does not give a Tensor.
    NonFiniteError
        If it is finite nowhere.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.function(tg.tanh)
    >>> figure.axes[0].get_legend_handles_labels()[1]
    ['tanh(x)', "tanh'(x)"]
    """
    if isinstance(f, type) or not callable(f):
        raise DTypeError(
            _("f is a function of a Tensor, such as tg.relu, not {kind}"),
            kind=getattr(f, "__name__", type(f).__name__),
        )
    ends = checks.finite(checks.array([low, high], "low, high"), "low, high")
    if not ends[0] < ends[1]:
        raise ArgumentError(
            _("low is less than high: {low} and {high} are not"), low=low, high=high
        )
    x = np.linspace(float(low), float(high), checks.whole(steps, "steps", 3, 10**6))

    def value(points: Array) -> Array:
        with np.errstate(all="ignore"):
            return _value(f, points)

    def slope(points: Array) -> Array:
        with np.errstate(all="ignore"):
            found = np.asarray(grad(lambda t: f(t).sum())(points), np.float64)
        return np.where(np.isfinite(value(points)), found, np.nan)

    y = value(x)
    part = x[: len(x) // 2]
    if not np.allclose(value(part), y[: len(part)], equal_nan=True):
        raise ShapeError(
            _("f must act on each entry by itself; this one's values depend on the others")
        )
    if not np.isfinite(y).any():
        raise NonFiniteError(_("f is finite nowhere between {low} and {high}"), low=low, high=high)
    name = _name(f)
    found, bounded = [], True
    with np.errstate(all="ignore"), canvas(ax, 3.6, width=6.4) as (figure, (axes,)):
        axes.autoscale(False)  # values near the largest float are too much for it
        axes.axhline(0, color=GREY, linewidth=0.7, zorder=1)
        axes.axvline(0, color=GREY, linewidth=0.7, zorder=1)
        for curve, label, style in (
            (value, f"{name}(x)", {"color": BLUE, "linestyle": "-", "linewidth": 2.0}),
            (slope, f"{name}'(x)", {"color": VERMILLION, "linestyle": (0, (5, 2)),
                                    "linewidth": 1.8}),
        ):  # fmt: skip
            jumps, poles = _jumps(curve, x)
            found.append((label, jumps))
            bounded = bounded and not poles
            _draw(axes, curve, x, jumps, poles, label, style)
        axes.set(xlabel="$x$", xlim=(x[0], x[-1]), ylim=_limits(bounded, y, slope(x)))
        grid(axes)
        axes.legend(loc="best")
    return describe(figure, _in_words(name, x, found))


def _value(f: Callable[[Any], Any], points: Array) -> Array:
    y = f(Tensor(points))
    if not isinstance(y, Tensor):
        raise DTypeError(
            _("f must give a Tensor for a Tensor, not {kind}: write it with tg's operations"),
            kind=type(y).__name__,
        )
    if y.shape != points.shape:
        raise ShapeError(
            _("f acts on each entry: for a Tensor {shape} it gives one of that shape, not {got}"),
            shape=points.shape,
            got=y.shape,
        )
    return y.data.astype(np.float64)


def _name(f: Any) -> str:
    """The name of a function; f, where it has none."""
    name = getattr(f, "__name__", None) or type(f).__name__
    return "f" if name in ("<lambda>", "function", "partial") else plain(name, 20)


# --- jumps -----------------------------------------------------------------------------------


def _jumps(curve: Callable[[Array], Array], x: Array) -> tuple[list[Jump], list[float]]:
    """Where a curve jumps, and where it goes to infinity in between.

    Each interval is halved again and again, and the half kept over which the curve changes more:
    over a jump the change stays, however short the interval is.
    """
    a, b = x[:-1].copy(), x[1:].copy()
    y = curve(x)
    ya, yb = y[:-1].copy(), y[1:].copy()
    spread = float(np.ptp(y[np.isfinite(y)])) or 1.0
    for _i in range(HALVINGS):
        middle = (a + b) / 2
        ym = curve(middle)
        with np.errstate(invalid="ignore"):
            left = ~(np.abs(yb - ym) > np.abs(ym - ya))
        b, yb = np.where(left, middle, b), np.where(left, ym, yb)
        a, ya = np.where(left, a, middle), np.where(left, ya, ym)
    with np.errstate(invalid="ignore"):
        change = np.abs(yb - ya)
    jumps: dict[float, Jump] = {}
    poles = []
    small = 1e-6 * (x[1] - x[0])
    for i in np.flatnonzero((change > 1e-3 * spread) | ~np.isfinite(change)):
        if not np.isfinite(y[i]) and not np.isfinite(y[i + 1]):
            continue
        at = round(float(a[i] + b[i]) / 2, 9) + 0.0
        if not a[i] - 1e-9 <= at <= b[i] + 1e-9:
            at = float(b[i])
        before, there, after = curve(np.array([at - small, at, at + small]))
        if change[i] <= 10 * spread and np.isfinite([before, after]).all():
            jumps[at] = Jump(at, float(before), float(after), float(there))
        else:
            poles.append(at)
    return sorted(jumps.values()), poles


def _draw(
    axes: Axes, curve: Callable[[Array], Array], x: Array, jumps: list[Jump], poles: list[float],
    label: str, style: dict[str, Any],
) -> None:  # fmt: skip
    """The curve between its jumps, and the circles at them."""
    small = 1e-6 * (x[1] - x[0])
    parts, start = [], float(x[0])
    for end in [*sorted({*(jump.x for jump in jumps), *poles}), float(x[-1])]:
        inner = x[(x > start) & (x < end)]
        first = start if start == x[0] else start + small
        last = end if end == x[-1] else end - small
        parts += [np.array([first]), inner, np.array([last]), np.array([np.nan])]
        start = end
    points = np.concatenate(parts)
    y = np.full(points.shape, np.nan)
    known = np.isfinite(points)
    y[known] = curve(points[known])
    y[~np.isfinite(y)] = np.nan
    axes.plot(points, y, label=label, **style)
    circle = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgewidth": 1.5,
              "markeredgecolor": style["color"], "clip_on": False}  # fmt: skip
    tell = 1e-5 * max((abs(v) for jump in jumps for v in jump[1:]), default=0)
    for jump in jumps:
        for limit in (jump.left, jump.right):
            if abs(limit - jump.value) > tell:
                axes.plot([jump.x], [limit], markerfacecolor="white", zorder=3, **circle)
        if np.isfinite(jump.value):
            axes.plot([jump.x], [jump.value], markerfacecolor=style["color"], zorder=4, **circle)


def _limits(bounded: bool, *curves: Array) -> tuple[float, float]:
    """Limits that show all; or most, where something goes to infinity."""
    known = np.concatenate([y[np.isfinite(y)] for y in curves])
    low, high = float(known.min()), float(known.max())
    if not bounded:
        inner_low, inner_high = (float(v) for v in np.quantile(known, [0.1, 0.9]))
        inner = inner_high - inner_low
        low, high = max(low, inner_low - inner), min(high, inner_high + inner)
    margin = 0.07 * (high - low) or 1.0
    return low - margin, high + margin


def _in_words(name: str, x: Array, found: list[tuple[str, list[Jump]]]) -> list[str]:
    sentences = [
        _("{name}(x) and its derivative, for x from {low} to {high}.").format(
            name=name, low=number(float(x[0])), high=number(float(x[-1]))
        )
    ]
    for label, jumps in found:
        for jump in jumps[:5]:
            at, left, right, value = map(number, jump)
            text = _("{curve} jumps at x = {x} from {left} to {right}; its value there is {value}.")
            sentences.append(text.format(curve=label, x=at, left=left, right=right, value=value))
    return sentences
