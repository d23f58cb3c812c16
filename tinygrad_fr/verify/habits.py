"""Habits of layers written by hand: state that leaks, random numbers, the order of calls."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..kernels import Array
from ..messages import _
from ..report import Diagnosis, Entry
from .blind import redrawn
from .gathering import Call
from .handwritten import Handwritten
from .objects import put
from .student import StudentError, attempted


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
    first = subject.forward(owner, subject.values)
    if same(first, subject.forward(owner, subject.values)):
        subject.reuse = owner
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
    if subject.template is None or subject.pointwise or subject.is_loss:
        return notes, []
    owner = subject.placed(subject.values)
    try:
        _backward_alone(subject, owner, output, upstream)
        notes.append(_("a backward before any forward gives something without an error"))
    except StudentError as error:
        notes.append(_("a backward before any forward raises {error}").format(error=error))
    owner = subject.placed(subject.values)
    other = {**subject.values, "input": redrawn({"x": subject.values["input"]}, rng)["x"]}
    try:
        subject.forward(owner, subject.values)
        subject.forward(owner, other)
        after = _backward_alone(subject, owner, output, upstream)
    except StudentError:
        return notes, []
    mine = call.gradients.get("input")
    if after is None or mine is None or same(np.asarray(after), np.asarray(mine)):
        return notes, []
    text = _("a second forward (a validation batch) before the backward replaces the cached values")
    return notes, [text]


def _backward_alone(subject: Handwritten, owner: Any, output: Array, upstream: Array) -> Any:
    given = subject.backward_arguments(None, output, upstream, subject.values)
    result = attempted(subject.method(owner, subject.backward_name), **given)
    return result[0] if isinstance(result, tuple) else result


def accumulated(
    subject: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry], notes: list[str]
) -> None:
    """Gradients that grow from call to call: accumulated, and never set back to zero."""
    if subject.template is None:
        return
    owner = subject.placed(subject.values)
    try:
        subject.gradients(subject.values, upstream, owner)
        for name, slot in subject.slots.items():
            put(owner, slot, np.array(subject.values[name]))
        if callable(getattr(owner, "zero_grad", None)):
            owner.zero_grad()
        second = subject.gradients(subject.values, upstream, owner)
    except StudentError as error:
        notes.append(_("a second call fails: {error}").format(error=error))
        return
    for name, g in call.gradients.items():
        there = second.gradients.get(name)
        first, now = np.asarray(g, float), np.asarray(there, float)
        if there is None or call.sources[name] == "update" or _near(first, now):
            continue
        factor = float((first * now).sum() / max((first**2).sum(), 1e-300))
        text = _(
            "the gradient depends on earlier calls: at the second call it is {factor:.6g} times "
            "the first; set it to zero, or assign it (=), in each backward"
        ).format(factor=factor)
        d = Diagnosis("stale_cache", text, {"factor": factor})
        entry = entries[name]
        entries[name] = dataclasses.replace(
            entry, verdict="wrong", diagnoses=(d, *entry.diagnoses), hand=now,
            max_rel_error=max(abs(factor - 1), entry.max_rel_error),
        )  # fmt: skip


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to the bit, NaN included."""
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _near(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-9, atol=1e-300, equal_nan=True))
