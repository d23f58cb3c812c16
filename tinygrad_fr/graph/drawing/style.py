"""Colours, type and escaping of labels, shared by nodes and edges."""

import html

from ..formulas import kept_spaces

# By day and by night. The values of one column are all different: pictures are recoloured by them.
INK, PALE, GRADIENT, LINE = "#1a1a1a", "#5c6166", "#a33b00", "#5c6167"
PAPER, PARAMETER, INPUT, OPERATION, BOX, FAILURE, OUTPUT = (
    "#ffffff", "#d9e9f9", "#fdf1c7", "#eceff1", "#f6f7f9", "#ffd9d9", "#fbdccf",
)  # fmt: skip
NIGHT = {
    INK: "#ececec", PALE: "#a9afb5", GRADIENT: "#ffb48a", LINE: "#8f959b", PAPER: "#16181c",
    PARAMETER: "#17344f", INPUT: "#473a0e", OPERATION: "#2b3036", BOX: "#1d2025",
    FAILURE: "#5c1717", OUTPUT: "#572614",
}  # fmt: skip
KINDS = {  # fill, width and style of the border
    "parameter": (PARAMETER, 3, "ROUNDED"), "input": (INPUT, 1, "SOLID"),
    "constant": (PAPER, 1, "DASHED"), "failure": (FAILURE, 4, "SOLID"),
    "operation": (OPERATION, 1, "SOLID"), "output": (OUTPUT, 1, "SOLID"),
}  # fmt: skip
FRAME = f' COLOR="{LINE}" BGCOLOR="{PAPER}"'
FONT = "Helvetica,Arial,sans-serif"


def escape(words: str) -> str:
    """Text for a label, where Graphviz would read backslashes as its own, too."""
    return html.escape(words).replace("\\", "&#92;")


def attribute(words: str) -> str:
    """Text for an attribute: Graphviz reads backslashes and ``&`` there."""
    return html.escape(words, quote=False).replace("\\", "\\\\")


def row(content: str, fill: str = "") -> str:
    """A row of a node's table."""
    colour = f' BGCOLOR="{fill}"' if fill else ""
    return f"<TR><TD{colour}>{content}</TD></TR>"


def table(rows: str, border: int = 0, spacing: int = 0, padding: int = 0, look: str = "") -> str:
    """A table of Graphviz's; ``look`` are its other attributes."""
    return (
        f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="{spacing}" '
        f'CELLPADDING="{padding}"{look}>{rows}</TABLE>'
    )


def font(content: str, colour: str, size: int = 0, bold: bool = False) -> str:
    """Coloured text; ``content`` is a label already."""
    content = kept_spaces(content).replace("]", "&#93;")  # Graphviz puts a last ] on the next line
    points = f' POINT-SIZE="{size}"' if size else ""
    words = f"<B>{content}</B>" if bold else content
    return f'<FONT COLOR="{colour}"{points}>{words}</FONT>'
