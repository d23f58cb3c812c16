"""Several contributions to one gradient: missing, overwritten, weighted; and updates too early."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....autograd.tensor import Tensor
from ....graph.recorded.tape import Edge
from ....kernels import Array
from ....messages import _
from ...vocabulary import RATE
from ..case import Case, Local, Mistake, Use
from .arrays import axes_of, word
from .table import mistake


@mistake("missing_branch", tape=True)
def path_of_a_fan_out(case: Case) -> Iterator[Mistake]:
    """A value used several times: one of its contributions is missing, doubled or reversed."""
    fans: dict[int, list[Edge]] = {}
    for edge in case.path:
        fans.setdefault(case.the_tape.number_of_input(*edge), []).append(edge)
    for number, edges in fans.items():
        if not 1 < len(edges) <= 8:
            continue
        source = case.the_tape.label(number)
        cuts: list[tuple[Edge, ...]] = [(edge,) for edge in edges]
        if len(edges) > 2:
            cuts += [tuple(e for e in edges if e != kept) for kept in edges]
            cuts += [(a, b) for k, a in enumerate(edges) for b in edges[k + 1 :]]
        for cut in dict.fromkeys(cuts):
            yield from _without(case, source, cut)
    for cut in _statistics(case):
        yield from _without(case, "x", cut)


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
    yield Mistake(None, words, {**detail, "weight": 0.0}, local=local, weighted=weighted)


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
def repeated_index_overwritten(case: Case) -> Iterator[Mistake]:
    """``dE[i] += g``: where an index is repeated, NumPy keeps only one of its contributions."""
    text = _(
        "{operation} takes some entries several times, and only the last contribution is left: "
        "dE[i] += g adds up once per entry (np.add.at adds up all)"
    )
    for use in case.uses("getitem", "embedding", "take"):
        index = use.arguments.get("index", use.arguments.get("indices"))
        axis = use.arguments.get("axis")
        where = index if axis is None else (*(slice(None),) * (axis % use.input.ndim), index)

        def local(g: Array, *_values: Any, shape: Any = use.input.shape, at: Any = where) -> Array:
            kept = np.zeros(shape)
            kept[np.asarray(at) if isinstance(at, Tensor) else at] = g
            return kept

        yield use.with_local(local, text)


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

            def weighted(times: float, detail: Any = None) -> tuple[str, dict[str, Any], bool]:
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
