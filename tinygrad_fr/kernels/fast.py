"""Whether kernels compiled by numba are there: the extra ``fast``."""

from __future__ import annotations

import functools
import os
from typing import Any

# Set to 0 to leave numba alone where it is installed.
SWITCH = "TINYGRAD_FR_NUMBA"


@functools.cache
def kernels() -> Any:
    """The module of compiled kernels, or None; what it holds is compiled when first called."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        from . import compiled
    except ImportError:
        return None
    return compiled
