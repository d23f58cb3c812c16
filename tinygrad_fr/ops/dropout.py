"""Dropout."""

from __future__ import annotations

import numpy as np

from .. import settings
from ..autograd.op import op
from ..checks import share
from ..kernels import Array, as_array
from ..kernels.stable import floating


@op(r"y = \frac{m \odot x}{1 - p}", examples=lambda draw: [
    (draw(3, 4), 0.5, False), (draw(3, 4), 0.0),
])  # fmt: skip
def dropout(x: Array, p: float = 0.5, training: bool = True):
    """In training each number becomes 0 with probability ``p``; the others grow by 1 / (1 - p).

    Parameters
    ----------
    x
        Any shape.
    p
        Between 0 and 1. ``tg.manual_seed`` decides which numbers.
    training
        Outside of training nothing happens.

    References
    ----------
    N. Srivastava et al., "Dropout", JMLR 15 (2014), section 10 (the inverted form).

    Examples
    --------
    >>> dropout([1.0, 2.0], 0.5, training=False)
    array([1., 2.])
    """
    share(p, "p")
    x = floating(x)
    if not training or p == 0:
        return x.copy(), _identity
    uniform = settings.generator().random(x.shape, np.float32)
    mask = np.multiply(uniform >= p, 1 / (1 - p) if p < 1 else 0.0, dtype=x.dtype)
    mask = np.asarray(mask, like=as_array(x))  # the one place where chance meets other arrays

    def to_x(g, y, x):
        r"""\bar{x} = \frac{m \odot \bar{y}}{1 - p}"""
        return g * mask  # the mask is drawn, not computed from x: a constant at every order

    return x * mask, to_x


def _identity(g, y, x):
    r"""\bar{x} = \bar{y}"""
    return g
