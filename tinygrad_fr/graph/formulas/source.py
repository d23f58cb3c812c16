"""Trees back to LaTeX."""

from .latex import (
    SIGNS,
    Accent,
    Atom,
    Fraction,
    Item,
    Matrix,
    Root,
    Row,
    Scripts,
    children,
    ended,
    escaped,
    operator,
)  # fmt: skip

COMMANDS = {
    **{sign.text: "\\" + name for name, sign in SIGNS.items() if sign.kind != "space"},
    "−": "-", "𝟏": r"\mathbf{1}", "|": "|", "°": r"\circ", "′": "'",
}  # fmt: skip
OPENING = (operator("("), operator("["))
CLOSING = (operator(")"), operator("]"))


def latex_of(item: Item) -> str:
    r"""The LaTeX of a tree.

    >>> from tinygrad_fr.graph.formulas import parse
    >>> latex_of(parse(r"\bar{x} = \frac{1}{N} \sum_n x_n^2"))
    '\\bar{x} = \\frac{1}{N} \\sum_{n} x_{n}^{2}'
    """
    match item:
        case Atom(kind, text):
            return _atom(kind, text)
        case Row(items):
            return _row(items)
        case Fraction(top, bottom):
            return rf"\frac{{{latex_of(top)}}}{{{latex_of(bottom)}}}"
        case Root(body):
            return rf"\sqrt{{{latex_of(body)}}}"
        case Accent(mark, body):
            return rf"\{mark}{{{latex_of(body)}}}"
        case Matrix(rows, vector):
            cells = r" \\ ".join(" & ".join(latex_of(x) for x in row) for row in rows)
            kind = "pmatrix" if vector else "bmatrix"
            return rf"\begin{{{kind}}} {cells} \end{{{kind}}}"
        case Scripts(base, below, above):
            words = latex_of(base)
            words = words if isinstance(base, (Atom, Accent)) else f"{{{words}}}"
            words += "" if below is None else f"_{{{latex_of(below)}}}"
            return words + ("" if above is None else f"^{{{latex_of(above)}}}")


def _row(items: tuple[Item, ...]) -> str:
    """Items side by side; parentheses grow around what is tall, where they match."""
    ends = [ended(x) for x in items]
    grow = matching(items) and any(map(is_tall, items))
    words = ""
    before: Item = Row(())
    for x, end in zip(items, ends, strict=True):
        called = isinstance(before, Atom) and before.kind == "function" and end in OPENING
        close = called or end in CLOSING or words[-1:] in ("", "(", "[")
        before = x
        size = (r"\left" if end in OPENING else r"\right" if end in CLOSING else "") if grow else ""
        words += ("" if close else " ") + size + latex_of(x)
    return words


def matching(items: tuple[Item, ...]) -> bool:
    """Whether as many parentheses are opened as closed."""
    ends = [ended(x) for x in items]
    return sum(x in OPENING for x in ends) == sum(x in CLOSING for x in ends)


def is_tall(item: Item) -> bool:
    """Whether parentheses grow around it."""
    is_large = isinstance(item, Atom) and item.kind == "large"
    return is_large or isinstance(item, (Fraction, Matrix)) or any(map(is_tall, children(item)))


def _atom(kind: str, text: str) -> str:
    if kind == "text":
        return rf"\text{{{escaped(text)}}}"
    if kind == "space":
        return r"\quad" if len(text) > 1 else r"\,"
    if kind == "function":
        return COMMANDS.get(text, rf"\operatorname{{{escaped(text)}}}")
    if kind == "identifier" and len(text) > 1:
        return rf"\mathrm{{{text}}}"
    if text == "+=":
        return r"\mathrel{+}="
    return COMMANDS.get(text, text)
