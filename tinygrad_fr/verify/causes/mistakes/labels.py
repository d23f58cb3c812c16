"""Mistakes in the targets."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ....kernels import Array
from ....messages import _
from ...truth.limits import is_one_hot
from ..case import Case, Mistake
from .table import mistake, reached


@mistake("off_by_one_class", tape=True)
def neighbouring_labels(case: Case) -> Iterator[Mistake]:
    text = _(
        "the labels are off by one ({by:+d}): classes are counted from 0 in one place and from 1 "
        "in another"
    )
    tape = case.the_tape
    for by in (1, -1):
        found = False
        for axis in (-1, 0):

            def moved(x: Array, by: int = by, axis: int = axis) -> Array:
                return np.roll(x, by, axis) if _goes_along(x, axis) else x

            leaves = {
                i: moved(node._array)
                for i, node in enumerate(tape.nodes)
                if node._op is None and _goes_along(node._array, axis)
            }
            other = tape.once(
                ("classes", by, axis), partial(tape.replayed, values=leaves, constants=moved)
            )
            if other.output is not tape.output:  # else: no labels
                found = True
                yield from reached(case.on(other), text.format(by=by), by=by)
        if case.rerun is not None:
            labels = {
                name: np.asarray(x)
                for name, x in case.values.items()
                if np.asarray(x).dtype.kind in "iu" and np.size(x)
            }
            classes = 1 + max((int(x.max()) for x in labels.values()), default=0)
            for wrap in (True, False):
                shifted = {
                    name: (x + by) % classes if wrap else np.clip(x + by, 0, classes - 1)
                    for name, x in labels.items()
                }
                if labels and not (wrap and found):  # else: the same again
                    rerun = partial(case.rerun, shifted)
                    again = tape.once(("labels", by, wrap), rerun)
                    yield from reached(case.on(again), text.format(by=by), by=by)


@mistake("wrong_variable", tape=True)
def other_labels(case: Case) -> Iterator[Mistake]:
    """The inputs where the targets should stand: other integers of the same number."""
    text = _("{other} stand where {wanted} should")
    labels = {n: np.asarray(x) for n, x in case.values.items() if np.asarray(x).dtype.kind in "iu"}
    other_steps = [(_("{name} of the step before"), 1), (_("{name} of the next step"), -1)]
    rolled = {
        text.format(name=name): np.roll(x, by)
        for name, x in labels.items() if x.ndim == 1
        for text, by in other_steps
    }  # fmt: skip
    for wanted, x in labels.items():
        for other, y in {**labels, **rolled}.items():
            if case.rerun is None or x.shape != y.shape or not x.ndim or np.array_equal(x, y):
                continue
            again = case.the_tape.once(
                ("labels", wanted, other), partial(case.rerun, {wanted: y.astype(x.dtype)})
            )
            words = text.format(other=other, wanted=wanted)
            yield from reached(case.on(again), words, other=other)


def _goes_along(x: Array, axis: int) -> bool:
    """Whether an array holds one-hot targets, with the classes on an axis."""
    return is_one_hot(x) and bool((x.sum(axis) == 1).all()) and (x.ndim > 1 or axis == -1)
