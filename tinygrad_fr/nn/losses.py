"""Losses as Modules: predictions first, then targets."""

from __future__ import annotations

from typing import Any

from ..ops import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    kl_divergence,
    l1_loss,
    mse_loss,
    nll_loss,
)
from .activations import WithOptions


class CrossEntropyLoss(WithOptions):
    """``tg.cross_entropy`` as a Module: logits and targets to a loss."""

    def __init__(self, reduction: str = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(reduction=reduction, label_smoothing=label_smoothing)

    def forward(self, logits: Any, target: Any) -> Any:
        """Compute the loss."""
        return cross_entropy(logits, target, **self._options)


class NLLLoss(WithOptions):
    """``tg.nll_loss`` as a Module: logarithms of probabilities and classes to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, log_p: Any, target: Any) -> Any:
        """Compute the loss."""
        return nll_loss(log_p, target, **self._options)


class BCELoss(WithOptions):
    """``tg.binary_cross_entropy`` as a Module: probabilities and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, p: Any, target: Any) -> Any:
        """Compute the loss."""
        return binary_cross_entropy(p, target, **self._options)


class BCEWithLogitsLoss(WithOptions):
    """``tg.binary_cross_entropy_with_logits`` as a Module: logits and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, z: Any, target: Any) -> Any:
        """Compute the loss."""
        return binary_cross_entropy_with_logits(z, target, **self._options)


class MSELoss(WithOptions):
    """``tg.mse_loss`` as a Module: predictions and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, x: Any, target: Any) -> Any:
        """Compute the loss."""
        return mse_loss(x, target, **self._options)


class L1Loss(WithOptions):
    """``tg.l1_loss`` as a Module: predictions and targets to a loss."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, x: Any, target: Any) -> Any:
        """Compute the loss."""
        return l1_loss(x, target, **self._options)


class KLDivLoss(WithOptions):
    """``tg.kl_div`` as a Module: logarithms of probabilities and targets to a loss."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction, log_target=log_target)

    def forward(self, x: Any, target: Any) -> Any:
        """Compute the loss."""
        return kl_div(x, target, **self._options)


class KLDivergenceLoss(WithOptions):
    """``tg.kl_divergence`` as a Module: predicted probabilities and true ones to a loss."""

    def __init__(self, reduction: str = "mean", axis: int = -1) -> None:
        super().__init__(reduction=reduction, axis=axis)

    def forward(self, q: Any, p: Any) -> Any:
        """Compute the loss."""
        return kl_divergence(p, q, **self._options)
