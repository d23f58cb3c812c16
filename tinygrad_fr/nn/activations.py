"""Activation functions as Modules, for Sequential."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import settings
from ..ops import (
    elu,
    gelu,
    identity,
    leaky_relu,
    log_softmax,
    prelu,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    step,
    tanh,
)
from .layers import positive
from .module import Module, Parameter


class WithOptions(Module):
    """A function with options that are fixed when the Module is made."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{key}={value!r}" for key, value in self._options.items())


class Sigmoid(Module):
    """``tg.sigmoid`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return sigmoid(x)


class Tanh(Module):
    """``tg.tanh`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return tanh(x)


class ReLU(Module):
    """``tg.relu`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return relu(x)


class LeakyReLU(WithOptions):
    """``tg.leaky_relu`` as a Module."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope=negative_slope)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return leaky_relu(x, **self._options)


class ELU(WithOptions):
    """``tg.elu`` as a Module."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return elu(x, **self._options)


class Softplus(WithOptions):
    """``tg.softplus`` as a Module."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta=beta)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return softplus(x, **self._options)


class Step(Module):
    """``tg.step`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return step(x)


class Identity(Module):
    """``tg.identity`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return identity(x)


class GELU(WithOptions):
    """``tg.gelu`` as a Module."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return gelu(x, **self._options)


class SiLU(Module):
    """``tg.silu`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return silu(x)


class Softmax(WithOptions):
    """``tg.softmax`` as a Module."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__(axis=axis)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return softmax(x, **self._options)


class LogSoftmax(WithOptions):
    """``tg.log_softmax`` as a Module."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__(axis=axis)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return log_softmax(x, **self._options)


class PReLU(Module):
    """``tg.prelu`` as a Module, whose negative slopes are learned.

    Attributes
    ----------
    weight : Parameter (num_parameters,)
        One slope, or one for each channel; ``init`` at start.

    Examples
    --------
    >>> PReLU()(np.array([-1.0, 2.0])).data
    array([-0.25,  2.  ], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        positive(num_parameters=num_parameters)
        self.weight = Parameter(np.full(num_parameters, init, settings.get_default_dtype()))

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return prelu(x, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"{self.weight.size}"
