"""Losses as Modules: predictions first, then targets."""

from dataclasses import dataclass
from typing import Any

from .. import ops
from .activations import WithOptions


@dataclass(eq=False, repr=False)
class Loss(WithOptions):
    """An operation that compares predictions with targets."""

    reduction: str = "mean"

    def forward(self, x: Any, target: Any) -> Any:
        """Compute the loss."""
        return self._apply(x, target)


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(Loss):
    """``tg.cross_entropy`` as a Module: logits and targets to a loss."""

    operation = ops.cross_entropy
    label_smoothing: float = 0.0

    def forward(self, logits: Any, target: Any) -> Any:
        """Compute the loss."""
        return self._apply(logits, target)


@dataclass(eq=False, repr=False)
class NLLLoss(Loss):
    """``tg.nll_loss`` as a Module: logarithms of probabilities and classes to a loss."""

    operation = ops.nll_loss

    def forward(self, log_p: Any, target: Any) -> Any:
        """Compute the loss."""
        return self._apply(log_p, target)


@dataclass(eq=False, repr=False)
class BCELoss(Loss):
    """``tg.binary_cross_entropy`` as a Module: probabilities and targets to a loss."""

    operation = ops.binary_cross_entropy

    def forward(self, p: Any, target: Any) -> Any:
        """Compute the loss."""
        return self._apply(p, target)


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(Loss):
    """``tg.binary_cross_entropy_with_logits`` as a Module: logits and targets to a loss."""

    operation = ops.binary_cross_entropy_with_logits

    def forward(self, z: Any, target: Any) -> Any:
        """Compute the loss."""
        return self._apply(z, target)


@dataclass(eq=False, repr=False)
class MSELoss(Loss):
    """``tg.mse_loss`` as a Module: predictions and targets to a loss."""

    operation = ops.mse_loss


@dataclass(eq=False, repr=False)
class L1Loss(Loss):
    """``tg.l1_loss`` as a Module: predictions and targets to a loss."""

    operation = ops.l1_loss


@dataclass(eq=False, repr=False)
class KLDivLoss(Loss):
    """``tg.kl_div`` as a Module: logarithms of probabilities and targets to a loss."""

    operation = ops.kl_div
    log_target: bool = False


@dataclass(eq=False, repr=False)
class KLDivergenceLoss(Loss):
    """``tg.kl_divergence`` as a Module: predicted probabilities and true ones to a loss."""

    operation = ops.kl_divergence
    axis: int = -1

    def forward(self, q: Any, p: Any) -> Any:
        """Compute the loss."""
        return self._apply(p, q)
