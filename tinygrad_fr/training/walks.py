"""Which epoch loaders are in, so that orders follow from the number of the epoch alone."""

from typing import Any


class Walks:
    """The loaders of a run, and at which of their epochs the run began.

    Whoever else walks through them, before the run or in its callbacks, moves them on as well: so
    each epoch of the run says anew which one it is.
    """

    def __init__(self, *loaders: Any) -> None:
        self.loaders = [loader for loader in loaders if hasattr(loader, "epoch")]
        self.first = [loader.epoch for loader in self.loaders]

    def begin(self, number: int) -> None:
        """Have them walk through this epoch of the run next, from 1."""
        for loader, first in zip(self.loaders, self.first, strict=True):
            loader.epoch = first + number - 1

    def restore(self, first: list[int]) -> None:
        """Begin where an earlier run began, as far as the loaders are still the same ones."""
        self.first[: len(first)] = first[: len(self.first)]
