"""Batches, in a new order each epoch, prepared ahead where that takes time."""

import sys
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np

from .. import checks, settings
from ..errors import ArgumentError
from ..kernels import Array
from ..kernels.fast.threads import start
from .dataset import Dataset, as_dataset, gather, in_epoch


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
    sampler
        The indices of an epoch's examples, in order, in the place of ``shuffle``: anything that has
        a length and can be walked once per epoch, or a method ``for_epoch(k)`` that gives them, as
        ``WeightedSampler`` has.
    batch_sampler
        The same with the indices of each batch, in the place of the batch size and the rest.
    collate
        Makes a batch of a list of examples; by default they are stacked, in tuples and dicts each
        part for itself. ``pad_sequences`` fills up what is too short.
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
        *,
        sampler: Any = None,
        batch_sampler: Any = None,
        collate: Callable[[list[Any]], Any] | None = None,
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
        self.sampler, self.batch_sampler, self.collate = sampler, batch_sampler, collate
        if (sampler is not None) + (batch_sampler is not None) + bool(shuffle) > 1:
            raise ArgumentError("give one of shuffle, sampler and batch_sampler: each is an order")
        for given in sampler, batch_sampler:
            if given is not None and not hasattr(given, "__len__"):
                raise ArgumentError(
                    "a sampler has a length and is walked once per epoch, which {kind} cannot: "
                    "give a list, or a class with for_epoch(k)",
                    kind=type(given).__name__,
                )

    def __repr__(self) -> str:
        return f"DataLoader({self.data!r}, batch_size={self.batch_size}, shuffle={self.shuffle})"

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        n = len(self.data if self.sampler is None else self.sampler)
        full, rest = divmod(n, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        chosen = self._chosen()
        data = in_epoch(self.data, self.epoch)
        self.epoch += 1
        batches = (gather(data, indices, self.collate) for indices in chosen)
        ahead = self.prefetch and getattr(data, "slow", False)
        return _ahead(batches, self.prefetch) if ahead else batches

    def _chosen(self) -> Iterator[Any]:
        """The indices of each batch of this epoch."""
        if self.batch_sampler is not None:
            return map(_indices, _counted(self.batch_sampler, self.epoch))
        if self.sampler is not None:
            order = _indices([*_counted(self.sampler, self.epoch)])
        else:
            order = np.arange(len(self.data))
        if self.shuffle:
            key: Any = None if self.seed is None else (self.seed, self.epoch)
            settings.generator(key).shuffle(order)
        size = self.batch_size
        return (order[i * size : (i + 1) * size] for i in range(len(self)))


class Shard(DataLoader):
    """A part of each batch of a loader, for one of several processes that train together.

    They draw the same orders where the loader has a seed; or else they have to agree on one.

    Parameters
    ----------
    loader
        A DataLoader, which moves on from epoch to epoch with this one.
    part, parts
        Which part, from 0, and of how many.
    agreed
        Is called with the indices of each batch of an epoch, and gives those that all take.

    Attributes
    ----------
    counts : list of (int, int)
        Of each batch of the epoch, how many examples are in this part, and in all. A part that has
        none holds the batch's first one: a model needs one.

    Examples
    --------
    >>> loader = DataLoader((np.arange(7),), batch_size=4)
    >>> [x.tolist() for (x,) in Shard(loader, 1, 2)]
    [[2, 3], [6]]
    """

    def __init__(
        self, loader: Any, part: int, parts: int, agreed: Callable[[Any], Any] = list
    ) -> None:
        if type(loader).__iter__ is not DataLoader.__iter__:
            raise ArgumentError(
                "parts are taken of arrays, a dataset or a DataLoader of tinygrad_fr: give one of "
                "these, not {kind} (its dataset, say)", kind=checks.kind(loader),
            )  # fmt: skip
        vars(self).update(vars(loader))
        self.part, self.parts = checks.whole(part, "part", 0, parts - 1), parts
        self.loader, self.agreed = loader, agreed
        self.counts: list[tuple[int, int]] = []

    def _chosen(self) -> Iterator[Any]:
        batches = self.agreed([*super()._chosen()])
        self.loader.epoch = self.epoch + 1
        mine = [np.array_split(batch, self.parts)[self.part] for batch in batches]
        self.counts = [(len(own), len(batch)) for own, batch in zip(mine, batches)]
        return (own if len(own) else batch[:1] for own, batch in zip(mine, batches))


def _indices(given: Any) -> Array:
    """What a sampler gives, as an array: no mask, and nothing to be rounded."""
    try:
        indices = np.array(list(given))
    except (TypeError, ValueError):  # one number, or rows of several lengths
        indices = np.array(None)
    if indices.ndim != 1:
        raise ArgumentError(
            "a sampler gives indices in a row, and a batch_sampler such a row for each batch, not "
            "{given!r}",
            given=given,
        )
    if indices.size and indices.dtype.kind not in "iu":
        raise ArgumentError(
            "a sampler gives indices, which are integers, not {dtype}: of a mask take "
            "np.flatnonzero(mask)",
            dtype=indices.dtype,
        )
    return indices.astype(np.intp)


def _counted(sampler: Any, epoch: int) -> Iterator[Any]:
    """What a sampler gives in an epoch, if it is as much as its length says."""
    n = 0
    for n, given in enumerate(in_epoch(sampler, epoch), 1):
        if n > len(sampler):
            break
        yield given
    if n != len(sampler):
        raise ArgumentError(
            "{kind} has the length {length} and gives {n}: let its length be how many it gives in "
            "an epoch",
            kind=type(sampler).__name__, length=len(sampler), n=n,
        )  # fmt: skip


class WeightedSampler:
    """Draws examples by weight, for classes that are rare: a sampler for DataLoader.

    Parameters
    ----------
    weights
        How much each example counts, (N,): ``1 / np.bincount(y)[y]`` draws all classes alike.
    num_samples
        How many are drawn in an epoch; by default N.
    replacement
        Whether an example may be drawn more than once.
    seed
        Makes the draws reproducible: those of epoch ``k`` follow from ``(seed, k)`` alone. Without
        one, ``tg.manual_seed`` decides.

    Examples
    --------
    >>> sampler = WeightedSampler([0.0, 1.0, 1.0], num_samples=4, seed=0)
    >>> len(sampler), 0 in sampler.for_epoch(0)
    (4, False)
    """

    def __init__(
        self, weights: Any, num_samples: int | None = None, replacement: bool = True,
        seed: int | None = None,
    ) -> None:  # fmt: skip
        weights = np.array(weights, float)
        if weights.ndim != 1 or not (np.isfinite(weights) & (weights >= 0)).all() or (
            not weights.any()
        ):  # fmt: skip
            raise ArgumentError(
                "weights holds a finite number for each example, not negative and not all 0"
            )
        self.shares = weights / weights.sum()
        most = None if replacement else int(np.count_nonzero(weights))
        wanted = len(weights) if num_samples is None else num_samples
        self.n = checks.whole(wanted, "num_samples", 1, most)
        self.replacement, self.seed = replacement, checks.seed(seed)

    def __len__(self) -> int:
        return self.n

    def for_epoch(self, epoch: int) -> Any:
        """The indices that are drawn for this epoch."""
        rng = settings.generator(None if self.seed is None else (self.seed, epoch))
        return rng.choice(len(self.shares), self.n, self.replacement, self.shares)


def _ahead(batches: Iterator[Any], depth: int) -> Iterator[Any]:
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
