"""An explanation in words: for terminals, for notebooks, for a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

import numpy as np

from ...messages import _
from .. import values
from ..formulas import mathml, text
from ..formulas.latex import letters_of, parse
from ..formulas.naming import derivative
from ..formulas.operations import formula, rule
from ..formulas.source import latex_of as latex_of_tree
from .indices import LETTERS, pattern
from .origin import Origin, bracketed, entry, entry_latex, number
from .parts import Part
from .pictures import pictures
from .stories import story

MOST = 12  # terms written out; of more, the largest
LARGEST = 8


@dataclass
class Block:
    """What comes from one value, or through one use.

    Attributes
    ----------
    title, rule : str
        In words, and the local rule in LaTeX.
    rows : list of (str, str, str)
        The terms: in letters (LaTeX), in numbers, and what they give.
    rest : str
        How many more terms there are, and what they add up to.
    """

    title: str = ""
    rule: str = ""
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    rest: str = ""


def head(found: Origin) -> str:
    """The entry and its number, LaTeX."""
    own = entry_latex(found, found.vertex.id, found.index, found.gradient)
    return f"{own} = {number(found.value)}"


def formulas(found: Origin) -> list[str]:
    """How the whole value is computed, and this entry in letters and in numbers; LaTeX."""
    lines = []
    if found.kind in ("sum", "function"):
        lines.append(latex_of_tree(formula(found.graph, found.vertex, found.symbols)))
    general = _in_letters(found)
    return [*lines, *([general] if general else []), *story(found)]


def _in_letters(found: Origin) -> str:
    """The sum with letters for what varies: over k of ``x[0, k] W[k, 2]``."""
    if found.kind not in ("sum", "gradient") or not any(len(part) > 1 for part in found.parts):
        return ""
    gradient = found.gradient
    taken = {c for symbol in found.symbols.values() for c in letters_of(parse(symbol))}
    letters = [letter for letter in LETTERS if letter not in taken]
    terms, ranges = [], dict[str, tuple[int, int]]()
    for part in found.parts:
        told = pattern(part, letters)
        if told is None or (gradient and part.factor is None and len(part) > 1):
            return ""
        letters = [letter for letter in letters if letter not in told.ranges]
        ranges |= told.ranges
        words = entry(found, part.of, told.entry, gradient)
        if part.factor is not None:
            words += r" \, " + entry(found, part.factor, told.factor, False)
        elif np.ptp(part.weights) == 0 and part.weights[0] != 1:
            words = rf"{bracketed(part.weights[0])} \, {words}"
        elif np.ptp(part.weights) != 0:
            return ""
        over = rf"\sum_{{{', '.join(told.ranges)}}} " if told.ranges else ""
        terms.append(over + words)
    left = entry_latex(found, found.vertex.id, found.index, gradient)
    spans = [rf"{letter} = {a} \ldots {b}" for letter, (a, b) in ranges.items()]
    return rf"{left} = {' + '.join(terms)}, \quad {', '.join(spans)}"


def blocks(found: Origin) -> list[Block]:
    """The terms, those of each use apart."""
    gradient = found.gradient
    told = []
    for part in found.parts:
        block = Block()
        if gradient:
            target = found.graph.vertices[part.edge.target]
            block.title = _(
                "through {name} ({operation}, {argument}): upstream × local",
                name=text(found.symbols[target.id]), operation=target.operation,
                argument=target.tensor._op.parameter(part.edge.position),  # type: ignore[union-attr]
            )  # fmt: skip
            known = rule(found.graph, part.edge, found.symbols)
            block.rule = "" if known is None else latex_of_tree(known)
        elif found.kind == "function":
            block.title = _("answers to {name} with the slopes", name=text(found.symbols[part.of]))
        order = np.arange(len(part))
        if len(part) > MOST:
            size = np.abs(part.products if found.kind != "function" else part.weights)
            order = np.sort(np.argsort(-np.nan_to_num(size), kind="stable")[:LARGEST])
        block.rows = [_row(found, part, int(t)) for t in order]
        if len(part) > len(order):
            left = np.delete(part.products, order)
            told_sum = _("and {n} others, together {sum}", n=len(left), sum=number(left.sum()))
            told_n = _("and {n} others", n=len(left))
            block.rest = told_n if found.kind == "function" else told_sum
        told.append(block)
    return told


def _row(found: Origin, part: Part, t: int) -> tuple[str, str, str]:
    """A term: in letters, in numbers, and its product."""
    gradient = found.gradient
    own = entry_latex(found, part.of, tuple(part.indices[t]), gradient)
    value, weight = part.values[t], part.weights[t]
    if found.kind == "function":
        slope = derivative(
            entry_latex(found, found.vertex.id, found.index),
            entry_latex(found, part.of, tuple(part.indices[t])),
        )
        return f"{own} = {number(value)}", f"{slope} =", number(weight)
    if part.factor is not None and part.factor_indices is not None:
        other = entry_latex(found, part.factor, tuple(part.factor_indices[t]))
        own = rf"{own} \cdot {other}"
    elif gradient:
        local = derivative(
            entry_latex(found, part.of, tuple(part.indices[t])),
            entry_latex(found, found.vertex.id, found.index),
        )
        own = rf"{own} \cdot {local}"
    if weight == 1 and part.factor is None and not gradient:
        return own, "", number(value)
    product = float(part.products[t])
    return own, rf"{number(value)} \cdot {bracketed(weight)}", number(product)


def notes(found: Origin) -> Iterator[str]:
    """What else there is to say, in words."""
    if found.kind == "given":
        if found.vertex.operation is not None:
            yield _("the backward pass begins here: the derivative of the output by itself is 1")
        elif found.gradient:
            yield _("nothing uses it")
        else:
            yield _("it was given: no recorded operation made it")
        return
    if found.kind == "gradient" and len(found.parts) > 1:
        yield _("it is used {n} times: what comes through each use adds up", n=len(found.parts))
    output = found.graph.vertices[found.graph.output]
    if found.kind == "gradient" and output.value.size != 1:
        yield _("gradients of the sum of the output's entries")


# --- formats ----------------------------------------------------------------------------------


def text_of(found: Origin) -> str:
    """Line by line, for terminals."""
    lines = [text(head(found)), *map(text, formulas(found)), *notes(found)]
    for block in blocks(found):
        if block.title:
            lines.append(block.title + (f" : {text(block.rule)}" if block.rule else ""))
        for left, numbers, product in block.rows:
            if found.kind == "function":
                lines.append(f"  {text(left)},  {text(numbers)} {text(product)}")
            else:
                parts = [text(left), text(numbers), text(product)]
                lines.append("  " + " = ".join(filter(None, parts)))
        if block.rest:
            lines.append("  " + block.rest)
    if found.kind in ("sum", "gradient"):
        lines.append(_("sum: {value}", value=text(number(_total(found)))))
    return "\n".join(lines)


def _total(found: Origin) -> float:
    return float(sum(part.products.sum() for part in found.parts))


def latex_of(found: Origin) -> str:
    """The chain of equalities, aligned."""
    left = entry_latex(found, found.vertex.id, found.index, found.gradient)
    rows = []
    general = _in_letters(found)
    if general:
        rows.append(general.split(" = ", 1)[1])
    if found.kind in ("sum", "gradient"):
        told = [row for block in blocks(found) for row in block.rows]
        more = [r"\cdots"] * any(block.rest for block in blocks(found))
        rows.append(" + ".join([row[0] for row in told] + more))
        rows.append(" + ".join([row[1] or row[2] for row in told] + more))
    elif found.kind == "function":
        whole = latex_of_tree(formula(found.graph, found.vertex, found.symbols))
        rows.append(whole.split(" = ", 1)[-1])
    rows.append(number(found.value))
    body = r" \\ ".join(f"&= {row}" for row in rows)
    return rf"\begin{{aligned}} {left} {body} \end{{aligned}}"


def html_of(found: Origin) -> str:
    """Tables and formulas; the pictures of where the entries lie come with :mod:`pictures`."""
    parts = [f"<p><b>{mathml(head(found))}</b></p>"]
    parts += [f"<p>{mathml(line)}</p>" for line in formulas(found)]
    parts += [f"<p>{escape(note)}</p>" for note in notes(found)]
    parts.append(pictures(found))
    for block in blocks(found):
        if block.title:
            known = f" {mathml(block.rule)}" if block.rule else ""
            parts.append(f"<p>{escape(block.title)}{known}</p>")
        rows = "".join(_html_row(found, row) for row in block.rows)
        if block.rest:
            rows += f'<tr><td colspan="3">{escape(block.rest)}</td></tr>'
        parts.append(f"<table>{rows}</table>")
    if found.kind in ("sum", "gradient"):
        words = _("sum: {value}", value=values.number(_total(found)))
        parts.append(f"<p><b>{escape(words)}</b></p>")
    return f'<div class="explanation" role="group">{"".join(parts)}</div>'


def _html_row(found: Origin, row: tuple[str, str, str]) -> str:
    left, numbers, product = row
    middle = "" if not numbers else mathml(numbers if found.kind == "function" else f"= {numbers}")
    last = product if found.kind == "function" else f"= {product}"
    cells = (mathml(left), middle, mathml(last))
    return "<tr>" + "".join(f'<td align="left">{cell}</td>' for cell in cells) + "</tr>"
