"""What a network sees: images, filters and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array
from ..messages import _, ngettext
from ..nn import Conv2d
from ..nn.module import Module
from . import checks
from .canvas import describe, number, plain, sentence
from .tiles import Block, Tile, draw_blocks, fitting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 16
ROWS = 12  # in a picture; what is beyond is left out, and the title says so


def images(
    images: Any,
    labels: Any = None,
    predictions: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    columns: int = 8,
) -> Figure:
    r"""Draw images in a grid, with their classes, and with what was predicted.

    A wrong prediction has a cross, bold letters and a thick frame, and its true class stands below
    it. There are 12 rows at most.

    Parameters
    ----------
    images : array-like (N, 1, H, W), (N, 3, H, W) or (N, H, W)
        Numbers from 0 to 1, or bytes; others are scaled from their least to their largest.
    labels : array-like (N,) or one-hot rows (N, C)
        The true classes.
    predictions : array-like (N,) or (N, C)
        The predicted classes; or scores, of which the largest counts.
    classes : sequence of str
        The names of the classes; by default their numbers.
    columns
        Images in a row, 16 at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If the images have another shape, or the classes another length.
    ArgumentError
        If a class has no name.
    NonFiniteError
        If the images are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.images(np.zeros((3, 8, 8)), [0, 1, 2], [0, 1, 1])
    >>> [text.get_text() for text in figure.axes[0].texts[-3:]]
    ['0', '1', '✗ 1\n(2)']
    """
    pictures = _pictures(checks.array(images, "images"))
    columns = checks.whole(columns, "columns", 1, COLUMNS)
    n, shown = len(pictures), min(len(pictures), ROWS * columns)
    truth = _classes(labels, "labels", n, classes)
    guesses = _classes(predictions, "predictions", n, classes)
    known = [found for found in (truth, guesses) if found is not None]
    names = checks.names_of(classes, 1 + max((int(found.max()) for found in known), default=0))
    titles = []
    if shown < n:
        titles.append(_("the first {shown} of {n} images").format(shown=shown, n=n))
    wrong = np.zeros(n, bool)
    if truth is not None and guesses is not None:
        wrong = truth != guesses
        titles.append(
            _("wrong predictions: {wrong} of {n}").format(wrong=int(wrong.sum()), n=n)
            + (_(" (✗ prediction, then the true class)") if wrong[:shown].any() else "")
        )
    block = Block("\n".join(titles), [Tile(p) for p in pictures[:shown]], (0, 1), columns)
    room = block.tile()[0] + 0.08
    for i, tile in enumerate(block.tiles):
        tile.wrong = bool(wrong[i])
        if wrong[i] and truth is not None and guesses is not None:
            guess = fitting(names[guesses[i]], room - 0.15, bold=True)
            true = fitting(names[truth[i]], room - 0.08, bold=True)
            tile.caption = f"✗ {guess}\n({true})"
        elif known:
            tile.caption = fitting(names[known[0][i]], room)
    words = [_("Grid of images: {n}.").format(n=shown), *map(sentence, titles)]
    if known and shown <= 40:
        words += ["; ".join(tile.caption.replace("\n", " ") for tile in block.tiles) + "."]
    return describe(draw_blocks([block]), words)


def filters(model: Any, *, columns: int = 8) -> Figure:
    """Draw the filters of a convolution, all on one scale that is symmetric about 0.

    Filters of one channel are grey: black is negative, grey is 0, white is positive. Those of three
    channels are colours. Of any others each has a row, with a grey image for each channel. There
    are 16 rows and 16 channels at most.

    Parameters
    ----------
    model : Module, or array-like (F, C, kh, kw)
        A Conv2d, a model of which the first Conv2d is drawn, or weights.
    columns
        Filters in a row, where there are one or three channels; 16 at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If there is no Conv2d in the model.
    ShapeError
        If the weights have another shape.
    NonFiniteError
        If a weight is NaN or infinite.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.filters(tg.nn.models.course_cnn())
    >>> len(figure.axes[0].images)
    8
    """
    where, weights = "", model
    if isinstance(model, Module):
        found = next(
            ((path, m) for path, m in model.named_modules() if isinstance(m, Conv2d)), None
        )
        if found is None:
            raise ArgumentError(
                _("{model} has no Conv2d, and so no filters to draw"), model=type(model).__name__
            )
        path, layer = found
        where = f"{plain(path, 30)} ({type(layer).__name__})" if path else type(layer).__name__
        weights = layer.weight
    values = checks.array(weights, "weights")
    if values.ndim != 4:
        raise ShapeError(
            _("filters have the shape (F, C, kh, kw), not {shape}"), shape=values.shape
        )
    values = checks.finite(checks.not_empty(values, "weights"), "weights").astype(np.float64)
    columns = checks.whole(columns, "columns", 1, COLUMNS)
    n, channels, h, w = values.shape
    largest = float(np.abs(values).max()) or 1.0
    title = ngettext("{n} filter of {size}", "{n} filters of {size}", n).format(
        n=n, size=_times(channels, h, w)
    )
    title = _("{name}: {value}").format(name=where, value=title) if where else title
    note = ""
    if channels in (1, 3):
        shown = min(n, ROWS * columns)
        tiles = [
            Tile(f[0] if channels == 1 else 0.5 + f.transpose(1, 2, 0) / (2 * largest), str(i + 1))
            for i, f in enumerate(values[:shown])
        ]
        if channels == 3:
            note = _("red, green and blue are the three channels; grey is 0")
    else:
        shown, columns = min(n, COLUMNS), min(channels, COLUMNS)
        tiles = [
            Tile(values[i, c], str(c + 1) if i == 0 else "")
            for i in range(shown)
            for c in range(columns)
        ]
        note = _("a row for each filter, a column for each channel")
        if columns < channels:
            note += _("; channels 1 to {shown}").format(shown=columns)
    if shown < n:
        title += _("; numbers 1 to {shown}").format(shown=shown)
    title = f"{title}\n{note}" if note else title
    rows = channels not in (1, 3)
    block = Block(
        title, tiles, (-largest, largest), columns, scale=True, named_rows=rows,
        largest=0.55 if rows else 1.15,
    )  # fmt: skip
    words = [title.replace("\n", ", ") + ".", _range(float(values.min()), float(values.max()))]
    return describe(draw_blocks([block]), words)


def activations(model: Any, images: Any, *, layer: str | None = None, columns: int = 8) -> Figure:
    """Draw the feature maps that the layers of a model make of one image.

    Parameters
    ----------
    model : Module
        Called once, in evaluation mode, without recording.
    images : array-like (C, H, W), (1, C, H, W) or (H, W)
        One image.
    layer
        The name of a layer, as in ``model.named_modules()``. By default all layers whose outputs
        have maps are drawn, a row or two of each.
    columns
        Maps in a row, 16 at most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If there is no such layer, or none with maps.
    ShapeError
        If it is not one image.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> model = tg.nn.models.course_cnn(classes=10, size=8)
    >>> figure = tg.plot.activations(model, np.ones((1, 8, 8)), layer="0")
    >>> len(figure.axes[0].images)
    8
    """
    if not isinstance(model, Module):
        raise DTypeError(
            _("model is a Module, whose layers have names, not {kind}"),
            kind=getattr(model, "__name__", type(model).__name__),
        )
    columns = checks.whole(columns, "columns", 1, COLUMNS)
    image = checks.not_empty(checks.array(images, "images"), "images")
    if image.ndim == 4 and len(image) > 1:
        raise ShapeError(
            _("activations are those of one image, and {shape} has {n}: give images[0]"),
            shape=image.shape,
            n=len(image),
        )
    if not 2 <= image.ndim <= 4:
        raise ShapeError(
            _("an image has the shape (C, H, W) or (1, C, H, W), not {shape}"), shape=image.shape
        )
    batch = checks.finite(image, "images").reshape((1,) * (4 - image.ndim) + image.shape)
    outputs = _outputs(model, batch.astype(np.float64), layer)
    blocks = []
    if layer is None and batch.shape[1] in (1, 3):
        blocks.append(Block(_("image"), [Tile(_pictures(batch)[0])], (0, 1), columns))
    words = []
    rows = ROWS if layer is not None else 2 if len(outputs) <= 4 else 1
    for name, maps in outputs:
        n = len(maps)
        shown = min(n, rows * columns)
        size = _times(*maps.shape[1:])
        title = ngettext("{n} map of {size}", "{n} maps of {size}", n).format(n=n, size=size)
        if shown < n:
            title += _("; numbers 1 to {shown}").format(shown=shown)
        title = _("{name}: {value}").format(name=name, value=title)
        finite = maps[np.isfinite(maps)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        limits = (low, high) if low < high else (low - 0.5, high + 0.5)
        tiles = [Tile(m, f"{i + 1}{_remark(m)}") for i, m in enumerate(maps[:shown])]
        blocks.append(Block(title, tiles, limits, columns, "viridis", True, 0.95))
        words += [f"{title}.", _range(low, high)]
        if flat := [str(i + 1) for i, m in enumerate(maps) if m.min() == m.max()]:
            words.append(_("The same everywhere: {maps}.").format(maps=", ".join(flat)))
    return describe(draw_blocks(blocks), [_("Feature maps of one image."), *words])


# --- what is drawn ---------------------------------------------------------------------------


def _range(low: float, high: float) -> str:
    return _("Their values range from {low} to {high}.").format(low=number(low), high=number(high))


def _times(*sizes: int) -> str:
    return " × ".join(map(str, sizes))  # noqa: RUF001


def _pictures(values: Array) -> Array:
    """Grey (N, H, W) or colours (N, H, W, 3), from 0 to 1."""
    if values.ndim == 4 and values.shape[1] in (1, 3):
        values = values[:, 0] if values.shape[1] == 1 else values.transpose(0, 2, 3, 1)
    elif values.ndim != 3:
        raise ShapeError(
            _("images have the shape (N, 1, H, W), (N, 3, H, W) or (N, H, W), not {shape}"),
            shape=values.shape,
        )
    values = checks.finite(checks.not_empty(values, "images"), "images")
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint8:
        return values / 255
    if low >= 0 and high <= 1:
        return values.astype(np.float64)
    return (values.astype(np.float64) - low) / ((high - low) or 1.0)


def _classes(value: Any, name: str, n: int, classes: Any) -> Array | None:
    if value is None:
        return None
    found = checks.predicted(value, name) if name == "predictions" else checks.labels(value, name)
    if len(found) != n:
        raise ShapeError(
            _("images and {name} differ in number: {n} and {m}"),
            n=n,
            m=len(found),
            name=name,
        )
    known = int(found.max()) + 1 if classes is None else len(checks.names_of(classes, n))
    return checks.below(found, known, name)


def _remark(values: Array) -> str:
    """What the shade of a map does not say."""
    if not np.isfinite(values).all():
        return " = NaN" if np.isnan(values).all() else " (NaN)"
    low, high = float(values.min()), float(values.max())
    return "" if low < high else f" = {number(low)}"


def _outputs(model: Module, batch: Array, layer: str | None) -> list[tuple[str, Array]]:
    """The maps (C, H, W) of the layers, in the order in which they were computed."""
    modules = dict(model.named_modules())
    if layer is not None and layer not in modules:
        raise ArgumentError(
            _("there is no layer {name!r}: there are {known}"),
            name=layer,
            known=", ".join(repr(name) for name in modules if name) or "''",
        )
    wanted = {layer: modules[layer]} if layer is not None else {
        path: m for path, m in modules.items() if not any(True for _child in m.named_children())
    }  # fmt: skip
    calls: list[tuple[str, Any]] = []

    def note(path: str) -> Any:
        return lambda module, _inputs, y: calls.append((path, y))

    undo = [module.register_forward_hook(note(path)) for path, module in wanted.items()]
    try:
        with checks.evaluating(model), np.errstate(all="ignore"):
            model(batch)
    finally:
        for remove in undo:
            remove()
    found = []
    for path, y in calls:
        if isinstance(y, Tensor) and y.ndim == 4 and y.size:
            kind = type(modules[path]).__name__
            name = f"{plain(path, 30)} ({kind})" if path else kind
            found.append((name, y.data[0].astype(np.float64)))
    if not found:
        raise ArgumentError(
            _("{layer} makes no maps (N, C, H, W)")
            if layer
            else _("no layer of the model makes maps (N, C, H, W)"),
            layer=layer or "",
        )
    return found
