"""The confusion matrix: which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
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
        Axes to draw in.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], classes=["a", "b", "c"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '0', '0', '1', '1', '0', '0', '1']
    """
    truth = given.labels(labels, "labels")
    guesses = given.predicted(predictions)
    given.same_length(truth, guesses, ("labels", "predictions"))
    shape = given.array(predictions, "predictions").shape
    n = int(max(truth.max(), guesses.max())) + 1
    if classes is not None:
        n = len(given.names_of(classes, n))
    elif len(shape) == 2 and shape[1] > 1:
        n = shape[1]
    given.below(truth, n, "labels")
    given.below(guesses, n, "predictions")
    if n > MOST:
        raise ArgumentError(
            _("a matrix of {n} classes cannot be read; {most} are possible"), n=n, most=MOST
        )
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (truth, guesses), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)

    names = [plain(name, 20) for name in given.names_of(classes, n)]
    longest = max(map(len, names))
    cell = min(0.85, max(5.2 / n, 0.3), (WIDTH - 0.9 - 0.075 * longest) / n)
    side = n * cell
    upright = 0.075 * longest > max(cell, 0.15)
    size = float(np.clip(min(cell * 25, cell * 110 / len(str(counts.max()))), 4, 11))
    small = float(np.clip(cell * 30, 5, 9))
    width = max(4.2, side + 1.0 + 0.075 * longest)
    height = side + 1.0 + (0.075 * longest if upright else 0.15)
    with panels(ax, height, width=width) as (figure, (axes,)):
        from matplotlib.patches import Rectangle

        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="equal")
        between = np.arange(n + 1) - 0.5
        axes.hlines(between, -0.5, n - 0.5, PALE, linewidth=0.8)
        axes.vlines(between, -0.5, n - 0.5, PALE, linewidth=0.8)
        for i in range(n):
            for j in range(n):
                if not counts[i, j] and n > 30:  # zeros would be most of what is written
                    continue
                axes.text(
                    j, i, str(counts[i, j]), ha="center", va="center", fontsize=size,
                    color="white" if shares[i, j] > 0.6 else GREY if not counts[i, j] else TEXT,
                    fontweight="bold" if i == j or counts[i, j] else "normal",
                )  # fmt: skip
            axes.add_patch(
                Rectangle(
                    (i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=TEXT, linewidth=1.3, zorder=3
                )
            )
        axes.set_xticks(range(n), names, rotation=90 if upright else 0, fontsize=small)
        axes.set_yticks(range(n), names, fontsize=small)
        axes.tick_params(length=0)
        axes.grid(False)  # as some styles have
        axes.spines[:].set_visible(False)
        axes.set(xlabel=_("predicted class"), ylabel=_("true class"))
        right, total = int(np.trace(counts)), len(truth)
        title = _(
            "accuracy: {percent:.1f}% ({right} of {n})",
            percent=100 * right / total,
            right=right,
            n=total,
        )
        axes.set_title(title)
    return describe(figure, *_in_words(counts, given.names_of(classes, n), title))


def _in_words(counts: Any, names: list[str], title: str) -> list[str]:
    """The title, and the three most frequent mistakes."""
    wrong = counts - np.diag(np.diag(counts))
    sentences = [_("Confusion matrix; classes: {n}.", n=len(names)), sentence(title)]
    for place in np.argsort(-wrong, axis=None, kind="stable")[:3]:
        i, j = divmod(int(place), len(names))
        if wrong[i, j]:
            sentences.append(
                _(
                    "{name} taken for {other}: {n}.",
                    name=names[i],
                    other=names[j],
                    n=int(wrong[i, j]),
                )
            )
    return sentences
