"""Batches, in a new order each epoch, prepared ahead where that takes time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import checks, settings
from ..errors import ArgumentError
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
    """The same batches, up to ``depth`` of them prepared by a thread while they are awaited."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1, "DataLoader")
    try:
        waiting = deque(pool.submit(next, batches, None) for _i in range(depth))
    except RuntimeError:  # no thread can be started here, as in WebAssembly
        yield from batches
        return
    try:
        while (batch := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, batches, None))
            yield batch
    finally:  # a loop that is left does not wait for what it no longer wants
        pool.shutdown(wait=False, cancel_futures=True)
