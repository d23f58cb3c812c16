"""Raw arrays in, raw arrays out: the numerical work that has a layout or a trick to it."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def as_array(y: Any) -> Array:
    """A result as an array: NumPy's numbers become arrays, those of any library stay what they are.

    Other libraries' arrays go through the plain forms alone, which write with ``like=`` and NumPy's
    functions: what is fast here looks into NumPy's memory.
    """
    return y if hasattr(y, "__array_function__") else np.asarray(y)


def filled(shape: Any, value: Any, like: Array, dtype: Any = None) -> Array:
    """One number everywhere, in an array of the library and the dtype of another.

    CuPy's ``full``, ``ones`` and ``eye`` do not take what NumPy's ``like=`` hands on (``device``).
    """
    out = np.empty(shape, like.dtype if dtype is None else dtype, like=like)
    out.fill(value)
    return out


def to_numpy(x: Any) -> Array:
    """An array of any library as one of NumPy's: CuPy's are copied from the card."""
    elsewhere = hasattr(x, "__array_function__") and hasattr(x, "get")
    return np.asarray(x.get() if elsewhere else x)
