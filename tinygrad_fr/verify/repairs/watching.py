"""Somebody's functions with eyes: what stands ready at a line, what moves if it is disturbed."""

import ast
import copy
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from .edits.table import Spot, Value, value_of
from .source import Unit

LOOK, SEE, MOVE, END = "__look__", "__see__", "__move__", "__end__"

# How deep the attributes and items of objects are read, and of how many.
_MOST = 60


def watched(
    unit: Unit, spots: Mapping[int, Spot], look: bool = False, move: bool = False
) -> types.CodeType:  # fmt: skip
    """The code of a unit that calls us at each of its spots.

    ``__look__(k, locals(), globals())`` before the statement and ``__see__(k, i, value)`` for its
    parts, or ``__move__(k, value)`` for its value; ``__end__(locals())`` at the end of a function.
    """
    memo: dict[int, Any] = {}
    module = copy.deepcopy(unit.module, memo)
    twin: Callable[[ast.AST], Any] = lambda node: memo.get(id(node))  # noqa: E731

    def wrap(node: ast.AST, call: ast.expr) -> None:
        parent, field, k = unit.parents[node]
        holder = twin(parent)
        if holder is None:
            return
        ast.copy_location(call, node)
        if k is None:
            setattr(holder, field, call)
        else:
            getattr(holder, field)[k] = call

    for number, spot in spots.items():
        if look:
            for i, node in enumerate(spot.parts):
                if _can_be_seen(spot, node) and twin(node) is not None:
                    wrap(node, _call(SEE, ast.Constant(number), ast.Constant(i), twin(node)))
        elif move and (value := moved_part(spot)) is not None and twin(value) is not None:
            wrap(value, _call(MOVE, ast.Constant(number), twin(value)))
    if look:
        _insert_looks(unit, spots, twin, wrap)
    _insert_ends(spots, twin)
    ast.fix_missing_locations(module)
    saved, unit.module = unit.module, module
    try:
        return unit.compiled()
    finally:
        unit.module = saved


def _call(name: str, *arguments: Any) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _insert_looks(
    unit: Unit, spots: Mapping[int, Spot], twin: Callable[[ast.AST], Any],
    wrap: Callable[[ast.AST, ast.expr], None],
) -> None:  # fmt: skip
    numbers: dict[int, int] = {}
    for number, spot in spots.items():
        if isinstance(spot.node, ast.expr):  # of a lambda
            there = twin(unit.parents[spot.node][0]).body
            look = _call(LOOK, ast.Constant(number), _call("locals"), _call("globals"))
            wrap(spot.node, ast.Subscript(ast.Tuple([look, there], ast.Load()),
                                          ast.Constant(1), ast.Load()))  # fmt: skip
        else:
            numbers[id(twin(spot.node))] = number
    for block in {id(b): b for s in spots.values() if (b := _block(unit, s, twin))}.values():
        made: list[ast.stmt] = []
        for statement in block:
            if id(statement) in numbers:
                which = ast.Constant(numbers[id(statement)])
                look = _call(LOOK, which, _call("locals"), _call("globals"))
                made.append(ast.copy_location(ast.Expr(look), statement))
            made.append(statement)
        block[:] = made


def _insert_ends(spots: Mapping[int, Spot], twin: Callable[[ast.AST], Any]) -> None:
    functions = {id(s.function): s.function for s in spots.values()}
    for function in functions.values():
        copied = twin(function)
        if isinstance(function, ast.Lambda) or copied is None:
            continue
        last = copied.body[-1]
        end = ast.copy_location(ast.Expr(_call(END, _call("locals"))), last)
        copied.body.insert(len(copied.body) - isinstance(last, ast.Return), end)


def _block(unit: Unit, spot: Spot, twin: Callable[[ast.AST], Any]) -> list[ast.stmt] | None:
    """The copy of the block in which a statement stands."""
    parent, field, k = unit.parents[spot.node]
    holder = twin(parent)
    return None if k is None or holder is None else getattr(holder, field)


def _can_be_seen(spot: Spot, node: ast.expr) -> bool:
    plain = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    return plain and not isinstance(node, (ast.Slice, ast.Starred, ast.Tuple, ast.Constant))


def moved_part(spot: Spot) -> ast.expr | None:
    """The value of a statement; the last argument of a call that stands alone."""
    node = spot.node
    if isinstance(node, ast.expr):  # of a lambda, which may have another body for a moment
        body: ast.expr = getattr(spot.unit.parents[node][0], "body", node)
        return body
    value: ast.expr | None = getattr(node, "value", None)
    if isinstance(node, ast.Expr):
        return value.args[-1] if isinstance(value, ast.Call) and value.args else None
    return value


# --- what is seen --------------------------------------------------------------------------------


# Visits of a statement that are kept.
_KEPT = {1, 2, 3, 4, 5, 6, 8, 16}


class Eyes:
    """What has been seen in one run, of each statement at its first visit.

    Attributes
    ----------
    scopes, values : dict
        What is known of what stands ready, and of the parts.
    worlds : dict of int to list of (dict, dict)
        The global and local names at the first visits, copied, and at some later ones: in a few
        rows of a batch a mask may happen to change nothing.
    visits : dict of int to int
    last : list of dict
        The local names at the ends of functions.
    """

    def __init__(self) -> None:
        self.scopes: dict[int, dict[str, Value]] = {}
        self.values: dict[tuple[int, int], Value] = {}
        self.visits: dict[int, int] = {}
        self.worlds: dict[int, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        self.last: list[dict[str, Any]] = []

    @property
    def names(self) -> dict[str, Any]:
        """The names that the watched code calls."""
        return {LOOK: self.look, SEE: self.see, END: self.end}

    def look(self, number: int, scope: dict[str, Any], space: dict[str, Any]) -> None:
        """Before a statement."""
        self.visits[number] = self.visits.get(number, 0) + 1
        if number not in self.scopes:
            found = {n: x for n, x in space.items() if n[:1] != "_" and n not in scope
                     and value_of(x) is not None}  # fmt: skip
            self.scopes[number] = {
                text: value for text, x in _readable({**scope, **found})
                if (value := value_of(x)) is not None
            }  # fmt: skip
        worlds = self.worlds.setdefault(number, [])
        if self.visits[number] in _KEPT:
            with suppress(Exception):  # what cannot be copied is not looked at again
                worlds.append((space, copy.deepcopy(scope)))

    def end(self, scope: dict[str, Any]) -> None:
        """At the end of a function."""
        self.last.append(dict(scope))

    def see(self, number: int, i: int, x: Any) -> Any:
        """A part of a statement."""
        if (number, i) not in self.values and (value := value_of(x)) is not None:
            self.values[number, i] = value
        return x


def _readable(scope: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What can be read by a short text, and the texts."""
    for name, x in scope.items():
        if name[:1] == "." or not name.isidentifier():
            continue
        yield name, x
        if isinstance(x, np.ndarray):
            yield from ((f"{name}.shape[{k}]", n) for k, n in enumerate(x.shape[:4]))
        elif isinstance(x, dict):
            yield from _items(name, x)
        elif not isinstance(x, (int, float, str, list, tuple, type, types.ModuleType)):
            for key, inner in list(getattr(x, "__dict__", {}).items())[:_MOST]:
                yield f"{name}.{key}", inner
                if isinstance(inner, dict):
                    yield from _items(f"{name}.{key}", inner)
                elif isinstance(inner, np.ndarray):
                    sizes = enumerate(inner.shape[:2])
                    yield from ((f"{name}.{key}.shape[{k}]", n) for k, n in sizes)
                elif hasattr(inner, "__dict__"):
                    for k, x in list(vars(inner).items())[:_MOST]:
                        yield f"{name}.{key}.{k}", x


def _items(name: str, x: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, inner in list(x.items())[:_MOST]:
        if isinstance(key, (str, int)):
            yield f"{name}[{key!r}]".replace("'", '"'), inner


class Hand:
    """What disturbs the value of one statement: a little, or altogether."""

    def __init__(self, which: int, altogether: bool = False) -> None:
        self.which, self.altogether = which, altogether
        self.rng, self.touched = np.random.default_rng(abs(which)), False
        self.last: list[dict[str, Any]] = []

    @property
    def names(self) -> dict[str, Any]:
        """The names that the watched code calls."""
        return {MOVE: self.move, END: self.end}

    def end(self, scope: dict[str, Any]) -> None:
        """At the end of a function."""
        self.last.append(dict(scope))

    def move(self, number: int, x: Any) -> Any:
        """The value, or another one beside it."""
        return self._other(x) if number == self.which else x

    def _other(self, x: Any) -> Any:
        if isinstance(x, (bool, str)) or x is None:
            return x
        if isinstance(x, (int, np.integer)):
            self.touched = True
            return x + 1 if self.altogether else x * (1 + 1e-3)
        if isinstance(x, (float, np.floating)):
            self.touched = True
            return x * (1 + 1e-3) + 1e-3
        if isinstance(x, np.ndarray):
            return self._array(x)
        if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
            return type(x)(map(self._other, x))
        if isinstance(x, dict):
            return {key: self._other(v) for key, v in x.items()}
        return x

    def _array(self, x: Any) -> Any:
        if x.dtype.kind == "b":
            self.touched |= bool(x.size)
            return x ^ (self.rng.random(x.shape) < 0.5)
        if x.dtype.kind in "iu" and self.altogether:
            self.touched |= bool(x.size)
            return np.roll(x, 1)
        if x.dtype.kind != "f":
            return x
        self.touched |= bool(np.any(x))
        if self.altogether:
            return x + self.rng.standard_normal(x.shape)
        return x * (1 + 1e-3 * self.rng.uniform(0.5, 1, x.shape))
