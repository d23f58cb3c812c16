"""Losses as Modules: predictions first, then targets."""

from dataclasses import dataclass
from typing import Any

from .. import ops
from ..autograd.tensor import Tensor
from .activations import WithOptions


@dataclass(eq=False, repr=False)
class Loss(WithOptions):
    """An operation that compares predictions with targets."""

    reduction: str = "mean"

    def forward(self, x: Any, target: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(x, target)


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(Loss):
    """``tg.cross_entropy`` as a Module: logits and targets to a loss."""

    operation = ops.cross_entropy
    label_smoothing: float = 0.0
    weight: Any = None
    ignore_index: int | None = -100

    def forward(self, logits: Any, target: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(logits, target)


@dataclass(eq=False, repr=False)
class NLLLoss(Loss):
    """``tg.nll_loss`` as a Module: logarithms of probabilities and classes to a loss."""

    operation = ops.nll_loss
    weight: Any = None
    ignore_index: int | None = -100

    def forward(self, log_p: Any, target: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(log_p, target)


@dataclass(eq=False, repr=False)
class BCELoss(Loss):
    """``tg.binary_cross_entropy`` as a Module: probabilities and targets to a loss."""

    operation = ops.binary_cross_entropy
    weight: Any = None

    def forward(self, p: Any, target: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(p, target)


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(Loss):
    """``tg.binary_cross_entropy_with_logits`` as a Module: logits and targets to a loss."""

    operation = ops.binary_cross_entropy_with_logits
    weight: Any = None
    pos_weight: Any = None

    def forward(self, z: Any, target: Any) -> Tensor:
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
class HuberLoss(Loss):
    """``tg.huber_loss`` as a Module: predictions and targets to a loss."""

    operation = ops.huber_loss
    delta: float = 1.0


@dataclass(eq=False, repr=False)
class SmoothL1Loss(Loss):
    """``tg.smooth_l1_loss`` as a Module: predictions and targets to a loss."""

    operation = ops.smooth_l1_loss
    beta: float = 1.0


@dataclass(eq=False, repr=False)
class HingeLoss(Loss):
    """``tg.hinge_loss`` as a Module: scores and targets, -1 or 1, to a loss."""

    operation = ops.hinge_loss


@dataclass(eq=False, repr=False)
class MultiMarginLoss(WithOptions):
    """``tg.multi_margin_loss`` as a Module: scores and classes to a loss."""

    operation = ops.multi_margin_loss
    p: int = 1
    margin: float = 1.0
    weight: Any = None
    reduction: str = "mean"

    def forward(self, x: Any, target: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(x, target)


@dataclass(eq=False, repr=False)
class TripletMarginLoss(WithOptions):
    """``tg.triplet_margin_loss`` as a Module: anchors, positives and negatives to a loss."""

    operation = ops.triplet_margin_loss
    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(anchor, positive, negative)


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

    def forward(self, q: Any, p: Any) -> Tensor:
        """Compute the loss."""
        return self._apply(p, q)
