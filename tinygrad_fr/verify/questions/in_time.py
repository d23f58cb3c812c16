"""Gradients through time: at which step the first one is wrong, walking back from the loss."""

import copy
import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from ...graph.recorded.recurrence import recurs, time_axis
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..handwritten.calls import StudentError
from ..handwritten.parts import Handwritten
from ..handwritten.unrolled import Unrolled, driven
from ..handwritten.wiring import state_at
from ..truth.differences import FULL, derivative, signed

Judge = Callable[[Handwritten, Array, Array], Report]


def at_its_step(subject: Handwritten, report: Report, upstream: Array, tape: Tape | None,
                judge: Judge) -> Report:  # fmt: skip
    """The report on a driven cell, its mistakes told by the first step that is wrong alone.

    The backward of one step is judged with the right gradients arriving, from the last step on:
    what is wrong there is its own mistake, and everything else follows.
    """
    pair = subject.template
    assert isinstance(pair, Unrolled)
    rest = {n: v for n, v in subject.values.items() if n != "input"}
    x = subject.values.get("input", subject.arguments["x"])
    taken = pair.forward(x, rest)[1]
    found, at = None, 0
    for t in reversed(range(len(taken))):
        arriving = _arriving(pair, x, taken, t, upstream, tape)
        if arriving is None:
            return report
        one = driven(Unrolled(pair.cell, pair.wiring, ends=True), x[t : t + 1], taken[t])
        output = one.output(one.values)
        alone = judge(one, output, arriving.reshape(output.shape))
        if any(entry.verdict == "wrong" for entry in alone):
            found = alone if found is None else _also(found, alone, first=True)
            at = max(at, t)
            if arriving.all() or t == 0:
                break  # else what comes from later steps is not seen: look at one more
    return (
        report if found is None else _with_step(report, found, at, len(taken), pair.wiring.states)
    )


def _with_step(
    report: Report, alone: Report, t: int, steps: int, states: Collection[str]
) -> Report:  # fmt: skip
    entries = dict(report.entries)
    carried = [n for n in states if n in alone.entries and alone[n].verdict == "wrong"]
    for name, entry in report.entries.items():
        own = alone.entries.get(name)
        if entry.verdict != "wrong" or own is None:
            continue
        if own.verdict == "wrong":
            at = _in_words(t, steps)
            diagnoses = _dated(own, t)
            entries[name] = dataclasses.replace(
                entry, diagnoses=diagnoses, note=joined(at, own.note)
            )
        elif own.verdict == "correct":
            text = _(
                "each step alone is right, given what arrives: mend the gradient of {name} first",
                name=", ".join(carried) or alone.first_wrong,
            )
            entries[name] = dataclasses.replace(entry, note=text, follows=True)
    notes = tuple(n for n in alone.notes if n not in report.notes)[1:]
    return dataclasses.replace(
        report, entries=entries, first_wrong=alone.first_wrong, notes=(*report.notes, *notes)
    )


def _in_words(t: int, steps: int) -> str:
    return _("step {t} of {steps} is the first one wrong, from the loss", t=t + 1, steps=steps)


def _dated(entry: Entry, t: int) -> tuple[Any, ...]:
    return tuple(
        dataclasses.replace(d, detail={**d.detail, "step": t + 1}) for d in entry.diagnoses
    )


def _arriving(
    pair: Unrolled, x: Array, taken: list[dict[str, Any]], t: int, upstream: Array,
    tape: Tape | None,
) -> Array | None:  # fmt: skip
    """The right gradients at the output and at the other states of a step, one after the other."""
    later = {n: np.zeros(np.shape(taken[t][n])) for n in pair.wiring.states}
    if t + 1 < len(taken):
        now = taken[t + 1]
        for name in later:
            known = None if tape is None else tape.names.get(state_at(name, t + 1))
            if tape is not None and known is not None:
                found = tape.gradients(upstream).get(known)
                later[name] = later[name] if found is None else found
                continue
            if now[name].size > FULL:
                return None

            def f(z: Array, name: str = name) -> float:
                y = pair.forward(x[t + 1 :], {**now, name: z})[0]
                return float((y * upstream[t + 1 :]).sum())

            later[name] = derivative(f, np.asarray(now[name], float))[0]
            if pair.wiring.states[name] == pair.wiring.output:
                later[name] = later[name] + upstream[t]
    else:
        later |= {n: upstream[t] for n, k in pair.wiring.states.items() if k == pair.wiring.output}
    output = [g for n, g in later.items() if pair.wiring.states[n] == pair.wiring.output]
    parts = [output[0] if output else upstream[t]]
    parts += [g for n, g in later.items() if pair.wiring.states[n] != pair.wiring.output]
    return np.concatenate([np.ravel(g) for g in parts])


# --- layers that go through time themselves ----------------------------------------------------


def by_length(
    subject: Handwritten, report: Report, axis: int | None, steps: int, judge: Judge,
    rng: np.random.Generator,
) -> Report:  # fmt: skip
    """The report on a recurrent layer, its mistakes told by the shortest sequence that shows them.

    One step alone has nothing that is carried, two have one way back: what is wrong there is soon
    found, and what is right there follows from something else.
    """
    found: Report | None = None
    for length in range(1, steps):
        short = _shortened(subject, length, axis, steps)
        try:
            output = short.output(short.values)
            free = subject.takes_upstream and not subject.is_loss
            upstream = signed(rng, output.shape) if free else np.ones(output.shape)
            alone = judge(short, output, upstream)
        except StudentError:
            continue
        wrong = [e for e in alone if e.verdict == "wrong" and e.name in report.entries]
        if found is None and wrong:
            found, least = alone, length
        elif found is not None:
            found = _also(found, alone)
        if found is not None and length > least:
            break
    return report if found is None else _of_a_length(report, found, least, steps)


def _also(found: Report, longer: Report, first: bool = False) -> Report:
    """A report, with what a longer sequence tells as well before what it does not.

    One step alone may start from zeros, where much is the same. With ``first``, what the other
    report tells comes before its own in any case.
    """
    entries, anywhere = dict(found.entries), {_key(d) for e in longer for d in e.diagnoses}
    for name, entry in found.entries.items():
        other = longer.entries.get(name)
        if entry.verdict != "wrong" or other is None:
            continue
        known = {_key(d) for d in other.diagnoses} or anywhere
        both = tuple(d for d in entry.diagnoses if _key(d) in known and not first)
        diagnoses = both or (*other.diagnoses, *entry.diagnoses)
        entries[name] = dataclasses.replace(entry, diagnoses=diagnoses)
    return dataclasses.replace(found, entries=entries)


def _key(d: Diagnosis) -> tuple[str, Any]:
    return d.kind, d.detail.get("operation")


def _of_a_length(report: Report, alone: Report, length: int, steps: int) -> Report:
    """The report with what a shorter sequence tells."""
    at = _("right for T = {n}, wrong for T = {m}", n=length - 1, m=length) if length > 1 else ""
    nothing = not any(np.any(e.hand) for e in alone if e.hand is not None)
    entries = dict(report.entries)
    for name, entry in report.entries.items():
        own = alone.entries.get(name)
        if entry.verdict != "wrong" or own is None:
            continue
        if own.verdict == "wrong":
            note, diagnoses = joined(at, own.note), _dated(own, steps - length)
            if nothing and np.any(entry.hand):
                text = _("the first of the steps is missing: does the loop over them reach it?")
                diagnoses = (Diagnosis("missing_branch", text, {"step": 1}),)
            entries[name] = dataclasses.replace(entry, diagnoses=diagnoses, note=note)
        elif own.verdict == "correct" and alone.first_wrong is not None:
            text = _(
                "right for T = {m}, where the gradient of {name} is wrong: mend that first",
                m=length,
                name=alone.first_wrong,
            )
            entries[name] = dataclasses.replace(entry, note=text, follows=True)
    return dataclasses.replace(report, entries=entries, first_wrong=alone.first_wrong)


def _shortened(subject: Handwritten, length: int, axis: int | None, steps: int) -> Handwritten:
    """The same layer with the first steps of its sequence."""

    def cut(name: str, x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            return x[:length] if len(x) == steps else x
        if not isinstance(x, np.ndarray):
            return x
        along = axis if axis is not None and name == subject.main else None
        if along is None and x.dtype.kind in "iub":
            along = next((a for a in (axis or 0, 0) if x.shape[a : a + 1] == (steps,)), None)
        return x if along is None else np.take(x, range(length), along)

    short = copy.copy(subject)
    short.reuse, short.ignored = None, subject.ignored
    short.arguments = {n: cut(n, x) for n, x in subject.arguments.items()}
    gone = [
        value for value, (name, path) in subject.argument_of.items()
        if path and isinstance(subject.arguments[name], (list, tuple))
        and len(subject.arguments[name]) == steps and path[0] >= length
    ]  # fmt: skip
    short.argument_of = {v: place for v, place in subject.argument_of.items() if v not in gone}
    short.values = {v: x for v, x in subject.values.items() if v not in gone}
    if "input" in short.values:
        short.values["input"] = cut(subject.main, subject.values["input"])
    short.order = subject.order if not gone else None
    return short


def sequence_of(subject: Handwritten, tape: Tape) -> tuple[int | None, int] | None:
    """The axis of the input, if it is one, along which a layer goes through time; how many steps.

    None where it does not, or where that is not known.
    """
    found = time_axis(tape, "input")
    if found is not None:
        axis, backwards = found
        return None if backwards else (axis, tape.nodes[tape.names["input"]].shape[axis])
    by_index = _gone_through(tape, subject.arguments[subject.main]) if recurs(tape) else None
    if by_index is not None:
        return by_index
    given = subject.arguments.values()
    lists: list[Any] = [x for x in given if isinstance(x, (list, tuple))]
    lists += [x for x in given  # classes, step by step
              if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.ndim == 1]  # fmt: skip
    steps = {len(x) for x in lists}
    return (None, steps.pop()) if len(steps) == 1 and recurs(tape) else None


def _gone_through(tape: Tape, classes: Any) -> tuple[int, int] | None:
    """The axis of integers ``(N, T)`` whose columns, or rows, are taken as indices one by one."""
    if not isinstance(classes, np.ndarray) or classes.dtype.kind not in "iu" or classes.ndim != 2:
        return None
    taken = (i for i in range(len(tape.nodes)) if tape.operation(i) == "getitem")
    used = [tape.arguments(i)["index"] for i in taken]
    for axis in (0, 1):
        steps = np.moveaxis(classes, axis, 0)
        if all(any(np.array_equal(step, u) for u in used) for step in steps):
            return axis, len(steps)
    return None


def dated(report: Report, tape: Tape) -> Report:
    """The report on a recurrent layer, with the first wrong step of gradients that have steps."""
    entries = dict(report.entries)
    for name, entry in report.entries.items():
        true, hand = entry.autograd, entry.hand
        if entry.verdict != "wrong" or true is None or hand is None or hand.shape != true.shape:
            continue
        if any("step" in d.detail for d in entry.diagnoses):
            continue
        found = time_axis(tape, name)
        if found is None:
            continue
        axis, backwards = found
        off = np.abs(np.asarray(hand, float) - true) > 1e-6 * np.abs(true).max(initial=0.0)
        wrong = np.flatnonzero(off.any(tuple(a for a in range(true.ndim) if a != axis)))
        if len(wrong):
            t = int(wrong[0] if backwards else wrong[-1])
            note = joined(_in_words(t, true.shape[axis]), entry.note)
            entries[name] = dataclasses.replace(entry, diagnoses=_dated(entry, t), note=note)
    return dataclasses.replace(report, entries=entries)
