"""A map of where a gradient is wrong, for notebooks."""

from html import escape

import numpy as np

from ..messages import ngettext
from .entry import Entry

MOST, PANELS, ACROSS = 48, 24, 72  # rows and columns of a panel, panels, columns side by side
RIGHT, SHADES = "\u00b7\u00b7", "\u2591\u2592\u2593\u2588"  # two signs are about a square


def heat_map(entry: Entry) -> str:
    """A map of where a gradient is wrong, fuller where it is more so, and the same in words.

    It is text: what shows notebooks that are not trusted drops drawings and styles.
    """
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
    steps = [-(-n // MOST) for n in planes.shape[1:]]
    panels = []
    for plane, index in zip(planes[:PANELS], np.ndindex(*error.shape[:-2]), strict=False):
        panel = []
        for i in range(0, plane.shape[0], steps[0]):
            row = ""
            for j in range(0, plane.shape[1], steps[1]):
                value = float(plane[i : i + steps[0], j : j + steps[1]].max())
                where = (*index, i, j)[-max(error.ndim, 1) :]
                shade = SHADES[min(int(4 * value / top), 3) if value < np.inf else 3] * 2
                wrong = f"<span title='{where}: {value:.3g}'>{shade}</span>"
                row += wrong if value > limit else RIGHT
            panel.append(row)
        panels.append(panel)
    beside = max(1, ACROSS // (-(-planes.shape[2] // steps[1]) + 1))
    bands = [
        "\n".join(map("  ".join, zip(*panels[k : k + beside], strict=True)))
        for k in range(0, len(panels), beside)
    ]
    words = ngettext(
        "{name}: {n} of {m} entries differs; {where} (·: right; ░ to █: wrong, fuller is worse)",
        "{name}: {n} of {m} entries differ; {where} (·: right; ░ to █: wrong, fuller is worse)",
        n := int((error > limit).sum()), name=entry.name, n=n, m=error.size, where=entry.where,
    )  # fmt: skip
    return (
        f"<figure style='margin:0.5em 0'><figcaption>{escape(words)}</figcaption>"
        f"<pre role='img' aria-label='{escape(words, quote=True)}' style='line-height:1.15;"
        f"overflow-x:auto'>{(2 * chr(10)).join(bands)}</pre></figure>"
    )
