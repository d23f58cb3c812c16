"""The decision boundary of a model in the plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..errors import DTypeError, NonFiniteError, ShapeError
from ..kernels import Array
from ..messages import _
from ..nn import Linear, Sigmoid
from . import given
from .canvas import COLOURS, MARKERS, TEXT, Axes, Figure, describe, number, panels

STEPS = 200  # of the grid, on each side
FAINT = "#00000030"
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "||", "++")


def decision_boundary(
    model: Callable[[Any], Any],
    x: Any,
    y: Any,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw which class a model gives to each point of the plane, and the examples.

    Parameters
    ----------
    model
        Anything to call with an array (M, 2). It gives scores or probabilities (M, C), of which the
        largest counts; one output (M,) or (M, 1), which is class 1 above a threshold; or classes,
        as integers (M,). The threshold is 0.5 for probabilities (the model is a Module that ends
        in ``Sigmoid``, or all outputs lie between 0 and 1), else 0. A Module is called in
        evaluation mode, without recording.
    x : array-like (N, 2)
        The examples.
    y : array-like (N,), (N, 1) or (N, C)
        Their classes, from 0, or one-hot rows.
    ax
        Axes to draw in, of a figure of yours.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> x = np.array([[0.0, 0.0], [0.2, 0.1], [1.0, 1.0], [0.9, 1.2]])
    >>> figure = tg.plot.decision_boundary(tg.nn.Linear(2, 1), x, [0, 0, 1, 1])
    >>> figure.savefig("boundary.png")  # doctest: +SKIP
    """
    points = given.finite(x, "x").astype(np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        text = _("x has two columns, (N, 2), to be drawn in the plane, not {shape}")
        raise ShapeError(text, shape=points.shape)
    truth = given.labels(y, "y")
    given.same_length(points, truth, ("x", "y"))
    low, high = points.min(0), points.max(0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    sides = np.linspace(low - margin, high + margin, STEPS).T
    plane = np.stack([side.ravel() for side in np.meshgrid(*sides)], axis=1)
    answer = _ask(model, np.concatenate([points, plane]))
    classes = answer.total or int(max(truth.max(), answer.classes.max())) + 1
    given.below(truth, classes, "y")
    n = len(points)
    wrong = answer.classes[:n] != truth
    with panels(4.6, width=6.4, ax=ax) as (figure, (axes,)):
        _draw_regions(axes, sides, answer, n)
        legend, rings = _draw_examples(axes, points, truth, wrong, classes)
        line = axes.plot([], [], color=TEXT, linewidth=1.4)[0]
        legend |= {answer.rule or _("boundary"): line, **rings}
        axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=sides[0, [0, -1]], ylim=sides[1, [0, -1]])
        percent = 100 * float(1 - wrong.mean())
        axes.set_title(_("accuracy: {percent:.1f}% of {n} examples", percent=percent, n=n))
        axes.legend(
            legend.values(), legend.keys(), markerscale=7 / _size(n) ** 0.5,
            scatteryoffsets=[0.5], loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0,
        )  # fmt: skip
    words = _("Examples: {n}; wrongly classified: {wrong}.", n=n, wrong=int(wrong.sum()))
    return describe(figure, _("Decision boundary of a model of two inputs."), words)


def _draw_regions(axes: Axes, sides: Array, answer: _Answer, n: int) -> None:
    """The class of each point of the plane, which follow the ``n`` examples; and the boundaries."""
    regions = answer.classes[n:].reshape(len(sides[0]), -1)
    for k in np.unique(regions):
        filled = axes.contourf(
            *sides, 1.0 * (regions == k), levels=[0.5, 1.5], colors=[COLOURS[k % len(COLOURS)]],
            alpha=0.18, hatches=[HATCHES[k % len(HATCHES)]],
        )  # fmt: skip
        filled.set(edgecolor=FAINT, linewidth=0)
    for z in (margin[n:].reshape(regions.shape) for margin in answer.margins):
        if z.min() < 0 < z.max():
            axes.contour(*sides, z, levels=[0.0], colors=[TEXT], linewidths=1.4)


def _draw_examples(
    axes: Axes, points: Array, truth: Array, wrong: Array, classes: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The examples, those on the wrong side ringed; and what stands for them in the legend."""
    from matplotlib.patches import Patch

    legend = {}
    size, (across, up) = _size(len(points)), points.T
    for k in range(classes):
        colour, hatch = COLOURS[k % len(COLOURS)], HATCHES[k % len(HATCHES)]
        shapes = axes.scatter(
            across[truth == k], up[truth == k], s=size, marker=MARKERS[k % len(MARKERS)],
            color=colour, edgecolors="white", linewidths=0.6, zorder=3,
        )  # fmt: skip
        region = Patch(facecolor=colour + "2e", edgecolor=FAINT, linewidth=0, hatch=hatch)
        legend[_("class {name}", name=k)] = (region, shapes)
    rings = axes.scatter(
        across[wrong], up[wrong], s=4.2 * size, marker="o", facecolors="none", edgecolors=TEXT,
        linewidths=1.1 if size > 20 else 0.6, zorder=4,
    )  # fmt: skip
    return legend, {_("wrongly classified"): rings} if wrong.any() else {}


def _size(n: int) -> float:
    """The area of the shapes of ``n`` examples."""
    return float(np.clip(26 * (300 / n) ** 0.5, 5, 26))


class _Answer(NamedTuple):
    classes: Array  # (M,)
    margins: list[Array]  # each changes its sign on a boundary
    total: int = 0  # classes; 0 where there may be more than were seen
    rule: str = ""


def _ask(model: Any, points: Array) -> _Answer:
    """The model's classes at all points."""
    if isinstance(model, type) or not callable(model):
        text = _("model is a Module or a function, such as model.predict, not {kind}")
        raise DTypeError(text, kind=checks.kind(model))
    y, calls = given.called(model, points)
    output, n = given.array(y, "model(x)"), len(points)
    if output.shape not in ((n,), (n, 1)) and (output.ndim != 2 or len(output) != n):
        text = _("the model gives (M,), (M, 1) or (M, C) for the points ({n}, 2), not {shape}")
        raise ShapeError(text, n=n, shape=output.shape)
    bad = np.isnan(output).reshape(n, -1).any(1)
    if bad.any():
        text = _("the model gives NaN at {bad} of {n} points, such as x = {point}")
        first = tuple(round(float(c), 4) for c in points[bad][0])
        raise NonFiniteError(text, bad=int(bad.sum()), n=n, point=first)
    one, are_classes = output.size == n, output.dtype.kind in "iub"
    # of infinite scores no differences can be taken
    scores = np.clip(output.astype(np.float64), -1e100, 1e100)
    if not one:
        others = [np.delete(scores, k, axis=1).max(1) for k in range(scores.shape[1])]
        margins = [scores[:, k] - other for k, other in enumerate(others)]
        return _Answer(scores.argmax(1), margins[: None if len(margins) > 2 else 1], len(margins))
    scores = scores.reshape(n)
    if are_classes:
        total = max(int(scores.max()), 0) + 1
        classes = given.below(scores.astype(np.int64), total, "model(x)")
        return _Answer(classes, [(classes == k) - 0.5 for k in np.unique(classes)])
    layers = [(type(m), out) for _path, m, _x, out in calls if not any(m.children())]
    # or something else made the output, such as tg.sigmoid
    last = layers[-1][0] if layers and layers[-1][1] is y else None
    in_range = scores.min() >= 0 and scores.max() <= 1
    threshold = 0.5 if last is Sigmoid or (in_range and last is not Linear) else 0.0
    rule = _("boundary (output = {threshold})", threshold=number(threshold))
    return _Answer((scores > threshold).astype(np.int64), [scores - threshold], 2, rule)
