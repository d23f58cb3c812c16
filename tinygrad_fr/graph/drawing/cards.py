"""What a node of the page says, as HTML: formula or name, shape, value, gradient."""

import base64
from html import escape

import numpy as np

from ...kernels import Array
from ...messages import _, ngettext
from .. import values
from ..formulas import mathml, text
from ..formulas.indexing import shown_index
from ..formulas.naming import is_leaf, kind_word
from ..formulas.operations import arguments, counts, formula
from ..recorded.extract import Vertex
from .outline import Item
from .rendering import png
from .sheet import TERMS, Sheet


def card(item: Item, sheet: Sheet) -> str:
    """A value, or a Module call with all that it holds."""
    if item.stands_for_several:
        return _of_several(item, sheet)
    vertex = sheet.graph.vertices[item.members[0]]
    rows = [_head(vertex, sheet)]
    if vertex.kind != "failure":
        if vertex.shape or vertex.value.dtype.kind != "f":
            rows.append(f'<div class="shape">{escape(values.shape(vertex.value))}</div>')
        if vertex.kind != "constant" or sheet.is_told(vertex):
            rows.append(f"<div>{array(vertex.value, f'value {vertex.id}')}</div>")
        rows.append(_gradient(vertex, sheet))
    return "".join(rows)


def _head(vertex: Vertex, sheet: Sheet) -> str:
    """The formula of an operation, the name of a leaf."""
    if vertex.kind == "failure":
        words = escape(_("fails here"))
        return f"<div><b>✗ {escape(vertex.operation or '')}</b> {words}</div>"
    own = sheet.symbols[vertex.id]
    name = sheet.names.get(vertex.id, "")
    name = "" if name == text(own) else escape(name)
    if is_leaf(vertex):
        word = escape(kind_word(vertex))
        return f'<div>{mathml(own)} {name} <span class="word">{word}</span></div>'
    extra = "" if shown_index(sheet.graph, vertex) else arguments(vertex)
    operation = f"{vertex.operation}({extra})" if extra else str(vertex.operation)
    how_many = counts(sheet.graph, vertex)
    operation = escape(f"{operation}, {how_many}" if how_many else operation)
    words = f"{name} : {operation}" if name else operation
    shown = mathml(formula(sheet.graph, vertex, sheet.symbols))
    return f'<div>{shown}</div><div class="word">{words}</div>'


def _gradient(vertex: Vertex, sheet: Sheet) -> str:
    """The gradient that arrives; at a fan-out, as the sum of its contributions."""
    if sheet.flow is None or not vertex.requires_grad:
        return ""
    what = mathml(sheet.gradient(vertex.id))
    g = sheet.upstream(vertex.id)
    if g is None:
        return f'<div class="gradient">{what} {escape(_("not computed"))}</div>'
    uses = sheet.uses(vertex.id)
    terms = ""
    if len(uses) > 1 and g.size == 1 and len(uses) <= TERMS:
        terms = " + ".join(values.number(sheet.flow.downstream[n].item()) for n in uses)
        terms = f" = {terms}".replace("+ -", "− ")
    elif len(uses) > 1:
        terms = f" = Σ ({len(uses)})"
    shown = told(g, f"upstream {vertex.id}")
    return f'<div class="gradient grad">{what}{terms} {shown}</div>'


def array(x: Array | None, of: str = "") -> str:
    """A number, a small matrix, or a thumbnail and a summary; ``of`` says whose entries they are.

    The page lets its entries be clicked: ``data-of`` is ``value 3`` or ``upstream 3``.
    """
    if x is None:
        return escape(_("not computed"))
    mark = f' data-of="{of}"' if of else ""
    if not x.ndim:
        return f"<span{mark}>{escape(values.summary(x))}</span>"
    entries = values.grid(x)
    if entries is not None:
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(words)}</td>' for words in row)}</tr>" for row in entries
        )
        return f'<table class="matrix"{mark}>{rows}</table>'
    is_gradient = of.startswith("upstream")
    words = escape(values.norm(x) if is_gradient else values.summary(x))
    return f'<span class="large"{mark}>{_thumbnails(x)}{words}</span>'


def told(x: Array | None, of: str = "") -> str:
    """The same behind a sign: a number equals what stands before it, a summary does not."""
    whole = x is None or not x.ndim or values.grid(x) is not None
    return f"{'=' if whole else ':'} {array(x, of)}"


def _thumbnails(x: Array) -> str:
    """Images beside each other; their text stands beside them."""
    planes = values.thumbnail(x)
    if planes is None:
        return ""
    side = 3 if planes.shape[1] > 7 else 5
    data = base64.b64encode(png(_sheet_of(planes))).decode("ascii")
    height, width = (side * n for n in _sheet_of(planes).shape[:2])
    size = f'width="{width}" height="{height}"'
    return f'<img class="thumbnails" alt="" {size} src="data:image/png;base64,{data}">'


def _sheet_of(planes: Array) -> Array:
    """Images in lines of four, a grey pixel between them: one file is smaller than eight."""
    count, height, width, colours = planes.shape
    columns, rows = min(count, 4), -(-count // 4)
    pixels = np.full((rows * (height + 1), columns * (width + 1), colours), 127, np.uint8)
    for n, plane in enumerate(planes):
        top, left = n // 4 * (height + 1), n % 4 * (width + 1)
        pixels[top : top + height, left : left + width] = plane
    return pixels[:-1, :-1]


def _of_several(item: Item, sheet: Sheet) -> str:
    """A Module call or a repeated operation, as one node."""
    vertices = [sheet.graph.vertices[i] for i in item.members]
    made = [v for v in vertices if v.kind == "operation"]
    last = sheet.graph.vertices[max(item.members)]
    head = escape(str(item.call or last.operation or text(sheet.symbols[last.id])))
    rows = [f"<div><b>{head}</b>{escape(item.times)}</div>"]
    if item.call is not None:
        rows.append(f'<div class="word">{escape(facts(vertices, item.count))}</div>')
    rows.append(f'<div class="shape">{escape(values.shape(last.value))}</div>')
    ends = [sheet.upstream(max(item.members)), sheet.upstream(min(v.id for v in made or vertices))]
    if item.count > 1 and ends[0] is not None and ends[1] is not None:
        words = _(
            "gradient: {last} (last) … {first} (first)",
            last=values.norm(ends[0]), first=values.norm(ends[1]),
        )  # fmt: skip
        rows.append(f'<div class="gradient grad">{escape(words)}</div>')
    elif ends[0] is not None:
        words = f"{mathml(sheet.gradient(last.id))} : {escape(values.norm(ends[0]))}"
        rows.append(f'<div class="gradient grad">{words}</div>')
    return "".join(rows)


def facts(vertices: list[Vertex], count: int = 1) -> str:
    """How many operations and parameters a Module call holds."""
    parameters = sum(v.value.size for v in vertices if v.kind == "parameter") // count
    operations = sum(v.kind == "operation" for v in vertices) // count
    words = ngettext("{n} operation", "{n} operations", operations, n=operations)
    return f"{words}, " + ngettext("{n} parameter", "{n} parameters", parameters, n=parameters)
