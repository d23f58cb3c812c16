"""Chains of equalities written by hand."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..handwritten.calls import StudentError, as_array, attempted, called_by_name, promoted
from ..truth.comparison import compare
from ..truth.limits import redrawn


def steps(
    members: Sequence[Any],
    inputs: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Check a chain of equalities ``f1 = f2 = f3 = ...`` written by hand.

    Parameters
    ----------
    members
        Functions of the inputs (or constants), in the order in which they are written.
    inputs
        Arrays by name; a single array, or a tuple of them, for functions of that many arguments.
    rtol, atol
        Two members may differ by ``rtol`` times the largest entry, plus ``atol``.
    seed
        Of four more points at which they are compared: at the given one a mistake may not show.

    Returns
    -------
    Report
        Entries ``step 1`` (the first "="), ``step 2``, ...; ``first_wrong`` is the first "=" that
        fails.

    Examples
    --------
    >>> report = steps([lambda x: (x + 1) ** 2, lambda x: x**2 + 1, lambda x: 1 + x**2], 2.0)
    >>> report.first_wrong
    'step 1'
    """
    members = list(members)
    if len(members) < 2:
        raise ArgumentError("a chain of equalities has at least two members")
    named = inputs if isinstance(inputs, Mapping) else None
    listed = inputs if isinstance(inputs, tuple) else (inputs,)
    arrays = {str(k): promoted(x) for k, x in (named or dict(enumerate(listed))).items()}
    rng = np.random.default_rng(seed)
    points = [arrays, *(redrawn(arrays, rng) for _point in range(4))]
    mirrored = {k: -x if x.dtype.kind == "f" else x for k, x in points[1].items()}

    def value(member: Any, point: Mapping[str, Array]) -> Array | StudentError:
        """A member of the chain at a point, or what it raises there."""
        copies = {k: np.array(x) for k, x in point.items()}
        try:
            if callable(member) and named is None:
                member = attempted(member, *copies.values())
            elif callable(member):
                member = called_by_name(member, copies, _("a member of the chain"))
            return np.asarray(as_array(member), float)
        except StudentError as failure:
            return failure

    rows = [[value(member, point) for member in members] for point in (*points, mirrored)]
    opposite, table = rows.pop(), [row for k, row in enumerate(rows) if k == 0 or _inside(row)]
    entries = {f"step {k}": _step(k, table, rtol, atol) for k in range(1, len(members))}
    first = next((name for name, entry in entries.items() if entry.verdict == "wrong"), None)
    hidden = [
        _("step {k} holds for the signs that you gave, and not for the opposite ones", k=k)
        for k, (left, right) in enumerate(itertools.pairwise(opposite), 1)
        if entries[f"step {k}"].verdict == "correct" and _inside(opposite)
        and not _same(left, right, rtol, atol)
    ]  # fmt: skip
    note = _("compared at {n} points", n=len(table))
    return Report(entries, tuple(hidden), first, (note,))


def _inside(row: list[Any]) -> bool:
    """Whether a point lies in the domain of all members."""
    return all(not isinstance(v, StudentError) and bool(np.isfinite(v).all()) for v in row)


def _step(k: int, table: list[list[Any]], rtol: float, atol: float) -> Entry:
    """The verdict on the equality between members k and k + 1, counted from 1."""
    compared = [_equality(f"step {k}", row[k - 1], row[k], rtol, atol) for row in table]
    entry = next((e for e in compared if e.verdict == "wrong"), compared[0])
    if entry.verdict != "wrong":
        return entry
    note = _('the "=" between members {a} and {b} does not hold', a=k, b=k + 1)
    note += f" ({entry.note})"
    if k + 1 < len(table[0]) and all(_same(row[k - 1], row[k + 1], rtol, atol) for row in table):
        text = _("members {a} and {c} agree: the mistake is in member {b}", a=k, b=k + 1, c=k + 2)
        note = joined(note, text)
    return dataclasses.replace(entry, note=note)


def _equality(name: str, left: Any, right: Any, rtol: float, atol: float) -> Entry:
    """The verdict at one point."""
    wrong = Entry(name, "wrong", max_rel_error=np.inf)
    for side in (left, right):
        if isinstance(side, StudentError):
            return dataclasses.replace(wrong, note=str(side))
    try:
        left, right = np.broadcast_arrays(left, right)
    except ValueError:
        note = _("the shapes {left} and {right} are not equal", left=left.shape, right=right.shape)
        return dataclasses.replace(wrong, numeric=left, hand=right, max_abs_error=np.inf, note=note)
    entry = Entry(name, "correct", None, left, right)
    return compare(entry, right, left, np.full(left.shape, atol), rtol, atol)


def _same(a: Any, b: Any, rtol: float, atol: float) -> bool:
    if isinstance(a, StudentError) or isinstance(b, StudentError) or a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=rtol, atol=atol))
