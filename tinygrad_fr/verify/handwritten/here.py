"""A subject in this process: the inside of somebody's object, read and called on a copy."""

from __future__ import annotations

import copy
import inspect
import random
import textwrap
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ..vocabulary import BACKWARD, FORWARD, GROUPS, STORED_OUTPUT, member
from .arguments import positional
from .calls import attempted, parameters_of
from .subject import Answer, Kept, Slot


class Here:
    """A subject in this process. The object itself is never touched: all happens on copies."""

    def __init__(self, owner: Any, forward: Any, backward: Any) -> None:
        self._owner, self._methods = owner, {"forward": forward, "backward": backward}
        self._given: tuple[Any, ...] = ()
        self._rest: tuple[Any, ...] = ()
        self.kind, self.has_object = type(owner).__name__, owner is not None
        self.functional = owner is None or callable(forward)

    def _method(self, method: str) -> Callable[..., Any]:
        which = self._methods.get(method, method)
        found = which if callable(which) else getattr(self._owner, which, None)
        if not callable(found):
            raise ArgumentError("{kind} has no method {name}", kind=self.kind, name=which)
        return found  # type: ignore[no-any-return]

    def label(self, method: str) -> str:
        which = self._methods[method]
        return which if isinstance(which, str) else getattr(which, "__name__", "function")

    def source(self) -> str:
        found = [f for f in self._methods.values() if callable(f)]
        texts = []
        for thing in [type(self._owner)] * self.has_object + found:
            with suppress(OSError, TypeError):
                texts.append(textwrap.dedent(inspect.getsource(thing)))
        return "\n".join(texts)

    def signature(self, method: str) -> list[inspect.Parameter]:
        return parameters_of(self._method(method))

    def has(self, method: str) -> bool:
        return callable(getattr(self._owner, method, None))

    def numbers(self) -> dict[str, float]:
        kinds = reversed(type(self._owner).__mro__)
        found = {name: value for kind in kinds for name, value in vars(kind).items()}
        found |= _members(self._owner)
        return {name: x for name, x in found.items() if isinstance(x, (int, float))}

    def arrays(self, integers: bool = False) -> dict[Slot, Array]:
        found = {}
        for slot, value in _walk(self._owner, (), set()):
            words = [key for key in slot if isinstance(key, str)]
            # Numbers in lists are mostly histories, not weights.
            history = isinstance(value, float) and not isinstance(slot[-1], str)
            if history and not any(word.lower() in group for word in words for group in GROUPS):
                continue
            if _is_array(value, integers, words[-1] if words else ""):
                found[slot] = np.asarray(value) if isinstance(value, float) else value
        return found

    def get(self, slot: Slot) -> Array:
        return np.asarray(_at(self._owner, slot))

    def put(self, slot: Slot, array: Any) -> None:
        holder, key = _at(self._owner, slot[:-1]), slot[-1]
        if isinstance(holder, tuple):
            self.put(slot[:-1], (*holder[:key], array, *holder[key + 1 :]))
        elif isinstance(holder, (dict, list)):
            holder[key] = array
        else:
            setattr(holder, key, array)

    def call(self, method: str, *arguments: Any, seed: int = 0, **named: Any) -> Answer:
        function = self._method(method)
        named = {name: self._own(value) for name, value in named.items()}
        if method == "forward":
            with seeded(seed):
                y = attempted(function, *arguments, **named)
            if y is None:  # it stores its output, and returns nothing
                stored = {name.lower(): value for name, value in _members(self._owner).items()}
                y = next((stored[n] for n in STORED_OUTPUT if stored.get(n) is not None), None)
            several = isinstance(y, tuple) and bool(y)  # (out, cache)
            self._given, self._rest = arguments, y[1:] if several else ()
            return Answer(y[0] if several else y)
        before, handed = str(self.state()), list[tuple[Array, Array]]()
        with _spying(self._owner, handed), seeded(seed):
            result = attempted(function, *arguments, **named)
        return Answer(result, handed, before != str(self.state()))

    def _own(self, value: Any) -> Any:
        if not isinstance(value, Kept):
            return value
        return self._rest if value.which is None else self._rest[value.which]

    def given(self, position: int) -> Any:
        return self._given[position]

    @property
    def kept(self) -> list[tuple[int, ...]]:
        return [getattr(x, "shape", ()) for x in self._rest]

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
        return [x for x in _parts(self._owner) if isinstance(x, GENERATORS)]

    def duplicate(self) -> Here:
        return Here(duplicate(self._owner), *self._methods.values())


def subject_of(layer: Any, forward: Any = None, backward: Any = None) -> Here:
    """A copy of somebody's object: an instance, a class, a module, or a pair of functions."""
    if isinstance(layer, type):
        if positional(parameters_of(layer), needed=True):
            text = _("{kind} takes arguments: give an object, {kind}(...), not the class")
            raise ArgumentError(text, kind=layer.__name__)
        layer = attempted(layer)
    if isinstance(layer, tuple) and len(layer) == 2 and all(map(callable, layer)):
        forward, backward = forward or layer[0], backward or layer[1]
        layer = None
    elif inspect.isfunction(layer) and callable(backward):
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
    forward = forward or member(layer, FORWARD, "forward")
    backward = backward or member(layer, BACKWARD, "backward")
    made = duplicate(layer)
    if layer is not None:
        _detach_class_attributes(made)
    return Here(made, forward, backward)


def duplicate(owner: Any) -> Any:
    """A copy of an object with copies of all that can be copied; locks and the like are shared."""
    try:
        return copy.deepcopy(owner)
    except Exception:
        twin = copy.copy(owner)
    for name, value in _members(owner).items():
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


# --- the inside of an object -------------------------------------------------------------------

# How deep arrays are looked for, and in lists of how many items.
DEPTH, ITEMS = 5, 200

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
CLOSED = (
    np.ndarray, np.generic, np.ufunc, type, types.ModuleType, types.FunctionType,
    types.BuiltinFunctionType, types.MethodType, *GENERATORS,
)  # fmt: skip


def _members(owner: Any) -> dict[str, Any]:
    """The attributes of an object, those in ``__slots__`` included."""
    found = dict(getattr(owner, "__dict__", {}))
    for kind in type(owner).__mro__:
        names = kind.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if not name.startswith("__") and hasattr(owner, name):
                found[name] = getattr(owner, name)
    return found


def _parts(owner: Any) -> Iterator[Any]:
    """An object and the objects that it holds, such as its layers, optimizers and generators."""
    yield owner
    for _slot, value in _walk(owner, (), set()):
        if not isinstance(value, (np.ndarray, list, tuple, dict, float)):
            yield value


def _walk(holder: Any, path: Slot, seen: set[int]) -> Iterator[tuple[Slot, Any]]:
    if id(holder) in seen or len(path) >= DEPTH:
        return
    seen.add(id(holder))
    if isinstance(holder, dict):
        items = list(holder.items())[:ITEMS]
    elif isinstance(holder, (list, tuple)):
        items = list(enumerate(holder[:ITEMS]))
    else:
        items = list(_members(holder).items())
    for key, value in items:
        yield (*path, key), value
        if not isinstance(value, CLOSED):
            yield from _walk(value, (*path, key), seen)


def _at(owner: Any, slot: Slot) -> Any:
    for key in slot:
        owner = owner[key] if isinstance(owner, (dict, list, tuple)) else getattr(owner, key)
    return owner


def _is_array(x: Any, integers: bool, name: str) -> bool:
    if isinstance(x, float):
        return True
    if not isinstance(x, (np.ndarray, np.floating)):
        return False
    weight = x.ndim > 0 and any(name.lower() in group for group in GROUPS)
    return x.dtype.kind == "f" or ((integers or weight) and x.dtype.kind in "iu")


def _detach_class_attributes(owner: Any) -> None:
    """Give an object its own copies of the arrays and lists that it shares with its class."""
    own = _members(owner)
    for kind in type(owner).__mro__:
        for name, value in vars(kind).items():
            mutable = isinstance(value, (np.ndarray, list, dict))
            if name not in own and not name.startswith("__") and mutable:
                with suppress(AttributeError):  # __slots__
                    setattr(owner, name, copy.deepcopy(value))


@contextmanager
def _spying(owner: Any, seen: list[tuple[Array, Array]]) -> Iterator[None]:
    """Note what a layer hands to optimizers of its own: (parameter, gradient)."""
    for value in list(_parts(owner))[1:]:
        if isinstance(value, CLOSED) or inspect.isroutine(value):
            continue
        for name in ("update", "step", "apply", "update_params", "get_update", "update_param"):
            method = getattr(value, name, None)
            if not callable(method) or len(parameters_of(method)) < 2:
                continue

            def spy(*args: Any, real: Any = method, **named: Any) -> Any:
                arrays = [a for a in args if isinstance(a, np.ndarray)]
                dicts = [a for a in args if isinstance(a, dict)]
                if len(arrays) >= 2:
                    seen.append((arrays[0].copy(), arrays[1].copy()))
                elif len(dicts) >= 2:
                    for key, w in dicts[0].items():
                        g = dicts[1].get(key)
                        if isinstance(w, np.ndarray) and isinstance(g, np.ndarray):
                            seen.append((w.copy(), g.copy()))
                return real(*args, **named)

            with suppress(AttributeError):
                setattr(value, name, spy)
                break
    yield
