"""A process beside this one that computes what it is asked for, and can be ended at any time.

A message is a pickle in a frame. What comes back is as much ours as what is sent: the other side
runs functions of this library, on somebody's code.
"""

import importlib
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from .. import messages
from . import wire
from .child import Child, EndedError
from .limits import limit

_ROOT = str(Path(__file__).resolve().parents[2])
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tinygrad_fr.worker.process import serve; "
    "serve()"
)
# What is sent last, whatever it was that came before.
_DONE = "done"
# Seconds that a new process has for importing what it needs, and between two looks.
_IMPORTS, TICK = 20.0, 0.2

Task = Callable[..., Iterator[Any]]


class TaskError(Exception):
    """A task has failed over there, by a mistake of ours."""


class Process(Child):
    """A process that answers tasks one after the other."""

    def __init__(self) -> None:
        flags = ["-P", *(["-" + "O" * sys.flags.optimize] if sys.flags.optimize else [])]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        super().__init__([sys.executable or "", *flags, "-c", _START, _ROOT], environment)

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
            self.send(pickle.dumps(order, protocol=5))
            while True:
                left = end - time.monotonic()
                try:
                    kind, answer = pickle.loads(self.receive(min(left, TICK)))
                except TimeoutError:
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
        except (EndedError, ValueError, pickle.UnpicklingError):
            return
        finally:
            if not done:
                self.end()


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


# --- the other side ----------------------------------------------------------------------------


def serve() -> None:
    """Answer tasks until the other end of standard input is closed."""
    asked, answers = wire.streams()
    said = os.fdopen(answers, "wb")
    warnings.simplefilter("ignore")  # nobody reads them here
    limited = False
    with suppress(EOFError, OSError):
        while True:
            module, name, language, arguments = pickle.loads(wire.read(asked))
            task: Task = getattr(importlib.import_module(module), name)
            if not limited:
                limit()
                limited = True
            messages.language = language
            _say(said, ("started", None))
            try:
                for answer in task(*arguments):
                    _say(said, ("answer", answer))
            except BaseException as error:
                _say(said, (_DONE, f"{type(error).__name__}: {error}"))
                raise SystemExit(1) from error
            _say(said, (_DONE, None))


def _say(stream: IO[bytes], message: Any) -> None:
    stream.write(wire.framed(pickle.dumps(message, protocol=5)))
    stream.flush()
