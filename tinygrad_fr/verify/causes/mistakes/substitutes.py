"""Something else that is at hand, put in the place of what the rule asks for."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case, Mistake, Use
from .arrays import ratio
from .slips import ACTIVATIONS, slope
from .table import mistake, reached

# Quantities and gradients that are tried at one place, and the places.
MOST, PLACES = 30, 60


@mistake("wrong_variable", tape=True, costly=True)
def gradient_of_another_value(case: Case) -> Iterator[Mistake]:
    """``dh2`` in the place of ``dh1``: the right rules, fed with another value's gradient."""
    tape = case.the_tape
    named = {i: g for i, g in case.gradients.items() if tape.nodes[i]._name is not None}
    places = list(dict.fromkeys([i for i, _position in case.path]))[:MOST]
    for i in [*places, case.target]:
        if i not in case.gradients:
            continue
        for j, g in named.items():
            if i == j or g.shape != case.gradients[i].shape or np.array_equal(g, case.gradients[i]):
                continue
            if i == case.target and tape.nodes[j]._op is None:
                continue  # the gradient of another leaf, as a whole: said elsewhere
            factor = ratio(g, case.gradients[i])
            if factor is not None and case.close(g, factor * case.gradients[i]):
                continue  # a factor
            wanted, got = tape.label(i), tape.label(j)
            if wanted == tape.operation(i):  # without a name it is nobody's gradient
                continue
            words = _(
                "the gradient of {got} stands where that of {wanted} should", got=got, wanted=wanted
            )
            yield Mistake(None, words, {"got": got, "wanted": wanted}, given={i: g})


@mistake("wrong_variable", tape=True, costly=True)
def gradient_of_another_at_a_product(case: Case) -> Iterator[Mistake]:
    """``do = dc tanh(c)`` for ``dh tanh(c)``: of one factor alone."""
    text = _("the gradient of {got} stands where that of {wanted} should")
    tape = case.the_tape
    named = {i: g for i, g in case.gradients.items() if tape.nodes[i]._name is not None}
    for use in itertools.islice(case.uses("multiply", "matmul"), PLACES):
        for j, other in named.items():
            if j != use.number and other.shape == use.node.shape:

                def local(_g: Any, *values: Any, g: Array = other, c: Any = use.closure) -> Any:
                    return c(g, *values)

                yield use.with_local(local, text, got=tape.label(j), wanted=use.labels[0])


@mistake("extra_factor", tape=True, costly=True)
def another_factor(case: Case) -> Iterator[Mistake]:
    """A quantity that multiplies the gradient of a value and does not belong there."""
    text = _("the factor {factor} in the gradient of {label} is one too many")
    for i, g, label, name, q in _with_factors(case):
        detail = {"operation": case.the_tape.operation(i), "factor": name}
        words = text.format(factor=name, label=label)
        yield Mistake(None, words, detail, given={i: g * q})


@mistake("missing_factor", tape=True, costly=True)
def factor_left_out(case: Case) -> Iterator[Mistake]:
    """A quantity by which the gradient of a value must be multiplied."""
    text = _("the factor {factor} is missing in the gradient of {label}")
    for i, g, label, name, q in _with_factors(case):
        if (q != 0).all():
            detail = {"operation": case.the_tape.operation(i), "factor": name}
            words = text.format(factor=name, label=label)
            yield Mistake(None, words, detail, given={i: g / q})


def _with_factors(case: Case) -> Iterator[tuple[int, Array, str, str, Array]]:
    """The gradients on the path, with the quantities that they may be multiplied by."""
    factors = list(_factors(case))
    places = list(dict.fromkeys([case.target, *(i for i, _position in case.path)]))
    for i in places[:PLACES]:
        g = case.gradients.get(i)
        if g is not None and g.size > 1:
            fitting = [(name, q) for name, q in factors if _reaches(q.shape, g.shape)]
            for name, q in fitting[:MOST]:
                yield i, g, case.the_tape.label(i), name, q


def _reaches(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of a shape can be multiplied into one of another, which stays as large."""
    inner = zip(shape[::-1], whole[::-1], strict=False)
    return len(shape) <= len(whole) and all(n in (1, m) for n, m in inner)


def _factors(case: Case) -> Iterator[tuple[str, Array]]:
    """The quantities that a gradient may be multiplied by: not numbers, nor 0 and 1."""
    tape = case.the_tape
    acting = {use.number: use for use in case.uses(*ACTIVATIONS - {"softmax"})}
    for i in range(max(0, len(tape.nodes) - 200), len(tape.nodes)):
        q = tape.nodes[i]._array
        if q.size > 1 and np.isfinite(q).all():
            if np.ptp(q) > 0:
                yield tape.label(i), q
            if i in acting and acting[i].keeps_shape:
                name = acting[i].operation
                yield _("the derivative of {operation}", operation=name), slope(acting[i])


@mistake("wrong_variable", tape=True, costly=True)
def changed_quantity(case: Case) -> Iterator[Mistake]:
    """The right quantity, but turned over, taken away from 1, or of the neighbour."""
    changing = case.uses("matmul", "multiply", "divide", "power", "conv2d", *ACTIVATIONS)
    for use in itertools.islice(changing, PLACES):
        if (
            use.operation in ACTIVATIONS - {"softmax"}
            and use.keeps_shape
            and use.operands[1:] == []
        ):
            yield _at_the_upstream(use)
        for slot, (original, label) in enumerate(
            zip([use.node._array, *use.operands], use.labels, strict=True)
        ):
            if np.ndim(original) == 0:
                continue
            for text, other in _changed(np.asarray(original)):
                yield use.with_local(use.given({slot: other}), text, label=label)


def _at_the_upstream(use: Use) -> Mistake:
    function = use.node._op.function

    def local(g: Any, *_values: Any) -> Any:
        return use.closure(g, np.asarray(function(g)), g)

    text = _("the upstream gradient stands where {label} should in the derivative of {operation}")
    return use.with_local(local, text, label=use.labels[1])


def _changed(q: Array) -> Iterator[tuple[str, Array]]:
    if len(q) > 1:
        yield _("{label} is read in reversed order"), q[::-1]
        yield _("{label} is that of the next row"), np.roll(q, -1, 0)
        yield _("{label} is that of the row before"), np.roll(q, 1, 0)
        yield (
            _("the mean of {label} stands where its rows should"),
            np.broadcast_to(q.mean(0), q.shape),
        )
    yield _("1 - {label} stands where {label} should"), 1 - q


@mistake("double_activation", tape=True, costly=True)
def activation_of_an_operand(case: Case) -> Iterator[Mistake]:
    """``tanh(a)`` for ``a``: the activation applied once more to what a product takes."""
    for use in case.uses("matmul", "multiply", "conv2d"):
        other = 1 - use.position
        source = case.the_tape.number(use.node._inputs[other])
        while source is not None and case.the_tape.operation(source) in ("reshape", "transpose"):
            source = case.the_tape.number_of_input(source, 0)
        if source is None:
            continue
        operation = case.the_tape.operation(source)
        if operation not in ACTIVATIONS - {"exp", "sin", "cos"}:
            continue
        function = case.the_tape.nodes[source]._op.function
        again = np.asarray(function(use.operands[other]))
        words = _("{activation} was applied once more to what it had given already")
        yield use.with_local(use.given({other + 1: again}), words, activation=operation)


@mistake("wrong_local_derivative", tape=True, costly=True)
def another_function(case: Case) -> Iterator[Mistake]:
    """At the one operation that takes the value: another function of it than the derivative."""
    if case.hand.shape != case.true.shape or case.true.size < ENOUGH:
        return
    uses = [use for use in case.uses() if case.the_tape.number(use.input) == case.target]
    if len(uses) != 1 or uses[0].operation not in CURVED or not uses[0].keeps_shape:
        return
    use, g = uses[0], case.gradients[uses[0].number]
    with np.errstate(all="ignore"):
        derivative = np.where(g != 0, case.hand / g, 0.0)
    x = use.input._array.ravel()[(g != 0).ravel()]
    mine = derivative.ravel()[(g != 0).ravel()]
    if len(x) < ENOUGH or not np.isfinite(mine).all() or not _smooth(x, mine):
        return
    k = int(np.abs(case.hand - case.true).argmax())
    words = _(
        "your derivative of {operation} is another function: at {x:.6g} it is {got:.6g} in place "
        "of {wanted:.6g}",
        operation=use.operation, x=float(use.input._array.flat[k]), got=float(derivative.flat[k]),
        wanted=float(slope(use).flat[k]),
    )  # fmt: skip
    yield Mistake(case.hand, words, {"operation": use.operation}, fitted=True)


# Entries from which on a function of them can be told from noise, and by how much smoother it is.
ENOUGH, SMOOTHER = 12, 0.4
# What acts entry by entry, and not by a number.
CURVED = ACTIVATIONS - {"softmax"} | {
    "log", "sqrt", "square", "power", "abs", "clip", "maximum", "minimum", "log1p", "expm1",
    "arcsin", "arccos", "sinh", "cosh", "reciprocal",
}  # fmt: skip


def _smooth(x: Array, y: Array) -> bool:
    """Whether an array is a function of another: neighbours have much the same values."""
    along = np.abs(np.diff(y[np.argsort(x)])).sum()
    rng = np.random.default_rng(0)
    anyhow = [np.abs(np.diff(rng.permutation(y))).sum() for _draw in range(8)]
    return bool(along <= SMOOTHER * np.mean(anyhow))


@mistake("wrong_variable", tape=True, costly=True)
def leaves_exchanged(case: Case) -> Iterator[Mistake]:
    """``Wk`` where ``Wq`` should stand, and the other way round, in all of the gradient."""
    text = _("{a} and {b} are exchanged")
    tape = case.the_tape
    leaves = [node for node in tape.nodes if node._op is None and node.ndim]
    for a, b in itertools.islice(itertools.combinations(leaves, 2), PLACES):
        if a.shape != b.shape or case.target in (tape.number(a), tape.number(b)):
            continue
        other = {id(a): b._array, id(b): a._array}
        local = {
            use.edge: use.given(
                {k: other[id(x)] for k, x in enumerate(use.node._inputs, 1) if id(x) in other}
            )
            for use in case.uses()
            if any(id(x) in other for x in use.node._inputs)
        }
        if local:
            words = text.format(a=tape.label(tape.number(a)), b=tape.label(tape.number(b)))
            yield Mistake(None, words, {"exchanged": (a._name, b._name)}, local=local)


def _other_data() -> list[tuple[str, str, Any]]:
    """What happens to data in a derivation: kind, sentence, and the change."""
    return [
        ("missing_factor", _("{label} is forgotten: as if it was 1"), np.ones_like),
        ("wrong_variable", _("1 - {label} stands where {label} should"), lambda q: 1 - q),
        ("permuted", _("{label} is read in reversed order"), lambda q: q[::-1]),
        ("wrong_variable", _("the mean of {label} stands where its rows should"),
         lambda q: np.broadcast_to(q.mean(0), q.shape)),
    ]  # fmt: skip


def _with_other_data(kind: str, case: Case) -> Iterator[Mistake]:
    tape = case.the_tape
    arrays = {id(x): (_("a constant"), x) for node in tape.nodes for x in node._inputs
              if isinstance(x, np.ndarray) and x.ndim and x.dtype.kind == "f"}  # fmt: skip
    for number, node in enumerate(tape.nodes):
        if node._op is None and node.ndim and number != case.target:
            arrays[id(node._array)] = (tape.label(number), node._array)
    for label, q in list(arrays.values())[:12]:
        for k, (other, text, change) in enumerate(_other_data()):
            if other == kind and q.size > 1:

                def moved(x: Array, q: Array = q, change: Any = change) -> Any:
                    return change(q) if x is q else x

                values = {i: moved(n._array) for i, n in enumerate(tape.nodes) if n._array is q}
                again = tape.once(
                    ("data", id(q), k), partial(tape.replayed, values=values, constants=moved)
                )
                yield from reached(case.on(again), text.format(label=label), data=label)


for _kind in ("missing_factor", "wrong_variable", "permuted"):
    mistake(_kind, tape=True, costly=True)(partial(_with_other_data, _kind))


@mistake("transpose", tape=True, costly=True)
def operand_turned(case: Case) -> Iterator[Mistake]:
    """A square operand, or the kernels of a convolution, with two axes exchanged."""
    text = _("in the gradient of {operation}, two axes of {label} are exchanged")
    for use in case.uses("conv2d", "multiply", "conv_transpose2d", "einsum"):
        for slot, (q, label) in enumerate(zip(use.operands, use.labels[1:], strict=False), 1):
            for a, b in itertools.combinations(range(np.ndim(q)), 2):
                if np.shape(q)[a] != np.shape(q)[b] or np.shape(q)[a] == 1:
                    continue

                turned = use.given({slot: np.swapaxes(q, a, b)})
                yield use.with_local(turned, text, label=label)


@mistake("missing_branch", tape=True)
def term_of_a_sum(case: Case) -> Iterator[Mistake]:
    """``o`` for ``o - t``: what a rule takes is one term of it only."""
    text = _("the term {term} is missing: {got} stands where {wanted} should")
    tape = case.the_tape
    for use in case.uses("power", "square", "multiply", "matmul", "divide", "abs", "exp"):
        for slot, x in enumerate(use.node._inputs, 1):
            number = tape.number(x)
            if number is None or tape.operation(number) not in ("add", "subtract"):
                continue
            terms = [tape.number(y) for y in x._inputs]
            for k, (mine, other) in enumerate(itertools.permutations(terms, 2)):
                value = x._inputs[k]
                array = getattr(value, "_array", value)
                if np.shape(array) != x.shape:
                    continue
                got = "0" if mine is None else tape.label(mine)
                term = _("a constant") if other is None else tape.label(other)

                rule, wanted = use.given({slot: array}), tape.label(number)
                yield use.with_local(rule, text, term=term, got=got, wanted=wanted)


@mistake("wrong_local_derivative", tape=True)
def running_sum(case: Case) -> Iterator[Mistake]:
    """The gradient of cumsum adds up what comes later."""
    text = _("in place of the derivative of cumsum, the sum of what comes later, you used {used}")
    for use in case.uses("cumsum"):
        axis = use.arguments["axis"]
        if not isinstance(axis, int):
            continue
        rules = {
            _("the sum of what comes before"): lambda g, axis=axis: np.cumsum(g, axis),
            _("the sum of all"): lambda g, axis=axis: g.sum(axis, keepdims=True) + 0 * g,
            _("what comes next alone"): lambda g, axis=axis: g + _next(g, axis),
            _("the mean of what comes later"): lambda g, axis=axis: (
                _later(g, axis) / _later(np.ones_like(g), axis)
            ),
        }
        for used, rule in rules.items():
            yield use.with_local(lambda g, *_values, rule=rule: rule(g), text, used=used)


def _later(g: Array, axis: int) -> Array:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _next(g: Array, axis: int) -> Array:
    moved = np.roll(g, -1, axis)
    moved[(slice(None),) * (axis % g.ndim) + (-1,)] = 0
    return moved
