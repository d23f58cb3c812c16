"""A process beside this one that takes frames and gives frames, and can be ended at any time."""

import atexit
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

# Frames that wait to be read: a process that says more has to wait itself.
_WAITING = 8
# What every process that such a one has started finds in its environment.
_MARK = "TINYGRAD_FR_CHILD"


class EndedError(Exception):
    """The process has ended, or closed its end."""


class Child:
    """A process in a session of its own.

    Parameters
    ----------
    command : list of str
    read : callable
        Reads the next frame of a stream; EOFError where there is none.
    environment : dict of str to str
        Instead of ours.
    folder : str, optional
        Where it starts.
    """

    def __init__(
        self, command: Sequence[str], read: Callable[[IO[bytes]], Any],
        environment: Mapping[str, str], folder: str | None = None,
    ) -> None:  # fmt: skip
        self._mark = f"{os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**environment, _MARK: self._mark}, cwd=folder,
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip
        self._read, self._owner = read, os.getpid()
        self._heard: queue.Queue[Any] = queue.Queue(_WAITING)
        self._over = False
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.end)

    def _listen(self) -> None:
        stream, frame = self._process.stdout, None
        assert stream is not None
        while not self._over:
            try:
                frame = self._read(stream)
            except (OSError, EOFError, ValueError):
                frame = EndedError()
            except Exception as error:  # bytes that are no frame
                frame = error
            while not self._over:
                with suppress(queue.Full):
                    self._heard.put(frame, timeout=0.5)
                    break
            if isinstance(frame, Exception):
                return

    @property
    def usable(self) -> bool:
        """Whether it is there, and a child of this very process."""
        return not self._over and self._process.poll() is None and self._owner == os.getpid()

    def send(self, frame: bytes) -> None:
        """Write bytes to it; EndedError if it is gone."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(frame)
            stream.flush()
        except (OSError, ValueError) as error:
            raise EndedError from error

    def receive(self, seconds: float) -> Any:
        """The next frame; TimeoutError, EndedError, or what reading it raised."""
        try:
            frame = self._heard.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(frame, Exception):
            raise frame
        return frame

    def end(self) -> None:
        """End it now, and what it has started."""
        if self._owner != os.getpid():
            return
        self._over = True
        with suppress(OSError):
            getattr(os, "killpg", os.kill)(self._process.pid, getattr(signal, "SIGKILL", 9))
        with suppress(Exception):
            self._process.kill()
        with suppress(Exception):
            self._process.wait(5)
        self._end_what_left()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(Exception):
                stream.close()  # type: ignore[union-attr]
        atexit.unregister(self.end)

    def _end_what_left(self) -> None:
        """End processes of it that have gone to sessions of their own, where the system tells."""
        mark = f"{_MARK}={self._mark}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError, ValueError):
                if mark in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGKILL)
