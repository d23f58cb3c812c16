"""A graph in words, line by line: the text equivalent of its picture."""

from ...messages import _
from .. import values
from ..formulas import text
from ..formulas.naming import is_leaf, kind_word
from ..formulas.operations import formula
from ..recorded.extract import Vertex
from .sheet import TERMS, Sheet


def describe(sheet: Sheet) -> str:
    """One line per item, in the order of computation, then the gradients in theirs."""
    lines = [_line(sheet, i) for i in range(len(sheet.outline.items))]
    if sheet.flow is not None and sheet.flow.upstream:
        lines += ["", _("gradients, from the output back:")]
        shown = {m for item in sheet.outline.items if item.call is None for m in item.members[:1]}
        lines += [
            _gradient(sheet, vertex)
            for vertex in reversed(sheet.graph.vertices)
            if vertex.id in shown and vertex.requires_grad
        ]
    if sheet.title:
        lines.append(sheet.title)
    return "\n".join(lines)


def _line(sheet: Sheet, i: int) -> str:
    item = sheet.outline.items[i]
    last = sheet.graph.vertices[item.members[-1]]
    if item.call is not None:
        words = _(
            "{module}: layer, gives {shape}", module=item.call, shape=values.shape(last.value)
        )
    elif last.kind == "failure":
        return _("✗ {operation} fails here", operation=last.operation)
    else:
        words = _vertex(sheet, sheet.graph.vertices[item.members[0]])
    return words + item.times


def _vertex(sheet: Sheet, vertex: Vertex) -> str:
    own = text(sheet.symbols[vertex.id])
    name = sheet.names.get(vertex.id, own)
    if is_leaf(vertex):
        what = kind_word(vertex)
        head = own if own == name else f"{own} ({name})"
    else:
        head = text(formula(sheet.graph, vertex, sheet.symbols))
        what = str(vertex.operation)
        if vertex.module:
            what += f" [{vertex.module}]"
    return _(
        "{what}: {kind}, {shape}, value {value}",
        what=head,
        kind=what,
        shape=values.shape(vertex.value),
        value=values.summary(vertex.value),
    )


def _gradient(sheet: Sheet, vertex: Vertex) -> str:
    what = text(sheet.gradient(vertex.id))
    g = sheet.upstream(vertex.id)
    if g is None or sheet.flow is None:
        return _("{title}: ", title=what) + _("not computed")
    uses = sheet.uses(vertex.id)
    words = f"{what} = {values.summary(g)}"
    if len(uses) > 1:
        parts = ", ".join(
            _(
                "{value} through {name}",
                value=values.summary(sheet.flow.downstream[n]),
                name=text(sheet.symbols[sheet.graph.edges[n].target]),
            )
            for n in uses[:TERMS]
        ) + (", …" if len(uses) > TERMS else "")
        words += " " + _("(sum of {parts})", parts=parts)
    return words
