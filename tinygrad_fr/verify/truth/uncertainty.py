"""Where a difference proves no mistake: rounded data and forwards, unknown rates, optimizers."""

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from .comparison import Scalar
from .tolerances import (
    EQUAL_STEPS,
    NOTHING,
    PROPORTIONAL,
    RIGHT_IN_FLOAT32,
    ROUNDED_FORWARD,
    TINY,
)

# The steps for a forward that rounds, and the entries that are differentiated so.
LARGE_STEP, ENTRIES = 1e-2, 500


def of_the_data(tape: Tape, name: str, upstream: Array) -> Array:
    """How far the last digits of the data move a gradient: it can be known no better than that.

    Whoever has solved for the data (least squares) leaves each array off by its largest entry's
    last digit, times its length: that is the backward error of a stable solver. The data are moved
    by more, at random, and what that does is scaled down: measured at the last digit itself, it
    would be lost in the rounding of the computation.
    """
    rng, amount = np.random.default_rng(0), 1e-6

    def moved(x: Array) -> Array:
        largest = np.abs(x).max(initial=0.0) * max(x.shape, default=1)
        return x + amount * largest * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "f" else x

    change = np.zeros(tape.nodes[tape.names[name]].shape)
    exact = tape.gradient(name, upstream)
    leaves = {i: node._array for i, node in enumerate(tape.nodes) if node._op is None}
    for _draw in range(3):
        try:
            other = tape.replayed(values={i: moved(x) for i, x in leaves.items()}, constants=moved)
        except Exception:  # data that must be what they are, such as probabilities up to 1
            return np.zeros(change.shape)
        there = other.gradient(name, upstream)
        if exact is not None and there is not None:
            change = np.fmax(change, np.abs(there - exact))
    known = np.nan_to_num(change, posinf=0.0) / amount * np.finfo(float).eps
    return np.minimum(known, NOTHING)


def of_an_update(mine: Array, true: Array, rate_is_known: bool, has_momentum: bool) -> str:
    """Why an update that is not the gradient may be right all the same; empty if it is wrong.

    Parameters
    ----------
    mine
        How far the weights went down, divided by the learning rate if one was found.
    """
    if mine.shape != true.shape or not np.isfinite(mine).all() or not np.any(mine):
        return ""
    factor = float((mine * true).sum() / max(float((true**2).sum()), TINY))
    largest = float(np.abs(mine).max())
    if factor > 0 and (np.abs(mine - factor * true) <= PROPORTIONAL * largest).all():
        if rate_is_known and not has_momentum:
            return ""
        return _(
            "right up to a constant ({factor:.6g}), which may be your learning rate: call it lr, "
            "or store the gradient",
            factor=factor,
        )
    large = np.abs(true) > PROPORTIONAL * np.abs(true).max()
    equal_steps = (np.abs(np.abs(mine[large]) - largest) <= EQUAL_STEPS * largest).all()
    equal_steps &= abs(abs(float(true.sum())) - largest) > PROPORTIONAL * largest  # all added up
    if equal_steps and (np.sign(mine[large]) == np.sign(true[large])).all():
        return _(
            "the update goes down the slope by the same step everywhere (Adam, a sign?): store the "
            "gradient, so that it can be compared"
        )
    return ""


def is_rounded(f: Scalar, x: Array) -> bool:
    """Whether a function rounds: small changes of its argument change nothing, larger ones do.

    Not by the same factor everywhere, nor the same amount: some functions do not see those.
    """
    if not x.size:
        return False
    change = (float(np.abs(x).max()) or 1.0) * (1.0 - np.arange(x.size) % 3).reshape(x.shape)
    change = np.where(change == 0, 0.3 * float(np.abs(change).max() or 1.0), change)
    here, close, far = f(x), f(x + 1e-11 * change), f(x + 1e-3 * change)
    return bool(here == close and np.isfinite(far) and far != here)


def of_a_rounded_forward(f: Scalar, x: Array, mine: Array) -> tuple[str, str, Array | None]:
    """The verdict on a gradient of a function that rounds, why, and what large steps estimate."""
    note = _("the forward rounds (float32?): finite differences are no more exact than that")
    if mine.shape != x.shape:
        return "wrong", note, None
    h = LARGE_STEP * max(1.0, float(np.abs(x).max(initial=0.0)))
    near, far = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for k in np.random.default_rng(0).permutation(x.size)[:ENTRIES]:
        one = np.zeros(x.shape)
        one.flat[k] = h
        near.flat[k] = (f(x + one) - f(x - one)) / (2 * h)
        far.flat[k] = (f(x + 2 * one) - f(x - 2 * one)) / (4 * h)
    estimate = (4 * near - far) / 3
    largest = max(float(np.nanmax(np.abs(estimate), initial=0.0)), TINY)
    # At a kink, or where the function bends too much, such steps tell nothing.
    told = np.abs(near - far) <= ROUNDED_FORWARD * largest
    off = np.where(told, np.abs(mine - estimate), 0.0).max(initial=0.0) / largest
    if off > ROUNDED_FORWARD:
        return "wrong", note, np.where(told, estimate, mine)
    if off > RIGHT_IN_FLOAT32 or told.sum() < 0.5 * min(x.size, ENTRIES):
        return "inconclusive", note, estimate
    text = _("right to {tolerance:g}: the forward rounds (float32?)", tolerance=RIGHT_IN_FLOAT32)
    return "correct", text, estimate
