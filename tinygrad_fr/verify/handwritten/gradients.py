"""Where the gradients of a layer written by hand are: returned, stored, or used in an update."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels import Array
from ..vocabulary import is_gradient_of
from .calls import StudentError, as_array
from .matching import gradient_like, listed, ordered, stored_gradient
from .objects import Slot, get, slots


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


def collect(
    subject: Any, call: Call, owner: Any, result: Any, upstream: Array,
    before: Mapping[Slot, Array], spied: list[tuple[Array, Array]],
) -> None:  # fmt: skip
    """Gradients that were returned, stored, handed to an optimizer, or used in an update."""
    _from_returned(subject, call, result, upstream)
    stored = dict(slots(owner, integers=True)) if owner is not None else {}
    fresh = {s: a for s, a in stored.items() if s not in before or not np.array_equal(before[s], a)}
    if "input" in subject.values and "input" not in call.gradients:
        for slot, array in fresh.items():
            names = ("input", "inputs", "x", subject.argument_of["input"])
            if len(slot) == 1 and any(is_gradient_of(slot[0], name) for name in names):
                call.gradients["input"], call.sources["input"] = array, "stored"
    for name, slot in subject.idle.items():
        values = {**subject.values, name: np.asarray(get(owner, slot))}
        if stored_gradient(name, {**subject.slots, name: slot}, values, fresh) is not None:
            call.idle.append(name)
    known = {re.sub(r".*\W", "", name) for name in (*subject.slots, *subject.idle)}
    call.orphans = [
        slot[0] for slot in fresh
        if len(slot) == 1 and not any(is_gradient_of(slot[0], name) for name in known)
        and any(is_gradient_of(slot[0].rstrip("0123456789"), name) for name in ("w", "b"))
    ]  # fmt: skip
    renewed = [
        a.shape for s, a in fresh.items()
        if s not in subject.slots.values() and not gradient_like(s)
    ]  # fmt: skip
    call.with_momentum = {name for name in subject.slots if subject.values[name].shape in renewed}
    for name, slot in subject.slots.items():
        if name in call.gradients:
            continue
        now = np.asarray(get(owner, slot))
        old = before.get(slot, np.array(now))
        handed = [g for w, g in spied if np.array_equal(w, old)]
        moved = not np.array_equal(now, old)
        found = stored_gradient(name, subject.slots, subject.values, stored)
        if found is not None and (handed or moved):
            # What the backward has left as it was is not what it computed.
            found = stored_gradient(name, subject.slots, subject.values, fresh)
        if found is not None:
            call.gradients[name], call.sources[name] = found, "stored"
        elif handed:
            call.gradients[name], call.sources[name] = handed[0], "optimizer"
        elif now.shape != old.shape:
            # W = W - lr * dW with a gradient of another shape
            call.gradients[name], call.sources[name] = old - now, "update"
        elif moved:
            rate = 1.0 if subject.asks_rate else subject.rate or 1.0
            call.gradients[name], call.sources[name] = (old - now) / rate, "update"


def _from_returned(subject: Any, call: Call, result: Any, upstream: Array) -> None:
    """The gradients that the backward returned, by the names of their values."""
    order = list(subject.values)
    if subject.pointwise and not isinstance(result, tuple):
        shape = subject.values["input"].shape
        returned: list[Any] = [_times_local(as_array(result), upstream, shape)]
    else:
        returned = listed(result, order, subject.values)
    if "input" not in subject.values and len(returned) == len(order) + 1 and returned[0] is None:
        returned = returned[1:]  # nothing for integers
    if isinstance(result, (tuple, list)) and len(returned) > 1:
        returned = [g if _is_array(g) else None for g in returned]
        order = order if subject.functional else ordered(returned, order, subject.values)
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
