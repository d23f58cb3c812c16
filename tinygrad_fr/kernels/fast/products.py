"""Matrix products: small ones as NumPy does them, large ones shared among threads."""

import functools
from typing import Any

import numpy as np

from .. import Array
from .blas import alone
from .threads import parts, share

_SPLIT = 2**23  # multiplications of a piece: some 0.15 ms
_PIECES = 8
# From here on OpenBLAS calls its own threads, which then spin: for a vector, and for a matrix.
_VECTOR, _MATRIX = 9_000, 2**18


def matmul(a: Any, b: Any) -> Any:
    """``np.matmul``, of arrays (M, K), (K, N) and of stacks of them; others are multiplied as is.

    With BLAS on one thread where it would call its own; on two threads, (64, 784) by (784, 256)
    takes 260 us instead of 340, and 1000x1000 half the time.
    """
    if a.__class__ is not np.ndarray or b.__class__ is not np.ndarray:
        return a @ b
    matrices = a.ndim > 1 and b.ndim > 1
    work = a.size * (b.shape[-1] if b.ndim > 1 else 1)
    if work < _VECTOR or (work < _MATRIX and matrices and a.shape[-2] > 1 and b.shape[-1] > 1):
        return np.matmul(a, b)
    pieces = min(_PIECES, work // _SPLIT)
    dtype = a.dtype
    floats = dtype == b.dtype and dtype.char in "fd" and dtype.isnative
    stacked = matrices and a.shape[:-2] == b.shape[:-2] and a.shape[-1] == b.shape[-2]
    if pieces < 2 or not (floats and stacked):
        return alone(np.matmul, a, b)
    y = np.empty((*a.shape[:-1], b.shape[-1]), dtype)
    if a.ndim > 2:
        share(lambda part: np.matmul(a[part], b[part], out=y[part]), parts(len(a), pieces))
    elif len(a) >= b.shape[1]:
        share(lambda part: np.matmul(a[part], b, out=y[part]), parts(len(a), pieces))
    else:
        split = parts(b.shape[1], pieces)
        share(lambda part: np.matmul(a, b[:, part], out=y[:, part]), split)
    return y


def sum_of_squares(x: Array) -> Any:
    """NaN or infinite where ``x`` is anywhere, or too large: in one pass, without a mask."""
    few = x.size < _VECTOR or not isinstance(x, np.ndarray)
    return np.vdot(x, x) if few else alone(np.vdot, x, x)


def dots(a: Any, b: Any, axis: int = -1) -> Any:
    """``np.vecdot``: the products of rows."""
    if not isinstance(a, np.ndarray):
        return (a * b).sum(axis)
    rows: Any = functools.partial(np.vecdot, axis=axis)
    return rows(a, b) if a.shape[axis] < _VECTOR else alone(rows, a, b)
