"""Gradients that someone took for derived, and that are finite differences of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...messages import _
from ..case import Case
from .table import Mistake, mistake


@mistake("precision")
def coarse_differences(case: Case) -> Iterator[Mistake]:
    if case.f is None or case.hand.shape != case.value.shape or case.hand.size > 200:
        return
    text = _(
        "these are finite differences with the step {step}, which is too {size}: they are not "
        "exact enough to judge a gradient"
    )
    here = case.f(case.value)
    for k in range(1, 16):
        step = 10.0**-k
        for sides in ((1.0, 0.0), (1.0, -1.0), (0.0, -1.0)):
            found = np.zeros(case.value.shape)
            for index in np.ndindex(case.value.shape):
                moved = [case.value.copy(), case.value.copy()]
                moved[0][index] += sides[0] * step
                moved[1][index] += sides[1] * step
                found[index] = (case.f(moved[0]) - case.f(moved[1])) / (
                    (sides[0] - sides[1]) * step
                )
            # Two programs for one function differ by a few roundings of it.
            noise = 4 * np.finfo(float).eps * max(abs(here), 1e-300) / step
            error = np.abs(case.hand - case.true)
            if (np.abs(case.hand - found) <= noise + 1e-9 * np.abs(found)).all() and (
                noise < 0.2 * error.max() or _quantised(case.hand, here, step)
            ):
                words = text.format(step=f"1e-{k}", size=_("large") if k < 5 else _("small"))
                yield Mistake(case.hand, words, {"step": step})
                return


def _quantised(hand, here: float, step: float) -> bool:  # type: ignore[no-untyped-def]
    """Whether all entries are whole multiples of one rounding of f over the step."""
    unit = np.spacing(abs(here)) / (4 * step)
    counts = hand / unit
    return bool((np.abs(counts - np.rint(counts)) < 0.02).all() and np.abs(counts).max() < 1e5)
