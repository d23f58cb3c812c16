"""Sums in letters: that ``x[0, 0] W[0, 2] + x[0, 1] W[1, 2]`` is one over k of x[0, k] W[k, 2]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...kernels import Array
from .parts import Part

LETTERS = "klmnpqrstuvijh"


@dataclass(frozen=True)
class Pattern:
    """The places of entries, with letters where they vary.

    Attributes
    ----------
    entry, factor : tuple of str
        What stands in the brackets, axis by axis; of the weights' entries, if they are such.
    ranges : dict of str to (int, int)
        By letter, its first and last value.
    """

    entry: tuple[str, ...]
    factor: tuple[str, ...]
    ranges: dict[str, tuple[int, int]]


def pattern(part: Part, free: Iterable[str] = LETTERS) -> Pattern | None:
    """How the places of a part's entries vary together; None where no letters tell it.

    The places of the weights' entries, where there are such, are counted, and those of the values
    follow them: in a convolution ``x[u + 3, v + 5] K[u, v]``.
    """
    entries, factors = part.indices, part.factor_indices
    base = entries if factors is None else factors
    letters = iter(free)
    named: dict[str, Array] = {}
    ranges: dict[str, tuple[int, int]] = {}

    def written(column: Array) -> str | None:
        """A coordinate: a number, or a letter and what is added to it."""
        if (column == column[0]).all():
            return str(column[0])
        for letter, values in named.items():
            found = _affine(column, values, letter)
            if found is not None:
                return found
        letter = next(letters, "")
        low, high = int(column.min()), int(column.max())
        if not letter or len(np.unique(column)) != high - low + 1:
            return None
        named[letter], ranges[letter] = column, (low, high)
        return letter

    first = [written(column) for column in base.T]
    count = int(np.prod([high - low + 1 for low, high in ranges.values()]))
    if None in first or count != len(part):
        return None
    second = [written(column) for column in entries.T] if factors is not None else first
    if None in second or int(np.prod([b - a + 1 for a, b in ranges.values()])) != len(part):
        return None
    inside = tuple(map(str, first)) if factors is not None else ()
    return Pattern(tuple(map(str, second)), inside, ranges)


def _affine(column: Array, letter_values: Array, letter: str) -> str | None:
    """A coordinate as a multiple of a letter and a number; None if it is no such."""
    span = int(letter_values.max() - letter_values.min())
    if not span:
        return None
    rise = column[letter_values.argmax()] - column[letter_values.argmin()]
    if rise % span or not rise:
        return None
    step = int(rise // span)
    start = int(column[0] - step * letter_values[0])
    if not (column == step * letter_values + start).all():
        return None
    if step < 0:
        return f"{start} - {letter if step == -1 else f'{-step}{letter}'}"
    moved = letter if step == 1 else f"{step}{letter}"
    return moved if not start else f"{moved} {'+' if start > 0 else '-'} {abs(start)}"
