"""Habits of layers written by hand: state that leaks, random numbers, the order of calls."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ..truth.comparison import close
from ..truth.limits import redrawn
from .calls import StudentError, as_array, attempted
from .gradients import Call
from .matching import listed
from .objects import generator_states, set_generators
from .parts import Handwritten


def repeatable(subject: Handwritten, output: Array, notes: list[str]) -> str:
    """Why finite differences make no sense here; empty if they do."""
    if not same(subject.output(subject.values), output):
        return _(
            "the forward is random in a way that no seed governs: finite differences cannot judge "
            "it"
        )
    owner = subject.placed(subject.values)
    if owner is None:
        return ""
    states = generator_states(owner)
    first = subject.forward(owner, subject.values)
    set_generators(owner, states)
    if same(first, subject.forward(owner, subject.values)):
        subject.reuse = None if states else owner
    else:
        text = _(
            "state leaks between calls: a second forward on the same input gives another output"
        )
        notes.append(text)
    return ""


def random_backward(subject: Handwritten, call: Call, upstream: Array) -> str:
    """Whether the backward draws random numbers of its own, such as a new dropout mask."""
    other = subject.gradients(subject.values, upstream, seed=2)
    repeated = all(
        name in other.gradients and same(np.asarray(g), np.asarray(other.gradients[name]))
        for name, g in call.gradients.items()
    )
    if repeated and not call.drew_random_numbers:
        return ""
    return _(
        "the backward draws random numbers of its own (a new dropout mask?): it must use those of "
        "the forward"
    )


def order_of_calls(
    subject: Handwritten, call: Call, output: Array, upstream: Array, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """What a changed order of calls does: notes, and what stays hidden."""
    notes: list[str] = []
    if call.changed_input is not None:
        notes.append(_("the layer modifies its input in place: work on a copy of it"))
    nothing_kept = subject.template is None or subject.pointwise or subject.is_loss
    if nothing_kept or "input" not in subject.values:
        return notes, []
    owner = subject.placed(subject.values)
    try:
        _backward_alone(subject, owner, output, upstream)
        notes.append(_("a backward before any forward gives something without an error"))
    except StudentError as error:
        notes.append(_("a backward before any forward raises {error}", error=error))
    owner = subject.placed(subject.values)
    # Turned round as well: redrawn entries mostly keep their signs, and with them a relu's mask.
    another = np.flip(redrawn({"x": subject.values["input"]}, rng)["x"])
    other = {**subject.values, "input": another.copy()}
    try:
        subject.forward(owner, subject.values)
        subject.forward(owner, other)
        after = _backward_alone(subject, owner, output, upstream)
    except StudentError:
        return notes, []
    mine = call.gradients.get("input")
    if after is None or mine is None or same(after, np.asarray(mine)):
        return notes, []
    text = _("a second forward (a validation batch) before the backward replaces the cached values")
    return notes, [text]


def not_proportional(subject: Handwritten, call: Call, upstream: Array) -> list[str]:
    """Whether the gradients are cut where they are large: what the check does not see."""
    if not subject.takes_upstream:
        return []
    factor = 1e3
    try:
        larger = subject.gradients(subject.values, factor * upstream)
    except StudentError:
        return []
    for name, g in call.gradients.items():
        small, large = np.asarray(g, float), np.asarray(larger.gradients.get(name, g), float)
        if call.sources[name] != "update" and not close(factor * small, large, 1e-6):
            text = _(
                "the gradients do not grow with the upstream gradient (clipped?): they were "
                "judged for upstream gradients of about 1 only"
            )
            return [text]
    return []


def _backward_alone(subject: Handwritten, owner: Any, output: Array, upstream: Array) -> Any:
    given = subject.backward_arguments(None, output, upstream, subject.values)
    result = attempted(subject.method(owner, subject.backward_name), **given)
    found = listed(result, list(subject.values), subject.values)[0]
    return None if found is None else as_array(found)


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to the bit, NaN included."""
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
