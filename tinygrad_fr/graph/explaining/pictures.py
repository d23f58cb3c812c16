"""Where the entries lie: small arrays as tables, large ones as images with the entries framed.

Nothing but tables, ``<b>`` and ``<img>``: a notebook that is not trusted shows them, too.
"""

from __future__ import annotations

import base64
from html import escape

import numpy as np

from ...kernels import Array
from ...messages import _
from .. import values
from ..drawing.rendering import png
from ..formulas import mathml, text
from ..formulas.naming import derivative
from .origin import Origin

TABLE, COLUMNS = 48, 8  # entries and columns: beyond, an image
PLANES, SIDE = 4, 150  # of an image: planes beside each other, and their longer side in pixels
BELOW, ABOVE, FRAME = (33, 102, 172), (178, 74, 0), (0, 105, 92)


def pictures(found: Origin) -> str:
    """The values of which an entry is made, with the entries marked."""
    gradient = found.kind == "gradient"
    shown = dict[tuple[int, bool], Array]()
    for part in found.parts:
        shown.setdefault((part.of, gradient), part.indices)
        if part.factor is not None and part.factor_indices is not None:
            shown.setdefault((part.factor, False), part.factor_indices)
    made = [_picture(found, i, is_gradient, places) for (i, is_gradient), places in shown.items()]
    return "".join(made)


def _picture(found: Origin, i: int, gradient: bool, places: Array) -> str:
    array = found.upstream[i] if gradient else found.graph.vertices[i].value
    if array.size < 2 or array.dtype.kind not in "fiub":
        return ""
    symbol = found.symbols[i]
    symbol = derivative(found.symbols[found.graph.output], symbol) if gradient else symbol
    caption = f"<p>{mathml(symbol)} {escape(values.shape(array))}</p>"
    marked = np.zeros(array.shape, bool)
    marked[tuple(places.T)] = True
    if array.ndim < 3 and array.size <= TABLE and array.shape[-1] <= COLUMNS:
        return caption + _table(np.atleast_2d(array), np.atleast_2d(marked))
    words = _(
        "{name}: {n} entries framed of {size}",
        name=text(symbol), n=int(marked.sum()), size=array.size,
    )  # fmt: skip
    return f"{caption}<p>{_images(array, marked, words)}</p>"


def _table(rows: Array, marked: Array) -> str:
    """A matrix; its marked entries are bold and in brackets."""

    def cell(x: float, is_marked: bool) -> str:
        words = escape(values.number(x))
        return f'<td align="right">{f"<b>[{words}]</b>" if is_marked else words}</td>'

    lines = (
        "".join(cell(x, m) for x, m in zip(row, marks, strict=True))
        for row, marks in zip(rows.tolist(), marked.tolist(), strict=True)
    )
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _images(array: Array, marked: Array, words: str) -> str:
    """The planes of the last two axes that hold a marked entry."""
    height, width = np.atleast_2d(array).shape[-2:]
    planes = np.asarray(array, float).reshape(-1, height, width)
    marks = marked.reshape(planes.shape)
    chosen = np.flatnonzero(marks.any((1, 2)))[:PLANES]
    most = float(np.abs(np.nan_to_num(planes)).max()) or 1.0
    made = []
    for n in chosen:
        pixels = _pixels(planes[n] / most, marks[n])
        data = base64.b64encode(png(pixels)).decode("ascii")
        made.append(
            f'<img alt="{escape(words)}" width="{pixels.shape[1]}" '
            f'height="{pixels.shape[0]}" src="data:image/png;base64,{data}"> '
        )
    return "".join(made)


def _pixels(share: Array, marked: Array) -> Array:
    """A plane in colours, blue below 0 and orange above, with a frame around what is marked."""
    if max(share.shape) > SIDE:  # around the marked entries only
        rows, columns = (np.flatnonzero(marked.any(1 - axis)) for axis in (0, 1))
        cut = tuple(
            slice(max(0, found.min() - 2), min(found.max() + 3, found.min() + SIDE))
            for found in (rows, columns)
        )
        share, marked = share[cut], marked[cut]
    side = max(3, SIDE // max(share.shape))
    strength = np.abs(np.clip(np.nan_to_num(share), -1, 1))[..., None]
    target = np.where(share[..., None] < 0, np.array(BELOW), np.array(ABOVE))
    pixels = (255 + (target - 255) * strength).astype(np.uint8).repeat(side, 0).repeat(side, 1)
    inside = np.pad(marked, 1).repeat(side, 0).repeat(side, 1)
    around = np.zeros(inside.shape, bool)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        around |= inside & ~np.roll(inside, step, axis)
    cut_off = slice(side, -side)
    pixels[around[cut_off, cut_off]] = FRAME
    return np.asarray(pixels)
