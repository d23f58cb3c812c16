"""Changing trees for a moment, and how far a change goes."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .edits.table import Changes, Spot
from .source import Unit


@contextmanager
def applied(changes: Changes, units: list[Unit]) -> Iterator[list[Unit]]:
    """Trees with some parts replaced; afterwards as they were."""
    undo: list[Any] = []
    touched: list[Unit] = []
    try:
        for node, text in changes:
            unit = next(u for u in units if node in u.parents)
            if unit not in touched:
                touched.append(unit)
            parent, name, k = unit.parents[node]
            if isinstance(node, ast.stmt):
                block = getattr(parent, name)
                made = ast.parse(text).body
                for statement in made:
                    ast.increment_lineno(statement, node.lineno - 1)
                undo.append((block, list(block)))
                at = block.index(node)
                block[at : at + 1] = made
                if not block:
                    block.append(ast.copy_location(ast.Pass(), node))
            else:
                new = ast.parse(f"({text}\n)", mode="eval").body
                if isinstance(getattr(node, "ctx", None), ast.Store):
                    new.ctx = ast.Store()  # type: ignore[attr-defined]
                ast.increment_lineno(new, getattr(node, "lineno", 1) - 1)
                if k is None:
                    undo.append((parent, name, node))
                    setattr(parent, name, new)
                else:
                    block = getattr(parent, name)
                    undo.append((block, list(block)))
                    block[k] = new
        yield touched
    finally:
        for step in reversed(undo):
            if len(step) == 2:
                step[0][:] = step[1]
            else:
                setattr(*step)


def is_a_move(spot: Spot, changes: Changes) -> bool:
    """Whether lines are only put elsewhere."""
    if not any(isinstance(n, ast.stmt) for n, _text in changes):
        return False
    before = [x.strip() for n, _text in changes for x in spot.text(n).split("\n")]
    after = [x.strip() for _n, text in changes for x in text.split("\n") if x.strip()]
    return sorted(before) == sorted(after)


def distance(before: str, after: str) -> int:
    """How many characters are changed, roughly: what is left between a common start and end."""
    if before in after or after in before:
        return abs(len(after) - len(before))
    a, b = before, after
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return len(a) + len(b)
