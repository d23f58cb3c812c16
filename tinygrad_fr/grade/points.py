"""The points for what was judged, and the reason for each that is lost."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..kernels import Array
from ..messages import _
from ..report import Report
from ..verify.handwritten.calls import StudentError, as_array
from ..verify.truth.comparison import close
from .marks import number
from .questions import Question

# Points that a question loses whose code changes the arrays that it is given.
PENALTY, IN_PLACE = 0.5, "changed_in_place"
# The part of a gradient's points that one is worth which is right for some upstreams only.
ONE_HOT_ONLY = 0.5
# How near an output must be to the right one, by its kind of numbers.
_NEAR = {np.dtype("float32"): 3e-4, np.dtype("float16"): 3e-2}
# Exact formulas are right to more digits than differences can be.
_BY_DIFFERENCES, _TO_THE_LAST_DIGITS = 1e-12, 1e-13


@dataclass
class Part:
    """What is judged of a question, and the points for it.

    Attributes
    ----------
    what : str
        ``output``, ``input`` or the name of a parameter.
    verdict : str
        As in a report; ``missing``, ``untouched``, ``error`` or ``timeout`` where there is none.
    kind : str
        The kind of the mistake, if it is known.
    reason : str
        Why points are lost.
    """

    what: str
    out_of: float
    points: float = 0.0
    verdict: str = "wrong"
    kind: str = ""
    reason: str = ""


@dataclass
class Judged:
    """A question of a copy.

    Attributes
    ----------
    status : str
        ``right``, ``wrong``, ``undecided``, ``untouched``, ``missing``, ``error``, ``timeout``.
    parts : list of Part
    flags : list of str
        What a teacher should look at.
    report : Report or None
    """

    question: Question
    status: str = "wrong"
    parts: list[Part] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    report: Report | None = None
    repairs: list[str] = field(default_factory=list)
    penalty: float = 0.0
    changed: str = ""  # the remark on what is changed in place
    exact: bool = False  # whether the forward is right to the last digits
    hints: str = "full"
    slip: str = ""  # the known mistake of a wrong forward
    added_up: set[str] = field(default_factory=set)  # gradients that are twice as large by now
    as_asked: set[str] = field(default_factory=set)  # gradients of the forward that was asked for
    first: Any = None  # what the first backward of all gave
    again: int = 0  # calls of the forward by the backward

    @property
    def mistakes(self) -> set[tuple[str, str, str]]:
        """What was found to be wrong: the name, what, its kind."""
        found = {(p.what, p.kind) for p in self.parts if p.kind}
        found |= {(IN_PLACE, IN_PLACE)} if self.penalty else set()
        return {(self.question.name, *mistake) for mistake in found}

    @property
    def points(self) -> float:
        """The points of all parts."""
        return max(0.0, sum(p.points for p in self.parts) - self.penalty)


def forward_points(made: Judged, output: Any, wanted: Array) -> bool:
    """Whether the forward is right; its points."""
    part = next((p for p in made.parts if p.what == "output"), Part("output", 0.0))
    if output is None:
        part.reason = _("the forward returns nothing (None)")
        return False
    try:
        array = as_array(output)
    except StudentError as error:
        part.reason = str(error)
        return False
    near = _NEAR.get(array.dtype, 1e-6)
    if array.shape != wanted.shape:
        text = _("the output has the shape {got} in place of {wanted}")
        part.reason = text.format(got=array.shape, wanted=wanted.shape)
    elif not np.isfinite(array).all() and np.isfinite(wanted).all():
        part.reason = _("the output has entries that are NaN or infinite")
    elif not close(np.asarray(array, float), wanted, near):
        part.reason = _("the output does not have the right values")
    else:
        part.verdict, part.points = "correct", part.out_of
        made.exact = close(np.asarray(array, float), wanted, _TO_THE_LAST_DIGITS)
        return True
    return False


def gradient_points(made: Judged, part: Part, report: Report, name: str) -> None:
    """The points of a gradient, as an entry of a report says; that of all if it has none."""
    entry = report.entries.get(name)
    if entry is None or (name != part.what and entry.hand is not None):
        text = _("no gradient of {name} was found: keep it in self.d_{name}", name=part.what)
        part.verdict, part.reason = "inconclusive", text
        return
    part.verdict = entry.verdict
    kinds = [d.kind for d in entry.diagnoses]
    if kinds == ["stale_cache"] and abs(entry.diagnoses[0].detail.get("factor", 0) - 2) < 1e-6:
        text = _(
            "the gradient of {name} adds up from call to call: assign it, or set it to zero first"
        )
        made.remarks.append(text.format(name=part.what))
        part.points, part.verdict = part.out_of, "correct"
        made.added_up.add(part.what)
        return
    part.kind = kinds[0] if kinds else ""
    if entry.verdict in ("correct", "kink"):
        if entry.hand is None:  # a first layer may, here it was asked for
            part.verdict, part.reason = "wrong", _("nothing is returned")
            return
        half = "one_hot_upstream_only" in kinds
        part.points = part.out_of * (ONE_HOT_ONLY if half else 1)
        if half:
            part.reason = _("right for an upstream gradient with a single entry only")
        return
    part.reason = _told(report, name, made.hints)


def _told(report: Report, name: str, hints: str) -> str:
    """What there is to say of an entry, with no more than the hints allow."""
    entry = report.to_dict(hints)["entries"][name]
    told = [d["explanation"] for d in entry["diagnoses"][:1]] + [entry["note"]]
    return "; ".join(filter(None, told))


def penalise(made: Judged, changed: list[str]) -> None:
    """Take points off for arrays that were changed in place."""
    if changed:
        made.penalty = PENALTY
        text = _("{points} points: the code changes what it is given ({names}): copy it first")
        names = ", ".join(dict.fromkeys(changed))
        made.changed = text.format(names=names, points=f"\u2212{number(PENALTY)}")
        made.remarks.append(made.changed)


def withhold(made: Judged, gradients: Collection[Part], right: bool) -> None:
    """No points for gradients of another function, or for those that nobody has derived.

    Where the forward is wrong its gradients count if the mistake has a name, or if they are those
    of the forward that was asked for.
    """
    counted = [p for p in gradients if p.points]
    if made.again:
        text = _("the backward calls the forward {n} times: by differences, and not derived")
        for p in counted:
            p.points, p.verdict, p.reason = 0.0, "wrong", text.format(n=made.again)
        made.flags.append(text.format(n=made.again))
        return
    others = [p for p in counted if p.what not in made.as_asked]
    if right:
        reason = _("not the gradient of what is asked, though the forward is: to be read")
    elif made.slip:
        others = []
    else:
        reason = _("right for this forward, which is not the one that was asked for")
    if others:
        for p in others:
            p.points, p.verdict, p.reason = 0.0, "wrong", reason
        made.flags.append(_("right gradients of another forward: to be read"))
    flag_digits(made)


def flag_digits(made: Judged) -> None:
    """Flag gradients that are right, and to fewer digits than formulas give."""
    for name, entry in made.report.entries.items() if made.report is not None else ():
        exact = made.exact and entry.autograd is not None
        error = float(entry.max_rel_error)
        if exact and name != "output" and entry.verdict == "correct" and (
            _BY_DIFFERENCES < error < 1e-6
        ):  # fmt: skip
            text = _("the gradient of {name} is right to {n} digits only: by differences?")
            made.flags.append(text.format(name=name, n=int(-np.log10(error))))


def count_once(made: Judged, before: Collection[tuple[str, str, str]]) -> None:
    """A mistake that an earlier question has found costs nothing more."""
    for part in made.parts:
        mistake = (made.question.name, part.what, part.kind)
        if part.kind and part.points < part.out_of and mistake in before:
            part.points = part.out_of
            part.reason = _("counted already: {reason}", reason=part.reason)
    if (made.question.name, IN_PLACE, IN_PLACE) in before:
        made.penalty = 0.0
        made.remarks = [text for text in made.remarks if text != made.changed]
