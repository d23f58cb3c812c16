"""Where the gradients of a layer written by hand are, and which array is whose.

They are returned, stored, handed to an optimizer, or only seen in the update of the weights; they
are known by their names, by their places in an object, by their shapes.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels import Array
from ..vocabulary import aliases, is_gradient_of, named_like_a_gradient
from .calls import StudentError, as_array
from .parts import Handwritten
from .subject import Answer, Slot, Subject

# How well a name fits the gradient of a parameter.
EXACT, GROUPED, HELD = 4, 3, 2
# How else the gradient of the input is called in a dict.
OF_THE_INPUT = {"dx", "dinput", "dinputs", "x", "da_prev", "dz", "da"}


@dataclass
class Call:
    """What one forward and one backward gave.

    Attributes
    ----------
    output : array
    gradients : dict of str to array
        By name; ``input`` is what was returned for the input.
    sources : dict of str to str
        ``"returned"``, ``"stored"``, ``"optimizer"`` or ``"update"``.
    notes : list of str
    """

    output: Array
    gradients: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    changed_input: Array | None = None
    drew_random_numbers: bool = False
    idle: list[str] = field(default_factory=list)  # gradients of what the forward does not use
    orphans: list[str] = field(default_factory=list)  # of weights that are not on the object
    with_momentum: set[str] = field(default_factory=set)  # something of their shape is renewed


def gradients_of(
    layer: Handwritten, values: Mapping[str, Array], upstream: Array, copy: Subject | None = None,
    seed: int = 1,
) -> Call:  # fmt: skip
    """One forward, one backward, and the gradients found; of a fresh copy if none is given."""
    copy = layer.placed(values) if copy is None else copy
    call = Call(layer.forward(copy, values))
    before = {slot: np.array(a) for slot, a in copy.arrays(integers=True).items()}
    answer = layer.backward(copy, call.output, upstream, values, seed)
    call.drew_random_numbers = answer.drew
    after = copy.given(list(layer.arguments).index(layer.main))
    if "input" in layer.values and not np.array_equal(after, values["input"], equal_nan=True):
        call.changed_input = np.array(after, float)
    _from_returned(layer, call, answer.result, upstream)
    _from_inside(layer, call, copy, answer, before)
    return call


def _from_inside(
    layer: Handwritten, call: Call, copy: Subject, answer: Answer, before: Mapping[Slot, Array]
) -> None:
    """The gradients that are stored, handed to an optimizer, or used in an update.

    ``before`` are the arrays of the copy before the backward.
    """
    stored = copy.arrays(integers=True)
    fresh = {s: a for s, a in stored.items() if s not in before or not np.array_equal(before[s], a)}
    if "input" in layer.values and "input" not in call.gradients:
        names = ("input", "inputs", "x", layer.argument_of["input"])
        for slot, array in fresh.items():
            if len(slot) == 1 and any(is_gradient_of(slot[0], name) for name in names):
                call.gradients["input"], call.sources["input"] = array, "stored"
    for name, slot in layer.idle.items():
        values = {**layer.values, name: copy.get(slot)}
        if stored_gradient(name, {**layer.slots, name: slot}, values, fresh) is not None:
            call.idle.append(name)
    known = {re.sub(r".*\W", "", name) for name in (*layer.slots, *layer.idle)}
    call.orphans = [
        slot[0] for slot in fresh
        if len(slot) == 1 and not any(is_gradient_of(slot[0], name) for name in known)
        and any(is_gradient_of(slot[0].rstrip("0123456789"), name) for name in ("w", "b"))
    ]  # fmt: skip
    renewed = [
        a.shape for s, a in fresh.items() if s not in layer.slots.values() and not gradient_like(s)
    ]
    call.with_momentum = {name for name in layer.slots if layer.values[name].shape in renewed}
    for name, slot in layer.slots.items():
        if name in call.gradients:
            continue
        now = copy.get(slot)
        old = before.get(slot, np.array(now))
        handed = [g for w, g in answer.handed if np.array_equal(w, old)]
        moved = not np.array_equal(now, old)
        # What the backward has left as it was is not what it computed.
        there = fresh if handed or moved else stored
        found = stored_gradient(name, layer.slots, layer.values, there)
        if found is not None:
            call.gradients[name], call.sources[name] = found, "stored"
        elif handed:
            call.gradients[name], call.sources[name] = handed[0], "optimizer"
        elif moved:  # W = W - lr * dW, with a gradient of another shape, too
            rate = 1.0 if layer.asks_rate or now.shape != old.shape else layer.rate or 1.0
            call.gradients[name], call.sources[name] = (old - now) / rate, "update"


def _from_returned(layer: Handwritten, call: Call, result: Any, upstream: Array) -> None:
    """The gradients that the backward returned, by the names of their values."""
    order = list(layer.values)
    if layer.pointwise and not isinstance(result, tuple):
        shape = layer.values["input"].shape
        returned: list[Any] = [_times_local(as_array(result), upstream, shape)]
    else:
        returned = listed(result, order, layer.values)
    if "input" not in layer.values and len(returned) == len(order) + 1 and returned[0] is None:
        returned = returned[1:]  # nothing for integers
    if isinstance(result, (tuple, list)) and len(returned) > 1:
        returned = [g if _is_array(g) else None for g in returned]
        order = order if layer.template.functional else ordered(returned, order, layer.values)
    for name, g in zip(order, returned, strict=False):
        if g is not None:
            call.gradients[name], call.sources[name] = as_array(g), "returned"


def _is_array(g: Any) -> bool:
    try:
        as_array(g)
    except StudentError:
        return False
    return True


def _times_local(local: Array, upstream: Array, shape: tuple[int, ...]) -> Array:
    """The downstream gradient of a local derivative: entry by entry, or a Jacobian."""
    if local.ndim == 2 and upstream.ndim == 1 and local.shape == (upstream.size, *shape):
        return np.asarray(upstream @ local)
    try:
        return np.asarray(upstream * local)
    except ValueError:
        return local


# --- which array is whose ----------------------------------------------------------------------


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
