"""Whether kernels compiled by numba are there (the extra ``fast``), and fit the arrays."""

import functools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

import numpy as np

from .. import Array

# Set to 0 to leave numba alone where it is installed.
SWITCH = "TINYGRAD_FR_NUMBA"

_absent = False  # once it is known: then nothing is looked at
_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))  # of this machine's byte order


def kernels(x: Array, *others: Array | None) -> Any:
    """The module of compiled kernels, if it is there and the arrays are floats of one dtype.

    What it holds is compiled at the first call for each dtype.
    """
    if _absent or x.__class__ is not np.ndarray or x.dtype not in _DTYPES:
        return None
    if any(other is not None and other.dtype != x.dtype for other in others):
        return None
    return _module()


@functools.cache
def _module() -> Any:
    global _absent
    _absent = os.environ.get(SWITCH, "").strip().lower() in ("0", "no", "off", "false")
    with uninterrupted():
        try:
            if not _absent:
                import numba  # noqa: F401
        except Exception:  # absent, or broken: made for another NumPy, it raises anything
            _absent = True
        if _absent:
            return None
        from . import compiled

    return compiled


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: half imported, or in the middle of a compilation, numba would be broken."""
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield  # it does not arrive here, or raises nothing
        return
    waiting: list[Any] = []
    signal.signal(signal.SIGINT, lambda *_: waiting.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            signal.raise_signal(signal.SIGINT)
