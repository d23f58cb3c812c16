"""How numba compiles a kernel: at its first call, and kept where that is possible."""

import functools
from collections.abc import Callable
from typing import Any

import numba

from . import uninterrupted

# Sums in any order, so that they are vectorised; NaN and infinities are kept.
REORDERED = {"reassoc", "contract", "arcp", "nsz"}


def compiled(**options: Any) -> Callable[[Any], Any]:
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
