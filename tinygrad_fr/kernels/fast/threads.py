"""Pieces of one array operation on several threads: NumPy frees the interpreter as it works."""

import contextvars
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def limit() -> int:
    """How many threads may compute: ``OMP_NUM_THREADS`` as for BLAS, or the number of cores."""
    if sys.platform == "emscripten":  # WebAssembly has none to give
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return max(1, int(asked)) if asked.isdigit() else os.cpu_count() or 1


def start(thread: Thread) -> bool:
    """Start a thread, where the system gives one: some containers and WebAssembly refuse."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def share(work: Callable[[Sequence[Piece]], Result], pieces: Sequence[Piece]) -> list[Result]:
    """``work`` on equal shares of the pieces, one per thread, and what each returns.

    A share has at least two pieces, each worth 0.1 ms or more: starting a thread takes 0.05 ms.
    """
    n = max(1, min(limit(), len(pieces) // 2))
    return each(work, [pieces[i::n] for i in range(n)], n)


def each(function: Callable[[Piece], Result], items: Iterable[Piece], n: int) -> list[Result]:
    """``function`` of each item, by the caller and up to ``n - 1`` threads beside it.

    The threads end with the call, so that none is left over and a process may be forked. They see
    the caller's context (``np.errstate``). Where none starts, the caller does it all.
    """
    todo: SimpleQueue[tuple[int, Piece]] = SimpleQueue()
    for numbered in enumerate(items):
        todo.put(numbered)
    results: list[Any] = [None] * todo.qsize()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while not failed:
                i, item = todo.get_nowait()
                results[i] = function(item)
        except Empty:
            pass
        except BaseException as error:
            failed.append(error)

    copies = [contextvars.copy_context() for _ in range(1, min(n, len(results)))]
    threads = [Thread(target=context.run, args=[work], daemon=True) for context in copies]
    started = [thread for thread in threads if start(thread)]
    work()
    for thread in started:
        thread.join()
    try:
        if failed:
            raise failed[0]
    finally:
        failed.clear()  # an exception kept here would hold its own traceback
    return results
