"""Schedules made of others: one after another, or all at once."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..checks import whole
from ..errors import ArgumentError, DTypeError
from .base import Optimizer
from .plateau import ReduceLROnPlateau
from .schedules import OneCycleLR, Schedule


class _Combined(Schedule):
    """Schedules that another one drives: they step when it says so."""

    def __init__(self, optimizer: Optimizer, schedulers: list[Schedule]) -> None:
        super().__init__(optimizer)
        self.schedulers = schedulers
        if any(one.optimizer is not optimizer for one in schedulers):
            raise ArgumentError("all schedules must be of the same optimizer")

    def _kind(self) -> str:
        """Its name and those of its parts."""
        return f"{super()._kind()}({', '.join(one._kind() for one in self.schedulers)})"

    def state_dict(self) -> dict[str, Any]:
        """Its step count and first rates, and the states of its parts."""
        return {**super().state_dict(), "parts": [one.state_dict() for one in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from ``state_dict`` of a schedule of the same parts."""
        super().load_state_dict(state)
        for one, part in zip(self.schedulers, state["parts"], strict=True):
            one.load_state_dict(part)


def _parts(schedulers: Any) -> list[Schedule]:
    """The schedules, if it is a list of some that can be part of another."""
    if not isinstance(schedulers, Sequence):
        raise DTypeError("give a list of schedules, not {value!r}", value=schedulers)
    if not schedulers:
        raise ArgumentError("there is no schedule: give a list of some")
    for one in schedulers:
        # Those with a course of their own: momenta, or what a measure decides.
        if not isinstance(one, Schedule) or isinstance(one, OneCycleLR | ReduceLROnPlateau):
            raise ArgumentError("{one!r} cannot be part of another schedule", one=one)
    return list(schedulers)


class SequentialLR(_Combined):
    """One schedule after another, such as a warm-up and then a decay.

    The second one begins at the first of the ``milestones``, from the first rates, and counts its
    own steps from there.

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
        parts = _parts(schedulers)
        ends = list(milestones) if isinstance(milestones, Iterable) else [milestones]
        for i, end in enumerate(ends):
            whole(end, f"milestones[{i}]", 1)
        rising = all(a < b for a, b in pairwise([0, *ends]))
        if not rising or len(ends) != len(parts) - 1:
            raise ArgumentError(
                "{n} schedules need {m} milestones, rising from above 0: not {milestones}",
                n=len(parts), m=len(parts) - 1, milestones=milestones,
            )  # fmt: skip
        super().__init__(optimizer, parts)
        self.milestones = [0, *ends]
        self._set()

    def _set(self) -> None:
        number = bisect_right(self.milestones, self.steps) - 1
        one = self.schedulers[number]
        if self.steps != self.milestones[number]:
            return one.step()
        self._set_rates(self.base_lrs)
        return one._begin()


class ChainedScheduler(_Combined):
    """Several schedules at once, each of which goes on from the rates of the one before.

    So their factors multiply; those that set the rates anew undo what came before: a ``LambdaLR``
    at each step, a ``SequentialLR`` at its milestones. The first rates are those that are set.

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
        parts = _parts(schedulers)
        super().__init__(parts[0].optimizer, parts)

    def _set(self) -> None:
        for one in self.schedulers:
            one.step() if self.steps else one._begin()
