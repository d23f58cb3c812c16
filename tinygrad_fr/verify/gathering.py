"""Where the gradients of a layer written by hand are: returned, stored, or used in an update."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels import Array
from .names import aliases, is_gradient_of, named_like_a_gradient
from .objects import Slot, get, slots
from .student import as_array


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


def collect(
    subject: Any, call: Call, owner: Any, result: Any, upstream: Array,
    before: Mapping[Slot, Array], spied: list[tuple[Array, Array]],
) -> None:  # fmt: skip
    """Gradients that were returned, stored, handed to an optimizer, or used in an update."""
    parameters = [name for name in subject.values if name != "input"]
    returned = list(result) if isinstance(result, tuple) else [result]
    if isinstance(result, Mapping):
        returned = [_from_mapping(result, name) for name in ("input", *parameters)]
    if subject.pointwise and not isinstance(result, tuple):
        returned = [_times_local(as_array(result), upstream, subject.values["input"].shape)]
    order = ["input", *parameters]
    if isinstance(result, tuple) and not subject.functional:
        order = _order(returned, order, subject.values)
    for name, g in zip(order, returned, strict=False):
        if g is not None:
            call.gradients[name], call.sources[name] = as_array(g), "returned"
    stored = dict(slots(owner, integers=True)) if owner is not None else {}
    fresh = {s: a for s, a in stored.items() if not _unchanged(a, before.get(s))}
    if "input" not in call.gradients:
        for slot, array in fresh.items():
            if any(is_gradient_of(slot[-1], name) for name in ("input", "inputs", "x")):
                call.gradients["input"], call.sources["input"] = array, "stored"
    for name in parameters:
        if name in call.gradients:
            continue
        slot = subject.slots[name]
        old, now = before.get(slot, np.array(get(owner, slot))), np.asarray(get(owner, slot))
        handed = [g for w, g in spied if w.shape == old.shape and np.array_equal(w, old)]
        moved = now.shape != old.shape or not np.array_equal(now, old)
        found = _stored(subject, name, stored)
        if found is not None and (handed or moved):
            # What the backward has left as it was is not what it computed.
            found = _stored(subject, name, fresh)
        if found is not None:
            call.gradients[name], call.sources[name] = found, "stored"
        elif handed:
            call.gradients[name], call.sources[name] = handed[0], "optimizer"
        elif now.shape != old.shape:
            # W = W - lr * dW with a gradient of another shape
            call.gradients[name], call.sources[name] = old - now, "update"
        elif moved:
            rate = 1.0 if "rate" in subject.roles.values() else subject.rate or 1.0
            call.gradients[name], call.sources[name] = (old - now) / rate, "update"


def _unchanged(now: Array, old: Array | None) -> bool:
    return old is not None and old.shape == now.shape and bool(np.array_equal(old, now))


def _stored(subject: Any, name: str, stored: Mapping[Slot, Array]) -> Array | None:
    for slot, array in stored.items():
        if slot == subject.slots.get(name):
            continue
        if is_gradient_of(slot[-1], name):
            return array
        in_a_dict = len(slot) > 1 and re.match(r"_?d?(grad|dparam|d$)", slot[0].lower())
        if in_a_dict and (slot[-1] == name or slot[-1].lower() in aliases(name)):
            return array
    shape = subject.values[name].shape
    alike = [n for n, v in subject.values.items() if v.shape == shape and n != "input"]
    matches = [a for s, a in stored.items() if named_like_a_gradient(s) and a.shape == shape]
    if len(matches) == 1 and alike == [name]:
        return matches[0]
    return None


def _times_local(local: Array, upstream: Array, shape: tuple[int, ...]) -> Array:
    """The downstream gradient of a local derivative: entry by entry, or a Jacobian."""
    if local.ndim == 2 and upstream.ndim == 1 and local.shape == (upstream.size, *shape):
        return np.asarray(upstream @ local)
    try:
        return np.asarray(upstream * local)
    except ValueError:
        return local


def _order(returned: list[Any], order: list[str], values: Mapping[str, Array]) -> list[str]:
    """The names of what a tuple holds: dx, dW, db; another order if only that has the shapes."""
    candidates = [order, order[1:] + order[:1], order[1:]]
    shapes = [np.shape(g) for g in returned]
    for names in candidates:
        if len(names) == len(returned) and all(
            g is None or s == values[n].shape
            for n, s, g in zip(names, shapes, returned, strict=True)
        ):
            return names
    return (
        order
        if len(returned) == len(order)
        else next((names for names in candidates if len(names) == len(returned)), order)
    )


def _from_mapping(result: Mapping[Any, Any], name: str) -> Any:
    for key, value in result.items():
        if is_gradient_of(str(key), name) or str(key).lower() in aliases(name):
            return value
        if name == "input" and str(key).lower() in (
            "dx",
            "dinput",
            "dinputs",
            "x",
            "da_prev",
            "dz",
        ):
            return value
    return None
