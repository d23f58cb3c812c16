"""What a row of the table of edits is, and what it gets to see of the place that it edits."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..source import Function, Unit

# A part of the tree and the text that takes its place.
Change = tuple[ast.AST, str]
Changes = tuple[Change, ...]


@dataclass(frozen=True)
class Value:
    """What is known of a value: its shape, ``f`` ``i`` ``b`` or ``O``, the number if it is one."""

    shape: tuple[int, ...]
    kind: str
    number: float | None = None


def value_of(x: Any) -> Value | None:
    """What is known of a value at run time; None for what is no number and no array."""
    if isinstance(x, (bool, np.bool_)):
        return Value((), "b")
    if isinstance(x, (int, float, np.integer, np.floating)):
        return Value((), "f" if isinstance(x, (float, np.floating)) else "i", float(x))
    if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
        return Value(x.shape, "i" if x.dtype.kind == "u" else x.dtype.kind)
    return None


@dataclass
class Spot:
    """A statement of somebody's, with what has been seen there.

    Attributes
    ----------
    scope : dict of str to Value
        What stands ready before the statement, by the text that reads it.
    seen : dict of node to Value
        The values of the parts of its expressions.
    functions : list of str
        The functions of one argument that can be called here.
    unused : tuple of str
        The local names of its function that are made and never read.
    parts : tuple of node
        The parts of its own expressions, the largest first; not those of what it encloses.
    inner : tuple of node
        All that its value is made of.
    """

    unit: Unit
    function: Function
    node: Any
    scope: Mapping[str, Value] = field(default_factory=dict)
    seen: Mapping[ast.AST, Value] = field(default_factory=dict)
    functions: Sequence[str] = ()
    unused: tuple[str, ...] = ()
    parts: tuple[ast.expr, ...] = ()
    inner: tuple[ast.AST, ...] = ()

    @property
    def line(self) -> int:
        """The number of its line."""
        return int(self.node.lineno)

    def text(self, node: ast.AST) -> str:
        """The text of a part."""
        return self.unit.segment(node)

    def operand(self, node: ast.AST) -> str:
        """The text of a part, such that it may stand beside any operator."""
        text = self.text(node)
        alone = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant, ast.List)
        return text if isinstance(node, alone) else f"({text})"

    def factor(self, node: ast.AST) -> str:
        """The text of a part, such that it may stand on the left in a product."""
        product = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div))
        return self.text(node) if product else self.operand(node)

    def term(self, node: ast.AST) -> str:
        """The text of a part, such that it may stand in a sum."""
        product = isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Sub))
        return self.text(node) if product else self.operand(node)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What a part stands in."""
        found = self.unit.parents.get(node)
        return None if found is None else found[0]

    def __post_init__(self) -> None:
        if not self.parts:
            self.parts = tuple(n for child in heads(self.node) for n in _parts(child))
            value = self.node if isinstance(self.node, ast.expr) else getattr(
                self.node, "value", None)  # fmt: skip
            self.inner = () if value is None else tuple(ast.walk(value))

    def alike(self, value: Value, but: str = "") -> Iterator[str]:
        """What else has the shape of a value."""
        for text, other in self.scope.items():
            if text != but and other.shape == value.shape and other.kind in "fb":
                yield text

    def factors(self, value: Value) -> Iterator[str]:
        """The arrays that a value can be multiplied by without another shape."""
        for text, other in self.scope.items():
            if not other.shape or other.kind not in "fb":
                continue
            if fits(value.shape, other.shape):
                yield text
            for index in _INDICES.get((len(value.shape), len(other.shape)), ()):
                if other.shape == tuple(
                    n for n, x in zip(value.shape, index.split(", "), strict=True) if x == ":"
                ):  # fmt: skip
                    yield f"{text}[{index}]"

    def sizes(self) -> Iterator[str]:
        """The whole numbers that can be read here."""
        yield from (t for t, v in self.scope.items() if v.kind == "i" and not v.shape)

    def numbers(self) -> Iterator[str]:
        """The real numbers that have a name here, such as a rate or the strength of a penalty."""
        yield from (t for t, v in self.scope.items() if v.kind == "f" and not v.shape)


# How a smaller array is laid along the axes of a larger one.
_INDICES = {
    (2, 1): (":, None",), (3, 2): (":, :, None", ":, None, :"), (3, 1): ("None, :, None",),
    (4, 1): ("None, :, None, None",), (4, 2): (":, :, None, None",),
}  # fmt: skip


def fits(whole: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether an array can be combined with another and leaves its shape."""
    try:
        return np.broadcast_shapes(whole, other) == whole
    except ValueError:
        return False


def heads(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of a statement itself."""
    if isinstance(node, ast.expr):
        yield node
        return
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return
    for name, value in ast.iter_fields(node):
        if name in ("body", "orelse", "finalbody", "handlers"):
            continue
        yield from (v for v in (value if isinstance(value, list) else [value])
                    if isinstance(v, ast.expr))  # fmt: skip


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    yield node
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Call) and name == "func" and isinstance(value, ast.Name):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword):
                yield from _parts(child.value)
            elif isinstance(child, ast.expr) and not isinstance(child, ast.Lambda):
                yield from _parts(child)


# --- the table -----------------------------------------------------------------------------------

OfExpression = Callable[[Spot, Any], Iterator[str]]
OfStatement = Callable[[Spot], Iterator[Changes]]


@dataclass(frozen=True)
class Row:
    """One kind of edit."""

    name: str
    kinds: tuple[str, ...]
    cost: float
    changes: OfStatement
    anywhere: bool = False  # beside lines that are right, too


ROWS: list[Row] = []


def of_expressions(*kinds: str, cost: float) -> Callable[[OfExpression], OfExpression]:
    """Enter a function that gives other texts for a part of a line."""

    def enter(f: OfExpression) -> OfExpression:
        def changes(at: Spot) -> Iterator[Changes]:
            for node in at.parts:
                if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                    for text in f(at, node):
                        yield ((node, text),)

        ROWS.append(Row(f.__name__, kinds, cost, changes))
        return f

    return enter


def of_statements(
    *kinds: str, cost: float, anywhere: bool = False
) -> Callable[[OfStatement], OfStatement]:
    """Enter a function that gives changes of lines."""

    def enter(f: OfStatement) -> OfStatement:
        ROWS.append(Row(f.__name__, kinds, cost, f, anywhere))
        return f

    return enter
