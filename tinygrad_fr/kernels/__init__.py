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
