"""A page that steps forward through a computation and backward through its gradients."""

import json
import re
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any

from ... import messages
from ...autograd.tensor import Tensor
from ...errors import DTypeError
from ...messages import _, spelled
from ..drawing import rendering
from ..drawing.describe import describe
from ..drawing.dot import source
from ..drawing.draw import sheet
from ..drawing.sheet import Sheet
from ..drawing.style import GRADIENT, LINE
from ..formulas import text
from ..formulas.naming import scope
from .steps import Step, steps

PAGE = Path(__file__).parent / "page"


class Replay:
    """A page that stands alone: notebooks show it, ``save`` writes it.

    Attributes
    ----------
    html : str
        The whole page; it needs no network.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | Path) -> Path:
        """Write the page."""
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        """For notebooks: in a frame of its own, so that no other output is touched."""
        title = escape(_("Replay of the backward pass"))
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="{title}" '
            'style="width:100%;height:720px;border:1px solid #999"></iframe>'
        )

    def __repr__(self) -> str:
        return _("<replay, {n} kB: .save(path), .html>", n=len(self.html.encode()) // 1000)


def replay(tensor: Tensor, path: str | Path | None = None) -> Replay:
    """Make a page that replays the computation and its backward pass, step by step.

    The drawing of :func:`tinygrad_fr.draw`, a slider, keys, and for each step the operation, its
    formula, the numbers, "upstream x local = downstream" and the chain rule so far. In exercise
    mode a downstream gradient stays hidden until it is found.

    Parameters
    ----------
    tensor
        What was computed.
    path
        Where to write the page; not written if None.

    Returns
    -------
    Replay

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> page = tg.replay((x * x).named("y"))  # doctest: +SKIP
    >>> page.save("replay.html")  # doctest: +SKIP
    """
    if not isinstance(tensor, Tensor):
        raise DTypeError("replay takes a Tensor, not {kind}", kind=type(tensor).__name__)
    page = Replay(_page(sheet(tensor, scope())))
    if path is not None:
        page.save(path)
    return page


def _page(drawn: Sheet) -> str:
    picture = rendering.svg(spelled(source(drawn)), drawn.images)
    found = steps(drawn)
    sections = "\n".join(
        f'<section class="step" id="step{i}"><h2>{i}. {escape(step.title)}</h2>'
        f"{step.body}</section>"
        for i, step in enumerate(found)
    )
    output = text(drawn.output)
    words = {
        "language": messages.language,
        "title": _("Replay: how the gradient of {name} comes about", name=output),
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
        "keys": _("Keys: ← → step, Home and End, space plays, E exercise."),
        "in_words": _("The graph in words"),
        "no_script": _("Without JavaScript all steps stand one below the other."),
    }
    parts = {name: escape(word) for name, word in words.items()}
    parts |= {
        "style": (PAGE / "replay.css").read_text(encoding="utf-8")
        + "body:not(.ready) .step{display:block}",
        "script": (PAGE / "replay.js").read_text(encoding="utf-8"),
        "picture": picture,
        "steps": sections,
        "description": escape(describe(drawn)),
        "most": str(len(found) - 1),
        "data": _data(drawn, found),
    }
    page = (PAGE / "replay.html").read_text(encoding="utf-8")
    # In one pass, not one after the other: a Tensor may be named {{style}}.
    return spelled(re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page))


def _data(drawn: Sheet, found: list[Step]) -> str:
    """What the script must know: when each node and edge is reached, forward and backward."""
    forward = {s.item: i for i, s in enumerate(found) if s.item is not None and not s.backward}
    backward = {s.item: i for i, s in enumerate(found) if s.item is not None and s.backward}
    turn = next((i for i, s in enumerate(found) if s.backward), len(found))
    place = {m: i for i, item in enumerate(drawn.outline.items) for m in item.members}
    downstream = {} if drawn.flow is None else drawn.flow.downstream
    arrows = {link.edges[0] for link in drawn.outline.links}
    guessed = {n for s in found for n in s.edges if f'data-edge="edge{n}"' in s.body}
    edges: dict[str, Any] = {}
    arrivals: dict[int, int] = {}
    needs: dict[int, list[str]] = defaultdict(list)
    for number, edge in enumerate(drawn.graph.edges):
        source, target = place[edge.source], place[edge.target]
        when = backward.get(target) if number in downstream else None
        asked = [f"edge{number}"] if number in guessed else []
        if number in arrows:
            edges[f"edge{number}"] = forward.get(target, 0), when, asked
        if when is not None:
            arrivals[source] = max(when, arrivals.get(source, 0))
            needs[source] += asked
    nodes: dict[str, Any] = {}
    for i in range(len(drawn.outline.items)):
        known = arrivals.get(i, turn if i in backward else None)
        nodes[f"node{i}"] = forward.get(i, 0), known, needs[i]
    data = {
        "nodes": nodes,
        "edges": edges,
        "turn": turn,
        "gradient": GRADIENT,
        "line": LINE,
        "steps": [
            {
                "node": None if s.item is None else f"node{s.item}",
                "edges": [f"edge{n}" for n in s.edges if n in arrows],
            }
            for s in found
        ],
        "words": {
            "play": _("play"),
            "pause": _("pause"),
            "right": _("Right."),
            "wrong": _("Not yet: multiply the upstream gradient by the local derivative."),
            "sign": _("The size is right, the sign is not."),
            "number": _("Please write a number."),
            "shape": _("Not yet: a gradient has the shape of its value."),
        },
    }
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
