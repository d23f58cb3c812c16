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
from . import uninterrupted

# Sums in any order, so that they are vectorised; NaN and infinities are kept.
_REORDERED = {"reassoc", "contract", "arcp", "nsz"}


def _compiled(**options: Any) -> Callable[[Any], Any]:
    """Compile at the first call for each dtype, and keep the machine code where that is possible.

    A division by zero gives infinity or NaN, as in NumPy. Other Python threads go on meanwhile.
    """

    def decorate(function: Any) -> Any:
        jit = functools.partial(numba.njit, nogil=True, error_model="numpy", **options)
        try:
            kernel = jit(cache=True)(function)
        except RuntimeError:  # no folder to keep it in
            kernel = jit()(function)
        kernel.compile = uninterrupted()(kernel.compile)
        return kernel

    return decorate


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
) -> tuple[Array, Array, Array]:
    """Rows (N, n) normalised, the centred rows, and 1 over their deviations (N, 1)."""
    x = np.ascontiguousarray(x)
    y, d, scale = np.empty_like(x), np.empty_like(x), np.empty((len(x), 1), x.dtype)
    _layer_norm(x, _vector(weight, x, 1), _vector(bias, x, 0), x.dtype.type(eps), y, d, scale)
    return y, d, scale


def _vector(v: Array | None, x: Array, default: float) -> Array:
    """A number for each column of ``x``."""
    return np.full(x.shape[1], default, x.dtype) if v is None else np.ascontiguousarray(v)


@_compiled(fastmath=_REORDERED)
def _layer_norm(
    x: Array, weight: Array, bias: Array, eps: float, y: Array, d: Array, scale: Array
) -> None:
    rows, n = x.shape
    number = x.dtype.type
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
        for j in range(n):
            y[i, j] = d[i, j] * (s * weight[j]) + bias[j]


def layer_norm_input(g: Array, d: Array, scale: Array, weight: Array | None) -> Array:
    """The gradient for the rows."""
    out = np.empty_like(d)
    _layer_norm_input(np.ascontiguousarray(g), d, scale, _vector(weight, g, 1), out)
    return out


@_compiled(fastmath=_REORDERED)
def _layer_norm_input(g: Array, d: Array, scale: Array, weight: Array, out: Array) -> None:
    rows, n = g.shape
    number = g.dtype.type
    for i in range(rows):
        total, moment = number(0), number(0)
        for j in range(n):
            h = g[i, j] * weight[j]
            total += h
            moment += h * d[i, j]
        s = scale[i, 0]
        total /= number(n)
        moment = moment * s / number(n) * s
        for j in range(n):
            out[i, j] = s * (g[i, j] * weight[j] - total - d[i, j] * moment)


def layer_norm_weight(g: Array, d: Array, scale: Array) -> Array:
    """The gradient for the weights."""
    out = np.zeros(g.shape[1], g.dtype)
    _layer_norm_weight(np.ascontiguousarray(g), d, scale, out)
    return out


@_compiled(fastmath=_REORDERED)
def _layer_norm_weight(g: Array, d: Array, scale: Array, out: Array) -> None:
    for i in range(g.shape[0]):
        s = scale[i, 0]
        for j in range(g.shape[1]):
            out[j] += g[i, j] * d[i, j] * s


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


@_compiled()
def sgd(
    p: Array, g: Array, v: Array, moving: bool, rate: float, momentum: float, fresh: float,
    decay: float, nesterov: bool,
) -> None:  # fmt: skip
    """``updates.sgd`` of vectors; ``v`` is read if ``moving``."""
    number = p.dtype.type
    lr, keep, share, penalty = number(rate), number(momentum), number(fresh), number(decay)
    for i in range(len(p)):
        d = g[i] + penalty * p[i] if decay else g[i]
        if moving:
            v[i] = v[i] * keep + d * share
            d = d + keep * v[i] if nesterov else v[i]
        p[i] -= lr * d


@_compiled()
def adam(
    p: Array, g: Array, mean: Array, square: Array, rate: float, beta1: float, beta2: float,
    rest1: float, rest2: float, eps: float, shrink: float, decay: float,
) -> None:  # fmt: skip
    """``updates.adam`` of vectors."""
    number = p.dtype.type
    lr, small, less, penalty = number(rate), number(eps), number(shrink), number(decay)
    keep1, keep2, new1, new2 = number(beta1), number(beta2), number(rest1), number(rest2)
    for i in range(len(p)):
        x = p[i] * less
        d = g[i] + penalty * x if decay else g[i]
        m = mean[i] * keep1 + d * new1
        s = square[i] * keep2 + d * new2 * d
        mean[i], square[i] = m, s
        p[i] = x - m / (np.sqrt(s) + small) * lr
