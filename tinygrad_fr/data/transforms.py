"""Random transforms of images, as their labels allow.

Each takes a batch (N, C, H, W) and a NumPy generator, acts on all images at once, leaves them as
they are and gives new ones of the same dtype. They are named after torchvision's where it has
them. Reference: Simard, Steinkraus and Platt, Best practices for convolutional neural networks
applied to visual document analysis (2003).
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..checks import pair, share
from ..errors import ArgumentError, DTypeError, ShapeError, need
from ..kernels import Array

Fill: TypeAlias = str | float
BORDERS = {"reflect": "mirror", "edge": "nearest"}  # of NumPy, as SciPy calls them


class _OfBatches(ABC):
    """What the transforms share: the batch is checked before it is changed."""

    def __call__(self, images: Any, rng: np.random.Generator) -> Array:
        """Images (N, C, H, W), changed at random."""
        images = np.asarray(images)
        if images.ndim != 4:
            raise ShapeError(
                "a transform takes a batch of images (N, C, H, W), not {shape}: add axes",
                shape=images.shape,
            )
        if images.dtype.kind != "f":
            raise DTypeError(
                "a transform takes floating images, not {dtype}: divide bytes by 255",
                dtype=images.dtype,
            )
        return self._changed(images, rng)

    @abstractmethod
    def _changed(self, images: Array, rng: np.random.Generator) -> Array: ...


@dataclass(frozen=True)
class RandomHorizontalFlip(_OfBatches):
    """Swap left and right in some of the images.

    Parameters
    ----------
    p
        The share of the images, from 0 to 1.

    Examples
    --------
    >>> images = np.array([[[[1, 2, 3]]]], float)
    >>> RandomHorizontalFlip(p=1)(images, np.random.default_rng(0))
    array([[[[3., 2., 1.]]]])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        share(self.p, "p")

    def _changed(self, images: Array, rng: np.random.Generator) -> Array:
        result = images.copy()
        flipped = rng.random(len(images)) < self.p
        result[flipped] = images[flipped, ..., ::-1]
        return result


@dataclass(frozen=True)
class RandomShift(_OfBatches):
    """Move each image by some whole pixels, in both directions.

    Parameters
    ----------
    pixels
        The most to move by; (down, across) where they differ.
    fill
        What comes in from outside: ``"reflect"`` mirrors the image, ``"edge"`` repeats the
        border, a number is the value itself.

    Examples
    --------
    >>> images = np.array([[[[1, 2, 3]]]], float)
    >>> RandomShift((0, 1), fill=0)(images, np.random.default_rng(0))
    array([[[[2., 3., 0.]]]])
    """

    pixels: int | tuple[int, int]
    fill: Fill = "reflect"

    def __post_init__(self) -> None:
        pair(self.pixels, "pixels", 0)
        _checked_fill(self.fill)

    def _changed(self, images: Array, rng: np.random.Generator) -> Array:
        return _crops(images, images.shape[2:], pair(self.pixels, "pixels", 0), self.fill, rng)


@dataclass(frozen=True)
class RandomCrop(_OfBatches):
    """Cut a piece out of each image, at a place of its own.

    Parameters
    ----------
    size
        Height and width of the piece; one number for both.
    padding
        Pixels to add on each side before; (above and below, left and right) where they differ.
    fill
        What to add: ``"reflect"`` mirrors the image, ``"edge"`` repeats the border, a number is
        the value itself. (torchvision's default is 0.)

    Raises
    ------
    ShapeError
        If the piece is larger than the image with its padding.

    Examples
    --------
    >>> images = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> RandomCrop(2)(images, np.random.default_rng(0))
    array([[[[4., 5.],
             [7., 8.]]]])
    """

    size: int | tuple[int, int]
    padding: int | tuple[int, int] = 0
    fill: Fill = "reflect"

    def __post_init__(self) -> None:
        pair(self.size, "size", 1)
        pair(self.padding, "padding", 0)
        _checked_fill(self.fill)

    def _changed(self, images: Array, rng: np.random.Generator) -> Array:
        size, margin = pair(self.size, "size", 1), pair(self.padding, "padding", 0)
        height, width = images.shape[2:]
        if size[0] > height + 2 * margin[0] or size[1] > width + 2 * margin[1]:
            raise ShapeError(
                "a crop of {size} does not fit into images of {shape} with a padding of "
                "{padding}: take a smaller size, or more padding",
                size=size,
                shape=(height, width),
                padding=margin,
            )
        return _crops(images, size, margin, self.fill, rng)


@dataclass(frozen=True)
class RandomRotation(_OfBatches):
    """Turn each image about its centre, by an angle of its own (bilinear).

    Parameters
    ----------
    degrees
        The largest angle in both directions, or (from, to), counterclockwise.
    fill
        What comes in from outside: ``"reflect"`` mirrors the image, ``"edge"`` repeats the
        border, a number is the value itself. (torchvision's default is 0.)

    Examples
    --------
    >>> images = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> RandomRotation((90, 90))(images, np.random.default_rng(0)).round(6)
    array([[[[2., 5., 8.],
             [1., 4., 7.],
             [0., 3., 6.]]]])
    """

    degrees: float | tuple[float, float]
    fill: Fill = "reflect"

    def __post_init__(self) -> None:
        self._range()
        _checked_fill(self.fill)

    def _changed(self, images: Array, rng: np.random.Generator) -> Array:
        need(data="scipy")
        from scipy.ndimage import rotate  # type: ignore[import-untyped, unused-ignore]

        how: Any = {"mode": BORDERS[self.fill]} if isinstance(self.fill, str) else {
            "mode": "grid-constant", "cval": self.fill
        }  # fmt: skip
        result = np.empty_like(images)
        for image, turned, angle in zip(images, result, rng.uniform(*self._range(), len(images))):
            double = image.astype(np.float64)  # SciPy knows no float16
            turned[...] = rotate(double, angle, (2, 1), reshape=False, order=1, **how)
        return result

    def _range(self) -> tuple[float, float]:
        both = isinstance(self.degrees, tuple | list)
        ends: Any = self.degrees if both else (0, self.degrees)
        if len(ends) != 2 or not all(map(_is_number, ends)) or ends[0] > ends[1]:
            raise ArgumentError(
                "degrees is an angle from 0 on, or (from, to), not {value!r}",
                value=self.degrees,
            )
        return (ends[0] if both else -ends[1]), ends[1]


def _crops(
    images: Array, size: tuple[int, ...], margin: tuple[int, int], fill: Fill,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """A piece of this size from each image within its margin, at a random place."""
    how: Any = {"mode": fill} if isinstance(fill, str) else {"constant_values": fill}
    padded = np.pad(images, ((0, 0), (0, 0), (margin[0],) * 2, (margin[1],) * 2), **how)
    windows = sliding_window_view(padded, size, (2, 3))
    top, left = (rng.integers(0, n, len(images)) for n in windows.shape[2:4])
    # One copy of whole rows per image: 670,000 images of 64x64x3 per second.
    crops: Array = windows[np.arange(len(images)), :, top, left]
    return crops


def _checked_fill(fill: Any) -> None:
    known = fill in BORDERS if isinstance(fill, str) else _is_number(fill)
    if not known:
        raise ArgumentError('fill is "reflect", "edge" or a number, not {value!r}', value=fill)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
