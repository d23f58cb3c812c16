"""Gradients that depend on earlier calls, or on the weights that the layer was made with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry
from ..truth.comparison import close
from ..truth.differences import directional, signed
from ..truth.limits import redrawn
from .calls import StudentError, attempted
from .gradients import Call
from .objects import generator_states, set_generators
from .parts import Handwritten

# What sets accumulated gradients back to zero.
RESET = ("zero_grad", "zero_grads", "zero_gradients", "reset_grad", "reset_grads",
         "reset_gradients", "clear_grad", "clear_grads", "reset")  # fmt: skip


def stale(
    subject: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry], notes: list[str],
    tape_of: Callable[[Mapping[str, Array]], Tape | None], rng: np.random.Generator,
) -> None:  # fmt: skip
    """Mark the gradients that are right in a first call only."""
    if subject.template is None:
        return
    _accumulated(subject, call, upstream, entries, notes)
    _left_behind(subject, call, upstream, entries, rng)
    if any(subject.values[name].ndim for name in subject.slots):
        _of_old_weights(subject, call, upstream, entries, tape_of, rng)


def _accumulated(
    subject: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry], notes: list[str]
) -> None:
    """Gradients that grow from call to call: accumulated, and never set back to zero."""
    try:
        second = _second(subject, subject.values, upstream)
    except StudentError as error:
        notes.append(_("a second call fails: {error}", error=error))
        return
    if not near(second.output, call.output):
        return  # its state is part of what the forward computes
    for name, g in call.gradients.items():
        there = second.gradients.get(name)
        first, now = np.asarray(g, float), np.asarray(there, float)
        # A stored gradient that is the same again cannot be told from an old one.
        comparable = second.sources.get(name) == call.sources[name] != "update"
        if there is None or not comparable or near(first, now):
            continue
        factor = float((first * now).sum() / max((first**2).sum(), 1e-300))
        text = _(
            "the gradient depends on earlier calls: at the second call it is {factor:.6g} times "
            "the first; set it to zero, or assign it (=), in each backward",
            factor=factor,
        )
        d = Diagnosis("stale_cache", text, {"factor": factor})
        _mark(entries, name, d, now, abs(factor - 1))


def _left_behind(
    subject: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Gradients computed from what the forward of an earlier batch has left behind."""
    if "input" not in subject.values:
        return
    other = {**subject.values, **redrawn({"input": subject.values["input"]}, rng)}
    try:
        alone = subject.gradients(other, upstream)
        second = _second(subject, other, upstream)
    except StudentError:
        return
    if not near(second.output, alone.output):
        return
    for name, g in alone.gradients.items():
        if second.sources.get(name) != alone.sources[name] or (
            alone.sources[name] in ("update", "optimizer")
        ):
            continue
        first, now = np.asarray(g, float), np.asarray(second.gradients[name], float)
        if not near(first, now):
            text = _(
                "at a second call, with another input, the gradient is not that of this input: "
                "something was kept from the first call"
            )
            _mark(entries, name, Diagnosis("stale_cache", text), now, _difference(first, now))


def _second(subject: Handwritten, values: Mapping[str, Array], upstream: Array) -> Call:
    """A call with an object that has been called before, its weights and generators set back."""
    owner = subject.placed(subject.values)
    states = generator_states(owner)
    subject.gradients(subject.values, upstream, owner)
    reset = next((m for n in RESET if callable(m := getattr(owner, n, None))), None)
    if reset is not None:
        attempted(reset)
    subject.placed(subject.values, owner)
    set_generators(owner, states)
    return subject.gradients(values, upstream, owner)


def _of_old_weights(
    subject: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry],
    tape_of: Callable[[Mapping[str, Array]], Tape | None], rng: np.random.Generator,
) -> None:  # fmt: skip
    """Gradients that are right with the first weights, and wrong once the weights have changed."""
    weights = {name: subject.values[name] for name in subject.slots}
    values = {**subject.values, **redrawn(weights, rng)}
    try:
        later = subject.gradients(values, upstream)
        tape = tape_of(values)
    except StudentError:
        return
    pulled = {} if tape is None else tape.pull(upstream)
    for name, g in later.gradients.items():
        entry = entries.get(name)
        if entry is None or entry.verdict != "correct" or entry.diagnoses or (
            later.sources[name] == "update" or np.asarray(g).dtype == np.float32
        ):  # fmt: skip
            continue
        mine = np.asarray(g, float)
        if tape is not None:
            true = pulled.get(tape.names.get(name, -2))
            right = true is None or close(mine, true, 1e-4)
        else:
            right = _right_along(subject, values, name, mine, upstream, rng)
        if not right:
            text = _(
                "right with the weights that the layer was made with, and wrong once they have "
                "changed: something was computed from the first weights and kept"
            )
            _mark(entries, name, Diagnosis("stale_cache", text), mine, entry.max_rel_error)


def _right_along(
    subject: Handwritten, values: Mapping[str, Array], name: str, mine: Array, upstream: Array,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether a gradient has the slope of the forward along one of a few random directions."""
    x = values[name]
    if mine.shape != x.shape:
        return True

    def f(z: Array) -> float:
        try:
            return float((subject.output({**values, name: z}) * upstream).sum())
        except StudentError:
            return np.nan

    for _direction in range(3):
        d = signed(rng, x.shape)
        slope, error = directional(f, x, d)
        allowed = 1e-2 * float(np.linalg.norm(mine)) + 10 * error
        if not abs(slope - float((mine * d).sum())) > allowed:  # NaN tells nothing
            return True
    return False


def _mark(entries: dict[str, Entry], name: str, d: Diagnosis, hand: Array, error: float) -> None:
    entry = entries.get(name)
    if entry is None or any(other.kind == "stale_cache" for other in entry.diagnoses):
        return
    entries[name] = dataclasses.replace(
        entry, verdict="wrong", diagnoses=(d, *entry.diagnoses), hand=hand,
        max_rel_error=max(error, entry.max_rel_error),
    )  # fmt: skip


def _difference(a: Array, b: Array) -> float:
    if a.shape != b.shape:
        return np.inf
    return float(np.abs(a - b).max(initial=0.0)) / max(float(np.abs(a).max(initial=0.0)), 1e-300)


def near(a: Array, b: Array) -> bool:
    """Whether two arrays are the same but for rounding."""
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-9, atol=1e-300, equal_nan=True))
