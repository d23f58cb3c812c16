"""What notebooks show of Tensors, training runs and models: tables, and small pictures in them.

Plain tables, and images that carry their data: an untrusted notebook keeps them, and text has the
colour of the page around it, by day and by night.
"""

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import TinygradError
from ..graph import values
from ..graph.drawing.rendering import png
from ..kernels import Array
from ..messages import _, spelled
from ..nn.module import Module
from ..nn.summary import Summary, summarise
from ..training.history import History, measure_word
from . import runs

FULL = 10  # rows and columns of a Tensor that is shown in numbers
MOST, SIDE = 8, 64  # pictures beside each other, pixels of a side
EPOCHS = 12  # rows of a run; of more, the first and the last are shown


def html(thing: Any) -> str | None:
    """A Tensor, a run, a model or its summary in HTML; None where there is text only.

    Examples
    --------
    >>> html(Tensor(2.0, name="x"))
    '<p><b>x</b> = 2 <code>float64</code></p>'
    """
    if isinstance(thing, Tensor):
        return _tensor(thing) if isinstance(thing.data, np.ndarray) else None
    if isinstance(thing, History):
        return _history(thing) if len(thing) else None
    if isinstance(thing, Summary):
        return _rows(thing.rows, _("{n} parameters", n=thing.total))
    return _module(thing) if isinstance(thing, Module) else None


def _text(words: Any) -> str:
    return escape(spelled(str(words)))


def _table(rows: Iterable[Sequence[str]], titles: Sequence[str] = (), align: str = "right") -> str:
    """A table of texts that are HTML already."""
    cell = f"text-align:{align};padding:0.2em 0.7em"
    head = "".join(f"<th style='{cell}'>{title}</th>" for title in titles)
    lines = ["".join(f"<td style='{cell}'>{text}</td>" for text in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _image(kind: str, data: bytes, words: str) -> str:
    code, style = base64.b64encode(data).decode("ascii"), "max-width:100%;height:auto"
    return f'<img src="data:image/{kind};base64,{code}" alt="{_text(words)}" style="{style}">'


# --- a Tensor --------------------------------------------------------------------------------


def _tensor(x: Tensor) -> str:
    about = values.shape(x.data)
    if x._op is not None:
        about += f", op={x._op.name}"
    elif x.requires_grad:
        about += ", requires_grad=True"
    name = f"<b>{_text(x.name)}</b> " if x.name else ""
    name += "" if x.ndim else f"{'= ' * bool(name)}{values.number(x.data[()])} "
    parts = [f"<p>{name}<code>{_text(about)}</code></p>", _array(x.data)]
    if x.grad is not None and x.size:
        parts += [f"<p>{_('gradient')}</p>", _array(x.grad.data) or values.number(x.grad.data[()])]
    return "".join(parts)


def _array(array: Array) -> str:
    """The entries of a small array, a picture of a large one; nothing of a number."""
    if not array.ndim or not array.size:
        return ""
    rows = array.reshape(1, -1) if array.ndim == 1 else array.reshape(len(array), -1)
    if array.ndim < 3 and max(rows.shape) <= FULL:
        return _table([[values.number(entry) for entry in row] for row in rows])
    planes, words = [rows[..., None]], ""
    if array.ndim == 4 and min(array.shape[2:]) >= 3:
        planes = list(array[:MOST, : 3 if array.shape[1] == 3 else 1].transpose(0, 2, 3, 1))
        if len(array) > MOST:
            words = _("the first {shown} of {n} images", shown=MOST, n=len(array)) + ", "
    words += _("{range}; the least is black, the largest white", range=values.summary(array))
    known = array[np.isfinite(array)].astype(float)
    limits = (known.min(), known.max()) if known.size else (0.0, 0.0)
    pixels = [_pixels(plane, *limits) for plane in planes]
    gap = np.full((len(pixels[0]), 4, 3), 127, np.uint8)
    strip = np.concatenate([part for each in pixels for part in (gap, each)][1:], axis=1)
    return f"<p>{_image('png', png(strip), words)}<br>{_text(words)}</p>"


def _pixels(plane: Array, low: float, high: float) -> Array:
    """Pixels (H, W, 3) of an array (H, W, 1) or (H, W, 3), from black to white."""
    down, across = (max(1, -(-side // SIDE)) for side in plane.shape[:2])
    few = np.nan_to_num(plane[::down, ::across].astype(float), nan=low, posinf=high, neginf=low)
    pixels = np.rint((few - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    larger = max(1, 128 // max(few.shape))  # here: not every notebook keeps a style
    tall = larger if len(few) > 1 else 16
    return np.broadcast_to(pixels, (*few.shape[:2], 3)).repeat(tall, 0).repeat(larger, 1)


def _history(run: History) -> str:
    names, n = [name for name in run if name != "seconds"], len(run)
    rows, last = [], 0
    for i, epoch in enumerate(run.epochs, 1):
        if EPOCHS // 2 < i <= n - EPOCHS // 2 and i != run.best_epoch:
            continue
        rows += [["…"] * len(names)] * (i > last + 1)
        cells, last = [f"{epoch.get(name, math.nan):.4g}" for name in names], i
        rows.append([f"<b>{cell}</b>" if i == run.best_epoch else cell for cell in cells])
    table = _table(rows, [_text(measure_word(name)) for name in names])
    return f"{table}<p>{_text(_('best epoch: {n}', n=run.best_epoch))}</p><p>{_curves(run)}</p>"


def _curves(run: History) -> str:
    """The losses over the epochs, as a picture with words."""
    curves = {name: np.array(run[name]) for name in ("loss", "valid_loss") if name in run}
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves.values()] or [[0.0]])
    low, spread = (float(known.min()), float(np.ptp(known)) or 1.0) if len(known) else (0.0, 1.0)
    lines = []
    for i, (name, curve) in enumerate(curves.items()):
        points = zip(np.linspace(10, 310, len(curve)), 110 - 80 * (curve - low) / spread)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points if math.isfinite(y))
        colour, dashes = (("#0072B2", "none"), ("#B34700", "6 3"))[i]
        lines.append(
            f'<polyline fill="none" stroke-width="2" stroke="{colour}" stroke-dasharray="{dashes}" '
            f'points="{path}"/><text x="{10 + 80 * i}" y="16" font-size="12" fill="{colour}">'
            f"{'- - ' * i}{_text(measure_word(name))}</text>"
        )
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="120" font-family="sans-serif">'
        f'<rect width="320" height="120" fill="#fff"/>{"".join(lines)}</svg>'
    )
    words = runs.in_words(curves, range(1, len(run) + 1), max(run.best_epoch - 1, 0))
    return _image("svg+xml", picture.encode(), " ".join(words))


def _module(model: Module) -> str:
    """The summary of a model that knows its input; else its layers and their parameters."""
    try:
        return str(html(summarise(model, None)))
    except TinygradError:
        rows = [
            (path, text, "", str(sum(p.size for p in module.parameters())), "")
            for path, module in model.named_modules()
            if "\n" not in (text := repr(module))
        ]
        total = sum(p.size for p in model.parameters())
        titles = (_("layer"), _("kind"), "", _("parameters"), "")
        return _rows([titles, *rows], _("{n} parameters", n=total))


def _rows(rows: Sequence[Sequence[str]], total: str) -> str:
    """A table of layers without its empty columns."""
    kept = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    titles, *lines = ([_text(row[i]) for i in kept] for row in rows)
    return _table(lines, titles, "left") + f"<p>{_text(total)}</p>"
