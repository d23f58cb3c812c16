"""Somebody else's code in a process of its own: a request goes in, an answer of ours comes out."""

import faulthandler
import importlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any

from .. import messages
from ..errors import FileError
from ..messages import _
from ..worker import wire
from ..worker.child import Child, EndedError
from .console import complain, visible

# What is read of an answer, and shown of the code's own output, in bytes; seconds for ending.
LONGEST, SHOWN, GRACE = 1 << 24, 20_000, 5.0
ROOT = str(Path(__file__).resolve().parents[2])
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tinygrad_fr.cli.apart import serve; "
    "del sys.path[0]; serve()"
)


def run_apart(task: Callable[[Any], Any], request: Any, seconds: float) -> Any:
    """What a function of a module answers to a request, both of them plain values.

    What the code prints goes to standard error. Where nothing can be started (WebAssembly, a
    limit), it runs in this process. A FileError says why there is no answer.
    """
    try:
        return _answer_of_a_process((task.__module__, task.__name__), request, min(seconds, 1e6))
    except (OSError, RuntimeError):  # no process, no thread, no interpreter
        complain(_("no process can be started here: the file runs in this one, without a limit"))
    with redirect_stdout(sys.stderr):
        return visible(task(request))


def _answer_of_a_process(task: tuple[str, str], request: Any, seconds: float) -> Any:
    nonce, start = secrets.token_hex(16), time.monotonic()
    child = Child(
        [sys.executable or "", "-P", "-c", START, ROOT],  # -P: no file beside theirs is ours
        {**os.environ, "TINYGRAD_FR_LANG": messages.language, "TQDM_DISABLE": "1"},
        longest=LONGEST, errors=subprocess.PIPE, mark=nonce.encode(),
    )  # fmt: skip
    reader = threading.Thread(target=_relay, args=(child.errors,), daemon=True)
    try:
        reader.start()
        child.send(wire.packed([nonce, *task, request, seconds]), GRACE)
        return wire.unpacked(child.receive(seconds + GRACE))
    except (EndedError, TimeoutError) as error:
        if time.monotonic() - start > seconds:
            raise FileError("the file took longer than {n} s (--timeout)", n=seconds) from error
        status = child.status()
        if status < 0:
            raise FileError("the file was killed by signal {n}", n=-status) from error
        text = _("the file ended the program, with status {n}, before there was a verdict")
        raise FileError(text, n=status) from error
    except (wire.WireError, ValueError, TypeError) as error:  # it has written what is no answer
        raise FileError("the file has made the verdict unreadable") from error
    finally:  # Ctrl-C, too, leaves nothing behind
        child.end()
        reader.join(GRACE)


def _relay(stream: IO[bytes]) -> None:
    """Show the beginning of what the code prints, and read the rest: it must not wait for us."""
    decoder, left = getincrementaldecoder("utf-8")("backslashreplace"), SHOWN
    with stream:
        while chunk := os.read(stream.fileno(), 1 << 16):
            more = "\n[...]\n" * (0 < left < len(chunk))
            complain(decoder.decode(chunk[: max(left, 0)]), end=more)
            left -= len(chunk)


# --- the other side ------------------------------------------------------------------------------


def serve() -> None:
    """Answer one request over what was standard output, and end at once, whatever is left."""
    answers, parent, me = os.dup(1), os.dup(0), os.getpid()
    nonce, module, name, request, seconds = wire.unpacked(wire.read(sys.stdin.buffer))
    packed, framed, write = wire.packed, wire.framed, os.write  # a file may replace them
    os.dup2(2, 1)  # below Python, too: what the code prints is no answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    streams: Any = sys.stdout, sys.stderr
    for stream in streams:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    with suppress(RuntimeError):  # no threads here
        threading.Thread(target=_end_with, args=(parent, me), daemon=True).start()
    faulthandler.enable()
    faulthandler.dump_traceback_later(seconds, exit=True)  # and says where it was
    _limit_memory()
    answer = visible(getattr(importlib.import_module(module), name)(request))
    for stream in streams:
        with suppress(OSError, ValueError):
            stream.flush()
    if os.getpid() == me:  # and no twin that the code has forked
        frame = memoryview(nonce.encode() + framed(packed(answer)))
        while frame:
            frame = frame[write(answers, frame) :]
    os._exit(0)


def _end_with(parent: int, me: int) -> None:
    """End when the other end of standard input does: nobody waits for an answer any more."""
    os.read(parent, 1)
    with suppress(OSError):
        getattr(os, "killpg", os.kill)(me, getattr(signal, "SIGKILL", signal.SIGTERM))


def _limit_memory() -> None:
    """Let code that takes more than half of the memory fail before the machine does."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        resource.setrlimit(resource.RLIMIT_DATA, (half, resource.RLIM_INFINITY))
