"""What somebody's code may take of a machine, and what it may not do at all."""

import _thread
import dis
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

# What opens files, sockets or processes: names that code takes from outside, and methods.
_GLOBALS = {
    "open", "input", "eval", "exec", "compile", "__import__", "os", "subprocess", "socket",
    "shutil", "pathlib", "Path", "urllib", "requests", "http", "ctypes", "multiprocessing",
    "threading", "signal", "urlopen", "savetxt", "savez",
}  # fmt: skip
_METHODS = {
    "system", "popen", "Popen", "save", "savez", "savez_compressed", "savetxt", "tofile",
    "memmap", "urlopen", "write_text", "write_bytes", "unlink", "rmtree", "to_csv", "to_pickle",
}  # fmt: skip
# Events of Python's audit that end what is going on.
_REFUSED = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.spawn", "os.posix_spawn",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.kill", "os.startfile",
    "os.ch", "os.link", "os.symlink", "os.utime", "os.mkfifo", "os.mknod", "os.setxattr",
    "sqlite3.", "shutil.", "ctypes.", "ftplib.", "smtplib.", "urllib.", "webbrowser.",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

# Bytes of memory; open files; processes and threads of this user, in its walls.
MEMORY, FILES, PROCESSES = 4 << 30, 64, 64


class Refused(BaseException):
    """Code tried what it may not: no ``except Exception`` keeps it."""


def dangers(codes: Iterable[types.CodeType]) -> list[str]:
    """What pieces of code use that opens files, sockets or processes."""
    found = set()
    for code in codes:
        for step in dis.get_instructions(code):
            outside = step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME")
            method = "ATTR" in step.opname or "METHOD" in step.opname
            known = _GLOBALS if outside else _METHODS if method else set[str]()
            if str(step.argval).partition(".")[0] in known:
                found.add(str(step.argval))
        found |= set(dangers(c for c in code.co_consts if isinstance(c, types.CodeType)))
    return sorted(found)


class TookTooLong(BaseException):
    """Code was ended for the time that it took."""


_deadline: list[float] = []
# Seconds between two interruptions of code that catches them.
_AGAIN = 0.05


def _watch() -> None:
    """Interrupt the main thread again and again while its deadline is over."""
    while True:
        time.sleep(_AGAIN / 2)
        if _deadline and time.perf_counter() > _deadline[0]:
            _thread.interrupt_main()


def _interrupted(*_signal: object) -> None:
    """What an interrupt of the main thread does: nothing, where it comes too late."""
    now = time.perf_counter()
    if _deadline and now > _deadline[0]:
        _deadline[0] = now + _AGAIN  # not while this one is on its way
        raise TookTooLong


@contextmanager
def guarded(seconds: float) -> Iterator[None]:
    """End what takes longer, a loop without end; in the main thread of a process of its own.

    On every system, and whatever the code catches: it is interrupted again and again. Elsewhere
    nothing is guarded.
    """
    if not _watching:
        yield
        return
    _deadline[:] = [time.perf_counter() + seconds]
    try:
        yield
    finally:
        _deadline.clear()


_watching: list[threading.Thread] = []


def limit(
    readable: Sequence[str] | None = None, hidden: Collection[str] = (),
    told: list[str] | None = None,
) -> None:  # fmt: skip
    """Limit this process for good: memory, open files, and no way out of it.

    Parameters
    ----------
    readable
        The folders from which files may be read; everywhere if None.
    hidden
        Packages that are neither imported nor read.
    told
        Receives what was refused, which then raises a PermissionError, as anywhere; without it,
        what no code that tries to go on can catch.
    """
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        for name, most in (("RLIMIT_AS", MEMORY), ("RLIMIT_NOFILE", FILES), ("RLIMIT_FSIZE", 0)):
            resource.setrlimit(getattr(resource, name), (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, _interrupted)
    _watching.append(threading.Thread(target=_watch, daemon=True))
    _watching[0].start()
    hidden = frozenset(hidden)
    if told is not None:
        _start_no_processes()
        hidden |= {"_posixsubprocess"}  # it is loaded: another of that name would not be patched
    sys.addaudithook(_guard(readable, hidden, told))


def _start_no_processes() -> None:
    """What the audit does not see: a copy with many processes takes the time of others."""

    def refused(*_arguments: Any) -> None:
        raise PermissionError("subprocess")

    with suppress(ImportError, AttributeError, OSError, ValueError):
        import _posixsubprocess
        import resource

        vars(_posixsubprocess)["fork_exec"] = refused
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))


def _guard(
    readable: Sequence[str] | None, hidden: frozenset[str], told: list[str] | None
) -> Callable[[str, tuple[Any, ...]], None]:  # fmt: skip
    """What ends forbidden events; it looks nothing up that somebody's code could replace."""
    refused, writing, inside = _REFUSED, _WRITING, None if readable is None else tuple(readable)
    absolute, text, isinstance_ = os.path.abspath, os.fsdecode, isinstance
    path_types, set_, int_, str_, bool_ = (str, bytes), set, int, str, bool
    listing, importing, separator = ("os.listdir", "os.scandir", "os.chdir"), "import", os.sep
    snooping = ("gc.get_",) if hidden else ()
    error: type[BaseException] = Refused if told is None else PermissionError
    listed = [] if told is None else told

    def refuse(event: str, what: str = "") -> None:
        if len(listed) < 50:
            listed.append(f"{event} {what}".strip()[:200])
        raise error(event)

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == importing and str_(arguments[0]).partition(".")[0] in hidden:
            refuse(event, str_(arguments[0]))
        if event == "open" or event in listing:
            path, mode, flags = (*arguments, None, None)[:3]
            writes = event == "open" and bool_(
                (isinstance_(flags, int_) and flags & writing)
                or (isinstance_(mode, str_) and set_(mode) & set_("wax+"))
            )
            if writes:
                refuse("write", str_(path))
            if inside is not None and isinstance_(path, path_types):
                where = absolute(text(path))
                parts = hidden.intersection(where.split(separator))
                if parts or not (where + separator).startswith(inside):
                    refuse(event, where)
        if event.startswith(refused) or event.startswith(snooping):
            refuse(event)

    return guard
