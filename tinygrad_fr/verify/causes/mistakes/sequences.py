"""Through time and in attention: what arrives from another step, or at another path as well."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....graph.recorded.recurrence import loop, recurs
from ....graph.recorded.walk import operands
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


@mistake("permuted", tape=True)
def taken_apart_in_another_order(case: Case) -> Iterator[Mistake]:
    """``dz[:, :n]`` for ``dz[:, -n:]``: the parts of a concatenation, the last one first."""
    text = _("of the concatenation of {label} and others, the gradient is taken from {index}")
    for use in case.uses("concatenate"):
        axis, k = use.arguments["axis"], use.position
        sizes = [np.shape(x)[axis] for x in use.operands]
        begin = sum(sizes[k + 1 :])
        if begin != sum(sizes[:k]):
            part = range(begin, begin + sizes[k])

            def local(g: Any, *_values: Any, part: range = part, axis: int = axis) -> Any:
                return np.take(g, part, axis)

            index = f"[{part.start}:{part.stop}]"
            made = use.with_local(local, text, label=use.labels[1 + k], index=index)
            yield replace(made, step=("concatenate", "reversed"))


@mistake("permuted", tape=True)
def reshaped_for_transposed(case: Case) -> Iterator[Mistake]:
    """The heads of attention merged or split by a reshape alone, without exchanging axes."""
    text = _("{operation} is undone by a reshape: its axes must be exchanged back")
    for use in case.uses("transpose", "swapaxes", "moveaxis"):
        shape = use.input.shape
        yield use.with_local(lambda g, *_values, shape=shape: np.reshape(g, shape), text)


@mistake("wrong_variable", tape=True)
def own_factor(case: Case) -> Iterator[Mistake]:
    """``da = g a`` of ``y = a b``, where the factors have different shapes."""
    text = _("in the local derivative of {operation}, {got} stands where {wanted} should")
    for use in case.uses("multiply"):
        k = use.position
        own, other = use.operands[k], use.operands[1 - k]
        if np.shape(own) == use.node.shape != np.shape(other) and np.ndim(other):
            _y, *labels = use.labels
            rule = use.given({2 - k: own})
            made = use.with_local(rule, text, got=labels[k], wanted=labels[1 - k])
            yield replace(made, step=("own factor", k, np.shape(other)))


@mistake("permuted", tape=True, costly=True)
def values_of_another_step(case: Case) -> Iterator[Mistake]:
    """``caches[t - 1]`` for ``caches[t]``: the steps of a loop with what others have cached."""
    text = _("at the steps of the loop, the values of the steps {order} are used")
    tape, steps = case.the_tape, loop(case.the_tape)
    times = len(steps)
    orders = {tuple(reversed(range(times))), *(tuple(np.roll(range(times), k)) for k in (1, -1))}
    for order in sorted(orders) if times > 1 else []:
        local: dict[Any, Local] = {}
        for use in case.uses():
            at = next((t for t, nodes in enumerate(steps) if use.number in nodes), None)
            if at is not None and order[at] != at:
                other = tape.nodes[steps[order[at]][steps[at].index(use.number)]]
                local[use.edge] = use.given(dict(enumerate((other._array, *operands(other)))))
        words = text.format(order=", ".join(str(t + 1) for t in order))
        own = {e: rule for e, rule in local.items() if tape.number_of_input(*e) == case.target}
        for rules in (local, own) if len(own) > 1 else (local,):
            yield Mistake(None, words, {"order": order}, local=rules)


def _place(index: Any) -> str:
    """Where a part is taken, as NumPy writes it."""
    parts = index if isinstance(index, tuple) else (index,)
    words = (
        ":".join("" if end is None else str(end) for end in (part.start, part.stop))
        if isinstance(part, slice) else str(part)
        for part in parts
    )  # fmt: skip
    return f"[{', '.join(words)}]"
