"""From Graphviz's language to pictures: by the system's ``dot``, or within the process."""

import base64
import os
import re
import shutil
import struct
import tempfile
import threading
import warnings
import zlib
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, suppress
from pathlib import Path

from ...errors import TinygradError
from ...kernels import Array
from ...messages import _
from .style import NIGHT

Images = Mapping[str, Array]  # thumbnails by the name of their file: (H, W, 3) bytes
MOST = 3_000  # nodes: Graphviz lays them out in 10 s, twice as many in 60
NODE = re.compile(r"^\t+n\d+ \[", re.MULTILINE)
ALONE = threading.Lock()  # descriptor 2 is the whole process's


class RenderingError(TinygradError, RuntimeError):
    """Nothing here can draw it; ``dot`` is the picture in Graphviz's language.

    Attributes
    ----------
    dot : str
    """

    @property
    def dot(self) -> str:
        """The picture, unlaid."""
        return str(self.values["dot"])


def render(dot: str, kind: str, images: Images) -> bytes:
    """A picture as SVG, PNG or PDF, with the thumbnails that it names.

    The system's ``dot`` is used where it is on the path, else pygraphviz, whose wheels carry
    Graphviz.

    Raises
    ------
    RenderingError
        If neither is there, or the picture has too many nodes. It holds the text in Graphviz's
        language.
    """
    refuse_many(len(NODE.findall(dot)), dot)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        write_images(images, Path(folder))
        options = f'imagepath="{Path(folder).as_posix()}"' + ' dpi="160"' * (kind == "png")
        try:
            return _laid_out(with_options(dot, options), kind)
        except ImportError:
            raise RenderingError(_(
                'drawing needs Graphviz: pip install "tinygrad_fr[viz]" (no system package '
                "needed), or your system's graphviz package. Without it, .dot gives the "
                "picture as text for any Graphviz viewer, and .text describes it"
            ), dot=dot) from None  # fmt: skip


def refuse_many(nodes: int, dot: str = "") -> None:
    """Raise where a picture has more nodes than can be laid out and read."""
    if nodes > MOST:
        raise RenderingError(_(
            "{n} nodes are too many for a picture (at most {most}): draw an inner Tensor, or "
            "close modules with depth=1 or depth=0. .text says it in words, .dot in "
            "Graphviz's language"
        ), n=nodes, most=MOST, dot=dot)  # fmt: skip


def _laid_out(dot: str, kind: str) -> bytes:
    if shutil.which("dot"):
        import graphviz

        return bytes(graphviz.Source(dot).pipe(format=kind, quiet=True))
    import pygraphviz

    # Graphviz and the libraries below it speak, as of fonts, to descriptor 2, past sys.stderr.
    with ALONE, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere), ExitStack() as end:
        with suppress(OSError):  # a program without a console has none
            kept = os.dup(2)
            end.callback(os.close, kept)
            end.callback(os.dup2, kept, 2)
            os.dup2(nowhere.fileno(), 2)
        return bytes(pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot"))


def svg(dot: str, images: Images) -> str:
    """An SVG that stands alone, in a page too, and changes its colours by night."""
    picture = _embedded(render(dot, "svg", images).decode("utf-8"), images)
    picture = re.sub(r"<!--.*?-->\n?", "", picture[picture.index("<svg") :], flags=re.DOTALL)
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

LARGER = 16  # pixels for each of a thumbnail: what a renderer smooths cannot be seen


def png(pixels: Array, level: int = 9) -> bytes:
    """A PNG of coloured pixels, (H, W, 3) bytes."""
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    raw = b"".join(b"\0" + line.tobytes() for line in pixels)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, level))
        + _chunk(b"IEND", b"")
    )  # fmt: skip


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_images(images: Images, folder: Path) -> None:
    """Thumbnails as files of a folder, for Graphviz to find them there."""
    for name, pixels in images.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(png(pixels.repeat(LARGER, 0).repeat(LARGER, 1)))


def with_options(dot: str, options: str) -> str:
    """A picture with attributes of the whole graph."""
    return dot.replace("{", f"{{ graph [{options}];", 1)


def _embedded(picture: str, images: Images) -> str:
    """An SVG that holds its thumbnails itself, a pixel each."""
    for name, pixels in images.items():
        stored = png(pixels, level=0)  # not compressed: the same bytes with every zlib
        data = base64.b64encode(stored).decode("ascii")
        picture = picture.replace(
            f'xlink:href="{name}"',
            f'style="image-rendering:pixelated" xlink:href="data:image/png;base64,{data}"',
        )
    return picture
