"""What a dataset is, and the simplest: arrays that belong together, example by example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeAlias

import numpy as np

from .. import checks, settings
from ..autograd.guards.conversion import as_operand
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, IndexingError, ShapeError
from ..kernels import Array

Batch: TypeAlias = tuple[Array, ...]


class Dataset(Protocol):
    """What a loader needs.

    Where there is one, a method ``batch(indices)`` gives several examples as a tuple of arrays,
    and a method ``for_epoch(k)`` the dataset as it is in epoch ``k``, for one whose examples
    differ from epoch to epoch. An attribute ``slow = True`` asks for a thread that prepares
    batches ahead.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


class Splittable(ABC):
    """A dataset of which parts can be taken."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def subset(self, chosen: Array) -> Self:
        """The examples at these positions, as a dataset."""

    def split(self, fraction: float, seed: int | None = None) -> tuple[Self, Self]:
        """Shuffle the examples and deal them into two datasets.

        Parameters
        ----------
        fraction
            The share of the first dataset, between 0 and 1: ``round(fraction * N)`` examples.
        seed
            The same seed gives the same parts; without one, ``tg.manual_seed`` decides.

        Raises
        ------
        ArgumentError
            If the fraction is not between 0 and 1.

        Examples
        --------
        >>> train, valid = ArrayDataset(np.arange(10)).split(0.8, seed=0)
        >>> len(train), len(valid)
        (8, 2)
        """
        if not 0 < fraction < 1:
            raise ArgumentError(
                "fraction lies between 0 and 1 (0.8 puts 80 % in the first part), not {value}",
                value=fraction,
            )
        order = settings.generator(checks.seed(seed)).permutation(len(self))
        first = round(fraction * len(self))
        return self.subset(order[:first]), self.subset(order[first:])


class ArrayDataset(Splittable):
    """Arrays with one example per entry of their first axis.

    Parameters
    ----------
    *arrays : array_like
        Images and labels, say: (N, ...) each, also of pandas or PyTorch. They are not copied.
    classes
        The names of the classes, if there are any.

    Raises
    ------
    ShapeError
        If they do not have the same number of examples.

    Examples
    --------
    >>> ds = ArrayDataset([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]], [7, 8, 9])
    >>> len(ds), ds[1][1].item(), ds[:2][1]
    (3, 8, array([7, 8]))
    """

    slow = False  # indexing arrays is not worth a thread of the loader

    def __init__(self, *arrays: Any, classes: Sequence[str] | None = None) -> None:
        self.arrays: tuple[Array, ...] = tuple(map(_as_array, arrays))
        self.classes = None if classes is None else tuple(classes)
        if not arrays:
            raise ArgumentError("a dataset needs at least one array")
        if not all(array.ndim for array in self.arrays):
            raise ShapeError("a number has no axis of examples: give arrays of shape (N, ...)")
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) > 1:
            raise ShapeError(
                "the arrays must have the same number of examples (first axis), not {lengths}",
                lengths=", ".join(map(str, lengths)),
            )

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(str(array.shape) for array in self.arrays)})"

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        """One example (an integer), or several (a slice, integers or a mask)."""
        try:
            return tuple(array[index] for array in self.arrays)
        except IndexError as error:
            raise no_such_index(index, len(self)) from error

    def batch(self, indices: Any) -> tuple[Array, ...]:
        """The examples at these positions, copied."""
        return self[np.asarray(indices)]

    def subset(self, chosen: Array) -> ArrayDataset:
        """The examples at these positions, as a dataset."""
        return ArrayDataset(*self.batch(chosen), classes=self.classes)


def as_dataset(data: Any) -> Dataset:
    """A dataset as it is, or made of arrays."""
    if hasattr(data, "__array__"):
        data = (data,)
    if isinstance(data, tuple):
        return ArrayDataset(*data)
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise ArgumentError(
            "a loader needs len(data) and data[i], and {kind} lacks them: give arrays",
            kind=type(data).__name__,
        )
    dataset: Dataset = data
    return dataset


def gather(data: Dataset, indices: Array) -> Batch:
    """Examples of any dataset, stacked."""
    batch = getattr(data, "batch", None)
    if callable(batch):
        return tuple(map(as_operand, batch(indices)))
    items = [data[int(i)] for i in indices]
    rows = [item if isinstance(item, tuple) else (item,) for item in items]
    try:
        columns = [list(map(_as_array, column)) for column in zip(*rows, strict=True)]
        return tuple(np.stack(column) for column in columns)
    except ValueError as error:
        raise ShapeError(
            "examples of different shapes make no batch ({error}): resize or pad them, "
            "and let data[i] be an array or a tuple of arrays",
            error=error,
        ) from error


def _as_array(x: Any) -> Array:
    return np.asarray(x if isinstance(x, Tensor) else as_operand(x))


def in_epoch(data: Dataset, epoch: int) -> Dataset:
    """The dataset as it is in this epoch."""
    for_epoch = getattr(data, "for_epoch", None)
    return for_epoch(epoch) if callable(for_epoch) else data


def positions(index: Any, n: int) -> Array:
    """A slice, integers or a mask as positions from 0 to n - 1."""
    try:
        chosen: Array = np.arange(n)[index]
    except IndexError as error:
        raise no_such_index(index, n) from error
    return chosen


def no_such_index(index: Any, n: int) -> IndexingError:
    """The error for an index outside a dataset of ``n`` examples."""
    return IndexingError(
        "no examples {index}: there are {n}, numbered from 0 to {last}",
        index=index,
        n=n,
        last=n - 1,
    )
