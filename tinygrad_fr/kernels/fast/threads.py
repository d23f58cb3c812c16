"""Pieces of one array operation on several threads: NumPy frees the interpreter as it works.

How work is cut into pieces depends on its size alone, and what pieces return is put together in
their order: results do not depend on the number of threads.
"""

import contextvars
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from .blas import alone

_SMALL = 2**17  # numbers that are not worth the waking of a thread, some 0.1 ms
Piece = TypeVar("Piece")
Result = TypeVar("Result")


def limit() -> int:
    """How many threads may compute: ``OMP_NUM_THREADS`` as for BLAS, or the number of cores."""
    if sys.platform == "emscripten":  # WebAssembly has none to give
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit():
        return max(1, int(asked))
    mine = getattr(os, "sched_getaffinity", None)  # fewer than there are, in many a container
    return len(mine(0)) if mine else os.cpu_count() or 1


def start(thread: Thread) -> bool:
    """Start a thread, where the system gives one: some containers and WebAssembly refuse."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def parts(length: int, n: int) -> list[slice]:
    """An axis of a ``length`` in up to ``n`` slices of one size, the last of which may be less."""
    step = -(-length // max(1, min(n, length)))
    return [slice(i, min(i + step, length)) for i in range(0, length, step or 1)]


def by_images(work: Callable[[slice], Result], y: Any, numbers: int = 2**17) -> list[Result]:
    """``work`` on a batch ``y`` in parts of some ``numbers``, of many among threads."""
    if y.size <= numbers:
        return [work(slice(0, len(y)))]
    split = parts(len(y), round(y.size / numbers))
    return share(work, split) if y.size > _SMALL else [*map(work, split)]


def share(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """``work`` on each piece, with BLAS on one thread, and what each returns.

    A piece is worth 0.05 ms or more, what it takes to wake a thread. Where BLAS is held to one
    thread, by threadpoolctl or in a worker of joblib, all is done by the caller.
    """
    with alone as before:
        return each(work, pieces, min(limit(), before or limit()))


def each(function: Callable[[Piece], Result], items: Iterable[Piece], n: int) -> list[Result]:
    """``function`` of each item, by the caller and up to ``n - 1`` threads beside it.

    They see the caller's context (``np.errstate``). Where none is free or none can be had, the
    caller does it all.
    """
    items = list(items)
    if n < 2 or len(items) < 2:
        return [function(item) for item in items]
    job = _Job(function, items)
    _pool.invite(job, min(n, len(items)) - 1)
    try:
        job.work()
    finally:
        job.close()
    try:
        if job.failed:
            raise job.failed[0]
    finally:
        job.failed.clear()  # an exception kept here would hold its own traceback
    return job.results


class _Job:
    """Items to be worked on by whoever comes, before it is closed."""

    def __init__(self, function: Callable[[Any], Any], items: list[Any]) -> None:
        self.function = function
        self.todo = deque(enumerate(items))
        self.results: list[Any] = [None] * len(items)
        self.failed: list[BaseException] = []
        self.lock, self.last = Lock(), Lock()
        self.helpers = 0
        self.closed = False

    def work(self) -> None:
        try:
            while not self.failed:
                try:
                    i, item = self.todo.popleft()
                except IndexError:  # all are taken
                    return
                self.results[i] = self.function(item)
        except BaseException as error:
            self.failed.append(error)

    def help(self) -> None:
        """What an invited thread does; nothing, if it comes too late."""
        with self.lock:
            if self.closed:
                return
            self.helpers += 1
        self.work()
        with self.lock:
            self.helpers -= 1
            if self.closed and not self.helpers:
                self.last.release()

    def close(self) -> None:
        """Wait for those that help, whatever happens meanwhile: they write into our arrays."""
        self.todo.clear()
        with self.lock:
            self.closed = True
            if self.helpers:
                self.last.acquire()
            else:
                return
        try:
            self.last.acquire()
        except BaseException:
            self.last.acquire()  # Ctrl-C while waiting
            raise


class _Pool:
    """Threads that sleep until they are invited; made at the first need."""

    def __init__(self) -> None:
        self.invitations: SimpleQueue[tuple[contextvars.Context, _Job]] = SimpleQueue()
        self.lock = Lock()
        self.size = 0
        self.refused = False

    def invite(self, job: _Job, n: int) -> None:
        with self.lock:
            while self.size < n and not self.refused:
                served = Thread(target=_serve, args=[self.invitations], daemon=True)
                self.refused = not start(served)
                self.size += not self.refused
        for _ in range(min(n, self.size)):
            self.invitations.put((contextvars.copy_context(), job))


def _serve(invitations: "SimpleQueue[tuple[contextvars.Context, _Job]]") -> None:
    while True:
        context, job = invitations.get()
        context.run(job.help)
        del context, job  # nothing is kept while it sleeps


_pool = _Pool()


def _made_anew() -> None:
    """In a forked child, to which no thread comes along."""
    _pool.__init__()  # type: ignore[misc]
    alone.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_made_anew)
