"""Another axis, and operands that want a transposition."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import numpy as np

from ....autograd.engine import handed
from ....kernels import Array
from ....messages import _
from ..case import Case, Mistake
from .arrays import axes_of, word
from .operations import pretended, replayed
from .table import MISFITS, mistake, reached


@mistake("wrong_axis", tape=True)
def along_another_axis(case: Case) -> Iterator[Mistake]:
    for i, node in enumerate(case.the_tape.nodes):
        operation = case.the_tape.operation(i)
        if operation not in ("softmax", "log_softmax", "logsumexp", "cumsum", "mean", "sum", "max"):
            continue
        arguments, function = case.the_tape.arguments(i), node._op.function
        wanted, x = arguments.pop("axis"), case.operands(i)[0]
        if not isinstance(wanted, (int, np.integer)) or x.ndim < 2:
            continue
        rest = dict(list(arguments.items())[1:])
        wanted = int(wanted) % x.ndim
        for axis in {a for a, n in enumerate(x.shape) if n > 1} - {wanted}:
            words = _(
                "{operation} was taken along axis {got} in place of {wanted}",
                operation=operation,
                got=axis,
                wanted=wanted,
            )
            other = partial(function, axis=axis, **rest)
            make = {i: lambda x, *_a, f=other, **_k: f(x)}
            with suppress(*MISFITS):  # along the other axis the shapes do not fit
                tape = replayed(case, ("axis", i, axis), make)
                yield from reached(case.on(tape), words, operation=operation, axis=axis)
            if operation == "softmax":
                yield pretended(case, i, np.asarray(other(x)), words, axis=axis)


@mistake("wrong_axis", tape=True, shapes=True)
def summed_along_another_axis(case: Case) -> Iterator[Mistake]:
    """The sum that undoes broadcasting, along other axes than it should."""
    for use in case.uses():
        g, shape = case.gradients.get(use.number), use.input.shape
        if g is None:
            continue
        raw = np.asarray(use.closure(g, use.node._array, *handed(use.node)))
        if raw.shape == shape or raw.ndim > 5:
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
    turned = _("in the gradient of matmul, the upstream gradient wants a transposition")
    for use in case.uses("einsum"):
        yield use.with_local(lambda g, *values, c=use.closure: c(_turned(g), *values), turned)
    for use in case.uses("matmul"):
        _product, left, right = use.labels
        if use.position == 0:
            yield use.with_local(lambda g, y, a, b: g @ b, text, operand=right)
        else:
            yield use.with_local(lambda g, y, a, b: a @ g, text, operand=left)
        yield use.with_local(lambda g, *values, c=use.closure: c(_turned(g), *values), turned)


def _turned(g: Array) -> Array:
    return np.swapaxes(g, -1, -2) if g.ndim > 1 else g
