"""Edits of how arrays are laid out: products, axes, sums, slices, windows, loops."""

import ast
import itertools
import re
from collections.abc import Iterator
from typing import Any

from .places import is_factor_place, is_read, name_of
from .table import Changes, Spot, heads, of_expressions, of_statements

_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std")


def _product(node: Any) -> tuple[Any, Any, str] | None:
    """The operands of a matrix product, and how it is written."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right, "{} @ {}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in ("dot", "matmul", "outer") and len(node.args) == 2:
            return node.args[0], node.args[1], "np." + node.func.attr + "({}, {})"
        if node.func.attr == "dot" and len(node.args) == 1:
            return node.func.value, node.args[0], "{}.dot({})"
    return None


def _transposed(at: Spot, node: Any) -> str:
    """A part transposed, without a second ``.T``."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return at.text(node.value)
    return f"{at.operand(node)}.T"


@of_expressions("transpose", "wrong_shape", cost=0.4)
def product(at: Spot, node: Any) -> Iterator[str]:
    """The operands of a product: turned, exchanged, or both."""
    found = _product(node)
    if found is None:
        return
    a, b, form = found
    plain = "dot" in form or "matmul" in form
    texts = [at.text(a) if plain and "." not in form[:3] else at.operand(a),
             at.text(b) if plain else at.operand(b)]  # fmt: skip
    turned = [_transposed(at, a), _transposed(at, b)]
    pairs = [(turned[0], texts[1]), (texts[0], turned[1]), (texts[1], texts[0]),
             (turned[1], turned[0]), (turned[0], turned[1]), (turned[1], texts[0]),
             (texts[1], turned[0])]  # fmt: skip
    yield from (form.format(*pair) for pair in pairs)
    if "outer" not in form:
        yield f"np.outer({at.text(a)}, {at.text(b)})"
        yield f"np.outer({at.text(b)}, {at.text(a)})"
        yield f"{texts[0]} * {texts[1]}"


@of_expressions("missing_factor", "transpose", cost=1.7)
def product_for_factor(at: Spot, node: Any) -> Iterator[str]:
    """A matrix product in the place of a product entry by entry."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        a, b = at.seen.get(node.left), at.seen.get(node.right)
        if a is not None and b is not None and a.shape and b.shape:
            left, right = at.operand(node.left), at.operand(node.right)
            yield f"{left} @ {right}"
            yield f"{right} @ {left}"


@of_expressions("missing_factor", "wrong_shape", cost=1.9)
def inserted_product(at: Spot, node: Any) -> Iterator[str]:
    """A matrix product that is forgotten: the weights on the way back."""
    value = at.seen.get(node)
    if value is None or len(value.shape) not in (1, 2) or not is_factor_place(at, node):
        return
    for text, other in at.scope.items():
        if len(other.shape) == 2 and other.kind == "f" and text != at.text(node):
            if other.shape[0] == value.shape[-1]:
                yield f"{at.operand(node)} @ {text}"
            if other.shape[1] == value.shape[-1]:
                yield f"{at.operand(node)} @ {text}.T"


@of_expressions("transpose", "permuted", cost=1.0)
def turned(at: Spot, node: Any) -> Iterator[str]:
    """``.T`` too many or too few."""
    value = at.seen.get(node)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield at.text(node.value)
    elif value is not None and len(value.shape) == 2 and is_factor_place(at, node):
        yield f"{at.operand(node)}.T"
    elif value is not None and len(value.shape) in (3, 4) and (
        is_factor_place(at, node) or isinstance(at.parent(node), ast.Attribute)
    ):  # fmt: skip
        orders = ["0, 2, 1", "1, 0, 2"] if len(value.shape) == 3 else [
            "0, 2, 3, 1", "0, 3, 1, 2", "0, 1, 3, 2", "1, 0, 2, 3", "0, 2, 1, 3"]  # fmt: skip
        yield from (f"{at.operand(node)}.transpose({order})" for order in orders)
    if isinstance(node, ast.Call) and name_of(node.func) == "transpose" and len(node.args) > 1:
        for axes in exchanged([at.text(a) for a in node.args]):
            yield f"{at.text(node.func)}({', '.join(axes)})"


def exchanged(items: list[str]) -> Iterator[list[str]]:
    """A list with two of its items exchanged."""
    for i in range(len(items)):
        for j in range(i):
            other = list(items)
            other[i], other[j] = other[j], other[i]
            yield other


# --- sums and means ------------------------------------------------------------------------------


def _reduction(node: Any) -> tuple[str, Any] | None:
    """What is summed and by what, if a part is a sum, a mean, ..."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr not in _REDUCTIONS:
        return None
    module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
    if module:
        return (node.func.attr, node.args[0]) if node.args else None
    return node.func.attr, node.func.value


def _axes(ndim: int) -> list[str]:
    some = [c for n in (2, 3) for c in itertools.combinations(range(ndim), n)]
    return [*map(str, range(ndim)), *(str(c) for c in some if len(c) < ndim)][:24]


@of_expressions("wrong_axis", "not_summed", "scale", cost=0.8)
def reduction(at: Spot, node: Any) -> Iterator[str]:
    """A sum along another axis, with or without ``keepdims``, or no sum at all."""
    found = _reduction(node)
    if found is None:
        return
    name, what = found
    value, text = at.seen.get(what), at.text(what)
    keeps = [k for k in node.keywords if k.arg == "keepdims"]
    if value is not None:
        own = what is node.func.value  # x.sum(axis=0), and not np.sum(x, axis=0)
        form, comma = (f"{at.operand(what)}.{name}(", "") if own else (f"np.{name}({text}", ", ")
        for axis in _axes(len(value.shape)):
            yield f"{form}{comma}axis={axis})"
            yield f"{form}{comma}axis={axis}, keepdims=True)"
        yield form + ")"
        if isinstance(what, ast.Subscript):  # dz[-1].sum(...): of one example alone
            inner = at.text(what.value)
            axes = _axes(len(value.shape) + 1)
            yield from (f"np.{name}({inner}, axis={axis})" for axis in axes)
    elif keeps:
        yield re.sub(r",\s*keepdims\s*=\s*\w+", "", at.text(node))
    yield text


@of_expressions("missing_branch", "wrong_axis", cost=1.0)
def sum_of_the_product(at: Spot, node: Any) -> Iterator[str]:
    """The sum of a product for the product of sums, and the other way round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        a, b = _reduction(node.left), _reduction(node.right)
        for found, whole, other in ((a, node.left, node.right), (b, node.right, node.left)):
            if found is not None:
                inner = at.operand(found[1])
                both = (b if found is a else a) if a is not None and b is not None else None
                rest = at.operand(other if both is None else both[1])
                yield at.text(whole).replace(at.text(found[1]), f"({inner} * {rest})", 1)
    found = _reduction(node)
    if found is not None and isinstance(found[1], ast.BinOp) and isinstance(found[1].op, ast.Mult):
        left, right = found[1].left, found[1].right
        for x, y in ((left, right), (right, left)):
            yield f"{at.operand(y)} * " + at.text(node).replace(at.text(found[1]), at.operand(x), 1)


@of_expressions("not_summed", "missing_branch", cost=1.1)
def inserted_sum(at: Spot, node: Any) -> Iterator[str]:
    """A sum that is forgotten."""
    value = at.seen.get(node)
    if value is not None and value.shape and is_factor_place(at, node) and (
        _reduction(node) is None
    ):  # fmt: skip
        for axis in _axes(len(value.shape)):
            yield f"np.sum({at.text(node)}, axis={axis})"
            yield f"np.sum({at.text(node)}, axis={axis}, keepdims=True)"
        yield f"np.sum({at.text(node)})"
        if isinstance(node, ast.Subscript):  # dz[-1:], the last example alone
            inner = at.text(node.value)
            yield f"np.sum({inner}, axis=0)"
            yield f"np.sum({inner}, axis=0, keepdims=True)"
        if value.kind == "f":
            yield from (f"np.mean({at.text(node)}, axis={axis}, keepdims=True)"
                        for axis in _axes(len(value.shape)))  # fmt: skip


@of_expressions("wrong_shape", "permuted", cost=1.5)
def shaped(at: Spot, node: Any) -> Iterator[str]:
    """The shape of another value: ``.reshape(self.x.shape)``."""
    value = at.seen.get(node)
    if value is None or len(value.shape) < 1 or not is_factor_place(at, node):
        return
    count = _count(value.shape)
    for text, other in at.scope.items():
        if other.shape != value.shape and other.shape and _count(other.shape) == count:
            yield f"{at.operand(node)}.reshape({text}.shape)"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
        node.func.attr in ("reshape", "ravel", "flatten", "squeeze")
    ):  # fmt: skip
        yield at.text(node.func.value)
    if len(value.shape) == 1:
        yield f"{at.operand(node)}[:, None]"


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


# --- slices and loops -----------------------------------------------------------------------------


@of_statements("permuted", "wrong_variable", "missing_branch", cost=1.2)
def other_index(at: Spot) -> Iterator[Changes]:
    """The index or slice that another line of the function has."""
    found: dict[int, list[str]] = {}
    for node in ast.walk(at.function):
        if isinstance(node, ast.Subscript):
            found.setdefault(_rank(node.slice), []).append(at.text(node.slice))
    for head in heads(at.node):
        for node in ast.walk(head):
            if isinstance(node, ast.Subscript):
                text = at.text(node.slice)
                for other in dict.fromkeys(found[_rank(node.slice)]):
                    if other != text:
                        yield ((node, f"{at.text(node.value)}[{other}]"),)


def _rank(index: ast.AST) -> int:
    return len(index.elts) if isinstance(index, ast.Tuple) else 1


@of_expressions("shifted", "truncated", "flipped_kernel", cost=1.3)
def index_arithmetic(at: Spot, node: Any) -> Iterator[str]:
    """Whole numbers in indices: the stride forgotten, one too many, another dimension."""
    value = at.seen.get(node)
    if value is None or value.kind != "i" or value.shape or not (
        _in_an_index(at, node) or isinstance(at.parent(node), (ast.BinOp, ast.stmt))
    ):  # fmt: skip
        return
    if is_read(node):
        yield f"{at.text(node)} + 1"
        yield f"{at.text(node)} - 1"
        for text in at.sizes():
            yield f"{at.text(node)} * {text}"
            yield f"{at.text(node)} + {text}"
            yield f"{at.text(node)} - {text}"
    elif isinstance(node, ast.BinOp):
        yield at.text(node.left)
        yield at.text(node.right)


def _in_an_index(at: Spot, node: ast.AST) -> bool:
    parent = at.parent(node)
    while isinstance(parent, (ast.BinOp, ast.Slice, ast.Tuple, ast.UnaryOp)):
        node, parent = parent, at.parent(parent)
    in_range = isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "range"
    return in_range or (isinstance(parent, ast.Subscript) and parent.slice is node)


@of_statements("shifted", "truncated", "wrong_shape", "wrong_axis", cost=1.2)
def slices(at: Spot) -> Iterator[Changes]:
    """A slice from another beginning to another end: a border, a stride, one entry per row."""
    for head in heads(at.node):
        for node in ast.walk(head):
            if isinstance(node, ast.Subscript):
                name = at.text(node.value)
                for index in dict.fromkeys(_indices(at, node)):
                    yield ((node, f"{name}[{index}]" if index else name),)


def _indices(at: Spot, node: ast.Subscript) -> Iterator[str]:
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    cut = [isinstance(x, ast.Slice) and bool(x.lower or x.upper) for x in items]
    texts, sizes = [at.text(x) for x in items], list(at.sizes())
    for k, x in enumerate(items):  # dz[:, y] for dz[np.arange(m), y]
        if isinstance(x, ast.Slice) and not cut[k]:
            for y in (t for j, t in enumerate(texts) if j != k and _is_labels(at, t)):
                yield ", ".join([*texts[:k], f"np.arange(len({y}))", *texts[k + 1 :]])
    if not any(cut):
        return
    forms = [form.replace("{n}", n) for n in sizes for form in (
        "{n}:{n} + {b}", "{n}:", "{n}:-{n}", ":-{n}", "{a} * {n}:{a} * {n} + {r}",
        "{a}:{a} + {n} * {r}:{n}")]  # fmt: skip
    for form in [*forms, "{r} * {a}:{r} * {a} + {r}"]:
        parts = list(texts)
        for k, x in enumerate(items):
            if cut[k] and isinstance(x, ast.Slice):
                width = x.upper.right if isinstance(x.upper, ast.BinOp) else x.upper
                parts[k] = form.format(
                    a=at.operand(x.lower) if x.lower else "0",
                    b=at.text(x.upper) if x.upper else "None", r=at.text(width) if width else "1",
                )  # fmt: skip
        if not any("None" in p for p in parts):
            yield ", ".join(parts)
    for k, x in enumerate(items):  # 1: for :-1
        if cut[k] and isinstance(x, ast.Slice) and (x.lower is None) != (x.upper is None):
            upper = at.text(x.upper).lstrip("-") if x.upper else ""
            other = f":-{at.text(x.lower)}" if x.lower else f"{upper}:"
            yield ", ".join([*texts[:k], other, *texts[k + 1 :]])
    yield ""


def _is_labels(at: Spot, text: str) -> bool:
    value = at.scope.get(text)
    return value is not None and value.kind == "i" and len(value.shape) == 1


@of_expressions("shifted", "wrong_shape", cost=1.3)
def cropped(at: Spot, node: Any) -> Iterator[str]:
    """A border that is not cut off."""
    value = at.seen.get(node)
    if value is None or not is_read(node) or len(value.shape) < 2 or value.kind != "f":
        return
    before = ":, " * (len(value.shape) - 2)
    for n in at.sizes():
        yield f"{at.text(node)}[{before}{n}:-{n}, {n}:-{n}]"
        yield f"{at.text(node)}[{before}:, {n}:]"
        yield f"{at.text(node)}[{before}:, {n}:-{n}]"


@of_expressions("flipped_kernel", "permuted", cost=1.4)
def flipped(at: Spot, node: Any) -> Iterator[str]:
    """An array turned round, or not."""
    value = at.seen.get(node)
    if isinstance(node, ast.Subscript) and "::-1" in at.text(node.slice):
        yield at.text(node.value)
    elif is_read(node) and value is not None and value.kind == "f" and value.shape:
        yield f"{at.text(node)}[::-1]"
        if len(value.shape) > 1:
            yield f"{at.text(node)}[..., ::-1, ::-1]"


@of_statements("missing_branch", "overwritten", cost=1.0)
def loop(at: Spot) -> Iterator[Changes]:
    """A loop the other way round, or from another beginning to another end."""
    if not isinstance(at.node, ast.For):
        return
    over = at.node.iter
    text = at.text(over)
    if isinstance(over, ast.Call) and getattr(over.func, "id", "") == "reversed":
        yield ((over, at.text(over.args[0])),)
        over = over.args[0]
        text = at.text(over)
    else:
        yield ((over, f"reversed({text})"),)
        yield ((over, f"{at.operand(over)}[::-1]"),)
    if isinstance(over, ast.Call) and getattr(over.func, "id", "") == "range":
        ends = [at.text(a) for a in over.args]
        if len(ends) == 1:
            variants = [f"{ends[0]} - 1", f"{ends[0]} + 1", f"1, {ends[0]}"]
        elif len(ends) == 2:
            variants = [f"{ends[0]}, {ends[1]} - 1", f"{ends[0]}, {ends[1]} + 1", ends[1],
                        f"{ends[0]} - 1, {ends[1]}", f"{ends[0]} + 1, {ends[1]}"]  # fmt: skip
        else:
            a, b, c = ends
            variants = [f"{a}, {b} - 1, {c}", f"{a}, {b} + 1, {c}", f"{a} - 1, {b}, {c}",
                        f"{a} + 1, {b}, {c}"]  # fmt: skip
        variants += [s for s in at.sizes() if s not in ends] if len(ends) == 1 else []
        yield from (((over, f"range({v})"),) for v in variants)
