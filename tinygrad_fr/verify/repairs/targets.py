"""What the value of a line would have to be, by which edits of it are sifted without running all.

On the way back everything is linear: a gradient that is computed from the value of a line changes
in proportion to it. A run for each entry of the value gives the matrix of that map; least squares
then give the value with which every gradient is right, or that there is none, and the line is not
to blame. An edited expression is evaluated among the names that stood ready when the line ran,
and need not be tried unless it gives that value.
"""

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels import Array
from ..truth.comparison import close
from .edits.table import Spot
from .watching import moved_part

# Entries of a value that are moved one by one, over all visits of a line.
MOST = 80
# How well an edit must give the wanted value: later it is judged by the gradients.
_NEAR = 1e-4


class Push:
    """What adds a number to one entry of a statement's value at one visit."""

    def __init__(self, which: int, visit: int = -1, entry: int = 0, by: Any = 0.0) -> None:
        self.which, self.visit, self.entry, self.by = which, visit, entry, by
        self.values: list[Any] = []

    def move(self, number: int, x: Any) -> Any:
        """The value, or another one."""
        if number != self.which:
            return x
        self.values.append(np.array(x) if isinstance(x, np.ndarray) else x)  # it may be changed
        if len(self.values) - 1 != self.visit and self.visit != -2:
            return x
        if self.visit == -2:  # every visit gets its own
            return x + self.by[len(self.values) - 1]
        if np.ndim(x) == 0:
            return x + self.by
        moved = np.array(x, float)
        moved.reshape(-1)[self.entry] += self.by
        return moved


@dataclass(frozen=True)
class Target:
    """The value that a line should have at its first visit.

    Attributes
    ----------
    explains : bool
        Whether some value makes all gradients right.
    base : array
        The value that it has.
    matrix, missing : array
        What the first visit does to the gradients, and what they lack.
    """

    explains: bool
    base: Array
    matrix: Array
    missing: Array

    def fits(self, value: Any) -> bool:
        """Whether another value may be the right one."""
        try:
            x = np.asarray(value, float)
            step = np.broadcast_to(x, self.base.shape) - self.base
        except (TypeError, ValueError):
            return False
        with np.errstate(all="ignore"):
            return close(self.matrix @ step.reshape(-1), self.missing, _NEAR)


@np.errstate(all="ignore")
def target(
    run: Callable[[Push], Mapping[str, Any] | None], number: int, wanted: Mapping[str, Array],
    right: Callable[[Mapping[str, Any]], bool], most: float = MOST,
) -> Target | None:  # fmt: skip
    """The target of a statement; None where its value is no small array, or not linear.

    Parameters
    ----------
    run
        The gradients with a push.
    wanted
        The right gradients.
    right
        Whether gradients are right.
    """
    first = Push(number)
    here = _flat(run(first), wanted)
    values = first.values
    if here is None or not values or not all(_is_real(v) for v in values):
        return None
    sizes = [np.size(v) for v in values]
    if not 0 < sum(sizes) <= min(MOST, most):
        return None
    columns = []
    for visit, size in enumerate(sizes):
        for entry in range(size):
            moved = _flat(run(Push(number, visit, entry, 1.0)), wanted)
            if moved is None:
                return None
            columns.append(moved - here)
    matrix = np.stack(columns, 1)
    missing = np.concatenate([np.ravel(w) for w in wanted.values()]) - here
    if not np.isfinite(matrix).all():
        return None
    x, _residual, rank, _values = np.linalg.lstsq(matrix, missing, rcond=1e-10)
    base = np.asarray(values[0], float)
    explains = close(matrix @ x, missing, 1e-6)
    if explains:
        cuts = np.split(x, np.cumsum(sizes)[:-1])
        steps = [c.reshape(np.shape(v)) for c, v in zip(cuts, values, strict=True)]
        found = run(Push(number, -2, by=steps))
        if found is None or not right(found):
            return None  # it is not linear
    if len(values) > 1:
        if rank < len(x):
            return Target(explains, base, np.zeros((0, sizes[0])), np.zeros(0))
        matrix, missing = np.eye(sizes[0]), x[: sizes[0]]
    return Target(explains, base, matrix, missing)


def _flat(gradients: Mapping[str, Any] | None, wanted: Mapping[str, Array]) -> Array | None:
    if gradients is None:
        return None
    parts = []
    for name, true in wanted.items():
        g = np.asarray(gradients.get(name), float)
        if g.shape != true.shape:
            return None
        parts.append(g.reshape(-1))
    return np.concatenate(parts) if parts else None


def _is_real(x: Any) -> bool:
    return isinstance(x, (float, np.floating)) or (
        isinstance(x, np.ndarray) and x.dtype.kind == "f"
    )


# --- evaluating an edited expression -----------------------------------------------------------


@dataclass
class Sieve:
    """The worlds in which a line ran, and what edits of it have given there.

    Attributes
    ----------
    worlds : list of (dict, dict)
        Global and local names at the first visits.
    target : Target or None
    factor : float or None
        By what the value would have to be multiplied; None if by nothing, NaN if it is not known.
    failed : set
        The values that are known not to mend.
    last : object
        What the last edit gave.
    """

    worlds: list[tuple[dict[str, Any], dict[str, Any]]]
    target: Target | None = None
    factor: float | None = np.nan
    failed: set[Any] = field(default_factory=set)
    last: Any = None
    base: Any = None

    def lets_through(self, spot: Spot) -> bool:
        """Whether the statement as it is now, an edited one, is worth a run.

        It is not where it fails, gives what is known not to mend, or not what is wanted.
        """
        results = self.values(spot)
        if results is None:
            return True
        self.last = tuple(_key(x) for x in results)
        if not results or self.last in self.failed:
            return False
        if self.target is not None and self.target.explains:
            return self.target.fits(results[0])
        ratio = _ratio(results[0], self.base)
        if ratio is None or (self.factor is not None and np.isnan(self.factor)):
            return True
        return self.factor is not None and bool(np.isclose(ratio, self.factor, rtol=1e-5))

    def values(self, spot: Spot, warnings: Any = "ignore") -> list[Any] | None:
        """What the value of a statement is in each world; none where it fails.

        With ``warnings="raise"`` it fails where it divides by zero or overflows, too.
        """
        part = moved_part(spot)
        if part is None or not self.worlds:
            return None
        try:
            code = compile(ast.fix_missing_locations(ast.Expression(part)), "<edit>", "eval")
        except (SyntaxError, ValueError, TypeError):
            return []
        results = []
        for space, scope in self.worlds:
            with np.errstate(all=warnings, under="ignore"):
                try:
                    results.append(eval(code, {**space, **scope}))
                except Exception:
                    return []
        return results


def _key(x: Any) -> Any:
    with suppress(Exception):
        a = np.asarray(x)
        if a.dtype.kind in "fiub":
            rounded = np.round(a.astype(float), 10) + 0.0
            return a.shape, a.dtype.kind, rounded.tobytes()
    return object()  # like no other


@np.errstate(all="ignore")
def _ratio(x: Any, base: Any) -> float | None:
    """By which number a value is a multiple of another; None if by none."""
    with suppress(TypeError, ValueError):
        a, b = np.asarray(x, float), np.asarray(base, float)
        size = float((b * b).sum())
        if a.shape == b.shape and size:
            ratio = float((a * b).sum()) / size
            return ratio if close(a, ratio * b, 1e-9) else None
    return None


@np.errstate(all="ignore")
def scale(
    run: Callable[[Push], Mapping[str, Any] | None], number: int, wanted: Mapping[str, Array]
) -> float | None:
    """By what the values of a statement would have to be multiplied; NaN if it is not known."""
    first = Push(number)
    here = _flat(run(first), wanted)
    if here is None or not first.values or not all(_is_real(v) for v in first.values):
        return float("nan")
    there = _flat(run(Push(number, -2, by=first.values)), wanted)
    if there is None:
        return float("nan")
    missing = np.concatenate([np.ravel(w) for w in wanted.values()]) - here
    step = there - here
    size = float((step * step).sum())
    more = float((missing * step).sum()) / size if size else 0.0
    return 1 + more if close(more * step, missing, 1e-6) else None
