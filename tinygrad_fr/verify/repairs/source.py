"""The text of somebody's functions, as trees whose parts can be replaced and compiled again."""

import ast
import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...worker.byvalue import Key, key_of

Function = ast.FunctionDef | ast.Lambda


def text_of(path: str) -> str:
    """The text of a file or of a notebook's cell; empty where there is none."""
    return "".join(linecache.getlines(path))


@dataclass
class Unit:
    """One function of somebody's, and those inside it, that can be compiled with changes.

    Attributes
    ----------
    key : Key
        What its code is known by.
    text : list of str
        The lines of its file.
    node : FunctionDef or Lambda
    module : Module
        Nothing but it, and what stands around it.
    whole : Module
        Its file.
    """

    key: Key
    text: list[str]
    node: Function
    module: ast.Module
    number: int = 0  # of its code among those in the module
    whole: ast.AST = field(default_factory=ast.Pass)
    parents: dict[ast.AST, tuple[ast.AST, str, int | None]] = field(default_factory=dict)
    segments: dict[ast.AST, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parent in ast.walk(self.node):
            for name, value in ast.iter_fields(parent):
                for k, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                    if isinstance(child, ast.AST):
                        self.parents[child] = parent, name, k

    def compiled(self) -> types.CodeType:
        """Its code, as its tree is now."""
        whole = compile(self.module, self.key[0], "exec", dont_inherit=True)
        return list(codes_in(whole))[self.number]

    def segment(self, node: ast.AST) -> str:
        """The text of a part of it."""
        if node not in self.segments:
            self.segments[node] = segment(self.text, node)
        return self.segments[node]


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """A piece of code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_in(constant)


def segment(lines: list[str], node: Any) -> str:
    """The text of a node."""
    first, last = node.lineno - 1, node.end_lineno - 1
    if first == last:
        return _cut(lines[first], node.col_offset, node.end_col_offset)
    parts = [_cut(lines[first], node.col_offset, None), *lines[first + 1 : last],
             _cut(lines[last], 0, node.end_col_offset)]  # fmt: skip
    return "\n".join(parts)


def _cut(line: str, start: int, end: int | None) -> str:
    """A part of a line; Python counts its bytes."""
    return line.encode()[start:end].decode()


def unit_of(code: types.CodeType) -> Unit | None:
    """The unit of a function; None where its text is not that of the running code."""
    text = text_of(code.co_filename)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for path in _ways(tree, code):
        module = _around(path, tree)
        try:
            whole = compile(module, code.co_filename, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        for number, made in enumerate(codes_in(whole)):
            if key_of(made)[2:] == key_of(code)[2:] and alike(made, code):
                return Unit(key_of(code), text.split("\n"), path[-1], module, number, tree)
    return None


def alike(a: types.CodeType, b: types.CodeType) -> bool:
    """Whether two pieces of code do the same."""
    same = (a.co_code, a.co_names, a.co_varnames, a.co_freevars) == (
        b.co_code, b.co_names, b.co_varnames, b.co_freevars)  # fmt: skip
    inner = list(zip(a.co_consts, b.co_consts, strict=False))
    return same and len(a.co_consts) == len(b.co_consts) and all(
        alike(x, y) if isinstance(x, types.CodeType) and isinstance(y, types.CodeType)
        else type(x) is type(y) and x == y
        for x, y in inner
    )  # fmt: skip


def first_line(node: Any) -> int:
    """The first line of a function or class, decorators included, as its code has it."""
    lines: list[int] = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
    return min(lines)


def _ways(tree: ast.Module, code: types.CodeType) -> Iterator[list[Any]]:
    """The ways from a module to the functions that may be that of a piece of code."""
    stack: list[tuple[Any, list[Any]]] = [(tree, [])]
    while stack:
        node, path = stack.pop()
        inside = path
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            inside = [*path, node]
            name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            if name == code.co_name and first_line(node) == code.co_firstlineno:
                yield inside
        stack += [(child, inside) for child in reversed(list(ast.iter_child_nodes(node)))]


def _around(path: list[Any], tree: ast.Module) -> ast.Module:
    """A module with a function, and nothing else but what stands around it.

    And what is imported: Python compiles a call of a module's function in a way of its own.
    """
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    inner: ast.stmt | None = None
    for node in reversed(path):
        if isinstance(node, ast.Lambda):
            inner = ast.copy_location(ast.Expr(node), node) if inner is None else inner
        elif isinstance(node, ast.ClassDef):
            made = ast.ClassDef(node.name, [], [], [inner or ast.Pass()], [])
            inner = ast.copy_location(made, node)
        else:
            inner = node  # whole: what is inside a function sees its names
    assert inner is not None
    return ast.fix_missing_locations(ast.Module([*imports, inner], []))
