"""A page that stands alone: a graph that opens and closes, its steps, the origin of its entries."""

import json
import re
from collections import defaultdict
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from ... import messages
from ...messages import _, spelled
from .. import values
from ..explaining.answers import answers
from ..formulas import text
from ..formulas.naming import kind_word
from .cards import card, facts
from .describe import describe
from .outline import Outline, Repeat, shows_leaf, unfolded
from .rendering import refuse_many
from .sheet import Sheet
from .steps import Step, steps

FOLDER = Path(__file__).parent / "page"
SCRIPTS = ("layout.js", "graph.js", "arrays.js", "zoom.js", "replay.js")
OPEN = 40  # nodes: modules are opened as far as no more are seen


def page(sheet: Sheet, *, stepping: bool, depth: int | None = None) -> str:
    """The page of a replay, or of a drawing: the same without its slider.

    Parameters
    ----------
    sheet
        What is drawn.
    stepping
        Whether the reader steps through the computation, or sees all of it at once.
    depth
        How many levels of modules are open at first; None: as many as are legible.
    """
    refuse_many(len(sheet.outline.items))
    outline, stands = unfolded(sheet.graph) if depth is None or _is_open(sheet) else (
        sheet.outline, {})  # fmt: skip
    sheet = replace(sheet, outline=outline)
    found = steps(sheet)
    sections = "\n".join(
        f'<section class="step" id="step{i}"><h2>{i}. {escape(step.title)}</h2>'
        f"{step.body}</section>"
        for i, step in enumerate(found)
    )
    parts = {name: escape(word) for name, word in _words(sheet, stepping).items()}
    parts |= {
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "script": "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "mode": "replay" if stepping else "drawing",
        "steps": sections,
        "description": escape(describe(sheet)),
        "most": str(len(found) - 1),
        "data": _as_script(_data(sheet, found, stands, depth)),
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    # In one pass, not one after the other: a Tensor may be named {{style}}.
    return spelled(re.sub(r"\{\{(\w+)\}\}", lambda part: parts[part[1]], template))


def _is_open(sheet: Sheet) -> bool:
    return all(item.call is None or item.count == 1 for item in sheet.outline.items)


def _as_script(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _words(sheet: Sheet, stepping: bool) -> dict[str, str]:
    output = text(sheet.output)
    title = _("Replay: how the gradient of {name} comes about", name=output)
    return {
        "language": messages.language,
        "title": title if stepping else _("The graph of {name}", name=output),
        "alternative": _("Drawing of the computation graph; in words at the end of the page"),
        "controls": _("Controls"),
        "first": _("to the start"),
        "previous": _("previous step"),
        "next": _("next step"),
        "last": _("to the end"),
        "play": _("play"),
        "slider": _("step"),
        "exercise": _("exercise: find the downstream gradients"),
        "smaller": _("smaller"),
        "larger": _("larger"),
        "fit": _("fit"),
        "turn": _("turn the picture: from left to right, or from top to bottom"),
        "open": _("open all"),
        "close": _("close all"),
        "keys": _("Keys: ← → step, Home and End, space plays, E exercise.") if stepping else "",
        "hint": _("Click an entry of a value or of a gradient: where does it come from?"),
        "origin": _("Where a number comes from"),
        "in_words": _("The graph in words"),
        "no_script": _("Without JavaScript all steps stand one below the other."),
        "remark": sheet.title,
    }


def _data(
    sheet: Sheet, found: list[Step], stands: dict[int, int], depth: int | None
) -> dict[str, Any]:
    """What the scripts must know."""
    forward = {s.item: i for i, s in enumerate(found) if s.item is not None and not s.backward}
    backward = {s.item: i for i, s in enumerate(found) if s.item is not None and s.backward}
    turn = next((i for i, s in enumerate(found) if s.backward), len(found))
    guessed = {n for s in found for n in s.edges if f'data-edge="edge{n}"' in s.body}
    place = {m: i for i, item in enumerate(sheet.outline.items) for m in item.members}
    downstream = {} if sheet.flow is None else sheet.flow.downstream
    names = _group_names(sheet.outline)
    arrivals, needs = dict[int, int](), defaultdict[int, list[str]](list)
    for number, edge in enumerate(sheet.graph.edges):
        source, when = place[edge.source], backward.get(place[edge.target])
        if number in downstream and when is not None:
            arrivals[source] = max(when, arrivals.get(source, 0))
            needs[source] += [f"edge{number}"] if number in guessed else []
    nodes = [
        {
            "id": f"node{i}",
            "card": card(item, sheet),
            "label": _label(sheet, i),
            "leaf": shows_leaf(item, sheet.graph),
            "kind": sheet.graph.vertices[item.members[0]].kind if item.call is None else "module",
            "groups": [names[id(box)] for box in item.boxes],
            "stands": stands.get(i),
            "forward": forward.get(i, 0),
            "backward": arrivals.get(i, turn if i in backward else None),
            "product": backward.get(i),
            "needs": needs[i],
        }
        for i, item in enumerate(sheet.outline.items)
    ]
    edges = [
        {
            "id": f"edge{link.edges[0]}",
            "from": link.source,
            "to": link.target,
            "again": link.again,
            "forward": forward.get(link.target, 0),
            "backward": backward.get(link.target) if link.edges[0] in downstream else None,
            "needs": [f"edge{link.edges[0]}"] if link.edges[0] in guessed else [],
            "carried": _carried(sheet, link.edges),
        }
        for link in sheet.outline.links
    ]
    return {
        "nodes": nodes,
        "edges": edges,
        "groups": _groups(sheet, depth),
        "direction": sheet.direction,
        "output": place[sheet.graph.output],
        "turn": turn,
        "steps": [
            {"node": s.item, "edges": [f"edge{n}" for n in s.edges]} for s in found
        ],
        "answers": answers(sheet.graph, sheet.symbols, sheet.flow),
        "words": _script_words(),
    }  # fmt: skip


def _label(sheet: Sheet, i: int) -> str:
    """A node in a few words, for screen readers."""
    item = sheet.outline.items[i]
    if item.stands_for_several:
        return str(item.call or sheet.graph.vertices[item.members[0]].operation) + item.times
    vertex = sheet.graph.vertices[item.members[0]]
    if vertex.kind == "failure":
        return _("✗ {operation} fails here", operation=vertex.operation)
    name = f"{text(sheet.symbols[vertex.id])} ({vertex.operation or kind_word(vertex)})"
    return _("{name}: {value}", name=name, value=values.summary(vertex.value))


def _carried(sheet: Sheet, edges: tuple[int, ...]) -> str:
    """What an edge hands back, in a few words; empty where nothing flows, or much."""
    if sheet.flow is None or len(edges) > 1 or edges[0] not in sheet.flow.downstream:
        return ""
    d = sheet.flow.downstream[edges[0]]
    return values.summary(d) if d.size == 1 else values.norm(d)


def _group_names(outline: Outline) -> dict[int, str]:
    """By identity, the modules and repeated blocks in the order in which they come."""
    boxes = dict.fromkeys(id(box) for item in outline.items for box in item.boxes)
    return {box: f"group{n}" for n, box in enumerate(boxes)}


def _groups(sheet: Sheet, depth: int | None) -> dict[str, Any]:
    """Modules and repeated blocks, and whether they are open at first."""
    found, names = dict[str, dict[str, Any]](), _group_names(sheet.outline)
    members: dict[str, list[int]] = defaultdict(list)
    for item in sheet.outline.items:
        for level, box in enumerate(item.boxes):
            key = names[id(box)]
            members[key] += item.members
            repeated = isinstance(box, Repeat)
            modules = sum(not isinstance(outer, Repeat) for outer in item.boxes[:level])
            found.setdefault(key, {
                "title": "" if repeated else str(box), "level": level, "modules": modules,
                "count": box.count if repeated else 1,
                "parent": names[id(item.boxes[level - 1])] if level else None,
            })  # fmt: skip
    if depth is None:
        depth = _legible_depth(sheet)
    for key, group in found.items():
        vertices = [sheet.graph.vertices[m] for m in members[key]]
        group["facts"] = facts(vertices, group["count"])
        group["shape"] = values.shape(vertices[-1].value)
        repeated = group["count"] > 1
        group["open"] = not repeated and group["modules"] < depth
        if repeated:
            group["title"] = _("{n} times the same block", n=group["count"])
    return found


def _legible_depth(sheet: Sheet) -> int:
    """How many levels of modules are open while no more nodes are seen than can be read."""
    chains = [[box for box in item.boxes if not isinstance(box, Repeat)]
              for item in sheet.outline.items]  # fmt: skip
    deepest = max(map(len, chains), default=0)

    def seen(depth: int) -> int:
        return len({id(c[depth]) if len(c) > depth else i for i, c in enumerate(chains)})

    return next((d for d in range(deepest, 0, -1) if seen(d) <= OPEN), min(deepest, 1))


def _script_words() -> dict[str, str]:
    return {
        "play": _("play"),
        "pause": _("pause"),
        "right": _("Right."),
        "wrong": _("Not yet: multiply the upstream gradient by the local derivative."),
        "sign": _("The size is right, the sign is not."),
        "number": _("Please write a number."),
        "shape": _("Not yet: a gradient has the shape of its value."),
        "open": _("open"),
        "close": _("close"),
        "again": _("next copy"),
        "back": _("back"),
        "value": _("where does {name} come from?", name="\0"),
        "gradient": _("which gradients flow into {name}?", name="\0"),
        "move": _("go through the entries"),
        "colours": _("blue: negative, orange: positive"),
        "stop": _("stop"),
        "given": _("it was given: no recorded operation made it"),
        "start": _("the backward pass begins here: the derivative of the output by itself is 1"),
        "unused": _("no gradient flows into it"),
        "large": _(
            "too large for this page: tg.explain(tensor, {index}) tells it, with gradient=True for "
            "the gradient",
            index="\0",
        ),
        "sum": _("sum: {value}", value="\0"),
        "others": _("and {n} others, together {sum}", n="\0", sum="\1"),
        "more": _("and {n} others", n="\0"),
        "slopes": _("answers to {name} with the slopes", name="\0"),
        "through": _("through {name} ({operation}): upstream × local", name="\0", operation="\1"),
        "used": _("it is used {n} times: what comes through each use adds up", n="\0"),
        "largest": _("the largest"),
        "smallest": _("the smallest"),
        "ties": _("ties share"),
        "image": _("{name}, an image of its entries: arrows move, Enter explains", name="\0"),
        "over": _("the weights as they lie over the window"),
        "window": _("the window"),
        "range": _("{low} to {high}", low="\0", high="\1"),
    }
