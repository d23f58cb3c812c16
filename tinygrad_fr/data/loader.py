"""Batches, in a new order each epoch, prepared ahead where that takes time."""

import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np

from .. import checks, settings
from ..errors import ArgumentError
from ..kernels.fast.threads import start
from .dataset import Batch, Dataset, as_dataset, gather, in_epoch


class DataLoader:
    """Iterate over batches: tuples of arrays, one epoch per ``for`` loop.

    Parameters
    ----------
    data
        A dataset, or a tuple of arrays. Any object with ``len(data)`` and ``data[i]`` is one.
    batch_size
        Examples per batch; the last batch holds what remains.
    shuffle
        Take a new order in each epoch.
    seed
        Makes the orders reproducible: that of epoch ``k`` follows from ``(seed, k)`` alone.
        Without one, ``tg.manual_seed`` decides.
    drop_last
        Leave out a last batch that is not full.
    prefetch
        How many batches a thread prepares ahead, where the dataset is ``slow`` (image files,
        augmentation) and threads exist. The batches are the same with and without.

    Attributes
    ----------
    epoch : int
        The number of the next epoch; set it to resume. A dataset with a method
        ``for_epoch(k)``, such as an AugmentedDataset, is told it.

    Raises
    ------
    ArgumentError
        If there is nothing to load, or a number is out of range.

    Examples
    --------
    >>> loader = DataLoader((np.arange(6.0), np.arange(6)), batch_size=4, shuffle=True, seed=0)
    >>> [len(x) for x, y in loader]
    [4, 2]
    """

    def __init__(
        self,
        data: Dataset | tuple[Any, ...],
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        prefetch: int = 2,
    ) -> None:
        self.data = as_dataset(data)
        if not len(self.data):
            raise ArgumentError("there is nothing to load: the dataset is empty")
        self.batch_size = checks.whole(batch_size, "batch_size", 1)
        self.shuffle = shuffle
        self.seed = checks.seed(seed)
        self.drop_last = drop_last
        ahead = int(prefetch) if isinstance(prefetch, bool) else prefetch
        self.prefetch = checks.whole(ahead, "prefetch", 0)
        self.epoch = 0

    def __repr__(self) -> str:
        return f"DataLoader({self.data!r}, batch_size={self.batch_size}, shuffle={self.shuffle})"

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        full, rest = divmod(len(self.data), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        order = np.arange(len(self.data))
        if self.shuffle:
            key: Any = None if self.seed is None else (self.seed, self.epoch)
            settings.generator(key).shuffle(order)
        data = in_epoch(self.data, self.epoch)
        self.epoch += 1
        size = self.batch_size
        batches = (gather(data, order[i * size : (i + 1) * size]) for i in range(len(self)))
        ahead = self.prefetch and getattr(data, "slow", False)
        return _ahead(batches, self.prefetch) if ahead else batches


def _ahead(batches: Iterator[Batch], depth: int) -> Iterator[Batch]:
    """The same batches, up to ``depth`` of them prepared by a thread while they are awaited.

    The thread ends when they are ready, and the next demand starts another one. So none is left
    waiting for a loop that was left, not even where a traceback keeps the loop alive.
    """
    ready: SimpleQueue[Any] = SimpleQueue()  # at the end, the exception that ended it
    idle, abandoned = True, False

    def work() -> None:
        nonlocal idle
        resting = ended = False
        while not (resting or ended):
            try:
                item: Any = next(batches)
            except BaseException as error:
                item = error
            ended = abandoned or isinstance(item, BaseException)
            resting = idle = not ended and ready.qsize() + 1 >= depth
            ready.put(item)  # last: whoever takes it sees whether to start another thread
            del item

    thread = None
    try:
        while True:
            if idle:
                idle = False
                thread = threading.Thread(target=work, name="DataLoader", daemon=True)
                if not start(thread):
                    work()
            item = ready.get()
            if isinstance(item, StopIteration):
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        item = None  # an exception kept here would hold its own traceback
        abandoned = True
        # Not where the garbage collector runs in it, nor when Python ends and has stopped it.
        current = thread is threading.current_thread() or sys.is_finalizing()
        if thread is not None and thread.is_alive() and not current:
            thread.join()
