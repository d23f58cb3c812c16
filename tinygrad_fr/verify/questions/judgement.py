"""One judgement for all questions: truth, comparison, subgradients, cause, note."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...autograd.transforms import gradients
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..causes.case import Case
from ..causes.diagnosis import diagnose, what_is_known
from ..truth.comparison import Truth, compare, confirm, rounded
from ..truth.differences import FULL
from ..truth.subgradients import Kinks, as_kink, at_kinks, by_convention
from ..truth.tolerances import ASKED, CONFIRMED


@dataclass(frozen=True)
class Claim:
    """A gradient that somebody derived, and the function whose gradient it should be.

    Attributes
    ----------
    name : str
    mine : array
        As it was given: its dtype tells how far it may be rounded.
    f : callable
        Of the value alone: a number; several for a Jacobian.
    x : array
        The value.
    rng : numpy.random.Generator
    rtol, atol : float
    tape : Tape or None
        Where it is known how ``f`` is computed.
    upstream : array or None
        At the tape's output.
    """

    name: str
    mine: Array
    f: Callable[[Array], Any]
    x: Array
    rng: np.random.Generator
    rtol: float
    atol: float
    tape: Tape | None = None
    upstream: Array | None = None

    def kinks(self, claimed: Array, true: Array, **how: Any) -> Kinks | None:
        """What is at the entries that differ; None if there was no time to look."""
        return at_kinks(self.f, self.x, claimed, true, self.rng, **{"rtol": self.rtol, **how})

    def confirmed(
        self, recorded: Array, noise: float = 0.0, full: int = FULL, near: bool = True
    ) -> Truth:
        """A recorded gradient as the truth, or what finite differences say where they refute it.

        Where they differ at kinks only, both are right: a difference quotient is no derivative
        there.

        Parameters
        ----------
        noise
            What a difference quotient may be off by, absolute.
        full
            The largest array that is differentiated entry by entry.
        near
            Whether kinks within the steps of finite differences count, too.
        """
        entry = Entry(self.name, "correct", recorded)
        found = confirm(entry, self.f, self.x, recorded, CONFIRMED, self.atol, self.rng, full)
        none, numeric = np.zeros(recorded.shape), found.numeric
        if found.verdict == "wrong" and found.max_abs_error > noise and numeric is not None:
            there = np.where(np.isnan(numeric), recorded, numeric)
            kinks = self.kinks(there, recorded, rtol=ASKED, near=near, found_only=True)
            if kinks is None or not kinks.found:
                return Truth(numeric, none, numeric=numeric)
        return Truth(recorded, none, found.verdict == "correct", numeric=numeric)

    def by_differences(self, full: int) -> Truth:
        """The truth by finite differences alone; its value None for more than ``full`` entries."""
        entry, zero = Entry(self.name, "inconclusive"), np.zeros(self.x.shape)
        found = confirm(entry, self.f, self.x, zero, CONFIRMED, self.atol, self.rng, full)
        value = found.numeric if self.x.size <= full else None
        return Truth(value, zero, numeric=found.numeric)


def compared(claim: Claim, truth: Truth) -> Entry:
    """The verdict on a gradient, not yet its reasons: right, wrong, or one of the subgradients."""
    assert truth.value is not None
    claimed = np.asarray(claim.mine, float)
    entry = Entry(claim.name, "wrong", truth.value, truth.numeric, claim.mine, np.inf, np.inf)
    if claimed.shape != truth.value.shape:
        return entry
    entry = compare(entry, claimed, truth.value, truth.error, claim.rtol, claim.atol)
    if entry.verdict == "correct":
        return rounded(entry, claim.mine)
    kinks = claim.kinks(claimed, truth.value)
    if (kinks is not None and kinks.accepted) or (
        claim.upstream is not None
        and by_convention(claim.tape, claim.name, claimed, claim.upstream, claim.rtol)
    ):
        return as_kink(entry)
    if kinks is None:
        return undecided(
            entry, _("the forward is too slow to tell whether it is differentiable here")
        )
    return entry


def explained(entry: Entry, case: Case, again: Iterable[Case] = ()) -> Entry:
    """A wrong gradient with the mistakes that explain it, or with what is known of it."""
    diagnoses = diagnose(case, again)
    note = entry.note if diagnoses else joined(entry.note, what_is_known(case))
    if not diagnoses and not case.true.any():
        text = _(
            "the derivative of the forward is zero here, as that of a step function is almost "
            "everywhere: a surrogate chosen on purpose, such as a straight-through estimator, "
            "cannot be judged by derivatives"
        )
        note = joined(note, text)
    return dataclasses.replace(entry, verdict="wrong", diagnoses=diagnoses, note=note)


def undecided(entry: Entry, note: str) -> Entry:
    """The entry without a verdict, and why."""
    return dataclasses.replace(entry, verdict="inconclusive", note=note)


def unjudged(names: Iterable[str], note: str) -> Report:
    """The report where nothing can be judged, and why."""
    return Report({name: Entry(name, "inconclusive", note=note) for name in names})


def random_function(names: Iterable[str]) -> Report:
    """The report on a function that gives other values when it is called again."""
    text = _("the function is random or keeps a state: it gives other values when called again")
    return unjudged(names, text)


def promotions(inputs: Iterable[Any]) -> list[str]:
    """A word on float32 inputs: finite differences need more digits."""
    if any(getattr(x, "dtype", None) == np.float32 for x in inputs):
        return [_("float32 inputs were promoted to float64")]
    return []


def recorded(y: Tensor, xs: list[Tensor], upstream: Array | None = None) -> list[Array]:
    """The gradients by reverse mode: zeros for what a result does not depend on."""
    found: Any = [None] * len(xs)
    if y.requires_grad:
        found = gradients(y, xs, upstream, retain_graph=True)
    return [np.zeros(x.shape) if g is None else g.data for x, g in zip(xs, found, strict=True)]
