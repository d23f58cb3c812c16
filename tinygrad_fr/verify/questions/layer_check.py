"""The verification of one layer, step by step."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...autograd.tensor import Tensor
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..causes.case import Case
from ..causes.diagnosis import diagnose, what_is_known
from ..handwritten.calls import StudentError, as_upstream
from ..handwritten.failures import about_labels
from ..handwritten.gradients import Call
from ..handwritten.onehot import under_one_hot
from ..handwritten.parts import Handwritten, OutOfTimeError
from ..handwritten.recognition import recognised
from ..handwritten.reference import against
from ..handwritten.repeatability import (
    not_proportional,
    order_of_calls,
    random_backward,
    repeatable,
)
from ..handwritten.state import stale
from ..truth.comparison import close, compare, confirm, granted, rounded, sampled
from ..truth.differences import FULL, Counted, signed
from ..truth.limits import hidden_by, redrawn
from ..truth.subgradients import Kinks, at_kinks, by_convention, sampled_kinks
from ..truth.uncertainty import is_rounded, of_a_rounded_forward, of_an_update

# Seconds of forward computations that one gradient may cost, and the most entries for them.
SECONDS, MOST = 4.0, 5000
# Seconds after which no forward is computed any more for a closer look at a gradient.
PATIENCE = 20.0

T = TypeVar("T")


class LayerCheck:
    """The verification of one layer."""

    def __init__(
        self, subject: Handwritten, upstream: Any, rtol: float, atol: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.subject, self.rtol, self.atol, self.rng = subject, rtol, atol, rng
        self.until = time.perf_counter() + PATIENCE
        self.notes: list[str] = []
        self.hidden: list[str] = []
        self.values = subject.values
        self.output = subject.output(self.values)
        if upstream is not None:
            self.upstream = as_upstream(upstream, self.output.shape)
        elif subject.is_loss or not (subject.takes_upstream or subject.pointwise):
            self.upstream = np.ones(self.output.shape)
        else:
            self.upstream = signed(rng, self.output.shape)

    def report(self, reference: Any) -> Report:
        """All entries, with what is hidden and the notes."""
        entries: dict[str, Entry] = {}
        if reference is not None:
            entries["output"] = against(reference, self.subject, self.output, self.rtol, self.atol)
        reason = repeatable(self.subject, self.output, self.notes)
        if not self.output.size:
            reason = _("the output is empty: nothing of a gradient can be judged")
        if not reason:
            call = self.subject.gradients(self.values, self.upstream)
            reason = random_backward(self.subject, call, self.upstream)
        if reason:
            self.subject.forget_constants(())
            for name in self.values or ("input",):
                entries[name] = Entry(name, "inconclusive", note=reason)
            return Report(entries, tuple(self.hidden), None, tuple(self.notes))
        constants = self.subject.forget_constants(call.gradients)
        if constants:
            text = _("taken for constants, as they have no gradient: {names}")
            self.notes.append(text.format(names=", ".join(constants)))
        notes, hidden = order_of_calls(self.subject, call, self.output, self.upstream, self.rng)
        self.notes += notes
        self.hidden += hidden
        self.hidden += not_proportional(self.subject, call, self.upstream)
        self.changed_input = call.changed_input
        if self.subject.several_upstreams:
            text = _("the gradients of all outputs but the first were given as zeros")
            self.hidden.append(text)
        self.reference = self._recognise(self.values)
        f = self.tape_of(self.values)
        with Counted(self._value) as counted:
            self.counted = counted
            for name in self.values:
                entries[name] = self._entry(name, call, f)
            if self.subject.takes_upstream:
                entries = self._within_time(lambda: self._under_one_hot(entries), entries)
        known = (self.subject, call, self.upstream, entries, self.notes, self.tape_of, self.rng)
        self._within_time(partial(stale, *known), None)
        for name in call.idle:
            note = _("it has a gradient, but the forward does not depend on it in this place")
            entries[name] = Entry(name, "inconclusive", note=note)
        for name in call.orphans:
            note = _("not judged: no weight of that name is on the object; keep it there")
            entries[name] = Entry(name, "inconclusive", note=note)
        if not self.values:
            note = _("there is nothing to judge: no input and no parameter with real numbers")
            entries["input"] = Entry("input", "inconclusive", note=note)
        self.notes.insert(0, _("{n} evaluations of the forward", n=counted.count))
        if any(getattr(v, "dtype", None) == np.float32 for v in self.subject.arguments.values()):
            self.notes.append(_("float32 inputs were promoted to float64"))
        self.hidden += hidden_by(f, self.values, None)
        wrong = [n for n, e in entries.items() if e.verdict == "wrong"]
        if wrong and (text := about_labels(self.subject)):
            self.notes.append(text)
        first = wrong[0] if wrong else None
        if f is not None and first != "output":
            first = f.nearest(wrong)
        return Report(entries, tuple(self.hidden), first, tuple(self.notes))

    def _within_time(self, look: Callable[[], T], otherwise: T) -> T:
        """What a closer look gives, if the forward is not too slow for it."""
        before, self.subject.deadline = self.subject.deadline, self.until
        try:
            return look()
        except OutOfTimeError:
            text = _("the forward is slow: the diagnosis was cut short")
            if text not in self.notes:
                self.notes.append(text)
            return otherwise
        finally:
            self.subject.deadline = before

    def _value(self, values: Mapping[str, Array]) -> float:
        return float((self.subject.output(values) * self.upstream).sum())

    def _recognise(self, values: Mapping[str, Array]) -> Any:
        if "input" not in values:
            return None
        other = redrawn(values, self.rng)
        try:
            outputs = [self.subject.output(v) for v in (values, other)]
        except StudentError:
            return None
        return recognised([values, other], outputs, self.subject.constants)

    def tape_of(self, values: Mapping[str, Array]) -> Tape | None:
        """The recorded graph of the layer, if it is a known one."""
        if self.reference is None:
            return None
        y = self.reference({n: Tensor(v, requires_grad=True, name=n) for n, v in values.items()})
        if y.requires_grad and y._name is not None:  # an identity
            return None
        return Tape(y) if y.requires_grad else None

    def _truth(self, name: str, tape: Tape | None) -> tuple[Entry, Array | None]:
        """The right gradient: recorded on a known layer and confirmed, or by finite differences."""
        f, x, entry = partial(self._moved, name), self.values[name], Entry(name, "inconclusive")
        recorded = None if tape is None else tape.gradient(name, self.upstream)
        self.rounded = is_rounded(f, x)
        if self.rounded:
            return entry, recorded
        zero = np.zeros(x.shape)
        if tape is not None:
            recorded = zero if recorded is None else recorded
            full = 64 if self._seconds() > 1e-3 else FULL
            truth = confirm(entry, f, x, recorded, 1e-5, self.atol, self.rng, full)
            if truth.verdict == "correct":
                return truth, recorded
            if truth.verdict == "wrong" and truth.numeric is not None:
                numeric = np.where(np.isnan(truth.numeric), recorded, truth.numeric)
                kinks = self._kinks(name, numeric, recorded, found_only=True)
                if kinks is not None and kinks.found:
                    return truth, recorded
        if x.size <= self._affordable():
            truth = confirm(entry, f, x, zero, 1e-5, self.atol, self.rng, MOST)
            return truth, truth.numeric
        return confirm(entry, f, x, zero, 1e-5, self.atol, self.rng, 0), None

    def _moved(self, name: str, z: Array) -> float:
        """The function of one value alone; NaN where the forward fails."""
        try:
            return float(self.counted({**self.values, name: z}))
        except StudentError:
            return np.nan

    def _seconds(self) -> float:
        start = time.perf_counter()
        self.subject.output(self.values)
        return time.perf_counter() - start

    def _affordable(self) -> int:
        return int(min(MOST, max(100, SECONDS / (8 * max(self._seconds(), 1e-6)))))

    def _entry(self, name: str, call: Call, tape: Tape | None) -> Entry:
        if name not in call.gradients:
            if name == "input" and not call.gradients:
                note = _("the backward returns nothing and stores nothing: is a return missing?")
                return Entry(name, "inconclusive", note=note)
            if name == "input":
                note = _("the layer returns no gradient for its input: accepted for a first layer")
                return Entry(name, "correct", note=note)
            note = _("no gradient was found: returned, stored or seen in an update")
            return Entry(name, "inconclusive", note=note)
        mine = call.gradients[name]
        truth, true = self._truth(name, tape)
        base = Entry(name, "correct", true, truth.numeric, mine)
        claimed, x, f = np.asarray(mine, float), self.values[name], partial(self._moved, name)
        if true is None and self.rounded:
            verdict, note = of_a_rounded_forward(f, x, claimed, self.rng)
            return dataclasses.replace(base, verdict=verdict, note=note)
        if true is None:
            entry = sampled(base, f, x, self.atol, self.rng)
            if entry.verdict == "wrong" and np.shape(mine) == x.shape:
                return self._within_time(lambda: sampled_kinks(entry, f, x, self.rng), entry)
            return entry
        if not np.isfinite(true).all():
            note = _("the forward is not finite around this point")
            return dataclasses.replace(base, verdict="inconclusive", note=note)
        rtol = granted(mine, max(self.rtol, 1e-4 * self.rounded))
        # What finite differences alone can tell, or the recovery from an update.
        if tape is None or truth.verdict != "correct":
            rtol = max(rtol, 3e-6)
        if call.sources[name] == "update":
            scale = float(np.abs(x).max(initial=0.0))
            rtol = max(rtol, 4e-16 * scale / max(float(np.abs(true).max(initial=0.0)), 1e-300))
        if claimed.shape == true.shape:
            error = np.array(1e-11 * max(1.0, float(np.abs(self.upstream).max(initial=0.0))))
            if tape is not None and truth.verdict == "correct":  # the truth is exact
                error = error * 1e-3
            base = compare(base, claimed, true, error, rtol, self.atol)
            if base.verdict == "correct":
                return self._said(rounded(base, mine), call)
            kinks = self._kinks(name, claimed, true, rtol)
            if (kinks is not None and kinks.accepted) or by_convention(
                tape, name, claimed, self.upstream, rtol
            ):
                note = _("not differentiable here; the gradient is one of the subgradients")
                return dataclasses.replace(base, verdict="kink", note=note)
            if kinks is None:
                note = _("the forward is too slow to tell whether it is differentiable here")
                base = dataclasses.replace(base, verdict="inconclusive", note=note)
            if base.verdict == "inconclusive":
                return base
            if call.sources[name] == "update":
                known = self.subject.asks_rate or self.subject.rate_is_known
                doubt = of_an_update(claimed, true, known, name in call.with_momentum)
                if doubt:
                    return dataclasses.replace(base, verdict="inconclusive", note=doubt)
        else:
            base = dataclasses.replace(
                base, verdict="wrong", max_rel_error=np.inf, max_abs_error=np.inf
            )
        return self._within_time(lambda: self._diagnosed(base, call, tape, true, rtol), base)

    def _kinks(
        self, name: str, claimed: Array, true: Array, rtol: float = 1e-6, found_only: bool = False
    ) -> Kinks | None:
        """What is at the entries that differ; None if the forward is too slow for it."""
        f, x = partial(self._moved, name), self.values[name]
        share = min(1.0, PATIENCE / (40000 * max(self._seconds(), 1e-6)))
        return self._within_time(
            lambda: at_kinks(f, x, claimed, true, self.rng, rtol, False, share, found_only), None
        )

    def _said(self, entry: Entry, call: Call) -> Entry:
        words = {
            "stored": _("found as a stored array"),
            "update": _("recovered from the update of the weights"),
            "optimizer": _("as handed to the optimizer"),
        }
        return dataclasses.replace(entry, note=words.get(call.sources[entry.name], ""))

    def _diagnosed(
        self, entry: Entry, call: Call, tape: Tape | None, true: Array, rtol: float
    ) -> Entry:
        case = self._case(
            entry.name, np.asarray(entry.hand, float), true, tape, self.values, self.upstream, rtol,
            call.gradients,
        )  # fmt: skip
        diagnoses = self._changed_in_place(case) or diagnose(case, self._again(entry.name, rtol))
        whole = any(
            d.kind == "sign" and not {"subset", "operation"} & set(d.detail) for d in diagnoses
        )
        if call.sources[entry.name] == "update" and whole:
            text = _("or the update goes up the slope: W += lr * dW in place of W -= lr * dW")
            told = tuple(
                dataclasses.replace(d, explanation=joined(d.explanation, text))
                if d.kind == "sign"
                else d
                for d in diagnoses
            )
            diagnoses = (*told, Diagnosis("ascent", text, {}, 0.5))
        note = entry.note if diagnoses else joined(entry.note, what_is_known(case))
        swapped = all(d.kind == "wrong_shape" for d in diagnoses)
        if call.sources[entry.name] == "returned" and entry.shape != true.shape and swapped:
            other = [n for n, v in self.values.items() if v.shape == entry.shape]
            if other:
                text = _(
                    "it has the shape of {other}: are the returned gradients in another order?"
                )
                note = joined(note, text.format(other=", ".join(other)))
        return dataclasses.replace(entry, diagnoses=diagnoses, note=note)

    def _case(
        self, name: str, mine: Array, true: Array, tape: Tape | None, values: Mapping[str, Array],
        upstream: Array, rtol: float, hands: Mapping[str, Array],
    ) -> Case:  # fmt: skip
        others = {k: np.asarray(v) for k, v in self.subject.constants.items()}
        known = {k: v for k, v in others.items() if v.dtype.kind in "fiu"}
        if self.subject.asks_rate:
            known["lr"] = np.array(1.0)  # what the backward is called with
        elif self.subject.rate is not None:
            known["lr"] = np.array(self.subject.rate)
        expanded = tape.expanded() if tape is not None else None
        if expanded is not None and name not in expanded.names:
            expanded = None
        return Case(
            name, mine, true, values[name], {"upstream": upstream, **values, **known}, expanded,
            upstream, {}, rtol, f=partial(self._moved, name), hands=hands,
        )  # fmt: skip

    def _changed_in_place(self, case: Case) -> tuple[Diagnosis, ...]:
        """Whether the gradient is that at the input as the layer has left it."""
        if self.changed_input is None or case.tape is None:
            return ()
        moved = self.tape_of({**self.values, "input": self.changed_input})
        g = None if moved is None else moved.gradient(case.name, self.upstream)
        if g is None or not close(case.hand, g, 1e-6):
            return ()
        text = _("computed from the cached input after it was changed in place: cache a copy")
        return (Diagnosis("stale_cache", text),)

    def _again(self, name: str, rtol: float) -> list[Case]:
        """The same layer with other random values and another upstream gradient."""
        values = redrawn(self.values, self.rng)
        tape = self.tape_of(values)
        if tape is None:
            return []
        upstream = self.upstream
        if (upstream != 1).any():  # what is zero stays so
            upstream = signed(self.rng, upstream.shape) * (upstream != 0)
        try:
            call = self.subject.gradients(values, upstream)
        except StudentError:
            return []
        g = tape.gradient(name, upstream)
        if g is None or name not in call.gradients:
            return []
        mine = np.asarray(call.gradients[name], float)
        return [self._case(name, mine, g, tape, values, upstream, rtol, call.gradients)]

    def _under_one_hot(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """The entries, where the backward may follow 000's recipe."""
        dense, tape = self.upstream, self.tape_of(self.values)

        call = partial(self.subject.gradients, self.values)

        def judged(name: str, upstream: Array) -> Entry:
            self.upstream = upstream
            return self._entry(name, call(upstream), tape)

        try:
            return under_one_hot(entries, dense, call, judged, self.notes, self.rng)
        except StudentError:
            return entries
        finally:
            self.upstream = dense
