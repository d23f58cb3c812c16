"""Arrays for the eye: in full when small, as a summary or a thumbnail when large."""

from typing import Any

import numpy as np

from ..kernels import Array
from ..messages import _

FULL = 12  # entries shown one by one
PIXELS, PLANES = 14, 8  # of a thumbnail's longer side; images beside each other


def number(x: Any, digits: int = 4) -> str:
    """A number as Python would read it, with four digits.

    >>> number(2 / 3), number(5), number(True), number(float("nan"))
    ('0.6667', '5', 'True', 'nan')
    """
    if isinstance(x, (bool, np.bool_, int, np.integer)):
        return str(x)
    text = f"{x:.{digits}g}"
    return "0" if text == "-0" else text


def grid(array: Array) -> list[list[str]] | None:
    """The entries of a small array in rows; None when it is large or has more than two axes."""
    if array.size > FULL or array.ndim > 2 or not array.size or array.dtype.kind not in "biuf":
        return None
    rows = array.reshape(1, -1) if array.ndim < 2 else array
    digits = 4 if rows.shape[1] <= 6 else 2  # a long row must not push the picture apart
    return [[number(x, digits) for x in row] for row in rows]


def shape(array: Array) -> str:
    """Shape and dtype: ``(6, 4) float64``; a number has no shape to tell."""
    return f"{array.shape} {array.dtype}" if array.ndim else str(array.dtype)


def summary(array: Array) -> str:
    """One line on an array: its numbers when few, else its range and mean."""
    if array.dtype.kind not in "biuf":
        return str(array.dtype)
    if not array.size:
        return _("empty")
    if array.size <= 4:
        return _listed(array.tolist())
    finite = array[np.isfinite(array)]
    low, high = (finite.min(), finite.max()) if finite.size else (np.nan, np.nan)
    missing = array.size - finite.size
    if low == high and not missing:
        return _("all {value}", value=number(low))
    words = _("{low} to {high}", low=number(low), high=number(high))
    return words + (", " + _("{n} not finite", n=missing) if missing else "")


def _listed(x: Any) -> str:
    return f"[{', '.join(map(_listed, x))}]" if isinstance(x, list) else number(x)


def norm(array: Array) -> str:
    """The length of a gradient: ``norm 0.53``."""
    with np.errstate(all="ignore"):
        length = float(np.sqrt((np.asarray(array, float) ** 2).sum()))
    return _("norm {value}", value=number(length))


def full_text(array: Array, limit: int = 400) -> str:
    """An array as NumPy prints it, shortened: for tooltips."""
    text = np.array2string(
        np.asarray(array), precision=4, threshold=40, edgeitems=3, max_line_width=72, separator=", "
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"


def thumbnail(array: Array) -> Array | None:
    """Images, filters or feature maps as grey or coloured pixels: (P, H, W, 3) bytes.

    The first sample of (N, C, H, W) with at least three rows and columns; its channels beside each
    other, or together where a photograph has three. Filters (F, C, H, W) show their first channel.
    """
    if array.ndim != 4 or min(array.shape[2:]) < 3 or not array.size or array.dtype.kind != "f":
        return None
    n, channels, height, width = array.shape
    if max(height, width) <= 7 and n > 1:  # filters
        planes = array[:PLANES, :1]
    elif channels == 3:
        planes = array[:1]
    else:
        planes = array[0, :PLANES, None]
    step = -(-max(height, width) // PIXELS)
    if step > 1:
        rows, columns = height // step or 1, width // step or 1
        cut = planes[:, :, : rows * step, : columns * step]
        planes = cut.reshape(*planes.shape[:2], rows, step, columns, step).mean((3, 5))
    planes = np.nan_to_num(np.asarray(planes, float), posinf=0.0, neginf=0.0)
    low = planes.min((1, 2, 3), keepdims=True)
    spread = planes.max((1, 2, 3), keepdims=True) - low
    bytes_ = np.rint((planes - low) / np.where(spread > 0, spread, 1) * 255).astype(np.uint8)
    pixels = np.moveaxis(bytes_, 1, -1)
    return pixels if pixels.shape[-1] == 3 else np.repeat(pixels[..., :1], 3, -1)
