"""Another axis, and operands that want a transposition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....messages import _
from ..case import Case
from .arrays import axes_of, word
from .operations import pretended
from .table import Mistake, mistake
from .uses import reached, uses


@mistake("wrong_axis", tape=True)
def along_another_axis(case: Case) -> Iterator[Mistake]:
    for i, node in enumerate(case.the_tape.nodes):
        operation = case.the_tape.operation(i)
        if operation not in ("softmax", "log_softmax", "logsumexp", "cumsum", "mean", "sum", "max"):
            continue
        args, kwargs = case.the_tape.static(i)
        dimensions, function = node._inputs[0].ndim, node._op.function
        wanted = kwargs.get("axis", args[1] if len(args) > 1 else -1)
        if not isinstance(wanted, (int, np.integer)) or dimensions < 2:
            continue
        rest = {k: v for k, v in kwargs.items() if k != "axis"}
        for axis in set(range(dimensions)) - {wanted % dimensions}:
            words = _(
                "{operation} was taken along axis {got} in place of {wanted}",
                operation=operation,
                got=axis,
                wanted=int(wanted),
            )
            tape = case.the_tape.replayed(
                {i: lambda x, *_a, f=function, axis=axis, rest=rest: f(x, axis=axis, **rest)}
            )
            yield from reached(case.pull(tape=tape), words, operation=operation, axis=axis)
            if operation == "softmax":
                p = np.asarray(function(case.operands(i)[0], axis=axis))
                yield pretended(case, i, p, words, axis=axis)


@mistake("wrong_axis", tape=True)
def summed_along_another_axis(case: Case) -> Iterator[Mistake]:
    """The sum that undoes broadcasting, along other axes than it should."""
    for use in uses(case):
        shape, raw = use.input.shape, case.pull(raw=use.edge)
        if raw is None or raw.shape == shape or raw.ndim > 5:
            continue
        added = raw.ndim - len(shape)
        wanted = tuple(range(added)) + tuple(
            added + a for a, n in enumerate(shape) if n == 1 and raw.shape[added + a] != 1
        )
        nothing = 1e-9 * np.abs(raw).max(initial=0.0)
        for axes in axes_of(raw.ndim):
            if axes == wanted:
                continue
            words = _(
                "you summed along {got} in place of {wanted}", got=word(axes), wanted=word(wanted)
            )
            for keep in (False, True):
                total = raw.sum(axes, keepdims=keep)
                alike = total.shape == case.hand.shape and len(axes) < raw.ndim
                if alike and (np.abs([total, case.hand]) <= nothing).all():
                    total = case.hand  # the rows of p - y add up to zero
                yield Mistake(total, words, {"axis": axes})


@mistake("wrong_axis")
def summed_to_one_number(case: Case) -> Iterator[Mistake]:
    """``dz.sum()``, which an update then subtracts from every bias."""
    total, size = float(case.true.sum()), float(np.abs(case.true).max(initial=0.0))
    if case.true.size > 1 and case.hand.shape in ((), case.true.shape) and abs(total) > 1e-9 * size:
        words = _(
            "you added up everything, to one number: the shape {shape} is wanted",
            shape=case.true.shape,
        )
        yield Mistake(np.full(case.hand.shape, total), words, {"axis": None})


@mistake("transpose", tape=True)
def operand_transposed(case: Case) -> Iterator[Mistake]:
    text = _("in the gradient of matmul, {operand} stands where its transpose should")
    for use in uses(case, "matmul"):
        _product, left, right = use.labels
        if use.position == 0:
            yield use.with_local(lambda g, y, a, b: g @ b, text, operand=right)
        else:
            yield use.with_local(lambda g, y, a, b: a @ g, text, operand=left)
