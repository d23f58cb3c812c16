"""The adjoint of indexing: put values back where they were taken, adding where they meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array


def scatter(values: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of ``shape`` with ``values`` added at ``index``."""
    if not may_repeat(index):
        out = np.zeros(shape, values.dtype)
        out[index] = values
        return out
    out = np.zeros(shape, np.float32 if values.dtype == np.float16 else values.dtype)
    np.add.at(out, index, values)
    return out.astype(values.dtype, copy=False)


def may_repeat(index: Any) -> bool:
    """Whether an index may name an element twice: only arrays of integers can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(part, (list, tuple, np.ndarray)) and np.asarray(part).dtype.kind != "b"
        for part in parts
    )
