"""Derivations as LaTeX, Markdown and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...messages import _
from .. import formulas as mathematics
from ..formulas.latex import Item, row, unfenced
from ..formulas.source import latex_of
from .terms import NOTHING
from .writer import Line, array_tree

if TYPE_CHECKING:
    from .derive import Derivation

MOST = 10_000  # characters: the result is a sum of too many terms to say where each comes from
PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath, amssymb}
\usepackage[margin=2cm]{geometry}
\allowdisplaybreaks
\setcounter{MaxMatrixCols}{20}
\setlength{\parindent}{0pt}
"""


def members(line: Line, numbers: bool) -> list[Item]:
    """The right sides of a line, each different from the last."""
    found = [term.tree for term in line.terms]
    if numbers:
        value = array_tree(np.asarray(line.truth))
        found += [line.numbers] if row(unfenced(line.numbers)) != value else []
        found.append(value)
    return [tree for i, tree in enumerate(found) if tree != NOTHING and tree not in found[:i]]


def warnings(derivation: Derivation) -> list[str]:
    """What must be said before anything else: lines that do not hold."""
    report = derivation.check()
    wrong = [entry.name for entry in report if entry.verdict != "correct"]
    words = _("This derivation does not hold, at: {lines}", lines=", ".join(wrong))
    return [words] if wrong else []


def _titles() -> tuple[str, str, str, str]:
    return _("Given"), _("Forward: definitions"), _("Backward: the chain rule"), _("Result")


def _legend(derivation: Derivation) -> list[str]:
    """What the signs mean that a reader may not know; formulas between dollars."""
    written = " ".join(
        (*(line.local for line in derivation.steps),
         *(term.latex for line in derivation.steps for term in line.terms))
    )  # fmt: skip
    signs = {
        r"^{\top} G": _("$G$: the gradient that arrives (upstream)"),
        r"\odot": _("$\\odot$: product entry by entry"),
        r"> 0]": _("$[\\ldots]$: 1 where the condition holds, 0 elsewhere"),
        r"\mathbf{1}": _("$\\mathbf{1}$: an array of ones"),
        "onehot": _(
            "$\\operatorname{onehot}(k)$: 1 at the index k, counted from 0, and 0 elsewhere"
        ),
        "scatter": _(
            "$\\operatorname{scatter}(G, [i])$: $G$ at the places $[i]$, added up where one comes "
            "twice, and 0 elsewhere"
        ),
        r"\star": _("$\\star$: cross-correlation"),
    }
    found = [words for sign, words in signs.items() if sign in written]
    return [" ; ".join(found)] if found else []


def _open_ends(derivation: Derivation) -> list[str]:
    """Where the gradients are written out that the result still names."""
    last = _last(derivation)
    if len(last) > MOST:
        return []
    return [
        _("with {what} from step ({n})", what="$" + line.what + "$", n=i)
        for i, line in enumerate(derivation.steps[:-1], 1)
        if line.what in last
    ]


def _notes(line: Line) -> list[str]:
    quoted = _("rule quoted from the operation") if line.quoted else ""
    return [note for note in (line.note, quoted) if note]


def latex(derivation: Derivation) -> str:
    """A whole document."""
    given, forward, backward, result = _titles()
    parts = [rf"\textbf{{{_plain(words)}}}" + "\n" for words in warnings(derivation)]
    parts.append(rf"\section*{{{given}}}")
    rows = "\n".join(rf"\item ${symbol}$ : {_plain(words)}" for symbol, words in derivation.givens)
    parts.append("\\begin{itemize}\n" + rows + "\n\\end{itemize}" if rows else "")
    parts.append(rf"\section*{{{forward}}}")
    parts += [_display(line, derivation.numbers) for line in derivation.definitions]
    parts.append(rf"\section*{{{backward}}}")
    parts += [f"{words}\n" for words in _legend(derivation)]
    for i, line in enumerate(derivation.steps, 1):
        local = _("Local derivative: {formula}", formula="$" + (line.local or "") + "$")
        parts.append(rf"\textbf{{({i})}} " + (f"{local}.\n" if line.local else "\n"))
        parts.append(_display(line, derivation.numbers))
        parts += [_plain(note, dollars=True) + ".\n" for note in _notes(line)]
    parts.append(rf"\section*{{{result}}}")
    parts.append(rf"\[ \boxed{{{derivation.result.what} = {_last(derivation)}}} \]")
    parts += [f"{words}\n" for words in _open_ends(derivation)]
    body = "\n".join(parts)
    declared = "".join(
        rf"\DeclareUnicodeCharacter{{{ord(c):04X}}}{{\texttt{{[U+{ord(c):04X}]}}}}" + "\n"
        for c in sorted({c for c in body if ord(c) > 0x17F and c not in "–—’“”…"})
    )
    return f"{PREAMBLE}{declared}\\begin{{document}}\n{body}\n\\end{{document}}\n"


def _plain(words: str, dollars: bool = False) -> str:
    """Words in a LaTeX text; formulas between dollars stay."""
    pieces = words.split("$") if dollars else [words]
    return "$".join(
        piece if i % 2 else mathematics.escaped(piece) for i, piece in enumerate(pieces)
    )


def _last(derivation: Derivation) -> str:
    return derivation.result.terms[-1].latex


def _aligned(line: Line, numbers: bool) -> str:
    r"""``what &= first \\ &= second``, the shape behind the first member."""
    found = [latex_of(tree) for tree in members(line, numbers)]
    shape = rf"\qquad \text{{{line.shape}}}" if line.shape else ""
    rows = [rf"{line.what} &= {found[0]} {shape}".rstrip()]
    rows += [rf"&= {words}" for words in found[1:]]
    return " \\\\\n".join(rows)


def _display(line: Line, numbers: bool) -> str:
    return f"\\begin{{align*}}\n{_aligned(line, numbers)}\n\\end{{align*}}"


def markdown(derivation: Derivation) -> str:
    """For notebooks and MyST: formulas between dollars."""
    given, forward, backward, result = _titles()
    parts = [f"> **{words}**" for words in warnings(derivation)]
    if derivation.givens:
        parts.append(f"**{given}**")
        parts.append("\n".join(f"- ${symbol}$ : {words}" for symbol, words in derivation.givens))
    parts.append(f"**{forward}**")
    parts += [_dollars(line, derivation.numbers) for line in derivation.definitions]
    parts.append(f"**{backward}**")
    parts += _legend(derivation)
    for i, line in enumerate(derivation.steps, 1):
        local = _("Local derivative: {formula}", formula="$" + (line.local or "") + "$")
        parts.append(f"**({i})** {local if line.local else ''}".strip())
        parts.append(_dollars(line, derivation.numbers))
        parts += [f"*{note}*" if "$" not in note else note for note in _notes(line)]
    parts.append(f"**{result}**")
    parts.append(f"$$\\boxed{{{derivation.result.what} = {_last(derivation)}}}$$")
    parts += _open_ends(derivation)
    return "\n\n".join(parts) + "\n"


def _dollars(line: Line, numbers: bool) -> str:
    return f"$$\n\\begin{{aligned}}\n{_aligned(line, numbers)}\n\\end{{aligned}}\n$$"


def text(derivation: Derivation) -> str:
    """For terminals: one line per equality."""
    given, forward, backward, result = _titles()
    lines = [f"!! {words}" for words in warnings(derivation)]
    if derivation.givens:
        lines.append(given)
        lines += [f"  {mathematics.text(symbol)} : {words}" for symbol, words in derivation.givens]
    lines += ["", forward]
    for line in derivation.definitions:
        lines += _equalities(line, derivation.numbers, "  ")
    lines += ["", backward, *(f"  {_worded(words)}" for words in _legend(derivation))]
    for i, line in enumerate(derivation.steps, 1):
        indent = "      "
        start = f"  ({i}) "
        if line.local:
            formula = mathematics.text(line.local)
            lines.append(start + _("Local derivative: {formula}", formula=formula))
            start = indent
        lines += _equalities(line, derivation.numbers, start)
        lines += [f"{indent}{_worded(note)}" for note in _notes(line)]
    what = mathematics.text(derivation.result.what)
    lines += ["", result, f"  {what} = {mathematics.text(_last(derivation))}"]
    lines += [f"  {_worded(words)}" for words in _open_ends(derivation)]
    return "\n".join(lines)


def _worded(note: str) -> str:
    pieces = note.split("$")
    return "".join(mathematics.text(x) if i % 2 else x for i, x in enumerate(pieces))


def _equalities(line: Line, numbers: bool, start: str) -> list[str]:
    found = [mathematics.text(words) for words in members(line, numbers)]
    what = f"{start}{mathematics.text(line.what)}"
    shape = f"    {line.shape}" if line.shape else ""
    indent = " " * (len(what) + 1)
    return [f"{what} = {found[0]}{shape}", *(f"{indent}= {words}" for words in found[1:])]
