"""Initialisation of parameters, in place. Names and distributions are PyTorch's.

For layers that should start otherwise than they do: ``init.kaiming_normal_(layer.weight)``.
"""

import math
from typing import Any

import numpy as np

from .. import settings
from ..autograd.engine import touch
from ..autograd.guards.messages import label
from ..autograd.tensor import Tensor
from ..checks import one_of
from ..errors import ShapeError

# How much an activation shrinks the spread of what passes through it (PyTorch, calculate_gain).
GAINS = {
    "linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2),
    "selu": 0.75,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before an activation should be larger.

    Examples
    --------
    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    return GAINS[one_of(nonlinearity, "nonlinearity", (*GAINS, "leaky_relu"))]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform numbers between ``a`` and ``b``."""
    return _fill(tensor, settings.generator().uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal numbers."""
    return _fill(tensor, settings.generator().normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return _fill(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform in ``[-a, a]``, ``a = gain sqrt(6 / (fan_in + fan_out))`` (Glorot and Bengio, 2010).

    Examples
    --------
    >>> from tinygrad_fr import nn
    >>> layer = nn.Linear(3, 3)
    >>> bool(abs(xavier_uniform_(layer.weight).data).max() <= 1)
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with standard deviation ``gain sqrt(2 / (fan_in + fan_out))``."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))))


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform in ``[-b, b]``, ``b = gain sqrt(3 / fan)`` (He et al., ICCV 2015).

    Parameters
    ----------
    tensor
        Weights, (out, in, ...).
    a
        The negative slope of the leaky ReLU that follows.
    mode
        ``"fan_in"`` keeps the spread forwards, ``"fan_out"`` backwards.
    nonlinearity
        The activation that follows, as for ``calculate_gain``.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Normal with standard deviation ``gain / sqrt(fan)``; see ``kaiming_uniform_``."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fans = dict(zip(("fan_in", "fan_out"), _fans(tensor), strict=True))
    return calculate_gain(nonlinearity, a) / math.sqrt(fans[one_of(mode, "mode", fans)])


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many numbers enter an output, and how many outputs an input reaches."""
    if tensor.ndim < 2:
        raise ShapeError(
            "{name} has no fan-in: only weights with at least 2 axes, (out, in, ...), do",
            name=label(tensor),
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _fill(tensor: Tensor, values: Any) -> Tensor:
    tensor._array[...] = np.asarray(values, like=tensor._array)
    touch(tensor)
    return tensor
