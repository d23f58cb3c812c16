"""Steps of the optimizer, from the gradients of one batch or of several."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor
from ..checks import positive, whole
from ..errors import DTypeError, NonFiniteError
from ..optim import Optimizer, ReduceLROnPlateau, clip_grad_norm
from .history import History
from .metrics import Means


class Descent:
    """Takes a step after every ``accumulate`` batches, and has schedule and callbacks follow.

    All that a run does together with other processes goes through it: ``exchange.mpi`` has another.
    """

    writes = True  # whether it is this process that writes the checkpoints

    def __init__(
        self, optimizer: Optimizer, scheduler: Any, callbacks: Any, history: History,
        clip: float | None, accumulate: int,
    ) -> None:  # fmt: skip
        self.optimizer, self.scheduler, self.history = optimizer, scheduler, history
        self.clip = None if clip is None else positive(clip, "clip")
        self.accumulate = whole(accumulate, "accumulate", 1)
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.per_batch = bool(getattr(scheduler, "per_batch", False))
        self.callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
        self.hooks = [c.on_batch_end for c in self.callbacks if hasattr(c, "on_batch_end")]
        for callback in self.callbacks:
            if not callable(callback) and not hasattr(callback, "on_batch_end"):
                raise DTypeError(
                    "a callback is a function of the history, or has a method on_batch_end: not "
                    "{value!r}",
                    value=callback,
                )
        self.batches, self.first, self.weight = 0, 0, 0.0

    def batch(self, loss: Any, n: int, number: int) -> bool:
        """Go back from the loss of a batch of ``n`` examples; whether a callback ends it there."""
        _check_loss(loss)
        if not self.batches:
            self.optimizer.zero_grad()
            self.first, self.weight = 0, 0.0
        value = self.backward(loss, n, number)
        self.batches += 1
        if self.batches == self.accumulate:
            self.step()
        batch = {"epoch": len(self.history) + 1, "batch": number, "loss": value}
        answers = [hook(self.history, batch) for hook in self.hooks]  # each is called
        return bool(answers) and self.agreed(any(map(is_true, answers)))

    def backward(self, loss: Tensor, n: int, _number: int) -> float:
        """Add the gradients of a batch of ``n`` examples; its mean loss."""
        value = self.finite(loss.item())
        share = self.share(n)
        (loss if share == 1 else loss * share).backward()
        return value

    def share(self, n: int) -> float:
        """How much a batch counts, beside the first: so a group of one has plain gradients."""
        self.first = self.first or max(n, 1)
        self.weight += n / self.first
        return n / self.first

    def finite(self, value: float) -> float:
        """The loss, if it is a number."""
        if math.isfinite(value):
            return value
        raise NonFiniteError(
            "the loss is {value} in epoch {n}: lower the learning rate, or look for the first "
              "bad value with `with tg.debug():`", value=value, n=len(self.history) + 1,
        )  # fmt: skip

    def means(self, _batches: Any) -> Means:
        """What is to average the loss and the metrics over these batches."""
        return Means()

    def agreed(self, thing: Any) -> Any:
        """What all processes take for true."""
        return thing

    def step(self) -> None:
        """Take a step from what there is, if there is anything."""
        if not self.batches:
            return
        for p in self.parameters if self.weight != 1 else ():
            if p._grad is not None:
                g = p._grad._array
                np.divide(g, self.weight, out=g, casting="same_kind")
                engine.touch(p._grad)
        if self.clip is not None:
            clip_grad_norm(self.parameters, self.clip)
        self.optimizer.step()
        self.batches = 0
        if self.per_batch:
            self.scheduler.step()

    def end(self, epoch: dict[str, float]) -> None:
        """Have the schedule follow after an epoch."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(epoch.get("valid_loss", epoch["loss"]))
        elif self.scheduler is not None and not self.per_batch:
            self.scheduler.step()


def _check_loss(value: Any) -> None:
    if not isinstance(value, Tensor) or value.size != 1:
        raise DTypeError(
            "the loss must be a scalar Tensor, not {kind}: reduce it, and stay in the graph",
            kind=getattr(value, "shape", type(value).__name__),
        )


def is_true(answer: Any) -> bool:
    """Whether a callback said True, and not just something."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)
