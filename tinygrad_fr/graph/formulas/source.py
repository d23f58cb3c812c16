"""Trees back to LaTeX."""

from __future__ import annotations

from .latex import SIGNS, Accent, Atom, Fraction, Item, Matrix, Root, Row, Scripts, escaped

COMMANDS = {
    **{sign.text: "\\" + name for name, sign in SIGNS.items() if sign.kind != "space"},
    "−": "-", "𝟏": r"\mathbf{1}", "|": "|", "°": r"\circ", "′": "'",
}  # fmt: skip


def latex_of(item: Item) -> str:
    r"""The LaTeX of a tree.

    >>> from tinygrad_fr.graph.formulas import parse
    >>> latex_of(parse(r"\bar{x} = \frac{1}{N} \sum_n x_n^2"))
    '\\bar{x} = \\frac{1}{N} \\sum_{n} {x}_{n}^{2}'
    """
    match item:
        case Atom(kind, text):
            return _atom(kind, text)
        case Row(items):
            return " ".join(latex_of(x) for x in items)
        case Fraction(top, bottom):
            return rf"\frac{{{latex_of(top)}}}{{{latex_of(bottom)}}}"
        case Root(body):
            return rf"\sqrt{{{latex_of(body)}}}"
        case Accent(mark, body):
            return rf"\{mark}{{{latex_of(body)}}}"
        case Matrix(rows):
            cells = r" \\ ".join(" & ".join(latex_of(x) for x in row) for row in rows)
            return rf"\begin{{pmatrix}} {cells} \end{{pmatrix}}"
        case Scripts(base, below, above):
            words = latex_of(base)
            alone = isinstance(base, Atom) and base.kind in ("large", "function", "operator")
            words = words if alone else f"{{{words}}}"
            words += "" if below is None else f"_{{{latex_of(below)}}}"
            return words + ("" if above is None else f"^{{{latex_of(above)}}}")


def _atom(kind: str, text: str) -> str:
    if kind == "text":
        return rf"\text{{{escaped(text)}}}"
    if kind == "space":
        return r"\quad" if len(text) > 1 else r"\,"
    if kind == "function":
        return COMMANDS.get(text, rf"\operatorname{{{text}}}")
    if kind == "identifier" and len(text) > 1:
        return rf"\mathrm{{{text}}}"
    if text == "+=":
        return r"\mathrel{+}="
    return COMMANDS.get(text, text)
