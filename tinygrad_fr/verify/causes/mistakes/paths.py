"""Several contributions to one gradient: missing, overwritten, weighted; and updates too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ...vocabulary import RATE
from ..case import Case
from .arrays import axes_of, word
from .table import Mistake, mistake
from .uses import Local, Use, uses


@mistake("missing_branch", tape=True)
def path_of_a_fan_out(case: Case) -> Iterator[Mistake]:
    """A value used several times: one of its contributions is missing, doubled or reversed."""
    fans: dict[int, list[tuple[int, int]]] = {}
    for edge in case.path:
        fans.setdefault(case.the_tape.number_of_input(*edge), []).append(edge)
    for number, edges in fans.items():
        if not 1 < len(edges) <= 8:
            continue
        source = case.the_tape.label(number)
        cuts: list[tuple[tuple[int, int], ...]] = [(edge,) for edge in edges]
        if len(edges) > 2:
            cuts += [tuple(e for e in edges if e != kept) for kept in edges]
            cuts += [(a, b) for k, a in enumerate(edges) for b in edges[k + 1 :]]
        for cut in dict.fromkeys(cuts):
            yield from _without(case, source, cut)
    for cut in _statistics(case):
        yield from _without(case, "x", cut)


def _without(case: Case, source: str, cut: tuple[tuple[int, int], ...]) -> Iterator[Mistake]:
    gradient = case.pull(dict.fromkeys(cut))
    if gradient is None:
        gradient = np.zeros_like(case.true)
    through = ", ".join(dict.fromkeys(case.the_tape.label(i) for i, _p in cut))
    detail: dict[str, Any] = {"operation": case.the_tape.operation(cut[0][0]), "source": source}
    words = _(
        "{source} is used several times: its path through {through} is missing",
        source=source,
        through=through,
    )
    yield Mistake(gradient, words, {**detail, "weight": 0.0}, local=dict.fromkeys(cut))
    yield from _weighted(case, case.true - gradient, words, detail)


def _weighted(case: Case, part: Array, words: str, detail: dict[str, Any]) -> Iterator[Mistake]:
    """The true gradient with one of its terms wrongly weighted."""
    if part.shape != case.hand.shape or not np.any(part) or not np.isfinite(case.hand).all():
        return
    weight = 1 + float(((case.hand - case.true) * part).sum() / (part**2).sum())
    if abs(weight) < 1e-6 or abs(weight - 1) < 1e-6 or case.close(part, case.true):
        return
    words = _(
        "{words} or wrongly weighted: it counts {weight:.6g} times", words=words, weight=weight
    )
    fitted = min(abs(weight - w) for w in (-1, 2, 0.5)) > 1e-6
    yield Mistake(case.true + (weight - 1) * part, words, {**detail, "weight": weight}, fitted)


def _statistics(case: Case) -> Iterator[tuple[tuple[int, int], ...]]:
    """Of a normalisation written out: the edges through the mean, the variance, and both."""
    tape = case.the_tape
    sums = [use.edge for use in uses(case, "sum")]
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
    for use in uses(case, *spreading):
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


@mistake("updated_too_early", tape=True)
def parameters_updated_before_use(case: Case) -> Iterator[Mistake]:
    tape = case.the_tape
    for use in uses(case):
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
            for label in RATE & set(case.values):
                rate = float(case.values[label])
                made = use.with_local(_moved(use, slot, rate * step), "", parameter=name, lr=rate)
                yield replace(made, explanation=words)
            made = use.with_local(_moved(use, slot, step), "", parameter=name)
            part = made.gradient - case.true
            if part.shape == case.hand.shape and np.any(part):
                rate = float(((case.hand - case.true) * part).sum() / (part**2).sum())
                detail = {**made.detail, "lr": rate}
                yield Mistake(case.true + rate * part, words, detail, fitted=True)


def _moved(use: Use, slot: int, step: Array) -> Local:
    """The local derivative with one of the inputs after its update."""
    closure = use.closure

    def local(g: Any, *values: Any) -> Any:
        moved = list(values)
        moved[slot + 1] = values[slot + 1] - step
        return closure(g, *moved)

    return local
