"""Edits of whole lines: added up or not, in another order, returned, missing, too many."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from .factors import DERIVED
from .places import is_read
from .shapes import exchanged
from .table import Changes, Spot, fits, of_statements

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
    block, k = _place(at)
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
    block, k = _place(at)
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
    block, _k = _place(at)
    if block is not None and len(block) > 1 and not isinstance(at.node, ast.Return):
        if isinstance(at.node, ast.If):
            yield ((at.node, _inner(at, at.node.body)),)
        yield ((at.node, ""),)


@of_statements("missing_factor", "off_by_one_class", "missing_branch", "scale", cost=1.5)
def inserted_line(at: Spot) -> Iterator[Changes]:
    """A line that is forgotten behind this one: ``dz /= m``, ``dz[range(m), y] -= 1``."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not is_read(target):
        return
    while isinstance(target, ast.Subscript) and isinstance(node, ast.AugAssign):
        target = target.value
    name, text = at.text(target), at.text(node)
    value = at.scope.get(name) if isinstance(node, ast.AugAssign) else at.seen.get(node.value)
    if value is None:
        return
    lines = [f"{name} /= {n}" for n in (*at.sizes(), *at.numbers())]
    lines += [f"{name} *= {n}" for n in at.numbers()]
    for other, v in at.scope.items():
        if v.kind in "fb" and v.shape and value.shape and fits(value.shape, v.shape):
            lines += [f"{name} *= {other}", f"{name} *= {other} > 0"]
            if v.shape == value.shape and v.kind == "f":
                lines += [f"{name}[{other} <= 0] = 0", f"{name} += {other}"]
    yield from (((node, f"{text}\n{line}"),) for line in lines if line[:-3] != name)


@of_statements("missing_branch", "missing_factor", "off_by_one_class", cost=0.7)
def label(at: Spot) -> Iterator[Changes]:
    """The labels that are forgotten: ``dz[np.arange(m), y] -= 1``."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = at.scope.get(at.text(target)) if isinstance(node, ast.AugAssign) else at.seen.get(
        node.value)  # fmt: skip
    if value is None or not value.shape or not isinstance(target, (ast.Name, ast.Attribute)):
        return
    name, text = at.text(target), at.text(node)
    rows = [t for t, v in at.scope.items() if v.kind == "f" and v.shape == value.shape[:1]]
    for other, v in at.scope.items():
        if v.kind == "i" and v.shape == value.shape[:1] and len(value.shape) == 2:
            where = f"{name}[np.arange(len({other})), {other}]"
            yield from (((node, f"{text}\n{where} -= {by}"),) for by in ("1", *rows))
        if v.kind == "i" and not v.shape and ".shape" not in other and (
            "[" in other or len(value.shape) == 1
        ):  # fmt: skip
            yield ((node, f"{text}\n{name}[{other}] -= 1"),)


@of_statements("missing_factor", "missing_branch", cost=0.4)
def use_of_a_name(at: Spot) -> Iterator[Changes]:
    """What a line makes and no other reads, put to its use: ``dz *= mask``."""
    node = at.node
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return
    name, made = node.targets[0].id, at.seen.get(node.value)
    if name not in at.unused or made is None:
        return
    labels = [(t, v.shape) for t, v in at.scope.items() if v.kind == "i" and len(v.shape) == 1]
    for other, v in at.scope.items():
        if not v.shape or v.kind != "f" or not re.match(r"(self\.)?_*(d|grad|delta)", other):
            continue
        forms = (
            ["{} *= {}", "{} -= {}", "{} += {}", "{} /= {}"] if fits(v.shape, made.shape) else []
        )
        forms += [f"{{}}[np.arange(len({y})), {y}] {s}= {{}}" for y, shape in labels for s in "-+"
                  if len(v.shape) == 2 and shape == v.shape[:1] == made.shape]  # fmt: skip
        yield from (((node, f"{at.text(node)}\n{form.format(other, name)}"),) for form in forms)


@of_statements("wrong_variable", "permuted", cost=1.0)
def exchanged_lines(at: Spot) -> Iterator[Changes]:
    """Two lines that are alike but for one part, each with that of the other."""
    block, k = _place(at)
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


@of_statements("missing_branch", "wrong_variable", "overwritten", cost=1.4, anywhere=True)
def sibling(at: Spot) -> Iterator[Changes]:
    """The line again with other names, ``q`` for ``k`` everywhere: beside it, or in its place."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    text = at.text(node)
    own = list(dict.fromkeys(at.text(n) for n in ast.walk(node) if is_read(n) and (
        at.text(n) in at.scope)))  # fmt: skip
    done = set[str]()
    for a in own:
        for b in at.scope:
            x, y = _core(a, b)
            if not x or not y or max(len(x), len(y)) > 3:
                continue
            other = text
            for name in sorted(own, key=len, reverse=True):
                for new in dict.fromkeys((name.replace(x, y), _last(name, x, y))):
                    if new != name and new in at.scope:
                        other = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", new, other)
                        break
            if other != text and other not in done:
                done.add(other)
                yield ((node, f"{text}\n{other}"),)
                yield ((node, other),)
                for plus, minus in (("+=", "-="), ("-=", "+=")):
                    if plus in other:
                        yield ((node, f"{text}\n{other.replace(plus, minus)}"),)


def _core(a: str, b: str) -> tuple[str, str]:
    """What differs between two names, a common beginning and a common end aside."""
    i = 0
    while i < min(len(a), len(b)) and a[i] == b[i]:
        i += 1
    j = 0
    while j < min(len(a), len(b)) - i and a[-1 - j] == b[-1 - j]:
        j += 1
    return a[i : len(a) - j], b[i : len(b) - j]


def _last(name: str, x: str, y: str) -> str:
    """A name with the last ``x`` in it replaced, whatever its case."""
    k = name.lower().rfind(x.lower())
    if k < 0:
        return name
    new = y.upper() if name[k : k + len(x)].isupper() else y.lower()
    return name[:k] + new + name[k + len(x) :]


@of_statements("missing_branch", "overwritten", "updated_too_early", cost=0.2)
def carried(at: Spot) -> Iterator[Changes]:
    """What a loop carries from step to step, and this one never renews: ``dh_next = ...``."""
    block, _k = _place(at)
    outer = at.parent(at.node)
    if block is None or not isinstance(outer, ast.For) or block[-1] is not at.node:
        return
    stored = {at.text(n) for n in ast.walk(outer) if is_read(n) and isinstance(
        getattr(n, "ctx", None), ast.Store)}  # fmt: skip
    names = [n for s in block for n in ast.walk(s) if isinstance(n, ast.Name)]
    loaded = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    read = {name for name in loaded - stored if re.match(r"d|grad|delta", name)}
    for name in sorted(read):
        value = at.scope.get(name)
        if value is None or not value.shape or value.kind != "f":
            continue
        text = at.text(at.node)
        for other, v in at.scope.items():
            if v.kind == "f" and v.shape == value.shape and other != name:
                yield ((at.node, f"{text}\n{name} = {other}"),)
        for product in _products(at, value.shape, stored):
            yield ((at.node, f"{text}\n{name} = {product}"),)


def _products(at: Spot, shape: tuple[int, ...], made: set[str]) -> Iterator[str]:
    """Matrix products of a shape, of a matrix and of something that this block makes."""
    matrices = [(t, v.shape) for t, v in at.scope.items() if len(v.shape) == 2 and v.kind == "f"]
    for g, s in ((t, v.shape) for t, v in at.scope.items() if t in made and v.kind == "f"):
        for w, (rows, columns) in matrices:
            if w == g or w.endswith(".T"):
                continue
            if len(s) == 2 and len(shape) == 2:
                for left, right, i, j, k, m in (
                    (g, w, s[0], s[1], rows, columns), (g, f"{w}.T", s[0], s[1], columns, rows),
                    (w, g, rows, columns, s[0], s[1]), (f"{w}.T", g, columns, rows, s[0], s[1]),
                ):  # fmt: skip
                    if j == k and (i, m) == shape:
                        yield f"{left} @ {right}"
            elif len(s) == 1 and len(shape) == 1:
                if s[0] == rows and columns == shape[0]:
                    yield f"{g} @ {w}"
                if s[0] == columns and rows == shape[0]:
                    yield f"{w} @ {g}"


@of_statements("overwritten", "missing_branch", cost=1.0)
def break_or_continue(at: Spot) -> Iterator[Changes]:
    """``continue`` for ``break``."""
    if isinstance(at.node, (ast.Break, ast.Continue)):
        yield ((at.node, "continue" if isinstance(at.node, ast.Break) else "break"),)


@of_statements("missing_branch", "wrong_local_derivative", cost=1.1)
def terms_and_path(at: Spot) -> Iterator[Changes]:
    """A product added to what is there: another path of the same value."""
    node = at.node
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return
    value = at.seen.get(node.value)
    if value is None or len(value.shape) not in (1, 2):
        return
    made = {t for t, v in at.scope.items() if re.match(r"d|grad|delta", t) and v.shape}
    for product in _products(at, value.shape, made):
        yield ((node.value, f"{at.text(node.value)} + {product}"),)


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


def _place(at: Spot) -> tuple[list[ast.stmt] | None, int]:
    """The block in which a line stands, and its place there."""
    found = at.unit.parents.get(at.node)
    if found is None or found[2] is None or not isinstance(at.node, ast.stmt):
        return None, 0
    return getattr(found[0], found[1]), found[2]


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
