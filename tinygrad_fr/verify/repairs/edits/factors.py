"""Edits of products: sizes, constants, derivatives, factors too many and too few."""

import ast
from collections.abc import Iterator
from typing import Any

from .places import is_divisor, is_factor_place, is_read, name_of
from .table import Spot, of_expressions

# The derivatives that students write, of a value or of what was made of it.
DERIVED = (
    "({} > 0)", "({} >= 0)", "{0} * (1 - {0})", "(1 - {}**2)", "(1 - {})", "np.exp({})",
    "(1 - np.tanh({})**2)", "np.sign({})", "np.cos({})", "({} > 0).astype(float)", "{}**2",
    "2 * {}",
)  # fmt: skip


@of_expressions("scale", cost=1.0)
def size(at: Spot, node: Any) -> Iterator[str]:
    """A factor or divisor that is a size: ``/ m``."""
    if is_factor_place(at, node):
        for text in at.sizes():
            yield f"{at.factor(node)} / {text}"
            yield f"{at.factor(node)} * {text}"
        short = [text for text in at.sizes() if text.isidentifier()][:6]
        yield from (f"{at.factor(node)} / ({a} * {b})" for a in short for b in short if a < b)
        yield from (f"{at.factor(node)} / np.sqrt({a})" for a in short)
    elif is_divisor(at, node):
        yield from (f"({text} * {at.operand(node)})" for text in at.sizes())


@of_expressions("scale", cost=1.0)
def inserted_constant(at: Spot, node: Any) -> Iterator[str]:
    """A factor 2 or a half."""
    if is_factor_place(at, node):
        yield f"2 * {at.operand(node)}"
        yield f"{at.factor(node)} / 2"


@of_expressions("scale", "missing_factor", cost=1.2)
def inserted_number(at: Spot, node: Any) -> Iterator[str]:
    """A factor that is a number with a name."""
    if is_factor_place(at, node):
        for text in at.numbers():
            yield f"{text} * {at.operand(node)}"
            yield f"{at.factor(node)} / {text}"


@of_expressions("missing_factor", "missing_upstream", cost=1.0)
def inserted_factor(at: Spot, node: Any) -> Iterator[str]:
    """A factor that is forgotten."""
    if not is_factor_place(at, node):
        return
    parent = at.parent(node)
    sum_ = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub))
    whole = at.seen.get(parent) if sum_ and parent is not None else None
    for text in dict.fromkeys([*at.factors(at.seen[node]), *(at.factors(whole) if whole else ())]):
        if at.text(node) != text:
            yield f"{at.factor(node)} * {text}"


@of_expressions("missing_factor", cost=1.6)
def inserted_divisor(at: Spot, node: Any) -> Iterator[str]:
    """A divisor that is forgotten."""
    if is_factor_place(at, node):
        for text in at.factors(at.seen[node]):
            if at.text(node) != text:
                yield f"{at.factor(node)} / {text}"


@of_expressions("wrong_variable", "scale", cost=1.3)
def array_for_number(at: Spot, node: Any) -> Iterator[str]:
    """An array in the place of a number in a product: each example has its own length."""
    value, parent = at.seen.get(node), at.parent(node)
    whole = None if parent is None else at.seen.get(parent)
    if value is None or value.shape or whole is None or not whole.shape:
        return
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div)):
        yield from at.factors(whole)


@of_expressions("wrong_local_derivative", cost=1.1)
def leaky(at: Spot, node: Any) -> Iterator[str]:
    """The slope of a leaky relu for that of relu."""
    if isinstance(node, ast.Compare):
        for slope in ("0.01", "0.1", "0.2", *at.numbers()):
            yield f"np.where({at.text(node)}, 1.0, {slope})"


@of_expressions("wrong_local_derivative", "wrong_variable", cost=1.1)
def complement(at: Spot, node: Any) -> Iterator[str]:
    """``1 - s`` for ``s``."""
    value = at.seen.get(node)
    if is_read(node) and value is not None and value.kind == "f":
        yield f"(1 - {at.text(node)})"
        yield f"({at.text(node)} - 1)"


@of_expressions("diagonal_only", "missing_branch", cost=0.9)
def softmax_diagonal(at: Spot, node: Any) -> Iterator[str]:
    """The whole Jacobian of softmax for the matrix of its diagonal."""
    if not isinstance(node, ast.Call) or name_of(node.func) not in ("diag", "diagflat"):
        return
    product = node.args[0] if node.args else None
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
        for p in dict.fromkeys(at.text(n) for n in (product.left, product.right) if is_read(n)):
            yield f"{at.text(node.func)}({p}) - np.outer({p}, {p})"
            yield f"{at.text(node.func)}({p}) - np.dot({p}, {p}.T)"


@of_expressions("missing_factor", cost=1.3)
def derived_factor(at: Spot, node: Any) -> Iterator[str]:
    """The derivative of an activation that is forgotten: ``* (self.Z1 > 0)``."""
    if is_factor_place(at, node):
        for text in at.factors(at.seen[node]):
            yield from (f"{at.factor(node)} * {form.format(text)}" for form in DERIVED[:9])


@of_expressions("wrong_local_derivative", cost=1.4)
def other_derivative(at: Spot, node: Any) -> Iterator[str]:
    """The derivative of another function, or of the same one at another place."""
    upstream, form = "", _derivative(node, at)
    if form is None and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        inner = node.left  # g * a * (1 - a)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
            form = _derivative(node.right, at)
            upstream = f"{at.factor(inner.left)} * " if form == at.text(inner.right) else ""
            form = form if upstream else None
    if form is None:
        return
    value = at.seen.get(node)
    texts = [form]
    if value is not None:
        texts += list(at.factors(value))
    for text in dict.fromkeys(texts):
        yield from (upstream + other.format(text) for other in DERIVED)
    for f in at.functions:
        yield from (f"{upstream}{f}({text})" for text in dict.fromkeys(texts))


def _derivative(node: Any, at: Spot) -> str | None:
    """Of what a part is a derivative as students write it; None if it is none."""
    if isinstance(node, ast.Compare) and is_read(node.left):
        return at.text(node.left)
    if isinstance(node, ast.Compare) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Mult))
    ):
        names = [at.text(n) for n in ast.walk(node) if is_read(n) and n in at.seen
                 and at.seen[n].shape]  # fmt: skip
        outer = [n for n in dict.fromkeys(names) if n == max(names, key=len)]
        constant = any(isinstance(n, ast.Constant) for n in ast.walk(node))
        if len(set(names)) == 1 and constant:
            return outer[0]
    if isinstance(node, ast.Call) and len(node.args) == 1 and is_read(node.args[0]):
        value = at.seen.get(node)
        if value is not None and value.shape:
            return at.text(node.args[0])
    return None


@of_expressions("wrong_local_derivative", "missing_factor", cost=1.2)
def indicator(at: Spot, node: Any) -> Iterator[str]:
    """Where something is positive, in the place of the thing itself."""
    value = at.seen.get(node)
    if value is None or not value.shape or value.kind != "f" or not isinstance(
        node, (ast.Call, ast.Name, ast.Attribute)
    ):  # fmt: skip
        return
    for n in ast.walk(node):
        if is_read(n) and n in at.seen and at.seen[n].shape == value.shape:
            yield f"({at.text(n)} > 0).astype(float)"


@of_expressions("wrong_local_derivative", "wrong_shape", cost=1.2)
def derivative_of_squares(at: Spot, node: Any) -> Iterator[str]:
    """``lam * W`` for ``0.5 * lam * np.sum(W * W)``: the penalty in the place of its derivative."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return
    call = node.right
    if isinstance(call, ast.Call) and call.args and name_of(call.func) == "sum":
        inner = call.args[0]
        if isinstance(inner, ast.BinOp) and is_read(inner.left):
            x, rest = at.text(inner.left), node.left
            if isinstance(rest, ast.BinOp) and isinstance(rest.left, ast.Constant):
                yield f"{at.operand(rest.right)} * {x}"
            yield f"{at.factor(rest)} * {x}"
            yield f"2 * {at.factor(rest)} * {x}"


@of_expressions("wrong_local_derivative", "missing_factor", cost=1.5)
def factor_by_a_function(at: Spot, node: Any) -> Iterator[str]:
    """A factor that a function of theirs gives: ``* self.relu_prime(z)``."""
    if is_factor_place(at, node):
        for text in at.factors(at.seen[node]):
            yield from (f"{at.factor(node)} * {f}({text})" for f in at.functions)


@of_expressions("extra_factor", "scale", "wrong_local_derivative", cost=0.9)
def dropped_factor(at: Spot, node: Any) -> Iterator[str]:
    """A factor too many, or two: an activation's derivative."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Mult, ast.Div)):
        return
    yield at.text(node.left)
    if isinstance(node.op, ast.Mult):
        yield at.text(node.right)
    inner = node.left
    while isinstance(inner, ast.BinOp) and isinstance(inner.op, (ast.Mult, ast.Div)):
        yield at.text(inner.left)
        op = "*" if isinstance(node.op, ast.Mult) else "/"
        yield f"{at.factor(inner.left)} {op} {at.operand(node.right)}"
        inner = inner.left


@of_expressions("wrong_local_derivative", "scale", cost=1.0)
def times_for_divided(at: Spot, node: Any) -> Iterator[str]:
    """``a * b`` for ``a / b``, and the other way round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        op = "/" if isinstance(node.op, ast.Mult) else "*"
        yield f"{at.factor(node.left)} {op} {at.operand(node.right)}"


@of_expressions("scale", "missing_branch", cost=1.0)
def brackets(at: Spot, node: Any) -> Iterator[str]:
    """Brackets elsewhere: ``(a - b) / c`` for ``a - b / c``, and the other way round."""
    if not isinstance(node, ast.BinOp):
        return
    left, right = node.left, node.right
    sums, products = (ast.Add, ast.Sub), (ast.Mult, ast.Div)
    if isinstance(node.op, sums):
        sign = "+" if isinstance(node.op, ast.Add) else "-"
        if isinstance(right, ast.BinOp) and isinstance(right.op, products):
            op = "*" if isinstance(right.op, ast.Mult) else "/"
            whole = f"({at.text(left)} {sign} {at.operand(right.left)})"
            yield f"{whole} {op} {at.operand(right.right)}"
        if isinstance(left, ast.BinOp) and isinstance(left.op, products):
            op = "*" if isinstance(left.op, ast.Mult) else "/"
            yield f"({at.text(left.left)} {sign} {at.operand(right)}) {op} {at.operand(left.right)}"
            yield f"{at.text(left.left)} {op} ({at.text(left.right)} {sign} {at.operand(right)})"
    elif isinstance(node.op, products):
        op = "*" if isinstance(node.op, ast.Mult) else "/"
        if isinstance(left, ast.BinOp) and isinstance(left.op, sums):
            sign = "+" if isinstance(left.op, ast.Add) else "-"
            yield f"{at.text(left.left)} {sign} {at.operand(left.right)} {op} {at.operand(right)}"
            yield f"{at.operand(left.left)} {op} {at.operand(right)} {sign} {at.text(left.right)}"


@of_expressions("diagonal_only", "missing_branch", cost=1.0)
def softmax_jacobian(at: Spot, node: Any) -> Iterator[str]:
    """The whole Jacobian of softmax in the place of its diagonal."""
    value = at.seen.get(node)
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    if not product or value is None or not value.shape:
        return
    arrays = [at.text(n) for n in ast.walk(node) if is_read(n) and n in at.seen
              and at.seen[n].shape == value.shape]  # fmt: skip
    for p in dict.fromkeys(arrays):
        for g in dict.fromkeys(arrays):
            if p != g:
                for axis in {-1, 0} if len(value.shape) > 1 else {None}:
                    how = "" if axis is None else f", axis={axis}, keepdims=True"
                    yield f"{p} * ({g} - np.sum({p} * {g}{how}))"
