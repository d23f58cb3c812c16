"""A graph in Graphviz's language: what each node, edge and box says and looks like.

Kinds differ by their border and by a word, not only by colour: a parameter has a thick border, a
constant a dashed one. Gradients are written in a colour of their own, so that ``replay`` finds
them.
"""

from typing import Any

from ...autograd.operation import registry
from ...kernels import Array
from ...messages import _
from .. import values
from ..formulas import label, text
from ..formulas.operations import rule
from ..recorded.flow import Flow, local
from .nodes import closed_label, matrix, tip, vertex_label
from .outline import Link, Repeat
from .rendering import MOST
from .sheet import Sheet
from .style import BOX, FONT, GRADIENT, INK, LINE, PALE, PAPER, attribute, escape, font, table

LONGEST_RULE = 44  # characters: a longer one would push the nodes apart


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
        "fontsize": "11", "nodesep": "0.25", "ranksep": "0.4", "pad": "0.15",
        "outputorder": "edgesfirst",
    }  # fmt: skip
    if n > 300:  # a second instead of many
        style |= {"nslimit": "2", "nslimit1": "2", "mclimit": "0.2", "splines": "polyline"}
    if sheet.title:
        title = font(escape(sheet.title), PALE)
        style |= {"label": f"<{title}>", "labelloc": "b", "labeljust": "l"}
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
            words = str(box)
            if repeated:
                words = _("{title}: ", title="× " + str(box.count))
                words += _("{n} times the same block", n=box.count)
            part.attr(
                label=f"<{font(escape(words), PALE, bold=True)}>", labeljust="l", bgcolor=BOX,
                color=LINE, style="dashed,rounded" if repeated else "rounded", margin="10",
                penwidth="1.6" if repeated else "0.8",
            )  # fmt: skip
            _boxed(part, sheet, members, level + 1)


# --- nodes ------------------------------------------------------------------------------------


def _node(picture: Any, sheet: Sheet, i: int) -> None:
    item = sheet.outline.items[i]
    if item.call is not None:
        words, shown = closed_label(item, sheet), str(item.call)
    else:
        vertex = sheet.graph.vertices[item.members[0]]
        drawn = len(sheet.outline.items) <= MOST
        words, shown = vertex_label(vertex, item, sheet), tip(vertex, sheet) if drawn else ""
    tooltip = {"tooltip": attribute(shown)} if shown else {}
    picture.node(f"n{i}", label=f"<{words}>", id=f"node{i}", **tooltip)


# --- edges ------------------------------------------------------------------------------------


def _edge(picture: Any, sheet: Sheet, link: Link) -> None:
    style: dict[str, str] = {}
    ends = [sheet.outline.items[i] for i in (link.source, link.target)]
    number = link.edges[0]
    if link.again:
        again = "<" + font(escape(_("next copy")), PALE, size=9) + ">"
        style = {"style": "dashed", "constraint": "false", "label": again, "color": PALE}
    elif sheet.flow is not None and sheet.detail == "full" and all(e.count == 1 for e in ends):
        if number not in sheet.flow.downstream:
            style = {"color": PALE}
        elif len(link.edges) == 1:
            style = {"label": f"<{_carried(sheet, sheet.flow, number)}>"}
    target = sheet.graph.vertices[sheet.graph.edges[number].target]
    if target.kind == "failure":
        style |= {"style": "bold", "label": f"<{_argument(sheet, number)}>"}
    picture.edge(f"n{link.source}", f"n{link.target}", id=f"edge{number}", **style)


def _argument(sheet: Sheet, number: int) -> str:
    """What the operation that failed calls an argument, and its shape."""
    edge = sheet.graph.edges[number]
    operation = registry.get(sheet.graph.vertices[edge.target].operation or "")
    name = operation.parameter(edge.position) if operation is not None else ""
    return font(escape(f"{name} {sheet.graph.vertices[edge.source].shape}"), INK)


def _carried(sheet: Sheet, flow: Flow, number: int) -> str:
    """The label of an edge: upstream gradient, local derivative, downstream gradient."""
    edge = sheet.graph.edges[number]
    g, d = flow.upstream[edge.target], flow.downstream[number]
    slope = local(sheet.graph, edge)
    where = rule(sheet.graph, edge, sheet.symbols)
    rows = [_told(_("upstream"), g)]
    if slope is not None and slope.size <= 4 and slope.shape == d.shape:
        rows.append(("× " + _("local"), _numbers(slope)))
    rows.append(_told("= " + _("downstream"), d))
    cells = "".join(
        f'<TR><TD ALIGN="RIGHT">{font(escape(word), PALE, size=9)}</TD>'
        f'<TD ALIGN="LEFT">{words}</TD></TR>'
        for word, words in rows
    )
    if where is not None and len(text(where)) <= LONGEST_RULE:
        cells = f'<TR><TD COLSPAN="2">{font(label(where, 9), PALE, size=9)}</TD></TR>{cells}'
    return table(cells, padding=1)


def _told(word: str, array: Array) -> tuple[str, str]:
    """A word and what it stands for: the numbers when few, else their norm."""
    if array.size <= 4:
        return word, _numbers(array)
    return f"{word}, ", font(escape(values.norm(array)), GRADIENT, size=9)


def _numbers(array: Array) -> str:
    """Few numbers: a matrix in its shape, a vector as a list."""
    entries = values.grid(array) if array.ndim == 2 else None
    if entries is not None:
        return matrix(entries, GRADIENT, size=9)
    return font(escape(values.summary(array)), GRADIENT, size=9)
