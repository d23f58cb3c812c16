"""Steps of optimizers: parameters, and what is kept for them, changed in place.

Of large arrays a part at a time: ten passes over a million numbers wait for the memory, ten over a
part of them do not.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import Array, fast
from .fast.memory import prepare
from .fast.threads import parts, share

_PART = 2**15  # numbers: six arrays of them fit the L2 cache
_SHARED = 2**17  # numbers of a part that a compiled loop does in 0.1 ms


def sgd(
    p: Array, g: Array, velocity: Array | None, rate: float, momentum: float, fresh: float,
    decay: float, nesterov: bool,
) -> None:  # fmt: skip
    """``p -= rate * velocity``, where ``velocity`` keeps a ``momentum`` and gets a ``fresh`` share.

    ``decay * p`` is added to the gradient first; ``nesterov`` looks ahead.
    """
    buffers = [] if velocity is None else [velocity]

    def step(p: Array, g: Array, *buffers: Array) -> None:
        if decay:
            g = g + decay * p
        for v in buffers:
            v *= momentum
            v += g if fresh == 1 else g * fresh
            g = g + momentum * v if nesterov else v
        p -= rate * g

    compiled = _flat(p, g, *buffers)
    if compiled:
        numbers = (rate, momentum, fresh, decay, nesterov)
        one, flat = compiled
        if velocity is None:
            flat.append(flat[0])  # never read
        _shared(lambda *arrays: one.sgd(*arrays, velocity is not None, *numbers), flat)
    else:
        _in_parts(step, p, g, *buffers)


def adam(
    p: Array, g: Array, mean: Array, square: Array, most: Array | None, t: float, rate: float,
    betas: tuple[float, float], eps: float, shrink: float, decay: float,
) -> None:  # fmt: skip
    """Step ``t`` of Adam: ``p -= rate mean / (sqrt(square) + eps)``, corrected for their start.

    ``p`` shrinks first, or ``decay * p`` is added to the gradient. With ``most``, the largest
    ``square`` so far takes its place.
    """
    beta1, beta2 = betas
    rate, root = rate / (1 - beta1**t), math.sqrt(1 - beta2**t)
    g = g.astype(p.dtype, copy=False)

    def step(p: Array, g: Array, mean: Array, square: Array, *most: Array) -> None:
        if shrink != 1:
            p *= shrink
        if decay:
            g = g + decay * p
        a, b = g * (1 - beta1), g * (1 - beta2)
        mean *= beta1
        mean += a
        b *= g
        square *= beta2
        square += b
        for largest in most:
            square = np.maximum(largest, square, out=largest)
        np.sqrt(square, out=b)
        b /= root
        b += eps
        np.multiply(mean, rate, out=a)
        a /= b
        p -= a

    compiled = _flat(p, g, mean, square) if most is None else None
    if compiled:
        numbers = (rate, root, beta1, beta2, 1 - beta1, 1 - beta2, eps, shrink, decay)
        one, flat = compiled
        _shared(lambda *arrays: one.adam(*arrays, *numbers), flat)
    else:
        _in_parts(step, p, g, mean, square, *([] if most is None else [most]))


def _flat(*arrays: Array) -> tuple[Any, list[Array]] | None:
    """The compiled kernels and the arrays as vectors; None where they cannot be."""
    compiled = fast.kernels(*arrays)
    if not compiled or not all(a.flags.c_contiguous for a in arrays):
        return None
    if not all(a.flags.writeable for a in (arrays[0], *arrays[2:])):  # all but the gradient
        return None  # NumPy says it
    return compiled, [a.reshape(-1) for a in arrays]


def _shared(work: Callable[..., int], arrays: list[Array]) -> None:
    n = arrays[0].size
    if n < 2 * _SHARED:
        lost = [work(*arrays)]
    else:
        lost = share(lambda part: work(*(a[part] for a in arrays)), parts(n, n // _SHARED))
    if any(lost):
        largest = np.finfo(arrays[0].dtype).max
        np.multiply(largest, largest)  # NumPy warns or raises, as the caller has told it to


def _in_parts(work: Callable[..., None], *arrays: Array) -> None:
    """One after another: threads would wait for the interpreter at each of so many short calls."""
    n = arrays[0].size
    if n <= _PART or not isinstance(arrays[0], np.ndarray):
        # Of a number, too, results are arrays.
        work(*(arrays if arrays[0].ndim else (a[None] for a in arrays)))
        return
    prepare()
    for part in parts(len(arrays[0]), n // _PART):
        work(*(a[part] for a in arrays))
