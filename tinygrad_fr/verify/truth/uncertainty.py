"""Where a difference proves no mistake: unknown learning rates, optimizers, rounded forwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...kernels import Array
from ...messages import _
from .differences import signed

Scalar = Callable[[Array], float]


def of_an_update(mine: Array, true: Array, rate_is_known: bool, has_momentum: bool) -> str:
    """Why an update that is not the gradient may be right all the same; empty if it is wrong.

    Parameters
    ----------
    mine
        How far the weights went down, divided by the learning rate if one was found.
    """
    if mine.shape != true.shape or not np.isfinite(mine).all() or not np.any(mine):
        return ""
    factor = float((mine * true).sum() / max(float((true**2).sum()), 1e-300))
    largest = float(np.abs(mine).max())
    if factor > 0 and (np.abs(mine - factor * true) <= 1e-6 * largest).all():
        if rate_is_known and not has_momentum:
            return ""
        return _(
            "right up to a constant ({factor:.6g}), which may be your learning rate: call it lr, "
            "or store the gradient",
            factor=factor,
        )
    large = np.abs(true) > 1e-6 * np.abs(true).max()
    equal_steps = (np.abs(np.abs(mine[large]) - largest) <= 1e-3 * largest).all()
    equal_steps &= abs(abs(float(true.sum())) - largest) > 1e-6 * largest  # all added up
    if equal_steps and (np.sign(mine[large]) == np.sign(true[large])).all():
        return _(
            "the update goes down the slope by the same step everywhere (Adam, a sign?): store the "
            "gradient, so that it can be compared"
        )
    return ""


def is_rounded(f: Scalar, x: Array) -> bool:
    """Whether a function rounds: small changes of its argument change nothing, larger ones do."""
    if not x.size:
        return False
    scale = np.where(x == 0, 1.0, x)
    here, close, far = f(x), f(x + 1e-11 * scale), f(x + 1e-3 * scale)
    return bool(here == close and np.isfinite(far) and far != here)


def of_a_rounded_forward(
    f: Scalar, x: Array, mine: Array, rng: np.random.Generator
) -> tuple[str, str]:
    """The verdict on a gradient of a function that rounds, and why: steps must be large there."""
    note = _("the forward rounds (float32?): finite differences are no more exact than that")
    if mine.shape != x.shape:
        return "wrong", note
    scale = max(1.0, float(np.abs(x).max(initial=0.0)))
    worst = 0.0
    for _direction in range(4):
        d = signed(rng, x.shape) * scale
        slopes = [(f(x + h * d) - f(x - h * d)) / (2 * h) for h in (4e-3, 2e-3)]
        norm = max(float(np.linalg.norm(mine * d)), abs(slopes[0]))
        off = abs(slopes[1] - float((mine * d).sum())) - 10 * abs(slopes[0] - slopes[1])
        worst = max(worst, off / max(norm, 1e-300))
    return ("wrong" if worst > 0.05 else "inconclusive"), note
