"""Where a difference proves no mistake: rounded data and forwards, unknown rates, optimizers."""

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from .comparison import Scalar
from .differences import signed
from .tolerances import EQUAL_STEPS, NOTHING, PROPORTIONAL, ROUNDED_FORWARD, TINY


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
        worst = max(worst, off / max(norm, TINY))
    return ("wrong" if worst > ROUNDED_FORWARD else "inconclusive"), note
