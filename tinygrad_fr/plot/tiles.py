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

# inches: margins, between tiles, for a scale, for a row's number, for a line of text
EDGE, GAP, BAR, NAME, LINE = 0.12, 0.1, 0.8, 0.22, 0.155
LEAST = 0.5  # the height of a scale
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
    scale : bool
        Whether a bar beside the tiles says which values the shades are.
    named_rows : bool
        Whether the rows are numbered.
    """

    title: str
    tiles: Sequence[Tile]
    limits: tuple[float, float]
    columns: int
    colours: str = "gray"
    scale: bool = False
    largest: float = 1.15
    named_rows: bool = False

    def rows(self) -> list[tuple[float, Sequence[Tile]]]:
        """The tiles of each row, with the inches for the texts above them."""
        parts = [self.tiles[i : i + self.columns] for i in range(0, len(self.tiles), self.columns)]
        return [
            (LINE * max(tile.caption.count("\n") + bool(tile.caption) for tile in part), part)
            for part in parts
        ]

    def title_height(self) -> float:
        """The inches for the title."""
        return LINE * (0.6 + 1.15 * (1 + self.title.count("\n"))) if self.title else 0

    def aside(self) -> float:
        """The inches for the names of the rows and for the scale."""
        return (NAME if self.named_rows else 0) + (BAR if self.scale else 0)

    def width_left(self) -> float:
        """The inches for tiles."""
        return WIDTH - 2 * EDGE - self.aside()

    def tile(self) -> tuple[float, float]:
        """Width and height of a tile."""
        h, w = self.tiles[0].image.shape[:2]
        room = self.width_left() / min(self.columns, len(self.tiles)) - GAP
        across = min(room, self.largest, self.largest * 1.4 * w / h)
        return across, across * h / w

    def pitch(self) -> float:
        """From one tile to the next: more than its width, where its text would not fit."""
        room = (self.width_left() + GAP) / min(self.columns, len(self.tiles))
        return min(max(self.tile()[0] + GAP, 0.45 if self.rows()[0][0] else 0), room)

    def size(self) -> tuple[float, float]:
        """Width and height of all of it."""
        _across, down = self.tile()
        columns = min(self.columns, len(self.tiles))
        height = sum(text + down + GAP for text, _row in self.rows())
        least = self.rows()[0][0] + LEAST + GAP if self.scale else 0
        return columns * self.pitch() - GAP + self.aside(), self.title_height() + max(height, least)


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

    left = EDGE + (NAME if block.named_rows else 0)
    if block.title:
        axes.text(EDGE, top, block.title, va="top", fontsize=9.5, fontweight="bold", color=TEXT)
        top += block.title_height()
    across, down = block.tile()
    colours = colormaps[block.colours].with_extremes(bad=BAD)
    norm = Normalize(*block.limits)
    frames, first = [], top + block.rows()[0][0]
    for i, (text, row) in enumerate(block.rows()):
        y = top + text
        if block.named_rows:
            axes.text(left - 0.06, y + down / 2, str(i + 1), ha="right", va="center", fontsize=8,
                      color=TEXT)  # fmt: skip
        for column, tile in enumerate(row):
            x = left + column * block.pitch()
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
        top = y + down + GAP
    axes.add_collection(
        PatchCollection(
            frames, facecolor="none", zorder=3,
            edgecolor=[VERMILLION if tile.wrong else GREY for tile in block.tiles],
            linewidth=[2.6 if tile.wrong else 0.6 for tile in block.tiles],
        ),
        autolim=False,
    )  # fmt: skip
    if block.scale:
        x = left + min(block.columns, len(block.tiles)) * block.pitch() + 0.04
        tall = float(np.clip(top - GAP - first, LEAST, 2.2))
        bar = figure.add_axes((x / width, 1 - (first + tall) / height, 0.1 / width, tall / height))
        scale = figure.colorbar(ScalarMappable(norm, colours), cax=bar)
        scale.outline.set_linewidth(0.5)
        bar.tick_params(labelsize=7.5, labelcolor=TEXT, color=GREY, length=2, pad=2)
        bar.locator_params(axis="y", nbins=3 if tall < 0.9 else 5)


def fitting(name: Any, inches: float, bold: bool = False) -> str:
    """A name that is not wider than its tile."""
    return plain(name, max(3, int(inches * 72 / (5.7 if bold else 4.9))))
