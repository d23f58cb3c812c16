"""Kernels compiled by numba: loops that NumPy would need many passes for.

Imported only through ``fast.kernels()``. Each computes what a plain function in the file that calls
it computes; the tests compare them. Loops are written so that LLVM turns them into vector
instructions: no branches, and writes at fixed steps.
"""

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from .. import Array
from .compiling import REORDERED as _REORDERED
from .compiling import compiled as _compiled
from .loops import adam, sgd
from .threads import by_images

__all__ = ["adam", "sgd"]  # beside all that is defined here


@_compiled()
def max_pool(x: Array, y: Array, place: Array) -> None:
    """Maxima of 2x2 windows of images (M, H, W) without NaN, and their places 0 to 3 in the window.

    In row-major order: a later pixel wins only if it is greater.
    """
    m, oh, ow = y.shape
    for image in range(m):
        for i in range(oh):
            for j in range(ow):
                a, b = x[image, 2 * i, 2 * j], x[image, 2 * i, 2 * j + 1]
                c, d = x[image, 2 * i + 1, 2 * j], x[image, 2 * i + 1, 2 * j + 1]
                above, below = b > a, d > c
                top, bottom = b if above else a, d if below else c
                low = bottom > top
                y[image, i, j] = bottom if low else top
                place[image, i, j] = 2 + below if low else above


@_compiled()
def max_pool_input(g: Array, place: Array, x: Array) -> None:
    """Each value of ``g`` at its place in images (M, H, W), zeros elsewhere."""
    m, oh, ow = g.shape
    zero = g.dtype.type(0)
    x[:, 2 * oh :] = zero
    x[:, :, 2 * ow :] = zero
    for image in range(m):
        for i in range(oh):
            for j in range(ow):
                at, value = place[image, i, j], g[image, i, j]
                x[image, 2 * i, 2 * j] = value if at == 0 else zero
                x[image, 2 * i, 2 * j + 1] = value if at == 1 else zero
            for j in range(ow):
                at, value = place[image, i, j], g[image, i, j]
                x[image, 2 * i + 1, 2 * j] = value if at == 2 else zero
                x[image, 2 * i + 1, 2 * j + 1] = value if at == 3 else zero


def layer_norm(
    x: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array] | None:
    """Rows (N, n) normalised, the centred rows, and 1 over their deviations (N, 1).

    Nothing where one of these is no number above 0.
    """
    x = np.ascontiguousarray(x)
    y, d, scale = np.empty_like(x), np.empty_like(x), np.empty((len(x), 1), x.dtype)
    w, b, small = _vector(weight, x, 1), _vector(bias, x, 0), x.dtype.type(eps)

    def work(part: slice) -> Any:
        return _layer_norm(x[part], w, b, small, y[part], d[part], scale[part])

    return None if any(by_images(work, x)) else (y, d, scale)


def _vector(v: Array | None, x: Array, default: float) -> Array:
    """A number for each column of ``x``."""
    return np.full(x.shape[1], default, x.dtype) if v is None else np.ascontiguousarray(v)


@_compiled(fastmath=_REORDERED)
def _layer_norm(
    x: Array, weight: Array, bias: Array, eps: float, y: Array, d: Array, scale: Array
) -> int:
    rows, n = x.shape
    number, failed = x.dtype.type, 0
    for i in range(rows):
        total = 0.0  # in float64: of a large mean no digit may be lost
        for j in range(n):
            total += x[i, j]
        mean, squares = number(total / n), number(0)
        for j in range(n):
            d[i, j] = x[i, j] - mean
            squares += d[i, j] * d[i, j]
        s = number(1) / np.sqrt(squares / number(n) + number(eps))
        scale[i, 0] = s
        failed += not 0 < s < np.inf
        for j in range(n):
            y[i, j] = d[i, j] * (s * weight[j]) + bias[j]
    return failed


def layer_norm_gradients(
    g: Array, d: Array, scale: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """The gradients for the rows, for the weights and for the biases."""
    g, out = np.ascontiguousarray(g), np.empty_like(d)
    w = _vector(weight, g, 1)

    def work(part: slice) -> Array:
        sums = np.zeros((2, g.shape[1]), g.dtype)
        _layer_norm_gradients(g[part], d[part], scale[part], w, out[part], sums)
        return sums

    to_weight, to_bias = functools.reduce(np.add, by_images(work, g))
    return out, to_weight, to_bias


@_compiled(fastmath=_REORDERED)
def _layer_norm_gradients(
    g: Array, d: Array, scale: Array, weight: Array, out: Array, sums: Array
) -> None:
    rows, n = g.shape
    number = g.dtype.type
    to_weight, to_bias = sums[0], sums[1]
    for i in range(rows):
        total, moment, s = number(0), number(0), scale[i, 0]
        gs, ds, to_x = g[i], d[i], out[i]
        for j in range(n):
            h = gs[j] * weight[j]
            total += h
            moment += h * ds[j]
            to_weight[j] += gs[j] * ds[j] * s
            to_bias[j] += gs[j]
        total /= number(n)
        moment = moment * s / number(n) * s
        for j in range(n):
            to_x[j] = s * (gs[j] * weight[j] - total - ds[j] * moment)


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel of (N, C, L), both (C,) in float64."""

    def work(part: slice) -> Array:
        found = np.zeros((3, x.shape[1]))
        _moments(x[part], found)
        return found

    first, *others = by_images(work, x)
    for other in others:
        _merged(first, *other)
    return first[1], first[2] / first[0]


def _merged(found: Array, n: Array, mean: Array, squares: Array) -> None:
    """Counts, means and sums of squares of two samples together (Chan et al., 1979)."""
    both = found[0] + n
    apart = mean - found[1]
    found[2] += squares + apart * apart * (found[0] * n / both)
    found[1] += apart * (n / both)
    found[0] = both


@_compiled(fastmath=_REORDERED)
def _moments(x: Array, found: Array) -> None:
    """Count, mean and sum of squares about it, row by row: in float64 from row to row."""
    n, channels, length = x.shape
    for i in range(n):
        for c in range(channels):
            total = 0.0
            for j in range(length):
                total += x[i, c, j]
            mean, squares = total / length, 0.0
            for j in range(length):
                squares += (x[i, c, j] - mean) * (x[i, c, j] - mean)
            apart = mean - found[1, c]
            seen = found[0, c]
            both = seen + length
            found[2, c] += squares + apart * apart * (seen * length / both)
            found[1, c] += apart * (length / both)
            found[0, c] = both


def sums(g: Array, x: Array, mean: Array) -> Array:
    """The sums of ``g`` and of ``g (x - mean)`` over each channel of (N, C, L): (2, C)."""

    def work(part: slice) -> Array:
        found = np.zeros((2, x.shape[1]))
        _sums(g[part], x[part], mean, found)
        return found

    return np.asarray(functools.reduce(np.add, by_images(work, x)))


@_compiled(fastmath=_REORDERED)
def _sums(g: Array, x: Array, mean: Array, found: Array) -> None:
    n, channels, length = x.shape
    for i in range(n):
        for c in range(channels):
            first, second, m = 0.0, 0.0, mean[c]
            for j in range(length):
                first += g[i, c, j]
                second += g[i, c, j] * (x[i, c, j] - m)
            found[0, c] += first
            found[1, c] += second


@_compiled()
def combine(g: Array, x: Array, a: Array, b: Array, c: Array, y: Array) -> None:
    """``a g + b x + c`` per channel of (N, C, L); without ``x`` where ``b`` is empty."""
    n, channels, length = g.shape
    for i in range(n):
        for k in range(channels):
            if len(b):
                for j in range(length):
                    y[i, k, j] = a[k] * g[i, k, j] + (b[k] * x[i, k, j] + c[k])
            else:
                for j in range(length):
                    y[i, k, j] = a[k] * g[i, k, j] + c[k]


@numba.njit(inline="always", error_model="numpy")  # type: ignore[untyped-decorator]
def _exp(x: Any) -> Any:
    """``exp(x)`` for ``x <= 0`` in float32, 0 below 1e-38: without branches, so that it vectorises.

    The logarithm of 2 is split so that no digit is lost, and the rest of the power is a polynomial:
    Cephes' (S. L. Moshier, 1989). At most 0.7 units in the last place off.
    """
    number = np.float32
    y = max(x, number(-87))
    n = np.rint(y * number(1.44269504))
    r = y - n * number(0.693359375) - n * number(-2.12194440e-4)
    p = number(1.9875691500e-4)
    p = p * r + number(1.3981999507e-3)
    p = p * r + number(8.3334519073e-3)
    p = p * r + number(4.1665795894e-2)
    p = p * r + number(1.6666665459e-1)
    p = p * r + number(5.0000001201e-1)
    p = p * r * r + r + number(1)
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * power if x >= number(-87) else (number(0) if x < number(-87) else x)


@_compiled(fastmath=_REORDERED)
def exponentials(z: Array, top: float, e: Array, sums: Array) -> None:
    """``exp(z - top)`` of rows (N, C) in float32, and their sums (N, 1).

    ``top`` is the largest of all; a row that it would lose has its own.
    """
    n, classes = z.shape
    for i in range(n):
        total, row, out = np.float32(0), z[i], e[i]
        for k in range(classes):
            out[k] = _exp(row[k] - top)
            total += out[k]
        if not total >= np.float32(1e-2):
            most = row[0]
            for k in range(1, classes):
                most = max(most, row[k])
            total = np.float32(0)
            for k in range(classes):
                out[k] = _exp(row[k] - most)
                total += out[k]
        sums[i, 0] = total


def cross_entropy(z: Array, labels: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Losses (N,) of logits (N, C), and the closure of their gradient: 10 us to 2."""
    loss, sums = np.empty(len(z), z.dtype), np.empty((len(z), 1), z.dtype)
    e = np.empty(z.shape, z.dtype)
    _cross_entropy(np.ascontiguousarray(z), labels, loss, e, sums)

    def to_z(upstream: Array) -> Array:
        d = np.empty(e.shape, e.dtype)
        _cross_entropy_logits(upstream.reshape(-1), labels, e, sums, d)
        return d

    return loss, to_z


@_compiled()
def _cross_entropy(z: Array, labels: Array, loss: Array, e: Array, sums: Array) -> None:
    n, classes = z.shape
    for i in range(n):
        top = z[i, 0]
        for k in range(1, classes):
            if z[i, k] > top or z[i, k] != z[i, k]:
                top = z[i, k]
        total = z.dtype.type(0)
        for k in range(classes):
            e[i, k] = np.exp(z[i, k] - top)
            total += e[i, k]
        sums[i, 0] = total
        loss[i] = np.log(total) - (z[i, labels[i]] - top)


@_compiled()
def _cross_entropy_logits(upstream: Array, labels: Array, e: Array, sums: Array, d: Array) -> None:
    """The gradient for the logits, from the upstream gradient (N,) or (1,) for all."""
    n, classes = e.shape
    for i in range(n):
        u = upstream[i % len(upstream)]
        for k in range(classes):
            d[i, k] = e[i, k] * (u / sums[i, 0])
        d[i, labels[i]] -= u


@_compiled(fastmath=_REORDERED)
def conv(x: Array, w: Array, bias: Array, y: Array) -> None:
    """Images of one channel (N, H, W) by 3x3 filters (F, 3, 3) and a bias to (N, F, OH, OW)."""
    n, f, oh, ow = y.shape
    for image in range(n):
        for k in range(f):
            a, b, c = w[k, 0, 0], w[k, 0, 1], w[k, 0, 2]
            d, e, m = w[k, 1, 0], w[k, 1, 1], w[k, 1, 2]
            p, q, r = w[k, 2, 0], w[k, 2, 1], w[k, 2, 2]
            for i in range(oh):
                s, t, u, out = x[image, i], x[image, i + 1], x[image, i + 2], y[image, k, i]
                for j in range(ow):
                    first = a * s[j] + b * s[j + 1] + c * s[j + 2]
                    second = d * t[j] + e * t[j + 1] + m * t[j + 2]
                    third = p * u[j] + q * u[j + 1] + r * u[j + 2]
                    out[j] = bias[k] + (first + second + third)


@_compiled(fastmath=_REORDERED)
def conv_weight(x: Array, g: Array, w: Array) -> None:
    """The gradient for such filters, added to ``w``."""
    n, f, oh, ow = g.shape
    for image in range(n):
        for k in range(f):
            a = b = c = d = e = m = p = q = r = g.dtype.type(0)
            for i in range(oh):
                s, t, u, v = x[image, i], x[image, i + 1], x[image, i + 2], g[image, k, i]
                for j in range(ow):
                    a += v[j] * s[j]
                    b += v[j] * s[j + 1]
                    c += v[j] * s[j + 2]
                    d += v[j] * t[j]
                    e += v[j] * t[j + 1]
                    m += v[j] * t[j + 2]
                    p += v[j] * u[j]
                    q += v[j] * u[j + 1]
                    r += v[j] * u[j + 2]
            w[k, 0, 0] += a
            w[k, 0, 1] += b
            w[k, 0, 2] += c
            w[k, 1, 0] += d
            w[k, 1, 1] += e
            w[k, 1, 2] += m
            w[k, 2, 0] += p
            w[k, 2, 1] += q
            w[k, 2, 2] += r
