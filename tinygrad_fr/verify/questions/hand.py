"""Gradients derived by hand, against the recorded ones."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..handwritten.calls import StudentError, promoted
from ..handwritten.canvas import left_at
from ..handwritten.derivation import Derivation, argument_names
from ..repairs.asking import Asked, seconds_of, with_repairs
from ..repairs.trials import Draw, OfDerivations, grown
from ..truth.comparison import Scalar, close, compare, difference_at, granted, worst_at
from ..truth.differences import Counted
from ..truth.limits import hidden_by, redrawn
from ..truth.tolerances import (
    ASKED,
    BESIDE_LARGE,
    CONFIRMED,
    EXPLAINED,
    OF_AN_ENTRY,
    REFUTED,
    ROUNDING,
    TINY,
)
from .judgement import Claim, compared, explained, promotions, random_function, undecided, unjudged


def hand(
    f: Callable[..., Any],
    inputs: Mapping[str, Any],
    hand: Mapping[str, Any],
    *,
    upstream: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
    repair: bool | float = True,
) -> Report:
    """Check gradients that were derived by hand, say why one is wrong, and where it starts.

    Parameters
    ----------
    f
        Called as ``f(**inputs)`` with Tensors (integer arrays as they are), gives a Tensor.
        Intermediate values are known under the names that ``.named()`` gives them.
    inputs
        Arrays, by name. Floating ones are promoted to float64.
    hand
        Gradients by name of an input or a named value: arrays, or functions whose argument names
        are values of the graph (``lambda p, y: p - y``) or gradients, written ``d`` + name: the
        student's own where it is given, else the recorded one.
    upstream
        The gradient at the output of ``f``; random and signed if None and ``f`` is no scalar.
    rtol, atol
        A gradient may differ by ``rtol`` times its largest entry, and by no more than ``atol``
        besides, for rounding. In float32 ``rtol`` is at least 1e-4.
    seed
        Of the random numbers.
    repair
        As for :func:`layer`.

    Returns
    -------
    Report
        One entry per name in ``hand``; ``first_wrong`` is where to begin.

    Raises
    ------
    ArgumentError
        If a name is in neither the inputs nor the graph.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> def loss(z, y):
    ...     return tg.cross_entropy(z, y)
    >>> z, y = np.array([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]]), np.array([2, 0])
    >>> p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    >>> report = hand(loss, {"z": z, "y": y}, {"z": p - np.eye(3)[y]})
    >>> [(d.kind, d.detail["equals"]) for d in report["z"].diagnoses][0]
    ('scale', 'N')
    """
    if not isinstance(inputs, Mapping) or not isinstance(hand, Mapping):
        raise ArgumentError('inputs and hand are dicts of names: hand(f, {"x": x}, {"x": dx})')
    repair = seconds_of(repair)
    rng = np.random.default_rng(seed)
    arrays = {name: promoted(x) for name, x in inputs.items()}
    try:
        run = Derivation(f, arrays, hand, upstream, rng)
        run.in_float32 = any(getattr(x, "dtype", None) == np.float32 for x in inputs.values())
    except StudentError as error:
        return unjudged(hand, _("the function itself fails: {error}", error=error))
    if not run.repeatable():
        return random_function(hand)
    others = _other_runs(run, upstream, rng) if any(map(callable, hand.values())) else []
    with Counted(run.value) as counted:
        entries = {
            name: _entry(run, name, others, partial(_moved, counted, name), rtol, atol, rng)
            for name in hand
        }
    _accept_what_follows(run, entries)
    wrong = [n for n, entry in entries.items() if entry.verdict == "wrong" and not entry.follows]
    notes = [_("{n} evaluations", n=counted.count), *promotions(inputs.values())]
    hidden = [*hidden_by(run.tape, run.values, upstream), *_elsewhere(others, entries, rtol)]
    report = Report(entries, tuple(hidden), run.tape.nearest(wrong), tuple(notes))
    if not repair or report or not others:
        return report
    return with_repairs(report, _asked(run, others, upstream, rng), repair)


def _asked(
    run: Derivation, others: list[Derivation], upstream: Any, rng: np.random.Generator
) -> Asked:
    """What the repairs of functions are looked for with."""
    draws = [
        Draw({**d.values}, d.upstream, {**d.gradients}, rtol=ASKED)
        for d in (run, *others, *_of_other_sizes(run, upstream, rng))
    ]
    given = dict(run.given)
    roots = tuple(getattr(h, "__name__", "") for h in given.values() if callable(h))
    return Asked(OfDerivations, given, roots, draws[0], tuple(draws[1:]))


def _of_other_sizes(
    run: Derivation, upstream: Any, rng: np.random.Generator
) -> Iterator[Derivation]:
    """The same with other sizes, where the function takes them."""
    if upstream is not None or any(not callable(h) for h in run.given.values()):
        return
    for size in list(dict.fromkeys(n for x in run.arrays.values() for n in x.shape))[:4]:
        arrays = {n: grown(x, size, size + 1) for n, x in run.arrays.items()}
        with suppress(Exception):  # such a size makes no sense
            yield Derivation(run.f, redrawn(arrays, rng), run.given, None, rng)


def _moved(counted: Counted, name: str, x: Array) -> float:
    try:
        return float(counted(**{name: x}))
    except Exception:  # a step outside of the domain, such as a negative probability
        return float("nan")


def _entry(
    run: Derivation, name: str, others: list[Derivation], f: Scalar, rtol: float, atol: float,
    rng: np.random.Generator,
) -> Entry:  # fmt: skip
    """The verdict on one gradient, with its reasons."""
    recorded = run.gradients[name]
    if name in run.failures:
        return Entry(name, "wrong", recorded, note=run.failures[name], max_rel_error=np.inf)
    mine, x = run.hands[name], np.asarray(run.values[name], float)
    claim = Claim(name, mine, f, x, rng, _granted(run, name, rtol), atol, run.tape, run.upstream)
    truth = claim.confirmed(recorded, REFUTED * run.size)
    if mine.shape == recorded.shape:
        entry = Entry(name, "correct", recorded, truth.numeric, mine)
        if not np.isfinite(recorded).all():
            return undecided(entry, _("the right gradient is not finite here"))
        if truth.value is not recorded:
            return _contradicted(run, claim, entry)
    error = run.rounding(name)
    entry = compared(claim, dataclasses.replace(truth, value=recorded, error=error))
    if entry.verdict == "wrong":
        return _explained(run, entry, others, claim.rtol)
    if entry.verdict != "correct":
        return entry
    claimed = np.asarray(mine, float)
    in_full = not _granted(run, name, 0.0) and rtol <= ASKED
    if in_full and _wrong_beside_large_ones(claimed, recorded, 10 * error):
        worst = worst_at(np.abs(claimed - recorded) / np.maximum(np.abs(recorded), TINY))
        note = difference_at(worst, claimed, recorded)
        entry = dataclasses.replace(entry, worst_index=worst, note=note)
        return _explained(run, entry, others, EXPLAINED)
    return dataclasses.replace(entry, note=_although_later_is_wrong(run, name))


def _granted(run: Derivation, name: str, rtol: float) -> float:
    """The tolerance: wider for an array that was computed from the float32 of the inputs."""
    in_float32 = run.in_float32 and not callable(run.given[name])
    return max(granted(run.hands[name], rtol), ROUNDING["f"] if in_float32 else 0.0)


def _wrong_beside_large_ones(claimed: Array, recorded: Array, rounding: Array) -> bool:
    """Whether small entries are plainly wrong, which the largest ones would hide."""
    difference, scale = np.abs(claimed - recorded), float(np.abs(recorded).max(initial=0.0))
    plain = difference > OF_AN_ENTRY * np.abs(recorded) + BESIDE_LARGE * scale + rounding
    return bool(plain.any())


def _contradicted(run: Derivation, claim: Claim, entry: Entry) -> Entry:
    """The verdict where finite differences refute the recorded gradient."""
    recorded, numeric, claimed = entry.autograd, entry.numeric, np.asarray(claim.mine, float)
    assert recorded is not None
    entry = compare(entry, claimed, recorded, np.zeros(()), claim.rtol, claim.atol)
    left = left_at(run.f, **run.tensors())
    if numeric is not None and close(claimed, numeric, CONFIRMED):
        note = _(
            "right by finite differences; the recorded gradient is not that of the whole function "
            "here, made of parts with kinks"
        )
        if left:
            note = joined(_("right by finite differences, not recorded"), left)
        return dataclasses.replace(entry, verdict="correct", note=note)
    note = _(
        "the recorded gradient and finite differences disagree: something left the graph, or the "
        "function is made of parts with kinks here"
    )
    if left:
        note = joined(_("the recorded gradient and finite differences disagree"), left)
    return undecided(entry, note)


def _although_later_is_wrong(run: Derivation, name: str) -> str:
    """A word where a right gradient may have been computed from wrong ones."""
    wrong, there = run.wrong_later(name), run.wrong_given(name)
    h, later = run.given[name], ", ".join("d" + n for n in wrong)
    # An array may have been computed from any of them; a function says what it was given.
    used = not callable(h) or any("d" + n in argument_names(h) for n in wrong)
    if not wrong or len(there) < len(wrong) or not used:
        return ""
    if close(run.pulled(name, there), run.gradients[name], ASKED):
        return ""
    return _(
        "right although {later} is wrong: if you computed it from {later}, two mistakes cancel",
        later=later,
    )


def _accept_what_follows(run: Derivation, entries: dict[str, Entry]) -> None:
    """Accept gradients that are right given later ones which were accepted at a kink."""
    following = [name for name, entry in entries.items() if entry.follows]
    for name in sorted(following, key=lambda n: -run.tape.names.get(n, -1)):
        later = [entries[n].verdict for n in run.wrong_later(name)]
        if later and all(verdict == "kink" for verdict in later):
            note = _("right given a gradient that was accepted at a kink")
            entries[name] = dataclasses.replace(
                entries[name], verdict="kink", note=note, follows=False
            )


def _explained(run: Derivation, entry: Entry, others: list[Derivation], rtol: float) -> Entry:
    """A wrong gradient: right given a wrong upstream, or with the mistakes that explain it."""
    name = entry.name
    if not run.repeats(name):
        note = _(
            "your function is random or keeps a state: it gives other values when called again"
        )
        return undecided(entry, note)
    given = run.wrong_given(name)
    later = ", ".join("d" + n for n in given if not run.follows(n, CONFIRMED))
    follows = run.follows(name, max(rtol, ASKED))
    if follows or (given and run.right_from_true(name)):
        text = _("d{name} is right given the right {later}", name=name, later=later)
        if follows:
            text = _(
                "d{name} is the right function of your {later}; mend {later} first",
                name=name,
                later=later,
            )
        return dataclasses.replace(entry, verdict="wrong", note=text, follows=True)
    case = run.case(name, given, rtol)
    mine, true = case.hand, case.true
    if given and mine.shape == true.shape:
        words = compare(entry, mine, true, np.zeros(true.shape), rtol, 0.0).note
        note = joined(_("given your {later}", later=later), words)
        entry = dataclasses.replace(entry, note=note)
    again = [o.case(name, o.wrong_given(name), rtol) for o in others if name in o.hands]
    found = explained(entry, case, again if callable(run.given[name]) else ())
    if given and all(d.kind == "wrong_shape" for d in found.diagnoses):
        alone = explained(entry, run.case(name, {}, rtol))
        found = alone if alone.diagnoses else found
    return found


def _other_runs(run: Derivation, upstream: Any, rng: np.random.Generator) -> list[Derivation]:
    """The same with other random values, where the function takes them."""
    # Arrays belong to the first values: their place is taken by the recorded gradients.
    given = {name: h for name, h in run.given.items() if callable(h)}
    for _try in range(3):
        try:
            other = Derivation(run.f, redrawn(run.arrays, rng), given, upstream, rng)
        except Exception:  # the values mean something that random ones do not
            continue
        if all(np.isfinite(g).all() for g in other.gradients.values()):
            return [other]
    return []


def _elsewhere(others: list[Derivation], entries: Mapping[str, Entry], rtol: float) -> list[str]:
    """Gradients that are right here and wrong on other values."""
    found = []
    for other in others:
        for name, entry in entries.items():
            if entry.verdict == "correct" and name in other.hands:
                mine = np.asarray(other.hands[name], float)
                if not close(mine, other.gradients[name], max(CONFIRMED, rtol)):
                    words = _(
                        "your formula for {name} is right on these values and wrong on random ones",
                        name=name,
                    )
                    found.append(words)
    return found
