"""The adjoint of indexing: put values back where they were taken, adding where they meet."""

from typing import Any

import numpy as np

from . import Array, as_array


def scatter(values: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` with ``values`` added at ``index``."""
    values = as_array(values)
    if not may_repeat(index):
        out = np.zeros(shape, values.dtype, like=values)
        out[index] = values
        return out
    dtype = np.float32 if values.dtype == np.float16 else values.dtype
    out = np.zeros(shape, dtype, like=values)
    np.add.at(out, index, values)
    return out.astype(values.dtype, copy=False)


class Scattered:
    """What :func:`scatter` gives, written out only when it is read as an array.

    The gradient of ``x`` behind each of ``x[0], x[1], ...``: added in place to those before it, a
    loop over n entries costs n, and not n arrays of n.
    """

    __slots__ = ("dtype", "index", "values", "whole")

    def __init__(self, values: Array, index: Any, shape: tuple[int, ...]) -> None:
        self.values, self.index, self.whole = values, index, shape
        self.dtype = values.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.written(), dtype)

    def written(self) -> Array:
        """The array itself, of the library of the values."""
        return scatter(self.values, self.index, self.whole)

    def add_to(self, out: Array) -> None:
        """Add it to an array in place."""
        if may_repeat(self.index):
            np.add.at(out, self.index, self.values)
        else:
            out[self.index] += self.values


def may_repeat(index: Any) -> bool:
    """Whether an index may name an element twice: only arrays of integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        (isinstance(part, (list, tuple)) or getattr(part, "shape", ()))
        and as_array(part).dtype.kind != "b"
        for part in parts
    )
