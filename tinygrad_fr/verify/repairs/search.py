"""The search for the smallest edit: where first, then the likeliest edits there, then pairs."""

import ast
import heapq
import itertools
import linecache
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from typing import Any

import numpy as np

from .attempts import EnoughError
from .changing import applied, distance, is_a_move
from .edits import ROWS
from .edits.table import Changes, Row, Spot
from .order import Found, Order, Where
from .suspects import Suspects
from .text import edited
from .trials import Gradients, OfALayer
from .watching import Hand, moved_part, watched

# Edits that are tried after the first good one, and the most good ones.
_MORE, _MOST = 150, 6
# Partial repairs that are looked at for a second edit, and edits in all.
_PARTIAL, _DEPTH = 6, 4
# Which parts of what is left of the budget single edits may use up, and further ones.
_SINGLE, _SINGLE_IN_VAIN, _FURTHER = 0.7, 0.4, 0.5
# Edits of one line; those of which two are tried together, and after how many others.
_OF_A_LINE, _OF_TWO, _BEFORE_TWO = 800, 60, 150.0


def look_for(order: Order) -> Iterator[Where | Found]:
    """Where it may be, then edits as they are found."""
    for path, text in order.texts.items():
        linecache.cache[path] = (len(text), None, StringIO(text).readlines(), path)
    search = Search(order)
    if not search.begin():
        if search.wrong and not search.spots:
            yield Where((), readable=False)
        return
    yield search.where()
    yield from search.edits()


@dataclass
class _Candidate:
    cost: float
    number: int
    spot: Spot
    changes: Changes
    row: str
    kinds: tuple[str, ...]


@dataclass
class Search(Suspects):
    """One search."""

    def begin(self) -> bool:
        """Read the code and judge it as it is; False where nothing can be done."""
        self.until = time.perf_counter() + self.order.seconds
        try:
            self._judge()
            if self.wrong and self.spots:
                self.look()
                self.disturb()
                self.aim()
        except EnoughError:
            pass
        return bool(self.wrong and self.level)

    def _judge(self) -> None:
        """The gradients as they are, and the statements that make them."""
        start, order = time.perf_counter(), self.order
        if not order.draw.known and isinstance(order.trial, OfALayer):
            draw = order.trial.here(order.draw, [*order.wrong], np.random.default_rng(5))
            self.order = order = replace(order, draw=draw)
        self.base = self.evaluated({}) or {}
        self.patience = max(0.25, 20 * (time.perf_counter() - start))
        self.right, self.wrong = self.judged(self.base)
        self.wrong &= set(order.wrong)
        names = sorted(self.right | self.wrong)
        self.further = order.trial.others(order.draw, names, np.random.default_rng(7))
        self.read()

    def edits(self) -> Iterator[Found]:
        """Edits that mend, single ones first, then several one after the other."""
        parts: list[tuple[Found, Changes]] = []
        found_whole = 0
        # Where no line moves all that is wrong, it takes more than one.
        share = _SINGLE if min(self.level.values()) < 1 else _SINGLE_IN_VAIN
        try:
            for found, changes in self._single((), self.wrong, self.level, share):
                if found.whole:
                    found_whole += 1
                    yield found
                else:
                    parts.append((found, changes))
                if found_whole >= _MOST:
                    break
            if found_whole:
                return
            parts.sort(key=lambda p: (-len(p[0].mends), p[0].cost))
            told = set[tuple[str, ...]]()
            for found, changes in parts[:_PARTIAL]:
                if found.mends in told:
                    continue
                told.add(found.mends)
                yield found
                several = self._more(found, changes, 1)
                if several is not None:
                    yield several
                    return
        except EnoughError:
            return

    def _more(self, first: Found, changes: Changes, depth: int) -> Found | None:
        """A further edit beside others that mend a part only."""
        best: tuple[Found, Changes] | None = None
        left = self.wrong - set(first.mends)
        for found, further in self._single(changes, left, self.levels(left), _FURTHER):
            both = replace(found, cost=first.cost + found.cost, row=f"{first.row}, {found.row}",
                           kinds=tuple(dict.fromkeys((*first.kinds, *found.kinds))))  # fmt: skip
            if found.whole:
                return both
            if best is None or len(found.mends) > len(best[0].mends):
                best = both, further
        if best is not None and depth < _DEPTH - 1:
            return self._more(*best, depth + 1)
        return None

    def _single(
        self, before: Changes, left: set[str], level: Mapping[int, float], share: float
    ) -> Iterator[tuple[Found, Changes]]:  # fmt: skip
        """Single edits beside those that are made already, the likeliest first.

        ``share`` of what is left of the budget may be used up.
        """
        mended, now = self.wrong - left, time.perf_counter()
        last = self.count + share * (self.order.evaluations - self.count)
        until = now + share * (self.until - now)
        gains = set[tuple[int, tuple[str, ...]]]()
        found_whole = False
        for candidate in self._candidates(before, level):
            if self.count > last or time.perf_counter() > until:
                return
            changes = (*before, *candidate.changes)
            sieve = self.sieves[candidate.number]
            sieve.last = object()
            sifted = not before and not self._worth(candidate)
            gradients = None if sifted else self.tried(changes)
            right = set() if gradients is None else self.judged(gradients)[0]
            if gradients is not None and not _updates(self.base) <= _updates(gradients):
                right = set()  # an update less is no repair
            if not self.right | mended <= right or not right & left:
                sieve.failed.add(sieve.last)
                continue
            all_ = self.wrong if self.base else self.wrong & set(gradients or ())
            whole, mends = all_ <= right, tuple(sorted(right & self.wrong))
            if not whole and (found_whole or (candidate.number, mends) in gains):
                continue
            if not self.holds(changes, set(mends) | self.right) or self._warns(candidate):
                continue
            text = edited(changes, self.spots)
            if text is None:
                continue
            gains.add((candidate.number, mends))
            if whole and not found_whole:
                found_whole, last = True, min(last, self.count + _MORE)
            cost = candidate.cost + (1.5 * self._disagrees(changes) if whole else 0.0)
            yield Found(text, candidate.row, candidate.kinds, mends, whole, cost), changes

    def _candidates(self, before: Changes, level: Mapping[int, float]) -> Iterator[_Candidate]:
        """All edits, the likeliest of each line first, the surest lines more often than others.

        Beside those of each line there are those of two lines of one form, of lines that are
        right, and, after a while, two edits of one line.
        """
        touched = {id(node) for node, _text in before}
        free = {k: s for k, s in self.spots.items()
                if not touched & {id(n) for n in ast.walk(s.node)}}  # fmt: skip
        made: dict[Any, Callable[[], Iterable[_Candidate]]] = {
            (k, ""): partial(self._of_a_line, k, s) for k, s in free.items()
        }
        heap: list[tuple[float, Any, float]] = [
            ((1 + level[k]) ** 3, (k, ""), (1 + level[k]) ** 3) for k in free
        ]
        made[-1, "beside"] = partial(self._beside, [k for k in free if level[k] >= 2])
        made[-1, "alike"] = partial(self._alike, [k for k in free if level[k] <= 1.2])
        heap += [(6.0, (-1, "beside"), 6.0), (4.0, (-1, "alike"), 2.0)]
        for k in free:
            aim = self.sieves[k].target
            if not before and aim is not None and aim.explains and len(aim.missing):
                made[k, "twice"] = partial(self._twice, k)
                heap.append((_BEFORE_TWO, (k, "twice"), 0.02))
        heapq.heapify(heap)
        lists: dict[Any, list[_Candidate]] = {}
        while heap:
            place, which, pace = heapq.heappop(heap)
            if which not in lists:
                found = sorted(made[which](), key=lambda c: -c.cost)
                lists[which] = found[-_OF_A_LINE if which[1] != "twice" else 0 :]
            if lists[which]:
                ended = self.ended
                yield lists[which].pop()
                pace *= 4 if self.ended > ended else 1  # loops without end cost most of the time
                heapq.heappush(heap, (place + pace, which, pace))

    def _of_a_line(self, number: int, spot: Spot) -> Iterator[_Candidate]:
        seen, aim = set[Any](), self.sieves[number].target
        vain, inner = aim is not None and not aim.explains, set(map(id, spot.inner))
        habit = self._habit(number, spot)
        for row in ROWS:
            for changes in row.changes(spot):
                key = tuple((id(node), text) for node, text in changes)
                if key not in seen:
                    seen.add(key)
                    cost = self._cost(row, spot, changes) + habit
                    if vain and all(id(n) in inner for n, _text in changes):
                        cost += 1.5
                    yield _Candidate(cost, number, spot, changes, row.name, row.kinds)

    def _habit(self, number: int, spot: Spot) -> float:
        """How unlikely a line is to be the wrong one, by its form and by what it moves."""
        node = spot.node
        bare = isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        last = isinstance(node, ast.Return) and not isinstance(node.value, ast.BinOp)
        value = getattr(node, "value", None)
        unpacked = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
        call = isinstance(value, ast.Call) and (isinstance(node, ast.Expr) or unpacked) and (
            not spot.text(value.func).startswith("np.")
        )  # fmt: skip
        return 1.5 * self.level[number] - 0.5 * bare + 0.5 * last + 0.3 * call

    def _cost(self, row: Row, spot: Spot, changes: Changes) -> float:
        """How unlikely an edit is in itself."""
        length = sum(distance(spot.text(n), text) for n, text in changes)
        length = 10 if is_a_move(spot, changes) else length
        agrees = bool(set(row.kinds) & set(self.order.kinds))
        cost = row.cost + 0.03 * length - 0.8 * agrees
        unused = "|".join(map(re.escape, spot.unused))
        if unused and any(re.search(rf"\b({unused})\b", text) for _n, text in changes):
            cost -= 0.7  # it was computed for something
        return cost

    def _beside(self, numbers: list[int]) -> Iterator[_Candidate]:
        """Lines that are forgotten beside lines that are right."""
        for k in numbers:
            spot = self.spots[k]
            for row in (row for row in ROWS if row.anywhere):
                for changes in row.changes(spot):
                    cost = self._cost(row, spot, changes) + 1
                    yield _Candidate(cost, k, spot, changes, row.name, row.kinds)

    def _alike(self, numbers: list[int]) -> Iterator[_Candidate]:
        """The same edit in two lines of one form, one after the other."""
        for k, after in itertools.pairwise(numbers):
            a, b = self.spots[k], self.spots[after]
            if _form(a.node) != _form(b.node) or not isinstance(
                a.node, (ast.Assign, ast.AugAssign)
            ):
                continue
            for row in (row for row in ROWS if row.cost <= 1.3):
                one, other = list(row.changes(a)), list(row.changes(b))
                for x, y in zip(one, other, strict=False) if len(one) == len(other) else ():
                    cost = self._cost(row, a, x) + self._habit(k, a) + 0.5
                    yield _Candidate(cost, k, a, (*x, *y), row.name, row.kinds)

    def _twice(self, number: int) -> Iterator[_Candidate]:
        """Two edits of one line."""
        spot = self.spots[number]
        inner = set(map(id, spot.inner))
        one = [
            c for c in self._of_a_line(number, spot) if all(id(n) in inner for n, _t in c.changes)
        ]
        one = sorted(one, key=lambda c: c.cost)[:_OF_TWO]
        for a, b in itertools.combinations(one, 2):
            parts = [set(map(id, ast.walk(n))) for n, _text in (*a.changes, *b.changes)]
            if sum(map(len, parts)) == len(set().union(*parts)):
                kinds = tuple(dict.fromkeys((*a.kinds, *b.kinds)))
                yield _Candidate(a.cost + b.cost + 1, number, spot, (*a.changes, *b.changes),
                                 f"{a.row}, {b.row}", kinds)  # fmt: skip

    def _worth(self, candidate: _Candidate) -> bool:
        """Whether an edit is worth a run, by the value of its line alone."""
        spot, within = candidate.spot, set(map(id, candidate.spot.inner))
        if moved_part(spot) is None or not all(id(n) in within for n, _t in candidate.changes):
            return True
        try:
            with applied(candidate.changes, self.units):
                return self.sieves[candidate.number].lets_through(spot)
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return False

    def _warns(self, candidate: _Candidate) -> bool:
        """Whether an edited line divides by zero or overflows where it did not before."""
        spot, sieve = candidate.spot, self.sieves[candidate.number]
        if not sieve.values(spot, "raise"):
            return False
        with applied(candidate.changes, self.units):
            return sieve.values(spot, "raise") == []

    def _disagrees(self, changes: Changes) -> int:
        """How many named inner gradients are not right after an edit."""
        if not self.order.inner:
            return 0
        hand = Hand(-1)
        with applied(changes, self.units):
            codes = {u.key: watched(u, self.of(u)) for u in self.units}
        self.evaluated(codes, names=hand.names)
        return sum(right is not True for _x, right in self.inner(hand.last).values())


def _updates(gradients: Gradients) -> set[str]:
    return {name for name in gradients if name.startswith("update of ")}


def _form(node: ast.AST) -> str:
    """A tree without its names and numbers."""
    return re.sub(r"(id|attr|value|arg)=('[^']*'|[\d.]+)", "", ast.dump(node))
