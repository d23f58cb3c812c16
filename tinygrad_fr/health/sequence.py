"""How the gradient fares through time: weights that are used at one step after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..autograd.modes import Call

STEPS = 3  # uses of one matrix in one call of the model that make a sequence


@dataclass(frozen=True)
class Use:
    """A matrix in use: in which call of a model, when, and the norm of the gradient there."""

    call: Call | None
    rank: int
    norm: float


def sequences(uses: Mapping[str, list[Use]]) -> dict[str, list[float]]:
    """Norms from the first use to the last, of each matrix that is used at several steps.

    Of two matrices that receive the same gradients, as those of an RNNCell do, the first counts.
    """
    found: dict[str, list[float]] = {}
    for name, all_uses in uses.items():
        # Several calls of the model before one backward pass are sequences of their own.
        last = max(all_uses, key=lambda use: use.rank).call
        own = sorted((use for use in all_uses if use.call is last), key=lambda use: use.rank)
        norms = [use.norm for use in own]
        if len(norms) >= STEPS and norms not in found.values():
            found[name] = norms
    return found


def usual(passes: Iterable[list[float]]) -> list[float]:
    """The median norm at each step; sequences of several lengths end at the same one."""
    rows = list(passes)
    longest = max(map(len, rows))
    columns = [[row[k] for row in rows if len(row) >= -k] for k in range(-longest, 0)]
    return [float(np.median(column)) for column in columns]
