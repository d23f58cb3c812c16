"""An edit as text: which lines it changes, and what they are afterwards."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from .edits.places import ends_in_common
from .edits.table import Changes, Spot
from .source import Unit


@dataclass(frozen=True)
class Edited:
    """Lines before and after an edit.

    Attributes
    ----------
    path : str
    line : int
        The first line that changes.
    before, after : str
        Without the indentation that they share; several lines where it takes several.
    lines : tuple of int
        All lines that change.
    """

    path: str
    line: int
    before: str
    after: str
    lines: tuple[int, ...]


def edited(changes: Changes, spots: Mapping[int, Spot]) -> Edited | None:
    """The text of an edit, with no more brackets than it needs; None where it is in two files."""
    units = {id(u): u for s in spots.values() for u in [s.unit]
             if any(node in u.parents for node, _text in changes)}  # fmt: skip
    if len({u.key[0] for u in units.values()}) != 1:
        return None
    unit = next(iter(units.values()))
    bracketed = _spliced(unit, [(n, f"({t})" if isinstance(n, ast.expr) else t)
                                for n, t in changes])  # fmt: skip
    plain = _spliced(unit, list(changes))
    lines = plain if _tree(plain) == _tree(bracketed) else bracketed
    return _difference(unit, lines)


def _tree(lines: list[str]) -> str | None:
    try:
        return ast.dump(ast.parse("\n".join(lines)))
    except SyntaxError:
        return None


def _spliced(unit: Unit, changes: list[tuple[Any, str]]) -> list[str]:
    """The lines of a file with some parts replaced."""
    lines = list(unit.text)
    for node, text in sorted(changes, key=lambda c: (-c[0].lineno, -c[0].col_offset)):
        first, last = node.lineno - 1, node.end_lineno - 1
        head = lines[first].encode()[: node.col_offset].decode()
        tail = lines[last].encode()[node.end_col_offset :].decode()
        if isinstance(node, ast.stmt):
            indent = " " * node.col_offset
            # Lines that are taken over whole have their indentation already.
            new = [x if not x or (x.startswith(indent) and indent) else indent + x
                   for x in text.split("\n")] if text else []  # fmt: skip
            if new:
                new[-1] += tail
                new[0] = head + new[0].lstrip()
        else:
            new = text.split("\n")
            new[0] = head + new[0]
            new[-1] += tail
        lines[first : last + 1] = new
    return lines


def _difference(unit: Unit, lines: list[str]) -> Edited:
    """What differs between the file and its new lines."""
    old = unit.text
    start, end = ends_in_common(old, lines)
    before, after = old[start : len(old) - end], lines[start : len(lines) - end]
    if not before and start:  # a line more: beside the one above it
        start -= 1
        before, after = [old[start]], [old[start], *after]
    margin = min((len(x) - len(x.lstrip()) for x in [*before, *after] if x.strip()), default=0)
    cut = ["\n".join(x[margin:] for x in part) for part in (before, after)]
    changed = set[int]()
    for tag, a, b, _c, _d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "insert":
            changed.add(start + max(1, a))  # the line above
        elif tag != "equal":
            changed.update(range(start + 1 + a, start + 1 + b))
    return Edited(unit.key[0], min(changed), cut[0], cut[1], tuple(sorted(changed)))
