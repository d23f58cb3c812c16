"""Pieces of one array operation on several threads: NumPy frees the interpreter as it works.

How work is cut into pieces depends on its size alone, and what pieces return is put together in
their order: results do not depend on the number of threads.
"""

import contextvars
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, RLock, Thread
from typing import Any, TypeVar

import numpy as np

from .blas import alone, controls, forget, wanted

_SMALL = 2**17  # numbers that are not worth the waking of a thread, some 0.1 ms
Piece = TypeVar("Piece")
Result = TypeVar("Result")


def limit() -> int:
    """How many threads may compute: ``OMP_NUM_THREADS`` as for BLAS, or the number of cores."""
    if sys.platform == "emscripten":  # WebAssembly has none to give
        return 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdecimal() and len(asked) < 9:
        return max(1, int(asked))
    mine = getattr(os, "sched_getaffinity", None)  # fewer than there are, in many a container
    return len(mine(0)) if mine else os.cpu_count() or 1


def share_cores(n: int) -> None:
    """Have BLAS, and so our threads, take one part in ``n`` of the cores, or what OMP says."""
    known = controls()
    if not isinstance(known, int) and "OMP_NUM_THREADS" not in os.environ:
        get, put = known
        put(max(1, min(get(), limit() // n)))


def start(thread: Thread) -> bool:
    """Start a thread, where the system gives one: some containers and WebAssembly refuse."""
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return False
    return True


def parts(length: int, n: int) -> list[slice]:
    """An axis of a ``length`` in up to ``n`` slices of one size, the last of which may be less."""
    step = -(-length // max(1, min(n, length)))
    return [slice(i, min(i + step, length)) for i in range(0, length, step or 1)]


def by_images(work: Callable[[slice], Result], y: Any, numbers: int = 2**17) -> list[Result]:
    """``work`` on a batch ``y`` in parts of some ``numbers``, of many among threads."""
    if y.size <= numbers or not isinstance(y, np.ndarray):
        return [work(slice(0, len(y)))]
    split = parts(len(y), round(y.size / numbers))
    return share(work, split) if y.size > _SMALL else [*map(work, split)]


def share(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """``work`` on each piece, with BLAS on one thread, and what each returns.

    A piece is worth 0.05 ms or more, what it takes to wake a thread. Where BLAS is held to one
    thread, by threadpoolctl or in a worker of joblib, all is done by the caller.
    """
    n = limit()
    return alone(each, work, pieces, min(n, wanted() or n))  # type: ignore[no-any-return]


def each(function: Callable[[Piece], Result], items: Iterable[Piece], n: int) -> list[Result]:
    """``function`` of each item, by the caller and up to ``n - 1`` threads beside it.

    They see the caller's context (``np.errstate``). Where none is free or none can be had, the
    caller does it all.
    """
    items = list(items)
    if n < 2 or len(items) < 2:
        return [function(item) for item in items]
    job = _Job(function, items)
    try:
        _pool.invite(job, min(n, len(items)) - 1)
        job.work()
    finally:
        job.todo.clear()
        job.wait()
    try:
        if job.failed:
            raise job.failed[0]
    finally:
        job.failed.clear()  # an exception kept here would hold its own traceback
    return job.results


class _Job:
    """Items to be worked on by whoever comes, as long as there are some."""

    def __init__(self, function: Callable[[Any], Any], items: list[Any]) -> None:
        self.function = function
        self.todo = deque(enumerate(items))
        self.results: list[Any] = [None] * len(items)
        self.failed: list[BaseException] = []
        self.helpers: set[object] = set()
        self.gate = Lock()
        self.gate.acquire()
        self.process = os.getpid()

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
        """What an invited thread does: nothing, if it comes too late."""
        token = object()
        self.helpers.add(token)  # before it takes an item: who sees none, once all are gone, may go
        self.work()
        self.helpers.discard(token)
        with suppress(RuntimeError):  # open already
            self.gate.release()

    def wait(self) -> None:
        """Until nobody helps, whatever interrupts: they write into our arrays.

        Not for threads that a child, forked from within an item, has not.
        """
        interrupted: list[BaseException] = []
        while self.helpers and self.process == os.getpid():
            try:
                self.gate.acquire(timeout=0.05)
            except BaseException as error:
                interrupted.append(error)
        if interrupted:
            raise interrupted.pop()


class _Pool:
    """Threads that sleep until they are invited; made at the first need."""

    def __init__(self) -> None:
        self.invitations: SimpleQueue[tuple[contextvars.Context, _Job]] = SimpleQueue()
        self.lock = RLock()  # a handler of a signal may come in between, and compute
        self.size = 0
        self.refused = False

    def invite(self, job: _Job, n: int) -> None:
        with self.lock:
            while self.size < n and not self.refused:
                self.refused = not start(
                    Thread(target=_serve, args=[self.invitations], daemon=True)
                )
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
    forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_made_anew)
