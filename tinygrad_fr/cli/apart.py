"""Somebody else's code in a process of its own: a request goes in, an answer of ours comes out."""

import faulthandler
import importlib
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from json import dumps, loads  # by name: a file that replaces them in json changes no answer
from pathlib import Path
from typing import IO, Any

from .. import messages
from ..errors import FileError
from ..messages import _
from .console import complain, visible

# What is read of an answer, and shown of the code's own output, in bytes; seconds for ending.
LONGEST, SHOWN, GRACE = 1 << 24, 20_000, 5.0
ROOT = str(Path(__file__).resolve().parents[2])
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tinygrad_fr.cli.apart import serve; "
    "del sys.path[0]; serve()"
)


def run_apart(task: Callable[[Any], Any], request: Any, seconds: float) -> Any:
    """What a function of a module answers to a request, both of them JSON.

    What the code prints goes to standard error. Where nothing can be started (WebAssembly, a
    limit), it runs in this process. A FileError says why there is no answer.
    """
    order = {"task": [task.__module__, task.__name__], "request": request,
             "seconds": min(seconds, 1e6), "token": secrets.token_hex(16)}  # fmt: skip
    try:
        return _answer_of_a_process(order)
    except (OSError, RuntimeError):  # no process, no thread, no interpreter
        complain(_("no process can be started here: the file runs in this one, without a limit"))
    with redirect_stdout(sys.stderr):
        return visible(task(request))


def _answer_of_a_process(order: dict[str, Any]) -> Any:
    start, heard = time.monotonic(), bytearray()
    with subprocess.Popen(
        [sys.executable or "", "-P", "-c", START, ROOT],  # -P: no file beside theirs is ours
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        env={**os.environ, "TINYGRAD_FR_LANG": messages.language, "TQDM_DISABLE": "1"},
        start_new_session=True,
    ) as child:  # fmt: skip
        readers = [
            threading.Thread(target=_listen, args=(child.stdout, heard), daemon=True),
            threading.Thread(target=_relay, args=(child.stderr,), daemon=True),
        ]
        try:
            for reader in readers:
                reader.start()
            with suppress(OSError, subprocess.TimeoutExpired):
                child.stdin.write(dumps(order).encode() + b"\n")  # type: ignore[union-attr]
                child.wait(order["seconds"] + GRACE)
            late = time.monotonic() - start > order["seconds"]
        finally:  # Ctrl-C, too, leaves nothing behind
            _kill(child.pid)
        for reader in readers:
            reader.join(GRACE)
    found = re.search(rb"%b:(\d+):" % order["token"].encode(), heard)
    if found and len(body := heard[found.end() :][: int(found[1])]) == int(found[1]):
        try:
            return loads(body)
        except ValueError as error:  # it has changed the encoder
            raise FileError("the file has made the verdict unreadable") from error
    if late:
        raise FileError("the file took longer than {n} s (--timeout)", n=order["seconds"])
    if child.returncode < 0:
        raise FileError("the file was killed by signal {n}", n=-child.returncode)
    text = _("the file ended the program, with status {n}, before there was a verdict")
    raise FileError(text, n=child.returncode)


def _listen(stream: IO[bytes], heard: bytearray) -> None:
    while chunk := os.read(stream.fileno(), 1 << 16):
        heard += chunk[: LONGEST - len(heard)]


def _relay(stream: IO[bytes]) -> None:
    """Show the beginning of what the code prints, and read the rest: it must not wait for us."""
    decoder, left = getincrementaldecoder("utf-8")("backslashreplace"), SHOWN
    while chunk := os.read(stream.fileno(), 1 << 16):
        complain(decoder.decode(chunk[: max(left, 0)]), end="\n[...]\n" * (0 < left < len(chunk)))
        left -= len(chunk)


def _kill(pid: int) -> None:
    """End a process, and what it started where processes have groups."""
    with suppress(OSError):
        getattr(os, "killpg", os.kill)(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


# --- the other side ------------------------------------------------------------------------------


def serve() -> None:
    """Answer one request over what was standard output, and end at once, whatever is left."""
    answers, parent, me = os.dup(1), os.dup(0), os.getpid()
    order = loads(sys.stdin.buffer.readline())
    os.dup2(2, 1)  # below Python, too: what the code prints is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    streams: Any = sys.stdout, sys.stderr
    for stream in streams:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    with suppress(RuntimeError):  # no threads here
        threading.Thread(target=_end_with, args=(parent, me), daemon=True).start()
    faulthandler.enable()
    faulthandler.dump_traceback_later(order["seconds"], exit=True)  # and says where it was
    _limit_memory()
    module, name = order["task"]
    answer = visible(getattr(importlib.import_module(module), name)(order["request"]))
    for stream in streams:
        with suppress(OSError, ValueError):
            stream.flush()
    if os.getpid() == me:  # and no twin that the code has forked
        body = dumps(answer).encode()
        os.write(answers, b"%b:%d:%b" % (order["token"].encode(), len(body), body))
    os._exit(0)


def _end_with(parent: int, me: int) -> None:
    """End when the other end of standard input does: nobody waits for an answer any more."""
    os.read(parent, 1)
    _kill(me)


def _limit_memory() -> None:
    """Let code that takes more than half of the memory fail before the machine does."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_DATA, (half, resource.RLIM_INFINITY))
