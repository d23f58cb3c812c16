"""Pictures of the recorded graph, with its gradients."""

import functools
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError, GraphError, TinygradError
from ...messages import _, spelled
from ..formulas import text
from ..formulas.letters import with_letters
from ..formulas.naming import named, scope, symbols
from ..recorded.extract import Graph, extract
from ..recorded.flow import flow, refuse_changed
from . import rendering
from .describe import describe
from .dot import source
from .outline import LIMIT, outline
from .page import page
from .sheet import DETAILS, LEVELS, Sheet

SUFFIXES = ("svg", "png", "pdf", "dot", "html")
FEW = 8  # nodes that need no high frame


class Drawing:
    """A picture of a graph: notebooks show it, ``save`` writes it.

    Attributes
    ----------
    dot : str
        In Graphviz's language.
    """

    def __init__(self, sheet: Sheet, depth: int | None = None) -> None:
        self._sheet, self._depth = sheet, depth
        self.dot = spelled(source(sheet))

    @functools.cached_property
    def svg(self) -> str:
        """As SVG, with colours for day and night."""
        return rendering.svg(self.dot, self._sheet.images)

    @functools.cached_property
    def text(self) -> str:
        """The same in words, a line per value, for screen readers and terminals."""
        return spelled(describe(self._sheet))

    def save(self, path: str | Path) -> Path:
        """Write the picture; the suffix says how: svg, png, pdf, dot or html.

        Thumbnails of a dot file lie in a folder beside it, ``graph.images``.

        Returns
        -------
        Path
            Where it was written.
        """
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in SUFFIXES:
            raise ArgumentError(
                "{path}: a drawing is saved as {kinds}, by its suffix",
                path=path, kinds=", ".join(SUFFIXES),
            )  # fmt: skip
        if kind == "dot":
            images, folder = self._sheet.images, path.with_suffix(".images")
            rendering.write_images(images, folder)
            options = f'imagepath="{folder.name}"'
            dot = rendering.with_options(self.dot, options) if images else self.dot
            path.write_text(dot, encoding="utf-8")
        elif kind == "html":
            path.write_text(self.html, encoding="utf-8")
        elif kind == "svg":
            path.write_text(self.svg, encoding="utf-8")
        else:
            path.write_bytes(rendering.render(self.dot, kind, self._sheet.images))
        return path

    @functools.cached_property
    def html(self) -> str:
        """A page that stands alone; modules open and close, entries tell where they come from.

        It needs no Graphviz.
        """
        return page(self._sheet, stepping=False, depth=self._depth)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        lines = self.text.splitlines()
        shown: dict[str, str] = {}
        try:
            height = 420 if len(self._sheet.outline.items) <= FEW else 720
            title = _("The graph of {name}", name=text(self._sheet.output))
            shown["text/html"] = framed(self.html, title, self.text, height)
            shown["image/svg+xml"] = self.svg
        except rendering.RenderingError as error:
            if not shown:  # too many nodes: not only Graphviz that is missing
                lines = [str(error), "", *lines]
        shown["text/plain"] = "\n".join(lines[:LIMIT] + ["…"] * (len(lines) > LIMIT))
        return shown

    def _mime_(self) -> tuple[str, str]:
        """For marimo, which would show each part of the bundle on a tab of its own."""
        return next(iter(self._repr_mimebundle_().items()))

    def __repr__(self) -> str:
        n = len(self._sheet.outline.items)
        return _("<drawing of {n} nodes: .save(path), .svg, .dot, .text>", n=n)


def draw(
    tensor: Tensor | TinygradError,
    *,
    gradients: bool = True,
    values: str = "auto",
    names: str | Mapping[str, Tensor] = "auto",
    depth: int | None = None,
    direction: str = "LR",
) -> Drawing:
    """Draw the graph behind a Tensor.

    Every value is a node: an operation with its formula, a parameter (thick border), an input or a
    constant (dashed). With ``gradients`` a node shows the gradient that arrives, and an edge
    "upstream x local = downstream"; where a value is used several times, their sum. They are
    computed for the picture, and ``.grad`` is left alone.

    Parameters
    ----------
    tensor
        What was computed; or an error that an operation raised: the graph up to it is drawn, and
        the operation marked.
    gradients
        Whether to show them; of the sum of the entries where ``tensor`` has several.
    values
        ``"full"``, ``"summary"`` or ``"none"``; ``"auto"`` goes by the size of the graph.
    names
        ``"auto"``: names of Tensors, paths of parameters and the caller's variables; ``"tensors"``:
        only names given to Tensors; or a dict of names and Tensors.
    depth
        How many levels of Modules are open (0: the model is one node; 1: its layers are). All,
        by default; in a large graph those that keep it readable. Blocks that repeat are drawn
        once, with their count, where modules are closed or the graph is large.
    direction
        ``"LR"`` (left to right), ``"TB"``, ``"RL"`` or ``"BT"``.

    Returns
    -------
    Drawing

    Raises
    ------
    GraphError
        If a backward pass has released the graph.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> tg.draw(x * x).dot.count("->")  # two uses, two edges
    2
    """
    drawn = sheet(tensor, scope(), gradients, values, names, depth, direction)
    return Drawing(drawn, depth)


def sheet(
    tensor: Tensor | TinygradError,
    variables: Mapping[str, Any],
    gradients: bool = True,
    values: str = "auto",
    names: str | Mapping[str, Tensor] = "auto",
    depth: int | None = None,
    direction: str = "LR",
) -> Sheet:
    """All that a picture needs; ``variables`` are the caller's."""
    _check(values, DETAILS, "values")
    _check(direction, ("LR", "TB", "RL", "BT"), "direction")
    whole = isinstance(depth, (int, np.integer)) and not isinstance(depth, bool)
    if depth is not None and (not whole or depth < 0):
        raise ArgumentError("depth is a number of levels, from 0 on, not {got!r}", got=depth)
    graph = extract(tensor)
    drawn = outline(graph, depth)
    if values == "auto":
        n = len(drawn.items)
        values = next((level for level, most in LEVELS.items() if n <= most), "none")
    found = named(graph, names, variables)
    title, shown = _title(graph, tensor, gradients), gradients and isinstance(tensor, Tensor)
    if shown:
        try:
            refuse_changed(graph)
        except GraphError as error:  # the values are still worth a look; gradients would be wrong
            title, shown = str(error), False
    return Sheet(
        graph, drawn, symbols(graph, with_letters(graph, found)), found,
        flow(graph) if shown else None, values, direction, title,
    )  # fmt: skip


def framed(html: str, title: str, words: str, height: int = 720) -> str:
    """A page in a frame of its own, for a notebook: no other output is touched.

    A notebook that is not trusted drops the frame, and shows the words.
    """
    summary = escape(_("The graph in words"))
    return (
        f'<iframe srcdoc="{escape(html)}" sandbox="allow-scripts" title="{escape(title)}" '
        f'style="width:100%;height:{height}px;border:1px solid #999"></iframe>'
        f"<details><summary>{summary}</summary><pre>{escape(words)}</pre></details>"
    )


def _check(value: Any, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        raise ArgumentError(
            "{name} is one of {allowed}, not {got!r}",
            name=name, allowed=", ".join(allowed), got=value,
        )  # fmt: skip


def _title(graph: Graph, tensor: Tensor | TinygradError, gradients: bool) -> str:
    """What a reader must know to read the numbers."""
    if isinstance(tensor, TinygradError):
        return str(tensor)
    last = graph.vertices[graph.output]
    if gradients and last.requires_grad and last.value.size != 1:
        return _("gradients of the sum of the output's entries")
    return ""
