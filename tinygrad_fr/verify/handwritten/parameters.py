"""The parameters of somebody's object: the arrays that its output depends on."""

import re
from contextlib import suppress
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...worker.subject import Slot, Subject, label
from ..truth.tolerances import REPEATED
from ..vocabulary import NUMBER, RESET, WEIGHT
from .calls import StudentError
from .places import name_of, uneven

# How many arrays that a first call leaves are tried for being parameters.
MADE = 30


def find_parameters(layer: Any, parameters: Any) -> None:
    """Find the parameters: those that are asked for, or the arrays that the output needs."""
    before, made = layer.template.arrays(), layer.template.duplicate()
    output = layer.forward(made, layer.values)
    after = {s: a for s, a in made.arrays().items() if s not in before and a.ndim}
    if len(after) <= MADE:  # parameters that are made at the first call
        first, layer.template = layer.template, made
        late = {
            s: a
            for s, a in after.items()
            if parameters is not None
            or _matters(layer, s, a, layer.forward(made.duplicate(), layer.values))
        }
        before |= late
        layer.template = made if late else first
        if late:
            cleared = made.duplicate()
            set_back(cleared)
            with suppress(StudentError):
                layer.forward(cleared.duplicate(), layer.values)
                layer.template = cleared
            before = {s: a for s, a in layer.template.arrays().items() if s in before}
    kept = made.arrays()
    for slot, array in before.items():  # a state that begins at zero hides what multiplies it
        changed = array.ndim and not np.array_equal(kept.get(slot, array), array)
        if changed and not np.any(array) and _matters(layer, slot, array, output):
            start = np.linspace(-0.5, 0.6, array.size).reshape(array.shape)
            layer.template.put(slot, start)
            before = {**before, slot: start}
            output = layer.forward(layer.template.duplicate(), layer.values)
    wanted = [parameters] if isinstance(parameters, str) else parameters
    found = set()
    places: dict[int, list[Slot]] = {}
    for slot, array in before.items():
        places.setdefault(id(array) if array.ndim else id(slot), []).append(slot)
    for same in places.values():  # the same array may stand in several places
        layer.twins.update((slot, same) for slot in same)
    for slot, array in before.items():
        if layer.twins[slot][0] != slot:
            continue
        name = name_of(slot, before, {*layer.arguments, "input"})
        asked = {name, label(slot), slot[-1], slot[0]} & set(wanted or ())
        found |= asked
        if asked or (wanted is None and _matters(layer, slot, array, output)):
            layer.slots[name] = slot
            layer.values[name] = np.array(array, np.float64)
        elif wanted is None and array.ndim and called_a_weight(slot[-1:]):
            layer.idle[name] = slot
    missing = [n for n in wanted or () if n not in found]
    if missing:
        known = ", ".join(label(s) for s, a in before.items() if a.ndim) or "-"
        text = _("the layer has no parameter {names}; its arrays are {known}")
        raise ArgumentError(text, names=", ".join(missing), known=known)
    layer.optional_gradients |= {
        name for name, slot in layer.slots.items()
        if wanted is None and (
            (layer.values[name].ndim == 0 and not NUMBER.fullmatch(str(slot[-1])))
            or not called_a_weight(slot)
            or re.match("running|moving", str(slot[-1]))
            or not np.array_equal(kept.get(slot, before[slot]), before[slot])
        )
    }  # fmt: skip


def _matters(layer: Any, slot: Slot, array: Array, output: Array) -> bool:
    """Whether the output depends on an array."""
    if array.size == 0:
        return False
    other, moved = layer.template.duplicate(), np.array(array, np.float64)
    moved += np.abs(moved).max(initial=1.0) * uneven(moved.shape)
    layer.put(other, slot, moved)
    try:
        y = layer.forward(other, layer.values)
    except StudentError:
        return False
    return y.shape != output.shape or not np.allclose(
        y, output, rtol=REPEATED, atol=0, equal_nan=True
    )


def set_back(subject: Subject) -> None:
    """Let a subject forget the gradients, and the inputs, that it adds up from call to call."""
    for method in filter(RESET.match, subject.methods()):
        with suppress(StudentError):
            subject.call(method)


def called_a_weight(slot: Slot) -> bool:
    """Whether an array is called like one that is learnt."""
    return any(WEIGHT.fullmatch(str(key)) for key in slot)
