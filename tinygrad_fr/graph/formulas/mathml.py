"""Formulas as MathML, which browsers draw and screen readers speak without any script."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from .latex import Accent, Atom, Fraction, Item, Matrix, Root, Row, Scripts, ended, parse
from .source import CLOSING, OPENING, is_tall

MINUS = Atom("operator", "−")
BEFORE_A_SIGN = tuple(Atom("operator", sign) for sign in "=([,·×⊙/")
MARKS = {"bar": "¯", "overline": "¯", "hat": "^", "tilde": "~", "dot": "˙"}


def mathml(formula: str | Item, *, block: bool = False) -> str:
    """A formula as a ``<math>`` element.

    >>> mathml("x^2")
    '<math><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    tree = parse(formula) if isinstance(formula, str) else formula
    display = ' display="block"' if block else ""
    return f"<math{display}>{_written(tree)}</math>"


def equations(rows: Iterable[tuple[Item, Item, str]]) -> str:
    """Equalities below each other: left sides, right sides with their signs, and words."""
    cells = (
        f"<mtr><mtd>{_written(a)}</mtd><mtd>{_written(b)}</mtd>"
        f"<mtd><mtext>{escape(words)}</mtext></mtd></mtr>"
        for a, b, words in rows
    )
    table = f'<mtable class="equations" displaystyle="true">{"".join(cells)}</mtable>'
    return f'<math display="block">{table}</math>'


def _grouped(items: Iterable[Item]) -> list[Item]:
    """What stands between parentheses with an exponent as one item, so that both grow alike."""
    found: list[Item] = []
    opened: list[int] = []
    for item in items:
        end = ended(item)
        if end in OPENING:
            opened.append(len(found))
        start = opened.pop() if end in CLOSING and opened else None
        if isinstance(item, Scripts) and start is not None:
            found[start:] = [Scripts(Row((*found[start:], end)), item.below, item.above)]
        else:
            found.append(item)
    return found


def _written(item: Item) -> str:
    match item:
        case Atom(kind, text):
            return _atom(kind, text)
        case Row(items):
            return f"<mrow>{_row(_grouped(items))}</mrow>"
        case Fraction(top, bottom):
            return f"<mfrac>{_written(top)}{_written(bottom)}</mfrac>"
        case Root(body):
            return f"<msqrt>{_written(body)}</msqrt>"
        case Accent(mark, body):
            return f'<mover accent="true">{_written(body)}<mo>{MARKS[mark]}</mo></mover>'
        case Matrix(rows, vector):
            cells = "".join(
                f"<mtr>{''.join(f'<mtd>{_written(x)}</mtd>' for x in row)}</mtr>" for row in rows
            )
            opening, closing = "()" if vector else "[]"
            return f"<mrow><mo>{opening}</mo><mtable>{cells}</mtable><mo>{closing}</mo></mrow>"
        case Scripts(base, below, above):
            large = isinstance(base, Atom) and base.kind == "large"
            parts = "".join(_written(x) for x in (base, below, above) if x is not None)
            name = "m" if below is None else "munder" if large else "msub"
            name += "" if above is None else "over" if large else "sup"
            return f"<{name}>{parts}</{name}>"


def _row(items: Sequence[Item]) -> str:
    """Items side by side; parentheses grow around what is tall, where they match."""
    fixed = _small_pairs(items)
    words = ""
    for i, x in enumerate(items):
        part = _written(x)
        if i in fixed:
            part = part.replace("<mo>", '<mo stretchy="false">', 1)
        if x == MINUS and (i == 0 or items[i - 1] in BEFORE_A_SIGN):  # no difference
            part = part.replace("<mo>", '<mo form="prefix">', 1)
        words += part
        name = x.base if isinstance(x, Scripts) else x  # max, and max over a window
        is_function = isinstance(name, Atom) and name.kind == "function"
        if is_function and i + 1 < len(items) and ended(items[i + 1]) not in OPENING:
            words += '<mspace width="0.17em"/>'  # ln x, not lnx
    return words


def _small_pairs(items: Sequence[Item]) -> set[int]:
    """The places of parentheses that have nothing tall between them, or no partner."""
    fixed, opened = set[int](), list[int]()
    for i, x in enumerate(items):
        if x in OPENING:
            opened.append(i)
        elif ended(x) in CLOSING:
            start = opened.pop() if opened else i
            if start == i or not any(map(is_tall, items[start + 1 : i])):
                fixed |= {start, i}
    return fixed | set(opened)


def _atom(kind: str, text: str) -> str:
    text = escape(text)
    if kind == "space":
        return '<mspace width="1em"/>' if len(text) > 1 else '<mspace width="0.2em"/>'
    name = {"identifier": "mi", "function": "mi", "number": "mn", "text": "mtext"}.get(kind, "mo")
    if name == "mtext":  # MathML drops the spaces at its ends
        text = re.sub("^ | $", "\u00a0", text)
    if name == "mo" and text in "|‖":
        return f'<mo stretchy="false">{text}</mo>'
    return f"<{name}>{text}</{name}>" + ("<mo>&#x2061;</mo>" if kind == "function" else "")
