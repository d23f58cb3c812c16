"""Derivations as LaTeX, Markdown, pages and text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ... import messages
from ...messages import _
from .. import formulas as mathematics
from ..formulas import parse
from ..formulas.latex import Item, Scripts, children, operator, row, unfenced
from ..formulas.source import latex_of
from .terms import NOTHING
from .writer import Line, array_tree

Derivation = Any  # the lines and their check: a Derivation asks to be written

MOST = 12  # parts of a result that are written again beneath it
PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath, amssymb}
\usepackage[margin=2cm]{geometry}
\allowdisplaybreaks
\setcounter{MaxMatrixCols}{20}
\setlength{\parindent}{0pt}
"""
HEAD = """<!DOCTYPE html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<style>
%s</style>
</head>
<body>
<main>
<h1>%s</h1>
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
         *(term.latex for line in derivation.steps for term in line.terms),
         *("=:" for line in derivation.steps if line.letter))
    )  # fmt: skip
    onehot, scatter = _("onehot"), _("scatter")
    letter, same = (
        found[1] if (found := re.search(pattern, written)) else ""
        for pattern in (r"\^\{\\top\} ([GHUV]) =", r"(\\delta_\{[a-z]{2}\})")
    )
    condition = re.search(r" [=>] \w(\\right)?\]", written)
    signs = {
        r"^{\top} " + (letter or "?"): _("{letter}: the gradient that arrives (upstream)",
                                        letter="$" + letter + "$"),
        r"\odot": _("$\\odot$: product entry by entry"),
        condition[0] if condition else "?": _(
            "$[\\ldots]$: 1 where the condition holds, 0 elsewhere"
        ),
        same or "?": _("{sign}: 1 where both indices are the same, 0 elsewhere",
                       sign="$" + same + "$"),
        r"\mathbf{1}": _("$\\mathbf{1}$: an array of ones"),
        onehot: _("{function}: 1 at the index k, counted from 0, and 0 elsewhere",
                  function=r"$\operatorname{" + onehot + "}(k)$"),
        scatter: _("{function}: $G$ at the places $[i]$, added up where one comes twice, and 0 "
                   "elsewhere", function=r"$\operatorname{" + scatter + "}(G, [i])$"),
        r"\star": _("$\\star$: cross-correlation"),
        "=:": _("{sign}: called so from here on", sign="=:"),
    }  # fmt: skip
    return [words for sign, words in signs.items() if sign in written]


def parts(derivation: Derivation) -> list[tuple[int, Line]]:
    """The lines whose letters the result is written with, and their numbers; the last first."""
    numbered = list(enumerate(derivation.steps, 1))
    used = set(map(latex_of, _scripts(derivation.result.terms[-1].tree)))
    found = []
    for number, line in reversed(numbered):
        if line.letter in used:
            found.append((number, line))
            used |= set(map(latex_of, _scripts(line.terms[-1].tree)))
    return found


def _scripts(tree: Item) -> list[Item]:
    """Every letter with an index of a formula."""
    own = [Scripts(tree.base, tree.below)] if isinstance(tree, Scripts) else []
    return own + [x for part in children(tree) for x in _scripts(part)]


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
    part: str
    between: str
    words: Callable[[str], str] = str
    note: str = "%s"
    legend: str = "%s"
    document: Callable[[str, str], str] = lambda title, body: body.lstrip("\n") + "\n"

    def line(self, line: Line, numbers: bool, number: int = 0) -> str:
        """Equalities, the shape behind the first; before them the number of a step."""
        first, *others = map(latex_of, members(line, numbers))
        shape = rf" \qquad \text{{{told(line.shape)}}}" if line.shape else ""
        rows = [f"{line.what} &= {first}{shape}", *(f"&= {words}" for words in others)]
        rows += [f"&=: {line.letter}"] if line.letter else []
        step = (self.step % (number, _local(line))).strip() + "\n\n" if number else ""
        return step + self.aligned % " \\\\\n".join(rows)

    def formula(self, tree: str | Item) -> str:
        """A formula of its own."""
        return tree if isinstance(tree, str) else latex_of(tree)


class Lines(Format):
    """A line per equality, for terminals; a matrix takes as many as it has rows."""

    def line(self, line: Line, numbers: bool, number: int = 0) -> str:  # noqa: D102
        start = self.step % number if number else "  "
        local = f"{start}{_worded(_local(line))}\n" if _local(line) else ""
        what = f"{'      ' if local else start}{mathematics.text(line.what)}"
        shape = f"    {told(line.shape)}" if line.shape else ""
        rows: list[str] = []
        for tree in members(line, numbers):
            block = mathematics.block(tree)
            head = f"{' ' * len(what) if rows else what} = "
            middle = len(block) // 2
            rows += [
                f"{head if i == middle else ' ' * len(head)}{words}"
                + (shape if i == middle and not rows else "")
                for i, words in enumerate(block)
            ]
        rows += [f"{' ' * len(what)} =: {mathematics.text(line.letter)}"] if line.letter else []
        return local + "\n".join(row.rstrip() for row in rows)

    def formula(self, tree: str | Item) -> str:  # noqa: D102
        return mathematics.text(tree)


class Page(Format):
    """MathML, for browsers."""

    def line(self, line: Line, numbers: bool, number: int = 0) -> str:  # noqa: D102
        signs = [("=", tree) for tree in members(line, numbers)]
        signs += [("=:", parse(line.letter))] if line.letter else []
        shape = told(line.shape) if line.shape else ""
        rows = [(NOTHING if i else parse(line.what), row(operator(sign), tree), "" if i else shape)
                for i, (sign, tree) in enumerate(signs)]  # fmt: skip
        step = self.step % (number, self.words(_local(line))) if number else ""
        return step + self.aligned % mathematics.equations(rows)

    def formula(self, tree: str | Item) -> str:  # noqa: D102
        return mathematics.mathml(tree)


def told(shape: tuple[int, ...]) -> str:
    """A shape, and what an array of that shape is called."""
    words = {1: _("vector"), 2: _("row") if shape[0] == 1 else _("column")}
    is_one = len(shape) == 1 or (len(shape) == 2 and sorted(shape)[0] == 1 != sorted(shape)[1])
    return f"{words[len(shape)]} {shape}" if is_one else str(shape)


def _replaced(words: str, plain: Callable[[str], str], formula: Callable[[str], str]) -> str:
    """Words, and the formulas that stand between dollars in them."""
    return "".join(formula(x) if i % 2 else plain(x) for i, x in enumerate(words.split("$")))


def _escaped(words: str) -> str:
    return _replaced(words, mathematics.escaped, "${}$".format)


def _worded(words: str) -> str:
    return _replaced(words, str, mathematics.text)


def _marked(words: str) -> str:
    return _replaced(words, escape, mathematics.mathml)


def _local(line: Line) -> str:
    formula = f"${line.local}$"
    return _("Local derivative: {formula}", formula=formula) if line.local else ""


def _document(_title: str, body: str) -> str:
    """A whole document, for pdflatex, with a name for each letter that it does not know."""
    declared = "".join(
        rf"\DeclareUnicodeCharacter{{{ord(c):04X}}}{{\texttt{{[U+{ord(c):04X}]}}}}" + "\n"
        for c in sorted({c for c in body if ord(c) > 0x17F and c not in "–—’“”…"})
    )
    return f"{PREAMBLE}{declared}\\begin{{document}}\n{body}\n\\end{{document}}\n"


def _page(title: str, body: str) -> str:
    """A whole page that needs no network."""
    style = (Path(__file__).parent / "page" / "derivation.css").read_text(encoding="utf-8")
    page = HEAD % (messages.language, escape(title), style, escape(title))
    return messages.spelled(f"{page}{body}\n</main>\n</body>\n</html>\n")


FORMATS = {
    "latex": Format(
        r"\section*{%s}", "\\textbf{%s}\n", r"\item $%s$ : %s",
        "\\begin{itemize}\n%s\n\\end{itemize}", r"\textbf{(%s)} %s",
        "\\begin{align*}\n%s\n\\end{align*}", r"\[ \boxed{%s = %s} \]", "\\[ %s = %s \\tag{%s} \\]",
        "\n", _escaped, "%s.\n", "%s\n", _document,
    ),
    "markdown": Format(
        "**%s**", "> **%s**", "- $%s$ : %s", "%s", "**(%s)** %s",
        "$$\n\\begin{aligned}\n%s\n\\end{aligned}\n$$", r"$$\boxed{%s = %s}$$", "- $%s = %s$ (%s)",
        "\n\n",
    ),
    "html": Page(
        "<h2>%s</h2>", '<p class="warning">%s</p>', "<li>%s : %s</li>", "<ul>\n%s\n</ul>",
        '<p class="step"><b>(%s)</b> %s</p>\n', '<div class="line">%s</div>',
        '<div class="line result">%s<span>=</span>%s</div>',
        '<div class="line part">%s<span>=</span>%s<span>(%s)</span></div>', "\n", _marked,
        '<p class="note">%s</p>', '<p class="note">%s</p>', _page,
    ),
    "text": Lines(
        "\n%s", "!! %s", "  %s : %s", "%s", "  (%s) ", "%s", "  %s = %s", "    %s = %s    (%s)",
        "\n", _worded, "      %s", "  %s", lambda title, body: body.lstrip("\n"),
    ),
}  # fmt: skip
SUFFIXES = {".html": "html", ".md": "markdown", ".tex": "latex", ".txt": "text"}


def written(derivation: Derivation, name: str) -> str:
    """A derivation in one of the formats."""
    to, numbers, last = FORMATS[name], derivation.numbers, derivation.result
    rows = [to.given % (to.formula(x), to.words(words)) for x, words in derivation.givens]
    found = [to.warning % to.words(words) for words in warnings(derivation)]
    found += [to.heading % _("Given"), to.givens % "\n".join(rows)] if rows else []
    found.append(to.heading % _("Forward: definitions"))
    found += [to.line(line, numbers) for line in derivation.definitions]
    found.append(to.heading % _("Backward: the chain rule"))
    found += [to.legend % to.words(words) for words in _legend(derivation)]
    for number, line in enumerate(derivation.steps, 1):
        quoted = _("rule quoted from the operation") if line.quoted else ""
        found.append(to.line(line, numbers, number))
        found += [to.note % to.words(note) for note in (line.note, quoted) if note]
    found.append(to.heading % _("Result"))
    found.append(to.result % (to.formula(last.what), to.formula(last.terms[-1].tree)))
    found += _parts(derivation, to)
    title = _("The derivation of {what}", what=mathematics.text(last.what))
    return to.document(title, to.between.join(found))


def _parts(derivation: Derivation, to: Format) -> list[str]:
    """What the letters of the result are: formulas, with the numbers of their lines."""
    named = parts(derivation)
    rows = [
        to.part % (to.formula(line.letter), to.formula(line.terms[-1].tree), number)
        for number, line in named[:MOST]
    ]
    if len(named) > MOST:
        number, line = named[-1]
        words = _("and so on up to {letter}, line ({n})", letter="$" + line.letter + "$", n=number)
        rows.append(to.legend % to.words(words))
    return [to.legend % _("where, by the number of their lines,"), *rows] if rows else []
