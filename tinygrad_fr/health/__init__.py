"""Watch a model while it trains: vanishing and exploding gradients, dead and saturated neurons."""

from .report import Finding, HealthReport, Layer
from .watching import Watch, watch

__all__ = ["Finding", "HealthReport", "Layer", "Watch", "watch"]
