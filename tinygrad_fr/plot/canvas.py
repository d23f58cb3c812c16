"""What the pictures share: their look, and how texts from outside are made fit to be drawn."""

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import need
from ..messages import _

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure

    from .figure import Picture
else:  # matplotlib is imported when something is drawn
    Axes = Figure = Picture = Any

# Colours that remain apart to the colour-blind (Okabe and Ito), the pale ones last.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
MARKERS = "os^DvPX*"
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1)))
TEXT, GREY, PALE = "#222222", "#6B6B6B", "#DDDDDD"
WIDTH = 7.2  # inches, of 100 pixels each

STYLE = {
    "figure.dpi": 100, "font.size": 9.5, "text.color": TEXT,
    "axes.edgecolor": GREY, "axes.labelcolor": TEXT, "axes.titlesize": 10.5,
    "axes.titlelocation": "left", "axes.labelsize": 9.5, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.xmargin": 0.03,
    "axes.ymargin": 0.08, "legend.fontsize": 8.5, "legend.frameon": False,
    "legend.handlelength": 2.6, "lines.linewidth": 1.6, "lines.markersize": 5,
    "hatch.linewidth": 0.5,
}  # fmt: skip


@contextlib.contextmanager
def sheet(width: float, height: float) -> Iterator[Picture]:
    """An empty figure of that many inches; the settings of matplotlib are ours inside only."""
    need(plot="matplotlib")
    from matplotlib import style

    from .figure import Picture

    with style.context(["default", STYLE]):
        yield Picture(figsize=(width, height))


@contextlib.contextmanager
def panels(
    height: float, *, width: float = WIDTH, count: int = 1, ax: Any = None, **options: Any
) -> Iterator[tuple[Any, list[Axes]]]:
    """Panels below each other on a new figure; or Axes of the user's, where they are given."""
    if ax is not None:
        yield ax.figure, [ax]
        return
    with sheet(width, height) as figure:
        figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.06)
        axes = figure.subplots(count, 1, squeeze=False, **options)[:, 0]
        for panel in axes:  # ticks are made later, when the settings are no longer ours
            panel.tick_params(which="both", labelcolor=TEXT, labelsize=8.5, color=GREY)
        yield figure, list(axes)


def describe(figure: Picture, *sentences: str) -> Figure:
    """Give a picture of ours the words that stand for it, and give it back."""
    if hasattr(figure, "description"):
        figure.description = " ".join(sentences)
    return figure


def sentence(text: str) -> str:
    """A text with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def grid(ax: Axes, axis: str = "both") -> None:
    """Faint lines to read values by."""
    ax.grid(True, axis=axis, color=PALE, linewidth=0.7)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def whole_numbers(ax: Axes, first: float, last: float) -> None:
    """Ticks at whole numbers, on an axis of epochs or steps."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    margin = 0.03 * (last - first) or 0.5
    ax.set_xlim(first - min(margin, 0.5), last + margin)


def beside(axes: Axes, x: Any, height: float, marker: str, colour: str) -> None:
    """Marks at the lower or upper edge, where the axis has no place for the value."""
    if len(x):
        axes.plot(
            x, [height] * len(x), linestyle="", marker=marker, markersize=5, color=colour,
            transform=axes.get_xaxis_transform(), clip_on=False, zorder=4,
        )  # fmt: skip


def plain(text: Any, most: int = 0) -> str:
    """A text from outside, ready to be drawn: on one line, without mathematics, not too long.

    What is cut is the middle: ``feature…(Conv2d)``. The ends of names tell them apart.
    """
    words = " ".join(str(text).split())
    if most and len(words) > most:
        end = most // 2
        words = words[: most - 1 - end].rstrip() + "…" + words[-end:].lstrip()
    words = words.replace("$", r"\$")
    return "\u00a0" + words if words.startswith("_") else words  # a legend leaves out "_name"


def number(value: float) -> str:
    """A number in two digits, short: 0.0012, 3.4e-08."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else _("infinite")
    value += 0.0  # no -0
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.3g}"
