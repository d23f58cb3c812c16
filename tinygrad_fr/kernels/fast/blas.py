"""NumPy's BLAS on one thread, around work that is shared among threads here.

Its own threads serve one large product well. After small ones they spin: on two cores a step of
``small_vgg`` burnt 277 ms of processor time in 150, and took longer than on one. The setting is the
process's: it is put back when the last of those who asked is done.
"""

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Set to anything to leave BLAS alone.
SWITCH = "TINYGRAD_FR_KEEP_BLAS"

_PREFIXES, _SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")  # of its many builds


Controls = tuple[Callable[[], int], Callable[[int], Any]]


@functools.cache
def controls() -> Controls | int:
    """What tells and what sets the number of its threads; 0 where that cannot be known.

    1 where it has one thread from the start: then there is nothing to do, which costs nothing.
    """
    known = None if SWITCH in os.environ else _found()
    return 0 if known is None else known if known[0]() > 1 else 1


def _found() -> Controls | None:
    """OpenBLAS's own functions, 0.4 us a call, or those of threadpoolctl, where it is installed."""
    for library in _libraries():
        for name in (f"{p}_{{}}_num_threads{s}" for p in _PREFIXES for s in _SUFFIXES):
            get, put = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
            if get and put:
                put.restype = None
                return get, put
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
    except ImportError:
        return None
    known = ThreadpoolController().select(user_api="blas").lib_controllers
    return (known[0].get_num_threads, known[0].set_num_threads) if len(known) == 1 else None


def _libraries() -> Iterator[Any]:
    """NumPy's extension, through which symbols of its BLAS are seen, or on Windows the BLAS."""
    bundled = Path(np.__file__).parents[1] / "numpy.libs"
    extension = Path(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    for path in (extension, *bundled.glob("*openblas*.dll")):
        try:
            yield ctypes.PyDLL(str(path))  # called without letting other threads run: 0.4 us
        except OSError:
            continue


class Alone:
    """Inside ``with alone as n`` BLAS has one thread; n is how many it is to have, 0 if unknown."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.before = 1

    def __enter__(self) -> int:
        known = controls()
        if isinstance(known, int):
            return known
        with self.lock:
            if not self.inside:
                self.before = known[0]()
                if self.before > 1:
                    known[1](1)
            self.inside += 1
            return self.before

    def __exit__(self, *_: object) -> None:
        known = controls()
        if not isinstance(known, int):
            with self.lock:
                self.inside -= 1
                # Another number is somebody else's wish, from meanwhile.
                if not self.inside and self.before > 1 and known[0]() == 1:
                    known[1](self.before)

    def forget(self) -> None:
        """In a forked child, whose only thread is outside, whatever others did at the moment."""
        known = controls() if self.inside and self.before > 1 else 0
        if not isinstance(known, int):
            known[1](self.before)
        self.__init__()  # type: ignore[misc]


alone = Alone()
