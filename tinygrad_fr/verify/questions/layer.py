"""Layers written by hand in plain NumPy, against the numeric derivative of their own forward."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ... import checks
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..handwritten.calls import StudentError, as_upstream
from ..handwritten.evaluation import Evaluation
from ..handwritten.failures import about_labels, failed, found_in, missing, not_judged
from ..handwritten.gradients import Call, gradients_of
from ..handwritten.here import subject_of
from ..handwritten.onehot import under_one_hot
from ..handwritten.parts import Handwritten, OutOfTimeError
from ..handwritten.reading import blamed, settle
from ..handwritten.recognition import Recognised
from ..handwritten.reference import against, function_of, referred
from ..handwritten.state import (
    not_proportional,
    not_repeatable,
    order_of_calls,
    random_backward,
    stale,
    trivial,
)
from ..handwritten.there import There
from ..handwritten.updates import of_the_step
from ..repairs.asking import seconds_of, with_repairs
from ..repairs.layers import asked_of
from ..truth.comparison import Truth, close, granted, sampled
from ..truth.differences import FULL, Counted, signed
from ..truth.limits import hidden_by
from ..truth.subgradients import Kinks, sampled_kinks
from ..truth.tolerances import (
    ASKED,
    BY_DIFFERENCES,
    NOISE,
    RECORDED_NOISE,
    RIGHT_IN_FLOAT32,
    ROUNDING,
    TINY,
    UPDATE,
)
from ..truth.uncertainty import is_rounded, of_a_rounded_forward, of_an_update
from ..vocabulary import FORWARD, members
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
    returns: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
    repair: bool | float = True,
) -> Report:
    """Check a layer, activation or loss that someone wrote with plain NumPy, unchanged.

    Parameters
    ----------
    layer
        An object with a forward and a backward under usual names (``forward`` / ``backward``,
        ``backprop``, ``backward_pass``, ``__call__`` / ``gradient``, ``loss`` / ``gradient``,
        ...); a class made without arguments; a pair of functions, ``(forward, backward)``; or one
        function that returns ``(loss, gradients)`` or ``(output, backward)``.
    x
        Its input; a tuple for a forward of several arguments (a loss: in the order in which it
        takes them; functions: input, then parameters). Arrays in dicts, lists and named tuples
        are differentiated, too.
    upstream
        The gradient at its output; random and signed if None (ones for a loss).
    forward, backward
        The names of the methods, or functions, where they are not found.
    parameters
        The names of the attributes (or keys of dicts) that are parameters.
    reference
        An operation, Module or function that the forward should equal, or that stands for it where
        there is only a backward.
    returns
        What the backward returns, in order: ``("dW", "db", "dx")``, or the names of the values;
        None for what is no gradient. By the names in its ``return`` if not given.
    rtol, atol
        As for :func:`hand`.
    seed
        Of the random numbers.
    repair
        Whether to look for the smallest edit of the code that makes it right, in a process of its
        own; a number is for how many seconds, 3 if True.

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
    rng = np.random.default_rng(checks.seed(seed))
    repair = seconds_of(repair)
    rtol, atol = checks.positive(rtol, "rtol", zero=True), checks.positive(atol, "atol", zero=True)
    for name, value in (("parameters", parameters), ("returns", returns)):
        if not isinstance(value, (str, list, tuple, set, type(None))):
            raise ArgumentError("{name}= takes names, not {value!r}", name=name, value=value)
    for name, value in (("forward", forward), ("backward", backward)):
        if not (value is None or isinstance(value, str) or callable(value)):
            text = _("{name}= takes the name of a method, or a function, not {value!r}")
            raise ArgumentError(text, name=name, value=value)
    there = isinstance(layer, There)
    if reference is not None and forward is None and not (there or members(layer, FORWARD)):
        forward, reference = function_of(reference), None  # it has only a backward
    try:
        made = layer if there else subject_of(layer, forward, backward, x)
        subject = Handwritten(made, x, parameters, returns)
        output = subject.output(subject.values)
    except StudentError as error:
        note = _("the forward fails on this input: {error}", error=error)
        return unjudged(["input"], note)
    if upstream is not None:
        upstream = as_upstream(upstream, output.shape)
    elif subject.is_loss or not (subject.takes_upstream or (subject.pointwise and output.ndim)):
        upstream = np.ones(output.shape)
    else:
        upstream = signed(rng, output.shape)
    try:
        report, recorded = _report(subject, output, upstream, reference, rtol, atol, rng)
    except StudentError as error:
        report, recorded = failed(subject, error), False
    if not repair:
        return report
    return with_repairs(report, asked_of(subject, report, output, upstream, recorded), repair)


def _report(
    subject: Handwritten, output: Array, upstream: Array, reference: Any, rtol: float, atol: float,
    rng: np.random.Generator,
) -> tuple[Report, bool]:  # fmt: skip
    """All entries, with what is hidden and the notes; and whether its graph is known."""
    entries: dict[str, Entry] = {}
    notes: list[str] = []
    if reference is not None:
        reference = function_of(reference)
        entries["output"] = against(reference, subject, output, rtol, atol, rng)
    reason = not_repeatable(subject, output, notes)
    if not output.size:
        reason = _("the output is empty: nothing of a gradient can be judged")
    if not reason:
        notes += settle(subject, upstream, rng)
        call = gradients_of(subject, subject.values, upstream)
        reason = random_backward(subject, call, upstream)
    if reason:
        subject.forget_constants(())
        found = entries | dict(unjudged(subject.values or ("input",), reason).entries)
        return Report(found, notes=tuple(notes)), False
    constants = subject.forget_constants(call.gradients)
    if call.unread:
        text = _("not judged: {n} of the results belong to no known value", n=call.unread)
        notes.append(text)
    if subject.ignored:
        names = ", ".join(subject.ignored)
        notes.append(_("not judged: the output does not depend on {names}", names=names))
    if constants:
        names = ", ".join(constants)
        notes.append(_("taken for constants, as they have no gradient: {names}", names=names))
    said, hidden = order_of_calls(subject, call, upstream, rng)
    notes += said
    hidden += not_proportional(subject, call, upstream)
    if subject.several_upstreams:
        hidden.append(_("the gradients of all outputs but the first were given as zeros"))

    as_asked = None if reference is None else partial(referred, reference, layer=subject)
    known = Recognised(subject, rng, as_asked)
    tape = known.tape(subject.values)
    with Counted(subject.output) as forward:
        at = Evaluation(subject, subject.values, upstream, known, forward, tape)
        look = Inquiry(at, rtol, atol, rng, notes, time.perf_counter() + PATIENCE)
        entries |= {name: look.entry(name, call) for name in subject.values}
        if subject.takes_upstream:
            entries = look.within_time(lambda: look.under_one_hot(entries), entries)
    look.within_time(
        lambda: stale(subject, call, upstream, entries, notes, known, rng, look.elsewhere), None
    )
    entries |= not_judged(subject, call)
    notes.insert(0, _("{n} evaluations of the forward", n=forward.count))
    notes += promotions(subject.arguments.values())
    hidden += hidden_by(tape, subject.values)
    if text := trivial(subject, output, rng):
        hidden.append(text)
    wrong = [n for n, e in entries.items() if e.verdict == "wrong"]
    doubtful = any(e.verdict in ("wrong", "inconclusive") for e in entries.values())
    if doubtful and (text := about_labels(subject)):
        notes.append(text)
    first = wrong[0] if wrong else None
    if tape is not None and first != "output":
        first = tape.nearest(wrong)
    return Report(entries, tuple(hidden), first, tuple(notes)), tape is not None


@dataclasses.dataclass(frozen=True)
class Inquiry:
    """The gradients of one layer, judged on some values and with one upstream gradient."""

    at: Evaluation
    rtol: float
    atol: float
    rng: np.random.Generator
    notes: list[str]
    until: float  # no forward is computed after that for a closer look

    def entry(self, name: str, call: Call) -> Entry:
        """The verdict on one gradient, with its reasons."""
        if name not in call.gradients:
            return missing(name, call)
        mine, x, layer = call.gradients[name], self.at.values[name], self.at.layer
        f = partial(self.at.moved, name)
        claim = LayerClaim(
            name, mine, f, x, self.rng, granted(mine, self.rtol), self.atol, self.at.tape,
            self.at.upstream, self,
        )  # fmt: skip
        truth, claimed = self._truth(claim), np.asarray(mine, float)
        entry = Entry(name, "correct", truth.value, truth.numeric, mine)
        if truth.value is None and truth.rounded:
            verdict, note, estimate = of_a_rounded_forward(f, x, claimed)
            entry = dataclasses.replace(entry, verdict=verdict, note=note, autograd=estimate)
            if verdict != "wrong" or estimate is None:
                return entry
            return self.within_time(lambda: self._explained(entry, call, RIGHT_IN_FLOAT32), entry)
        if truth.value is None:
            entry = sampled(entry, f, x, self.atol, self.rng)
            if entry.verdict == "wrong" and claimed.shape == x.shape:
                return self.within_time(lambda: sampled_kinks(entry, f, x, self.rng), entry)
            return entry
        if not np.isfinite(truth.value).all():
            return undecided(entry, _("the forward is not finite around this point"))
        rtol = max(claim.rtol, ROUNDING["f"] * truth.rounded, BY_DIFFERENCES * (not truth.exact))
        update, largest = call.sources[name] == "update", float(np.abs(truth.value).max(initial=0))
        if update:
            weights = float(np.abs(x).max(initial=0.0))
            rtol = max(rtol, UPDATE * weights / max(largest, TINY))
        entry = compared(dataclasses.replace(claim, rtol=rtol), truth)
        if entry.verdict == "correct":
            entry = dataclasses.replace(entry, note=found_in(call.sources[name]))
            return of_the_step(entry, layer, call)
        size = self.at.upstream.size
        if layer.is_loss and size > 1 and close(size * claimed, truth.value, rtol):
            text = _("right for the mean of the losses; the forward gives one loss per example")
            return dataclasses.replace(entry, verdict="correct", note=text)
        if entry.verdict == "wrong" and update:
            sure = layer.asks_rate or layer.rate_is_known
            doubt = of_an_update(claimed, truth.value, sure, name in call.with_momentum)
            if doubt:
                return undecided(entry, doubt)
        if entry.verdict == "wrong" and (doubt := blamed(layer)):
            return undecided(entry, doubt)
        if entry.verdict == "wrong":
            return self.within_time(lambda: self._explained(entry, call, rtol), entry)
        return entry

    def _truth(self, claim: Claim) -> Truth:
        """The right gradient: recorded on a known layer and confirmed, or by finite differences."""
        noise = np.array(max(1.0, float(np.abs(self.at.upstream).max(initial=0.0))))
        recorded = None
        if self.at.tape is not None:
            recorded = self.at.tape.gradient(claim.name, self.at.upstream)
        if is_rounded(claim.f, claim.x):
            return Truth(recorded, NOISE * noise, rounded=True)
        seconds = self.at.seconds
        if self.at.tape is not None:
            recorded = np.zeros(claim.x.shape) if recorded is None else recorded
            truth = claim.confirmed(recorded, full=64 if seconds > 1e-3 else FULL, near=False)
            if truth.value is recorded:
                error = noise * (RECORDED_NOISE if truth.exact else NOISE)
                return dataclasses.replace(truth, error=error)
        affordable = min(MOST, max(100, SECONDS / (8 * seconds)))
        truth = claim.by_differences(MOST if claim.x.size <= affordable else 0)
        return dataclasses.replace(truth, error=NOISE * noise)

    def within_time(self, look: Callable[[], T], otherwise: T) -> T:
        """What a closer look gives, if the forward is not too slow for it."""
        before, self.at.layer.deadline = self.at.layer.deadline, self.until
        try:
            return look()
        except OutOfTimeError:
            text = _("the forward is slow: the diagnosis was cut short")
            if text not in self.notes:
                self.notes.append(text)
            return otherwise
        finally:
            self.at.layer.deadline = before

    @property
    def share(self) -> float:
        """The part of the entries that there is time to look at for kinks."""
        return min(1.0, PATIENCE / (40000 * self.at.seconds))

    def _explained(self, entry: Entry, call: Call, rtol: float) -> Entry:
        """A wrong gradient with the mistakes that explain it."""
        name, source, true = entry.name, call.sources[entry.name], entry.autograd
        assert true is not None
        if call.changed_input is not None:
            there = self.at.with_input(name, call.changed_input)
            if there is not None and close(np.asarray(entry.hand, float), there, ASKED):
                text = _(
                    "computed from the cached input after it was changed in place: cache a copy"
                )
                return dataclasses.replace(entry, diagnoses=(Diagnosis("stale_cache", text),))
        again = self.at.again(name, rtol, self.rng)
        entry = explained(entry, self.at.case(name, call, true, rtol), again)
        part = {"subset", "operation"}
        whole = any(d.kind == "sign" and not part & set(d.detail) for d in entry.diagnoses)
        if source == "update" and whole:
            text = _("or the update goes up the slope: W += lr * dW in place of W -= lr * dW")
            either = tuple(
                dataclasses.replace(d, explanation=joined(d.explanation, text))
                if d.kind == "sign" else d
                for d in entry.diagnoses
            )  # fmt: skip
            ascent = Diagnosis("ascent", text, {}, 0.5)
            return dataclasses.replace(entry, diagnoses=(*either, ascent))
        other = [n for n, v in self.at.values.items() if v.shape == entry.shape != true.shape]
        swapped = source == "returned" and all(d.kind == "wrong_shape" for d in entry.diagnoses)
        if other and swapped:
            text = _(
                "it has the shape of {other}: are the returned gradients in another order?",
                other=", ".join(other),
            )
            return dataclasses.replace(entry, note=joined(entry.note, text))
        return entry

    def elsewhere(self, name: str, values: Mapping[str, Array], call: Call) -> Entry:
        """The verdict on a gradient with other weights."""
        at = dataclasses.replace(self.at, values=values, tape=self.at.known.tape(values))
        return dataclasses.replace(self, at=at).entry(name, call)

    def under_one_hot(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """The entries, where the backward may follow 000's recipe."""
        of = partial(gradients_of, self.at.layer, self.at.values)

        def judged(name: str, upstream: Array) -> Entry:
            at = dataclasses.replace(self.at, upstream=upstream)
            return dataclasses.replace(self, at=at).entry(name, of(upstream))

        try:
            return under_one_hot(entries, self.at.upstream, of, judged, self.notes, self.rng)
        except StudentError:
            return entries


@dataclasses.dataclass(frozen=True)
class LayerClaim(Claim):
    """A gradient of a layer, whose forward may be slow."""

    look: Inquiry | None = None

    def kinks(self, claimed: Array, true: Array, **how: Any) -> Kinks | None:
        """What is at the entries that differ; None if the forward is too slow for it."""
        assert self.look is not None
        at = partial(super().kinks, claimed, true, share=self.look.share, **how)
        return self.look.within_time(at, None)
