"""What a dataset is, and the simplest: arrays that belong together, example by example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeAlias

import numpy as np

from .. import checks, settings
from ..autograd.guards.conversion import as_data, as_operand
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, IndexingError, ShapeError
from ..kernels import Array, as_array

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
        Images and labels, say: (N, ...) each, also of pandas or PyTorch. They are not copied. For
        models of several inputs one of them may be a tuple or a dict of arrays.
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
        self.arrays: tuple[Any, ...] = tuple(mapped(_as_array, array) for array in arrays)
        self.classes = None if classes is None else tuple(classes)
        if not arrays:
            raise ArgumentError("a dataset needs at least one array")
        parts: list[Array] = []
        for array in self.arrays:
            mapped(parts.append, array)
        if not all(array.ndim for array in parts):
            raise ShapeError("a number has no axis of examples: give arrays of shape (N, ...)")
        self.n, *others = lengths = [len(array) for array in parts]
        if any(other != self.n for other in others):
            raise ShapeError(
                "the arrays must have the same number of examples (first axis), not {lengths}",
                lengths=", ".join(map(str, lengths)),
            )

    def __repr__(self) -> str:
        shapes = [str(mapped(np.shape, array)) for array in self.arrays]
        return f"ArrayDataset({', '.join(shapes)})"

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        """One example (an integer), or several (a slice, integers or a mask)."""
        try:
            return tuple(mapped(lambda x: x[index], array) for array in self.arrays)
        except IndexError as error:
            raise no_such_index(index, len(self)) from error

    def batch(self, indices: Any) -> tuple[Any, ...]:
        """The examples at these positions, copied."""
        return self[np.asarray(indices)]

    def subset(self, chosen: Array) -> ArrayDataset:
        """The examples at these positions, as a dataset."""
        return ArrayDataset(*self.batch(chosen), classes=self.classes)


def as_dataset(data: Any) -> Dataset:
    """A dataset as it is, or made of arrays."""
    if hasattr(data, "__array__") or isinstance(data, dict):
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


def gather(data: Dataset, indices: Array, collate: Any = None) -> Any:
    """Examples of any dataset, stacked or collated."""
    batch = getattr(data, "batch", None)
    if callable(batch) and collate is None:
        return tuple(mapped(as_operand, part) for part in batch(indices))
    items = [data[int(i)] for i in indices]
    if collate is not None:
        return collate(items)
    stacked = _stacked(items)
    return stacked if isinstance(stacked, (tuple, dict)) else (stacked,)


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """A function of each array, in tuples and dicts of arrays, too."""
    if isinstance(x, dict):
        return {name: mapped(function, part) for name, part in x.items()}
    if _is_nested(x):
        return tuple(mapped(function, part) for part in x)
    return function(x)


def _is_nested(x: Any) -> bool:
    """Whether a tuple holds arrays, and is none: (1, 2) is."""
    return isinstance(x, tuple) and any(
        isinstance(part, dict) or getattr(part, "ndim", 0) or _is_nested(part) for part in x
    )


def _stacked(items: Sequence[Any]) -> Any:
    """Examples as a batch: in tuples and dicts, each part for itself."""
    first = items[0]
    if isinstance(first, dict):
        if any(not isinstance(item, dict) or item.keys() != first.keys() for item in items):
            raise ShapeError(
                "all examples of a batch are dicts with the keys of the first example: {keys}",
                keys=", ".join(map(str, first)),
            )
        return {name: _stacked([item[name] for item in items]) for name in first}
    try:
        if isinstance(first, tuple):
            return tuple(_stacked(column) for column in zip(*items, strict=True))
        return np.stack(list(map(_as_array, items)))
    except ShapeError:
        raise
    except (ValueError, TypeError) as error:
        shapes = list(dict.fromkeys(_shape(item) for item in items))
        raise ShapeError(
            "examples of different shapes make no batch ({shapes}): resize or pad them, let "
            "data[i] be an array or a tuple of arrays, or give collate=, such as pad_sequences",
            shapes=", ".join(shapes[:4]),
        ) from error


def _shape(item: Any) -> str:
    try:
        return str(np.shape(item))
    except ValueError:  # a list of unlike things
        return type(item).__name__


def pad_sequences(items: Sequence[Any], value: Any = 0) -> tuple[Array, ...]:
    """Make a batch of examples of unequal lengths: a ``collate`` for DataLoader.

    Parameters
    ----------
    items
        Examples: sequences (T, ...), or tuples of which some parts are sequences. Shorter ones are
        filled at their end, numbers stacked.
    value
        What to fill with: integers too small for it get a dtype that holds it. A tuple for one
        value per part, such as ``(0, -100)`` for sequences and targets that ``cross_entropy`` then
        ignores: ``partial(pad_sequences, value=(0, -100))``.

    Examples
    --------
    >>> pad_sequences([([1, 2, 3], 0), ([4], 1)])
    (array([[1, 2, 3],
           [4, 0, 0]]), array([0, 1]))
    """
    rows = [item if isinstance(item, tuple) else (item,) for item in items]
    columns = [list(map(_as_array, column)) for column in zip(*rows, strict=True)]
    values = value if isinstance(value, tuple) else (value,) * len(columns)
    if len(values) != len(columns):
        raise ArgumentError(
            "there are {n} values to fill with, and examples have {m} parts",
            n=len(values), m=len(columns),
        )  # fmt: skip

    def padded(column: list[Array], value: Any) -> Any:
        if not column[0].ndim:
            return column
        length, dtype = max(map(len, column)), _holding(np.result_type(*column), value)
        rest = [(0, 0)] * (column[0].ndim - 1)
        column = [x.astype(dtype, copy=False) for x in column]
        return [np.pad(x, [(0, length - len(x)), *rest], constant_values=value) for x in column]

    pairs = zip(columns, values, strict=True)
    return tuple(_stacked(padded(column, value)) for column, value in pairs)


def _holding(dtype: np.dtype[Any], value: Any) -> np.dtype[Any]:
    """The dtype, or where it has no such number one that has: a uint8 would make 156 of -100."""
    if dtype.kind not in "iub":
        return dtype
    with np.errstate(invalid="ignore"):
        same = np.asarray(value).astype(dtype) == value
    wide = dtype if same else np.result_type(dtype, np.min_scalar_type(value))
    if wide.kind not in "iub":
        raise ArgumentError(
            "sequences of {dtype} cannot be filled with {value}: take an integer, or make "
            "them floats first",
            dtype=dtype, value=value,
        )  # fmt: skip
    return wide


def _as_array(x: Any) -> Array:
    if isinstance(x, list):
        return as_data(x, None, False)
    return as_array(x.numpy() if isinstance(x, Tensor) else as_operand(x))


def in_epoch(data: Any, epoch: int) -> Any:
    """The dataset, or the order, as it is in this epoch."""
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
