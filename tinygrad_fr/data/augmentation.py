"""Augmentation: images changed at random while they are loaded."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .. import checks, settings
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array
from .dataset import Batch, Dataset, as_dataset, gather, in_epoch, positions

Transform: TypeAlias = Callable[[Array, np.random.Generator], Array]


class AugmentedDataset:
    """A dataset whose images pass through random transforms each time they are loaded.

    Split first, and augment the part to train on: validation wants the images as they are.

    Parameters
    ----------
    data
        A dataset of (image, label), or a tuple of arrays. Whatever follows the image in an
        example is left alone.
    transforms
        One, or several in the order of their use. Any function ``f(images, rng)`` that gives a
        batch of as many images is one.
    seed
        What becomes of a batch follows from ``(seed, epoch, positions in the batch)`` alone: a
        DataLoader gives new images each epoch, the same in each run, resumed or not. Without a
        seed, ``tg.manual_seed`` decides.

    Attributes
    ----------
    classes : tuple of str or None
        Those of ``data``.

    Raises
    ------
    ArgumentError
        If the data are no dataset.
    DTypeError
        If a transform cannot be called with a batch and a generator.
    ShapeError
        If a transform does not give a batch of as many images.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> from tinygrad_fr.data import RandomHorizontalFlip, RandomShift
    >>> x = np.arange(4.0).reshape(2, 1, 1, 2)
    >>> data = AugmentedDataset((x, [0, 1]), RandomHorizontalFlip(p=1))
    >>> images, labels = data[:]
    >>> images.ravel(), labels
    (array([1., 0., 3., 2.]), array([0, 1]))
    >>> noise = lambda images, rng: images + rng.normal(0, 0.1, images.shape)
    >>> loader = tg.data.DataLoader(AugmentedDataset((x, [0, 1]), [RandomShift(1), noise], seed=0))
    >>> next(iter(loader))[0].shape
    (2, 1, 1, 2)
    """

    slow = True  # the loader prepares batches in a thread

    def __init__(
        self,
        data: Dataset | tuple[Any, ...],
        transforms: Transform | Sequence[Transform],
        seed: int | None = None,
    ) -> None:
        self.data = as_dataset(data)
        several = transforms if isinstance(transforms, Sequence) else (transforms,)
        self.transforms = tuple(_checked_transform(transform) for transform in several)
        self.seed = checks.seed(seed)
        self._key: tuple[int, int] | None = None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, if there are any."""
        return getattr(self.data, "classes", None)

    def __repr__(self) -> str:
        return f"AugmentedDataset({self.data!r}, {list(self.transforms)})"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Any) -> Batch:
        """One example (an integer), or several (a slice, integers or a mask).

        Without a loader they are those of epoch 0, and new ones each time without a seed.
        """
        if isinstance(index, int | np.integer):
            return tuple(array[0] for array in self.batch([index]))
        return self.batch(index)

    def batch(self, indices: Any) -> Batch:
        """The examples at these positions, their images transformed."""
        chosen = positions(indices, len(self))
        images, *rest = gather(self.data, chosen)
        # With the length, as NumPy does not tell (1, 2) from (1, 2, 0).
        key = (*(self._key or self._new_key(0)), len(chosen), *chosen.tolist())
        rng = settings.generator(key)
        for transform in self.transforms:
            images = _applied(transform, images, rng)
        return images, *rest

    def for_epoch(self, epoch: int) -> AugmentedDataset:
        """The dataset as it is in this epoch. Nothing is copied."""
        view = copy.copy(self)
        view.data = in_epoch(self.data, epoch)
        view._key = self._new_key(epoch)
        return view

    def split(self, fraction: float, seed: int | None = None) -> NoReturn:
        """Refuse: the part for validation would be augmented too."""
        raise ArgumentError(
            "both parts would be augmented: split the data first, then augment one part"
        )

    def _new_key(self, epoch: int) -> tuple[int, int]:
        seed = settings.generator().integers(2**63) if self.seed is None else self.seed
        return int(seed), epoch


def _applied(transform: Transform, images: Array, rng: np.random.Generator) -> Array:
    """The transformed batch, of the same dtype where both are floating."""
    result = transform(images, rng)
    if not isinstance(result, np.ndarray) or result.shape[:1] != images.shape[:1]:
        raise ShapeError(
            "{transform} must return an array of {n} images, as many as it is given, not {what}",
            transform=_name(transform),
            n=len(images),
            what=result.shape if isinstance(result, np.ndarray) else type(result).__name__,
        )
    floating = result.dtype.kind == images.dtype.kind == "f"
    return result.astype(images.dtype, copy=False) if floating else result


def _checked_transform(transform: Any) -> Transform:
    if isinstance(transform, type) or not callable(transform):
        raise DTypeError(
            "a transform is a function f(images, rng), or such as RandomShift(4), not {what}",
            what=_name(transform),
        )
    try:
        inspect.signature(transform).bind(None, None)
    except TypeError as error:
        raise DTypeError(
            "{transform} must take two arguments, f(images, rng): a batch (N, C, H, W) and a "
            "NumPy generator",
            transform=_name(transform),
        ) from error
    except ValueError:  # a function of C may not tell
        pass
    return transform  # type: ignore[no-any-return]


def _name(thing: Any) -> str:
    return getattr(thing, "__name__", None) or repr(thing)
