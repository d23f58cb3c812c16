"""Slips in the sum inside the softmax's gradient, p_i (g_i - sum_j p_j g_j)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...messages import _
from ..case import Case
from .arrays import word
from .operations import Local, replaced, uses_of_softmax
from .table import Mistake, mistake


@mistake("wrong_axis", tape=True)
def inner_sum_along_another_axis(case: Case) -> Iterator[Mistake]:
    text = _("the sum of the p_j g_j in the gradient of softmax goes along {wanted}, not {got}")
    for edge, axis in uses_of_softmax(case):
        dimensions = np.ndim(case.the_tape.nodes[edge[0]]._array)
        if dimensions < 2:
            continue
        wanted = axis % dimensions
        for other in [*range(dimensions), None]:
            if other == wanted:
                continue

            def local(g: Any, y: Any, x: Any, other: int | None = other) -> Any:
                return y * (g - (g * y).sum(other, keepdims=True))

            axes = tuple(range(dimensions)) if other is None else (other,)
            words = text.format(wanted=word((wanted,)), got=word(axes))
            yield replaced(case, edge, local, words, axis=other)


@mistake("wrong_local_derivative", tape=True)
def inner_sum_of_other_terms(case: Case) -> Iterator[Mistake]:
    for edge, axis in uses_of_softmax(case):

        def total(values: Any, axis: int = axis) -> Any:
            return values.sum(axis, keepdims=True)

        slips: list[tuple[str, Local]] = [
            (_("in the gradient of softmax the p_j g_j are added up, you took their mean"),
             lambda g, y, x, axis=axis: y * (g - (g * y).mean(axis, keepdims=True))),
            (_("in the gradient of softmax the sum is of the p_j g_j, you left the p_j out"),
             lambda g, y, x, total=total: y * (g - total(g))),
            (_("in the gradient of softmax p_i multiplies both terms, g_i and the sum"),
             lambda g, y, x, total=total: g - y * total(g * y)),
            (_("in the gradient of softmax the factor p_i before the bracket is missing"),
             lambda g, y, x, total=total: g - total(g * y)),
        ]  # fmt: skip
        for text, local in slips:
            yield replaced(case, edge, local, text, operation="softmax")
