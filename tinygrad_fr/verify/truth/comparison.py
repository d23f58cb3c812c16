"""Is a gradient right? What is known of the truth, and how somebody's gradient compares with it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, joined
from .differences import DIRECTIONS, FULL, SAMPLES, derivative, directional, signed
from .tolerances import CONFIRMED, NOTICED, ROUNDING

Scalar = Callable[[Array], float]


@dataclass(frozen=True)
class Truth:
    """The right gradient, and how surely it is known.

    Attributes
    ----------
    value : array or None
        None where it is too large for all of its entries to be differentiated.
    error : array
        How far the value may be off, for the rounding of what cancels in it.
    exact : bool
        Whether it was recorded, and finite differences agree.
    rounded : bool
        Whether the function rounds, so that finite differences say nothing.
    numeric : array or None
        What finite differences say: NaN where they were not taken.
    """

    value: Array | None
    error: Array
    exact: bool = False
    rounded: bool = False
    numeric: Array | None = None


def close(a: Array, b: Array, rtol: float) -> bool:
    """Whether two arrays agree, relative to the largest entry."""
    if a.shape != b.shape or not a.size:
        return bool(a.shape == b.shape)
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    return bool(np.isfinite(scale)) and bool(np.abs(a - b).max() <= rtol * scale)


def granted(claimed: Array, rtol: float) -> float:
    """The relative tolerance for a gradient: wider where its dtype rounds more."""
    return max(rtol, ROUNDING.get(claimed.dtype.char, 0.0))


def rounded(entry: Entry, claimed: Array) -> Entry:
    """A right gradient; it is said where its dtype has rounded it."""
    if claimed.dtype.char not in ROUNDING or entry.max_rel_error <= NOTICED:
        return entry
    text = _("right within the rounding of {dtype}", dtype=claimed.dtype)
    found = Diagnosis("precision", text, {"dtype": str(claimed.dtype)})
    return dataclasses.replace(entry, diagnoses=(found,))


def worst_at(difference: Array) -> tuple[int, ...]:
    """Where a difference is largest."""
    if not difference.size:
        return ()
    return tuple(int(i) for i in np.unravel_index(int(difference.argmax()), difference.shape))


def difference_at(index: tuple[int, ...], claimed: Array, true: Array) -> str:
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
        verdict, note = "wrong", difference_at(index, claimed, true)
    return dataclasses.replace(
        entry, verdict=verdict, max_abs_error=worst, worst_index=index, note=note,
        max_rel_error=worst / scale if scale else worst,
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

    def sample(k: int) -> None:
        one = np.zeros(x.shape)
        one.flat[k] = 1.0
        numeric.flat[k], errors.flat[k] = directional(f, x, one)

    def differs(d: Array) -> bool:
        slope, error = directional(f, x, d)
        # In a random direction the errors of many entries add up: a tenth of what one may have.
        return not abs(slope - float((claimed * d).sum())) <= max(0.1 * rtol * norm, 10 * error)

    wrong = next(
        (d for d in (signed(rng, x.shape) for _k in range(DIRECTIONS)) if differs(d)), None
    )
    if wrong is not None:  # the samples alone would hardly meet the entry that is wrong
        for k in _bisected(differs, wrong):
            sample(k)
    for k in rng.choice(x.size, SAMPLES, replace=False):
        sample(int(k))
    entry = dataclasses.replace(entry, numeric=numeric)
    known = ~np.isnan(numeric)
    if not known.any():
        note = _("the function is not finite around the point")
        return dataclasses.replace(entry, verdict="inconclusive", note=note)
    entry = compare(entry, claimed, np.where(known, numeric, claimed), errors, rtol, atol)
    if wrong is not None and entry.verdict == "correct":
        note = _("along a random direction the slope is another")
        return dataclasses.replace(entry, verdict="wrong", note=note)
    return entry


def _bisected(differs: Callable[[Array], bool], d: Array) -> range:
    """A few entries, found by halves, because of which the slopes along a direction differ."""
    low, high = 0, d.size
    while high - low > 4:
        middle = (low + high) // 2
        half = np.zeros(d.shape)
        half.flat[low:middle] = d.flat[low:middle]
        low, high = (low, middle) if differs(half) else (middle, high)
    return range(low, high)


def sampled(entry: Entry, f: Scalar, x: Array, atol: float, rng: np.random.Generator) -> Entry:
    """Judge a large gradient whose truth is not known as a whole: where it is sampled."""
    mine = np.asarray(entry.hand, float)
    if mine.shape != x.shape:
        note = _("the shape is {hand} instead of {expected}", hand=mine.shape, expected=x.shape)
        d = Diagnosis("wrong_shape", note, {"hand": mine.shape, "expected": x.shape})
        return dataclasses.replace(entry, verdict="wrong", diagnoses=(d,))
    entry = confirm(entry, f, x, mine, CONFIRMED, atol, rng, 0)
    note = _("judged along random directions and at samples")
    return dataclasses.replace(entry, note=joined(entry.note, note))
