"""A graph in Graphviz's language: what each node, edge and box says and looks like.

Kinds differ by their border and by a word, not only by colour: a parameter has a thick border, a
constant a dashed one. Gradients are written in a colour of their own, so that ``replay`` finds them.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd.op import registry
from ..kernels import Array
from ..messages import _
from . import values
from .extract import Graph, Vertex
from .flow import Flow, local
from .formulas import arguments, formula, rule
from .mathematics import label, text
from .naming import derivative, is_leaf
from .outline import Item, Link, Outline, Repeat

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
FONT = "Helvetica,Arial,sans-serif"
TERMS = 6  # of a sum written out
LONGEST_RULE = 44  # characters: a longer one would push the nodes apart
LEVELS = {"full": 26, "summary": 90}  # up to how many items, each detail
VALUES = ("auto", "full", "summary", "none")


@dataclass
class Sheet:
    """All that a picture needs to know of a graph."""

    graph: Graph
    outline: Outline
    symbols: dict[int, str]
    names: dict[int, str]
    flow: Flow | None
    detail: str = "full"
    direction: str = "LR"
    title: str = ""
    uses: dict[int, list[int]] = field(default_factory=dict)  # edges by source

    def __post_init__(self) -> None:
        for number, edge in enumerate(self.graph.edges):
            self.uses.setdefault(edge.source, []).append(number)

    @property
    def output(self) -> str:
        """The symbol of what is differentiated."""
        return self.symbols[self.graph.output]

    def upstream(self, vertex: int) -> Array | None:
        """The gradient that arrives at a vertex, if one was computed."""
        return None if self.flow is None else self.flow.upstream.get(vertex)


def source(sheet: Sheet) -> str:
    """The picture in Graphviz's language, written with the ``graphviz`` package."""
    import graphviz

    n = len(sheet.outline.items)
    picture = graphviz.Digraph("graph", graph_attr=_graph_style(sheet, n))
    picture.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=INK)
    picture.attr("edge", fontname=FONT, fontsize="10", color=LINE, fontcolor=INK, arrowsize="0.7")
    _boxed(picture, sheet, list(range(n)), 0)
    for link in sheet.outline.links:
        _edge(picture, sheet, link)
    return str(picture.source)


def _graph_style(sheet: Sheet, n: int) -> dict[str, str]:
    style = {
        "rankdir": sheet.direction, "bgcolor": PAPER, "fontname": FONT, "fontcolor": INK,
        "fontsize": "11", "nodesep": "0.25", "ranksep": "0.4", "pad": "0.15", "outputorder": "edgesfirst",
    }  # fmt: skip
    if n > 300:  # a second instead of many
        style |= {"nslimit": "2", "nslimit1": "2", "mclimit": "0.2", "splines": "polyline"}
    if sheet.title:
        style |= {"label": f"<{_font(escape(sheet.title), PALE)}>", "labelloc": "b", "labeljust": "l"}
    return style


def _boxed(picture: Any, sheet: Sheet, items: list[int], level: int) -> None:
    """The items of a box, and the boxes in it, in the order of computation."""
    inner: dict[int, tuple[Any, list[int]]] = {}
    for i in items:
        boxes = sheet.outline.items[i].boxes
        if len(boxes) > level:
            inner.setdefault(id(boxes[level]), (boxes[level], []))[1].append(i)
        else:
            _node(picture, sheet, i)
    for box, members in inner.values():
        with picture.subgraph(name=f"cluster_{level}_{members[0]}") as part:
            repeated = isinstance(box, Repeat)
            words = _count(box.count) if repeated else escape(str(box))
            part.attr(
                label=f"<{_font(words, PALE, bold=True)}>", labeljust="l", bgcolor=BOX,
                color=LINE, style="dashed,rounded" if repeated else "rounded", margin="10",
                penwidth="1.6" if repeated else "0.8",
            )  # fmt: skip
            _boxed(part, sheet, members, level + 1)


def _count(n: int) -> str:
    return f"× {n}: " + escape(_("{n} times the same block").format(n=n))


# --- nodes ------------------------------------------------------------------------------------


def _node(picture: Any, sheet: Sheet, i: int) -> None:
    item = sheet.outline.items[i]
    if item.call is not None:
        words, tip = _closed(item, sheet), str(item.call)
    else:
        vertex = sheet.graph.vertices[item.members[0]]
        words, tip = _vertex(vertex, item, sheet), _tip(vertex, sheet)
    picture.node(f"n{i}", label=f"<{words}>", tooltip=_plain(tip), id=f"node{i}")


def escape(words: str) -> str:
    """Text for a label, where Graphviz would read backslashes as its own, too."""
    return html.escape(words).replace("\\", "&#92;")


def _plain(words: str) -> str:
    """Text for an attribute: Graphviz reads backslashes and ``&`` there."""
    return html.escape(words, quote=False).replace("\\", "\\\\")


def _vertex(vertex: Vertex, item: Item, sheet: Sheet) -> str:
    fill, border, style, word = _kind(vertex, sheet)
    rows = [_row(words, fill) for words in _header(vertex, sheet, word, item.count)]
    if vertex.kind != "failure":
        rows += _value_rows(vertex, item, sheet)
    return (
        f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" '
        f'COLOR="{LINE}" BGCOLOR="{PAPER}" STYLE="{style}">{"".join(rows)}</TABLE>'
    )


def _kind(vertex: Vertex, sheet: Sheet) -> tuple[str, int, str, str]:
    """Fill, width and style of the border, and the word for a kind."""
    if vertex.kind == "parameter":
        return PARAMETER, 3, "ROUNDED", _("parameter")
    if vertex.kind == "input":
        return INPUT, 1, "SOLID", _("input")
    if vertex.kind == "constant":
        return PAPER, 1, "DASHED", _("constant")
    if vertex.kind == "failure":
        return FAILURE, 4, "SOLID", _("fails here")
    return (OUTPUT if vertex.id == sheet.graph.output else OPERATION), 1, "SOLID", ""


def _header(vertex: Vertex, sheet: Sheet, word: str, count: int) -> list[str]:
    """What stands at the top: the formula of an operation, the name of a leaf."""
    if vertex.kind == "failure":
        return [f"<B>✗ {escape(vertex.operation or '')}</B> {_font(escape(word), INK)}"]
    own = sheet.symbols[vertex.id]
    name = _single_line(sheet.names.get(vertex.id, ""))
    name = "" if name == text(own) else escape(name)
    repeated = f" <B>× {count}</B>" if count > 1 else ""
    if is_leaf(vertex):
        words = _font(label(own, 14), INK, size=14) + repeated + _font(f" {name}", INK)
        return [f"{words}  {_font(escape(word), PALE, size=9)}"]
    extra = arguments(vertex)
    operation = escape(f"{vertex.operation}({extra})" if extra else str(vertex.operation))
    if sheet.detail == "none" or count > 1:
        return [f"<B>{operation}</B>{repeated}"]
    shown = _font(label(formula(sheet.graph, vertex, sheet.symbols), 14), INK, size=14)
    return [shown, _font(f"{name} : {operation}" if name else operation, PALE, size=9)]


def _single_line(name: str) -> str:
    return "".join(c if c.isprintable() else " " for c in name)


def _value_rows(vertex: Vertex, item: Item, sheet: Sheet) -> list[str]:
    if item.count > 1:
        rows = [_row(_font(values.shape(vertex.value), PALE, size=9))]
        return rows + _gradients_of_copies(item, sheet)
    if sheet.detail == "none":
        return [_row(_font(values.shape(vertex.value), PALE, size=9))]
    rows = []
    if vertex.kind != "constant" or vertex.shape or sheet.symbols[vertex.id] != values.number(vertex.value.item()):
        if vertex.shape or vertex.value.dtype != np.float64:
            rows.append(_row(_font(values.shape(vertex.value), PALE, size=9)))
        rows.append(_row(_array(vertex.value, sheet, INK)))
    if sheet.flow is not None and vertex.requires_grad:
        rows.append(_row(_gradient(vertex, sheet)))
    return rows


def _gradient(vertex: Vertex, sheet: Sheet) -> str:
    """The gradient that arrives; at a fan-out, as the sum of its contributions."""
    what = _font(label(derivative(sheet.output, sheet.symbols[vertex.id])), GRADIENT)
    g = sheet.upstream(vertex.id)
    if g is None:
        return f"{what} {_font(escape(_('not computed')), GRADIENT)}"
    flow = sheet.flow
    uses = [n for n in sheet.uses.get(vertex.id, ()) if flow is not None and n in flow.downstream]
    if len(uses) > 1 and flow is not None:
        if g.size == 1 and len(uses) <= TERMS:
            terms = " + ".join(values.number(flow.downstream[n].item()) for n in uses)
            words = f" = {terms} = <B>{values.number(g.item())}</B>".replace("+ -", "− ")
            return what + _font(words, GRADIENT)
        what += _font(f" = Σ ({len(uses)})", GRADIENT)
    if g.size == 1:
        return what + _font(f" = <B>{values.number(g.item())}</B>", GRADIENT)
    if sheet.detail == "full" and (values.grid(g) or values.thumbnail(g) is not None):
        return f"{what}{_font(' =', GRADIENT)}</TD></TR><TR><TD>{_array(g, sheet, GRADIENT)}"
    return f"{what}{_font(' : ' + escape(values.norm(g)), GRADIENT)}"


def _gradients_of_copies(item: Item, sheet: Sheet) -> list[str]:
    """How long the gradient is at the last copy and at the first: where it vanishes or explodes."""
    last, first = (sheet.upstream(i) for i in (max(item.members), min(item.members)))
    if last is None or first is None:
        return []
    words = _("gradient: {last} (last) … {first} (first)").format(
        last=values.norm(last), first=values.norm(first)
    )
    return [_row(_font(escape(words), GRADIENT, size=9))]


def _array(array: Array, sheet: Sheet, colour: str) -> str:
    """An array in a label: its entries, a thumbnail, or a summary."""
    if sheet.detail == "full" and array.ndim:
        entries = values.grid(array)
        if entries is not None:
            return _matrix(entries, colour)
        pixels = values.thumbnail(array)
        if pixels is not None:
            return f"{_thumbnail(pixels)}</TD></TR><TR><TD>{_font(escape(values.summary(array)), colour, size=9)}"
    if array.ndim and array.size > 4:
        words = values.norm(array) if colour == GRADIENT else values.summary(array)
        return _font(escape(words), colour)
    return _font(escape(values.summary(array)), colour)


def _matrix(entries: list[list[str]], colour: str) -> str:
    """A small array between the two bars of a matrix."""
    columns = len(entries[0])
    rows = []
    for row in entries:
        cells = []
        for j, words in enumerate(row):
            sides = ("L" if j == 0 else "") + ("R" if j == columns - 1 else "")
            bars = f' BORDER="1" SIDES="{sides}"' if sides else ' BORDER="0"'
            cells.append(f'<TD ALIGN="RIGHT"{bars} COLOR="{colour}">{_font(words, colour)}</TD>')
        rows.append(f"<TR>{''.join(cells)}</TR>")
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
        f"{''.join(rows)}</TABLE>"
    )


def _thumbnail(pixels: Array) -> str:
    """Images as tables of coloured cells: any renderer draws them, and no file is needed."""
    side = 5 if pixels.shape[1] > 7 else 7
    planes = []
    for plane in pixels:
        rows = "".join(
            "<TR>"
            + "".join(
                f'<TD FIXEDSIZE="TRUE" WIDTH="{side}" HEIGHT="{side}" BGCOLOR="#{r:02x}{g:02x}{b:02x}"></TD>'
                for r, g, b in row.tolist()
            )
            + "</TR>"
            for row in plane
        )
        planes.append(
            f'<TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE></TD>'
        )
    wide = 4
    lines = "".join(f"<TR>{''.join(planes[i : i + wide])}</TR>" for i in range(0, len(planes), wide))
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0">{lines}</TABLE>'


def _closed(item: Item, sheet: Sheet) -> str:
    """A Module call with all that it holds, as one node."""
    vertices = [sheet.graph.vertices[i] for i in item.members]
    parameters = sum(v.value.size for v in vertices if v.kind == "parameter") // item.count
    last = max(v.id for v in vertices)
    made = [v for v in vertices if v.kind == "operation"]
    operations = len(made) // item.count
    head = f"<B>{escape(str(item.call))}</B>" + (f" <B>× {item.count}</B>" if item.count > 1 else "")
    facts = _("{n} operations, {m} parameters").format(n=operations, m=parameters)
    rows = [_row(head, OPERATION), _row(_font(escape(facts), PALE, size=9))]
    end = sheet.graph.vertices[last]
    rows.append(_row(_font(values.shape(end.value), PALE, size=9)))
    g = sheet.upstream(last)
    if item.count > 1:
        rows += _gradients_of_copies(Item([v.id for v in made]), sheet)
    elif g is not None and sheet.detail != "none":
        words = f"{label(derivative(sheet.output, sheet.symbols[last]), 9)} {values.norm(g)}"
        rows.append(_row(_font(words, GRADIENT, size=9)))
    return (
        '<TABLE BORDER="2" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" '
        f'COLOR="{LINE}" BGCOLOR="{PAPER}">{"".join(rows)}</TABLE>'
    )


def _tip(vertex: Vertex, sheet: Sheet) -> str:
    """What a pointer shows: the array itself."""
    name = text(sheet.symbols[vertex.id])
    if vertex.kind == "failure":
        return str(vertex.operation)
    words = f"{name} {values.shape(vertex.value)}\n{values.full_text(vertex.value)}"
    g = sheet.upstream(vertex.id)
    if g is not None:
        words += f"\n{text(derivative(sheet.output, sheet.symbols[vertex.id]))}\n{values.full_text(g)}"
    return words


# --- edges ------------------------------------------------------------------------------------


def _edge(picture: Any, sheet: Sheet, link: Link) -> None:
    style: dict[str, str] = {}
    ends = [sheet.outline.items[i] for i in (link.source, link.target)]
    number = link.edges[0]
    if link.again:
        style = {"style": "dashed", "constraint": "false", "label": _again(), "color": PALE}
    elif sheet.flow is not None and sheet.detail == "full" and all(e.count == 1 for e in ends):
        words = _carried(sheet, number) if len(link.edges) == 1 else ""
        style = {"label": f"<{words}>"} if words else {}
        if number not in sheet.flow.downstream:
            style["color"] = PALE
    target = sheet.graph.vertices[sheet.graph.edges[number].target]
    if target.kind == "failure":
        style |= {"style": "bold", "label": f"<{_argument(sheet, number)}>"}
    picture.edge(f"n{link.source}", f"n{link.target}", id=f"edge{number}", **style)


def _argument(sheet: Sheet, number: int) -> str:
    """What the operation that failed calls an argument, and its shape."""
    edge = sheet.graph.edges[number]
    operation = registry.get(sheet.graph.vertices[edge.target].operation or "")
    name = operation.parameter(edge.position) if operation is not None else ""
    return _font(escape(f"{name} {sheet.graph.vertices[edge.source].shape}"), INK)


def _again() -> str:
    return f"<{_font(escape(_('next copy')), PALE, size=9)}>"


def _carried(sheet: Sheet, number: int) -> str:
    """The label of an edge: upstream gradient, local derivative, downstream gradient."""
    edge = sheet.graph.edges[number]
    flow = sheet.flow
    if flow is None or number not in flow.downstream:
        return ""
    g, d = flow.upstream[edge.target], flow.downstream[number]
    slope = local(sheet.graph, edge)
    where = rule(sheet.graph, edge, sheet.symbols)
    rows = [(_("upstream"), _brief(g))]
    if slope is not None and slope.size <= 4:
        rows.append(("× " + _("local"), escape(values.summary(slope))))
    rows.append(("= " + _("downstream"), _brief(d)))
    cells = "".join(
        f'<TR><TD ALIGN="RIGHT">{_font(escape(word), PALE, size=9)}</TD>'
        f'<TD ALIGN="LEFT">{_font(words, GRADIENT, size=9)}</TD></TR>'
        for word, words in rows
    )
    if where is not None and len(text(where)) <= LONGEST_RULE:
        cells = f'<TR><TD COLSPAN="2">{_font(label(where, 9), PALE, size=9)}</TD></TR>{cells}'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{cells}</TABLE>'


def _brief(array: Array) -> str:
    words = values.summary(array) if array.size <= 4 else values.norm(array)
    return escape(words)


def _row(content: str, fill: str = "") -> str:
    colour = f' BGCOLOR="{fill}"' if fill else ""
    return f"<TR><TD{colour}>{content}</TD></TR>"


def _font(content: str, colour: str, size: int = 0, bold: bool = False) -> str:
    """Coloured text; ``content`` is a label already."""
    content = re.sub(r"(<[^>]*>)|[ ]", lambda m: m[1] or "\u00a0", content)  # as in label()
    points = f' POINT-SIZE="{size}"' if size else ""
    words = f"<B>{content}</B>" if bold else content
    return f'<FONT COLOR="{colour}"{points}>{words}</FONT>'


