"""Edits of whole lines: added up or not, in another order, returned, missing, too many."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from .factors import DERIVED
from .places import is_read, place_of
from .shapes import exchanged
from .table import Changes, Spot, of_statements

_ADDED = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


@of_statements("overwritten", "missing_branch", cost=0.7)
def added_up(at: Spot) -> Iterator[Changes]:
    """``+=`` for ``=``; ``np.add.at`` where an index occurs several times."""
    node = at.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], at.text(node.value)
        if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
            yield ((node, f"{at.text(target)} += {value}"),)
        if isinstance(target, ast.Subscript):
            yield from _add_at(at, target, value)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript) and (
        isinstance(node.op, ast.Add)
    ):  # fmt: skip
        yield from _add_at(at, node.target, at.text(node.value))


def _add_at(at: Spot, target: ast.Subscript, value: str) -> Iterator[Changes]:
    index = at.text(target.slice)
    parts = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
    index = f"({index})" if isinstance(target.slice, ast.Tuple) else index
    if not any(isinstance(x, ast.Slice) for x in parts):
        yield ((at.node, f"np.add.at({at.text(target.value)}, {index}, {value})"),)


@of_statements("sign", "ascent", cost=0.5)
def sign_of_the_assignment(at: Spot) -> Iterator[Changes]:
    """``-=`` for ``+=``."""
    node = at.node
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
        sign = "-" if isinstance(node.op, ast.Add) else "+"
        yield ((node, f"{at.text(node.target)} {sign}= {at.text(node.value)}"),)


@of_statements("sign", "ascent", "overwritten", "stale_cache", "scale", cost=0.9)
def other_assignment(at: Spot) -> Iterator[Changes]:
    """``-=`` for ``+=``, ``=`` for ``+=``."""
    node = at.node
    if isinstance(node, ast.AugAssign) and type(node.op) in _ADDED:
        for sign in ("+", "-", "*", "/", ""):
            if sign != _ADDED[type(node.op)]:
                yield ((node, f"{at.text(node.target)} {sign}= {at.text(node.value)}"),)


@of_statements("updated_too_early", "wrong_variable", cost=1.1)
def other_order(at: Spot) -> Iterator[Changes]:
    """The line after the one that follows it, or at the end of its block."""
    block, k = place_of(at)
    if block is None or isinstance(at.node, ast.Return):
        return
    rest = [s for s in block[k + 1 :] if not isinstance(s, ast.Return)]
    for last in dict.fromkeys([*rest[:3], *rest[-1:]]):
        yield ((last, _with_indent(at, last) + "\n" + at.text(at.node)), (at.node, ""))
    for first in block[max(0, k - 3) : k]:
        if not _is_docstring(first):
            yield ((at.node, ""), (first, at.text(at.node) + "\n" + _with_indent(at, first)))


@of_statements("overwritten", "missing_branch", "not_summed", cost=1.3)
def out_of_the_loop(at: Spot) -> Iterator[Changes]:
    """The line behind or before the loop in which it stands, or into the loop before it."""
    block, k = place_of(at)
    if block is None:
        return
    outer = at.parent(at.node)
    if isinstance(outer, (ast.For, ast.While, ast.If)) and len(block) > 1:
        whole = at.text(outer)
        lines = whole.split("\n")
        first = at.node.lineno - outer.lineno
        last = (at.node.end_lineno or at.node.lineno) - outer.lineno
        rest = "\n".join(_dedented([*lines[:first], *lines[last + 1 :]], outer.col_offset))
        yield ((outer, rest + "\n" + at.text(at.node)),)
        yield ((outer, at.text(at.node) + "\n" + rest),)
    before = block[k - 1] if k else None
    if isinstance(before, (ast.For, ast.While)) and not isinstance(at.node, ast.Return):
        inside = before.body[-1]
        yield ((inside, _with_indent(at, inside) + "\n" + at.text(at.node)), (at.node, ""))


@of_statements("extra_factor", "missing_branch", "zero", cost=1.2)
def dropped_line(at: Spot) -> Iterator[Changes]:
    """A line too many."""
    block, _k = place_of(at)
    if block is not None and len(block) > 1 and not isinstance(at.node, ast.Return):
        if isinstance(at.node, ast.If):
            yield ((at.node, _inner(at, at.node.body)),)
        yield ((at.node, ""),)


@of_statements("wrong_variable", "permuted", cost=1.0)
def exchanged_lines(at: Spot) -> Iterator[Changes]:
    """Two lines that are alike but for one part, each with that of the other."""
    block, k = place_of(at)
    if block is None or not isinstance(at.node, (ast.Assign, ast.AugAssign)):
        return
    for other in block[k + 1 : k + 5]:
        if type(other) is not type(at.node):
            continue
        assert isinstance(other, (ast.Assign, ast.AugAssign))
        for a, b in ((at.node.value, other.value), (_target(at.node), _target(other))):
            pairs = list(_unlike(a, b))
            if 0 < len(pairs) <= 4:
                yield tuple(c for x, y in pairs for c in ((x, at.text(y)), (y, at.text(x))))
                yield from (((x, at.text(y)), (y, at.text(x))) for x, y in pairs)


def _target(node: Any) -> Any:
    return node.targets[0] if isinstance(node, ast.Assign) else node.target


def _unlike(a: Any, b: Any) -> Iterator[tuple[Any, Any]]:
    """The parts in which two trees of one form differ; the whole where the forms do."""
    if is_read(a) and is_read(b) and not isinstance(a, ast.Subscript):
        if ast.dump(a) != ast.dump(b):
            yield a, b
        return
    children = [list(ast.iter_child_nodes(x)) for x in (a, b)]
    if type(a) is not type(b) or len(children[0]) != len(children[1]) or not children[0]:
        if ast.dump(a) != ast.dump(b) and isinstance(a, ast.expr) and isinstance(b, ast.expr):
            yield a, b
        return
    for x, y in zip(*children, strict=True):
        yield from _unlike(x, y)


@of_statements("overwritten", "missing_branch", cost=1.0)
def break_or_continue(at: Spot) -> Iterator[Changes]:
    """``continue`` for ``break``."""
    if isinstance(at.node, (ast.Break, ast.Continue)):
        yield ((at.node, "continue" if isinstance(at.node, ast.Break) else "break"),)


@of_statements("updated_too_early", "stale_cache", cost=1.5)
def copied(at: Spot) -> Iterator[Changes]:
    """A copy in the place of the array itself."""
    node = at.node
    if isinstance(node, ast.Assign) and is_read(node.value) and at.seen.get(node.value):
        yield ((node.value, f"{at.text(node.value)}.copy()"),)


@of_statements("wrong_shape", "wrong_variable", "permuted", cost=1.3)
def returned(at: Spot) -> Iterator[Changes]:
    """What is returned: another order, another value."""
    node = at.node
    if not isinstance(node, ast.Return):
        return
    if isinstance(node.value, ast.Tuple):
        for items in exchanged([at.text(x) for x in node.value.elts]):
            yield ((node.value, ", ".join(items)),)
    elif node.value is None or isinstance(node.value, ast.Constant):
        for text, value in at.scope.items():
            if value.shape and value.kind == "f":
                yield ((node, f"return {text}"),)


@of_statements("wrong_shape", "zero", cost=1.3)
def missing_return(at: Spot) -> Iterator[Changes]:
    """A ``return`` that is forgotten at the end, or that stands too early, in a loop."""
    node, function = at.node, at.function
    if isinstance(function, ast.Lambda) or isinstance(node, ast.Return):
        return
    if function.body[-1] is not node:
        return
    # What the last line makes is not in scope before it.
    made = [node.target] if isinstance(node, ast.AugAssign) else getattr(node, "targets", [])
    names = [at.text(t) for t in made if is_read(t)]
    names += [t for t, v in at.scope.items() if v.shape and v.kind == "f"]
    for text in dict.fromkeys(sorted(names, key=lambda t: not re.match(r"d|grad|delta", t))):
        yield ((node, _with_indent(at, node) + f"\nreturn {text}"),)


@of_statements("wrong_local_derivative", "missing_factor", cost=2.0)
def other_product(at: Spot) -> Iterator[Changes]:
    """Nothing kept of the right side but the upstream gradient, times a derivative."""
    node = at.node
    value = getattr(node, "value", None)
    if value is None or (v := at.seen.get(value)) is None or not v.shape:
        return
    inside = [at.text(n) for n in ast.walk(value) if is_read(n) and n in at.seen
              and at.seen[n].shape == v.shape]  # fmt: skip
    for g in dict.fromkeys(inside):
        for text in at.factors(v):
            if text != g:
                yield from (((value, f"{g} * {form.format(text)}"),) for form in DERIVED[:8])


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _with_indent(at: Spot, node: Any) -> str:
    """The text of a line or of a block, as if it began at the margin."""
    first, *rest = at.text(node).split("\n")
    return "\n".join([first, *_dedented(rest, node.col_offset)])


def _dedented(lines: list[str], columns: int) -> list[str]:
    return [x[columns:] if not x[:columns].strip() else x for x in lines]


def _inner(at: Spot, body: list[Any]) -> str:
    return "\n".join(_with_indent(at, s) for s in body)
