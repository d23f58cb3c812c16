"""Gradients that someone took for derived, and that are finite differences of their own."""

from collections.abc import Iterator

import numpy as np

from ....messages import _
from ..case import Case, Mistake
from .table import mistake

# Where the two values of a difference quotient lie, in steps.
SIDES = ((1.0, 0.0), (1.0, -1.0), (0.0, -1.0))


@mistake("precision", costly=True)
def coarse_differences(case: Case) -> Iterator[Mistake]:
    if case.f is None or case.hand.shape != case.value.shape or case.hand.size > 200:
        return
    if np.array_equal(case.hand, np.rint(case.hand)):
        return  # a mask, or ones
    here = case.f(case.value)
    error = np.abs(case.hand - case.true)
    order = np.argsort(-error.ravel())  # the first to contradict is the one most in error
    worst, most, converged = int(order[0]), float(error.max()), False
    for k in range(1, 16):
        step = 10.0**-k
        # Two programs for one function differ by a few roundings of it.
        noise = 4 * np.finfo(float).eps * max(abs(here), 1e-300) / step
        if noise >= 0.01 * most and not _quantised(case.hand, here, step):
            continue  # anything agrees with a quotient that is all noise
        if not converged:
            distance = [abs(_quotient(case, worst, step, s) - case.true.flat[worst]) for s in SIDES]
            converged = max(distance) < 0.01 * most
        if converged and noise < 0.01 * most:
            continue  # nearer to the truth than the hand gradient, and smaller steps are nearer
        for sides in SIDES:
            if all(_is_quotient(case, int(k), step, sides, noise) for k in order):
                finer, rounding = step / 128, 128 * noise
                if rounding < 0.2 * most and all(
                    _is_quotient(case, int(k), finer, sides, rounding) for k in order
                ):
                    return  # the slope on one side of a kink, whatever the step
                shown, size = f"1e-{k}", _("large") if k < 5 else _("small")
                words = _(
                    "these are finite differences with the step {step}, which is too {size}: "
                    "they are not exact enough to judge a gradient",
                    step=shown,
                    size=size,
                )
                yield Mistake(case.hand, words, {"step": step})
                return


def _is_quotient(case: Case, k: int, step: float, sides: tuple[float, float], noise: float) -> bool:
    """Whether an entry is the difference quotient with a step."""
    found = _quotient(case, k, step, sides)
    return bool(abs(case.hand.flat[k] - found) <= noise + 1e-9 * abs(found))


def _quotient(case: Case, k: int, step: float, sides: tuple[float, float]) -> float:
    moved = [case.value.copy(), case.value.copy()]
    for side, x in zip(sides, moved, strict=True):
        x.flat[k] += side * step
    return float((case.f(moved[0]) - case.f(moved[1])) / ((sides[0] - sides[1]) * step))


def _quantised(hand, here: float, step: float) -> bool:  # type: ignore[no-untyped-def]
    """Whether all entries are whole multiples of one rounding of f over the step."""
    unit = np.spacing(abs(here)) / (4 * step)
    counts = hand / unit
    some = np.abs(counts[hand != 0])
    return bool(
        (np.abs(some - np.rint(some)) < 1e-6).all() and 0.9 < some.min() <= some.max() < 1e8
    )


@mistake("precision")
def printed_digits(case: Case) -> Iterator[Mistake]:
    """Numbers that were copied with a few decimals."""
    text = _("right, but rounded to {digits} decimals: reckon with all of them")
    for digits in (1, 2, 3, 4):
        rounded = np.round(case.true, digits)
        if case.hand.shape == rounded.shape and np.allclose(case.hand, rounded, rtol=0, atol=1e-12):
            yield Mistake(case.hand, text.format(digits=digits), {"digits": digits})
