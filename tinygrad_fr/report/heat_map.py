"""A map of where a gradient is wrong, for notebooks."""

from __future__ import annotations

from html import escape

import numpy as np

from ..messages import ngettext
from .entry import Entry

CELL, MOST = 12, 48  # pixels of a cell; cells along a side, for larger ones blocks of entries


def heat_map(entry: Entry) -> str:
    """A picture of where a gradient is wrong, darker where it is more so, and the same in words.

    Of more than two axes, the plane with the largest error is drawn.
    """
    true = entry.numeric if entry.autograd is None or entry.hand is None else entry.autograd
    mine = entry.autograd if entry.hand is None else entry.hand
    if not entry.worst_index or true is None or mine is None or not np.size(true):
        return ""  # such as a number, or the step of an update: nowhere to look
    if np.shape(true) != np.shape(mine):
        return ""
    error = np.abs(np.asarray(mine, float) - true)
    if entry.hand is None:  # finite differences, NaN where they were not taken
        error = np.nan_to_num(error, nan=0.0)
    error = np.nan_to_num(error, nan=np.inf)
    finite = error[np.isfinite(error)]
    top, limit = float(finite.max(initial=0.0)) or 1.0, 1e-6 * float(np.abs(true).max(initial=0.0))
    before = entry.worst_index[:-2]
    plane = np.atleast_2d(error[before])
    steps = [-(-n // MOST) for n in plane.shape]
    blocks = [-(-n // step) for n, step in zip(plane.shape, steps, strict=True)]
    cells = []
    for row, column in np.ndindex(*blocks):
        i, j = row * steps[0], column * steps[1]
        value = float(plane[i : i + steps[0], j : j + steps[1]].max())
        where = (*before, i, j)[-error.ndim :]
        cells.append(
            f"<rect x='{column * CELL}' y='{row * CELL}' width='{CELL - 1}' height='{CELL - 1}' "
            f"fill='#8b1a1a' fill-opacity='{_shade(value, top, limit):.2f}' stroke='#888' "
            f"stroke-width='0.5'><title>{where}: {value:.3g}</title></rect>"
        )
    words = ngettext(
        "{name}: {n} of {m} entries differs; {where} (darker: larger error)",
        "{name}: {n} of {m} entries differ; {where} (darker: larger error)",
        differ := int((error > limit).sum()),
        name=entry.name,
        n=differ,
        m=error.size,
        where=entry.where,
    )
    height, width = (n * CELL for n in blocks)
    return (
        f"<figure style='margin:0.5em 0'><svg role='img' width='{width}' height='{height}' "
        f"aria-label='{escape(words, quote=True)}'>{''.join(cells)}</svg>"
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _shade(error: float, top: float, limit: float) -> float:
    """How dark: every wrong entry is seen, and the larger errors better."""
    return 0.0 if error <= limit else 0.25 + 0.75 * min(error / top, 1.0)
