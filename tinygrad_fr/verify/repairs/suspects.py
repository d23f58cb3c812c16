"""Which lines may be to blame: those that move all that is wrong, and nothing that is right."""

import ast
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..truth.comparison import close
from ..truth.tolerances import ALIKE
from .order import Where
from .scene import Scene
from .targets import Push, scale, target
from .trials import Gradients
from .watching import END, MOVE, Hand, moved_part, watched

# The part of the budget that may be spent on what values lines would have to have.
_AIMING = 0.2


@dataclass
class Suspects(Scene):
    """The statements of the way back, and how suspicious each is.

    Attributes
    ----------
    moved : dict of int to (set of str or None)
        Which gradients each statement moves; None where that is not known.
    level : dict of int to float
        0 is most suspicious, 3 not at all.
    """

    moved: dict[int, set[str] | None] = field(default_factory=dict)
    level: dict[int, float] = field(default_factory=dict)

    def disturb(self) -> None:
        """The disturbance slice: what each statement moves."""
        codes = {u.key: watched(u, self.of(u), move=True) for u in self.units}
        moved: dict[int, set[str] | None] = {}
        for number, spot in self.spots.items():
            moved[number] = None
            if moved_part(spot) is None:
                continue
            for altogether in (False, True):
                hand = Hand(number, altogether)
                found = self.evaluated(codes, names=hand.names)
                if found is not None and hand.touched:
                    inner = {n: x for n, (x, _right) in self.inner(hand.last).items()}
                    moved[number] = _differing({**self.base, **self.inner_base},
                                               {**found, **inner})  # fmt: skip
                elif found is not None:
                    moved[number] = set()
                if moved[number]:
                    break
        self.moved = moved
        self.level = self.levels(self.wrong)

    def aim(self) -> None:
        """What the values of the suspects would have to be, where that is quickly known."""
        wanted = {n: g for n, g in self.order.draw.true.items() if n in self.right | self.wrong}
        if set(wanted) != self.right | self.wrong:
            return
        codes = {u.key: watched(u, self.of(u), move=True) for u in self.units}

        def run(push: Push) -> Gradients | None:
            return self.evaluated(codes, names={MOVE: push.move, END: lambda _scope: None})

        until = self.count + _AIMING * self.order.evaluations
        late = time.perf_counter() + _AIMING * self.order.seconds
        for number in sorted(self.spots, key=lambda k: (self.level[k], self.sizes[k])):
            if self.level[number] > 1.2 or self.count > until or time.perf_counter() > late:
                continue
            found = target(run, number, wanted, lambda g: not self.judged(g)[1], until - self.count)
            sieve = self.sieves[number]
            sieve.target = found
            sieve.base = next(iter(sieve.values(self.spots[number]) or []), None)
            if found is None and self.level[number] < 1:
                sieve.factor = scale(run, number, wanted)
            whole = isinstance(self.spots[number].node, (ast.Assign, ast.Return, ast.expr))
            named = not isinstance(getattr(self.spots[number].node, "targets", [None])[0],
                                   ast.Subscript)  # fmt: skip
            if found is not None and not found.explains and whole and named:
                self.level[number] += 1.0

    def levels(self, wrong: set[str]) -> dict[int, float]:
        """How suspicious each statement is of some wrong gradients: 0 most, 3 least."""
        level = {number: self._level(names, wrong) for number, names in self.moved.items()}
        for number, spot in self.spots.items():
            if self.moved[number] is None and hasattr(spot.node, "body"):  # by what is in it
                inside = [
                    level[k]
                    for k, s in self.spots.items()
                    if spot.node.lineno < s.node.lineno <= (spot.node.end_lineno or 0)
                ]
                level[number] = min([3.0, *(x + 0.5 for x in inside)])
            if isinstance(getattr(spot.node, "value", None), ast.Tuple):
                level[number] += 0.5  # it gathers what others have made
            if spot.line == self.failed_at:
                level[number] = 0.0
        for number, spot in self.spots.items():  # what it makes is not used
            made = {n.id for t in getattr(spot.node, "targets", []) for n in ast.walk(t)
                    if isinstance(n, ast.Name)}  # fmt: skip
            if made & set(spot.unused) and len(made) == 1:
                level[number] = min(level[number], 0.8)
        for number, spot in self.spots.items():  # where a loop carries on
            outer = spot.parent(spot.node)
            if isinstance(outer, ast.For) and outer.body[-1] is spot.node:
                inside = [
                    level[k]
                    for k, s in self.spots.items()
                    if outer.lineno < s.node.lineno <= (outer.end_lineno or 0)
                ]
                level[number] = min(level[number], 0.8 + min(inside, default=3.0))
        return level

    def _level(self, names: set[str] | None, wrong: set[str]) -> float:
        if names is None:
            return 2.0
        if not names & wrong:
            return 3.0
        if names & self.right:
            return 2.0
        if names & self.inner_right:
            return 1.5
        if not names >= wrong:
            return 1.0
        return 0.0 if names >= self.inner_wrong else 0.3

    def where(self) -> Where:
        """The surest lines."""
        least = min(self.level.values(), default=3.0)
        lines = {
            (s.unit.key[0], s.line) for k, s in self.spots.items()
            if self.level[k] == least and least < 2
        }  # fmt: skip
        return Where(tuple(sorted(lines)))


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> set[str]:
    return {n for n in {*a, *b} if n not in a or n not in b or not _same(a[n], b[n])}


def _same(a: Any, b: Any) -> bool:
    try:
        a, b = np.asarray(a, float), np.asarray(b, float)
    except (TypeError, ValueError):
        return False
    return close(a, b, ALIKE)
