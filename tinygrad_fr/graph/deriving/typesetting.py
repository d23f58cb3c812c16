"""Derivations as LaTeX, Markdown and text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...messages import _
from .. import formulas as mathematics
from ..formulas.latex import Item, row, unfenced
from ..formulas.source import latex_of
from .terms import NOTHING
from .writer import Line, array_tree

Derivation = Any  # the lines and their check: a Derivation asks to be written

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
    last = derivation.result.terms[-1].latex
    if len(last) > MOST:
        return []
    return [
        _("with {what} from step ({n})", what="$" + line.what + "$", n=i)
        for i, line in enumerate(derivation.steps[:-1], 1)
        if line.what in last
    ]


@dataclass(frozen=True)
class Format:
    """How a derivation looks: what stands around its words and formulas."""

    heading: str
    warning: str
    given: str
    givens: str
    step: str
    aligned: str
    result: str
    between: str
    words: Callable[[str], str] = str
    note: str = "%s"

    def line(self, line: Line, numbers: bool, number: int = 0) -> str:
        """Equalities, the shape behind the first; before them the number of a step."""
        first, *others = map(latex_of, members(line, numbers))
        shape = rf" \qquad \text{{{line.shape}}}" if line.shape else ""
        rows = [f"{line.what} &= {first}{shape}", *(f"&= {words}" for words in others)]
        step = (self.step % (number, _local(line))).strip() + "\n\n" if number else ""
        return step + self.aligned % " \\\\\n".join(rows)

    def formula(self, latex: str) -> str:
        """A formula of its own."""
        return latex


class Lines(Format):
    """A line per equality, for terminals."""

    def line(self, line: Line, numbers: bool, number: int = 0) -> str:  # noqa: D102
        start = self.step % number if number else "  "
        local = f"{start}{_worded(_local(line))}\n" if _local(line) else ""
        what = f"{'      ' if local else start}{mathematics.text(line.what)}"
        first, *others = map(mathematics.text, members(line, numbers))
        shape = f"    {line.shape}" if line.shape else ""
        rows = [f"{what} = {first}{shape}", *(f"{' ' * len(what)} = {words}" for words in others)]
        return local + "\n".join(rows)

    def formula(self, latex: str) -> str:  # noqa: D102
        return mathematics.text(latex)


def _escaped(words: str) -> str:
    """Words in a LaTeX text; formulas between dollars stay."""
    pieces = words.split("$")
    return "$".join(x if i % 2 else mathematics.escaped(x) for i, x in enumerate(pieces))


def _worded(words: str) -> str:
    pieces = words.split("$")
    return "".join(mathematics.text(x) if i % 2 else x for i, x in enumerate(pieces))


def _local(line: Line) -> str:
    formula = f"${line.local}$"
    return _("Local derivative: {formula}", formula=formula) if line.local else ""


FORMATS = {
    "latex": Format(
        r"\section*{%s}", "\\textbf{%s}\n", r"\item $%s$ : %s",
        "\\begin{itemize}\n%s\n\\end{itemize}", r"\textbf{(%s)} %s",
        "\\begin{align*}\n%s\n\\end{align*}", r"\[ \boxed{%s = %s} \]", "\n", _escaped, "%s.\n",
    ),
    "markdown": Format(
        "**%s**", "> **%s**", "- $%s$ : %s", "%s", "**(%s)** %s",
        "$$\n\\begin{aligned}\n%s\n\\end{aligned}\n$$", r"$$\boxed{%s = %s}$$", "\n\n",
    ),
    "text": Lines(
        "\n%s", "!! %s", "  %s : %s", "%s", "  (%s) ", "%s", "  %s = %s", "\n", _worded, "      %s"
    ),
}  # fmt: skip


def written(derivation: Derivation, name: str) -> str:
    """A derivation in one of the formats."""
    to, numbers, last = FORMATS[name], derivation.numbers, derivation.result
    legend = "  %s" if name == "text" else "%s\n" if name == "latex" else "%s"
    rows = [to.given % (to.formula(x), to.words(words)) for x, words in derivation.givens]
    parts = [to.warning % to.words(words) for words in warnings(derivation)]
    parts += [to.heading % _("Given"), to.givens % "\n".join(rows)] if rows else []
    parts.append(to.heading % _("Forward: definitions"))
    parts += [to.line(line, numbers) for line in derivation.definitions]
    parts.append(to.heading % _("Backward: the chain rule"))
    parts += [legend % to.words(words) for words in _legend(derivation)]
    for number, line in enumerate(derivation.steps, 1):
        quoted = _("rule quoted from the operation") if line.quoted else ""
        parts.append(to.line(line, numbers, number))
        parts += [to.note % to.words(note) for note in (line.note, quoted) if note]
    parts.append(to.heading % _("Result"))
    parts.append(to.result % (to.formula(last.what), to.formula(last.terms[-1].latex)))
    parts += [legend % to.words(words) for words in _open_ends(derivation)]
    body = to.between.join(parts)
    return _document(body) if name == "latex" else body.lstrip("\n") + "\n" * (name != "text")


def _document(body: str) -> str:
    """A whole document, for pdflatex, with a name for each letter that it does not know."""
    declared = "".join(
        rf"\DeclareUnicodeCharacter{{{ord(c):04X}}}{{\texttt{{[U+{ord(c):04X}]}}}}" + "\n"
        for c in sorted({c for c in body if ord(c) > 0x17F and c not in "–—’“”…"})
    )
    return f"{PREAMBLE}{declared}\\begin{{document}}\n{body}\n\\end{{document}}\n"
