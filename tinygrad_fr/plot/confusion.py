"""The confusion matrix: which class is taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import Array
from ..messages import _
from . import given
from .canvas import GREY, PALE, TEXT, WIDTH, Axes, Figure, describe, panels, plain, sentence

MOST = 100  # classes; more cannot be told apart on a page


def confusion_matrix(
    labels: Any,
    predictions: Any,
    *,
    classes: Sequence[Any] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw how many examples of each class (rows) were taken for which (columns).

    The shade is the share of the row; right answers are on the diagonal, which is framed.

    Parameters
    ----------
    labels : array-like (N,), (N, 1) or (N, C)
        The true classes, from 0, or one-hot rows.
    predictions : array-like (N,), (N, 1) or (N, C)
        The predicted classes; or scores, of which the largest counts.
    classes : sequence of str
        Their names; by default their numbers.
    ax
        Axes to draw in, of a figure of yours.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], classes=["a", "b", "c"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '0', '0', '1', '1', '0', '0', '1']
    """
    truth = given.labels(labels, "labels")
    guesses = given.labels(predictions, "predictions", scores=True)
    given.same_length(truth, guesses, ("labels", "predictions"))
    shape = given.array(predictions, "predictions").shape
    n = int(max(truth.max(), guesses.max())) + 1
    if len(shape) == 2 and shape[1] > 1:  # scores
        n = shape[1]
    full = given.names_of(classes, n)
    n = len(full)
    given.below(truth, n, "labels")
    given.below(guesses, n, "predictions")
    if n > MOST:
        raise ArgumentError(
            "a matrix of {n} classes cannot be read; {most} are possible", n=n, most=MOST
        )
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (truth, guesses), 1)
    right = int(np.trace(counts))
    percent = 100 * right / len(truth)
    title = _(
        "accuracy: {percent:.1f}% ({right} of {n})", percent=percent, right=right, n=len(truth)
    )
    names = [plain(name, 20) for name in full]
    longest = 0.075 * max(map(len, names))  # inches
    cell = min(0.85, max(5.2 / n, 0.3), (WIDTH - 0.9 - longest) / n)
    upright = longest > max(cell, 0.15)
    height = n * cell + 1.0 + (longest if upright else 0.15)
    with panels(height, width=max(4.2, n * cell + 1.0 + longest), ax=ax) as (figure, (axes,)):
        _draw_cells(axes, counts, cell)
        size = float(np.clip(cell * 30, 5, 9))
        axes.set_xticks(range(n), names, rotation=90 if upright else 0, fontsize=size)
        axes.set_yticks(range(n), names, fontsize=size)
        axes.tick_params(length=0)
        axes.set(xlabel=_("predicted class"), ylabel=_("true class"))
        axes.set_title(title)
    return describe(figure, *_in_words(counts, full, title))


def _draw_cells(axes: Axes, counts: Array, cell: float) -> None:
    """The numbers on their shades, in cells of that many inches."""
    from matplotlib.patches import Rectangle

    n = len(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = float(np.clip(min(cell * 25, cell * 110 / len(str(counts.max()))), 4, 11))
    edges = np.arange(n + 1) - 0.5
    shades = axes.pcolormesh(edges, edges, shares, cmap="Blues", vmin=0, vmax=1.15)
    shades.set(edgecolor=PALE, linewidth=0.8)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), aspect="equal")
    axes.spines[:].set_visible(False)
    for (i, j), count in np.ndenumerate(counts):
        if i == j:
            axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, ec=TEXT, zorder=3))
        if count or n <= 30:  # zeros would be most of what is written
            colour = TEXT if count else GREY
            axes.text(
                j, i, str(count), ha="center", va="center", fontsize=size,
                color="white" if shares[i, j] > 0.6 else colour,
                fontweight="bold" if i == j or count else "normal",
            )  # fmt: skip


def _in_words(counts: Any, names: list[str], title: str) -> list[str]:
    """The title, and the three most frequent mistakes."""
    wrong = counts - np.diag(np.diag(counts))
    sentences = [_("Confusion matrix; classes: {n}.", n=len(names)), sentence(title)]
    for place in np.argsort(-wrong, axis=None, kind="stable")[:3]:
        i, j = divmod(int(place), len(names))
        if n := int(wrong[i, j]):
            text = _("{name} taken for {other}: {n}.")
            sentences.append(text.format(name=names[i], other=names[j], n=n))
    return sentences
