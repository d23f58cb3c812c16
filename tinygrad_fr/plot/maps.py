"""What a network sees: images, filters and feature maps."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import checks
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array
from ..messages import _, ngettext
from ..nn import Conv2d
from ..nn.module import Module
from ..nn.summary import titled
from . import given
from .canvas import GREY, TEXT, VERMILLION, WIDTH, Figure, describe, number, plain, sentence, sheet

COLUMNS, MOST = 8, 16  # in a row, and how many may be asked for
ROWS = 12  # in a picture; what is beyond is left out, and the title says so


def images(
    images: Any,
    labels: Any = None,
    predictions: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    columns: int = COLUMNS,
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

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.images(np.zeros((3, 8, 8)), [0, 1, 2], [0, 1, 1])
    >>> [text.get_text() for text in figure.axes[0].texts[-3:]]
    ['0', '1', '✗ 1\n(2)']
    """
    pictures = _pictures(images)
    columns = checks.whole(columns, "columns", 1, MOST)
    n, shown = len(pictures), min(len(pictures), ROWS * columns)
    truth = _named(labels, "labels", pictures, classes)
    guesses = _named(predictions, "predictions", pictures, classes)
    titles = []
    if shown < n:
        titles.append(_("the first {shown} of {n} images", shown=shown, n=n))
    captions, wrong = [[name] for name in truth or guesses or ()] or [[]] * n, [False] * n
    if truth and guesses:
        wrong = [guess != true for guess, true in zip(guesses, truth)]
        captions = [
            [f"✗ {guess}", f"({true})"] if guess != true else [true]
            for guess, true in zip(guesses, truth)
        ]
        titles.append(
            _("wrong predictions: {wrong} of {n}", wrong=sum(wrong), n=n)
            + (_(" (✗ prediction, then the true class)") if any(wrong[:shown]) else "")
        )
    tiles = [Tile(*each) for each in zip(pictures[:shown], captions, wrong)]
    words = [_("Grid of images: {n}.", n=shown), *map(sentence, titles)]
    if any(captions) and shown <= 40:
        words.append("; ".join(" ".join(tile.caption) for tile in tiles) + ".")
    return describe(draw_blocks([Block("\n".join(titles), tiles, (0, 1), columns)]), *words)


def filters(model: Any) -> Figure:
    """Draw the filters of a convolution, all on one scale that is symmetric about 0.

    Filters of one channel are grey: black is negative, grey is 0, white is positive. Those of three
    channels are colours. Of more channels there is no picture.

    Parameters
    ----------
    model : Module, or array-like (F, C, kh, kw)
        A Conv2d, a model of which the first Conv2d is drawn, or weights; C is 1 or 3.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> figure = tg.plot.filters(tg.nn.models.course_cnn())
    >>> len(figure.axes[0].images)
    8
    """
    where, weights = "", model
    if isinstance(model, Module):
        layers = [(path, m) for path, m in model.named_modules() if isinstance(m, Conv2d)]
        if not layers:
            raise ArgumentError(
                "{model} has no Conv2d, and so no filters to draw", model=type(model).__name__
            )
        path, layer = layers[0]
        where, weights = titled(plain(path, 30), layer), layer.weight
    values = given.finite(weights, "weights").astype(np.float64)
    if values.ndim != 4:
        raise ShapeError("filters have the shape (F, C, kh, kw), not {shape}", shape=values.shape)
    n, channels = values.shape[:2]
    if channels not in (1, 3):
        raise ShapeError("filters of one or of three channels can be seen, not of {n}", n=channels)
    shown = min(n, ROWS * COLUMNS)
    title = ngettext("{n} filter of {size}", "{n} filters of {size}", n)
    title = _title(where, title, values, shown)
    largest = float(np.abs(values).max()) or 1.0
    pictures = values[:, 0]
    if channels == 3:
        pictures = 0.5 + values.transpose(0, 2, 3, 1) / (2 * largest)
        title += "\n" + _("red, green and blue are the three channels; grey is 0")
    tiles = [Tile(picture, [str(i + 1)]) for i, picture in enumerate(pictures[:shown])]
    block = Block(title, tiles, (-largest, largest), scale=True)
    return describe(draw_blocks([block]), title.replace("\n", ", ") + ".", _range(values))


def activations(model: Any, images: Any) -> Figure:
    """Draw the feature maps that the layers of a model make of one image, a row or two of each.

    Parameters
    ----------
    model : Module
        Called once, in evaluation mode, without recording.
    images : array-like (C, H, W), (1, C, H, W) or (H, W)
        One image.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_fr as tg
    >>> model = tg.nn.models.course_cnn(classes=10, size=8)
    >>> figure = tg.plot.activations(model, np.ones((1, 8, 8)))
    >>> len(figure.axes[0].images)
    17
    """
    if not isinstance(model, Module):
        text = _("model is a Module, whose layers have names, not {kind}")
        raise DTypeError(text, kind=checks.kind(model))
    image = given.finite(images, "images").astype(np.float64)
    if image.ndim == 4 and len(image) > 1:
        text = _("activations are those of one image, and {shape} has {n}: give images[0]")
        raise ShapeError(text, shape=image.shape, n=len(image))
    if not 2 <= image.ndim <= 4:
        text = _("an image has the shape (C, H, W) or (1, C, H, W), not {shape}")
        raise ShapeError(text, shape=image.shape)
    batch = image.reshape((1,) * (4 - image.ndim) + image.shape)
    outputs = _outputs(model, batch)
    blocks, words = [], []
    if batch.shape[1] in (1, 3):
        blocks.append(Block(_("image"), [Tile(_pictures(batch)[0])], (0, 1)))
    rows = 2 if len(outputs) <= 4 else 1
    for name, maps in outputs:
        n, shown = len(maps), min(len(maps), rows * COLUMNS)
        title = ngettext("{n} map of {size}", "{n} maps of {size}", n)
        title = _title(name, title, maps, shown)
        known = maps[np.isfinite(maps)] if np.isfinite(maps).any() else np.array([0.0, 1.0])
        low, high = float(known.min()), float(known.max())
        limits = (low, high) if low < high else (low - 0.5, high + 0.5)
        tiles = [Tile(m, [f"{i + 1}{_remark(m)}"]) for i, m in enumerate(maps[:shown])]
        blocks.append(Block(title, tiles, limits, colours="viridis", scale=True))
        words += [f"{title}.", _range(known)]
        if flat := [str(i + 1) for i, m in enumerate(maps) if m.min() == m.max()]:
            words.append(_("The same everywhere: {maps}.", maps=", ".join(flat)))
    return describe(draw_blocks(blocks), _("Feature maps of one image."), *words)


# --- what is drawn ---------------------------------------------------------------------------


def _range(values: Array) -> str:
    low, high = number(float(values.min())), number(float(values.max()))
    return _("Their values range from {low} to {high}.", low=low, high=high)


def _title(where: str, text: str, values: Array, shown: int) -> str:
    """How many there are, of which size, made where; and how many of them are shown."""
    n, *size = values.shape
    text = text.format(n=n, size=" × ".join(map(str, size)))  # noqa: RUF001
    if where:
        text = _("{name}: {value}", name=where, value=text)
    return text + (_("; numbers 1 to {shown}", shown=shown) if shown < n else "")


def _pictures(images: Any) -> Array:
    """Grey (N, H, W) or colours (N, H, W, 3), from 0 to 1."""
    values = given.finite(images, "images")
    if values.ndim == 4 and values.shape[1] in (1, 3):
        values = values[:, 0] if values.shape[1] == 1 else values.transpose(0, 2, 3, 1)
    elif values.ndim != 3:
        text = _("images have the shape (N, 1, H, W), (N, 3, H, W) or (N, H, W), not {shape}")
        raise ShapeError(text, shape=values.shape)
    if values.dtype == np.uint8:
        return values / 255
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return values.astype(np.float64)
    return (values.astype(np.float64) - low) / ((high - low) or 1.0)


def _named(value: Any, name: str, images: Array, classes: Any) -> list[str] | None:
    """The names of the classes of images."""
    if value is None:
        return None
    found = given.labels(value, name, scores=name == "predictions")
    given.same_length(images, found, ("images", name))
    names = given.names_of(classes, int(found.max()) + 1)
    return [names[k] for k in given.below(found, len(names), name)]


def _remark(values: Array) -> str:
    """What the shade of a map does not say."""
    if not np.isfinite(values).all():
        return " = NaN" if np.isnan(values).all() else " (NaN)"
    low, high = float(values.min()), float(values.max())
    return "" if low < high else f" = {number(low)}"


def _outputs(model: Module, batch: Array) -> list[tuple[str, Array]]:
    """The maps (C, H, W) of the layers, in the order in which they were computed."""
    found = [
        (titled(plain(path, 30), module), y.data[0].astype(np.float64))
        for path, module, _x, y in given.called(model, batch)[1]
        if not any(module.children()) and isinstance(y, Tensor) and y.ndim == 4 and y.size
    ]
    if not found:
        raise ArgumentError("no layer of the model makes maps (N, C, H, W)")
    return found


# --- tiles on a sheet, measured in inches, so that texts have the room they need ---------------

EDGE, GAP, BAR, LINE = 0.12, 0.1, 0.8, 0.155  # inches; the last for a line of text
LARGEST = 1.15  # inches that an image is wide
BAD = "#D55E0055"  # of entries that are NaN


class Tile(NamedTuple):
    """An image (H, W) or (H, W, 3), the lines above it, and whether it is marked as wrong."""

    image: Array
    caption: Sequence[str] = ()
    wrong: bool = False


class Block(NamedTuple):
    """Tiles below a title, ``limits`` being the ends of the colours; with a scale, where asked."""

    title: str
    tiles: Sequence[Tile]
    limits: tuple[float, float]
    columns: int = COLUMNS
    colours: str = "gray"
    scale: bool = False


def draw_blocks(blocks: Sequence[Block]) -> Any:
    """A figure with the blocks below each other, as wide and as tall as they are."""
    with sheet(WIDTH, 1) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        y, right = 0.0, 0.0
        for block in blocks:
            y, end = _draw(axes, block, y - EDGE)
            right = max(right, end, *(0.082 * len(line) for line in block.title.split("\n")))
        width, height = min(WIDTH, right + 2 * EDGE), EDGE - y
        figure.set_size_inches(width, height)
        axes.set(xlim=(0, width), ylim=(-height, 0), aspect="auto")
    return figure


def _draw(axes: Any, block: Block, y: float) -> tuple[float, float]:
    """Draw from ``y`` downwards; where that ends, below and on the right."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    columns = min(block.columns, len(block.tiles))
    h, w = block.tiles[0].image.shape[:2]
    room = (WIDTH - 2 * EDGE - BAR * block.scale + GAP) / columns
    across = min(room - GAP, LARGEST, LARGEST * 1.4 * w / h)
    down = across * h / w
    pitch = min(room, max(across + GAP, 0.45))  # no less, so that a number fits
    if block.title:
        axes.text(EDGE, y, block.title, va="top", fontsize=9.5, fontweight="bold", color=TEXT)
        y -= LINE * (0.6 + 1.15 * (1 + block.title.count("\n")))
    colours, norm = colormaps[block.colours].with_extremes(bad=BAD), Normalize(*block.limits)
    top = y
    for i, tile in enumerate(block.tiles):
        if i % columns == 0:  # a row
            y -= LINE * max(len(each.caption) for each in block.tiles[i : i + columns])
            y -= (down + GAP) * (i > 0)
        x = EDGE + (i % columns) * pitch
        axes.imshow(tile.image, cmap=colours, norm=norm, extent=(x, x + across, y - down, y),
                    interpolation="nearest")  # fmt: skip
        colour, line = (VERMILLION, 2.6) if tile.wrong else (GREY, 0.6)
        axes.add_patch(
            Rectangle((x, y), across, -down, fill=False, zorder=3, ec=colour, linewidth=line)
        )
        most = max(3, int((across + 0.08) * 72 / (5.5 if tile.wrong else 4.9)))
        axes.text(
            x + across / 2, y + 0.03, "\n".join(plain(line, most) for line in tile.caption),
            ha="center", va="bottom", fontsize=8, color=TEXT, linespacing=1.05,
            fontweight="bold" if tile.wrong else "normal",
        )  # fmt: skip
    y, right = y - down - GAP, EDGE + columns * pitch - GAP
    if block.scale:
        return _draw_scale(axes, (colours, norm), right + GAP, top - LINE, y), right + BAR
    return y, right


def _draw_scale(axes: Any, colours: tuple[Any, Any], x: float, top: float, low: float) -> float:
    """What the colours stand for; where that ends, below."""
    from matplotlib.cm import ScalarMappable

    tall = min(max(top - low - GAP, 0.5), 2.2)
    place = (x + 0.04, top - tall, 0.1, tall)
    bar = axes.inset_axes(place, transform=axes.transData)
    axes.figure.colorbar(ScalarMappable(colours[1], colours[0]), cax=bar).outline.set_linewidth(0.5)
    bar.tick_params(labelsize=7.5, labelcolor=TEXT, color=GREY, length=2, pad=2)
    bar.locator_params(axis="y", nbins=3 if tall < 0.9 else 5)
    return min(low, top - tall - GAP)
