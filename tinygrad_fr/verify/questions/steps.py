"""Chains of equalities written by hand."""

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

    def value(member: Any, point: Mapping[str, Array]) -> Array:
        if not callable(member):
            return np.asarray(as_array(member), float)
        copies = {k: np.array(x) for k, x in point.items()}
        if named is None:
            y = attempted(member, *copies.values())
        else:
            y = called_by_name(member, copies, _("a member of the chain"))
        return np.asarray(as_array(y), float)

    def values(point: Mapping[str, Array]) -> tuple[list[Any], bool]:
        """All members at a point, and whether it lies in the domain of each."""
        row: list[Any] = []
        for member in members:
            try:
                row.append(value(member, point))
            except StudentError as failure:
                row.append(failure)
        inside = all(not isinstance(v, StudentError) and np.isfinite(v).all() for v in row)
        return row, inside

    rows = [values(point) for point in points]
    table = [row for k, (row, inside) in enumerate(rows) if inside or k == 0]
    entries = {f"step {k + 1}": _step(k, table, rtol, atol) for k in range(len(members) - 1)}
    first = next((name for name, entry in entries.items() if entry.verdict == "wrong"), None)
    note = _("compared at {n} points", n=len(table))
    hidden = []
    row, inside = values(mirrored)
    for k, (left, right) in enumerate(itertools.pairwise(row)):
        holds = entries[f"step {k + 1}"].verdict == "correct"
        if inside and holds and not _same(left, right, rtol, atol):
            hidden.append(
                _(
                    "step {k} holds for the signs that you gave, and not for the opposite ones",
                    k=k + 1,
                )
            )
    return Report(entries, tuple(hidden), first, (note,))


def _step(k: int, table: list[list[Any]], rtol: float, atol: float) -> Entry:
    """The verdict on the equality between members k and k + 1."""
    name = f"step {k + 1}"
    best: Entry | None = None
    for row in table:
        left, right = row[k], row[k + 1]
        for side in (left, right):
            if isinstance(side, StudentError):
                return Entry(name, "wrong", note=str(side), max_rel_error=np.inf)
        if left.shape != right.shape:
            try:
                left, right = np.broadcast_arrays(left, right)
            except ValueError:
                text = _("the shapes {left} and {right} are not equal")
                note = text.format(left=left.shape, right=right.shape)
                return Entry(name, "wrong", None, left, right, np.inf, np.inf, note=note)
        entry = Entry(name, "correct", None, left, right)
        entry = compare(entry, right, left, np.full(left.shape, atol), rtol, atol)
        if best is None or (entry.verdict == "wrong" and best.verdict != "wrong"):
            best = entry
    assert best is not None
    if best.verdict != "wrong":
        return best
    text = _('the "=" between members {a} and {b} does not hold')
    note = text.format(a=k + 1, b=k + 2) + f" ({best.note})"
    if k + 2 < len(table[0]) and all(_same(row[k], row[k + 2], rtol, atol) for row in table):
        text = _("members {a} and {c} agree: the mistake is in member {b}")
        note = joined(note, text.format(a=k + 1, b=k + 2, c=k + 3))
    return dataclasses.replace(best, note=note)


def _same(a: Any, b: Any, rtol: float, atol: float) -> bool:
    if isinstance(a, StudentError) or isinstance(b, StudentError) or a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=rtol, atol=atol))
