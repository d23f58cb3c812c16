"""Steps of optimizers compiled by numba: see ``kernels/updates.py`` for their plain forms."""

import numpy as np

from .. import Array
from .compiling import compiled


@compiled()
def sgd(
    p: Array, g: Array, v: Array, moving: bool, rate: float, momentum: float, fresh: float,
    decay: float, nesterov: bool,
) -> int:  # fmt: skip
    """``updates.sgd`` of vectors; ``v`` is read if ``moving``. How many numbers became infinite."""
    number, lost = p.dtype.type, np.int32(0)  # as wide as the numbers: it vectorises
    lr, keep, share, penalty = number(rate), number(momentum), number(fresh), number(decay)
    for i in range(len(p)):
        d = g[i] + penalty * p[i] if decay else g[i]
        if moving:
            v[i] = v[i] * keep + d * share
            d = d + keep * v[i] if nesterov else v[i]
        new = p[i] - lr * d
        lost += np.int32(abs(p[i]) < number(np.inf)) - np.int32(abs(new) < number(np.inf))
        p[i] = new
    return int(lost)


@compiled()
def adam(
    p: Array, g: Array, mean: Array, square: Array, rate: float, root: float, beta1: float,
    beta2: float, rest1: float, rest2: float, eps: float, shrink: float, decay: float,
) -> int:  # fmt: skip
    """``updates.adam`` of vectors. How many numbers became infinite."""
    number, lost = p.dtype.type, np.int32(0)  # as wide as the numbers: it vectorises
    lr, part, small = number(rate), number(root), number(eps)
    less, penalty = number(shrink), number(decay)
    keep1, keep2, new1, new2 = number(beta1), number(beta2), number(rest1), number(rest2)
    for i in range(len(p)):
        x = p[i] * less
        d = g[i] + penalty * x if decay else g[i]
        m = mean[i] * keep1 + d * new1
        s = square[i] * keep2 + d * new2 * d
        new = x - m * lr / (np.sqrt(s) / part + small)
        lost += np.int32(abs(p[i]) < number(np.inf)) - np.int32(abs(new) < number(np.inf))
        lost += np.int32(square[i] < number(np.inf)) - np.int32(s < number(np.inf))
        mean[i], square[i], p[i] = m, s, new
    return int(lost)
