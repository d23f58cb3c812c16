"""What a node says: formula or name, shape, value, gradient."""

import zlib

import numpy as np

from ...kernels import Array
from ...messages import _
from .. import values
from ..formulas import label, text
from ..formulas.indexing import shown_index
from ..formulas.naming import is_leaf, kind_word
from ..formulas.operations import arguments, counts, formula
from ..recorded.extract import Vertex
from .cards import facts
from .outline import Item
from .sheet import TERMS, Sheet
from .style import FRAME, GRADIENT, INK, KINDS, OPERATION, PALE, escape, font, row, table


def vertex_label(vertex: Vertex, item: Item, sheet: Sheet) -> str:
    """A value: its formula or name, shape, entries and gradient."""
    is_output = vertex.kind == "operation" and vertex.id == sheet.graph.output
    fill, border, style = KINDS["output" if is_output else vertex.kind]
    rows = [row(words, fill) for words in _header(vertex, sheet, item.count)]
    if vertex.kind != "failure":
        rows += _value_rows(vertex, item, sheet)
    return table("".join(rows), border, padding=3, look=f'{FRAME} STYLE="{style}"')


def _header(vertex: Vertex, sheet: Sheet, count: int) -> list[str]:
    """What stands at the top: the formula of an operation, the name of a leaf."""
    if vertex.kind == "failure":
        words = font(escape(_("fails here")), INK)
        return [f"<B>✗ {escape(vertex.operation or '')}</B> {words}"]
    own = sheet.symbols[vertex.id]
    name = sheet.names.get(vertex.id, "")
    name = "" if name == text(own) else escape(name)
    repeated = _repeated(count)
    if is_leaf(vertex):
        words = font(label(own, 14), INK, size=14) + repeated + font(f" {name}", INK)
        return [f"{words}  {font(escape(kind_word(vertex)), PALE, size=9)}"]
    indexed = shown_index(sheet.graph, vertex) and sheet.detail != "none"  # the formula says it
    extra = "" if indexed else arguments(vertex)
    operation = escape(f"{vertex.operation}({extra})" if extra else str(vertex.operation))
    if sheet.detail == "none" or count > 1:
        return [f"<B>{operation}</B>{repeated}"]
    how_many = counts(sheet.graph, vertex)
    operation += f", {how_many}" if how_many else ""
    shown = font(label(formula(sheet.graph, vertex, sheet.symbols), 14), INK, size=14)
    return [shown, font(f"{name} : {operation}" if name else operation, PALE, size=9)]


def _value_rows(vertex: Vertex, item: Item, sheet: Sheet) -> list[str]:
    if item.count > 1:
        return [_shape(vertex), *_gradients_of_copies(item, sheet)]
    if sheet.detail == "none":
        return [_shape(vertex)]
    rows = []
    if vertex.kind != "constant" or sheet.is_told(vertex):
        if vertex.shape or vertex.value.dtype != np.float64:
            rows.append(_shape(vertex))
        rows.append(row(_array(vertex.value, sheet, INK)))
    if sheet.flow is not None and vertex.requires_grad:
        rows.append(row(_gradient(vertex, sheet)))
    return rows


def _shape(vertex: Vertex) -> str:
    return row(font(values.shape(vertex.value), PALE, size=9))


def _repeated(count: int) -> str:
    return f" <B>× {count}</B>" if count > 1 else ""


def _gradient(vertex: Vertex, sheet: Sheet) -> str:
    """The gradient that arrives; at a fan-out, as the sum of its contributions."""
    what = font(label(sheet.gradient(vertex.id)), GRADIENT)
    g = sheet.upstream(vertex.id)
    if g is None:
        return f"{what} " + font(escape(_("not computed")), GRADIENT)
    uses = sheet.uses(vertex.id)
    if len(uses) > 1 and sheet.flow is not None:
        if g.size == 1 and len(uses) <= TERMS:
            terms = " + ".join(values.number(sheet.flow.downstream[n].item()) for n in uses)
            words = f" = {terms} = <B>{values.number(g.item())}</B>".replace("+ -", "− ")
            return what + font(words, GRADIENT)
        what += font(f" = Σ ({len(uses)})", GRADIENT)
    if g.size == 1:
        return what + font(f" = <B>{values.number(g.item())}</B>", GRADIENT)
    if sheet.detail == "full" and (values.grid(g) or values.thumbnail(g) is not None):
        return f"{what}{font(' =', GRADIENT)}</TD></TR><TR><TD>{_array(g, sheet, GRADIENT)}"
    return f"{what}{font(' : ' + escape(values.norm(g)), GRADIENT)}"


def _gradients_of_copies(item: Item, sheet: Sheet) -> list[str]:
    """How long the gradient is at the last copy and at the first: where it vanishes or explodes."""
    last, first = (sheet.upstream(i) for i in (max(item.members), min(item.members)))
    if last is None or first is None:
        return []
    words = _(
        "gradient: {last} (last) … {first} (first)",
        last=values.norm(last),
        first=values.norm(first),
    )
    return [row(font(escape(words), GRADIENT, size=9))]


def _array(array: Array, sheet: Sheet, colour: str) -> str:
    """An array in a label: its entries, a thumbnail, or a summary."""
    if sheet.detail == "full" and array.ndim:
        entries = values.grid(array)
        if entries is not None:
            return matrix(entries, colour)
        pixels = values.thumbnail(array)
        if pixels is not None:
            words = font(escape(values.summary(array)), colour, size=9)
            return f"{_thumbnail(pixels, sheet)}</TD></TR><TR><TD>{words}"
    is_long = array.ndim > 0 and array.size > 4 and colour == GRADIENT
    return font(escape(values.norm(array) if is_long else values.summary(array)), colour)


def matrix(entries: list[list[str]], colour: str, size: int = 0) -> str:
    """A small array between the two bars of a matrix."""
    left, right = (
        f'<TD BORDER="1" SIDES="{side}" WIDTH="6" COLOR="{colour}"></TD>' for side in "LR"
    )
    rows = []
    for line in entries:
        cells = (f'<TD ALIGN="RIGHT">{font(words, colour, size=size)}</TD>' for words in line)
        rows.append(f"<TR>{left}{''.join(cells)}{right}</TR>")
    return table("".join(rows), padding=2)


def _thumbnail(pixels: Array, sheet: Sheet) -> str:
    """Images beside each other, each in a cell of its own; the sheet keeps what they show."""
    side = 5 if pixels.shape[1] > 7 else 7
    cells = []
    for plane in pixels:
        height, width = (side * n for n in plane.shape[:2])
        name = f"thumbnail-{zlib.crc32(plane.tobytes()):08x}-{width}x{height}.png"
        sheet.images[name] = plane
        cells.append(
            f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}">'
            f'<IMG SCALE="BOTH" SRC="{name}"/></TD>'
        )
    lines = "".join(f"<TR>{''.join(cells[i : i + 4])}</TR>" for i in range(0, len(cells), 4))
    return table(lines, spacing=2)


def closed_label(item: Item, sheet: Sheet) -> str:
    """A Module call with all that it holds, as one node."""
    vertices = [sheet.graph.vertices[i] for i in item.members]
    last = max(v.id for v in vertices)
    made = [v for v in vertices if v.kind == "operation"]
    head = f"<B>{escape(str(item.call))}</B>{_repeated(item.count)}"
    rows = [row(head, OPERATION), row(font(escape(facts(vertices, item.count)), PALE, size=9))]
    rows.append(_shape(sheet.graph.vertices[last]))
    g = sheet.upstream(last)
    if item.count > 1:
        rows += _gradients_of_copies(Item([v.id for v in made]), sheet)
    elif g is not None and sheet.detail != "none":
        words = f"{label(sheet.gradient(last), 9)} : {values.norm(g)}"
        rows.append(row(font(words, GRADIENT, size=9)))
    return table("".join(rows), 2, padding=4, look=FRAME)


def tip(vertex: Vertex, sheet: Sheet) -> str:
    """What a pointer shows: the array itself."""
    name = text(sheet.symbols[vertex.id])
    if vertex.kind == "failure":
        return str(vertex.operation)
    words = f"{name} {values.shape(vertex.value)}\n{values.full_text(vertex.value)}"
    g = sheet.upstream(vertex.id)
    if g is not None:
        words += f"\n{text(sheet.gradient(vertex.id))}\n{values.full_text(g)}"
    return words
