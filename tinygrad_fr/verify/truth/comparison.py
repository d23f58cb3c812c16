"""Is a gradient right? Comparison with the truth, and what is accepted at kinks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, joined
from .differences import DIRECTIONS, FULL, SAMPLES, derivative, directional, signed

Scalar = Callable[[Array], float]

# How far a right gradient may be from the exact one where it was computed in float32 or float16.
_ROUNDING = {"f": 1e-4, "e": 1e-2}


def granted(claimed: Array, rtol: float) -> float:
    """The relative tolerance for a gradient: wider where its dtype rounds more."""
    return max(rtol, _ROUNDING.get(claimed.dtype.char, 0.0))


def rounded(entry: Entry, claimed: Array) -> Entry:
    """A right gradient; it is said where its dtype has rounded it."""
    if claimed.dtype.char not in _ROUNDING or entry.max_rel_error <= 1e-6:
        return entry
    text = _("right within the rounding of {dtype}", dtype=claimed.dtype)
    found = Diagnosis("precision", text, {"dtype": str(claimed.dtype)})
    return dataclasses.replace(entry, diagnoses=(found,))


def worst_at(difference: Array) -> tuple[int, ...]:
    """Where a difference is largest."""
    if not difference.size:
        return ()
    return tuple(int(i) for i in np.unravel_index(int(difference.argmax()), difference.shape))


def told_at(index: tuple[int, ...], claimed: Array, true: Array) -> str:
    """The difference at one place, in words."""
    got, wanted = float(claimed[index]) + 0.0, float(true[index]) + 0.0  # 0 and not -0
    return _("at {index}: {got:.6g} instead of {true:.6g}", index=index, got=got, true=wanted)


def compare(
    entry: Entry, claimed: Array, true: Array, error: Array, rtol: float, atol: float
) -> Entry:
    """The entry, judged against a true gradient whose error is estimated (0 if it is exact)."""
    difference = np.abs(claimed - true)
    scale = float(np.abs(true).max(initial=0.0))
    # No more is granted for rounding than the differences themselves need: a tiny gradient with
    # the wrong sign is wrong.
    allowed = min(atol, 10 * float(np.nan_to_num(error, posinf=0.0).max(initial=0.0)))
    allowed += rtol * scale
    if not np.isfinite(difference).all():
        same = (claimed == true) | (np.isnan(claimed) & np.isnan(true))
        difference = np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))
    worst = float(difference.max(initial=0.0))
    index = worst_at(difference)
    if worst <= allowed:
        verdict, note = "correct", ""
    elif not (np.isfinite(true) | (difference <= allowed)).all():
        verdict, note = "inconclusive", _("the function is not finite around the point")
    elif (difference <= allowed + 10 * error).all() and np.isfinite(worst):
        verdict = "inconclusive"
        note = _("the finite differences themselves are no more exact than that")
    else:
        verdict, note = "wrong", told_at(index, claimed, true)
    relative = worst / scale if scale else worst
    return dataclasses.replace(
        entry, verdict=verdict, max_abs_error=worst, max_rel_error=relative, worst_index=index,
        note=note,
    )  # fmt: skip


def confirm(
    entry: Entry, f: Scalar, x: Array, claimed: Array, rtol: float, atol: float,
    rng: np.random.Generator, full: int = FULL,
) -> Entry:  # fmt: skip
    """The entry, judged by finite differences of ``f``: all of them, or samples of a large one."""
    if x.size <= full:
        true, error = derivative(f, x)
        entry = dataclasses.replace(entry, numeric=true)
        return compare(entry, claimed, true, error, rtol, atol)

    norm = float(np.linalg.norm(claimed))
    numeric, errors = np.full(x.shape, np.nan), np.zeros(x.shape)

    def differs(d: Array) -> bool:
        slope, error = directional(f, x, d)
        recorded = float((claimed * d).sum())
        return not abs(slope - recorded) <= max(0.1 * rtol * norm, 10 * error)

    wrong = False
    for _direction in range(DIRECTIONS):
        d = signed(rng, x.shape)
        if differs(d):
            wrong = True
            _bisect(differs, d, x, f, numeric, errors)
            break
    for k in rng.choice(x.size, SAMPLES, replace=False):
        _sample(f, x, int(k), numeric, errors)
    entry = dataclasses.replace(entry, numeric=numeric)
    known = ~np.isnan(numeric)
    if not known.any():
        note = _("the function is not finite around the point")
        return dataclasses.replace(entry, verdict="inconclusive", note=note)
    entry = compare(entry, claimed, np.where(known, numeric, claimed), errors, rtol, atol)
    if wrong and entry.verdict == "correct":
        note = _("along a random direction the slope is another")
        return dataclasses.replace(entry, verdict="wrong", note=note)
    return entry


def sampled(entry: Entry, f: Scalar, x: Array, atol: float, rng: np.random.Generator) -> Entry:
    """Judge a large gradient whose truth is not known as a whole: where it is sampled."""
    mine = np.asarray(entry.hand, float)
    if mine.shape != x.shape:
        note = _("the shape is {hand} instead of {expected}", hand=mine.shape, expected=x.shape)
        d = Diagnosis("wrong_shape", note, {"hand": mine.shape, "expected": x.shape})
        return dataclasses.replace(entry, verdict="wrong", diagnoses=(d,))
    entry = confirm(entry, f, x, mine, 1e-5, atol, rng, 0)
    note = _("judged along random directions and at samples")
    return dataclasses.replace(entry, note=joined(entry.note, note))


def _sample(f: Scalar, x: Array, k: int, numeric: Array, errors: Array) -> None:
    one = np.zeros(x.shape)
    one.flat[k] = 1.0
    numeric.flat[k], errors.flat[k] = directional(f, x, one)


def _bisect(differs: Callable[[Array], bool], d: Array, x: Array, f: Scalar, numeric: Array,
            errors: Array) -> None:  # fmt: skip
    """Look for a wrong entry by halves along a direction on which the slopes differ."""
    low, high = 0, x.size
    while high - low > 4:
        middle = (low + high) // 2
        half = np.zeros(x.shape)
        half.flat[low:middle] = d.flat[low:middle]
        low, high = (low, middle) if differs(half) else (middle, high)
    for k in range(low, high):
        _sample(f, x, k, numeric, errors)
