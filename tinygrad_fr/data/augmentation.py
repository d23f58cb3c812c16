"""Augmentation: images changed at random in training, so that a network sees more than there are.

A transform is a function of a batch of images (N, C, H, W) and of a random generator; it returns
new images of the same dtype. Any such function serves in an ``AugmentedDataset``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import settings
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array
from ..messages import _
from .dataset import checked_seed
from .images import checked_size

Transform: TypeAlias = Callable[[Array, np.random.Generator], Array]

# What stands beyond the border of an image: its mirror image, or its nearest pixel.
BORDERS = ("reflect", "edge")


class AugmentedDataset:
    """A dataset whose images are transformed anew in each epoch; the labels stay.

    Split first, then augment the training part only.

    Parameters
    ----------
    data
        A dataset of images (C, H, W) and whatever belongs to them, such as labels.
    transforms
        A transform, or several that are applied one after the other.
    seed
        Makes the run reproducible: what happens to a batch follows from the seed, the epoch and
        the batch alone, so that neither prefetching nor resuming changes it. Without one,
        ``tg.manual_seed`` decides.

    Examples
    --------
    >>> from tinygrad_fr.data import ArrayDataset
    >>> data = ArrayDataset(np.arange(8.0).reshape(2, 1, 2, 2), [0, 1])
    >>> augmented = AugmentedDataset(data, RandomHorizontalFlip(p=1.0), seed=0)
    >>> augmented[0][0]
    array([[[1., 0.],
            [3., 2.]]])
    """

    slow = True  # the loader prepares batches in a thread
    by_epoch = True  # the loader says which epoch it is

    def __init__(
        self, data: Any, transforms: Transform | Sequence[Transform], seed: int | None = None
    ) -> None:
        self.data = data
        given = list(transforms) if isinstance(transforms, Sequence) else [transforms]
        for transform in given:
            if not callable(transform) or isinstance(transform, type):
                raise DTypeError(
                    _("a transform is a function of images and a generator, such as "
                      "RandomHorizontalFlip(), not {value!r}"), value=transform,
                )  # fmt: skip
        self.transforms: list[Transform] = given
        if checked_seed(seed) is None:
            seed = int(settings.generator().integers(2**31))
        self.seed = int(seed)  # type: ignore[arg-type]

    @property
    def classes(self) -> Any:
        """The names of the classes, if the dataset has them."""
        return getattr(self.data, "classes", None)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        """One example (an integer), or several, as they are in the first epoch."""
        if isinstance(index, int | np.integer):
            return tuple(array[0] for array in self.batch([index]))
        return self.batch(np.arange(len(self))[index])

    def batch(self, indices: Any, epoch: int = 0) -> tuple[Array, ...]:
        """The examples at these positions, as they are in an epoch."""
        indices = np.asarray(indices)
        if hasattr(self.data, "batch"):
            images, *rest = self.data.batch(indices)
        else:
            rows = zip(*(self.data[int(i)] for i in indices), strict=True)
            images, *rest = (np.stack([np.asarray(x) for x in row]) for row in rows)
        if images.ndim != 4:
            raise ShapeError(
                _("transforms take images (N, C, H, W), not {shape}"), shape=images.shape
            )
        if len(indices):
            # The first index tells the batches of an epoch apart.
            rng = settings.generator((self.seed, epoch, int(indices[0]) % len(self)))
            for transform in self.transforms:
                images = transform(images, rng)
        return (images, *rest)


class RandomHorizontalFlip:
    """Mirror each image, left to right, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ArgumentError(_("the probability p lies between 0 and 1, not {value}"), value=p)
        self.p = p

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """The images, some of them mirrored."""
        out = images.copy()
        chosen = rng.random(len(images)) < self.p
        out[chosen] = images[chosen][..., ::-1]
        return out


class RandomCrop:
    """Cut a window of ``size`` out of each image, at random.

    Parameters
    ----------
    size
        Height and width; one number for both.
    padding
        Pixels that are added on each side first.
    border
        What they show: ``"reflect"`` mirrors the image, ``"edge"`` repeats the nearest pixel.
    """

    def __init__(
        self, size: int | tuple[int, int], padding: int = 0, border: str = "reflect"
    ) -> None:
        self.size = checked_size(size)
        self.padding, self.border = _checked(padding, "padding"), _checked_border(border)

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """Cut the windows, (N, C, *size)."""
        return _cropped(images, self.size, self.padding, self.border, rng)


class RandomShift:
    """Move each image by up to ``pixels``, up or down and left or right; the size stays."""

    def __init__(self, pixels: int, border: str = "reflect") -> None:
        self.pixels, self.border = _checked(pixels, "pixels"), _checked_border(border)

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """The images, moved."""
        size = (images.shape[2], images.shape[3])
        return _cropped(images, size, self.pixels, self.border, rng)


class RandomRotation:
    """Turn each image about its centre by up to ``degrees``, either way (bilinear)."""

    def __init__(self, degrees: float, border: str = "reflect") -> None:
        if not 0 <= degrees <= 180:
            raise ArgumentError(_("degrees lie between 0 and 180, not {value}"), value=degrees)
        self.degrees, self.border = degrees, _checked_border(border)

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """The images, turned."""
        turns = np.radians(rng.uniform(-self.degrees, self.degrees, len(images))).tolist()
        # One image at a time stays in the cache: 5 times faster than all at once.
        return np.stack([self._turned(x, turn) for x, turn in zip(images, turns, strict=True)])

    def _turned(self, image: Array, turn: float) -> Array:
        """An image (C, H, W), turned by some radians."""
        channels, h, w = image.shape
        y, x = np.ogrid[: np.float32(h), : np.float32(w)]
        y, x = y - (h - 1) / 2, x - (w - 1) / 2
        cos, sin = math.cos(turn), math.sin(turn)
        # For each pixel, where it comes from.
        top, down = _split(cos * y + sin * x + (h - 1) / 2)
        left, right = _split(cos * x - sin * y + (w - 1) / 2)
        flat = image.reshape(channels, h * w)
        out = np.zeros(image.shape, np.result_type(image.dtype, np.float32))
        for row, by_row in ((top, 1 - down), (top + 1, down)):
            start = _inside(row, h, self.border) * w
            for col, by_col in ((left, 1 - right), (left + 1, right)):
                pixels = flat.take(start + _inside(col, w, self.border), 1)
                out += pixels * (by_row * by_col)
        return out if image.dtype.kind == "f" else np.rint(out).astype(image.dtype)


def _cropped(
    images: Array, size: tuple[int, int], padding: int, border: str, rng: np.random.Generator
) -> Array:
    n, channels, h, w = images.shape
    h, w = h + 2 * padding, w + 2 * padding
    if size[0] > h or size[1] > w:
        raise ShapeError(
            _("a window of {size} does not fit into images of {height}x{width} with padding"),
            size=size, height=h, width=w,
        )  # fmt: skip
    if border == "reflect" and padding >= min(images.shape[2:]):
        raise ShapeError(
            _("images of {shape} are too small to be mirrored over {n} pixels"),
            shape=images.shape[2:], n=padding,
        )  # fmt: skip
    width = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(images, width, mode=border) if padding else images  # type: ignore[call-overload]
    tops = rng.integers(0, h - size[0] + 1, n).tolist()
    lefts = rng.integers(0, w - size[1] + 1, n).tolist()
    out = np.empty((n, channels, *size), images.dtype)
    # One copy an image: 10 times faster than indexing all with arrays.
    for i, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        out[i] = padded[i, :, top : top + size[0], left : left + size[1]]
    return out


def _split(place: Array) -> tuple[Array, Array]:
    """Whole part and rest."""
    whole = np.floor(place)
    return whole.astype(np.intp), place - whole


def _inside(index: Array, n: int, border: str) -> Array:
    """Indices beyond the border as those of the pixels that stand for them."""
    if border == "reflect" and n > 1:
        index = np.abs((index + n - 1) % (2 * n - 2) - (n - 1))
    return np.clip(index, 0, n - 1)


def _checked(pixels: Any, name: str) -> int:
    if not isinstance(pixels, int | np.integer) or pixels < 0:
        raise ArgumentError(
            _("{argument} is a whole number of at least {least}, not {value}"),
            argument=name, least=0, value=pixels,
        )  # fmt: skip
    return int(pixels)


def _checked_border(border: str) -> str:
    if border not in BORDERS:
        raise ArgumentError(
            _("border is one of {known}, not {value!r}"), known=", ".join(BORDERS), value=border
        )
    return border
