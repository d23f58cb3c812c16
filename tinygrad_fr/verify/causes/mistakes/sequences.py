"""Through time and in attention: what arrives from another step, or at another path as well."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ....graph.recorded.recurrence import recurs
from ....kernels import Array
from ....messages import _
from ..case import Case, Local, Mistake, Use
from .arrays import ratio
from .table import mistake, reached

# Numbers that are tried as factors, and the products at which they are.
NUMBERS, PLACES = 4, 40


@mistake("missing_branch", tape=True)
def gradient_of_another_added(case: Case) -> Iterator[Mistake]:
    """A path that does not exist: the gradient of the next state is added as it is."""
    text = _("the gradient of {label} is added, and does not belong there")
    for number, g in case.gradients.items():
        if number == case.target or g.shape != case.true.shape or not np.any(g):
            continue
        factor = ratio(g, case.true)
        if factor is None or not case.close(g, factor * case.true):
            label = case.the_tape.label(number)
            yield Mistake(case.true + g, text.format(label=label), {"source": label, "weight": 2.0})


@mistake("wrong_variable", tape=True)
def upstream_of_another_step(case: Case) -> Iterator[Mistake]:
    """``dh[:, -1]`` for ``dh[:, t]``, at every step."""
    u = case.upstream
    if u is None or u.ndim < 2 or not recurs(case.the_tape):
        return
    moves: dict[str, Callable[[int], Array]] = {
        _("the last one"): lambda axis: np.take(u, [-1], axis),
        _("the first one"): lambda axis: np.take(u, [0], axis),
        _("that of the next step"): lambda axis: np.roll(u, -1, axis),
        _("that of the step before"): lambda axis: np.roll(u, 1, axis),
        _("that of the steps in reversed order"): lambda axis: np.flip(u, axis),
    }
    text = _("the upstream gradient of another step is used at every step: {which} (axis {axis})")
    for axis, (which, move) in ((a, m) for a in range(u.ndim) for m in moves.items()):
        other = np.array(np.broadcast_to(move(axis), u.shape))
        if not np.array_equal(other, u):
            words = text.format(which=which, axis=axis)
            yield from reached(case.pull(upstream=other), words, axis=axis)


def _numbers(case: Case) -> dict[float, str]:
    """The numbers by which something is multiplied on the way, with how they are written."""
    found: dict[float, str] = {}
    for use in case.uses("multiply", "divide"):
        other = use.operands[1 - use.position]
        if np.size(other) == 1 and not (use.operation == "divide" and use.position):
            x = float(np.asarray(other).item())
            if x not in (0.0, 1.0, -1.0):
                power = use.operation == "divide"
                found[1 / x if power else x] = f"1/{x:.6g}" if power else f"{x:.6g}"
    return dict(list(found.items())[:NUMBERS])


def _at_one_product(kind: str, case: Case) -> Iterator[Mistake]:
    """``1/sqrt(d)`` left out, or taken twice, on the way to one of the two operands."""
    texts = {
        "missing_factor": _("the factor {factor} is missing on the way from {operation} to {to}"),
        "extra_factor": _("the factor {factor} is taken twice on the way from {operation} to {to}"),
    }
    for number, factor in _numbers(case).items():
        times = number if kind == "extra_factor" else 1 / number
        for use in list(case.uses("matmul", "einsum"))[:PLACES]:

            def local(g: Any, *values: Any, c: Local = use.closure, by: float = times) -> Any:
                return by * np.asarray(c(g, *values))

            yield use.with_local(local, texts[kind], factor=factor, to=use.labels[1 + use.position])


for _kind in ("missing_factor", "extra_factor"):
    mistake(_kind, tape=True, costly=True)(partial(_at_one_product, _kind))


@mistake("scale", tape=True, costly=True)
def another_number(case: Case) -> Iterator[Mistake]:
    """``sqrt(d_model)`` for ``sqrt(d_k)``: another number where one multiplies or divides."""
    text = _("the factor at {operation} on the way to {name} is {weight:.6g} times the right one")
    for use in case.uses("multiply", "divide"):
        other = use.operands[1 - use.position]
        if np.size(other) != 1 or (use.operation == "divide" and use.position):
            continue
        detail = {"operation": use.operation, "name": case.name}

        def weighted(
            times: float, detail: dict[str, Any] = detail
        ) -> tuple[str, dict[str, Any], bool]:
            words = text.format(**detail, weight=1 - times)
            return words, {**detail, "factor": 1 - times}, True

        cut = dict.fromkeys([use.edge])
        yield Mistake(None, text.format(**detail, weight=0.0), detail, local=cut, weighted=weighted)


@mistake("wrong_variable", tape=True)
def operands_exchanged(case: Case) -> Iterator[Mistake]:
    """``di = dc * i`` and ``dg = dc * g``: each factor of a product times itself."""
    text = _("each of the factors {a} and {b} of a product is multiplied by itself")
    both: dict[int, list[Use]] = {}
    for use in case.uses("multiply"):
        both.setdefault(use.number, []).append(use)
    for uses in both.values():
        if len(uses) == 2 and np.shape(uses[0].operands[0]) == np.shape(uses[0].operands[1]):
            a, b = uses[0].operands
            local = {uses[0].edge: uses[0].given({2: a}), uses[1].edge: uses[1].given({1: b})}
            words = text.format(a=uses[0].labels[1], b=uses[0].labels[2])
            detail = {"operation": "multiply"}
            yield Mistake(None, words, detail, local=local, step=("exchanged", words))


@mistake("permuted", tape=True)
def parts_exchanged(case: Case) -> Iterator[Mistake]:
    """The gates of an LSTM in another order on the way back: two parts of one array exchanged."""
    text = _("two parts of {label} are exchanged: {index} and {other}")
    parts: dict[int, list[Use]] = {}
    for use in case.uses("getitem"):
        parts.setdefault(case.the_tape.number_of_input(*use.edge), []).append(use)
    for number, uses in parts.items():
        for a, b in itertools.combinations(uses if len(uses) <= 6 else [], 2):
            if a.node.shape == b.node.shape:
                index, other = (_place(use.arguments["index"]) for use in (a, b))
                label = case.the_tape.label(number)
                words = text.format(label=label, index=index, other=other)
                local = {a.edge: b.closure, b.edge: a.closure}
                step = (text, index, other)
                yield Mistake(None, words, {"operation": "getitem"}, local=local, step=step)


def _place(index: Any) -> str:
    """Where a part is taken, as NumPy writes it."""
    parts = index if isinstance(index, tuple) else (index,)
    words = (
        ":".join("" if end is None else str(end) for end in (part.start, part.stop))
        if isinstance(part, slice) else str(part)
        for part in parts
    )  # fmt: skip
    return f"[{', '.join(words)}]"
