"""Exponentials that neither overflow nor lose their last digits."""

from __future__ import annotations

import numpy as np

from . import Array


def floating(z: Array) -> Array:
    """Integers and booleans as float64: unsigned ones would wrap around."""
    return z if z.dtype.kind == "f" else z.astype(np.float64)


def softmax(z: Array, axis: int) -> Array:
    """``exp(z) / sum(exp(z))``."""
    z = floating(z)
    e = np.asarray(z - z.max(axis, keepdims=True, initial=-np.inf))
    np.exp(e, out=e)
    e /= e.sum(axis, keepdims=True)
    return np.asarray(e)


def log_softmax(z: Array, axis: int) -> Array:
    """``z - log(sum(exp(z)))``."""
    z = floating(z)
    d = np.asarray(z - z.max(axis, keepdims=True, initial=-np.inf))
    d -= np.log(np.exp(d).sum(axis, keepdims=True))
    return np.asarray(d)


def logsumexp(z: Array, axis: int | tuple[int, ...] | None) -> Array:
    """``log(sum(exp(z)))`` with the axes kept; infinities are what they are in the limit."""
    z = floating(z)
    m = z.max(axis, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0).astype(z.dtype)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.log(np.exp(z - m).sum(axis, keepdims=True)) + m)


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, with an exponential that is never above 1."""
    x = floating(x)
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, e) / (1 + e))
