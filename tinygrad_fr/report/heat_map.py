"""A map of where a gradient is wrong, for notebooks."""

from html import escape

import numpy as np

from ..messages import ngettext
from .entry import Entry

CELL, MOST, PANELS = 12, 48, 24


def heat_map(entry: Entry) -> str:
    """A picture of where a gradient is wrong, darker where it is more so, and the same in words."""
    true = entry.autograd if entry.autograd is not None else entry.numeric
    mine = entry.hand
    if mine is None:
        true, mine = entry.numeric, entry.autograd
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
    planes = error.reshape(-1, *((1, 1), (1, error.size), error.shape)[min(error.ndim, 2)][-2:])
    cells, left, below, width = [], 0, 0, 0
    for plane, index in zip(planes[:PANELS], np.ndindex(*error.shape[:-2]), strict=False):
        steps = [-(-n // MOST) for n in plane.shape]
        rows, columns = (-(-n // step) for n, step in zip(plane.shape, steps, strict=True))
        if left + columns > 1.5 * MOST and left:
            left, below = 0, below + rows + 1
        for i, j in np.ndindex(rows, columns):
            block = plane[i * steps[0] :, j * steps[1] :][: steps[0], : steps[1]]
            value = float(block.max())
            where = (*index, i * steps[0], j * steps[1])[-max(error.ndim, 1) :]
            shade = _shade(value, top, limit)
            cells.append(
                f"<rect x='{(left + j) * CELL}' y='{(below + i) * CELL}' width='{CELL - 1}' "
                f"height='{CELL - 1}' fill='#8b1a1a' fill-opacity='{shade:.2f}' "
                f"stroke='#888' stroke-width='0.5'><title>{where}: {value:.3g}</title></rect>"
            )
        left += columns + 1
        width = max(width, left)
    words = ngettext(
        "{name}: {n} of {m} entries differs; {where} (darker: larger error)",
        "{name}: {n} of {m} entries differ; {where} (darker: larger error)",
        differ := int((error > limit).sum()),
        name=entry.name,
        n=differ,
        m=error.size,
        where=entry.where,
    )
    size = f"width='{width * CELL}' height='{(below + rows) * CELL}'"
    return (
        f"<figure style='margin:0.5em 0'><svg role='img' {size} "
        f"aria-label='{escape(words, quote=True)}'>{''.join(cells)}</svg>"
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _shade(error: float, top: float, limit: float) -> float:
    """How dark: every wrong entry is seen, and the larger errors better."""
    return 0.0 if error <= limit else 0.25 + 0.75 * min(error / top, 1.0)
