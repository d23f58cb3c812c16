"""Pieces of one array operation on several threads: NumPy frees the interpreter as it works."""

from __future__ import annotations

import contextvars
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def limit() -> int:
    """How many threads may compute: ``OMP_NUM_THREADS`` as for BLAS, or the number of cores."""
    if sys.platform == "emscripten":  # WebAssembly has none to give
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return max(1, int(asked)) if asked.isdigit() else os.cpu_count() or 1


def share(work: Callable[[Sequence[Piece]], Result], pieces: Sequence[Piece]) -> list[Result]:
    """``work`` on equal shares of the pieces, one per thread, and what each returns.

    A share has at least two pieces, each worth 0.1 ms or more: starting a thread takes 0.05 ms.
    The threads end with the call, so that none is left over and a process may be forked. They see
    the caller's context (``np.errstate``).
    """
    n = min(limit(), len(pieces) // 2)
    if n <= 1:
        return [work(pieces)]
    from concurrent.futures import ThreadPoolExecutor  # 4 ms, only where they are used

    with ThreadPoolExecutor(n - 1) as pool:
        others = [
            pool.submit(contextvars.copy_context().run, work, pieces[i::n]) for i in range(1, n)
        ]
        return [work(pieces[::n]), *(other.result() for other in others)]
