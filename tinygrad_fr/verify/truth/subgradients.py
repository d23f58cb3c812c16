"""What is right where a function is not differentiable: any subgradient, and nothing else."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Entry
from .comparison import Scalar, close
from .differences import one_sided, signed
from .tolerances import (
    ASKED,
    BY_SLOPES,
    EQUAL_SIDES,
    GAP,
    ONE_SIDED,
    SIDE,
    VALUES,
)

# How many entries are looked at, how many of them together, along how many directions.
ENTRIES, TOGETHER, TRIALS = 1024, 32, 12

Outputs = Callable[[Array], Any]  # of an array, one number or several
Slopes = Callable[..., tuple[Array, Array]]  # along entries and their steps: left and right


@dataclass(frozen=True)
class Kinks:
    """What was found around the entries at which a gradient differs from the recorded one."""

    found: bool  # all of these entries lie at kinks
    accepted: bool  # along all directions the gradient lies between the one-sided slopes


def at_kinks(
    function: Outputs, x: Array, claimed: Array, recorded: Array, rng: np.random.Generator,
    rtol: float = ASKED, near: bool = False, share: float = 1.0,
    found_only: bool = False,
) -> Kinks:  # fmt: skip
    """Whether a gradient that differs from the recorded one is a subgradient.

    Entries whose kinks belong together (the equal maxima of a window) are moved together, along
    random directions: entry by entry, a mask that pays every one of several maxima would pass.
    A function with several outputs is judged by each of them, with one row of its Jacobian: a
    signed sum of outputs is neither convex nor concave.

    With ``near`` kinks within the steps of finite differences count, too; with a ``share`` below 1
    fewer entries are looked at, for functions that are slow; with ``found_only`` nothing is said
    about whether the gradient is accepted.
    """
    here = np.ravel(function(x))
    rows, true = (np.reshape(g, (here.size, x.size)) for g in (claimed, recorded))

    def f(z: Array) -> Array:
        return here if z is x else np.ravel(function(z))

    def slopes(entries: Array, step: Any, h: float = ONE_SIDED) -> tuple[Array, Array]:
        d = np.zeros(x.shape)
        d.flat[entries] = step
        return one_sided(f, x, d, h)

    size, most = np.abs(rows - true), np.abs(true).max(1, initial=0.0)
    differs = size > np.maximum(1e-6 * float(size.max(initial=0.0)), rtol * most)[:, None]
    if not np.isfinite(size).all() or not differs.any():
        return Kinks(False, False)
    entries, together = max(6, int(share * ENTRIES)), max(5, int(share**0.5 * TOGETHER))
    worst = np.argsort(-size.max(0))[: min(int(differs.any(0).sum()), entries)]
    rounding = VALUES * np.abs(here)
    found = []
    for k in worst:
        left, right = slopes(k, 1.0)
        # Rounding makes a gap, too, but not the same one at another step.
        again = slopes(k, 1.0, 4 * ONE_SIDED)
        noise = 10 * (np.abs(left - again[0]) + np.abs(right - again[1])) + rounding
        gap, here_differs = np.abs(left - right), differs[:, k]
        kinks = gap > GAP * (np.abs(left) + np.abs(right) + most) + noise
        if not kinks[here_differs].all():
            return Kinks(False, False)  # where there is no kink, a difference is a mistake
        if not near and not _stays(slopes, int(k), gap, here, here_differs):
            return Kinks(False, False)  # a kink nearby, but not here
        found.append((left, right))
    if found_only:
        return Kinks(True, False)
    values: Array = rows[:, worst].T  # (entries, outputs)
    sides: Array = np.array(found)  # (entries, 2, outputs)
    slack = SIDE * np.abs(sides).sum(1) + rounding
    between = (sides.min(1) - slack <= values) & (values <= sides.max(1) + slack)
    if not between.all() or not _along_equal_values(f, x, rows, rng, rtol):
        return Kinks(True, False)
    sample = worst[:together]
    for group in _groups(slopes, sample, sides[:together], slack[:together]):
        for trial in range(TRIALS):
            step = signed(rng, (len(group),)) if trial else np.ones(len(group))
            if not _between(slopes(sample[group], step), step @ values[group], slack[group].sum(0)):
                return Kinks(True, False)
    return Kinks(True, True)


def sampled_kinks(entry: Entry, f: Scalar, x: Array, rng: np.random.Generator) -> Entry:
    """Judge a large gradient again that is wrong where it was sampled: are these kinks?

    The entries at the value that occurs most often (the zeros after a relu) may all be at kinks:
    away from them, the slopes along random directions must be right.
    """
    claimed, true = np.asarray(entry.hand, float), np.asarray(entry.numeric, float)
    recorded = np.where(np.isnan(true), claimed, true)
    if (claimed != recorded).any() and not at_kinks(f, x, claimed, recorded, rng).accepted:
        return entry
    values, counts = np.unique(x, return_counts=True)
    elsewhere = x != values[counts.argmax()]
    for _trial in range(TRIALS):
        d = signed(rng, x.shape) * elsewhere
        left, right = (float(side) for side in one_sided(lambda z: np.asarray(f(z)), x, d))
        value = float((claimed * d).sum())
        allowed = BY_SLOPES * float(np.linalg.norm(claimed * d)) + 10 * VALUES * abs(float(f(x)))
        if not min(left, right) - allowed <= value <= max(left, right) + allowed:
            return entry
    return as_kink(entry)


def as_kink(entry: Entry) -> Entry:
    """The entry, accepted as one of several subgradients."""
    note = _("not differentiable here; the gradient is one of the subgradients")
    return dataclasses.replace(entry, verdict="kink", note=note)


def _between(sides: tuple[Array, Array], value: Array, slack: Array) -> bool:
    """Whether slopes lie between those from the left and from the right, for all outputs."""
    low, high = np.minimum(*sides), np.maximum(*sides)
    allowed = SIDE * (np.abs(low) + np.abs(high) + np.abs(value)) + slack
    return bool(((low - allowed <= value) & (value <= high + allowed)).all())


def _stays(slopes: Slopes, k: int, gap: Array, here: Array, where: Array) -> bool:
    """Whether the gap between the one-sided slopes stays when the steps get smaller."""
    for h in (1e-8, 1e-10, 1e-12):
        visible = where & (20 * np.finfo(float).eps * np.abs(here) / h <= 0.1 * gap)
        if not visible.any():
            return True  # rounding: no more can be seen
        left, right = slopes(k, 1.0, h)
        if (visible & (np.abs(left - right) < 0.5 * gap)).any():
            return False
    return True


def _along_equal_values(
    f: Outputs, x: Array, rows: Array, rng: np.random.Generator, rtol: float
) -> bool:
    """Whether the slopes are right along directions in which equal entries move together.

    Equal maxima stay equal then, so that there is no kink: what a window pays in all must be
    right, however it is shared.
    """
    _values, which = np.unique(x, return_inverse=True)
    allowed = max(rtol, ASKED) * np.linalg.norm(rows, axis=1)
    for _trial in range(TRIALS):
        d = signed(rng, (int(which.max(initial=0)) + 1,))[which].reshape(x.shape)
        left, right = one_sided(f, x, d)
        gap = EQUAL_SIDES * (np.abs(left) + np.abs(right)) + VALUES * np.abs(f(x))
        off = np.abs(rows @ d.ravel() - left)
        if ((np.abs(left - right) <= gap) & (off > gap + allowed)).any():
            return False
    return True


def _groups(slopes: Slopes, sample: Array, sides: Array, slack: Array) -> list[list[int]]:
    """The entries whose one-sided slopes do not simply add up."""
    group = list(range(len(sample)))
    for i in range(len(sample)):
        for j in range(i):
            if group[i] == group[j]:
                continue
            both = np.array(slopes(sample[[i, j]], np.ones(2)))
            if (np.abs(both - sides[i] - sides[j]) > 10 * (slack[i] + slack[j])).any():
                group = [group[i] if k == group[j] else k for k in group]
    return [[k for k, g in enumerate(group) if g == value] for value in dict.fromkeys(group)]


# --- other conventions -------------------------------------------------------------------------


def by_convention(
    tape: Tape | None, name: str, claimed: Array, upstream: Array, rtol: float
) -> bool:
    """Whether a gradient follows from another choice at the kinks, such as relu'(0) = 1.

    Where many kinks of either sign meet in one entry (zero weights under a relu), a directional
    slope bounds nothing; the choices that people make can still be recognised.
    """
    if tape is None or name not in tape.names:
        return False
    path = tape.path(tape.names[name])[:200]
    sides = []
    for rules in (_to_one_side(0.0), _to_one_side(1.0)):
        local = {}
        for i, position in path:
            rule = rules.get(tape.operation(i))
            if rule is not None:
                local[(i, position)] = rule(tape.nodes[i]._closures[position], position)
        gradient = tape.gradient(name, upstream, local) if local else None
        if gradient is None:
            return False
        sides.append(gradient)
    left, right = sides
    if not np.any(right - left):
        return False
    share = float(((claimed - left) * (right - left)).sum() / ((right - left) ** 2).sum())
    return -rtol <= share <= 1 + rtol and close(claimed, left + share * (right - left), rtol)


def _to_one_side(s: float) -> dict[str, Any]:
    """Rules that take the part ``s`` of the right-hand derivative at a kink."""

    def at_zero(closure: Any, _position: int) -> Any:
        def local(g: Array, y: Array, x: Array, *rest: Any) -> Array:
            left = closure(g, y, x, *rest)
            return np.asarray(np.where(x == 0, (1 - s) * left + s * g, left))

        return local

    def absolute(closure: Any, _position: int) -> Any:
        return lambda g, y, x: g * (np.sign(x) + (2 * s - 1) * (x == 0))

    def of_two(closure: Any, position: int) -> Any:
        def local(g: Array, y: Array, a: Array, b: Array) -> Array:
            share = s if position == 0 else 1 - s
            return np.asarray(np.where(a == b, share * g, closure(g, y, a, b)))

        return local

    slopes = dict.fromkeys(("relu", "leaky_relu", "prelu", "elu"), at_zero)
    return {**slopes, "abs": absolute, "maximum": of_two, "minimum": of_two}
