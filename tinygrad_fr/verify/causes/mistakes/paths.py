"""Several contributions to one gradient: missing, overwritten, weighted; and updates too early."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....graph.recorded.recurrence import recurs
from ....graph.recorded.tape import Edge
from ....kernels import Array
from ....messages import _
from ...vocabulary import RATE
from ..case import Case, Local, Mistake, Use
from .arrays import axes_of, word
from .table import MISFITS, mistake


@mistake("missing_branch", tape=True)
def path_of_a_fan_out(case: Case) -> Iterator[Mistake]:
    """A value used several times: one of its contributions is missing, doubled or reversed."""
    fans: dict[int, list[Edge]] = {}
    for edge in case.path:
        fans.setdefault(case.the_tape.number_of_input(*edge), []).append(edge)
    for number, edges in fans.items():
        source = case.the_tape.label(number)
        groups: dict[Any, list[Edge]] = {}  # at every step, those of a kind
        for edge in edges:
            groups.setdefault(_signature(case, edge), []).append(edge)
        for group in groups.values() if len(groups) > 1 else ():
            if len(group) > 1:
                yield from _without(case, source, tuple(group))
        if not 1 < len(edges) <= 8:
            continue
        cuts: list[tuple[Edge, ...]] = [(edge,) for edge in edges]
        alike = len({case.the_tape.operation(i) for i, _position in edges}) == 1
        if len(edges) == 2 and alike and _at_two_steps(case, number):
            cuts = cuts[:1]  # the first alone: overwritten
        if len(edges) > 2:
            kept_ones = edges[1:-1] if alike else edges  # the first or last alone: overwritten
            cuts += [tuple(e for e in edges if e != kept) for kept in kept_ones]
            pairs = [(a, b) for k, a in enumerate(edges) for b in edges[k + 1 :]]
            cuts += pairs if len(edges) > 3 or not alike else [(edges[0], edges[-1])]
        for cut in dict.fromkeys(cuts):
            yield from _without(case, source, cut)
    for cut in _statistics(case):
        yield from _without(case, "x", cut)


def _signature(case: Case, edge: Edge) -> Any:
    """What tells the uses of a value within one step apart."""
    number, position = edge
    shapes = tuple(np.shape(x) for x in case.operands(number))
    return case.the_tape.operation(number), position, shapes


def _without(case: Case, source: str, cut: tuple[Edge, ...]) -> Iterator[Mistake]:
    through = ", ".join(dict.fromkeys(case.the_tape.label(i) for i, _p in cut))
    detail: dict[str, Any] = {"operation": case.the_tape.operation(cut[0][0]), "source": source}
    words = _(
        "{source} is used several times: its path through {through} is missing",
        source=source,
        through=through,
    )

    def weighted(times: float) -> tuple[str, dict[str, Any], bool]:
        weight = 1 - times
        text = _(
            "{words} or wrongly weighted: it counts {weight:.6g} times", words=words, weight=weight
        )
        known = min(abs(weight - w) for w in (-1, 2, 0.5)) < 1e-6
        return text, {**detail, "weight": weight}, not known

    local = dict.fromkeys(cut)
    # Through time, a path that is cut at every step is one mistake: a truncated recurrence.
    number, position = cut[0]
    operands = case.the_tape.nodes[number]._inputs
    other = operands[1 - position] if len(operands) == 2 else None
    made_by = case.the_tape.number(other)
    same = id(other) if made_by is None else case.the_tape.operation(made_by) or id(other)
    step = ("cut", position, detail["operation"], same)
    made = Mistake(None, words, {**detail, "weight": 0.0}, local=local, weighted=weighted)
    yield replace(made, step=step if len(cut) == 1 and other is not None else None)


def _statistics(case: Case) -> Iterator[tuple[Edge, ...]]:
    """Of a normalisation written out: the edges through the mean, the variance, and both."""
    tape = case.the_tape
    sums = [use.edge for use in case.uses("sum")]
    spread = [e for e in sums if tape.operation(tape.number_of_input(*e)) in ("power", "square")]
    mean = [e for e in sums if e not in spread]
    if spread and mean:
        yield (spread[0],)
        yield (mean[0], spread[0])


@mistake("missing_branch")
def extra_term(case: Case) -> Iterator[Mistake]:
    """A regularisation that is too much, or wrongly weighted."""
    if case.hand.shape != case.value.shape or case.value.size < 2:
        return
    difference = case.hand - case.true
    weight = float((difference * case.value).sum() / (case.value**2).sum())
    words = _(
        "a term proportional to {name} is too much or missing: {weight:.6g} * {name}",
        name=case.name,
        weight=weight,
    )
    yield Mistake(case.true + weight * case.value, words, {"weight": weight}, fitted=True)


@mistake("overwritten", tape=True)
def only_the_last_contribution(case: Case) -> Iterator[Mistake]:
    spreading = ("matmul", "conv2d", "add", "multiply", "subtract", "einsum", "broadcast_to")
    for use in case.uses(*spreading):
        dimensions = use.node.ndim
        if dimensions == 0 or dimensions > 4 or (use.keeps_shape and dimensions < 2):
            continue
        for axes in axes_of(dimensions):
            for which, at in ((_("last"), -1), (_("first"), 0)):

                def local(
                    g: Array, *values: Any, c: Local = use.closure, axes: Any = axes, at: int = at
                ) -> Any:
                    kept = np.zeros_like(g)
                    where = tuple(at if a in axes else slice(None) for a in range(g.ndim))
                    kept[where] = g[where]
                    return c(kept, *values)

                words = _(
                    "only the {which} contribution along {axes} is left: you overwrite (=) where "
                    "you should accumulate (+=)",
                    which=which,
                    axes=word(axes),
                )
                yield use.with_local(local, words, axis=axes)


@mistake("overwritten", tape=True)
def only_one_use(case: Case) -> Iterator[Mistake]:
    """Of a value that is used at every step, the contribution of one step alone."""
    fans: dict[int, list[Edge]] = {}
    for edge in case.path:
        fans.setdefault(case.the_tape.number_of_input(*edge), []).append(edge)
    text = _(
        "only one of the {n} contributions to {name} is left: you overwrite (=) where you should "
        "accumulate (+=)"
    )
    for number, edges in fans.items():
        enough = len(edges) > 2 or _at_two_steps(case, number)
        if enough and len({case.the_tape.operation(i) for i, _position in edges}) == 1:
            # A step may use it more than once.
            kinds = [_signature(case, edge) for edge in edges]
            periods = [c for c in range(1, len(edges)) if kinds[c:] == kinds[:-c]]
            c = next((c for c in periods if len(edges) % c == 0), 1)
            words = text.format(n=len(edges) // c, name=case.the_tape.label(number))
            for kept in (edges[:c], edges[-c:]) if len(edges) > 2 else [edges[:1]]:
                detail = {"operation": case.the_tape.operation(kept[0][0])}
                cut = dict.fromkeys(e for e in edges if e not in kept)
                yield Mistake(None, words, detail, local=cut)


def _at_two_steps(case: Case, number: int) -> bool:
    """Whether it is a parameter that a recurrence of two steps uses."""
    return case.the_tape.nodes[number]._op is None and recurs(case.the_tape)


@mistake("overwritten", tape=True)
def repeated_index_overwritten(case: Case) -> Iterator[Mistake]:
    """``dE[i] += g``: where an index is repeated, NumPy keeps only one of its contributions."""
    text = _(
        "{operation} takes some entries several times, and only the last contribution is left: "
        "dE[i] += g adds up once per entry (np.add.at adds up all)"
    )
    first = _("{operation} takes some entries several times: only the first contribution is left")
    mean = _("{operation} takes some entries several times: you took the mean in place of the sum")
    for use, taken in _takings(case, "getitem", "embedding", "take", "max_pool2d"):
        yield use.with_local(_one_of(use, taken, 1), text)
        yield use.with_local(_one_of(use, taken, -1), first)
        yield use.with_local(_mean_of(use, taken), mean)


@mistake("not_summed", tape=True)
def copies_not_summed(case: Case) -> Iterator[Mistake]:
    """The gradient of what was copied, by upsampling, is the sum over its copies."""
    text = _(
        "{operation} copies its entries: the sum over the copies is missing, one alone is left"
    )
    mean = _("{operation} copies its entries: you took the mean over the copies, not the sum")
    for use, taken in _takings(case, "repeat", "tile", "broadcast_to"):
        for order in (1, -1):
            yield use.with_local(_one_of(use, taken, order), text)
        yield use.with_local(_mean_of(use, taken), mean)


def _one_of(use: Use, taken: Array, order: int) -> Local:
    def local(g: Array, *_values: Any) -> Any:
        kept = np.zeros(use.input.size)
        kept[taken.ravel()[::order]] = np.reshape(g, -1)[::order]
        return kept.reshape(use.input.shape)

    return local


def _mean_of(use: Use, taken: Array) -> Local:
    def local(g: Array, *values: Any) -> Any:
        times = np.bincount(taken.ravel(), minlength=use.input.size).reshape(use.input.shape)
        return use.closure(g, *values) / np.maximum(times, 1)

    return local


def _takings(case: Case, *operations: str) -> Iterator[tuple[Use, Array]]:
    """The uses whose results are entries of what they took, some of them several times."""
    for use in case.uses(*operations):
        taken = _taken(use)
        if taken is not None and len(np.unique(taken)) < taken.size:
            yield use, taken


def _taken(use: Use) -> Array | None:
    """Which entry of the input each entry of the result is; None where equal values hide it."""
    x, y = np.asarray(use.input._array), use.node._array
    if use.operation != "max_pool2d":
        given = list(use.arguments.values())
        given[use.position] = np.arange(x.size).reshape(x.shape)
        with suppress(*MISFITS):
            return np.asarray(use.node._op.function(*given))
        return None
    values, first = np.unique(x, return_index=True)
    if values.size < x.size or not values.size:
        return None
    at = np.minimum(np.searchsorted(values, y), values.size - 1)
    return first[at] if np.array_equal(values[at], y) else None


@mistake("updated_too_early", tape=True)
def parameters_updated_before_use(case: Case) -> Iterator[Mistake]:
    tape = case.the_tape
    for use in case.uses():
        for slot, x in enumerate(use.node._inputs):
            number = tape.number(x)
            if number is None or slot == use.position or tape.nodes[number]._op is not None:
                continue
            name = tape.label(number)
            step = np.asarray(case.hands.get(name, case.gradients.get(number, 0.0)), float)
            if number == case.target or step.shape != x.shape:
                continue
            words = _(
                "{name} was updated before the gradient of {target} was computed with it",
                name=name,
                target=case.name,
            )
            rates = {label: float(case.values[label]) for label in RATE & set(case.values)}
            for rate in rates.values():
                local = _moved(use, slot, rate * step)
                yield use.with_local(local, words, parameter=name, lr=rate)

            def weighted(
                times: float, words: str = words, detail: Any = None
            ) -> tuple[str, dict[str, Any], bool]:
                return words, {**detail, "lr": times}, True

            # The rule is linear in the parameter nearly everywhere that people use one.
            made = use.with_local(_moved(use, slot, step), words, parameter=name)
            yield replace(made, weighted=partial(weighted, detail=made.detail))


def _moved(use: Use, slot: int, step: Array) -> Local:
    """The local derivative with one of the inputs after its update."""
    closure = use.closure

    def local(g: Any, *values: Any) -> Any:
        moved = list(values)
        moved[slot + 1] = values[slot + 1] - step
        return closure(g, *moved)

    return local
