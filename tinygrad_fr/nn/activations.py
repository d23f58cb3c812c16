"""Activation functions as Modules, for Sequential."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import ops, settings
from ..autograd.tensor import Tensor
from ..checks import whole
from .module import Module, Parameter


class WithOptions(Module):
    """An operation with options, the fields of a dataclass, fixed when the Module is made."""

    operation: ClassVar[Callable[..., Any]]
    __match_args__: ClassVar[tuple[str, ...]] = ()  # where a dataclass writes its fields' names

    def _apply(self, *inputs: Any) -> Any:
        options = {name: getattr(self, name) for name in self.__match_args__}
        return type(self).operation(*inputs, **options)


class Applied(WithOptions):
    """A function of one Tensor as a Module."""

    def forward(self, x: Any) -> Tensor:
        """Apply the function."""
        return self._apply(x)


class Sigmoid(Applied):
    """``tg.sigmoid`` as a Module."""

    operation = ops.sigmoid


class Tanh(Applied):
    """``tg.tanh`` as a Module."""

    operation = ops.tanh


class ReLU(Applied):
    """``tg.relu`` as a Module."""

    operation = ops.relu


@dataclass(eq=False, repr=False)
class LeakyReLU(Applied):
    """``tg.leaky_relu`` as a Module."""

    operation = ops.leaky_relu
    negative_slope: float = 0.01


@dataclass(eq=False, repr=False)
class ELU(Applied):
    """``tg.elu`` as a Module."""

    operation = ops.elu
    alpha: float = 1.0


@dataclass(eq=False, repr=False)
class Softplus(Applied):
    """``tg.softplus`` as a Module."""

    operation = ops.softplus
    beta: float = 1.0


class Step(Applied):
    """``tg.step`` as a Module."""

    operation = ops.step


class Identity(Applied):
    """``tg.identity`` as a Module."""

    operation = ops.identity


@dataclass(eq=False, repr=False)
class GELU(Applied):
    """``tg.gelu`` as a Module."""

    operation = ops.gelu
    approximate: str = "none"


class SiLU(Applied):
    """``tg.silu`` as a Module."""

    operation = ops.silu


@dataclass(eq=False, repr=False)
class Softmax(Applied):
    """``tg.softmax`` as a Module."""

    operation = ops.softmax
    axis: int = -1


@dataclass(eq=False, repr=False)
class LogSoftmax(Applied):
    """``tg.log_softmax`` as a Module."""

    operation = ops.log_softmax
    axis: int = -1


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
        self.num_parameters = whole(num_parameters, "num_parameters", 1)
        slopes = np.full(num_parameters, init, settings.get_default_dtype())
        self.weight = Parameter(slopes)

    def forward(self, x: Any) -> Tensor:
        """Apply the function."""
        return ops.prelu(x, self.weight)
