"""From Graphviz's language to pictures: by the system's ``dot``, or within the process."""

from __future__ import annotations

import base64
import re
import shutil
import struct
import warnings
import zlib

from ...errors import TinygradError
from ...messages import _
from .style import NIGHT

MOST = 3_000  # nodes: Graphviz lays them out in 10 s, twice as many in 60
NODE = re.compile(r"^\t+n\d+ \[", re.MULTILINE)


class RenderingError(TinygradError, RuntimeError):
    """Nothing here can draw it; ``dot`` is the picture in Graphviz's language.

    Attributes
    ----------
    dot : str
    """

    dot: str = ""


def render(dot: str, kind: str) -> bytes:
    """A picture as SVG, PNG or PDF.

    The system's ``dot`` is used where it is on the path, else pygraphviz, whose wheels carry
    Graphviz.

    Raises
    ------
    RenderingError
        If neither is there, or the picture has too many nodes. It holds the text in Graphviz's
        language.
    """
    nodes = len(NODE.findall(dot))
    if nodes > MOST:
        error = RenderingError(
            _(
                "{n} nodes are too many for a picture (at most {most}): draw an inner Tensor, or "
                "close modules with depth=1 or depth=0. .text says it in words, .dot in "
                "Graphviz's language"
            ),
            n=nodes,
            most=MOST,
        )
        error.dot = dot
        raise error
    sharp = dot.replace("{", "{ graph [dpi=160];", 1) if kind == "png" else dot
    if shutil.which("dot"):
        import graphviz

        with warnings.catch_warnings(action="ignore"):
            return bytes(graphviz.Source(sharp).pipe(format=kind, quiet=True))
    try:
        import pygraphviz
    except ImportError:
        error = RenderingError(
            _(
                'drawing needs Graphviz: pip install "tinygrad_fr[viz]" (no system package '
                "needed), or your system's graphviz package. Without it, .dot gives the picture as "
                "text for any Graphviz viewer, and .text describes it"
            )
        )
        error.dot = dot
        raise error from None
    with warnings.catch_warnings(action="ignore"):
        return bytes(pygraphviz.AGraph(string=sharp).draw(format=kind, prog="dot"))


def svg(dot: str) -> str:
    """An SVG that stands alone, in a page too, and changes its colours by night."""
    picture = render(dot, "svg").decode("utf-8")
    picture = picture[picture.index("<svg") :]
    picture = _with_images(re.sub(r"<!--.*?-->\n?", "", picture, flags=re.DOTALL))
    # The pointer shows the array, and not Graphviz's own name of a node.
    picture = re.sub(r"<title>[^<]*</title>\n?", "", picture)
    picture = re.sub(
        r'<g id="a_[^"]*"><a xlink:title="([^"]*)">\n?(.*?)</a>\n?</g>',
        r"<title>\1</title>\n\2", picture, flags=re.DOTALL,
    )  # fmt: skip
    picture = _set(picture)
    rules = "".join(
        f'[fill="{day}"]{{fill:{night}}}[stroke="{day}"]{{stroke:{night}}}'
        for day, night in NIGHT.items()
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
    end = picture.index(">") + 1
    return picture[:end] + "\n" + style + picture[end:]


# --- formulas ---------------------------------------------------------------------------------

SHRUNK = 0.8  # scripts: Graphviz makes room for smaller ones than it asks of the browser
SCRIPT = re.compile(r'(baseline-shift="(?:sub|super)" font-size=")([\d.]+)"')
SPAN = re.compile(
    r'<text (?P<place>[^>]*?x="(?P<x>[-.\d]+)" y="(?P<y>[-.\d]+)") (?P<style>[^>]*?)'
    r'(?P<fill>fill="#[0-9a-f]{6}")>(?P<words>[^<]{2,})</text>\n'
    r'(?=<text [^>]*?x="(?P<next>[-.\d]+)" y="(?P=y)" (?P<other>[^>]*?)(?P=fill)>)'
)


def _set(picture: str) -> str:
    """Formulas that keep to the room that was measured for them, whatever font a browser has.

    A word before another style, such as ``softmax(`` before an italic z, ends where that begins.
    """

    def fitted(found: re.Match[str]) -> str:
        room = float(found["next"]) - float(found["x"])
        same_style = found["style"] == found["other"]  # two cells of a table, not one formula
        if same_style or room <= 0 or "font-weight" in found["other"]:
            return found[0]
        return found[0].replace(found["place"], f'{found["place"]} textLength="{room:g}"', 1)

    picture = SCRIPT.sub(lambda m: f'{m[1]}{SHRUNK * float(m[2]):.2f}"', picture)
    return SPAN.sub(fitted, picture)


# --- thumbnails -------------------------------------------------------------------------------

CELL = re.compile(
    r'<polygon fill="#([0-9a-f]{6})" stroke="(?:none|transparent)" '
    r'points="([-.\d]+),([-.\d]+) [-.\d]+,([-.\d]+) '
    r'([-.\d]+),[^"]*"/>\n'
)
SIDES = (5.0, 7.0)  # of the cells of thumbnails, in points


def _with_images(picture: str) -> str:
    """Thumbnails as one image each, instead of a polygon per pixel: a tenth of the bytes."""
    parts: list[str] = []
    end = 0
    plane: list[tuple[float, float, float, bytes]] = []

    def flush() -> None:
        if plane:
            parts.append(_image(plane))
            plane.clear()

    for found in CELL.finditer(picture):
        xs = sorted((float(found[2]), float(found[5])))
        ys = sorted((float(found[3]), float(found[4])))
        side = round(xs[1] - xs[0], 1)
        if side not in SIDES or round(ys[1] - ys[0], 1) != side:
            continue
        if found.start() != end or (plane and not _continues(plane, xs[0], ys[0], side)):
            flush()
        parts.append(picture[end : found.start()])
        plane.append((xs[0], ys[0], side, bytes.fromhex(found[1])))
        end = found.end()
    flush()
    parts.append(picture[end:])
    return "".join(parts)


def _continues(
    plane: list[tuple[float, float, float, bytes]], x: float, y: float, side: float
) -> bool:
    """Whether a cell is the next one of its row, or begins the next row of its image."""
    last_x, last_y, width, _colour = plane[-1]
    beside = abs(y - last_y) < 0.2 and abs(x - last_x - side) < 0.2
    below = abs(x - plane[0][0]) < 0.2 and abs(y - last_y - side) < 0.2
    return width == side and (beside or below)


def _image(plane: list[tuple[float, float, float, bytes]]) -> str:
    """Cells as an SVG image of one pixel each."""
    x, y, side, _colour = plane[0]
    columns = sum(abs(cell[1] - y) < 0.2 for cell in plane)
    rows = len(plane) // columns
    lines = (plane[i * columns : (i + 1) * columns] for i in range(rows))
    raw = b"".join(b"\0" + b"".join(cell[3] for cell in line) for line in lines)
    data = base64.b64encode(_png(raw, columns, rows)).decode("ascii")
    return (
        f'<image x="{x:g}" y="{y:g}" width="{columns * side:g}" height="{rows * side:g}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'xlink:href="data:image/png;base64,{data}"/>\n'
    )


def _png(raw: bytes, width: int, height: int) -> bytes:
    """A PNG of coloured pixels; stored, not compressed: the same bytes with every zlib."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 0))
        + chunk(b"IEND", b"")
    )  # fmt: skip
