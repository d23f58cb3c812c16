"""Edits of what is computed with: other names, signs, constants, powers, terms, functions."""

import ast
import itertools
import re
from collections.abc import Iterator
from typing import Any

from .places import is_call_of, is_divisor, is_factor_place, is_read, role
from .table import Changes, Spot, heads, of_expressions, of_statements


@of_expressions("wrong_variable", cost=1.0)
def other_name(at: Spot, node: Any) -> Iterator[str]:
    """Another value of the same shape: ``self.Z1`` for ``self.A1``."""
    value = at.seen.get(node)
    if is_read(node) and value is not None and value.shape:
        yield from at.alike(value, at.text(node))


@of_expressions("wrong_variable", "scale", cost=1.5)
def other_number(at: Spot, node: Any) -> Iterator[str]:
    """Another number: ``x.shape[0]`` for ``x.shape[1]``, one rate for another."""
    value = at.seen.get(node)
    if is_read(node) and value is not None and not value.shape and value.kind in "if":
        others = at.sizes() if value.kind == "i" else at.numbers()
        yield from (text for text in others if text != at.text(node))
        if isinstance(at.parent(node), ast.Compare):
            yield "0"


@of_statements("wrong_variable", cost=1.6)
def other_name_everywhere(at: Spot) -> Iterator[Changes]:
    """The same other name wherever it stands in a line."""
    for head in heads(at.node):
        nodes = [n for n in ast.walk(head) if is_read(n) and n in at.seen]
        for text in dict.fromkeys(at.text(n) for n in nodes):
            same = [n for n in nodes if at.text(n) == text]
            if len(same) > 1 and at.seen[same[0]].shape:
                for other in at.alike(at.seen[same[0]], text):
                    yield tuple((n, other) for n in same)


@of_statements("double_activation", "shifted", "max_ties", "wrong_variable", cost=1.1)
def everywhere(at: Spot) -> Iterator[Changes]:
    """A part that stands in a line several times, simpler in all places: ``m`` for ``~m``."""
    found: dict[str, list[Any]] = {}
    for head in heads(at.node):
        for n in ast.walk(head):
            if isinstance(n, (ast.UnaryOp, ast.BinOp, ast.Call)):
                found.setdefault(at.text(n), []).append(n)
    for nodes in (nodes for nodes in found.values() if len(nodes) > 1):
        first = nodes[0]
        simpler = [getattr(first, name) for name in ("operand", "left", "right")
                   if hasattr(first, name)] + list(getattr(first, "args", []))[:1]  # fmt: skip
        yield from (tuple((n, at.text(x)) for n in nodes) for x in simpler)


@of_statements("wrong_variable", "permuted", cost=1.1)
def exchanged_names(at: Spot) -> Iterator[Changes]:
    """Two names of a line, each in the place of the other."""
    for head in heads(at.node):
        nodes = [n for n in ast.walk(head) if is_read(n) and n in at.seen and at.seen[n].shape]
        texts = list(dict.fromkeys(map(at.text, nodes)))
        for k, a in enumerate(texts):
            for b in texts[:k]:
                one = next(at.seen[n].shape for n in nodes if at.text(n) == a)
                if one == next(at.seen[n].shape for n in nodes if at.text(n) == b):
                    yield tuple((n, b if at.text(n) == a else a) for n in nodes
                                if at.text(n) in (a, b))  # fmt: skip


@of_expressions("wrong_local_derivative", "wrong_variable", cost=1.2)
def one_for_a_name(at: Spot, node: Any) -> Iterator[str]:
    """``1`` for a name in a sum: the derivative of ``z`` itself."""
    parent = at.parent(node)
    if is_read(node) and isinstance(parent, ast.BinOp) and isinstance(
        parent.op, (ast.Add, ast.Sub)
    ):  # fmt: skip
        yield "1"


@of_statements("scale", cost=1.0)
def count(at: Spot) -> Iterator[Changes]:
    """Another number of entries: ``m = N * H * W`` for ``m = N``."""
    value: Any = getattr(at.node, "value", None)
    seen = None if value is None else at.seen.get(value)
    if not isinstance(at.node, ast.Assign) or seen is None or seen.kind != "i" or seen.shape:
        return
    names = [text for text in at.sizes() if text.isidentifier()][:6]
    for n in (1, 2, 3):
        for some in itertools.combinations(names, n):
            yield ((value, " * ".join(some)),)


@of_expressions("wrong_variable", cost=1.2)
def other_step(at: Spot, node: Any) -> Iterator[str]:
    """The time step before or after: ``h[t - 1]`` for ``h[t]``."""
    parent = at.parent(node)
    if not isinstance(parent, ast.Subscript) or parent.value is node:
        return
    if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        yield at.text(node.left)
        sign = "+" if isinstance(node.op, ast.Sub) else "-"
        yield f"{at.text(node.left)} {sign} {at.text(node.right)}"
    elif isinstance(node, ast.Name):
        yield f"{at.text(node)} - 1"
        yield f"{at.text(node)} + 1"


@of_expressions("sign", "missing_branch", "ascent", cost=0.5)
def sign_of_a_term(at: Spot, node: Any) -> Iterator[str]:
    """``a + b`` for ``a - b``, ``b - a``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        sign = "-" if isinstance(node.op, ast.Add) else "+"
        yield f"{at.text(node.left)} {sign} {at.term(node.right)}"
        yield f"{at.text(node.right)} - {at.term(node.left)}"


@of_expressions("sign", cost=0.9)
def sign(at: Spot, node: Any) -> Iterator[str]:
    """``-a`` for ``a``, and the other way round."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield at.text(node.operand)
    elif is_factor_place(at, node):
        yield f"-{at.factor(node)}"


@of_expressions("scale", "wrong_local_derivative", cost=1.0)
def other_constant(at: Spot, node: Any) -> Iterator[str]:
    """Another constant: 1, 0.5 or 2 for a number that is written there."""
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return
    if role(at, node) in ("axis", "keepdims"):
        return
    c: Any = node.value
    negative = isinstance(at.parent(node), ast.UnaryOp)
    others = [c + 1, c - 1, 2 * c, c / 2, 0, 1, 2, 3, 0.5, 1.5, 1 - c, -c]
    if isinstance(c, float) and 0 < c < 1e-2:
        others = [0.0, 1e-8, 1e-5]
    elif isinstance(at.parent(node), ast.Subscript):
        others = [c + 1, c - 1, 0, 1, 2]
    for other in dict.fromkeys(others):
        if other != c and not (negative and other <= 0):
            yield repr(float(other)) if isinstance(c, float) else f"{other:g}"
    if role(at, node) != "index":
        yield from (*at.numbers(), *at.sizes())
    parent = at.parent(node)
    if isinstance(parent, ast.Call) and (whole := at.seen.get(parent)) and whole.shape:
        yield from (f"{at.text(node)} * {text}" for text in at.alike(whole))


@of_expressions("wrong_local_derivative", "scale", cost=1.1)
def power(at: Spot, node: Any) -> Iterator[str]:
    """Another power; the root where it is missing, and where it is too many."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base = at.operand(node.left)
        yield at.text(node.left)
        for p in ("2", "3", "-1", "-2", "0.5", "-0.5", "1.5", "-1.5"):
            if p != at.text(node.right):
                yield f"{base} ** {p}" if p[0] != "-" else f"{base} ** ({p})"
    elif is_call_of(node, "sqrt") or is_call_of(node, "square"):
        yield at.text(node.args[0])
    elif (is_factor_place(at, node) or is_divisor(at, node)) and (
        is_read(node) or isinstance(node, ast.BinOp)
    ):  # fmt: skip
        yield f"{at.operand(node)} ** 2"
        yield f"np.sqrt({at.text(node)})"
    if is_divisor(at, node) and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield f"np.sqrt({at.text(node)})"


@of_expressions("missing_branch", cost=1.4)
def inserted_term(at: Spot, node: Any) -> Iterator[str]:
    """A term that is forgotten: another path, the penalty of the weights."""
    value, parent = at.seen.get(node), at.parent(node)
    first = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)) and (
        parent.left is node)  # fmt: skip
    place = is_factor_place(at, node) or (isinstance(parent, ast.BinOp) and is_read(node))
    if value is None or not value.shape or not place or first:
        return
    for text in at.alike(value):
        yield f"{at.text(node)} + {text}"
        yield f"{at.text(node)} - {text}"
        made = [u for u in at.unused if u in at.scope]
        yield from (f"{at.text(node)} {s} {text} * {u}" for u in made for s in "-+")
    if isinstance(parent, (ast.stmt, ast.Lambda)):
        for number in at.numbers():
            for text in at.alike(value):
                yield f"{at.text(node)} + {number} * {text}"
                yield f"{at.text(node)} + 2 * {number} * {text}"
                yield from (f"{at.text(node)} + {number} * {text} / {n}" for n in at.sizes())


@of_expressions("missing_branch", cost=1.7)
def inserted_sum_term(at: Spot, node: Any) -> Iterator[str]:
    """A term that is a sum of what stands there already, as in a normalisation."""
    value, parent = at.seen.get(node), at.parent(node)
    if value is None or len(value.shape) < 2 or not isinstance(node, ast.BinOp):
        return
    if not isinstance(node.op, (ast.Add, ast.Sub)) or isinstance(parent, ast.Subscript):
        return
    for text in dict.fromkeys(at.text(n) for n in ast.walk(node) if is_read(n) and (
        n in at.seen and at.seen[n].shape == value.shape)):  # fmt: skip
        for axis in range(len(value.shape)):
            for f in ("sum", "mean"):
                yield f"{at.text(node)} - {text}.{f}(axis={axis}, keepdims=True)"


@of_expressions("missing_branch", cost=1.8)
def inserted_broadcast_term(at: Spot, node: Any) -> Iterator[str]:
    """A term of a smaller shape, as it stands in a mean or in a bias."""
    value = at.seen.get(node)
    if is_factor_place(at, node) and value is not None and isinstance(at.parent(node), ast.stmt):
        for text in at.factors(value):
            if text not in at.scope or at.scope[text].shape != value.shape:
                yield f"{at.text(node)} + {text}"
                for n in at.sizes():
                    yield f"{at.text(node)} + {text} / {n}"


@of_expressions("missing_branch", "scale", "constant_offset", cost=1.0)
def dropped_term(at: Spot, node: Any) -> Iterator[str]:
    """A term too many."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield at.text(node.left)
        yield at.text(node.right)


@of_expressions("double_activation", "extra_factor", "wrong_local_derivative", cost=1.0)
def dropped_call(at: Spot, node: Any) -> Iterator[str]:
    """A function too many: ``f(x)``, ``x.f()``."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not isinstance(
        node.args[0], ast.GeneratorExp
    ):  # fmt: skip
        yield at.text(node.args[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
        node.func.value in at.seen
    ):  # fmt: skip
        yield at.text(node.func.value)


@of_expressions("missing_factor", "wrong_local_derivative", cost=1.6)
def inserted_call(at: Spot, node: Any) -> Iterator[str]:
    """A function that is forgotten around a value."""
    value = at.seen.get(node)
    if is_read(node) and value is not None and value.shape and role(at, node) != "index":
        for f in (*at.functions, "np.tanh", "np.exp", "np.abs", "np.sign", "np.sqrt"):
            yield f"{f}({at.text(node)})"


@of_expressions("wrong_local_derivative", cost=1.2)
def other_function(at: Spot, node: Any) -> Iterator[str]:
    """Another function of the same argument."""
    if not isinstance(node, ast.Call) or not node.args:
        return
    name, rest = at.text(node.func), at.text(node)[len(at.text(node.func)) :]
    pairs = {"sum": "mean", "mean": "sum", "max": "min", "min": "max", "var": "std",
             "std": "var", "zeros_like": "ones_like", "tanh": "cosh", "floor": "ceil",
             "maximum": "minimum", "minimum": "maximum"}  # fmt: skip
    last = re.split(r"\.", name)[-1]
    if last in pairs:
        yield name[: len(name) - len(last)] + pairs[last] + rest
    if len(node.args) == 1:
        yield from (f + rest for f in at.functions if f != name)


@of_expressions("max_ties", "missing_factor", "sign", cost=0.9)
def comparison(at: Spot, node: Any) -> Iterator[str]:
    """Another comparison: ``>`` for ``<``, ``>=``, ``==``."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        signs = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==",
                 ast.NotEq: "!="}  # fmt: skip
        here = signs.get(type(node.ops[0]))
        left, right = at.text(node.left), at.text(node.comparators[0])
        if here is not None:
            yield from (f"{left} {s} {right}" for s in signs.values() if s != here)
            yield left
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Invert, ast.Not)):
        yield at.text(node.operand)
    elif (value := at.seen.get(node)) is not None and value.kind == "b" and value.shape:
        yield f"~{at.operand(node)}"
