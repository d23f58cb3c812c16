"""The table of mistakes: small functions that say what a gradient would be if one was made.

To add a kind of mistake, or another way to make a known one, write a generator and declare its
kind; it yields what the hand gradient would then be, a sentence, and details::

    @mistake("scale")
    def doubled(case):
        yield Mistake(2 * case.true, _("the factor 2 is too much"), {"factor": 2.0})

A hypothesis is accepted only if its array equals the student's to tolerance; one that does not
apply may raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ....kernels import Array
from ..case import Case

# The kinds in the order of the contract; hypotheses are listed in it.
KINDS = (
    "transpose", "not_summed", "wrong_axis", "flipped_kernel", "shifted", "permuted",
    "off_by_one_class", "sign", "scale", "zero", "constant_offset", "truncated", "diagonal_only",
    "double_activation", "missing_upstream", "missing_factor", "extra_factor", "wrong_variable",
    "wrong_local_derivative", "missing_branch", "max_ties", "overwritten", "updated_too_early",
    "stale_cache", "one_hot_upstream_only", "precision", "non_finite", "forward_differs", "ascent",
    "wrong_shape",
)  # fmt: skip


@dataclass
class Mistake:
    """A mistake made.

    Attributes
    ----------
    gradient : array
        What the hand gradient would be.
    explanation : str
    detail : dict
    fitted : bool
        Whether a number was fitted to the hand gradient that equals nothing known.
    local : dict or None
        The local derivatives that it replaces on the tape, to be combined with others.
    """

    gradient: Array
    explanation: str
    detail: dict[str, Any] = field(default_factory=dict)
    fitted: bool = False
    local: dict[tuple[int, int], Any] | None = None


Hypothesis = Callable[[Case], Iterator[Mistake]]


@dataclass
class Row:
    """A line of the table."""

    kind: str
    hypothesis: Hypothesis
    needs_tape: bool
    subsets: bool  # whether the mistake may be made on a part of the entries only


TABLE: list[Row] = []


def mistake(
    kind: str, *, tape: bool = False, subsets: bool = False
) -> Callable[[Hypothesis], Hypothesis]:
    """Enter a hypothesis into the table.

    Parameters
    ----------
    kind
        One of the contract's kinds.
    tape
        Whether it needs the recorded graph.
    subsets
        Whether it is also tried on single rows, classes, cases.
    """

    def declare(hypothesis: Hypothesis) -> Hypothesis:
        TABLE.append(Row(kind, hypothesis, tape, subsets))
        TABLE.sort(key=lambda row: KINDS.index(row.kind))
        return hypothesis

    return declare
