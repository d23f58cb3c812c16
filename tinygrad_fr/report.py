"""What a verification found: entries, verdicts and the sentences that go with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .kernels import Array
from .messages import _

# Verdicts, in the contract's words; the second of each pair is "nothing wrong".
VERDICTS = {"correct": True, "kink": True, "wrong": False, "inconclusive": False}


@dataclass(frozen=True)
class Diagnosis:
    """A tested hypothesis about what went wrong."""

    kind: str
    explanation: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 1.0


@dataclass(frozen=True)
class Entry:
    """The verdict on one gradient.

    Attributes
    ----------
    name : str
    autograd, numeric, hand : array or None
        The gradient by reverse mode, by finite differences, and derived by hand.
    verdict : str
        ``"correct"``, ``"wrong"``, ``"kink"`` or ``"inconclusive"``.
    max_abs_error, max_rel_error : float
        The largest difference to the truth, alone and divided by the largest true value.
    worst_index : tuple of int
        Where it is.
    note : str
        What else there is to say.
    """

    name: str
    verdict: str
    autograd: Array | None = None
    numeric: Array | None = None
    hand: Array | None = None
    max_abs_error: float = 0.0
    max_rel_error: float = 0.0
    worst_index: tuple[int, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    note: str = ""


def verdict_word(verdict: str) -> str:
    """The verdict in the language in use."""
    return {
        "correct": _("correct"),
        "wrong": _("wrong"),
        "kink": _("kink"),
        "inconclusive": _("inconclusive"),
    }[verdict]


@dataclass(frozen=True)
class Report:
    """The entries of a verification, by name. It is true when nothing is wrong.

    Examples
    --------
    >>> bool(Report({"x": Entry("x", "correct")}))
    True
    """

    entries: Mapping[str, Entry]
    hidden: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return all(VERDICTS[entry.verdict] for entry in self.entries.values())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __str__(self) -> str:
        header = (_("gradient"), _("shape"), _("verdict"), _("relative error"), _("remark"))
        rows = [header]
        for entry in self:
            array = entry.numeric if entry.numeric is not None else entry.autograd
            rows.append(
                (
                    entry.name,
                    str(np.shape(array)) if array is not None else "-",
                    verdict_word(entry.verdict),
                    f"{entry.max_rel_error:.1e}",
                    entry.note,
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]])
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def compare(
    name: str, autograd: Array, numeric: Array, error: Array, rtol: float, atol: float
) -> Entry:
    """Judge a gradient against a numeric one whose own error is estimated."""
    difference = np.abs(autograd - numeric)
    scale = float(np.abs(numeric).max(initial=0.0))
    # No more is granted for rounding than the differences themselves need: a tiny gradient with
    # the wrong sign is wrong.
    allowed = min(atol, 10 * float(np.nan_to_num(error, posinf=0.0).max(initial=0.0)))
    allowed += rtol * scale
    if not np.isfinite(difference).all():
        same = (autograd == numeric) | (np.isnan(autograd) & np.isnan(numeric))
        difference = np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))
    worst = float(difference.max(initial=0.0))
    index = np.unravel_index(int(difference.argmax()), difference.shape) if difference.size else ()
    if worst <= allowed:
        verdict, note = "correct", ""
    elif not (np.isfinite(numeric) | (difference <= allowed)).all():
        verdict, note = "inconclusive", _("the function is not finite around the point")
    elif (difference <= allowed + 10 * error).all() and np.isfinite(worst):
        verdict = "inconclusive"
        note = _("the finite differences themselves are no more exact than that")
    else:
        verdict = "wrong"
        note = _("at {index}: {got:.6g} instead of {true:.6g}").format(
            index=tuple(int(i) for i in index),
            got=float(autograd[index]),
            true=float(numeric[index]),
        )
    return Entry(
        name=name,
        verdict=verdict,
        autograd=autograd,
        numeric=numeric,
        max_abs_error=worst,
        max_rel_error=worst / scale if scale else worst,
        worst_index=tuple(int(i) for i in index),
        note=note,
    )
