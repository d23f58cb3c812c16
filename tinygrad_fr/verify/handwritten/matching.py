"""Which array is the gradient of which: by names, by places in an object, by shapes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...kernels import Array
from ..vocabulary import aliases, is_gradient_of, named_like_a_gradient
from .objects import Slot

# How well a name fits the gradient of a parameter.
EXACT, GROUPED, HELD = 4, 3, 2
# How else the gradient of the input is called in a dict.
OF_THE_INPUT = {"dx", "dinput", "dinputs", "x", "da_prev", "dz", "da"}


def stored_gradient(name: str, places: Mapping[str, Slot], values: Mapping[str, Array],
                    stored: Mapping[Slot, Array]) -> Array | None:  # fmt: skip
    """The array of an object that is the gradient of a parameter by its name, or None."""
    own, shape = places[name], values[name].shape
    free = {s: a for s, a in stored.items() if s not in places.values()}
    fits = {s: fit(own, s) for s in free}
    # db for b, and not dW0, even though the intercept is called w0 elsewhere.
    others = [p for n, p in places.items() if n != name]
    ranked = [
        (f, free[s].shape == shape, s) for s, f in fits.items()
        if f == EXACT or (f and not any(fit(other, s) == EXACT for other in others))
    ]  # fmt: skip
    if ranked:
        best = max(f for f, _same, _s in ranked)
        found = [s for f, _same, s in sorted(ranked, key=lambda r: -r[1]) if f == best]
        return free[found[0]]
    alike = [n for n, v in values.items() if v.shape == shape and n != "input"]
    matches = [a for s, a in free.items() if gradient_like(s) and a.shape == shape]
    return matches[0] if len(matches) == 1 and alike == [name] and shape else None


def fit(parameter: Slot, slot: Slot) -> int:
    """How well the place of an array fits the gradient of a parameter; 0 if it does not."""
    if len(slot) == len(parameter):
        return min((_fit(p, s) for p, s in zip(parameter, slot, strict=True) if p != s), default=0)
    k = len(slot) - 1
    if len(slot) < len(parameter) and slot[:k] == parameter[:k]:
        return max(_fit(p, slot[k]) for p in parameter[k:])
    if len(slot) == len(parameter) + 1 and slot[:-2] == parameter[:-1]:
        p, s = parameter[-1], slot[-1]
        known = p == s or (isinstance(p, str) and str(s).lower() in aliases(p))
        return _fit(p, s) or (GROUPED if known and _holds_gradients(slot[-2]) else 0)
    return 0


def _fit(parameter: Any, key: Any) -> int:
    if not isinstance(key, str) or not isinstance(parameter, str):
        return 0
    if is_gradient_of(key, parameter, exactly=True):
        return EXACT
    if is_gradient_of(key, parameter):
        return GROUPED
    return HELD if _holds_gradients(key) else 0


def _holds_gradients(key: Any) -> bool:
    return isinstance(key, str) and bool(re.match(r"_?d?(grad|dparam|d$)", key.lower()))


def gradient_like(slot: Slot) -> bool:
    """Whether an array is called like some gradient where it is."""
    return named_like_a_gradient(tuple(key for key in slot if isinstance(key, str)))


def listed(result: Any, order: list[str], values: Mapping[str, Array]) -> list[Any]:
    """What a backward returned as a list in the order of the names."""
    if isinstance(result, Mapping):
        return [_from_mapping(result, name) for name in order]
    if not _is_several(result, values):
        return [result]
    flat: list[Any] = []
    for k, item in enumerate(result):
        if isinstance(item, Mapping):
            flat += [_from_mapping(item, name) for name in order[k:]]
        elif k and _is_several(item, values):
            flat += item
        else:
            flat.append(item)
    return flat


def _is_several(result: Any, values: Mapping[str, Array]) -> bool:
    """Whether it is several gradients, and not one that is written as a list."""
    if isinstance(result, tuple):
        return True
    return (
        isinstance(result, list)
        and all(g is None or isinstance(g, (np.ndarray, np.generic, Mapping, tuple, list))
                for g in result)
        and any(isinstance(g, np.ndarray) for g in result)
        and "input" in values
        and len(result) <= len(values)
        and not (len(values) == 1 and len(result) == len(values["input"]))
    )  # fmt: skip


def ordered(returned: list[Any], order: list[str], values: Mapping[str, Array]) -> list[str]:
    """The names of what a tuple holds: dx, dW, db; another order if only that has the shapes."""
    shapes = [None if g is None else np.shape(g) for g in returned]

    def fits(names: Iterable[str]) -> bool:
        return all(s is None or s == values[n].shape for n, s in zip(names, shapes, strict=False))

    usual = [order, order[1:] + order[:1], order[1:]]
    same_length = [names for names in usual if len(names) == len(returned)]
    for names in same_length:
        if fits(names):
            return names
    if 1 < len(returned) <= len(order) <= 6:
        possible = [p for p in itertools.permutations(order, len(returned)) if fits(p)]
        if len(possible) == 1:
            return list(possible[0])
    return same_length[0] if same_length else order


def _from_mapping(result: Mapping[Any, Any], name: str) -> Any:
    for key, value in result.items():
        called = aliases(name) | (OF_THE_INPUT if name == "input" else set())
        if is_gradient_of(str(key), name) or str(key).lower() in called:
            return value
    return None
