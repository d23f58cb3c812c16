"""What a mistake changes in a gradient, along random directions: most are ruled out by it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...graph.recorded.tape import Edge
from ...kernels import Array
from .case import Case, Mistake
from .mistakes import MISFITS

# What rounding may do to a product, as a share of the numbers that are added up in it.
ROUNDING = 1e-9


class Projection:
    """What is seen of a gradient along random directions.

    Another local rule changes what one edge hands on, and the rules below it are linear: the
    product of the change with a direction is known at that edge, once it is known how the nodes
    move when the value moves along the direction. So a hypothesis costs one call of its rule, and
    no walk.
    """

    def __init__(self, case: Case) -> None:
        rng, shape = np.random.default_rng(0), case.true.shape
        # Where the gradient is right, a mistake that was made on a part of it has no say.
        support = case.bad if case.bad.any() else np.ones(shape)
        signs = (rng.choice([-1.0, 1.0], shape) for _k in range(3))
        self.directions = [sign * rng.uniform(0.5, 1.5, shape) * support for sign in signs]
        self.case = case
        self._moves: dict[int, dict[int, Array] | None] = {}
        self._handed: dict[Any, Array | float] = {}

    @cached_property
    def scale(self) -> float:
        """The largest entry in play."""
        sizes = [np.abs(a).max(initial=0.0) for a in (self.case.hand, self.case.true)]
        return float(max(sizes))

    def of(self, array: Array, k: int) -> float:
        """The product of an array with a direction."""
        return float((array * self.directions[k]).sum())

    def slack(self, k: int) -> float:
        """How far a product may be from what is expected, where all entries are close."""
        return 2 * self.case.rtol * self.scale * float(np.abs(self.directions[k]).sum())

    def change(
        self,
        made: Mistake,
        k: int,
        gradients: Mapping[int, Array] | None = None,
        handed: dict[Edge, Any] | None = None,
    ) -> tuple[float, float] | None:
        """The change along a direction, and how far rounding may move it; None if it is not known.

        Of rules that are replaced at once it is known where none lies below another.
        ``gradients`` are those that arrive at the nodes, where another mistake was made before, and
        ``handed`` what edges were found to make of them by their own rules.
        """
        local, given = made.local or {}, made.given or {}
        tape, arriving = self.case.the_tape, gradients or self.case.gradients
        own = self._handed if handed is None else handed
        moves = self.moves(k)
        if moves is None or len({tape.number_of_input(*edge) for edge in local}) + len(given) != 1:
            return None
        change = size = 0.0
        try:
            for edge, rule in local.items():
                g, moved = arriving.get(edge[0]), moves.get(tape.number_of_input(*edge))
                if g is not None and moved is not None:
                    if edge not in own:
                        own[edge] = _array(tape.handed_on(edge, g))
                    term = (_array(tape.handed_on(edge, g, rule)) - own[edge]) * moved
                    change, size = change + term.sum(), size + np.abs(term).sum()
        except MISFITS:
            return np.nan, 0.0
        for i, g in given.items():
            if i in moves:
                term = (g - arriving.get(i, 0.0)) * moves[i]
                change, size = change + term.sum(), size + np.abs(term).sum()
        return float(change), ROUNDING * float(size)

    def moves(self, k: int) -> dict[int, Array] | None:
        """How the nodes move along a direction; None where that is not known."""
        if k not in self._moves:
            case = self.case
            try:
                found = case.the_tape.moves(case.target, self.directions[k], case.given_nodes)
                finite = all(np.isfinite(moved).all() for moved in found.values())
                self._moves[k] = found if finite else None
            except MISFITS:  # an operation that is not differentiable twice
                self._moves[k] = None
        return self._moves[k]

    def allows(self, made: Mistake) -> bool:
        """Whether a mistake may explain the gradient, or a part of it, the rest being right."""
        case = self.case
        if made.gradient is not None:
            return True
        if case.hand.shape != case.true.shape:
            return False
        wanted = [self.of(case.hand - case.true, k) for k in (0, 1)]
        found = self.change(made, 0)
        if found is None or abs(wanted[0] - found[0]) <= self.slack(0) + found[1]:
            return True
        if made.weighted is None or not abs(found[0]) > found[1]:
            return False
        other, times = self.change(made, 1), wanted[0] / found[0]
        return other is None or abs(wanted[1] - times * other[0]) <= (
            self.slack(1) + abs(times) * (other[1] + found[1]) + self.slack(0)
        )

    def allows_multiple(self, made: Mistake, hand: Array) -> bool:
        """Whether an array may be a multiple of the gradient with a mistake made."""
        if made.gradient is not None or hand.shape != self.case.true.shape:
            return True
        seen = []
        for k in range(3):
            found = self.change(made, k)
            if found is None:
                return True
            seen.append((self.of(self.case.true, k) + found[0], self.of(hand, k), found[1]))
        predicted, mine, rounding = np.array(seen).T
        with np.errstate(all="ignore"):
            factor = (predicted @ mine) / (predicted @ predicted)
        slack = max(self.slack(k) for k in range(3)) * (1 + 2 * abs(factor))
        slack *= max(1.0, float(np.abs(hand).max(initial=0.0)) / max(self.scale, 1e-300))
        return bool((np.abs(mine - factor * predicted) <= slack + abs(factor) * rounding).all())

    def pairs(self, mistakes: Sequence[Mistake]) -> Iterator[tuple[int, int]]:
        """The pairs of local mistakes that may together explain the gradient, by their places."""
        case = self.case
        if not mistakes or case.hand.shape != case.true.shape:
            return
        wanted, alone = self.of(case.hand - case.true, 0), [self.change(m, 0) for m in mistakes]
        edges = [set(m.local or ()) for m in mistakes]
        for i, upper in enumerate(mistakes):
            try:
                after = case.the_tape.pull(case.upstream, local=upper.local, given=case.given_nodes)
            except MISFITS:
                continue
            handed: dict[Edge, Any] = {}
            for j, lower in enumerate(mistakes):
                if edges[i] & edges[j] or (max(edges[j]), j) >= (max(edges[i]), i):
                    continue  # the one nearer to the output changes what arrives at the other
                nodes = [n for n, _position in edges[j] if n in after]
                moved = any(not np.array_equal(after[n], case.gradients[n]) for n in nodes)
                first, second = (
                    alone[i],
                    self.change(lower, 0, after, handed) if moved else alone[j],
                )
                if first is None or second is None:
                    yield i, j
                    continue
                rest = wanted - first[0] - second[0]
                if abs(rest) <= self.slack(0) + first[1] + second[1]:
                    yield i, j


def _array(d: Any) -> Any:
    return 0.0 if d is None else np.asarray(d)
