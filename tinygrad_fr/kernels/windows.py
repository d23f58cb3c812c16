"""Sliding windows over images, and their adjoint: folding windows back into an image.

Images are (N, C, H, W); windows are (N, C, kh, kw, OH, OW): the pixel (i, j) of every window, as
an image of its own (a *tap*). The pixels of one window lie ``dilation`` apart, windows ``stride``.
"""

from __future__ import annotations

import functools

import numpy as np

from . import Array

Pair = tuple[int, int]


def output_size(
    size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)
) -> Pair:
    """How many windows fit, vertically and horizontally; less than one if none does."""
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1


def pad(x: Array, padding: Pair, value: float = 0.0) -> Array:
    """The images with a border of ``value``."""
    ph, pw = padding
    if not ph and not pw:
        return x
    n, c, h, w = x.shape
    out = np.full((n, c, h + 2 * ph, w + 2 * pw), value, x.dtype)
    out[:, :, ph : ph + h, pw : pw + w] = x
    return out


def windows(x: Array, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """A view (N, C, kh, kw, OH, OW) of all windows of padded images."""
    x = np.ascontiguousarray(x)
    n, c, h, w = x.shape
    oh, ow = output_size((h, w), kernel, stride, (0, 0), dilation)
    a, b, s, t = x.strides
    (sh, sw), (dh, dw) = stride, dilation
    # ndarray() makes a view in 0.7 us, as_strided in 2.
    return np.ndarray(
        (n, c, *kernel, oh, ow), x.dtype, x, 0, (a, b, s * dh, t * dw, s * sh, t * sw)
    )


@functools.lru_cache(maxsize=64)
def taps(
    kernel: Pair, stride: Pair, out: Pair, dilation: Pair = (1, 1)
) -> tuple[tuple[slice, slice], ...]:
    """For each position in the window, the slices of the image that it covers.

    Remembered: as long to form as to use them on one small image (2 us of 15 for 2x2 pooling).
    """
    (kh, kw), (sh, sw), (oh, ow), (dh, dw) = kernel, stride, out, dilation
    return tuple(
        (slice(i, i + sh * oh, sh), slice(j, j + sw * ow, sw))
        for i in range(0, dh * kh, dh)
        for j in range(0, dw * kw, dw)
    )


def fold(columns: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)) -> Array:
    """Add windows (N, C, kh, kw, OH, OW) into images (N, C, H, W): the adjoint of ``windows``."""
    n, c, kh, kw, oh, ow = columns.shape
    (h, w), (ph, pw) = size, padding
    image = np.zeros((n, c, h + 2 * ph, w + 2 * pw), columns.dtype)
    for tap, (rows, cols) in enumerate(taps((kh, kw), stride, (oh, ow), dilation)):
        image[:, :, rows, cols] += columns[:, :, tap // kw, tap % kw]
    return image[:, :, ph : ph + h, pw : pw + w]
