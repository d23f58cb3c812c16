"""Where in a line an edit makes sense."""

import ast
from collections.abc import Sequence
from typing import Any

from .table import Spot

NAMES = (ast.Name, ast.Attribute, ast.Subscript)


def is_read(node: ast.AST) -> bool:
    """Whether a part is a name, an attribute or an item."""
    return isinstance(node, NAMES)


def is_divisor(at: Spot, node: ast.AST) -> bool:
    """Whether a part is what something is divided by."""
    parent = at.parent(node)
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and (
        parent.right is node)  # fmt: skip


def is_factor_place(at: Spot, node: ast.AST) -> bool:
    """Whether a factor can be put beside a part, and not as well beside what it stands in."""
    value, parent = at.seen.get(node), at.parent(node)
    if value is None or value.kind not in "fb" or role(at, node) == "index":
        return False
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div)):
        return False
    return not isinstance(parent, (ast.UnaryOp, ast.Attribute, ast.Compare, ast.Subscript))


def role(at: Spot, node: ast.AST) -> str:
    """What a part is to what it stands in: ``index``, ``axis``, ``keepdims``, or nothing."""
    inner = node
    while (parent := at.parent(inner)) is not None and isinstance(parent, (ast.expr, ast.keyword)):
        if isinstance(parent, ast.keyword):
            return parent.arg or ""
        if isinstance(parent, ast.Subscript) and parent.slice is inner:
            return "index"
        if isinstance(parent, ast.Call) and inner in parent.args[1:] and (
            name_of(parent.func) in ("sum", "mean", "max", "min", "prod")
        ):  # fmt: skip
            return "axis"
        inner = parent
    return ""


def name_of(f: Any) -> str:
    """The last name of what is called."""
    return f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")


def is_call_of(node: Any, name: str) -> bool:
    """Whether a part calls a function of that name with one argument."""
    return isinstance(node, ast.Call) and name_of(node.func) == name and len(node.args) == 1


def place_of(at: Spot) -> tuple[list[ast.stmt] | None, int]:
    """The block in which a line stands, and its place there."""
    found = at.unit.parents.get(at.node)
    if found is None or found[2] is None or not isinstance(at.node, ast.stmt):
        return None, 0
    return getattr(found[0], found[1]), found[2]


def ends_in_common(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    """How much two texts, or two lists of lines, share at the beginning, and then at the end."""
    start = _shared(a, b)
    return start, _shared(a[start:][::-1], b[start:][::-1])


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    differing = (k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    return next(differing, min(len(a), len(b)))
