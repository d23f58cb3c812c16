"""A process beside this one that computes what it is asked for, and can be ended at any time.

A message is eight bytes, its length, and that many bytes: a pickle. What comes back is as much
ours as what is sent: the other side runs functions of this library, on somebody's code.
"""

import atexit
import importlib
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .. import messages
from .limits import limit

_ROOT = str(Path(__file__).resolve().parents[2])
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tinygrad_fr.worker.process import serve; "
    "serve()"
)
_LENGTH = struct.Struct(">Q")
# What is sent last, whatever it was that came before.
_DONE = "done"
# Seconds that a new process has for importing what it needs, and between two looks.
_IMPORTS, TICK = 20.0, 0.2

Task = Callable[..., Iterator[Any]]


class TaskError(Exception):
    """A task has failed over there, by a mistake of ours."""


class Process:
    """A process that answers tasks one after the other."""

    def __init__(self) -> None:
        flags = ["-P", *(["-" + "O" * sys.flags.optimize] if sys.flags.optimize else [])]
        self._child = subprocess.Popen(
            [sys.executable or "", *flags, "-c", _START, _ROOT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip
        self._heard: queue.Queue[Any] = queue.Queue()
        self._owner = os.getpid()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.end)

    def _listen(self) -> None:
        with suppress(OSError, EOFError, pickle.UnpicklingError, ValueError):
            while True:
                self._heard.put(_read(self._child.stdout))
        self._heard.put((_DONE, ""))

    @property
    def usable(self) -> bool:
        """Whether it is there, and a child of this very process."""
        return self._child.poll() is None and self._owner == os.getpid()

    def answers(
        self, task: Task, *arguments: Any, seconds: float, waiting: Callable[[], Any] = int
    ) -> Iterator[Any]:
        """What a generator function of a module of ours yields over there, as it comes.

        It ends after ``seconds`` at the latest, with the process if that is still busy. What the
        function raises is a TaskError. ``waiting`` is called every :data:`TICK` seconds until
        then.
        """
        order = (task.__module__, task.__qualname__, messages.language, arguments)
        end = time.monotonic() + seconds + _IMPORTS
        done = False
        try:
            _write(self._child.stdin, order)
            while True:
                left = end - time.monotonic()
                try:
                    kind, answer = self._heard.get(timeout=max(0.0, min(left, TICK)))
                except queue.Empty:
                    if left <= TICK:
                        return
                    waiting()
                    continue
                if kind == "started":
                    end = time.monotonic() + seconds
                elif kind == _DONE:
                    done = answer is None
                    if answer:
                        raise TaskError(answer)
                    return
                else:
                    yield answer
        except OSError:
            return
        finally:
            if not done:
                self.end()

    def end(self) -> None:
        """End it now."""
        if self._owner != os.getpid():
            return
        with suppress(OSError):
            self._child.kill()
        with suppress(Exception):
            self._child.wait(5)
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(Exception):
                stream.close()  # type: ignore[union-attr]
        atexit.unregister(self.end)


_idle: list[Process] = []
_turn = threading.Lock()


def warm() -> None:
    """Start a process that will be needed soon, where none is waiting; it starts meanwhile."""
    with _turn:
        _idle[:] = [p for p in _idle if p.usable]
        if not _idle:
            _idle.append(Process())


def answers(
    task: Task, *arguments: Any, seconds: float, waiting: Callable[[], Any] = int
) -> Iterator[Any]:
    """:meth:`Process.answers` of a process that waits for tasks; OSError if none can be started."""
    warm()
    with _turn:
        process = _idle.pop() if _idle else Process()
    try:
        yield from process.answers(task, *arguments, seconds=seconds, waiting=waiting)
    finally:
        if process.usable:
            with _turn:
                _idle.append(process)


def _read(stream: IO[bytes] | None) -> Any:
    assert stream is not None
    return pickle.loads(_exactly(stream, _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]))


def _exactly(stream: IO[bytes], n: int) -> bytes:
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return data


def _write(stream: IO[bytes] | None, message: Any) -> None:
    assert stream is not None
    data = pickle.dumps(message, protocol=5)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


# --- the other side ----------------------------------------------------------------------------


def serve() -> None:
    """Answer tasks until the other end of standard input is closed."""
    asked, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what the code prints is no answer
        os.dup2(nowhere, stream)
    warnings.simplefilter("ignore")  # nobody reads them here
    limited = False
    with suppress(EOFError, OSError):
        while True:
            module, name, language, arguments = _read(asked)
            task: Task = getattr(importlib.import_module(module), name)
            if not limited:
                limit()
                limited = True
            messages.language = language
            _write(said, ("started", None))
            try:
                for answer in task(*arguments):
                    _write(said, ("answer", answer))
            except BaseException as error:
                _write(said, (_DONE, f"{type(error).__name__}: {error}"))
                raise SystemExit(1) from error
            _write(said, (_DONE, None))
