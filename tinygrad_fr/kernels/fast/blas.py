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

    1 where it has but one, by the environment: then there is nothing to do, which costs nothing.
    """
    known = None if SWITCH in os.environ else _found()
    asked = {os.environ.get(f"{name}_NUM_THREADS") for name in ("OPENBLAS", "OMP")}
    single = "1" in asked or os.cpu_count() == 1
    return 0 if known is None else 1 if single and known[0]() == 1 else known


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


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` gives, with BLAS on one thread meanwhile.

    An interrupt may come between any two lines, and its handler may compute, too: so who is inside
    is a set of tokens, and what was left undone is made good by the next call.
    """
    known = controls()
    if isinstance(known, int):
        return function(*arguments)
    token = object()
    try:
        _state.enter(token, *known)
        return function(*arguments)
    finally:
        try:
            _state.inside.discard(token)
        finally:
            _state.settle(*known)


class _State:
    """Who wants BLAS on one thread, and how many it had before."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.inside: set[object] = set()
        self.lowered = False
        self.usual = 1

    def enter(self, token: object, get: Callable[[], int], put: Callable[[int], Any]) -> None:
        with self.lock:
            if not self.inside and not self.lowered:
                self.usual = get()
            self.inside.add(token)
            if self.usual > 1:
                self.lowered = True
                put(1)

    def settle(self, get: Callable[[], int], put: Callable[[int], Any]) -> None:
        """Set it back, if nobody is inside; another number than 1 is somebody else's wish."""
        with self.lock:
            if self.lowered and not self.inside:
                if get() == 1:
                    put(self.usual)
                self.lowered = False

    def forget(self) -> None:
        """In a forked child, whose only thread is outside, whatever others did at the moment."""
        self.lock, self.inside = threading.RLock(), set()
        known = controls() if self.lowered else 0
        if not isinstance(known, int):
            self.settle(*known)


def wanted() -> int:
    """How many threads BLAS is to have: 0 where that cannot be known."""
    known = controls()
    if isinstance(known, int):
        return known
    return _state.usual if _state.lowered else known[0]()


_state = _State()
forget = _state.forget
