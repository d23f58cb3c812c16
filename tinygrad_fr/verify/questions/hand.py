"""Gradients derived by hand, against the recorded ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..causes.case import close
from ..causes.diagnosis import diagnose, what_is_known
from ..handwritten.calls import StudentError, as_array, left_at, promoted
from ..truth.comparison import compare, confirm, granted, rounded, told_at, worst_at
from ..truth.differences import Counted
from ..truth.limits import hidden_by, redrawn
from ..truth.subgradients import at_kinks, by_convention
from .recording import Recording, argument_names


def hand(
    f: Callable[..., Any],
    inputs: Mapping[str, Any],
    hand: Mapping[str, Any],
    *,
    upstream: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
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
        raise ArgumentError(_('inputs and hand are dicts of names: hand(f, {"x": x}, {"x": dx})'))
    rng = np.random.default_rng(seed)
    arrays = {name: promoted(x) for name, x in inputs.items()}
    try:
        run = Recording(f, arrays, hand, upstream, rng)
    except StudentError as error:
        text = _("the function itself fails: {error}", error=error)
        return Report({name: Entry(name, "inconclusive", note=text) for name in hand})
    if not run.repeatable():
        text = _("the function is random or keeps a state: it gives other values when called again")
        return Report({name: Entry(name, "inconclusive", note=text) for name in hand})

    others = _other_runs(run, rng) if any(callable(h) for h in hand.values()) else []
    with Counted(run.value) as counted:
        entries = {name: _entry(run, name, others, counted, rtol, atol, rng) for name in hand}
    _accept_what_follows(run, entries)
    wrong = [name for name, entry in entries.items() if entry.verdict == "wrong"]
    first = run.tape.nearest([name for name in wrong if name not in run.following])
    notes = [_("{n} evaluations", n=counted.count)]
    if any(getattr(x, "dtype", None) == np.float32 for x in inputs.values()):
        notes.append(_("float32 inputs were promoted to float64"))
    hidden = [*hidden_by(run.tape, run.values, upstream), *_elsewhere(others, entries, rtol)]
    return Report(entries, tuple(hidden), first, tuple(notes))


def _accept_what_follows(run: Recording, entries: dict[str, Entry]) -> None:
    """Accept gradients that are right given later ones which were accepted at a kink."""
    for name in sorted(run.following, key=lambda n: -run.tape.names.get(n, -1)):
        later = [entries[n].verdict for n in _wrong_later(run, name)]
        if later and all(verdict == "kink" for verdict in later):
            note = _("right given a gradient that was accepted at a kink")
            entries[name] = dataclasses.replace(entries[name], verdict="kink", note=note)


def _entry(
    run: Recording, name: str, others: list[Recording], counted: Counted, rtol: float, atol: float,
    rng: np.random.Generator,
) -> Entry:  # fmt: skip
    """The verdict on one gradient, with its reasons."""
    recorded = run.gradients[name]
    if name in run.failures:
        return Entry(name, "wrong", recorded, note=run.failures[name], max_rel_error=np.inf)
    mine = run.hands[name]
    single = granted(mine, 0.0) > 0
    rtol = granted(mine, rtol)
    f = partial(_moved, counted, name)
    x = np.asarray(run.values[name], float)
    truth = confirm(Entry(name, "correct", recorded), f, x, recorded, 1e-5, atol, rng)
    base = Entry(name, "correct", recorded, truth.numeric, mine)
    error = run.rounding(name)
    if single:
        info = np.finfo(mine.dtype)
        error = error * float(info.eps / np.finfo(float).eps) + float(info.tiny)
    if mine.shape != recorded.shape:
        return _explained(run, base, others, rtol)
    claimed = np.asarray(mine, float)
    if not np.isfinite(recorded).all():
        note = _("the right gradient is not finite here")
        return dataclasses.replace(base, verdict="inconclusive", note=note)
    judged = compare(base, claimed, recorded, error, rtol, atol)
    refuted = truth.verdict == "wrong" and truth.max_abs_error > 1e-10 * run.size
    if refuted and not _explained_by_kinks(f, x, recorded, truth, rng):
        return _contradicted(judged, claimed, truth, left_at(run.f, **run.tensors()))
    if judged.verdict in ("wrong", "inconclusive"):
        kinks = at_kinks(f, x, claimed, recorded, rng, rtol)
        if kinks.accepted or by_convention(run.tape, name, claimed, run.upstream, rtol):
            note = _("not differentiable here; the gradient is one of the subgradients")
            return dataclasses.replace(judged, verdict="kink", note=note)
        if judged.verdict == "wrong":
            return _explained(run, judged, others, rtol)
        return judged
    if not single and rtol <= 1e-6 and _wrong_beside_large_ones(claimed, recorded, 10 * error):
        differs = np.abs(claimed - recorded) / np.maximum(np.abs(recorded), 1e-300)
        worst = worst_at(differs)
        note = told_at(worst, claimed, recorded)
        judged = dataclasses.replace(judged, worst_index=worst, note=note)
        return _explained(run, judged, others, 1e-12)
    return _accepted(run, rounded(judged, mine))


def _wrong_beside_large_ones(claimed: Array, recorded: Array, rounding: Array) -> bool:
    """Whether small entries are plainly wrong, which the largest ones would hide."""
    difference, scale = np.abs(claimed - recorded), float(np.abs(recorded).max(initial=0.0))
    plain = difference > 1e-2 * np.abs(recorded) + 1e-10 * scale + rounding
    return bool(plain.any())


def _contradicted(entry: Entry, claimed: Array, truth: Entry, left: str) -> Entry:
    """The verdict where finite differences refute the recorded gradient."""
    numeric = truth.numeric
    if numeric is not None and np.isfinite(numeric).all() and close(claimed, numeric, 1e-5):
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
    return dataclasses.replace(entry, verdict="inconclusive", note=note)


def _moved(counted: Counted, name: str, x: Array) -> float:
    try:
        counted.count += 1
        return float(counted.f(**{name: x}))
    except Exception:  # a step outside of the domain, such as a negative probability
        return float("nan")


def _explained_by_kinks(f: Any, x: Array, recorded: Array, truth: Entry, rng: Any) -> bool:
    """Whether finite differences differ from the recorded gradient only for kinks."""
    numeric = np.where(np.isnan(truth.numeric), recorded, truth.numeric)  # type: ignore[arg-type]
    return at_kinks(f, x, numeric, recorded, rng, near=True).found


def _accepted(run: Recording, entry: Entry) -> Entry:
    """A right gradient; a word if it is so for reasons that deserve one."""
    name, note = entry.name, ""
    wrong = _wrong_later(run, name)
    if wrong:
        there = _given(run, name)
        h, later = run.given[name], ", ".join("d" + n for n in wrong)
        comparable = len(there) == len(wrong)
        # An array may have been computed from any of them; a function says what it was given.
        used = not callable(h) or any("d" + n in argument_names(h) for n in wrong)
        if comparable and used and not close(run.pulled(name, there), run.gradients[name], 1e-6):
            note = _(
                "right although {later} is wrong: if you computed it from {later}, two "
                "mistakes cancel",
                later=later,
            )
    return dataclasses.replace(entry, note=note)


def _wrong_later(run: Recording, name: str) -> list[str]:
    """The wrong hand gradients between a value and the loss."""
    return [
        n
        for n in run.later(name)
        if not close(np.asarray(run.hands[n], float), run.gradients[n], granted(run.hands[n], 1e-6))
    ]


def _given(run: Recording, name: str) -> dict[str, Array]:
    """Those of the right shape, from which this one may have been computed."""
    there = {n: np.asarray(run.hands[n], float) for n in _wrong_later(run, name)}
    return {n: g for n, g in there.items() if g.shape == run.gradients[n].shape}


def _explained(run: Recording, entry: Entry, others: list[Recording], rtol: float) -> Entry:
    """A wrong gradient: right given a wrong upstream, or with the mistakes that explain it."""
    name = entry.name
    if callable(run.given[name]) and not run.repeats(name):
        note = _(
            "your function is random or keeps a state: it gives other values when called again"
        )
        return dataclasses.replace(entry, verdict="inconclusive", note=note)
    entry = dataclasses.replace(entry, verdict="wrong")
    given = _given(run, name)
    case = run.case(name, given, rtol)
    mine, true = case.hand, case.true
    later = ", ".join("d" + n for n in given if not _follows(run, n))
    text = ""
    if given and close(mine, true, max(rtol, 1e-6)):
        text = _("d{name} is the right function of your {later}; mend {later} first")
    elif given and _from_true(run, name):
        text = _("d{name} is right given the right {later}")
    if text:
        run.following.add(name)
        return dataclasses.replace(entry, note=text.format(name=name, later=later))
    if given and mine.shape == true.shape:
        words = compare(entry, mine, true, np.zeros(true.shape), rtol, 0.0).note
        note = joined(_("given your {later}", later=later), words)
        entry = dataclasses.replace(entry, note=note)
    again = [o.case(name, _given(o, name), rtol) for o in others if name in o.hands]
    diagnoses = diagnose(case, again if callable(run.given[name]) else ())
    if given and all(d.kind == "wrong_shape" for d in diagnoses):
        diagnoses = diagnose(run.case(name, {}, rtol))
    note = entry.note if diagnoses else joined(entry.note, what_is_known(case))
    if not entry.worst_index and mine.shape == true.shape and mine.size:
        worst = worst_at(np.nan_to_num(np.abs(mine - true), nan=np.inf))
        entry = dataclasses.replace(entry, worst_index=worst)
    if mine.shape != true.shape:
        entry = dataclasses.replace(entry, max_rel_error=np.inf, max_abs_error=np.inf)
    return dataclasses.replace(entry, diagnoses=diagnoses, note=note)


def _follows(run: Recording, name: str) -> bool:
    """Whether a wrong gradient is the right function of later wrong ones."""
    given, mine = _given(run, name), np.asarray(run.hands[name], float)
    return bool(given) and close(mine, run.pulled(name, given), 1e-5)


def _from_true(run: Recording, name: str) -> bool:
    """Whether a function gives the right gradient when it gets the right upstream."""
    h = run.given[name]
    if not callable(h):
        return False
    try:
        found = as_array(run.computed(h, name, own=False))
    except StudentError:
        return False
    return close(np.asarray(found, float), run.gradients[name], 1e-6)


def _other_runs(run: Recording, rng: np.random.Generator) -> list[Recording]:
    """The same with other random values, where the function takes them."""
    for _try in range(3):
        try:
            # Arrays belong to the first values: their place is taken by the recorded gradients.
            given = {name: h for name, h in run.given.items() if callable(h)}
            other = Recording(run.f, redrawn(run.arrays, rng), given, run.wanted_upstream, rng)
        except Exception:  # the values mean something that random ones do not
            continue
        if all(np.isfinite(g).all() for g in other.gradients.values()):
            return [other]
    return []


def _elsewhere(others: list[Recording], entries: Mapping[str, Entry], rtol: float) -> list[str]:
    """Gradients that are right here and wrong on other values."""
    found = []
    for other in others:
        for name, entry in entries.items():
            if entry.verdict == "correct" and name in other.hands:
                mine = np.asarray(other.hands[name], float)
                if not close(mine, other.gradients[name], max(1e-5, rtol)):
                    words = _(
                        "your formula for {name} is right on these values and wrong on random ones",
                        name=name,
                    )
                    found.append(words)
    return found
