"""Whether a forward is the one that was asked for, or wrong in a way that has a name."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..messages import _
from ..verify import layer
from ..verify.handwritten.calls import StudentError, as_array
from ..verify.handwritten.reference import slip_of
from ..verify.handwritten.there import Elsewhere, FailedError, LostError
from .points import Judged, Part, forward_points
from .questions import Question, arrays

# By how much a factor may be too large, and still be somebody's honest mistake.
_FACTOR = 1e3
# Of directional derivatives over several processes: how far from the point drawn, the step, and
# how well they must agree.
_MOVED, _STEP, _ALONE, _ALONE_IN_SINGLE = 0.05, 1e-3, 2e-3, 0.03


def forward_again(
    made: Judged, copy: Elsewhere, rng: np.random.Generator, right: bool, output: Any,
    values: Mapping[str, Any],
) -> bool:  # fmt: skip
    """Whether the forward is right on other values, too; or wrong in the same known way."""
    inputs, parameters = made.question.drawn(rng)
    others = {**inputs, **parameters}
    given = arrays(parameters), arrays(inputs)
    again = copy.ask("forward", copy.number(), made.question.name, *given)
    second = Judged(made.question, hints=made.hints)
    second.parts = [Part("output", 1.0)]
    wanted = made.question.right(others)
    if right:
        if forward_points(second, again, wanted):
            return True
        for part in made.parts[:1] if made.parts[0].what == "output" else []:
            part.points, part.verdict = 0.0, "wrong"
            part.reason = _("right for a first input only: {why}", why=second.parts[0].reason)
        return False
    slips = [_slip(made.question, y, known) for y, known in ((output, values), (again, others))]
    constant = slips[0][0] != "wrong_axis" and np.array_equal(output, again)
    if slips[0][0] and slips[0][0] == slips[1][0] and not constant:
        made.slip = "" if slips[0][0] == "missing_factor" else slips[0][0]
        for part in made.parts:
            if part.what == "output":
                part.kind = slips[0][0]
                part.reason += f"; {slips[0][1]}" if made.hints != "where" else ""
    return False


def _slip(question: Question, output: Any, values: Mapping[str, Any]) -> tuple[str, str]:
    """The known mistake that a wrong output shows."""
    try:
        mine = np.asarray(as_array(output), float)
    except StudentError:
        return "", ""
    wanted = question.right(values)
    if sorted(mine.shape) != sorted(wanted.shape) or not np.isfinite(mine).all():
        return "", ""
    largest = [float(np.abs(x).max(initial=0.0)) for x in (mine, wanted)]
    if max(largest) > _FACTOR * min(largest):
        return "", ""
    known = {n: np.asarray(x, float) for n, x in values.items()}
    return slip_of(mine, wanted, question.reference, known)


def accept_zeros(made: Judged) -> None:
    """The gradient of a term that is left out is zero."""
    for part in made.parts if made.slip == "missing_term" and made.report is not None else ():
        entry = made.report.entries.get(part.what)  # type: ignore[union-attr]
        if part.what == "input" or entry is None or entry.hand is None:
            continue
        if entry.verdict == "inconclusive" and not np.any(entry.hand):
            part.points, part.verdict, part.reason = part.out_of, "correct", ""


def without_memory(
    made: Judged, afresh: Callable[[], Elsewhere], rng: np.random.Generator
) -> None:  # fmt: skip
    """Gradients of a wrong forward count if they are its derivative where each call is the first.

    Each of three processes sees one point only: none can answer by what it was asked before.
    """
    question = made.question
    parts = [
        p for p in made.parts if p.what not in {"output", *made.as_asked}
        and p.points and p.verdict == "correct"
    ]  # fmt: skip
    if not parts or made.report is None:
        return
    inputs, parameters = question.drawn(rng)
    moved = {n: np.array(x, float) for n, x in {**inputs, **parameters}.items()}
    names = [next(iter(inputs)) if p.what == "input" else p.what for p in parts]
    for name in names:  # off the ties, and not below zero
        noise = _MOVED * rng.standard_normal(moved[name].shape)
        moved[name] = np.where(moved[name] == 0, noise, moved[name] * (1 + noise))
    sizes = {n: _MOVED * np.abs(moved[n]).mean() for n in names}
    steps = {n: size * rng.standard_normal(moved[n].shape) for n, size in sizes.items()}
    processes: list[Elsewhere] = []

    def alone(sign: float) -> tuple[Any, Elsewhere, list[Any], Any]:
        process = afresh()
        processes.append(process)
        here = {n: x + sign * _STEP * steps.get(n, 0.0) for n, x in moved.items()}
        given = [{n: here[n] for n in part} for part in (parameters, inputs)]
        made_of, taken = map(arrays, given)
        y = process.ask("forward", process.number(), question.name, made_of, taken)
        return np.asarray(as_array(y), float), process, [made_of, taken], y

    try:
        ahead, behind, here = (alone(sign) for sign in (1.0, -1.0, 0.0))
        upstream = np.ones(()) if ahead[0].ndim == 0 else rng.standard_normal(ahead[0].shape)
        subject = here[1].subject(question.name, here[2][0], here[2][1][0])
        given = tuple(here[2][1])
        report = layer(
            subject, given if len(given) > 1 else given[0], repair=False,
            upstream=None if upstream.ndim == 0 else upstream,
        )  # fmt: skip
        slope = float(((ahead[0] - behind[0]) * upstream).sum()) / (2 * _STEP)
        hands = [np.asarray(report.entries[p.what].hand, float) for p in parts]
        hands = [g / 2 if p.what in made.added_up else g for g, p in zip(hands, parts, strict=True)]
        terms = [g.reshape(steps[n].shape) * steps[n] for g, n in zip(hands, names, strict=True)]
        mine = sum(float(term.sum()) for term in terms)
        scale = sum(float(np.abs(term).sum()) for term in terms) + abs(slope)
        single = np.asarray(ahead[3]).dtype.itemsize < 8
        if abs(mine - slope) <= (_ALONE_IN_SINGLE if single else _ALONE) * scale:
            return
        reason = _("not the derivative of this forward where it is called for the first time")
    except (StudentError, FailedError, LostError, ArgumentError, KeyError, TypeError, ValueError):
        reason = _("it answers otherwise in a process of its own")
    finally:
        for process in processes:
            process.end()
    for p in parts:
        p.points, p.verdict, p.reason = 0.0, "wrong", reason
    made.flags.append(reason)
