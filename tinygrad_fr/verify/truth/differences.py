"""Derivatives by finite differences that say how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _, watched
from .tolerances import ONE_SIDED

# The first step, the number of steps, and how much smaller each is than the one before.
STEP, LEVELS, SHRINK = 1e-3, 7, 4.0
EVALUATIONS = 40
# Three steps that agree so well need no fourth.
ENOUGH = 1e-10
# Arrays of up to FULL entries are differentiated entry by entry; larger ones along DIRECTIONS
# random signed directions and at SAMPLES random entries.
FULL, DIRECTIONS, SAMPLES = 512, 8, 24


class Counted:
    """A function that counts its evaluations; after two seconds a progress bar appears (tqdm)."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.count, self.bar = f, 0, bar(_("evaluations"))

    def __call__(self, *args: Any, **named: Any) -> Any:
        """One more evaluation."""
        self.count += 1
        if self.bar is not None:
            self.bar.update()
        return self.f(*args, **named)

    def __enter__(self) -> Counted:
        """Count from here."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """The bar goes."""
        if self.bar is not None:
            self.bar.close()


# Whether long checks show how far they are; not among many at a time.
shows = True


def bar(title: str) -> Any:
    """A progress bar that appears after two seconds; None without tqdm, or if nobody sees it."""
    if not (shows and watched()):
        return None
    try:
        from tqdm import tqdm
    except ImportError:  # only a convenience
        return None
    return tqdm(desc=title, delay=2, leave=False, unit="")


def derivative(f: Callable[[Array], float], x: Array) -> tuple[Array, Array]:
    """The gradient of a scalar function of an array, and an estimate of its error.

    Central differences in float64, entry by entry, with steps from a thousandth of the entry (of 1
    below 1) downwards, each a quarter of the one before, extrapolated; the estimate that changes
    least is kept (Ridders, Accurate computation of ``F'(x)`` and ``F'(x) F''(x)``, Adv. Eng.
    Software 4, 1982). Steps that leave the domain of ``f`` are passed over. Mostly 6 to 14
    evaluations per entry, at most 40.

    Parameters
    ----------
    f
        Takes an array of the shape of ``x``, gives a number.
    x
        Where to differentiate, float64.

    Returns
    -------
    gradient, error : arrays of the shape of ``x``
        NaN and infinite where the function is not finite around the point.

    Examples
    --------
    >>> gradient, error = derivative(lambda x: float((x**3).sum()), np.array([2.0]))
    >>> gradient.round(8), bool(error.max() < 1e-8)
    (array([12.]), True)
    """
    gradient, error = np.zeros(x.shape), np.zeros(x.shape)
    with np.errstate(all="ignore"):
        for index in np.ndindex(x.shape):
            gradient[index], error[index] = _ridders(f, x, index)
    return gradient, error


def directional(f: Callable[[Array], float], x: Array, d: Array) -> tuple[float, float]:
    """The derivative of a scalar function along ``d``, and an estimate of its error."""
    slope, error = derivative(lambda t: f(x + t * d), np.zeros(()))
    return float(slope), float(error)


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Random entries between 0.5 and 1.5 in size, of either sign: no two of them can hide."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def _ridders(f: Callable[[Array], float], x: Array, index: tuple[int, ...]) -> tuple[float, float]:
    moved, here = x.copy(), abs(float(x[index]))
    best, error, least = np.nan, np.inf, np.inf
    row: list[float] = []
    h = STEP * max(1.0, here)
    levels = evaluations = 0
    # At least LEVELS steps inside the domain; around a large number, and next to a pole at zero,
    # until they are small there.
    while evaluations < EVALUATIONS:
        small = 1e-6 if here > 1 else 0.005 * here
        if levels >= LEVELS and not (h > small > 0):
            break
        moved[index] = x[index] + h
        above, up = f(moved), moved[index]
        moved[index] = x[index] - h
        below, down = f(moved), moved[index]
        evaluations += 2
        slope = (above - below) / float(up - down)  # the step that was really made
        if np.isfinite(slope):
            size = max(abs(above), abs(below))
            new = [slope]
            estimates = [(slope, abs(slope - row[0]))] if row else []
            for k, previous in enumerate(row):
                new.append(new[k] + (new[k] - previous) / (SHRINK ** (2 * k + 2) - 1))
                change = max(abs(new[k + 1] - new[k]), abs(new[k + 1] - previous))
                estimates.append((new[k + 1], change))
            for estimate, change in estimates:
                change += np.finfo(float).eps * size / h  # rounding
                # Relative, since across a pole small wrong slopes change little in absolute terms.
                relative = change / max(abs(estimate) + 1e-6 * size, 1e-300)
                if relative <= least:
                    best, error, least = estimate, change, relative
            row = new
            levels += 1
            if levels >= 3 and least <= ENOUGH:
                break
        h /= SHRINK
    return best, error


def one_sided(
    f: Callable[[Array], Array], x: Array, d: Array, step: float = ONE_SIDED
) -> tuple[Array, Array]:
    """The slopes of a function of an array along ``d``, from the left and from the right."""
    # A step that large entries can tell from zero.
    step *= max(1.0, float(np.abs(x[d != 0]).max(initial=0.0)))
    with np.errstate(all="ignore"):
        here = f(x)

        def slope(h: float) -> Array:
            return np.asarray((f(x + h * d) - here) / h)

        return tuple(2 * slope(h / 2) - slope(h) for h in (-step, step))  # type: ignore[return-value]
