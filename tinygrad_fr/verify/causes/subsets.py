"""Parts of an array that have a name: one class, the rows with y = 0, the case k = c."""

from collections.abc import Iterator

import numpy as np

from ...kernels import Array
from ...messages import _
from ..truth.limits import is_one_hot
from .case import Case


def named(case: Case, wrong: Array) -> Iterator[tuple[str, Array]]:
    """Masks of the hand gradient's shape that cover the wrong entries, the most telling first."""
    for label, mask in _candidates(case):
        if mask.any() and not mask.all() and mask[wrong].all():
            yield label, mask
    count = int(wrong.sum())
    if 0 < count <= 3 and wrong.size > 2 * count:
        where = ", ".join(str(tuple(int(i) for i in index)) for index in np.argwhere(wrong))
        yield _("the entries {where}", where=where), wrong


def _candidates(case: Case) -> Iterator[tuple[str, Array]]:
    shape = case.hand.shape
    for mask in _one_hots(case):
        yield _("the case k = c"), mask
        yield _("the case k != c"), ~mask
    for label, x in _targets(case):
        yield _("where {name} = 0", name=label), x == 0
        yield _("where {name} = 1", name=label), x == 1
    if case.name == "jacobian" and len(shape) == 2 and shape[0] == shape[1]:
        diagonal = np.eye(shape[0], dtype=bool)
        yield _("the case i = j"), diagonal
        yield _("the case i != j"), ~diagonal
    wrong = case.bad
    for axis in range(len(shape)):
        rest = tuple(a for a in range(len(shape)) if a != axis)
        touched = np.flatnonzero(wrong.any(rest)) if rest else np.flatnonzero(wrong)
        if len(shape) > 1 and 0 < len(touched) <= max(1, shape[axis] // 2):
            mask = np.zeros(shape, bool)
            np.moveaxis(mask, axis, 0)[touched] = True
            yield (
                _("axis {axis}, index {index}", axis=axis, index=", ".join(map(str, touched))),
                mask,
            )
    if case.value.shape == shape:
        yield _("where {name} < 0", name=case.name), case.value < 0
    yield _("where the right gradient is negative"), case.true < 0
    yield _("where the right gradient is positive"), case.true > 0


def _one_hots(case: Case) -> Iterator[Array]:
    """Where the label's class stands."""
    shape = case.hand.shape
    if not shape:
        return
    u = case.upstream
    if u is not None and u.shape == shape and shape[-1] > 1 and ((u != 0).sum(-1) == 1).all():
        yield u != 0  # after the cross entropy of one image, or of one per row
    for x in case.values.values():
        x = np.asarray(x)
        if x.shape == shape and is_one_hot(x) and (x.ndim == 1 or (x.sum(-1) == 1).all()):
            yield x == 1
        if x.dtype.kind in "iu" and x.size and x.min() >= 0 and x.max() < shape[-1]:
            if x.ndim == 0 and len(shape) == 1:
                yield np.arange(shape[0]) == x
            if x.ndim == 1 and len(shape) == 2 and len(x) == shape[0]:
                yield np.arange(shape[1]) == x[:, None]
    if case.tape is None:
        return
    for i, node in list(enumerate(case.tape.nodes))[-200:]:
        if node._op is None:
            continue
        for x in case.tape.arguments(i).values():
            if isinstance(x, np.ndarray) and x.shape == shape and is_one_hot(x):
                yield x == 1
            whole = isinstance(x, (int, np.integer)) and not isinstance(x, bool)
            taken = case.tape.operation(i) == "getitem" and whole and len(shape) == 1
            if taken and -shape[0] <= x < shape[0]:
                yield np.arange(shape[0]) == x % shape[0]


def _targets(case: Case) -> Iterator[tuple[str, Array]]:
    """Targets of 0 and 1, laid over the gradient."""
    for label, x in case._quantities():
        x = np.asarray(x)
        if x.size > 1 and x.ndim and np.isin(x, (0, 1)).all() and x.any() and not x.all():
            try:
                yield label, np.broadcast_to(x, case.hand.shape)
            except ValueError:
                continue
