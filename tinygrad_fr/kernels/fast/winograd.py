"""Convolution by 3x3 filters in a quarter of the multiplications (Winograd's algorithm).

Polynomials are multiplied by evaluating them at enough points, multiplying the values, and
interpolating. A convolution is a product of polynomials and a correlation its transpose, so with
the small matrices of ``_maps`` four neighbouring outputs of a filter w with three taps are, from
the six inputs d that they need, ``A.T @ ((G @ w) * (B @ d))``: 6 multiplications in place of 12.
In two dimensions each matrix acts on rows and on columns, and a *tile* of 4x4 outputs takes 36
multiplications in place of 144. The sum over channels stands between the products and ``A.T``: 36
matrix products of (tiles, C) by (C, F). Read from the other side, as the formula is linear in w,
it gives the gradient for the filters.

Measured on the last three convolutions of ``small_vgg`` at batch 64 with their gradients, one
thread: 0.5 times as long as by columns.

References
----------
A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4.
"""

import functools
import itertools
from collections.abc import Sequence

import numpy as np

from .. import Array
from ..windows import Pair
from .memory import prepare
from .threads import parts, share

_OUT, _IN = 4, 6  # a tile: 4x4 outputs from 6x6 inputs
# One point less than inputs: the last is infinity. Rounding is 4 times less than at 0, 1, -1, 2,
# -2, with 64 channels 1.5e-6 of the largest output in float32 (a sum of products: 2e-7).
_POINTS = (0, 3 / 2, -3 / 2, 2 / 3, -2 / 3)
# Numbers in the tiles of one piece: they stay in the L2 cache. Two threads of ours take 0.6 times
# as long as one, BLAS's own two 1.1 times, and on a busy machine 10 to 600 times, as they wait for
# each other after every product.
_PIECE = 2**18
_SUMS = 4  # of the filters' gradient, side by side

# Its number, which images, which rows of tiles, and how many: (images, vertical, horizontal).
Piece = tuple[int, slice, slice, tuple[int, int, int]]
# The transformed tiles of each piece, by its number.
Tiles = dict[int, Array]


def suits(x: Array, filters: tuple[int, ...], padding: Pair) -> bool:
    """Whether images (N, C, H, W) and filters (F, C, kh, kw) are convolved faster so.

    Fewer channels, filters or tiles make thin matrices, which are slower than those of columns.
    """
    n, _, h, w = x.shape
    return (
        filters[2:] == (3, 3)
        and max(padding) <= 2
        and min(filters[:2]) >= 12
        and n * h * w >= 1024
        and x.dtype.char in "fd"
    )


def conv(
    x: Array, w: Array, padding: Pair, bias: Array | None = None, keep: Tiles | None = None
) -> Array:
    """Images (N, C, H, W), filters (F, C, 3, 3) and a bias (F,) to (N, F, OH, OW).

    What ``keep`` is given, ``conv_weight`` need not compute again.
    """
    prepare()
    a, g, b = _maps(x.dtype)
    n, c, height, width = x.shape
    f, oh, ow = len(w), height + 2 * padding[0] - 2, width + 2 * padding[1] - 2
    filters = _both(g, w.transpose(2, 3, 1, 0)).reshape(_IN * _IN, c, f)
    y = np.empty((n, f, oh, ow), x.dtype)

    def work(piece: Piece) -> None:
        number, images, rows, grid = piece
        tiles = _both(b, _tiles(x, images, rows, padding, _IN, grid))
        if keep is not None:
            keep[number] = tiles
        sums = np.matmul(tiles.reshape(_IN * _IN, -1, c), filters)
        out = _both(a.T, sums.reshape(_IN, _IN, *grid, f))
        # Joined into images while channels are last, in long runs, and only then transposed.
        k, th, tw = grid
        part = out.transpose(2, 3, 0, 4, 1, 5).reshape(k, _OUT * th, _OUT * tw, f)
        target = y[images, :, _OUT * rows.start : _OUT * rows.stop]
        part = part[:, : target.shape[2], :ow].transpose(0, 3, 1, 2)
        np.add(part, 0 if bias is None else bias[:, None, None], out=target)

    share(work, _pieces(n, oh, ow, max(c, f)))
    return y


def conv_weight(x: Array, g: Array, padding: Pair, kept: Tiles | None = None) -> Array:
    """The gradient for the filters (F, C, 3, 3), from the upstream gradient (N, F, OH, OW).

    What was ``kept`` is let go: a second pass computes it again.
    """
    prepare()
    a, to_filter, b = _maps(x.dtype)
    (n, f, oh, ow), c = g.shape, x.shape[1]

    def work(pieces: Sequence[Piece]) -> Array:
        sums = np.zeros((_IN * _IN, c, f), x.dtype)
        for number, images, rows, grid in pieces:
            tiles = None if kept is None else kept.pop(number, None)
            if tiles is None:
                tiles = _both(b, _tiles(x, images, rows, padding, _IN, grid))
            upstream = _both(a, _tiles(g, images, rows, (0, 0), _OUT, grid))
            sums += np.matmul(
                tiles.reshape(_IN * _IN, -1, c).swapaxes(1, 2),
                upstream.reshape(_IN * _IN, -1, f),
            )
        return sums

    pieces = _pieces(n, oh, ow, max(c, f))
    first, *others = share(work, [pieces[part] for part in parts(len(pieces), _SUMS)])
    for other in others:
        first += other
    sums = _both(to_filter.T, first.reshape(_IN, _IN, c, f))
    return np.ascontiguousarray(sums.transpose(3, 2, 0, 1))


def conv_input(g: Array, w: Array, padding: Pair) -> Array:
    """The gradient for the images: the upstream gradient, convolved with the filters turned."""
    turned = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    return conv(g, turned, (2 - padding[0], 2 - padding[1]))


@functools.cache
def _maps(dtype: np.dtype[np.floating]) -> tuple[Array, Array, Array]:
    """A (6, 4), G (6, 3) and B (6, 6).

    A polynomial of k coefficients is evaluated at the points, and at infinity (its last
    coefficient), by ``values(k)``; the product of two has six, found again by ``inv(values(6))``.
    """

    def values(k: int) -> Array:
        return np.vstack([np.vander(_POINTS, k, increasing=True), np.eye(k)[-1]])

    a, g, b = values(_OUT), values(_IN - _OUT + 1), np.linalg.inv(values(_IN)).T
    return a.astype(dtype), g.astype(dtype), b.astype(dtype)


def _both(m: Array, x: Array) -> Array:
    """The matrix on the first axis and on the second: ``m @ x @ m.T`` for each of the others.

    As two stacks of products with long rows: 1.5 times faster than one with ``kron(m, m)``.
    """
    p, q = m.shape
    once = np.matmul(m, x.reshape(q, q, -1).swapaxes(0, 1))
    return np.asarray(np.matmul(m, once.swapaxes(0, 1)).reshape(p, p, *x.shape[2:]))


def _pieces(n: int, oh: int, ow: int, depth: int) -> list[Piece]:
    """Many images at a time, or some rows of tiles of one."""
    th, tw = -(-oh // _OUT), -(-ow // _OUT)
    rows = max(1, _PIECE // (_IN * _IN * depth * tw))
    step = max(1, rows // th)
    rows = -(-th // -(-th // rows))  # 4 and 4 of 8 rather than 7 and 1: threads get equal shares
    starts = itertools.product(range(0, n, step), range(0, th, rows))
    return [
        (number, slice(i, i + k), slice(j, j + r), (k, r, tw))
        for number, (i, j) in enumerate(starts)
        for k, r in [(min(step, n - i), min(rows, th - j))]
    ]


def _tiles(
    x: Array, images: slice, rows: slice, padding: Pair, size: int, grid: tuple[int, int, int]
) -> Array:
    """Tiles (size, size, *grid, C), four pixels apart, with zeros beyond the images' borders."""
    c, h, w = x.shape[1:]
    top, left = _OUT * rows.start - padding[0], padding[1]
    # As for tiles of 6, whatever the size: a multiple of 4 may be a power of 2, and then the same
    # pixel of all channels falls into the same lines of the cache (3.4 ms instead of 1.3).
    height, width = (_OUT * (tiles - 1) + _IN for tiles in grid[1:])
    part = x[images, :, max(top, 0) : min(top + height, h)]
    padded = np.zeros((grid[0], c, height, width), x.dtype)
    padded[:, :, max(-top, 0) : max(-top, 0) + part.shape[2], left : left + w] = part
    a, s, t, u = padded.strides
    view = np.ndarray((size, size, *grid, c), x.dtype, padded, 0, (t, u, a, _OUT * t, _OUT * u, s))
    return view.copy()
