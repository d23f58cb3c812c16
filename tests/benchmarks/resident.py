"""Memory resident in this process, in bytes, as the system counts it: in pages, to some 100 kB."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def now() -> int:
    return _read("VmRSS") if _STATUS.exists() else _highest_ever()


def peak() -> int:
    """The highest since ``reset_peak``, or since the process began where that is not possible."""
    return _read("VmHWM") if _STATUS.exists() else _highest_ever()


def reset_peak() -> None:
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def give_back() -> None:
    """Have the C library hand back what has been freed, or it would hide what is allocated next."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)


def _read(name: str) -> int:
    """A line of the status such as ``VmRSS:   25184 kB``."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def _highest_ever() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
