"""Batches, in a new order each epoch, prepared ahead where that takes time."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from .. import settings
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..messages import _
from .dataset import ArrayDataset, checked_seed

Batch: TypeAlias = tuple[Array, ...]


class Dataset(Protocol):
    """What the loader needs.

    A method ``batch(indices)`` that gives a tuple of arrays is used where there is one; with an
    attribute ``by_epoch = True`` it is told the number of the epoch, ``batch(indices, epoch)``. An
    attribute ``slow = True`` asks for a thread that prepares batches ahead.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


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
        augmentation) and threads exist.

    Attributes
    ----------
    epoch : int
        The number of the next epoch; set it to resume.

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
        if isinstance(data, np.ndarray | Tensor):
            data = (data,)
        self.data: Dataset = ArrayDataset(*data) if isinstance(data, tuple) else data
        if not (hasattr(self.data, "__len__") and hasattr(self.data, "__getitem__")):
            raise ArgumentError(
                _("a loader needs len(data) and data[i], and {kind} lacks them: give arrays"),
                kind=type(data).__name__,
            )
        if not len(self.data):
            raise ArgumentError(_("there is nothing to load: the dataset is empty"))
        self.batch_size = _whole("batch_size", batch_size, 1)
        self.shuffle = shuffle
        self.seed = checked_seed(seed)
        self.drop_last = drop_last
        self.prefetch = _whole("prefetch", prefetch, 0)
        self.epoch = 0

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        full, rest = divmod(len(self.data), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        order = np.arange(len(self.data))
        if self.shuffle:
            key: Any = None if self.seed is None else (self.seed, self.epoch)
            settings.generator(key).shuffle(order)
        epoch, size = self.epoch, self.batch_size
        self.epoch += 1
        parts = (order[i * size : (i + 1) * size] for i in range(len(self)))
        batches = (self._batch(indices, epoch) for indices in parts)
        ahead = self.prefetch and getattr(self.data, "slow", False)
        return _ahead(batches, self.prefetch) if ahead else batches

    def _batch(self, indices: Array, epoch: int) -> Batch:
        batch = getattr(self.data, "batch", None)
        if callable(batch):
            by_epoch = getattr(self.data, "by_epoch", False)
            return tuple(batch(indices, epoch) if by_epoch else batch(indices))
        items = [self.data[int(i)] for i in indices]
        rows = [item if isinstance(item, tuple) else (item,) for item in items]
        try:
            columns = [[np.asarray(value) for value in c] for c in zip(*rows, strict=True)]
            return tuple(np.stack(column) for column in columns)
        except ValueError as error:
            raise ShapeError(
                _(
                    "examples of different shapes make no batch ({error}): resize or pad them, "
                    "and let data[i] be an array or a tuple of arrays"
                ),
                error=error,
            ) from error


def _ahead(batches: Iterator[Batch], depth: int) -> Iterator[Batch]:
    """The same batches, up to ``depth`` of them prepared by a thread while they are awaited."""
    ready: queue.Queue[Any] = queue.Queue(depth)
    abandoned = threading.Event()

    def work() -> None:
        try:
            for batch in batches:
                ready.put(batch)
                if abandoned.is_set():
                    return
        except BaseException as error:
            ready.put(error)
        else:
            ready.put(None)

    thread = threading.Thread(target=work, name="DataLoader", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no threads here (WebAssembly), or no more of them
        yield from batches
        return
    try:
        while isinstance(item := ready.get(), tuple):
            yield item
        if item is not None:
            raise item
    finally:
        item = None  # an exception kept here would hold its own traceback
        abandoned.set()
        # After this the worker puts at most once more, and finds room: it cannot block.
        while not ready.empty():
            ready.get_nowait()
        # Not where the garbage collector runs in it, nor when Python ends and has stopped it.
        if thread is not threading.current_thread() and not sys.is_finalizing():
            thread.join()


def _whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(
            _("{argument} is a whole number of at least {least}, not {value}"),
            argument=name,
            least=least,
            value=value,
        )
    return int(value)
