"""Sliding windows over images, and their adjoint: folding windows back into an image.

Images are (N, C, H, W); windows are (N, C, kh, kw, OH, OW): the pixel (i, j) of every window, as
an image of its own (a *tap*). The pixels of one window lie ``dilation`` apart, windows ``stride``.
"""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import Array, filled

Pair = tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """How windows are cut out of images of a ``size``: what an adjoint needs to know."""

    size: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    out: Pair  # how many windows there are; less than one if none fits
    padded: Pair  # the size with the padding, and with what the last windows reach beyond it


class Windows(NamedTuple):
    """Images whose windows are not written down, and how they are cut out of them."""

    x: Array
    stride: Pair
    padding: Pair
    dilation: Pair
    tiles: Any = None  # what a quick kernel keeps for its gradients


@functools.lru_cache(maxsize=64)
def cut(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1),
    ceil: bool = False,
) -> Cut:  # fmt: skip
    """All windows in the padded images.

    With ``ceil`` also those that end beyond, if they begin in the image or the padding before it.
    """
    axes = zip(size, kernel, stride, padding, dilation, strict=True)
    out, padded = zip(*[_along(*axis, ceil) for axis in axes], strict=True)
    return Cut(size, kernel, stride, padding, dilation, out, padded)


def _along(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> Pair:
    reach = d * (k - 1) + 1
    out = (n + 2 * p - reach) // s + 1
    if ceil:
        out = min(-((reach - n - 2 * p) // s) + 1, -(-(n + p) // s))
    return out, max(n + 2 * p, (out - 1) * s + reach)


def pad(x: Array, padding: Pair, value: Any = 0, size: Pair | None = None) -> Array:
    """The images with a border of ``value``; of ``size`` with more below and on the right."""
    ph, pw = padding
    n, c, h, w = x.shape
    size = (h + 2 * ph, w + 2 * pw) if size is None else size
    if size == (h, w):
        return x
    out = filled((n, c, *size), value, x)
    out[:, :, ph : ph + h, pw : pw + w] = x
    return out


def windows(x: Array, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """A view (N, C, kh, kw, OH, OW) of all windows of padded images."""
    x = np.ascontiguousarray(x)
    n, c, h, w = x.shape
    oh, ow = cut((h, w), kernel, stride, (0, 0), dilation).out
    a, b, s, t = x.strides
    (sh, sw), (dh, dw) = stride, dilation
    # ndarray() makes a view in 0.7 us, as_strided in 2.
    return np.ndarray(
        (n, c, *kernel, oh, ow), x.dtype, x, 0, (a, b, s * dh, t * dw, s * sh, t * sw)
    )


@functools.lru_cache(maxsize=64)
def taps(cut: Cut) -> tuple[tuple[slice, slice], ...]:
    """For each position in the window, the slices of the padded image that it covers.

    Remembered: as long to form as to use them on one small image (2 us of 15 for 2x2 pooling).
    """
    (kh, kw), (sh, sw), (oh, ow), (dh, dw) = cut.kernel, cut.stride, cut.out, cut.dilation
    return tuple(
        (slice(i, i + sh * oh, sh), slice(j, j + sw * ow, sw))
        for i in range(0, dh * kh, dh)
        for j in range(0, dw * kw, dw)
    )


def fold(columns: Array, cut: Cut) -> Array:
    """Add windows (N, C, kh, kw, OH, OW) into images (N, C, H, W): the adjoint of ``windows``."""
    image = np.zeros((*columns.shape[:2], *cut.padded), columns.dtype, like=columns)
    for tap, (rows, cols) in enumerate(taps(cut)):
        image[:, :, rows, cols] += columns[:, :, tap // cut.kernel[1], tap % cut.kernel[1]]
    return inside(image, cut)


def inside(image: Array, cut: Cut) -> Array:
    """The images without their borders."""
    if cut.size == cut.padded:
        return image
    (h, w), (top, left) = cut.size, cut.padding
    return image[:, :, top : top + h, left : left + w]
