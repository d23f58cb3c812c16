"""Derivatives by finite differences that say how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..kernels import Array

# Halvings of the step; each removes one more even power of it (Richardson).
LEVELS = 6


def derivative(f: Callable[[Array], float], x: Array) -> tuple[Array, Array]:
    """The gradient of a scalar function of an array, and an estimate of its error.

    Central differences in float64 with a step in proportion to each entry, halved and
    extrapolated until the estimate no longer improves (Ridders, *Accurate computation of F'(x)
    and F'(x) F''(x)*, Adv. Eng. Software 4, 1982).

    Parameters
    ----------
    f
        Takes an array of the shape of ``x``, gives a number.
    x
        Where to differentiate, float64.

    Returns
    -------
    gradient, error : arrays of the shape of ``x``

    Examples
    --------
    >>> gradient, error = derivative(lambda x: float((x**3).sum()), np.array([2.0]))
    >>> gradient.round(8), bool(error.max() < 1e-8)
    (array([12.]), True)
    """
    gradient, error = np.zeros(x.shape), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        gradient[index], error[index] = _ridders(f, x, index)
    return gradient, error


def _ridders(f: Callable[[Array], float], x: Array, index: tuple[int, ...]) -> tuple[float, float]:
    moved = x.copy()

    def slope(h: float) -> float:
        moved[index] = x[index] + h
        above, up = f(moved), moved[index]
        moved[index] = x[index] - h
        below, down = f(moved), moved[index]
        return (above - below) / float(up - down)  # the step that was really made

    h = 0.02 * max(1.0, abs(float(x[index])))
    row = [slope(h)]
    best, error = row[0], np.inf
    for level in range(1, LEVELS):
        h /= 2
        new = [slope(h)]
        for k in range(level):
            new.append(new[k] + (new[k] - row[k]) / (4 ** (k + 1) - 1))
            change = max(abs(new[k + 1] - new[k]), abs(new[k + 1] - row[k]))
            if change <= error:
                best, error = new[k + 1], change
        if abs(new[-1] - row[-1]) > 2 * error:
            break  # rounding has taken over
        row = new
    return best, error
