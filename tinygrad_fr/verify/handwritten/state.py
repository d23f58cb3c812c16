"""What a layer keeps from call to call: what it should forget, and what it should have kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry
from ..truth.comparison import close
from ..truth.differences import directional, signed
from ..truth.limits import redrawn
from ..truth.tolerances import ALIKE, ASKED, SAMPLED, TINY
from .calls import StudentError, as_array
from .gradients import Call, gradients_of, listed
from .parts import Handwritten

# What sets accumulated gradients back to zero.
RESET = ("zero_grad", "zero_grads", "zero_gradients", "reset_grad", "reset_grads",
         "reset_gradients", "clear_grad", "clear_grads", "reset")  # fmt: skip


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to the bit, NaN included."""
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


# --- can it be judged? -------------------------------------------------------------------------


def not_repeatable(layer: Handwritten, output: Array, notes: list[str]) -> str:
    """Why finite differences make no sense here; empty if they do."""
    if not same(layer.output(layer.values), output):
        return _(
            "the forward is random in a way that no seed governs: finite differences cannot judge "
            "it"
        )
    if not layer.template.has_object:
        return ""
    copy = layer.placed(layer.values)
    state = copy.state()
    first = layer.forward(copy, layer.values)
    copy.restore(state)
    if same(first, layer.forward(copy, layer.values)):
        layer.reuse = None if state else copy
    else:
        text = _(
            "state leaks between calls: a second forward on the same input gives another output"
        )
        notes.append(text)
    return ""


def random_backward(layer: Handwritten, call: Call, upstream: Array) -> str:
    """Whether the backward draws random numbers of its own, such as a new dropout mask."""
    other = gradients_of(layer, layer.values, upstream, seed=2)
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


# --- what is said of it ------------------------------------------------------------------------


def between_calls(
    layer: Handwritten, call: Call, upstream: Array, rng: np.random.Generator
) -> list[str]:
    """What a second forward before the backward changes, which the check does not see."""
    nothing_kept = not layer.template.has_object or layer.pointwise or layer.is_loss
    if nothing_kept or "input" not in call.gradients:
        return []
    copy = layer.placed(layer.values)
    # Turned round as well: redrawn entries mostly keep their signs, and with them a relu's mask.
    another = np.flip(redrawn({"x": layer.values["input"]}, rng)["x"])
    try:
        layer.forward(copy, layer.values)
        layer.forward(copy, {**layer.values, "input": another.copy()})
        result = layer.backward(copy, call.output, upstream, layer.values).result
        after = listed(result, list(layer.values), layer.values)[0]
        if after is None or same(as_array(after), np.asarray(call.gradients["input"])):
            return []
    except StudentError:
        return []
    text = _("a second forward (a validation batch) before the backward replaces the cached values")
    return [text]


def not_proportional(layer: Handwritten, call: Call, upstream: Array) -> list[str]:
    """Whether the gradients are cut where they are large: what the check does not see."""
    if not layer.takes_upstream:
        return []
    factor = 1e3
    try:
        larger = gradients_of(layer, layer.values, factor * upstream).gradients
    except StudentError:
        return []
    for name, g in call.gradients.items():
        small, large = np.asarray(g, float), np.asarray(larger.get(name, g), float)
        if call.sources[name] != "update" and not close(factor * small, large, ASKED):
            text = _(
                "the gradients do not grow with the upstream gradient (clipped?): they were "
                "judged for upstream gradients of about 1 only"
            )
            return [text]
    return []


# --- gradients that are right in a first call only ----------------------------------------------


def stale(
    layer: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry], notes: list[str],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Mark the gradients that are right in a first call only."""
    if not layer.template.has_object:
        return

    def mark(name: str, hand: Array, error: float, text: str, **detail: float) -> None:
        entry = entries.get(name)
        if entry is None or any(d.kind == "stale_cache" for d in entry.diagnoses):
            return
        found = (Diagnosis("stale_cache", text, detail), *entry.diagnoses)
        entries[name] = dataclasses.replace(
            entry, verdict="wrong", diagnoses=found, hand=hand,
            max_rel_error=max(error, entry.max_rel_error),
        )  # fmt: skip

    try:
        second = _second(layer, layer.values, upstream)
    except StudentError as error:
        notes.append(_("a second call fails: {error}", error=error))
    else:
        for name, first, now in _pairs(call, second, ("update",)):
            if first.shape != now.shape:
                continue
            # A stored gradient that is the same again cannot be told from an old one.
            factor = float((first * now).sum() / max((first**2).sum(), TINY))
            text = _(
                "the gradient depends on earlier calls: at the second call it is {factor:.6g} "
                "times the first; set it to zero, or assign it (=), in each backward",
                factor=factor,
            )
            mark(name, now, abs(factor - 1), text, factor=factor)
    for name, first, now in _of_another_input(layer, upstream, rng):
        text = _(
            "at a second call, with another input, the gradient is not that of this input: "
            "something was kept from the first call"
        )
        off = np.inf
        if first.shape == now.shape:
            off = float(np.abs(first - now).max() / max(np.abs(first).max(), TINY))
        mark(name, now, off, text)
    right = [n for n, e in entries.items() if e.verdict == "correct" and not e.diagnoses]
    for name, mine in _of_old_weights(layer, upstream, right, rng):
        text = _(
            "right with the weights that the layer was made with, and wrong once they have "
            "changed: something was computed from the first weights and kept"
        )
        mark(name, mine, 0.0, text)


Pairs = list[tuple[str, Array, Array]]


def _pairs(first: Call, second: Call, uncomparable: tuple[str, ...]) -> Pairs:
    """The gradients that two calls do not agree about, though their outputs are the same."""
    if not _near(second.output, first.output):
        return []  # its state is part of what the forward computes
    found = []
    for name, g in first.gradients.items():
        source = first.sources[name]
        if second.sources.get(name) == source and source not in uncomparable:
            here, there = np.asarray(g, float), np.asarray(second.gradients[name], float)
            if not _near(here, there):
                found.append((name, here, there))
    return found


def _near(a: Array, b: Array) -> bool:
    """Whether two arrays are the same but for rounding."""
    return same(a, b) or close(a, b, ALIKE)


def _of_another_input(layer: Handwritten, upstream: Array, rng: np.random.Generator) -> Pairs:
    """Gradients computed from what the forward of an earlier batch has left behind."""
    if "input" not in layer.values:
        return []
    other = {**layer.values, **redrawn({"input": layer.values["input"]}, rng)}
    try:
        alone, second = gradients_of(layer, other, upstream), _second(layer, other, upstream)
    except StudentError:
        return []
    return _pairs(alone, second, ("update", "optimizer"))


def _second(layer: Handwritten, values: Mapping[str, Array], upstream: Array) -> Call:
    """A call with an object that has been called before, its weights and generators set back."""
    copy = layer.placed(layer.values)
    state = copy.state()
    gradients_of(layer, layer.values, upstream, copy)
    reset = next(filter(copy.has, RESET), None)
    if reset is not None:
        copy.call(reset)
    layer.placed(layer.values, copy)
    copy.restore(state)
    return gradients_of(layer, values, upstream, copy)


def _of_old_weights(
    layer: Handwritten, upstream: Array, right: list[str], rng: np.random.Generator
) -> list[tuple[str, Array]]:
    """Gradients that are right with the first weights, and wrong once the weights have changed."""
    if not any(layer.values[name].ndim for name in layer.slots):
        return []
    values = {**layer.values, **redrawn({name: layer.values[name] for name in layer.slots}, rng)}
    try:
        later = gradients_of(layer, values, upstream)
    except StudentError:
        return []
    comparable = [n for n in right if later.sources.get(n, "update") != "update"]
    found = [(n, np.asarray(later.gradients[n])) for n in comparable]
    return [
        (name, mine.astype(float)) for name, mine in found
        if mine.dtype != np.float32 and mine.shape == values[name].shape
        and not _right_along(layer, values, name, mine, upstream, rng)
    ]  # fmt: skip


def _right_along(
    layer: Handwritten, values: Mapping[str, Array], name: str, mine: Array, upstream: Array,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether a gradient has the slope of the forward along one of a few random directions."""

    def f(z: Array) -> float:
        try:
            return float((layer.output({**values, name: z}) * upstream).sum())
        except StudentError:
            return np.nan

    for _direction in range(3):
        d = signed(rng, mine.shape)
        slope, error = directional(f, values[name], d)
        allowed = SAMPLED * float(np.linalg.norm(mine)) + 10 * error
        if not abs(slope - float((mine * d).sum())) > allowed:  # NaN tells nothing
            return True
    return False
