"""Steps of the optimizer, from the gradients of one batch or of several."""

from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor
from ..optim import Optimizer, ReduceLROnPlateau, clip_grad_norm


class Descent:
    """Takes a step after every ``accumulate`` batches, and has the schedule follow."""

    def __init__(
        self, optimizer: Optimizer, scheduler: Any, clip: float | None, accumulate: int
    ) -> None:
        self.optimizer, self.scheduler = optimizer, scheduler
        self.clip, self.accumulate = clip, accumulate
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.per_batch = bool(getattr(scheduler, "per_batch", False))
        self.batches, self.first, self.weight = 0, 1, 0.0

    def add(self, loss: Tensor, n: int) -> None:
        """Go back from the loss of a batch of ``n`` examples."""
        if not self.batches:
            self.optimizer.zero_grad()
            self.first, self.weight = max(n, 1), 0.0
        share = n / self.first  # of the first batch, so that a group of one has plain gradients
        (loss if share == 1 else loss * share).backward()
        self.batches, self.weight = self.batches + 1, self.weight + share
        if self.batches == self.accumulate:
            self.take()

    def take(self) -> None:
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
