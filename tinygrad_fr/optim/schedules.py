"""Schedules: how learning rates change from step to step. Their values are PyTorch's."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..checks import one_of, positive, share, whole
from ..errors import ArgumentError, DTypeError
from .base import Optimizer


class Schedule:
    """Base of schedules: sets the rates at once, and new ones at each ``step()``.

    As in PyTorch each step goes on from the present rates, except those of ``LambdaLR`` and
    ``OneCycleLR``. So schedules that step one after the other multiply, and a rate that was set by
    hand is where the next step begins. To resume restore the optimizer last: it has the rates.

    Attributes
    ----------
    steps : int
        How often ``step`` was called.
    per_batch : bool
        Whether ``fit`` calls ``step()`` after each step of the optimizer rather than after each
        epoch; it may be set.
    """

    per_batch = False

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DTypeError(
                "a schedule takes an optimizer first, not {kind}", kind=type(optimizer).__name__
            )
        self.optimizer = optimizer
        self.steps = 0
        if optimizer.first_lrs is None:
            optimizer.first_lrs = self.get_last_lr()
        self.base_lrs = list(optimizer.first_lrs)

    def __repr__(self) -> str:
        rates = ", ".join(f"{rate:.3g}" for rate in self.get_last_lr())
        return f"{type(self).__name__}(step {self.steps}, lr={rates})"

    def step(self) -> None:
        """Set the rates that come next."""
        self.steps += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The present rate of each group."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _begin(self) -> None:
        """Count the steps from 0 again, and go on from the present rates."""
        self.steps = 0
        self._set()

    def _set(self) -> None:
        self._set_rates(self._rates())

    def _set_rates(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _rates(self) -> list[float]:
        """The rate of each group after ``steps`` steps."""
        pairs = zip(self.get_last_lr(), self.base_lrs, strict=True)
        return [self._rate(rate, base) for rate, base in pairs]

    def _rate(self, rate: float, base: float) -> float:
        """The next rate, from the present one and the first one; written by subclasses."""
        raise ArgumentError("{kind} must define _rate", kind=type(self).__name__)

    def _kind(self) -> str:
        """What only the state of a like one has: the name of its class."""
        return type(self).__name__

    def state_dict(self) -> dict[str, Any]:
        """Its step count and first rates."""
        return {"kind": self._kind(), "steps": self.steps, "base_lrs": self.base_lrs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from ``state_dict`` of a schedule of the same kind."""
        if state.get("kind") != self._kind() or len(state["base_lrs"]) != len(self.base_lrs):
            raise ArgumentError(
                "the state is of another schedule ({known}), not of this {kind}",
                known=state.get("kind"), kind=self._kind(),
            )  # fmt: skip
        self.steps, self.base_lrs = int(state["steps"]), list(state["base_lrs"])


class StepLR(Schedule):
    """The rate is multiplied by ``gamma`` after every ``step_size`` steps.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> schedule.step(), schedule.step(), optimizer.lr
    (None, None, 0.5)
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        whole(int(step_size), "step_size", 1)  # PyTorch takes 2.5, too
        self.step_size, self.gamma = step_size, gamma

    def _rate(self, rate: float, base: float) -> float:
        return rate if self.steps == 0 or self.steps % self.step_size else rate * self.gamma


class LambdaLR(Schedule):
    """The first rate times what a function says of the number of steps, or one for each group.

    The function is no part of the state: give the same one to resume.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Any) -> None:
        super().__init__(optimizer)
        n = len(self.base_lrs)
        several = isinstance(lr_lambda, Sequence)
        self.lambdas: list[Callable[[int], float]] = list(lr_lambda) if several else [lr_lambda] * n
        if len(self.lambdas) != n or not all(map(callable, self.lambdas)):
            raise ArgumentError(
                "lr_lambda is a function of the step, or one for each of the {n} groups of "
                "parameters",
                n=n,
            )
        self._set()

    def _rates(self) -> list[float]:
        name = f"lr_lambda({self.steps})"
        factors = [positive(factor(self.steps), name, zero=True) for factor in self.lambdas]
        return [float(b * factor) for b, factor in zip(self.base_lrs, factors, strict=True)]


class LinearLR(Schedule):
    """The rate goes in equal steps from one share of the first rate to another: a warm-up.

    It is ``start_factor`` of it at first, and ``end_factor`` from ``total_iters`` steps on.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> rates = [optimizer.lr]
    >>> for _ in range(3):
    ...     schedule.step()
    ...     rates.append(optimizer.lr)
    >>> rates
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:  # fmt: skip
        super().__init__(optimizer)
        self.start, self.end = share(start_factor, "start_factor"), share(end_factor, "end_factor")
        if start_factor == 0:  # PyTorch goes on from a rate by factors, and could not leave 0
            raise ArgumentError("start_factor is above 0: a first step of 0 would be lost")
        self.total = whole(total_iters, "total_iters", 1)
        self._set()

    def _rate(self, rate: float, base: float) -> float:
        if self.steps == 0:
            return rate * self.start
        if self.steps > self.total:
            return rate
        before = _linear(self.start, self.end, (self.steps - 1) / self.total)
        return rate * _linear(self.start, self.end, self.steps / self.total) / before


class CosineAnnealingLR(Schedule):
    """The rate falls along half a cosine (Loshchilov and Hutter, ICLR 2017, equation 5).

    Parameters
    ----------
    optimizer
        Whose rates to change, at each ``step()``.
    T_max
        The number of steps from the first rate to the last.
    eta_min
        The last rate.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingLR(optimizer, T_max=2)
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        super().__init__(optimizer)
        whole(int(T_max), "T_max", 1)
        self.T_max, self.eta_min = T_max, eta_min

    def _rate(self, rate: float, base: float) -> float:
        if self.steps == 0:
            return rate
        if (self.steps - 1 - self.T_max) % (2 * self.T_max) == 0:  # a ratio to the lowest rate, 0
            return rate + _cosine(self.eta_min, base, 1 / self.T_max) - self.eta_min
        now, before = (_cosine(1.0, 0.0, n / self.T_max) for n in (self.steps, self.steps - 1))
        return now / before * (rate - self.eta_min) + self.eta_min


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


ANNEALING = {"cos": _cosine, "linear": _linear}


class OneCycleLR(Schedule):
    """The rate rises and then falls, once; the momentum does the opposite (Smith, 2018).

    Call ``step()`` after each *batch*; ``fit`` does.

    Parameters
    ----------
    optimizer
        Whose rates to change.
    max_lr
        The highest rate: a number, or one for each group.
    total_steps
        The length of the cycle; or else give ``epochs`` and ``steps_per_epoch``.
    pct_start
        The share of the steps in which the rate rises.
    anneal_strategy
        ``"cos"`` or ``"linear"``.
    cycle_momentum
        Whether momentum (or the first of Adam's betas) falls from ``max_momentum`` to
        ``base_momentum`` while the rate rises, and rises back.
    div_factor
        The first rate is ``max_lr / div_factor``.
    final_div_factor
        The last rate is the first one divided by this.
    three_phase
        Fall as steeply as it rose, then to the last rate in a phase of its own.

    References
    ----------
    L. N. Smith, N. Topin, "Super-Convergence", arXiv:1708.07120, section 2.

    Examples
    --------
    >>> from tinygrad_fr import Tensor, optim
    >>> optimizer = optim.AdamW([Tensor([1.0], requires_grad=True)])
    >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> rates = [optimizer.lr]
    >>> for _ in range(9):
    ...     schedule.step()
    ...     rates.append(optimizer.lr)
    >>> round(rates[0], 6), max(rates)
    (0.04, 1.0)
    """

    per_batch = True

    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float],
        total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: float = 0.85, max_momentum: float = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(optimizer)
        if total_steps is None and epochs and steps_per_epoch:
            total_steps = epochs * steps_per_epoch
        if total_steps is None or total_steps < 1:
            raise ArgumentError(
                "OneCycleLR needs total_steps, or epochs and steps_per_epoch, all at least 1"
            )
        share(pct_start, "pct_start")
        self._anneal = ANNEALING[one_of(anneal_strategy, "anneal_strategy", ANNEALING)]
        groups = optimizer.param_groups
        highest = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(groups)
        if len(highest) != len(groups):
            raise ArgumentError(
                "max_lr has {n} rates for {m} groups of parameters",
                n=len(highest), m=len(groups),
            )  # fmt: skip
        self.total_steps = int(total_steps)
        # Where the phases end, and what is reached there: rates as factors of the highest, momenta.
        first, rise, last = 1 / div_factor, pct_start * self.total_steps - 1, self.total_steps - 1
        ends = [0.0, rise, 2 * rise, last] if three_phase else [0.0, rise, last]
        rates = [first, 1.0, first, first / final_div_factor]
        momenta = [max_momentum, base_momentum, max_momentum, max_momentum]
        if not three_phase:
            del rates[2], momenta[2]
        self._phases = list(pairwise(zip(ends, rates, momenta, strict=True)))
        self.base_lrs = [float(rate) for rate in highest]
        self._momentum = cycle_momentum
        if cycle_momentum and not any(name in groups[0] for name in ("momentum", "betas")):
            raise ArgumentError(
                "{kind} has no momentum to cycle: give cycle_momentum=False",
                kind=type(optimizer).__name__,
            )  # fmt: skip
        self._set()

    def _set(self) -> None:
        if self.steps > self.total_steps:
            raise ArgumentError(
                "the cycle has {n} steps, and this is one more: give a larger total_steps",
                n=self.total_steps,
            )
        number = sum(self.steps > end for _start, (end, *_reached) in self._phases[:-1])
        (start, first, high), (end, last, low) = self._phases[number]
        share = (self.steps - start) / (end - start) if end != start else 1.0
        for group, highest in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self._anneal(highest * first, highest * last, share)
            if self._momentum:
                momentum = self._anneal(high, low, share)
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state from ``state_dict`` of a schedule of the same kind."""
        super().load_state_dict(state)
        self._set()
