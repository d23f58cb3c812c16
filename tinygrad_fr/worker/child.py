"""A process beside this one that takes frames and gives frames, and can be ended at any time."""

import atexit
import functools
import os
import queue
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .wire import LENGTH, framed

# What every process that such a one has started finds in its environment.
_MARK = "TINYGRAD_FR_CHILD"


def _stat(path: Path) -> list[str]:
    """What the system tells of a process, from its state on."""
    return path.read_text("latin-1").rpartition(") ")[2].split()


class EndedError(Exception):
    """The process has ended, or closed its end."""


class Child:
    """A process in a session of its own. A frame is eight bytes, its length, and that many bytes.

    Parameters
    ----------
    command : list of str
    environment : dict of str to str
        Instead of ours.
    folder : str, optional
        Where it starts.
    longest : int
        Bytes of the longest frame that is read.
    errors : int
        Where its standard error goes, as :mod:`subprocess` takes it.
    mark : bytes
        What stands before each of its frames; what is written before that is none of them.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str | None = None,
        longest: int = 1 << 31, errors: int = subprocess.DEVNULL, mark: bytes = b"",
    ) -> None:  # fmt: skip
        self._mark = f"{os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env={**environment, _MARK: self._mark}, cwd=folder, bufsize=0,
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip
        self._owner, self._over, self._longest = os.getpid(), False, longest
        self._start = mark
        self._heard = bytearray()
        self._chunks: queue.Queue[bytes] | None = None
        self._selector = selectors.DefaultSelector()
        if os.name == "nt":  # no select on pipes there
            self._chunks = queue.Queue(8)
            threading.Thread(target=self._listen, daemon=True).start()
        else:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            os.set_blocking(self._process.stdin.fileno(), False)
            self._selector.register(self._process.stdout, selectors.EVENT_READ)
        atexit.register(self.end)

    def _listen(self) -> None:
        assert self._chunks is not None
        while not self._over:
            self._chunks.put(chunk := self._read())
            if not chunk:
                return

    def _read(self) -> bytes:
        try:
            assert self._process.stdout is not None
            return os.read(self._process.stdout.fileno(), 1 << 20)
        except (OSError, ValueError):
            return b""

    @functools.cached_property
    def _serving(self) -> int:
        """The process that does the work: this one, or the last of those that it is wrapped in."""
        children: dict[str, str] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                children[_stat(path)[1]] = path.parent.name
        pid = str(self._process.pid)
        while pid in children:
            pid = children[pid]
        return int(pid)

    def work(self) -> tuple[float, bool] | None:
        """For how many seconds it has had a core, and whether it sleeps; None if nobody tells.

        To be asked first when it works already.
        """
        try:
            state, _parent, *numbers = _stat(Path(f"/proc/{self._serving}/stat"))
            return sum(map(int, numbers[9:11])) / os.sysconf("SC_CLK_TCK"), state in "SDT"
        except (OSError, ValueError, IndexError, AttributeError):
            return None

    @property
    def usable(self) -> bool:
        """Whether it is there, and a child of this very process."""
        return not self._over and self._process.poll() is None and self._owner == os.getpid()

    @property
    def errors(self) -> IO[bytes] | None:
        """Its standard error, where it was asked for."""
        return self._process.stderr

    def status(self) -> int:
        """The exit status of a process that has ended; negative for a signal."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(5)
        return 0

    def send(self, body: bytes, seconds: float = 1e6) -> None:
        """Write a frame to it; EndedError if it is gone, TimeoutError if it does not read."""
        stream, frame = self._process.stdin, memoryview(framed(body))
        assert stream is not None
        until = time.monotonic() + seconds
        try:
            while frame:
                written = stream.write(frame)  # None where the pipe is full
                frame = frame[written or 0 :]
                if written is None and not self._takes(until - time.monotonic()):
                    raise TimeoutError
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise EndedError from error

    def _takes(self, seconds: float) -> bool:
        """Whether it reads in time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdin or 0, selectors.EVENT_WRITE)
            return bool(selector.select(max(0.0, seconds)))

    def receive(self, seconds: float) -> bytes:
        """The next frame; TimeoutError where there is none in time, EndedError if it is gone.

        A ValueError for one that is too long.
        """
        until = time.monotonic() + seconds
        while True:
            at = self._heard.find(self._start) + len(self._start)
            size = len(self._heard) - at - LENGTH.size
            if at >= len(self._start) and size >= 0:
                (n,) = LENGTH.unpack_from(self._heard, at)
                if n > self._longest:
                    raise ValueError
                if size >= n:
                    end = at + LENGTH.size + n
                    body = bytes(self._heard[end - n : end])
                    del self._heard[:end]
                    return body
            elif self._start and len(self._heard) > self._longest:
                raise ValueError
            self._heard += self._chunk(until - time.monotonic())

    def _chunk(self, seconds: float) -> bytes:
        """Some bytes, as soon as there are any."""
        if self._chunks is not None:
            try:
                chunk = self._chunks.get(timeout=max(0.0, seconds))
            except queue.Empty:
                raise TimeoutError from None
        else:
            try:
                ready = self._selector.select(max(0.0, seconds))
            except (OSError, ValueError) as error:
                raise EndedError from error
            if not ready:
                raise TimeoutError
            chunk = self._read()
        if not chunk:
            raise EndedError
        return chunk

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
        self._selector.close()
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
