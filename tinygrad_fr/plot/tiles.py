"""Many small images on one sheet, measured in inches, so that texts have the room they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import Array
from .canvas import GREY, TEXT, VERMILLION, WIDTH, plain, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGE, GAP, BAR, LINE = 0.12, 0.1, 0.85, 0.155  # inches: margins, between tiles, scale, a text line
BAD = "#D55E0055"  # of entries that are NaN


@dataclass
class Tile:
    """An image (H, W) or (H, W, 3), the text above it, and whether it is marked as wrong."""

    image: Array
    caption: str = ""
    wrong: bool = False


@dataclass
class Block:
    """Tiles of one scale, below a title.

    Attributes
    ----------
    limits : tuple of float
        The values of black and white.
    scale : str
        What the values are; a bar with this label stands beside the tiles. None without it.
    """

    title: str
    tiles: Sequence[Tile]
    limits: tuple[float, float]
    columns: int
    colours: str = "gray"
    scale: str | None = None
    largest: float = 1.15

    def captions(self) -> float:
        """The inches for the texts above each row."""
        return LINE * max(tile.caption.count("\n") + bool(tile.caption) for tile in self.tiles)

    def width_left(self) -> float:
        """The inches for tiles."""
        return WIDTH - 2 * EDGE - (BAR if self.scale is not None else 0)

    def tile(self) -> tuple[float, float]:
        """Width and height of a tile."""
        h, w = self.tiles[0].image.shape[:2]
        room = self.width_left() / min(self.columns, len(self.tiles)) - GAP
        across = min(room, self.largest, self.largest * 1.4 * w / h)
        return across, across * h / w

    def size(self) -> tuple[float, float]:
        """Width and height of all of it."""
        across, down = self.tile()
        columns = min(self.columns, len(self.tiles))
        rows = -(-len(self.tiles) // columns)
        title = LINE * 1.75 * (1 + self.title.count("\n")) if self.title else 0
        width = columns * (across + GAP) - GAP + (BAR if self.scale is not None else 0)
        return width, title + rows * (down + GAP + self.captions())


def draw_blocks(blocks: Sequence[Block]) -> Any:
    """A figure with the blocks below each other."""
    sizes = [block.size() for block in blocks]
    title = max(0.082 * len(line) for block in blocks for line in block.title.split("\n"))
    width = min(WIDTH, max([title, *(w for w, _h in sizes)]) + 2 * EDGE)
    height = sum(h for _w, h in sizes) + EDGE * (len(blocks) + 1)
    with sheet(width, height) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        top = EDGE
        for block, (_w, tall) in zip(blocks, sizes):
            _draw(figure, axes, block, top, width, height)
            top += tall + EDGE
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_aspect("auto")
    return figure


def _draw(figure: Figure, axes: Any, block: Block, top: float, width: float, height: float) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import Normalize
    from matplotlib.image import AxesImage
    from matplotlib.patches import Rectangle

    if block.title:
        axes.text(EDGE, top, block.title, va="top", fontsize=9.5, fontweight="bold", color=TEXT)
        top += LINE * 1.75 * (1 + block.title.count("\n"))
    across, down = block.tile()
    columns = min(block.columns, len(block.tiles))
    colours = colormaps[block.colours].with_extremes(bad=BAD)
    frames = []
    norm, first = Normalize(*block.limits), top
    for i, tile in enumerate(block.tiles):
        row, column = divmod(i, columns)
        x = EDGE + column * (across + GAP)
        y = top + row * (down + GAP + block.captions()) + block.captions()
        image = AxesImage(  # imshow takes 2 ms more for each, to choose limits of its own
            axes, cmap=colours, norm=norm, extent=(x, x + across, y + down, y),
            interpolation="nearest",
        )  # fmt: skip
        image.set_data(np.ma.masked_invalid(tile.image) if tile.image.ndim == 2 else tile.image)
        axes.add_image(image)
        frames.append(Rectangle((x, y), across, down))
        if tile.caption:
            axes.text(
                x + across / 2, y - 0.03, tile.caption, ha="center", va="bottom", fontsize=8,
                color=TEXT, fontweight="bold" if tile.wrong else "normal", linespacing=1.05,
            )  # fmt: skip
    axes.add_collection(
        PatchCollection(
            frames, facecolor="none", zorder=3,
            edgecolor=[VERMILLION if tile.wrong else GREY for tile in block.tiles],
            linewidth=[2.6 if tile.wrong else 0.6 for tile in block.tiles],
        ),
        autolim=False,
    )  # fmt: skip
    if block.scale is not None:
        low, x = y + down, EDGE + columns * (across + GAP) + 0.04
        tall = float(np.clip(low - first - block.captions(), 0.5, 2.2))
        bar = figure.add_axes((x / width, 1 - low / height, 0.1 / width, tall / height))
        scale = figure.colorbar(ScalarMappable(norm, colours), cax=bar)
        scale.outline.set_linewidth(0.5)
        bar.tick_params(labelsize=7.5, labelcolor=TEXT, color=GREY, length=2, pad=2)
        bar.locator_params(axis="y", nbins=3 if tall < 0.9 else 5)


def fitting(name: Any, inches: float) -> str:
    """A name that is not wider than its tile."""
    return plain(name, max(3, int(inches * 72 / 4.9)))
