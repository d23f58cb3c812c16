"""The table of mistakes: small functions that say what a gradient would be if one was made.

To add a kind of mistake, or another way to make a known one, write a generator and declare its
kind; it yields what the hand gradient would then be, a sentence, and details::

    @mistake("scale")
    def doubled(case):
        yield Mistake(2 * case.true, _("the factor 2 is too much"), {"factor": 2.0})

A mistake made at an operation is written with its other local derivative alone::

    @mistake("sign", tape=True)
    def reversed_tanh(case):
        for use in case.uses("tanh"):
            yield use.with_local(lambda g, y, x: g * (y**2 - 1), _("the sign is reversed"))

A hypothesis is accepted only if its array equals the student's to tolerance; one that does not
apply may raise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....autograd.transforms import vjp
from ....errors import TinygradError
from ....kernels import Array
from ..case import Case, Local, Mistake

# The kinds in the order of the contract; hypotheses are listed in it.
KINDS = (
    "transpose", "not_summed", "wrong_axis", "flipped_kernel", "shifted", "permuted",
    "off_by_one_class", "sign", "scale", "zero", "constant_offset", "truncated", "diagonal_only",
    "double_activation", "missing_upstream", "missing_factor", "extra_factor", "wrong_variable",
    "wrong_local_derivative", "missing_branch", "max_ties", "overwritten", "updated_too_early",
    "stale_cache", "one_hot_upstream_only", "precision", "non_finite", "forward_differs", "ascent",
    "wrong_shape",
)  # fmt: skip


Hypothesis = Callable[[Case], Iterator[Mistake]]

# What a hypothesis that does not apply may raise.
MISFITS = (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError,
           AssertionError, TinygradError)  # fmt: skip


@dataclass
class Row:
    """A line of the table."""

    kind: str
    hypothesis: Hypothesis
    needs_tape: bool
    subsets: bool  # whether the mistake may be made on a part of the entries only
    costly: bool  # whether it is tried only if no other explains the gradient exactly
    shapes: bool  # whether what it predicts may have another shape than the true gradient


TABLE: list[Row] = []


def mistake(
    kind: str,
    *,
    tape: bool = False,
    subsets: bool = False,
    costly: bool = False,
    shapes: bool | None = None,
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
    costly
        Whether it evaluates the function many times: tried only if nothing else is exact.
    shapes
        Whether it may predict a gradient of another shape than the true one, which few do that
        need the graph; those alone are tried first where the hand gradient has another.
    """

    def declare(hypothesis: Hypothesis) -> Hypothesis:
        other = not tape if shapes is None else shapes
        TABLE.append(Row(kind, hypothesis, tape, subsets, costly, other))
        TABLE.sort(key=lambda row: KINDS.index(row.kind))
        return hypothesis

    return declare


def reached(gradient: Array | None, text: str, **detail: Any) -> Iterator[Mistake]:
    """The mistake with a gradient, if the value is reached by it."""
    if gradient is not None:
        yield Mistake(gradient, text, detail)


def at(function: Callable[[Any], Any], point: Array) -> Local:
    """The local derivative of a function of one array, at a point of its own."""
    return lambda g, *_values: vjp(function, np.asarray(point, float))[1](g)
