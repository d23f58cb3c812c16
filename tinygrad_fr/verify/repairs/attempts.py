"""Somebody's code run with changes: what its gradients are, and which of them are right."""

import time
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...worker.byvalue import Key
from ...worker.limits import TookTooLong, guarded
from ..handwritten.calls import StudentError, last_frame
from .changing import applied
from .edits.table import Changes
from .order import Order
from .source import Unit
from .trials import Draw, Gradients


class EnoughError(Exception):
    """The budget is used up."""


@dataclass
class Attempts:
    """Runs of the code, counted.

    Attributes
    ----------
    order : Order
    count, ended : int
        The runs so far, and those that were ended for the time that they took.
    until, patience : float
        When it is enough, and how many seconds one run may take.
    units : list of Unit
    base : dict
        The gradients without a change.
    right, wrong : set of str
        Which of them are.
    others : list of Draw
        Other values and sizes, as far as they were needed; ``further`` has the rest.
    """

    order: Order
    count: int = 0
    ended: int = 0
    until: float = 0.0
    patience: float = 10.0
    units: list[Unit] = field(default_factory=list)
    base: Gradients = field(default_factory=dict)
    right: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    others: list[Draw] = field(default_factory=list)
    further: Iterator[Draw] = field(default_factory=lambda: iter(()))
    failed_at: int = 0

    def judged(self, gradients: Mapping[str, Any]) -> tuple[set[str], set[str]]:
        """The names of the right and of the wrong gradients."""
        draw = self.order.draw
        names = draw.known & (set(gradients) | set(self.order.wrong))
        right = {n for n in names if n in gradients and draw.right(n, gradients[n])}
        return right, names - right

    def evaluated(
        self, codes: Mapping[Key, types.CodeType], draw: Draw | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> Gradients | None:  # fmt: skip
        """The gradients with other code; None where it fails."""
        self.count += 1
        if self.count > self.order.evaluations or time.perf_counter() > self.until:
            raise EnoughError
        try:
            with guarded(self.patience):
                return self.order.trial.evaluated(codes, draw or self.order.draw, names)
        except StudentError as error:
            if not codes and error.__cause__ is not None:
                frame = last_frame(error.__cause__)
                self.failed_at = (frame.lineno or 0) if frame else 0
            return None
        except BaseException as error:  # sys.exit, what takes too long
            self.ended += isinstance(error, TookTooLong)
            if codes:
                return None
            raise

    def tried(self, changes: Changes, draw: Draw | None = None) -> Gradients | None:
        """The gradients with some changes; None where that fails."""
        try:
            with applied(changes, self.units) as touched:
                codes = {u.key: u.compiled() for u in touched}
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return None
        return self.evaluated(codes, draw)

    def holds(self, changes: Changes, names: set[str]) -> bool:
        """Whether what is right here is right on other values and sizes as well."""
        known = 0
        while True:
            if known == len(self.others):
                draw = next(self.further, None)
                if draw is None:
                    return True
                if not self._tells(draw):
                    continue
                self.others.append(draw)
            gradients = self.tried(changes, self.others[known])
            if gradients is None or not all(
                n in gradients and self.others[known].right(n, gradients[n]) for n in names
            ):  # fmt: skip
                return False
            known += 1

    def _tells(self, draw: Draw) -> bool:
        """Whether another draw is one that right code is right on."""
        try:
            found = self.order.trial.evaluated({}, draw)
        except Exception:
            return not self.base
        return all(name in found and draw.right(name, found[name]) for name in self.right)
