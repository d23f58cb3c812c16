"""Files that are whole or not there, and refusals that say why."""

import os
import platform
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ArgumentError, FileError
from ..messages import _

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Names the machine: over a network, its locks may not be seen.
TEMPORARY = f".tinygrad_fr-{zlib.crc32(platform.node().encode()):08x}-{{}}.tmp"


def as_path(path: Any) -> Path:
    """The path that a text or an object stands for."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ArgumentError(
            "{kind} is no path: give a text or a pathlib.Path (to save, after the state)",
            kind=type(path).__name__,
        )
    return Path(path)


def read(path: Path) -> bytes:
    """All bytes of a file."""
    with _explained(_("{path} cannot be read: {error}"), path):
        if path.is_file():
            return path.read_bytes()
        if path.exists():  # reading from a pipe could take for ever
            raise OSError(_("it is a folder or a device"))
        raise FileError("there is no file {path}: check its name and folder", path=path)


def check_place(path: Path) -> Path:
    """The file that would be written, behind all links; raises if it could not be."""
    with _explained(_("{path} cannot be written: {error}"), path):
        target = path.resolve()
        if target.is_dir():
            raise FileError("{path} is a folder: give the name of a file in it", path=path)
        if not target.parent.is_dir():
            raise FileError(
                "{path}: there is no folder {folder}; create it first",
                path=target,
                folder=target.parent,
            )
        if target.exists() and not target.is_file():
            raise OSError(_("it is a folder or a device"))
        if not os.access(target.parent, os.W_OK):
            raise OSError(_("the folder is read-only for you"))
    return target


def write(target: Path, content: bytes) -> None:
    """Write a file, all of it or nothing: it gets its name when it is complete."""
    with _explained(_("{path} cannot be written: {error}"), target):
        _remove_orphans(target.parent)
        file = _locked_file(target.parent)
        temporary = Path(file.name)
        try:
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if target.exists():
                    shutil.copymode(target, temporary)
                if fcntl is None:  # Windows renames no open file
                    file.close()
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def _locked_file(folder: Path) -> BinaryIO:
    # Beside the target, since only a rename within one file system is atomic; opened as any
    # file is, so that the user's umask holds.
    while True:
        file = (folder / TEMPORARY.format(secrets.token_hex(8))).open("xb")
        with suppress(OSError):  # where nothing can be locked, no orphan is removed
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # not taken for an orphan before it was locked
            return file
        file.close()


def _remove_orphans(folder: Path) -> None:
    """Remove what killed runs left: the lock of a file ends with its process."""
    for path in folder.glob(TEMPORARY.format("[0-9a-f]" * 16)) if fcntl is not None else ():
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                with path.open("r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()


@contextmanager
def _explained(template: str, path: Path) -> Iterator[None]:
    try:
        yield
    except FileError:
        raise
    except (OSError, ValueError, RuntimeError, MemoryError) as error:  # a NUL, a circle of links
        reason = getattr(error, "strerror", None) or error
        raise FileError(template, path=path, error=reason) from error
