"""Layers written by hand in plain NumPy, against the numeric derivative of their own forward."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..causes.case import Case
from ..handwritten.arguments import UPSTREAM
from ..handwritten.calls import StudentError, as_upstream
from ..handwritten.gradients import Call, gradients_of
from ..handwritten.here import subject_of
from ..handwritten.onehot import under_one_hot
from ..handwritten.parts import Handwritten, OutOfTimeError
from ..handwritten.recognition import Recognised
from ..handwritten.reference import against
from ..handwritten.state import (
    between_calls,
    not_proportional,
    not_repeatable,
    random_backward,
    stale,
)
from ..truth.comparison import Truth, close, granted, sampled
from ..truth.differences import FULL, Counted, derivative, signed
from ..truth.limits import hidden_by, redrawn
from ..truth.subgradients import sampled_kinks
from ..truth.tolerances import ASKED, BY_DIFFERENCES, NOISE, RECORDED_NOISE, ROUNDING, TINY, UPDATE
from ..truth.uncertainty import is_rounded, of_a_rounded_forward, of_an_update
from ..vocabulary import TARGET
from .judgement import Claim, compared, explained, promotions, undecided, unjudged

# Seconds of forward computations that one gradient may cost, and the most entries for them.
SECONDS, MOST = 4.0, 5000
# Seconds after which no forward is computed any more for a closer look at a gradient.
PATIENCE = 20.0

T = TypeVar("T")


def layer(
    layer: Any,
    x: Any,
    *,
    upstream: Any = None,
    forward: Any = None,
    backward: Any = None,
    parameters: Any = None,
    reference: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Check a layer, activation or loss that someone wrote with plain NumPy, unchanged.

    Parameters
    ----------
    layer
        An object with a forward and a backward under usual names (``forward`` / ``backward``,
        ``backprop``, ``backward_pass``, ``__call__`` / ``gradient``, ``loss`` / ``gradient``,
        ...); a class made without arguments; or a pair of functions, ``(forward, backward)``.
    x
        Its input; a tuple for a forward of several arguments (a loss: in the order in which it
        takes them; functions: input, then parameters).
    upstream
        The gradient at its output; random and signed if None (ones for a loss).
    forward, backward
        The names of the methods, or functions, where they are not found.
    parameters
        The names of the attributes (or keys of dicts) that are parameters.
    reference
        An operation, Module or function that the forward should equal.
    rtol, atol
        As for :func:`hand`.
    seed
        Of the random numbers.

    Returns
    -------
    Report
        Entries ``input``, the names of the parameters, and ``output`` with ``reference``.
        Gradients are those that the layer returns or stores, or those recovered from the update
        of its weights. The truth is the numeric derivative of its own forward.

    Raises
    ------
    ArgumentError
        If a method or parameter is not found.

    Examples
    --------
    >>> class Dense:
    ...     def __init__(self):
    ...         self.W = np.arange(6.0).reshape(3, 2)
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x @ self.W
    ...     def backward(self, d_out):
    ...         self.dW = self.x.T @ d_out / len(d_out)
    ...         return d_out @ self.W.T
    >>> report = layer(Dense(), np.random.default_rng(0).standard_normal((4, 3)))
    >>> report["input"].verdict, report["W"].diagnoses[0].detail["equals"]
    ('correct', '1/N')
    """
    rng = np.random.default_rng(seed)
    try:
        subject = Handwritten(subject_of(layer, forward, backward), x, parameters)
        output = subject.output(subject.values)
    except StudentError as error:
        note = _("the forward fails on this input: {error}", error=error)
        return unjudged(["input"], note)
    if upstream is not None:
        upstream = as_upstream(upstream, output.shape)
    elif subject.is_loss or not (subject.takes_upstream or subject.pointwise):
        upstream = np.ones(output.shape)
    else:
        upstream = signed(rng, output.shape)
    try:
        return _report(subject, output, upstream, reference, rtol, atol, rng)
    except StudentError as error:
        labels = _about_labels(subject, "arrays used as indices" in error.cause)
        entry = Entry("input", "wrong", note=joined(str(error), labels), max_rel_error=np.inf)
        return Report({"input": entry}, (), "input")


def _report(
    subject: Handwritten, output: Array, upstream: Array, reference: Any, rtol: float, atol: float,
    rng: np.random.Generator,
) -> Report:  # fmt: skip
    """All entries, with what is hidden and the notes."""
    entries: dict[str, Entry] = {}
    notes: list[str] = []
    if reference is not None:
        entries["output"] = against(reference, subject, output, rtol, atol)
    reason = not_repeatable(subject, output, notes)
    if not output.size:
        reason = _("the output is empty: nothing of a gradient can be judged")
    if not reason:
        call = gradients_of(subject, subject.values, upstream)
        reason = random_backward(subject, call, upstream)
    if reason:
        subject.forget_constants(())
        entries |= unjudged(subject.values or ("input",), reason).entries
        return Report(entries, notes=tuple(notes))
    constants = subject.forget_constants(call.gradients)
    if constants:
        names = ", ".join(constants)
        notes.append(_("taken for constants, as they have no gradient: {names}", names=names))
    if call.changed_input is not None:
        notes.append(_("the layer modifies its input in place: work on a copy of it"))
    hidden = between_calls(subject, call, upstream, rng)
    hidden += not_proportional(subject, call, upstream)
    if subject.several_upstreams:
        hidden.append(_("the gradients of all outputs but the first were given as zeros"))

    known, forward = Recognised(subject, rng), Counted(subject.output)
    tape, until = known.tape(subject.values), time.perf_counter() + PATIENCE
    look = Inquiry(
        subject, subject.values, upstream, known, tape, forward, rtol, atol, rng, notes, until
    )
    entries |= {name: look.entry(name, call) for name in subject.values}
    if subject.takes_upstream:
        entries = look.within_time(lambda: look.under_one_hot(entries), entries)
    look.within_time(lambda: stale(subject, call, upstream, entries, notes, rng), None)
    if not subject.values:
        text = _("there is nothing to judge: no input and no parameter with real numbers")
        call.unjudged["input"] = text
    for name, why in call.unjudged.items():
        entries[name] = Entry(name, "inconclusive", note=why)
    notes.insert(0, _("{n} evaluations of the forward", n=forward.count))
    notes += promotions(subject.arguments.values())
    hidden += hidden_by(tape, subject.values)
    wrong = [n for n, e in entries.items() if e.verdict == "wrong"]
    if wrong and (text := _about_labels(subject)):
        notes.append(text)
    first = wrong[0] if wrong else None
    if tape is not None and first != "output":
        first = tape.nearest(wrong)
    return Report(entries, tuple(hidden), first, tuple(notes))


def _about_labels(subject: Handwritten, sure: bool = False) -> str:
    """What a backward receives, where it is made to take a label; empty where it is not."""
    called = [name for name, role in subject.roles.items() if role == UPSTREAM]
    if subject.is_loss or not (sure or TARGET.intersection(called)):
        return ""
    return _(
        "the backward receives the gradient of the loss with respect to the output, and not a "
        "label: for a softmax fused with its cross entropy, let the forward take the label and "
        "return the loss"
    )


@dataclasses.dataclass(frozen=True)
class Inquiry:
    """The gradients of one layer, judged on some values and with one upstream gradient."""

    layer: Handwritten
    values: Mapping[str, Array]
    upstream: Array
    known: Recognised
    tape: Tape | None  # of the known layer on these values
    forward: Callable[..., Any]
    rtol: float
    atol: float
    rng: np.random.Generator
    notes: list[str]
    until: float  # no forward is computed after that for a closer look

    def entry(self, name: str, call: Call) -> Entry:
        """The verdict on one gradient, with its reasons."""
        if name not in call.gradients:
            return _missing(name, call)
        mine, x, f = call.gradients[name], self.values[name], partial(self.moved, name)
        seconds = self._seconds()
        share = min(1.0, PATIENCE / (40000 * seconds))
        claim = Claim(
            name, mine, f, x, self.rng, granted(mine, self.rtol), self.atol, self.tape,
            self.upstream, share,
        )  # fmt: skip
        truth, claimed = self._truth(claim, seconds), np.asarray(mine, float)
        entry = Entry(name, "correct", truth.value, truth.numeric, mine)
        if truth.value is None and truth.rounded:
            verdict, note = of_a_rounded_forward(f, x, claimed, self.rng)
            return dataclasses.replace(entry, verdict=verdict, note=note)
        if truth.value is None:
            entry = sampled(entry, f, x, self.atol, self.rng)
            if entry.verdict == "wrong" and claimed.shape == x.shape:
                return self.within_time(lambda: sampled_kinks(entry, f, x, self.rng), entry)
            return entry
        if not np.isfinite(truth.value).all():
            return undecided(entry, _("the forward is not finite around this point"))
        rtol = max(claim.rtol, ROUNDING["f"] * truth.rounded, BY_DIFFERENCES * (not truth.exact))
        update = call.sources[name] == "update"
        if update:
            weights, largest = (float(np.abs(a).max(initial=0.0)) for a in (x, truth.value))
            rtol = max(rtol, UPDATE * weights / max(largest, TINY))
        claim = dataclasses.replace(claim, rtol=rtol)
        slow = _("the forward is too slow to tell whether it is differentiable here")
        entry = self.within_time(lambda: compared(claim, truth), undecided(entry, slow))
        if entry.verdict == "correct":
            return dataclasses.replace(entry, note=_source(call.sources[name]))
        if entry.verdict == "wrong" and update:
            sure, momentum = self.layer.rate_is_known, name in call.with_momentum
            doubt = of_an_update(claimed, truth.value, sure, momentum)
            if doubt:
                return undecided(entry, doubt)
        if entry.verdict == "wrong":
            return self.within_time(lambda: self._explained(entry, call, rtol), entry)
        return entry

    def _truth(self, claim: Claim, seconds: float) -> Truth:
        """The right gradient: recorded on a known layer and confirmed, or by finite differences."""
        noise = np.array(max(1.0, float(np.abs(self.upstream).max(initial=0.0))))
        recorded = None if self.tape is None else self.tape.gradient(claim.name, self.upstream)
        if is_rounded(claim.f, claim.x):
            return Truth(recorded, NOISE * noise, rounded=True)
        if self.tape is not None:
            recorded = np.zeros(claim.x.shape) if recorded is None else recorded
            truth = claim.confirmed(recorded, full=64 if seconds > 1e-3 else FULL, near=False)
            if truth.value is recorded:
                error = noise * (RECORDED_NOISE if truth.exact else NOISE)
                return dataclasses.replace(truth, error=error)
        if claim.x.size > min(MOST, max(100, SECONDS / (8 * seconds))):
            return Truth(None, NOISE * noise)
        value, _error = derivative(claim.f, claim.x)
        return Truth(value, NOISE * noise, numeric=value)

    def moved(self, name: str, z: Array) -> float:
        """The weighted output as a function of one value alone; NaN where the forward fails."""
        try:
            return float((self.forward({**self.values, name: z}) * self.upstream).sum())
        except StudentError:
            return np.nan

    def _seconds(self) -> float:
        """What a forward takes now."""
        start = time.perf_counter()
        self.layer.output(self.values)
        return max(time.perf_counter() - start, 1e-6)

    def within_time(self, look: Callable[[], T], otherwise: T) -> T:
        """What a closer look gives, if the forward is not too slow for it."""
        before, self.layer.deadline = self.layer.deadline, self.until
        try:
            return look()
        except OutOfTimeError:
            text = _("the forward is slow: the diagnosis was cut short")
            if text not in self.notes:
                self.notes.append(text)
            return otherwise
        finally:
            self.layer.deadline = before

    # --- why it is wrong -----------------------------------------------------------------------

    def _explained(self, entry: Entry, call: Call, rtol: float) -> Entry:
        """A wrong gradient with the mistakes that explain it."""
        name, source, true = entry.name, call.sources[entry.name], np.asarray(entry.autograd)
        if call.changed_input is not None:
            tape = self.known.tape({**self.values, "input": call.changed_input})
            there = None if tape is None else tape.gradient(name, self.upstream)
            if there is not None and close(np.asarray(entry.hand, float), there, ASKED):
                text = _(
                    "computed from the cached input after it was changed in place: cache a copy"
                )
                return dataclasses.replace(entry, diagnoses=(Diagnosis("stale_cache", text),))
        entry = explained(entry, self._case(name, call, true, rtol), self._again(name, rtol))
        part = {"subset", "operation"}
        whole = any(d.kind == "sign" and not part & set(d.detail) for d in entry.diagnoses)
        if source == "update" and whole:
            text = _("or the update goes up the slope: W += lr * dW in place of W -= lr * dW")
            found = (*entry.diagnoses, Diagnosis("ascent", text, {}, 0.5))
            return dataclasses.replace(entry, note=joined(entry.note, text), diagnoses=found)
        other = [n for n, v in self.values.items() if v.shape == entry.shape != true.shape]
        unexplained = all(d.kind == "wrong_shape" for d in entry.diagnoses)
        if other and unexplained and source == "returned":
            text = _(
                "it has the shape of {other}: are the returned gradients in another order?",
                other=", ".join(other),
            )
            return dataclasses.replace(entry, note=joined(entry.note, text))
        return entry

    def _case(self, name: str, call: Call, true: Array, rtol: float) -> Case:
        """What the hypotheses get to see of a gradient."""
        others = {k: np.asarray(v) for k, v in self.layer.constants.items()}
        known = {k: v for k, v in others.items() if v.dtype.kind in "fiu"}
        if self.layer.rate is not None:
            known["lr"] = np.array(self.layer.rate)
        tape = self.tape.expanded() if self.tape is not None else None
        return Case(
            name, np.asarray(call.gradients[name], float), true, self.values[name],
            {"upstream": self.upstream, **self.values, **known},
            tape if tape is not None and name in tape.names else None, self.upstream, {}, rtol,
            f=partial(self.moved, name), hands=call.gradients,
        )  # fmt: skip

    def _again(self, name: str, rtol: float) -> list[Case]:
        """The same with other random values and another upstream gradient."""
        values = redrawn(self.values, self.rng)
        tape, upstream = self.known.tape(values), self.upstream
        if tape is None:
            return []
        if (upstream != 1).any():  # what is zero stays so
            upstream = signed(self.rng, upstream.shape) * (upstream != 0)
        try:
            call = gradients_of(self.layer, values, upstream)
        except StudentError:
            return []
        g = tape.gradient(name, upstream)
        if g is None or name not in call.gradients:
            return []
        other = dataclasses.replace(self, values=values, upstream=upstream, tape=tape)
        return [other._case(name, call, g, rtol)]

    def under_one_hot(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """The entries, where the backward may follow 000's recipe."""
        of = partial(gradients_of, self.layer, self.values)

        def judged(name: str, upstream: Array) -> Entry:
            return dataclasses.replace(self, upstream=upstream).entry(name, of(upstream))

        try:
            return under_one_hot(entries, self.upstream, of, judged, self.notes, self.rng)
        except StudentError:
            return entries


def _missing(name: str, call: Call) -> Entry:
    """What there is to say where no gradient was found."""
    if name == "input" and call.gradients:
        note = _("the layer returns no gradient for its input: accepted for a first layer")
        return Entry(name, "correct", note=note)
    note = _("no gradient was found: returned, stored or seen in an update")
    if name == "input":
        note = _("the backward returns nothing and stores nothing: is a return missing?")
    return Entry(name, "inconclusive", note=note)


def _source(source: str) -> str:
    """Where a gradient was found, in words."""
    words = {
        "stored": _("found as a stored array"),
        "update": _("recovered from the update of the weights"),
        "optimizer": _("as handed to the optimizer"),
    }
    return words.get(source, "")
