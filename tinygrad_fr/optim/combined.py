"""Schedules made of others: one after another, or all at once."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..errors import ArgumentError
from .base import Optimizer
from .plateau import ReduceLROnPlateau
from .schedules import OneCycleLR, Schedule


class _Combined(Schedule):
    """Schedules that another one drives: it says at which step they are, and from which rates."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Schedule]) -> None:
        super().__init__(optimizer)
        self.schedulers = list(schedulers)
        for one in self.schedulers:
            # Those with a course of their own: momenta, or what a measure decides.
            if not isinstance(one, Schedule) or isinstance(one, OneCycleLR | ReduceLROnPlateau):
                raise ArgumentError("{one!r} cannot be part of another schedule", one=one)
            if one.optimizer is not optimizer:
                raise ArgumentError("all schedules must be of the same optimizer")
        # The one that was made first saw the rates before any other changed them.
        self.base_lrs = list(min(self.schedulers, key=lambda one: one.made).base_lrs)


class SequentialLR(_Combined):
    """One schedule after another, such as a warm-up and then a decay.

    The second one begins at the first of the ``milestones``, and counts its own steps from there.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> warm_up = optim.LinearLR(optimizer, 0.5, total_iters=2)
    >>> decay = optim.StepLR(optimizer, step_size=1, gamma=0.1)
    >>> schedule = SequentialLR(optimizer, [warm_up, decay], milestones=[2])
    >>> rates = [optimizer.lr]
    >>> for _ in range(3):
    ...     schedule.step()
    ...     rates.append(optimizer.lr)
    >>> rates
    [0.5, 0.75, 1.0, 0.1]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Schedule], milestones: Sequence[int]
    ) -> None:
        rising = all(a < b for a, b in pairwise([0, *milestones]))
        if not rising or len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                "{n} schedules need {m} milestones, rising from above 0: not {milestones}",
                n=len(schedulers), m=max(len(schedulers) - 1, 0), milestones=milestones,
            )  # fmt: skip
        super().__init__(optimizer, schedulers)
        self.milestones = [0, *milestones]
        self._set()

    def _rates(self) -> list[float]:
        number = bisect_right(self.milestones, self.steps) - 1
        one = self.schedulers[number]
        one.steps, one.base_lrs = self.steps - self.milestones[number], self.base_lrs
        return one._rates()


class ChainedScheduler(_Combined):
    """Several schedules at once: the rates of each are the first rates of the next.

    So their factors multiply, as in PyTorch, where however a ``LambdaLR`` undoes those before it.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> halves = [optim.StepLR(optimizer, step_size=1, gamma=0.5) for _ in range(2)]
    >>> schedule = ChainedScheduler(halves)
    >>> schedule.step()
    >>> optimizer.lr
    0.25
    """

    def __init__(self, schedulers: Sequence[Any]) -> None:
        if not schedulers:
            raise ArgumentError("there is no schedule to chain")
        super().__init__(schedulers[0].optimizer, schedulers)
        self._set()

    def _rates(self) -> list[float]:
        rates = self.base_lrs
        for one in self.schedulers:
            one.steps, one.base_lrs = self.steps, rates
            rates = one._rates()
        return rates
