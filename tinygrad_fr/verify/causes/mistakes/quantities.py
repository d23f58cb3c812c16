"""The right rule at another quantity, or another function in place of a derivative."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ....graph.recorded.recurrence import recurs
from ....kernels import Array
from ....messages import _
from ..case import Case, Mistake, Use
from .table import mistake


@mistake("wrong_variable", tape=True, subsets=True)
def another_quantity(case: Case) -> Iterator[Mistake]:
    text = _("in the local derivative of {operation}, {got} stands where {wanted} should")
    nodes = case.the_tape.nodes
    made = [node for node in nodes if node._op is not None]  # leaves: at the first step only
    places = {id(node._array): k for k, node in enumerate(made)}
    steps = recurs(case.the_tape)  # then it is made at each of them
    uses = list(case.uses())
    for far, use in enumerate(reversed(uses[-120 if steps else -30 :])):
        if use.operation in ("add", "subtract", "sum", "reshape"):
            continue
        originals = [use.node._array, *use.operands]
        for slot, (original, wanted) in enumerate(zip(originals, use.labels, strict=True)):
            if np.ndim(original) == 0:
                continue
            terms = []  # o for o - t: a term of it is missing
            inner: Any = use.node._inputs[slot - 1] if slot else None
            if getattr(getattr(inner, "_op", None), "name", "") in ("add", "subtract"):
                terms = [getattr(x, "_array", x) for x in inner._inputs]
            most = 40 if steps else 24
            others = [*_alternatives(case, original, use.operation, most), *_transposed(use, slot)]
            kind = _operation(made, places, original)
            for k, (got, other) in enumerate(others):
                # What stands before the first step is given, or zero.
                first = id(other) not in places or not np.any(other)
                alike = first or kind in ("", _operation(made, places, other))
                if far >= 30 and not alike:
                    continue
                if any(other is x for x in terms) or (slot and other is use.node._array):
                    continue  # a slip with a name of its own
                if use.operation == "divide" and not slot and other is use.operands[0]:
                    continue
                local = use.given({slot: other})
                slip = use.with_local(local, text, got=got, wanted=wanted)
                # Through time, h_t in place of h_(t-1) is the same slip at every step.
                shift = places.get(id(other), -1) - places[id(use.node._array)]
                step = (use.operation, use.position, slot, "first" if first else shift)
                yield replace(slip, step=step if alike or (k < 12 and far < 30) else None)


def _operation(made: list[Any], places: dict[int, int], x: Any) -> str:
    """What has made an array; nothing where it was given."""
    return made[places[id(x)]]._op.name if id(x) in places else ""


def _transposed(use: Use, slot: int) -> Iterator[tuple[str, Array]]:
    """Other quantities, where a transposed one stands: ``Q`` for ``K`` in ``S = Q K^T``."""
    case = use.case
    number = case.the_tape.number(use.node._inputs[slot - 1]) if slot else None
    if number is not None and case.the_tape.operation(number) in ("transpose", "swapaxes"):
        turn, arguments = case.the_tape.nodes[number]._op.function, case.the_tape.arguments(number)
        source, *rest = arguments.values()
        for name, x in case.alike(np.shape(source))[:12]:
            if not np.array_equal(x, getattr(source, "_array", source)):
                yield name, np.asarray(turn(x, *rest))


def _alternatives(
    case: Case, original: Any, operation: str, most: int
) -> Iterator[tuple[str, Array]]:
    alike = case.alike(np.shape(original))
    others = (named for named in alike if not np.array_equal(named[1], original))
    yield from itertools.islice(others, most)
    if operation in ("log", "divide", "sqrt", "reciprocal"):
        small = float(np.abs(original).min(initial=np.inf))
        for k in (-15, -12, -10, -9, -8, -7, -6, -5, -4, -3, -2):
            eps, shown = 10.0**k, f"1e{k}"
            if np.min(original) < eps:
                yield _("the quantity cut off at {eps}", eps=shown), np.maximum(original, eps)
            if eps > 0.1 * case.rtol * small:  # else what follows from it is right
                yield _("the quantity without its {eps}", eps=shown), original - eps
                yield _("the quantity plus {eps}", eps=shown), original + eps


@mistake("wrong_variable", tape=True)
def gradient_of_another(case: Case) -> Iterator[Mistake]:
    for number, g in case.gradients.items():
        node = case.the_tape.nodes[number]
        if number == case.target or g.shape != case.true.shape or node._op is not None:
            continue
        if node._name is not None:
            label = case.the_tape.label(number)
            yield Mistake(g, _("this is the gradient of {other}", other=label), {"other": label})
