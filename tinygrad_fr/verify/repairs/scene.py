"""Where somebody's code goes back: its statements, and what stands ready at each."""

import ast
import types
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...kernels import Array
from ...worker.byvalue import Key, revived
from ..truth.comparison import close
from ..vocabulary import is_gradient_of
from .attempts import Attempts
from .edits.table import Spot, Value, value_of
from .source import Function, Unit, codes_in, first_line, unit_of
from .targets import Sieve
from .watching import Eyes, moved_part, watched


@dataclass
class Scene(Attempts):
    """The statements of the way back.

    Attributes
    ----------
    spots : dict of int to Spot
    known : set of str
        The functions that the code uses.
    sieves : dict of int to Sieve
    sizes : dict of int to int
        How many numbers each statement makes, over all visits.
    inner_right, inner_wrong, inner_base
        The local gradients of named inner values: which are right, which are not, all of them.
    """

    spots: dict[int, Spot] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    sieves: dict[int, Sieve] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    inner_right: set[str] = field(default_factory=set)
    inner_wrong: set[str] = field(default_factory=set)
    inner_base: dict[str, Any] = field(default_factory=dict)

    def read(self) -> None:
        """The units of the code that is called on the way back only, and their statements."""
        made: dict[Key, types.FunctionType] = {}
        revived(self.order.trial.world, made=made)
        self.known = {f.__name__ for f in made.values()}
        forward, backward = self.order.trial.calls(self.order.draw)
        back = {c for c in backward - forward if c.co_filename in self.order.texts}
        if not back:  # one function for both: what moves the output is left alone
            back = {c for c in forward if c.co_filename in self.order.texts}
        wanted = {(c.co_filename, c.co_name, c.co_firstlineno) for c in back}
        for f in made.values():
            inside = [c for c in codes_in(f.__code__)
                      if (c.co_filename, c.co_name, c.co_firstlineno) in wanted]  # fmt: skip
            unit = unit_of(f.__code__) if inside else None
            if unit is None:
                continue
            self.units.append(unit)
            names = {(c.co_name, c.co_firstlineno) for c in inside}
            for function in _functions(unit.node):
                if (getattr(function, "name", "<lambda>"), first_line(function)) in names:
                    for node in _statements(function):
                        self.spots[len(self.spots)] = Spot(unit, function, node)

    def of(self, unit: Unit) -> dict[int, Spot]:
        """The statements of one unit."""
        return {k: s for k, s in self.spots.items() if s.unit is unit}

    def look(self) -> None:
        """What is in scope at each statement, and which named inner gradients are right."""
        eyes = Eyes()
        codes = {u.key: watched(u, self.of(u), look=True) for u in self.units}
        self.evaluated(codes, names=eyes.names)
        functions, pools = self._callable(), dict[int, dict[str, Value]]()
        for (number, i), value in eyes.values.items():
            spot = self.spots[number]
            node = spot.parts[i]
            if isinstance(node, (ast.Subscript, ast.Attribute)) or (
                isinstance(node, ast.Call) and not value.shape
            ):  # fmt: skip
                pools.setdefault(id(spot.function), {})[spot.text(node)] = value
        for number, spot in self.spots.items():
            seen: dict[ast.AST, Value] = {
                spot.parts[i]: v for (k, i), v in eyes.values.items() if k == number
            }
            scope = dict(eyes.scopes.get(number, {}))
            names = {text.partition("[")[0].partition(".")[0] for text in scope}
            used = {s.text(n) for s in self.spots.values() if s.function is spot.function
                    for n in s.seen or s.parts}  # fmt: skip
            scope = {
                t: v
                for t, v in scope.items()
                if ".shape[" not in t or t.partition(".shape[")[0] in used or t in used
            }
            for text, value in pools.get(id(spot.function), {}).items():
                read = {n.id for n in ast.walk(ast.parse(f"({text}\n)")) if isinstance(n, ast.Name)}
                if read <= names | {"np", "len"}:
                    scope.setdefault(text, value)
            scope = {**scope, **dict(_items_of(spot, eyes.worlds.get(number, [])))}
            self.spots[number] = replace(spot, scope=scope, seen=seen, functions=functions,
                                         unused=_unused(spot.function))  # fmt: skip
        self.sieves = {k: Sieve(eyes.worlds.get(k, [])) for k in self.spots}
        self.sizes = {k: eyes.visits.get(k, 1) * _size(s) for k, s in self.spots.items()}
        inner = self.inner(eyes.last)
        self.inner_right = {n for n, (_x, right) in inner.items() if right}
        self.inner_wrong = {n for n, (_x, right) in inner.items() if right is False}
        self.inner_base = {n: x for n, (x, _right) in inner.items()}

    def inner(self, scopes: list[dict[str, Any]]) -> dict[str, tuple[Array, bool | None]]:
        """The local gradients of named inner values, and whether they are right.

        A multiple of the right one says nothing: many divide by the number of examples at the end.
        """
        found: dict[str, tuple[Array, bool | None]] = {}
        for scope in scopes:
            for local, x in scope.items():
                for name, true in self.order.inner.items():
                    exactly = is_gradient_of(local, name.split(".")[-1], exactly=True)
                    if not exactly or not isinstance(x, np.ndarray) or x.shape != true.shape:
                        continue
                    right: bool | None = close(np.asarray(x, float), true, 1e-5)
                    if not right and _factor(x, true) > 0:
                        right = None
                    found["inner " + local] = x, right
        return found

    def _callable(self) -> list[str]:
        """Functions of one argument that their code uses, as they are called from a method."""
        found: list[str] = []
        for path in {u.key[0] for u in self.units}:
            tree = ast.parse(self.order.texts[path])
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and len(node.args.args) == 1 and (
                    node.name in self.known
                ):  # fmt: skip
                    found.append(node.name)
                inside = node.body if isinstance(node, ast.ClassDef) else []
                found += [
                    f"self.{f.name}" for f in inside
                    if isinstance(f, ast.FunctionDef) and len(f.args.args) == 2
                    and f.args.args[0].arg == "self" and f.name[:2] != "__"
                    and not f.name.startswith(("forward", "backward"))
                ]  # fmt: skip
        return found[:8]


def _size(spot: Spot) -> int:
    """How many entries the value of a statement has, as far as is known."""
    part = moved_part(spot)
    value = None if part is None else spot.seen.get(part)
    return 1000 if value is None else int(np.prod(value.shape, dtype=int))


def _items_of(spot: Spot, worlds: list[Any]) -> Iterator[tuple[str, Value]]:
    """Items of arrays, lists and dicts at the indices that the function has, one off, too."""
    inside = [n for n in ast.walk(spot.function) if isinstance(n, ast.Subscript)]
    indices = [ast.unparse(n.slice) for n in inside
               if isinstance(n.slice, (ast.Name, ast.BinOp, ast.Constant))]  # fmt: skip
    near = [f"{i} {sign} 1" for i in indices if i.isidentifier() for sign in "-+"]
    held = [n for n in ast.walk(spot.unit.whole) if isinstance(n, ast.Subscript)]
    if not worlds:
        return
    names = {**worlds[0][0], **worlds[0][1]}
    for base in dict.fromkeys(ast.unparse(n.value) for n in (*inside, *held)):
        if base.count("[") or not base.replace(".", "").isidentifier():
            continue
        for index in dict.fromkeys((*indices, *near)):
            text = f"{base}[{index}]"
            with suppress(Exception):
                value = value_of(eval(text, names))
                if value is not None and value.kind in "fb":
                    yield text, value


def _unused(function: Function) -> tuple[str, ...]:
    """The local names that are made and never read."""
    names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return tuple(sorted({n.id for n in names if isinstance(n.ctx, ast.Store)} - read - {"_"}))


@np.errstate(all="ignore")
def _factor(x: Any, true: Array) -> float:
    """By which factor an array is a multiple of another; 0 if it is none."""
    x, size = np.asarray(x, float), float((true * true).sum())
    factor = float((x * true).sum()) / size if size else 0.0
    return factor if close(x, factor * true, 1e-5) else 0.0


def _functions(node: Function) -> Iterator[Function]:
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.Lambda)):
            yield inner


def _statements(f: Function) -> Iterator[Any]:
    """The statements of a function, those of functions inside it aside."""
    if isinstance(f, ast.Lambda):
        yield f.body
        return
    stack: list[Any] = list(reversed(f.body))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):  # fmt: skip
            continue
        yield node
        parts = [node, *getattr(node, "handlers", []), *getattr(node, "cases", [])]
        for name in ("finalbody", "orelse", "body"):
            for part in reversed(parts):
                stack += reversed(getattr(part, name, []))
