"""Rates that fall when a measure no longer improves."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..checks import one_of, positive, whole
from ..errors import ArgumentError
from .base import Optimizer
from .schedules import Schedule


class ReduceLROnPlateau(Schedule):
    """The rates are multiplied by ``factor`` when a measure has not improved for a while.

    Call ``step(measure)`` after each epoch; ``fit`` does, with the validation loss, or the training
    loss where there is no validation.

    Parameters
    ----------
    mode
        ``"min"`` for a measure that should fall, ``"max"`` for one that should rise.
    factor
        What the rates are multiplied by, below 1.
    patience
        How many epochs without an improvement are let pass.
    threshold
        By how much a measure must be better than the best to count.
    threshold_mode
        Whether that is a share of the best, ``"rel"``, or a difference, ``"abs"``.
    cooldown
        How many epochs after a fall are not counted.
    min_lr
        The lowest rate, or one for each group.
    eps
        Rates do not fall by less than this.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in 0.9, 0.8, 0.8, 0.8:
    ...     schedule.step(loss)
    >>> optimizer.lr
    0.1
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        super().__init__(optimizer)
        self.rising = one_of(mode, "mode", ("min", "max")) == "max"
        self.relative = one_of(threshold_mode, "threshold_mode", ("rel", "abs")) == "rel"
        if positive(factor, "factor") >= 1:
            raise ArgumentError("factor is below 1, not {factor}", factor=factor)
        self.factor, self.threshold, self.eps = factor, threshold, eps
        self.patience, self.cooldown = (
            whole(patience, "patience", 0),
            whole(cooldown, "cooldown", 0),
        )
        n = len(self.base_lrs)
        self.lowest = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * n
        if len(self.lowest) != n:
            raise ArgumentError(
                "min_lr has {n} rates for {m} groups of parameters", n=len(self.lowest), m=n
            )
        self.best, self.bad, self.resting = -math.inf if self.rising else math.inf, 0, 0

    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Take note of the measure, and lower the rates if it is time."""
        self.steps += 1
        measure = float(metrics)
        if self._is_better(measure):
            self.best, self.bad = measure, 0
        else:
            self.bad += 1
        if self.resting:
            self.resting, self.bad = self.resting - 1, 0
        if self.bad > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.lowest, strict=True):
                lower = max(group["lr"] * self.factor, lowest)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.resting, self.bad = self.cooldown, 0

    def _is_better(self, measure: float) -> bool:
        sign = 1 if self.rising else -1
        if not self.relative:
            return sign * measure > sign * self.best + self.threshold
        return sign * measure > sign * self.best * (1 + sign * self.threshold)

    def state_dict(self) -> dict[str, Any]:
        """Its step count, the best measure, and what it counts; the optimizer has the rates."""
        counts = {"best": self.best, "bad": self.bad, "resting": self.resting}
        return {**super().state_dict(), **counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from ``state_dict`` of a schedule of the same kind."""
        super().load_state_dict(state)
        self.best, self.bad, self.resting = (state[name] for name in ("best", "bad", "resting"))
