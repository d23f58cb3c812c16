"""Formulas on a line: as Unicode text for terminals, and in Graphviz's labels."""

import re
import unicodedata
from dataclasses import dataclass, field
from html import escape

from ...messages import _
from .latex import Accent, Atom, Fraction, Item, Matrix, Root, Row, Scripts, atoms, children, parse

MARKS = {"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "tilde": "\u0303", "dot": "\u0307"}
ABOVE = dict(zip("0123456789+-−()nixTt⊤′°", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿⁱˣᵀᵗᵀ′°", strict=True))
BELOW = dict(
    zip("0123456789+-−()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
SPACED = frozenset([*"=+−⊙⊗·×⋆∗≤≥≠<>∈∋∧∨→↦≈±?:", "+="])
ROOM = 0xE000  # the first of the signs that no language uses
BESIDE = r"[^\ue000-\uf8ff][\u0300-\u036f]*"  # a letter with its accents
SCRIPT = 0.85  # the size that a script asks for; Graphviz makes it a fifth smaller still
OPENING, CLOSING = frozenset("([{⌊⌈|‖∂¬#"), frozenset(")]}⌋⌉,|‖;")


def text(formula: str | Item) -> str:
    r"""A formula as Unicode text.

    >>> text(r"\bar{x} = \bar{y} \odot \frac{1}{1 + e^{-x}}")
    'x̄ = ȳ ⊙ 1/(1 + e⁻ˣ)'
    """
    return _Line().of(parse(formula) if isinstance(formula, str) else formula)


def label(formula: str | Item, size: int = 11) -> str:
    r"""A formula in Graphviz's HTML-like labels, ``size`` points high: italics, small scripts.

    Spaces where a style begins or ends are unbreakable: SVG would drop them.

    >>> label(r"x^2", size=10)
    '<I>x</I><SUP><FONT POINT-SIZE="8">2</FONT></SUP>'
    """
    words = _Label(size).of(parse(formula) if isinstance(formula, str) else formula)
    return kept_spaces(words)


def kept_spaces(words: str) -> str:
    """A label whose spaces beside a change of style are unbreakable."""
    return re.sub(r"^ | $|(?<=>) | (?=<)|(?<= ) ", "\u00a0", words)


@dataclass
class _Line:
    """Writes a tree on one line; :class:`_Label` says what differs in a label."""

    def atom(self, atom: Atom) -> str:
        return atom.text

    def above(self, script: Item) -> str:
        words = self.of(script)
        if words and all(c in ABOVE for c in words):
            return "".join(ABOVE[c] for c in words)
        return f"^{words}" if isinstance(script, Atom) else f"^({words})"

    def below(self, script: Item) -> str:
        words = self.of(script)
        if all(atom.kind in ("identifier", "number") for atom in atoms(script)):
            words = words.replace(" ", "")  # the ij of x_ij
        single = all(len(atom.text) == 1 for atom in atoms(script))  # the ijkl of images
        if (len(words) < 4 or single) and all(c in BELOW for c in words):
            return "".join(BELOW[c] for c in words)
        return f"_{words}" if " " not in words else f"_({words})"

    def accent(self, accent: Accent) -> str:
        body = self.of(accent.body)
        if len(body) == 1:
            return unicodedata.normalize("NFC", body + MARKS[accent.mark])
        words = _("mean") if accent.mark in ("bar", "overline") else accent.mark
        return f"{words}({body})"

    def of(self, item: Item) -> str:
        match item:
            case Atom():
                return self.atom(item)
            case Row(items):
                return self.row(items)
            case Fraction(top, bottom):
                return f"{self.grouped(top)}/{self.grouped(bottom)}"
            case Root(body):
                return f"√{self.grouped(body)}"
            case Accent():
                return self.accent(item)
            case Matrix(rows, vector):
                return self.matrix([[self.of(x) for x in row] for row in rows], vector)
            case Scripts(base, below, above):
                words = self.of(base)
                words += "" if below is None else self.below(below)
                return words + ("" if above is None else self.above(above))

    def matrix(self, cells: list[list[str]], vector: bool) -> str:
        words = " ; ".join("  ".join(row) for row in cells)
        return f"({words})" if vector else f"[{words}]"

    def grouped(self, item: Item) -> str:
        """With parentheses where a line needs them and a fraction bar does not."""
        words = self.of(item)
        if not isinstance(item, Row) or len(item.items) < 2:
            return f"({words})" if isinstance(item, Fraction) else words
        first = item.items[0]
        if isinstance(first, Atom) and first.text == "∂" and _is_one_entry(item.items[1:]):
            return words
        return f"({words})"

    def row(self, items: tuple[Item, ...]) -> str:
        words = ""
        for i, item in enumerate(items):
            if i and _space_between(items[i - 1], item, words):
                words += " "
            part = self.of(item)
            if isinstance(item, Fraction) and i + 1 < len(items) and _is_factor(items[i + 1]):
                part = f"({part})"  # (1/N) x, not 1/N x
            words += part.lstrip() if words.endswith(" ") else part
        return words


@dataclass
class _Block(_Line):
    """Leaves room for matrices: signs of their own, which ``block`` replaces row by row."""

    matrices: list[list[str]] = field(default_factory=list)

    def matrix(self, cells: list[list[str]], vector: bool) -> str:
        if len(cells) == 1:
            return super().matrix(cells, vector)
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        rows = ["  ".join(map(str.rjust, row, widths)) for row in cells]
        inner = [f"⎢{words}⎥" for words in rows[1:-1]]
        self.matrices.append([f"⎡{rows[0]}⎤", *inner, f"⎣{rows[-1]}⎦"])
        return chr(ROOM + len(self.matrices) - 1) * (len(rows[0]) + 2)


def block(formula: str | Item) -> list[str]:
    r"""A formula on as many lines as its matrices have rows; it is read along the middle one.

    >>> print(*block(r"x = \begin{bmatrix} 1 & 2 \\ 30 & 4 \end{bmatrix}"), sep="\n")
        ⎡ 1  2⎤
    x = ⎣30  4⎦
    """
    writer = _Block()
    line = writer.of(parse(formula) if isinstance(formula, str) else formula)
    height = max(map(len, writer.matrices), default=1)

    def row(at: int) -> str:
        def shown(found: re.Match[str]) -> str:
            rows = writer.matrices[ord(found[0][0]) - ROOM]
            i = at - height // 2 + len(rows) // 2
            return rows[i] if 0 <= i < len(rows) else " " * len(found[0])

        beside = line if at == height // 2 else re.sub(BESIDE, " ", line)
        return re.sub(r"([\ue000-\uf8ff])\1*", shown, beside)

    return [row(at) for at in range(height)]


@dataclass
class _Label(_Line):
    size: int
    nested: bool = False  # Graphviz 2 writes broken SVG for scripts in scripts

    def of(self, item: Item) -> str:
        match item:
            case Scripts(Atom("identifier", "e"), None, Row() | Scripts() | Fraction() as above):
                if not _is_flat(above):
                    return f"exp({self.of(above)})"
        return super().of(item)

    def atom(self, atom: Atom) -> str:
        words = escape(atom.text.replace("⊤", "T").replace("⋆", "∗")).replace("\\", "&#92;")
        words = words.replace("]", "&#93;")  # one at the end of a text moves into the next
        italic = atom.kind == "identifier" and len(atom.text) == 1
        return f"<I>{words}</I>" if italic else words

    def above(self, script: Item) -> str:
        if self.nested:
            plain = _Line().above(script)
            return super().above(script) if plain.startswith("^") else plain
        return f"<SUP>{self.small(script)}</SUP>"

    def below(self, script: Item) -> str:
        if self.nested:
            plain = _Line().below(script)
            return super().below(script) if plain.startswith("_") else plain
        return f"<SUB>{self.small(script)}</SUB>"

    def small(self, script: Item) -> str:
        size = max(6, round(SCRIPT * self.size))
        words = _Label(size, nested=True).of(script)
        if all(atom.kind in ("identifier", "number") for atom in atoms(script)):
            words = words.replace("</I> <I>", "</I><I>")
        return f'<FONT POINT-SIZE="{size}">{words}</FONT>'

    def accent(self, accent: Accent) -> str:
        if isinstance(accent.body, Atom) and len(accent.body.text) == 1:
            letter = unicodedata.normalize("NFC", accent.body.text + MARKS[accent.mark])
            return f"<I>{letter}</I>"
        return super().accent(accent)


def _is_one_entry(items: tuple[Item, ...]) -> bool:
    """Whether a symbol stands alone, or with an index in brackets behind it."""
    ends = [item.text for item in items[1:2] + items[-1:] if isinstance(item, Atom)]
    return len(items) == 1 or (len(items) > 3 and ends == ["[", "]"])


def _is_flat(item: Item) -> bool:
    """Whether an exponent is a line without scripts and fractions of its own."""
    return not isinstance(item, (Scripts, Fraction, Matrix)) and all(map(_is_flat, children(item)))


def _is_factor(item: Item) -> bool:
    atom = _edge(item, True)
    return atom is not None and (atom.kind != "operator" or atom.text in OPENING)


def _edge(item: Item, first: bool) -> Atom | None:
    """The first or last leaf of an item, where spacing is decided."""
    match item:
        case Atom():
            return item
        case Row(items):
            return _edge(items[0 if first else -1], first) if items else None
        case Fraction(top, bottom):
            return _edge(top if first else bottom, first)
        case Scripts(base, _below, _above):
            return _edge(base, first)
    return None


def _space_between(left: Item, right: Item, before: str) -> bool:
    a, b = _edge(left, False), _edge(right, True)
    if isinstance(left, Scripts) and left.above == Atom("operator", "⊤"):
        return not (b and b.kind == "operator" and b.text in (*CLOSING, "/"))
    if (a and (a.kind == "space" or a.text[-1:] == " ")) or (b and b.kind == "space"):
        return False
    if a and a.kind == "operator" and isinstance(left, Atom):
        if a.text == "−" and (before[-9:].rstrip()[:-1].rstrip() or "(")[-1] in "(=[,+−⊙·×/^{":
            return False  # a sign, not a difference
        if a.text in OPENING and a.text not in "|‖":
            return False
        if a.text in SPACED or a.text in ",;":
            return True
        if a.text in "/!":
            return False
    if b and b.kind == "operator" and isinstance(right, (Atom, Scripts)):
        if b.text in SPACED:
            return True
        if b.text in CLOSING or b.text in "/!([":
            return b.text in "([" and bool(a and a.kind == "number") and b.text == "["
    if a and a.text in ("|", "‖"):
        return before.count(a.text) % 2 == 0
    return True
