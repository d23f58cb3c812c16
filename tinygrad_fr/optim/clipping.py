"""Clipping of gradients."""

import math
from collections.abc import Iterable

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor
from ..checks import positive
from ..errors import NonFiniteError
from ..kernels.fast.blas import alone
from ..kernels.stable import single


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:  # fmt: skip
    """Scale all gradients together so that their common norm is at most ``max_norm``.

    Call it between ``backward()`` and ``step()``.

    Parameters
    ----------
    parameters
        Tensors; those without a gradient do not count.
    max_norm
        The largest norm allowed.
    norm_type
        The p of the norm, or ``inf``.
    error_if_nonfinite
        Raise if the norm is NaN or infinite, rather than make all gradients so.

    Returns
    -------
    float
        The norm before.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training RNNs", ICML 2013, alg. 1.

    Examples
    --------
    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> clip_grad_norm([w], max_norm=1.0)
    5.0
    >>> w.grad.data.round(4)
    array([0.6, 0.8])
    """
    positive(max_norm, "max_norm", zero=True)
    positive(norm_type, "norm_type")
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    grads = [p._grad._array for p in given if p._grad is not None]
    norms = [float(alone(np.linalg.norm, single(g.ravel()), norm_type)) for g in grads]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise NonFiniteError(
            "the norm of the gradients is {value}: look for the first bad value with "
              "`with tg.debug():`", value=total,
        )  # fmt: skip
    scale = min(1.0, max_norm / (total + 1e-6))  # the 1e-6 is PyTorch's
    if not scale >= 1.0:
        for p in given:
            if p._grad is not None:
                g = p._grad._array
                np.multiply(single(g), scale, out=g, casting="same_kind")
                engine.touch(p._grad)
    return total
