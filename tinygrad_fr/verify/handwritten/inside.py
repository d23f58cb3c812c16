"""The inside of somebody's object: what it holds, and the ways to it."""

import copy
import inspect
import random
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...kernels import Array
from ...worker.subject import Slot
from ..vocabulary import GROUPS
from .calls import parameters_of
from .canvas import Canvas

# How deep arrays are looked for, and in lists of how many items.
DEPTH, ITEMS = 5, 200

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
CLOSED = (
    np.ndarray, np.generic, np.ufunc, type, types.ModuleType, types.FunctionType,
    types.BuiltinFunctionType, types.MethodType, Tensor, Canvas, *GENERATORS,
)  # fmt: skip


def members_of(owner: Any) -> dict[str, Any]:
    """The attributes of an object, those in ``__slots__`` included."""
    found = dict(getattr(owner, "__dict__", {}))
    for kind in type(owner).__mro__:
        names = kind.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if not name.startswith("__") and hasattr(owner, name):
                found[name] = getattr(owner, name)
    return found


def parts_of(owner: Any) -> Iterator[Any]:
    """An object and the objects that it holds, such as its layers, optimizers and generators."""
    yield owner
    for _slot, value in walk(owner, (), set()):
        if not isinstance(value, (np.ndarray, list, tuple, dict, float)):
            yield value


def walk(holder: Any, path: Slot, seen: set[int]) -> Iterator[tuple[Slot, Any]]:
    """What an object holds, and what that holds, each with the way to it."""
    if id(holder) in seen or len(path) >= DEPTH:
        return
    seen.add(id(holder))
    if isinstance(holder, dict):
        items = list(holder.items())[:ITEMS]
    elif isinstance(holder, (list, tuple)):
        items = list(enumerate(holder[:ITEMS]))
    else:
        items = list(members_of(holder).items())
    for key, value in items:
        yield (*path, key), value
        if not isinstance(value, CLOSED):
            yield from walk(value, (*path, key), seen)


def array_at(owner: Any, slot: Slot) -> Any:
    """What stands at a place."""
    for key in slot:
        owner = owner[key] if isinstance(owner, (dict, list, tuple)) else getattr(owner, key)
    return owner


def is_array(x: Any, integers: bool, name: str) -> bool:
    """Whether something is an array of real numbers, or a float."""
    if isinstance(x, float):
        return True
    if not isinstance(x, (np.ndarray, np.floating)):
        return False
    weight = x.ndim > 0 and any(name.lower() in group for group in GROUPS)
    return x.dtype.kind == "f" or ((integers or weight) and x.dtype.kind in "iu")


def detach_class_attributes(owner: Any) -> None:
    """Give an object its own copies of the arrays and lists that it shares with its class."""
    own = members_of(owner)
    for kind in type(owner).__mro__:
        for name, value in vars(kind).items():
            mutable = isinstance(value, (np.ndarray, list, dict))
            if name not in own and not name.startswith("__") and mutable:
                with suppress(AttributeError):  # __slots__
                    setattr(owner, name, copy.deepcopy(value))


@contextmanager
def spying(owner: Any, seen: list[tuple[Array, Array]]) -> Iterator[None]:
    """Note what a layer hands to optimizers of its own: (parameter, gradient)."""
    for value in list(parts_of(owner))[1:]:
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
