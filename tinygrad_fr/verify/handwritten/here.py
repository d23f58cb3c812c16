"""A subject in this process: the inside of somebody's object, read and called on a copy."""

from __future__ import annotations

import ast
import copy
import inspect
import random
import re
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...worker.subject import Answer, Kept, Slot, label
from ..vocabulary import (
    BACKWARD,
    FORWARD,
    GROUPS,
    STORED_OUTPUT,
    TRAINING,
    attribute,
    member,
    members,
)
from .calls import StudentError, attempted, made, parameters_of, positional
from .canvas import plain
from .inside import (
    CLOSED,
    GENERATORS,
    array_at,
    detach_class_attributes,
    is_array,
    members_of,
    parts_of,
    spying,
    walk,
)


class Here:
    """A subject in this process. The object itself is never touched: all happens on copies."""

    automatic = False

    def __init__(
        self, owner: Any, forward: Any, backward: Any, names: dict[str, tuple[str, ...]]
    ) -> None:  # fmt: skip
        self._owner, self._methods = owner, {"forward": forward, "backward": backward}
        self._names = names  # in the returns of methods: reading them takes time
        self._found: dict[str, Callable[[], Any]] = {}
        self._given: tuple[Any, ...] = ()
        self._rest: tuple[Any, ...] = ()
        self.kind, self.has_object = type(owner).__name__, owner is not None
        self.functional = owner is None or callable(forward)

    def _method(self, method: str) -> Callable[..., Any]:
        if method[:1] == ":":  # by its own name
            return partial(getattr(self._owner, method[1:]))
        which = self._found.get(method) or self._methods.get(method, method)
        found = which if callable(which) else getattr(self._owner, which, None)
        if not callable(found):
            raise ArgumentError("{kind} has no method {name}", kind=self.kind, name=which)
        return found

    def label(self, method: str) -> str:
        which = self._methods[method]
        return which if isinstance(which, str) else getattr(which, "__name__", "function")

    def returned(self, method: str) -> tuple[str, ...]:
        if method not in self._names:
            self._names[method] = self._read_names(method)
        return self._names[method]

    def _read_names(self, method: str) -> tuple[str, ...]:
        function = self._method(method)
        function = {_answer: self._method("forward")}.get(function, function)
        function = getattr(function, "func", function)
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):
            return ()
        body = next((n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)), None)
        returns = [n.value for n in _own_nodes(body) if isinstance(n, ast.Return)] if body else []
        if not returns:
            return ()
        given: Any = returns[-1]
        if isinstance(given, ast.Name):  # grads = (dx, dW); return grads
            made = [n.value for n in _own_nodes(tree.body[0]) if isinstance(n, ast.Assign)
                    and ast.unparse(n.targets[0]) == given.id]  # fmt: skip
            given = made[-1] if made and isinstance(made[-1], (ast.Tuple, ast.List)) else given
        items = given.elts if isinstance(given, (ast.Tuple, ast.List)) else [given]
        plain = (ast.Name, ast.Attribute, ast.Subscript)
        names = tuple(ast.unparse(x) if isinstance(x, plain) else "" for x in items)
        return names[1:] if self._method(method) is _answer else names

    def source(self) -> str:
        found = [f for f in self._methods.values() if callable(f)]
        texts = []
        for thing in [type(self._owner)] * self.has_object + found:
            with suppress(OSError, TypeError):
                texts.append(textwrap.dedent(inspect.getsource(thing)))
        return "\n".join(texts)

    def signature(self, method: str) -> list[inspect.Parameter]:
        function = self._method(method)
        found = parameters_of(function)
        if not found and isinstance(function, (np.ufunc, types.BuiltinFunctionType)):
            found = [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]
        if method == "backward":  # it is called by names
            by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD
            only = inspect.Parameter.KEYWORD_ONLY
            found = [p.replace(kind=by_name) if p.kind is only else p for p in found]
        return found

    def forwards(self) -> list[str]:
        named = members(self._owner, FORWARD)
        one = [n for n in named if len(positional(parameters_of(getattr(self._owner, n)))) == 1]
        return [n for n in one if n != self._methods["forward"]]

    def methods(self) -> list[str]:
        found: list[Any] = []
        for part in parts_of(self._owner):
            for name in dir(type(part)) if not isinstance(part, CLOSED) else ():
                method = attribute(part, name)
                own = inspect.ismethod(method) and not name.startswith("__")
                if own and not positional(parameters_of(method), needed=True):
                    found.append(method)
        self._found = {f"{k}.{method.__name__}": method for k, method in enumerate(found)}
        return list(self._found)

    def numbers(self) -> dict[str, float]:
        kinds = reversed(type(self._owner).__mro__)
        found = {name: value for kind in kinds for name, value in vars(kind).items()}
        found |= members_of(self._owner)
        return {name: x for name, x in found.items() if isinstance(x, (int, float))}

    def arrays(self, integers: bool = False) -> dict[Slot, Array]:
        found = {}
        for slot, value in walk(self._owner, (), set()):
            words = [key for key in slot if isinstance(key, str)]
            # Numbers in lists are mostly histories, not weights.
            history = isinstance(value, float) and not isinstance(slot[-1], str)
            if history and not any(word.lower() in group for word in words for group in GROUPS):
                continue
            if is_array(value, integers, words[-1] if words else ""):
                found[slot] = np.asarray(value) if isinstance(value, float) else value
        return found

    def get(self, slot: Slot) -> Array:
        return np.asarray(array_at(self._owner, slot))

    def put(self, slot: Slot, array: Any) -> None:
        holder, key = array_at(self._owner, slot[:-1]), slot[-1]
        if isinstance(holder, tuple):
            items = (*holder[:key], array, *holder[key + 1 :])
            made = getattr(type(holder), "_make", tuple)
            Here.put(self, slot[:-1], made(items))
        elif isinstance(holder, (dict, list)):
            holder[key] = array
        else:
            try:
                setattr(holder, key, array)
            except AttributeError:  # a frozen dataclass
                object.__setattr__(holder, key, array)

    def functions(self) -> list[Any]:
        kinds = [kind for part in parts_of(self._owner) for kind in type(part).__mro__]
        inside = [f for kind in kinds for f in vars(kind).values() if inspect.isfunction(f)]
        return [f for f in self._methods.values() if callable(f)] + inside

    def name_tensors(self, taken: Iterable[str]) -> None:
        known = set(taken)
        for slot, value in walk(self._owner, (), set()):
            name, value = label(slot), plain(value)
            if isinstance(value, Tensor) and value.name is None and name not in known:
                value.named(name)
                known.add(name)

    def call(self, method: str, *arguments: Any, seed: int = 0, **named: Any) -> Answer:
        function = self._method(method)
        named = {name: self._own(value) for name, value in named.items()}
        if method == "forward":
            with seeded(seed):
                y = attempted(function, *arguments, **named)
            if y is None:  # it stores its output, and returns nothing
                stored = {name.lower(): value for name, value in members_of(self._owner).items()}
                y = next((stored[n] for n in STORED_OUTPUT if stored.get(n) is not None), None)
            several = isinstance(y, tuple) and bool(y)  # (out, cache)
            if several and isinstance(y[0], Mapping):  # (gradients, loss)
                y = (*y[1:], y[0])
            elif several and self._methods["backward"] is _answer:
                number = isinstance(y[-1], (float, np.floating))
                y = (y[-1], *y[:-1]) if number and isinstance(y[0], np.ndarray) else y
            self._given, self._rest = arguments, y[1:] if several else ()
            return Answer(y[0] if several else y)
        in_order = [p.name for p in self.signature(method) if p.kind is p.POSITIONAL_ONLY]
        arguments += tuple(named.pop(name) for name in in_order if name in named)
        before, handed = str(self.state()), list[tuple[Array, Array]]()
        given = {n: x.copy() for n, x in named.items() if is_array(x, False, n) and np.ndim(x)}
        with spying(self._owner, handed), seeded(seed):
            result = attempted(function, *arguments, **named)
        changed = [n for n, x in given.items() if not np.array_equal(x, named[n], equal_nan=True)]
        return Answer(result, handed, before != str(self.state()), changed)

    def _own(self, value: Any) -> Any:
        if not isinstance(value, Kept):
            return value
        if value.argument is not None:
            return self._given[value.argument]
        return self._rest if value.which is None else self._rest[value.which]

    def given(self, position: int) -> Any:
        return self._given[position]

    def beside(self, which: int) -> Any:
        return self._rest[which]

    @property
    def kept(self) -> list[tuple[int, ...] | None]:
        closed = (dict, tuple, list, types.FunctionType)
        return [None if isinstance(x, closed) else getattr(x, "shape", ()) for x in self._rest]

    def state(self) -> list[Any]:
        found = []
        for x in self._generators():
            if isinstance(x, np.random.Generator):
                found.append(x.bit_generator.state)
            elif isinstance(x, np.random.RandomState):
                found.append(x.get_state(legacy=False))
            else:
                found.append(x.getstate())
        return found

    def restore(self, state: list[Any]) -> None:
        for generator, there in zip(self._generators(), state, strict=False):
            if isinstance(generator, np.random.Generator):
                generator.bit_generator.state = there
            elif isinstance(generator, np.random.RandomState):
                generator.set_state(there)
            else:
                generator.setstate(there)

    def _generators(self) -> list[Any]:
        return [x for x in parts_of(self._owner) if isinstance(x, GENERATORS)]

    def duplicate(self) -> Here:
        return Here(
            duplicate(self._owner), self._methods["forward"], self._methods["backward"], self._names
        )


def subject_of(
    layer: Any, forward: Any = None, backward: Any = None, x: Any = None, fresh: bool = False
) -> Here:  # fmt: skip
    """A copy of somebody's object: an instance, a class, a module, or a pair of functions.

    Without a backward, the forward is called with ``x``: it may give the gradients itself. An
    object that is ``fresh`` is nobody else's, and not copied.
    """
    layer = made(layer) if isinstance(layer, type) else layer
    if isinstance(layer, tuple) and len(layer) == 2 and all(map(callable, layer)):
        forward, backward = forward or layer[0], backward or layer[1]
        layer = None
    elif inspect.isfunction(layer) or isinstance(layer, partial):
        forward, layer = forward or layer, None
    elif inspect.ismodule(layer):
        forward = forward or member(layer, FORWARD, "forward")
        backward = backward or member(layer, BACKWARD, "backward")
        forward, backward = (
            getattr(layer, f) if isinstance(f, str) else f for f in (forward, backward)
        )
        layer = None
    # Methods of an object: it is the object that is copied, and called.
    owner = getattr(forward, "__self__", None)
    of_an_object = inspect.ismethod(forward) and not isinstance(owner, type)
    if of_an_object and (layer is None or owner is layer):
        layer, forward = owner, forward.__name__
        backward = backward.__name__ if inspect.ismethod(backward) else backward
    if backward is None:
        forward, backward = _in_one(layer, forward, x)
    forward = forward or _forward_for(layer, x)
    backward = backward or member(layer, BACKWARD, "backward")
    own = layer if fresh else duplicate(layer)
    if layer is not None:
        detach_class_attributes(own)
    return Here(own, forward, backward, {})


def _answer(cache: Any) -> Any:
    """The backward of a forward that returns the gradients with its loss."""
    return cache


def _closed_over(upstream: Any, cache: Any) -> Any:
    """The backward of a forward that returns with its output the function that goes back."""
    return cache(upstream)


_DERIVATIVE = re.compile("deriv|prime|grad")


def _derivative(f: Callable[..., Any], switch: str) -> Callable[[Any], Any]:
    """The derivative of a function that gives it where it is asked to."""

    def derivative(value: Any) -> Any:  # of the input, or as often of the output
        return f(value, **{switch: True})

    return derivative


def _plain(x: Any) -> Any:
    return () if isinstance(x, Mapping) else np.asarray(x, object) if callable(x) else x


def _forward_for(layer: Any, x: Any) -> str:
    """The first forward that takes as many arguments as are given."""
    count = len(x) if isinstance(x, tuple) else 1
    for name in members(layer, FORWARD):
        asked = parameters_of(getattr(layer, name))
        needed = [n for n in positional(asked, needed=True) if n not in TRAINING]
        if len(needed) <= count and (
            count <= len(positional(asked)) or any(p.kind is p.VAR_POSITIONAL for p in asked)
        ):
            return name
    return member(layer, FORWARD, "forward")


def _in_one(layer: Any, forward: Any, x: Any) -> tuple[Any, Any]:
    """The forward and the backward of code without a backward, if its forward goes back as well."""
    if layer is not None and members(layer, BACKWARD):
        return forward, None
    switch = [p.name for p in parameters_of(forward) if _DERIVATIVE.match(p.name)
              and p.default is not p.empty] if callable(forward) else []  # fmt: skip
    if switch:  # sigmoid(x, deriv=False)
        return forward, _derivative(forward, switch[0])
    for method in [forward] if forward is not None else members(layer, FORWARD):
        copied = duplicate(layer)
        function = method if callable(method) else getattr(copied, method)
        try:
            with seeded(0):
                y = attempted(function, *duplicate(x if isinstance(x, tuple) else (x,)))
        except StudentError:
            continue
        if isinstance(y, tuple) and len(y) > 1 and callable(y[-1]):
            return method, _closed_over
        if isinstance(y, tuple) and len(y) > 1 and any(np.ndim(_plain(v)) == 0 for v in y):
            return method, _answer
    return forward, None


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """What a function is made of, the functions inside it aside, in the order of its lines."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            yield node
            yield from _own_nodes(node)


def duplicate(owner: Any) -> Any:
    """A copy of an object with copies of all that can be copied; locks and the like are shared."""
    try:
        return copy.deepcopy(owner)
    except Exception:
        try:
            twin = copy.copy(owner)
        except Exception as error:
            text = _(
                "{kind} cannot be copied ({error}): give a pair of functions, (forward, backward)"
            )
            raise ArgumentError(text, kind=type(owner).__name__, error=error) from error
    for name, value in members_of(owner).items():
        with suppress(Exception):
            setattr(twin, name, copy.deepcopy(value))
    return twin


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """NumPy's and Python's global generators from a seed, and afterwards as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
