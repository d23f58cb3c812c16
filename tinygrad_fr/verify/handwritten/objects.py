"""The inside of somebody's objects: their arrays, generators and optimizers."""

from __future__ import annotations

import copy
import inspect
import random
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...kernels import Array
from ..vocabulary import GROUPS
from .calls import parameters_of

# The way to an array: an attribute, then attributes, keys or indices of what it holds.
Slot = tuple[Any, ...]

# How deep arrays are looked for, and in lists of how many items.
DEPTH, ITEMS = 5, 200

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
CLOSED = (
    np.ndarray, np.generic, np.ufunc, type, types.ModuleType, types.FunctionType,
    types.BuiltinFunctionType, types.MethodType, *GENERATORS,
)  # fmt: skip


def members(owner: Any) -> dict[str, Any]:
    """The attributes of an object, those in ``__slots__`` included."""
    found = dict(getattr(owner, "__dict__", {}))
    for kind in type(owner).__mro__:
        names = kind.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if not name.startswith("__") and hasattr(owner, name):
                found[name] = getattr(owner, name)
    return found


def slots(owner: Any, integers: bool = False) -> Iterator[tuple[Slot, Array]]:
    """The arrays and floats of an object: its attributes, and those in its lists and parts."""
    for slot, value in _walk(owner, (), set()):
        words = [key for key in slot if isinstance(key, str)]
        # Numbers in lists are mostly histories, not weights.
        history = isinstance(value, float) and not isinstance(slot[-1], str)
        if history and not any(word.lower() in group for word in words for group in GROUPS):
            continue
        if _is_array(value, integers, words[-1] if words else ""):
            yield slot, np.asarray(value) if isinstance(value, float) else value


def parts(owner: Any) -> Iterator[Any]:
    """An object and the objects that it holds, such as its layers, optimizers and generators."""
    yield owner
    for _slot, value in _walk(owner, (), set()):
        if not isinstance(value, (np.ndarray, list, tuple, dict, float)):
            yield value


def _walk(holder: Any, path: Slot, seen: set[int]) -> Iterator[tuple[Slot, Any]]:
    if id(holder) in seen or len(path) >= DEPTH:
        return
    seen.add(id(holder))
    for key, value in _items(holder):
        yield (*path, key), value
        if not isinstance(value, CLOSED):
            yield from _walk(value, (*path, key), seen)


def _items(holder: Any) -> list[tuple[Any, Any]]:
    if isinstance(holder, dict):
        return list(holder.items())[:ITEMS]
    if isinstance(holder, (list, tuple)):
        return list(enumerate(holder[:ITEMS]))
    return list(members(holder).items())


def _is_array(x: Any, integers: bool, name: str) -> bool:
    if isinstance(x, float):
        return True
    if not isinstance(x, (np.ndarray, np.floating)):
        return False
    weight = x.ndim > 0 and any(name.lower() in group for group in GROUPS)
    return x.dtype.kind == "f" or ((integers or weight) and x.dtype.kind in "iu")


def get(owner: Any, slot: Slot) -> Any:
    """What is at a place in an object."""
    for key in slot:
        owner = owner[key] if isinstance(owner, (dict, list, tuple)) else getattr(owner, key)
    return owner


def put(owner: Any, slot: Slot, value: Any) -> None:
    """Replace what is at a place in an object."""
    holder, key = get(owner, slot[:-1]), slot[-1]
    if isinstance(holder, tuple):
        put(owner, slot[:-1], (*holder[:key], value, *holder[key + 1 :]))
    elif isinstance(holder, (dict, list)):
        holder[key] = value
    else:
        setattr(holder, key, value)


def label(slot: Slot) -> str:
    """The way to an array, as it is written: ``layers[0].W``, ``params.W``."""
    text = ""
    for key in slot:
        text += ("." if text else "") + key if isinstance(key, str) else f"[{key!r}]"
    return text


def duplicate(owner: Any) -> Any:
    """A copy of an object with copies of all that can be copied; locks and the like are shared."""
    try:
        return copy.deepcopy(owner)
    except Exception:
        twin = copy.copy(owner)
    for name, value in members(owner).items():
        try:
            setattr(twin, name, copy.deepcopy(value))
        except Exception:
            continue
    return twin


def detach_class_attributes(owner: Any) -> None:
    """Give an object its own copies of the arrays and lists that it shares with its class."""
    own = members(owner)
    for kind in type(owner).__mro__:
        for name, value in vars(kind).items():
            mutable = isinstance(value, (np.ndarray, list, dict))
            if name not in own and not name.startswith("__") and mutable:
                try:
                    setattr(owner, name, copy.deepcopy(value))
                except AttributeError:  # __slots__
                    continue


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


def generator_states(owner: Any) -> list[Any]:
    """The states of the generators that an object owns."""
    return [_state(value) for value in parts(owner) if isinstance(value, GENERATORS)]


def set_generators(owner: Any, states: list[Any]) -> None:
    """Set the generators that an object owns back to states that they had."""
    own = [value for value in parts(owner) if isinstance(value, GENERATORS)]
    for generator, state in zip(own, states, strict=False):
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = state
        elif isinstance(generator, np.random.RandomState):
            generator.set_state(state)
        else:
            generator.setstate(state)


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.getstate()


@contextmanager
def spying(owner: Any, seen: list[tuple[Array, Array]]) -> Iterator[None]:
    """Note what a layer hands to optimizers of its own: (parameter, gradient)."""
    for value in list(parts(owner))[1:]:
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

            try:
                setattr(value, name, spy)
            except AttributeError:
                continue
            break
    yield
