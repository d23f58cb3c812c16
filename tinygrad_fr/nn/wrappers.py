"""Activations and losses as Modules, for Sequential and for fit."""

from __future__ import annotations

from typing import Any

from ..ops import activations, elementwise, losses
from .module import Module


class _WithOptions(Module):
    """A function with options that are fixed when the Module is made."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self._options.items())


class Sigmoid(Module):
    """``tg.sigmoid`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return activations.sigmoid(x)


class Tanh(Module):
    """``tg.tanh`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return elementwise.tanh(x)


class ReLU(Module):
    """``tg.relu`` as a Module."""

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return activations.relu(x)


class Softmax(_WithOptions):
    """``tg.softmax`` as a Module."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__(axis=axis)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return activations.softmax(x, **self._options)


class LogSoftmax(_WithOptions):
    """``tg.log_softmax`` as a Module."""

    def __init__(self, axis: int = -1) -> None:
        super().__init__(axis=axis)

    def forward(self, x: Any) -> Any:
        """Apply the function."""
        return activations.log_softmax(x, **self._options)


class CrossEntropyLoss(_WithOptions):
    """``tg.cross_entropy`` as a Module: logits and targets to a loss."""

    def __init__(self, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(reduction=reduction, label_smoothing=label_smoothing)

    def forward(self, logits: Any, target: Any) -> Any:
        """Compute the loss."""
        return losses.cross_entropy(logits, target, **self._options)


class BCELoss(_WithOptions):
    """``tg.binary_cross_entropy`` as a Module: probabilities and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, p: Any, target: Any) -> Any:
        """Compute the loss."""
        return losses.binary_cross_entropy(p, target, **self._options)


class MSELoss(_WithOptions):
    """``tg.mse_loss`` as a Module: predictions and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, x: Any, target: Any) -> Any:
        """Compute the loss."""
        return losses.mse_loss(x, target, **self._options)
