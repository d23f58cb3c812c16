"""Many small images on one sheet, measured in inches, so that texts have the room they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..kernels import Array
from .canvas import GREY, TEXT, VERMILLION, WIDTH, plain, sheet

EDGE, GAP, BAR, NAME, LINE = 0.12, 0.1, 0.8, 0.22, 0.155  # inches; the last for a line of text
BAD = "#D55E0055"  # of entries that are NaN


class Tile(NamedTuple):
    """An image (H, W) or (H, W, 3), the lines above it, and whether it is marked as wrong."""

    image: Array
    caption: Sequence[str] = ()
    wrong: bool = False


@dataclass
class Block:
    """Tiles below a title, ``limits`` being black and white; with a scale, or numbered rows."""

    title: str
    tiles: Sequence[Tile]
    limits: tuple[float, float]
    columns: int
    colours: str = "gray"
    scale: bool = False
    largest: float = 1.15
    named_rows: bool = False


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
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    colours = colormaps[block.colours].with_extremes(bad=BAD)
    norm = Normalize(*block.limits)
    columns = min(block.columns, len(block.tiles))
    left = EDGE + NAME * block.named_rows
    h, w = block.tiles[0].image.shape[:2]
    room = (WIDTH - EDGE - left - BAR * block.scale + GAP) / columns
    across = min(room - GAP, block.largest, block.largest * 1.4 * w / h)
    down = across * h / w
    pitch = min(room, max(across + GAP, 0.45))  # no less, so that a number fits
    if block.title:
        axes.text(EDGE, y, block.title, va="top", fontsize=9.5, fontweight="bold", color=TEXT)
        y -= LINE * (0.6 + 1.15 * (1 + block.title.count("\n")))
    first = y - LINE * max(len(tile.caption) for tile in block.tiles[:columns])
    for start in range(0, len(block.tiles), columns):
        row = block.tiles[start : start + columns]
        y -= LINE * max(len(tile.caption) for tile in row)
        if block.named_rows:
            axes.text(left - 0.06, y - down / 2, str(start // columns + 1), ha="right",
                      va="center", fontsize=8, color=TEXT)  # fmt: skip
        for column, tile in enumerate(row):
            x = left + column * pitch
            axes.imshow(tile.image, cmap=colours, norm=norm, extent=(x, x + across, y - down, y),
                        interpolation="nearest")  # fmt: skip
            axes.add_patch(
                Rectangle((x, y), across, -down, fill=False, zorder=3,
                          edgecolor=VERMILLION if tile.wrong else GREY,
                          linewidth=2.6 if tile.wrong else 0.6)
            )  # fmt: skip
            most = max(3, int((across + 0.08) * 72 / (5.5 if tile.wrong else 4.9)))
            axes.text(
                x + across / 2, y + 0.03, "\n".join(plain(line, most) for line in tile.caption),
                ha="center", va="bottom", fontsize=8, color=TEXT, linespacing=1.05,
                fontweight="bold" if tile.wrong else "normal",
            )  # fmt: skip
        y -= down + GAP
    right = left + columns * pitch - GAP
    if block.scale:
        tall = min(max(first - y - GAP, 0.5), 2.2)
        bar = axes.inset_axes((right + GAP + 0.04, first - tall, 0.1, tall),
                              transform=axes.transData)  # fmt: skip
        scale = axes.figure.colorbar(ScalarMappable(norm, colours), cax=bar)
        scale.outline.set_linewidth(0.5)
        bar.tick_params(labelsize=7.5, labelcolor=TEXT, color=GREY, length=2, pad=2)
        bar.locator_params(axis="y", nbins=3 if tall < 0.9 else 5)
        return min(y, first - tall - GAP), right + BAR
    return y, right
