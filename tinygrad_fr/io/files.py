"""Files that are whole or not there, and refusals that say why."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FileError
from ..messages import _


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
        # Beside the target, since only a rename within one file system is atomic; opened as any
        # file is, so that the user's umask holds.
        temporary = target.with_name(f".tinygrad_fr-{secrets.token_hex(8)}.tmp")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _explained(template: str, path: Path) -> Iterator[None]:
    try:
        yield
    except FileError:
        raise
    except (OSError, ValueError, RuntimeError, MemoryError) as error:  # a NUL, a circle of links
        reason = getattr(error, "strerror", None) or error
        raise FileError(template, path=path, error=reason) from error
