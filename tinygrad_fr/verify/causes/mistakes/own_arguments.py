"""The student's own function, given something else than it asked for: is it right then?

The correction is made where it belongs, in what the function reads: nothing of its text is known.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ...truth.limits import is_one_hot
from ..case import Case, Mistake
from .table import mistake

# Alternatives that are tried for one argument.
MOST = 40


def _mends(case: Case, changed: Mapping[str, Array]) -> bool:
    """Whether the function is right with other arguments."""
    with suppress(Exception):  # what somebody's code says of other shapes
        return case.close(case.called(changed), case.true)
    return False


def _mended(
    case: Case, text: str, changed: Mapping[str, Array], **detail: Any
) -> Iterator[Mistake]:
    if _mends(case, changed):
        yield Mistake(case.hand, text.format(**detail), detail)


@mistake("wrong_variable", tape=True, costly=True)
def argument_of_another_name(case: Case) -> Iterator[Mistake]:
    """``h1`` for ``h0``, ``dh2`` for ``dh1``: one argument, or all of a kind, one step off."""
    known = {**{"d" + n: g for n, g in _named_gradients(case)}, **case.values}
    text = _("your formula is right with {wanted} in the place of {got}")
    for got, x in case.arguments.items():
        alike = [(n, q) for n, q in known.items() if n != got and np.shape(q) == np.shape(x)]
        for wanted, q in alike[:MOST]:
            if not np.array_equal(x, q):
                yield from _mended(case, text, {got: q}, got=got, wanted=wanted)
    stems = {re.sub(r"\d+$", "", n) for n in case.arguments if re.search(r"\d+$", n)}
    for stem in sorted(stems):
        own = [n for n in case.arguments if re.fullmatch(re.escape(stem) + r"\d+", n)]
        for by in (-1, 1):
            names = {n: stem + str(int(n[len(stem) :]) + by) for n in own}
            changed = {n: known[other] for n, other in names.items() if other in known}
            if len(own) > 1 and changed:
                words = _(
                    "your formula is right with {wanted} in the place of {got}: it is one step off",
                    got=", ".join(changed), wanted=", ".join(names[n] for n in changed),
                )  # fmt: skip
                yield from _mended(case, words, changed, step=by)


def _named_gradients(case: Case) -> Iterator[tuple[str, Array]]:
    for i, g in case.gradients.items():
        name = case.the_tape.nodes[i]._name
        if name is not None:
            yield name, g


def _changes() -> list[tuple[str, str, Any]]:
    """What an argument may want: kind, sentence, and the change; those that fail are left out."""
    return [
        ("transpose", _("your formula is right with {name} transposed"), lambda q: q.T),
        ("permuted", _("your formula is right with {name} in reversed order"), lambda q: q[::-1]),
        ("wrong_variable", _("your formula is right with {name} of the row before"),
         lambda q: np.roll(q, 1, 0)),
        ("wrong_variable", _("your formula is right with {name} of the next row"),
         lambda q: np.roll(q, -1, 0)),
        ("wrong_variable", _("your formula is right with 1 - {name} in the place of {name}"),
         lambda q: 1 - q),
        ("sign", _("your formula is right with -{name} in the place of {name}"), lambda q: -q),
        ("wrong_local_derivative", _("your formula is right with 1/{name} in the place of {name}"),
         lambda q: 1 / q),
        ("wrong_local_derivative", _("your formula is right with {name}^2 in the place of {name}"),
         lambda q: q**2),
        ("wrong_local_derivative",
         _("your formula is right with the square root of {name} in the place of {name}"), np.sqrt),
        ("wrong_local_derivative",
         _("your formula is right with the sign of {name} in the place of {name}"), np.sign),
    ]  # fmt: skip


def _changed_argument(kind: str, case: Case) -> Iterator[Mistake]:
    for name, x in case.arguments.items():
        q = np.asarray(x)
        for other, text, change in _changes():
            if other == kind and q.ndim:
                with suppress(Exception), np.errstate(all="ignore"):
                    yield from _mended(case, text, {name: change(q)}, name=name)


for _kind in ("transpose", "permuted", "wrong_variable", "sign", "wrong_local_derivative"):
    mistake(_kind, tape=True, costly=True)(partial(_changed_argument, _kind))


@mistake("off_by_one_class", tape=True, costly=True)
def labels_of_an_argument(case: Case) -> Iterator[Mistake]:
    text = _("your formula is right with {name} moved by {by:+d} classes: they are counted from 0")
    for name, x in case.arguments.items():
        q = np.asarray(x)
        for by in (1, -1):
            if q.dtype.kind in "iu" and q.ndim:
                classes = int(q.max(initial=0)) + 1
                for n in (classes, classes + 1):
                    yield from _mended(case, text, {name: (q + by) % n}, name=name, by=by)
            elif is_one_hot(q):
                yield from _mended(case, text, {name: np.roll(q, by, -1)}, name=name, by=by)


@mistake("double_activation", tape=True, costly=True)
def argument_before_its_activation(case: Case) -> Iterator[Mistake]:
    """A derivative written for ``a`` that was given ``z``, or the other way round."""
    text = _("your formula is right with {operation}({name}) in the place of {name}")
    made = [node._op for node in case.the_tape.nodes if node._op is not None]
    operations = {operation.name: operation.function for operation in made}
    for name, x in case.arguments.items():
        for operation in ("sigmoid", "tanh", "softmax", "exp", "relu"):
            if operation in operations and np.asarray(x).dtype.kind == "f":
                with suppress(Exception), np.errstate(all="ignore"):
                    q = np.asarray(operations[operation](np.asarray(x)))
                    yield from _mended(case, text, {name: q}, name=name, operation=operation)
