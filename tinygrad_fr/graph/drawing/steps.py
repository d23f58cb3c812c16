"""The steps of a replay: forward through the computation, then backward through the gradients."""

from dataclasses import dataclass
from html import escape

import numpy as np

from ...kernels import Array
from ...messages import _
from .. import values
from ..formulas import mathml, text
from ..formulas.latex import Item as Formula
from ..formulas.naming import derivative
from ..formulas.operations import formula, rule
from ..recorded.extract import Edge, Vertex
from ..recorded.flow import local
from .cards import array, told
from .outline import Item, shows_leaf
from .sheet import TERMS, Sheet

MOST_FACTORS, FEWER = 8, 3  # of the chain rule, written out; where there are many steps
MANY = 40  # steps
ASKED = 64  # entries: of a larger gradient an exercise asks the shape


@dataclass(frozen=True)
class Step:
    """One position of the slider.

    Attributes
    ----------
    title : str
        In words.
    body : str
        What the panel shows, as HTML.
    item : int or None
        The item that is looked at.
    edges : tuple of int
        The edges along which something goes.
    backward : bool
    """

    title: str
    body: str
    item: int | None = None
    edges: tuple[int, ...] = ()
    backward: bool = False


def steps(sheet: Sheet) -> list[Step]:
    """The start, a step per operation, the turn at the output, a step per operation, the end."""
    items = sheet.outline.items
    place = {m: i for i, item in enumerate(items) for m in item.members}
    made = [i for i, item in enumerate(items) if not shows_leaf(item, sheet.graph)]
    found = [_start(sheet), *(_forward(sheet, i, place) for i in made)]
    if sheet.flow is None or not sheet.flow.upstream:
        return found
    found.append(_turn(sheet, place))
    found += [
        _backward(sheet, i, place)
        for i in reversed(made)
        if any(m in sheet.flow.upstream for m in items[i].members)
    ]
    found.append(_end(sheet))
    return found


def _leaves(sheet: Sheet) -> list[Vertex]:
    """The values with which the computation starts, as far as they are drawn."""
    items = [item for item in sheet.outline.items if shows_leaf(item, sheet.graph)]
    return [sheet.graph.vertices[item.members[0]] for item in items]


def _start(sheet: Sheet) -> Step:
    rows = [
        _value_row(sheet.symbols[v.id], v.value, f"value {v.id}", sheet.names.get(v.id, ""))
        for v in _leaves(sheet)
        if sheet.is_told(v)
    ]
    title = _("Start: inputs and parameters")
    return Step(title, f'<table class="values">{"".join(rows)}</table>')


def _forward(sheet: Sheet, i: int, place: dict[int, int]) -> Step:
    item = sheet.outline.items[i]
    edges = _incoming(sheet, i, place)
    title = _("Forward: {what}", what=_named(sheet, item)) + item.times
    if item.stands_for_several:
        return Step(title, _values(sheet, [max(item.members)]), i, edges)
    vertex = sheet.graph.vertices[item.members[0]]
    used = dict.fromkeys(sheet.graph.edges[n].source for n in edges)
    body = _formula(formula(sheet.graph, vertex, sheet.symbols))
    if vertex.module:
        words = escape(_("layer {module}", module=vertex.module))
        body += f'<p class="note">{words}</p>'
    body += _values(sheet, [v for v in used if sheet.is_told(sheet.graph.vertices[v])])
    heading = escape(_("value"))
    body += f"<h3>{heading}</h3>" + _values(sheet, [vertex.id])
    return Step(title, body, i, edges)


def _named(sheet: Sheet, item: Item) -> str:
    """The layer or operation that a step is about, with the symbol of what it makes."""
    if item.stands_for_several:
        return str(item.call or sheet.graph.vertices[max(item.members)].operation)
    vertex = sheet.graph.vertices[item.members[0]]
    return f"{text(sheet.symbols[vertex.id])}, {vertex.operation}"


def _turn(sheet: Sheet, place: dict[int, int]) -> Step:
    last = sheet.graph.vertices[sheet.graph.output]
    body = _formula(f"{sheet.gradient(last.id)} = 1")
    words = _(
        "The backward pass starts at the output, whose derivative with respect to itself is 1."
    )
    if sheet.title:
        words += f" {sheet.title}."
    title = _("Turn: the gradient of the output")
    return Step(title, f"{body}<p>{escape(words)}</p>", place[last.id], backward=True)


def _backward(sheet: Sheet, i: int, place: dict[int, int]) -> Step:
    item = sheet.outline.items[i]
    edges = tuple(n for n in _incoming(sheet, i, place) if n in sheet.flow.downstream)  # type: ignore[union-attr]
    title = _("Backward: {what}", what=_named(sheet, item))
    if item.stands_for_several:
        sources = list(dict.fromkeys(sheet.graph.edges[n].source for n in edges))[:TERMS]
        shown = {v: sheet.upstream(v) for v in (max(item.members), *sources)}
        rows = [
            _value_row(sheet.gradient(v), g, f"upstream {v}")
            for v, g in shown.items()
            if g is not None
        ]
        return Step(title, f'<div class="gradient">{_table(rows)}</div>', i, edges, True)
    return Step(title, "".join(_product(sheet, n) for n in edges), i, edges, True)


def _product(sheet: Sheet, number: int) -> str:
    """Upstream x local = downstream, along one edge; and the exercise that hides its end."""
    edge, flow = sheet.graph.edges[number], sheet.flow
    assert flow is not None
    y, x = sheet.symbols[edge.target], sheet.symbols[edge.source]
    g, d, slope = flow.upstream[edge.target], flow.downstream[number], local(sheet.graph, edge)
    target = f"upstream {edge.target}"
    cells = [_quantity(_("upstream"), sheet.gradient(edge.target), g, target)]
    if slope is not None and slope.shape == d.shape:
        cells += ['<span class="sign">×</span>', _local(sheet, edge, derivative(y, x), slope)]
        cells.append('<span class="sign">=</span>')
    else:  # a Jacobian, or a sum over what was broadcast: as the rule says
        cells += ['<span class="sign">→</span>', _rule(sheet, edge)]
        cells.append('<span class="sign told">→</span>')
    what, whole = sheet.gradient(edge.source), f"upstream {edge.source}"
    if len(sheet.uses(edge.source)) > 1:  # one contribution of several
        what, whole = rf"{sheet.gradient(edge.target)} {derivative(y, x)}", ""
    cells.append(_quantity(_("downstream"), what, d, whole, "answer"))
    heading = _("to {name}", name=text(x))
    body = f"<h3>{escape(heading)}</h3>{_chain(sheet, edge)}"
    body += f'<div class="product">{"".join(cells)}</div>'
    return (
        f'<div class="flow" data-edge="edge{number}">{body}{_guess(d, text(x))}'
        f'<p class="said" role="status"></p>{_sum(sheet, number)}</div>'
    )


def _local(sheet: Sheet, edge: Edge, what: str, slope: Array) -> str:
    """A local derivative that acts entry by entry: its numbers, and its rule."""
    where = rule(sheet.graph, edge, sheet.symbols)
    words = "" if where is None else f'<span class="word told">{mathml(where)}</span>'
    word = escape(_("local"))
    return f'<span><span class="word">{word}</span>{mathml(what)} = {array(slope)}{words}</span>'


def _rule(sheet: Sheet, edge: Edge) -> str:
    """The rule of an operation whose local derivative is a Jacobian."""
    where = rule(sheet.graph, edge, sheet.symbols)
    word, shown = escape(_("local rule")), "" if where is None else mathml(where)
    return f'<span class="told"><span class="word">{word}</span>{shown}</span>'


def _quantity(word: str, what: str, x: Array, of: str, classes: str = "") -> str:
    return (
        f'<span class="gradient {classes}"><span class="word">{escape(word)}</span>'
        f"{mathml(what)} {told(x, of)}</span>"
    )


def _guess(d: Array, name: str) -> str:
    """Where a learner writes the downstream gradient: its largest entry, or only its shape."""
    if not d.size or not np.isfinite(d).all():
        return ""
    if d.size > ASKED:
        words = _("shape of the downstream gradient of {name}:", name=name)
        truth: object = ", ".join(map(str, d.shape))
    else:
        index = np.unravel_index(int(np.abs(d).argmax()), d.shape)
        entry = f"[{', '.join(map(str, index))}]" if d.ndim else ""
        words = _("downstream gradient of {name}{entry}:", name=name, entry=entry)
        if entry:
            words += " " + _("(indices from 0)")
        truth = float(d[index])
    check, show = escape(_("check")), escape(_("show"))
    return (
        f'<div class="guess"><label>{escape(words)} <input type="text" inputmode="decimal" '
        f'autocomplete="off" data-truth="{truth}"></label>'
        f'<button type="button" class="check">{check}</button>'
        f'<button type="button" class="reveal">{show}</button></div>'
    )


def _sum(sheet: Sheet, number: int) -> str:
    """At a fan-out: which contribution this is, and the sum when it is the last."""
    source = sheet.graph.edges[number].source
    uses = sheet.uses(source)
    if len(uses) < 2:
        return ""
    name = text(sheet.symbols[source])
    # The backward pass meets the uses from the last to the first.
    order = sorted(uses, key=lambda n: (-sheet.graph.edges[n].target, n))
    k = order.index(number) + 1
    words = _(
        "{name} is used {n} times: contribution {k} of {n}; they add up.",
        name=name,
        n=len(uses),
        k=k,
    )
    shown = f'<p class="note">{escape(words)}</p>'
    if k == len(uses):
        terms = [
            f"{sheet.gradient(u)} {derivative(sheet.symbols[u], sheet.symbols[source])}"
            for u in (sheet.graph.edges[n].target for n in order[:TERMS])
        ] + [r"\ldots"] * (len(order) > TERMS)
        total = f"{sheet.gradient(source)} = {' + '.join(terms)}"
        value = told(sheet.upstream(source), f"upstream {source}")
        shown += f'<div class="gradient told">{mathml(total)} {value}</div>'
    return shown


def _chain(sheet: Sheet, edge: Edge) -> str:
    """The running chain rule: the factors from the output to the end of this edge."""
    factors = [derivative(sheet.symbols[edge.target], sheet.symbols[edge.source])]
    here = edge.target
    most = MOST_FACTORS if len(sheet.outline.items) <= MANY else FEWER
    while here != sheet.graph.output:
        uses = sheet.uses(here)
        if len(uses) != 1 or len(factors) == most:
            # Several ways: the gradient here is already a sum.
            factors.insert(0, sheet.gradient(here))
            break
        user = sheet.graph.edges[uses[0]].target
        factors.insert(0, derivative(sheet.symbols[user], sheet.symbols[here]))
        here = user
    if len(factors) < 2:
        return ""
    whole = f"{sheet.gradient(edge.source)} = " + r" \cdot ".join(factors)
    words = escape(_("the chain rule so far"))
    return f'<div class="chain"><span class="word">{words}</span>{mathml(whole)}</div>'


def _end(sheet: Sheet) -> Step:
    rows = []
    for vertex in _leaves(sheet):
        if vertex.requires_grad:
            name = escape(sheet.names.get(vertex.id, ""))
            what = mathml(sheet.gradient(vertex.id))
            shown = array(sheet.upstream(vertex.id), f"upstream {vertex.id}")
            rows.append(f'<tr><th>{name}</th><td>{what}</td><td class="gradient">{shown}</td></tr>')
    title = _("End: the gradients of the parameters")
    hidden = escape(_("Find the downstream gradients first: {n} are left.", n="\0"))
    body = f'<p class="left" hidden>{hidden}</p><table class="values end">{"".join(rows)}</table>'
    return Step(title, body.replace("\0", '<span class="count"></span>'), backward=True)


def _incoming(sheet: Sheet, i: int, place: dict[int, int]) -> tuple[int, ...]:
    """The edges that end in an item and begin elsewhere."""
    return tuple(
        n
        for member in sheet.outline.items[i].members
        for n in sheet.graph.arriving[member]
        if place[sheet.graph.edges[n].source] != i
    )


# --- pieces of HTML ---------------------------------------------------------------------------


def _formula(latex: str | Formula) -> str:
    return f'<div class="chain">{mathml(latex, block=True)}</div>'


def _values(sheet: Sheet, vertices: list[int]) -> str:
    """The values of some vertices."""
    known = ((v, sheet.graph.vertices[v].value) for v in vertices)
    return _table([_value_row(sheet.symbols[v], value, f"value {v}") for v, value in known])


def _table(rows: list[str]) -> str:
    return f'<table class="values">{"".join(rows)}</table>' if rows else ""


def _value_row(symbol: str, value: Array, of: str, name: str = "") -> str:
    own = f" <small>{escape(name)}</small>" if name and name != text(symbol) else ""
    shape = escape(values.shape(value)) if value.ndim else ""
    return (
        f'<tr><th>{mathml(symbol)}{own}</th><td class="note">{shape}</td>'
        f"<td>{array(value, of)}</td></tr>"
    )
