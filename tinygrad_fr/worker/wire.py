"""What two processes tell each other: plain values and arrays in a strict frame, never objects.

A frame is eight bytes, its length, and that many bytes: four for the length of a header of JSON,
the header, and the entries of the arrays. Whoever reads one believes nothing: what is too long, of
another kind or of a wrong length is a :class:`WireError`.
"""

import inspect
import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from ..kernels import Array
from .subject import Answer, Kept

# Bytes of a frame, of its header; characters of a text; how deep lists stand in lists.
LONGEST, HEADER, TEXT, DEPTH = 1 << 27, 1 << 22, 20_000, 16
LENGTH, _HEADER = struct.Struct(">Q"), struct.Struct(">I")
_KINDS = {np.dtype(kind).str for kind in ("?", *"bBhHiIqQefd")}


class WireError(Exception):
    """Bytes that are no message of ours."""


class Odd:
    """What stands for something that is neither a plain value nor an array of real numbers."""


def odd(kind: str) -> Any:
    """An object that says nothing but what it is called; None for what should be an array."""
    return type(kind if kind.isidentifier() else "object", (Odd,), {})()


def packed(value: Any) -> bytes:
    """A value as the body of a frame; what does not travel is replaced by its name."""
    arrays: list[bytes] = []
    header = json.dumps(_flat(value, arrays, 0)).encode()
    return b"".join((_HEADER.pack(len(header)), header, *arrays))


def unpacked(body: bytes) -> Any:
    """The value in the body of a frame."""
    try:
        (n,) = _HEADER.unpack_from(body)
        if n > HEADER:
            raise WireError("the header is too long")
        header = json.loads(body[_HEADER.size : _HEADER.size + n])
        reader = _Reader(memoryview(body)[_HEADER.size + n :])
        value = reader.value(header, 0)
    except WireError:
        raise
    except (struct.error, ValueError, TypeError, LookupError, ArithmeticError, RecursionError,
            MemoryError) as error:  # fmt: skip
        raise WireError(f"{type(error).__name__}: {error}"[:200]) from error
    if reader.left:
        raise WireError("there is more than was announced")
    return value


def read(stream: IO[bytes]) -> bytes:
    """The body of the next frame; EOFError where there is none."""
    (n,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if n > LONGEST:
        raise WireError("the frame is too long")
    return _exactly(stream, n)


def framed(body: bytes) -> bytes:
    """A frame, its length included."""
    return LENGTH.pack(len(body)) + body


def streams() -> tuple[IO[bytes], int]:
    """Where frames come from and where they go, in a process that serves.

    These were standard input and output; from now on what is printed goes nowhere.
    """
    asked, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return asked, answers


def _exactly(stream: IO[bytes], n: int) -> bytes:
    data = stream.read(n)
    if len(data) < n:
        raise EOFError
    return data


def _flat(x: Any, arrays: list[bytes], depth: int) -> Any:
    """A value as JSON; the entries of its arrays go to ``arrays``."""
    if depth > DEPTH:
        return {"odd": type(x).__name__}
    if x is None or type(x) is bool or (type(x) is int and x.bit_length() < 64):
        return x
    if type(x) is float:
        return x if math.isfinite(x) else {"float": str(x)}
    if isinstance(x, str):
        return {"str": x[:TEXT]}
    if isinstance(x, (np.ndarray, np.generic)):
        return _flat_array(np.asarray(x), arrays)

    def inner(values: Iterable[Any]) -> list[Any]:
        return [_flat(v, arrays, depth + 1) for v in values]

    if isinstance(x, (list, tuple)) and len(x) <= TEXT:
        return {"tuple" if isinstance(x, tuple) else "list": inner(x)}
    if isinstance(x, Mapping) and len(x) <= TEXT:
        return {"keys": inner(x.keys()), "values": inner(x.values())}
    if isinstance(x, Kept):
        return {"kept": [x.which, x.argument]}
    if isinstance(x, Answer):
        return {"answer": inner((x.result, x.handed, bool(x.drew)))}
    if isinstance(x, inspect.Parameter):
        default = [] if x.default is x.empty else [_flat(x.default, arrays, depth + 1)]
        return {"parameter": [x.name, int(x.kind)], "default": default}
    return {"odd": type(x).__name__}


def _flat_array(a: Array, arrays: list[bytes]) -> Any:
    if a.dtype.kind == "O":
        try:  # fractions and decimals
            a = a.astype(float)
        except (TypeError, ValueError):
            return {"odd": "ndarray"}
    if a.dtype.kind == "f" and a.itemsize > 8:
        a = a.astype(float)
    a = np.ascontiguousarray(a, a.dtype.newbyteorder("=")).reshape(a.shape)
    if a.dtype.str not in _KINDS:
        return {"odd": str(a.dtype)}
    arrays.append(a.tobytes())
    return {"array": a.dtype.str, "shape": a.shape}


class _Reader:
    """Reads values off a frame."""

    def __init__(self, entries: memoryview) -> None:
        self._entries, self._at = entries, 0

    @property
    def left(self) -> int:
        return len(self._entries) - self._at

    def value(self, x: Any, depth: int) -> Any:
        if depth > DEPTH + 1:
            raise WireError("it is too deep")
        if x is None or isinstance(x, (bool, int, float)):
            return x
        (what, *_more) = x = {**x} or {"": None}
        content = x[what]

        def inner(values: Iterable[Any]) -> list[Any]:
            return [self.value(v, depth + 1) for v in values]

        if what == "array":
            return self._array(content, x["shape"])
        if what == "str":
            return str(content)[:TEXT]
        if what == "float":
            return float(content)
        if what == "list":
            return inner(content)
        if what == "tuple":
            return tuple(inner(content))
        if what == "keys":
            return dict(zip(inner(content), inner(x["values"]), strict=True))
        if what == "kept":
            return Kept(*(None if n is None else int(n) for n in content))
        if what == "answer":
            result, handed, drew = inner(content)
            return Answer(result, [(w, g) for w, g in handed], bool(drew))
        if what == "parameter":
            name, kind = content
            default = inner(x["default"])[0] if x["default"] else inspect.Parameter.empty
            return inspect.Parameter(str(name), inspect._ParameterKind(kind), default=default)
        if what == "odd":
            return odd(str(content))
        raise WireError("a value of no known kind")

    def _array(self, kind: str, shape: list[int]) -> Array:
        if (
            kind not in _KINDS
            or len(shape) > 32
            or not all(type(n) is int and n >= 0 for n in shape)
        ):
            raise WireError("an array of no known kind")
        dtype = np.dtype(kind)
        size = math.prod(shape) * dtype.itemsize
        if size > self.left:
            raise WireError("an array is shorter than announced")
        part = self._entries[self._at : self._at + size]
        self._at += size
        return np.frombuffer(part, dtype).reshape(shape).copy()
