"""The gradients of one layer, judged one by one on some values and with one upstream gradient."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, joined
from ..handwritten.calls import StudentError
from ..handwritten.evaluation import Evaluation
from ..handwritten.failures import found_in, missing
from ..handwritten.gradients import Call, gradients_of
from ..handwritten.onehot import under_one_hot
from ..handwritten.parts import OutOfTimeError
from ..handwritten.reading import blamed
from ..handwritten.updates import of_the_step
from ..truth.comparison import Truth, close, granted, sampled
from ..truth.differences import FULL
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
from .judgement import Claim, compared, explained, undecided

# Seconds of forward computations that one gradient may cost, and the most entries for them.
SECONDS, MOST = 4.0, 5000
# Seconds after which no forward is computed any more for a closer look at a gradient.
PATIENCE = 20.0

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Inquiry:
    """The gradients of one layer, judged on some values and with one upstream gradient."""

    at: Evaluation
    rtol: float
    atol: float
    rng: np.random.Generator
    notes: list[str]
    until: float  # no forward is computed after that for a closer look
    reasons: bool = True  # whether they are looked for

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
        if not self.reasons:
            return entry
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
