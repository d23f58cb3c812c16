"""The inside of somebody's objects: their arrays, generators and optimizers."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..kernels import Array
from .names import GROUPS
from .student import parameters_of

Slot = tuple[str, ...]


def slots(owner: Any, integers: bool = False) -> Iterator[tuple[Slot, Array]]:
    """The arrays of an object: its attributes, and those in its dicts."""
    for name, value in getattr(owner, "__dict__", {}).items():
        if _is_array(value, integers, name):
            yield (name,), value
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str) and _is_array(item, integers, key):
                    yield (name, key), item


def _is_array(x: Any, integers: bool, name: str) -> bool:
    if not isinstance(x, (np.ndarray, np.floating)):
        return False
    weight = x.ndim > 0 and any(name.lower() in group for group in GROUPS)
    return x.dtype.kind == "f" or ((integers or weight) and x.dtype.kind in "iu")


def get(owner: Any, slot: Slot) -> Any:
    """An array of an object."""
    value = getattr(owner, slot[0])
    return value[slot[1]] if len(slot) > 1 else value


def put(owner: Any, slot: Slot, value: Array) -> None:
    """Replace an array of an object."""
    if len(slot) > 1:
        getattr(owner, slot[0])[slot[1]] = value
    else:
        setattr(owner, slot[0], value)


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


def generator_states(owner: Any) -> str:
    """The states of the generators that an object owns."""
    found = []
    for value in getattr(owner, "__dict__", {}).values():
        if isinstance(value, np.random.Generator):
            found.append(str(value.bit_generator.state))
        elif isinstance(value, np.random.RandomState):
            found.append(str(value.get_state()))
        elif isinstance(value, random.Random):
            found.append(str(value.getstate()))
    return "".join(found)


@contextmanager
def spying(owner: Any, seen: list[tuple[Array, Array]]) -> Iterator[None]:
    """Note what a layer hands to optimizers of its own: (parameter, gradient)."""
    for value in list(getattr(owner, "__dict__", {}).values()):
        for name in ("update", "step", "apply", "update_params", "__call__"):
            method = getattr(value, name, None)
            if (
                not callable(method)
                or isinstance(value, (np.ndarray, dict, type))
                or inspect.isroutine(value)
            ):
                continue
            if len(parameters_of(method)) < 2 or name.startswith("__"):
                continue

            def spy(w: Any, g: Any, *rest: Any, real: Any = method, **named: Any) -> Any:
                if isinstance(w, np.ndarray) and isinstance(g, np.ndarray):
                    seen.append((w.copy(), g.copy()))
                return real(w, g, *rest, **named)

            try:
                setattr(value, name, spy)
            except AttributeError:
                continue
            break
    yield
