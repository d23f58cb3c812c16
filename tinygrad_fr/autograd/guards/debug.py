"""What ``tg.debug()`` looks at: NaN and infinity, and inputs changed behind the tape's back."""

import os
import sys
import zlib
from typing import Any

import numpy as np

from ...errors import GraphError, NonFiniteError
from ...kernels import as_array, to_numpy

# Frames of the library, of Python's modules (statistics) and of others (pandas) are nobody's line.
_PACKAGE = __file__.rpartition("autograd")[0]
_INSIDE = (_PACKAGE, os.path.dirname(os.__file__))  # noqa: PTH120


class Trace:
    """Where a node was made, and fingerprints of what it was made from."""

    __slots__ = ("line", "module", "prints")

    def __init__(self, module: str | None, values: list[Any]) -> None:
        self.module = module
        self.line = caller()
        self.prints = [_fingerprint(value) for value in values]

    def __str__(self) -> str:
        return self.module or ""


def caller() -> str:
    """``file:line`` of the innermost frame outside the library, Python and what is installed."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_INSIDE) and "site-packages" not in file:
            break
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _fingerprint(value: Any) -> int:
    return zlib.adler32(np.ascontiguousarray(to_numpy(value)).tobytes())


def _is_finite(value: Any) -> bool:
    array = as_array(value)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _range(value: Any) -> str:
    array = to_numpy(value)
    if not array.size:
        return f"{array.shape} []"
    with np.errstate(all="ignore"):
        low, high = array.min(), array.max()
    return f"{array.shape} [{low:.6g}, {high:.6g}]"


def made(operation: str, tensor: Any, inputs: Any) -> None:
    """Raise if an operation's value is not finite; note where it was made if it is recorded."""
    values = [getattr(x, "_array", x) for x in inputs]
    if not _is_finite(tensor._array):
        arrays = [x for x in values if hasattr(x, "dtype") or isinstance(x, (float, int))]
        raise NonFiniteError(
            "{operation} gave a NaN or an infinity at {line}; its inputs range over {ranges}",
            operation=operation,
            line=caller(),
            ranges=", ".join(map(_range, arrays)),
        )
    if tensor._op is not None:
        tensor._where = Trace(tensor._where, values)


def finite_gradient(node: Any, x: Any, gradient: Any) -> None:
    """Raise if the gradient that a closure gave is not finite."""
    gradient = getattr(gradient, "_array", gradient)
    if not _is_finite(gradient):
        values = [getattr(value, "_array", value) for value in node._inputs]
        raise NonFiniteError(
            "the gradient of {operation}, made at {line}, has a NaN or an infinity for its "
            "input {name}; its inputs range over {ranges}",
            operation=node._op.name,
            line=getattr(node._where, "line", "?"),
            name=x.name or x._array.shape,
            ranges=", ".join(map(_range, values)),
        )


def unchanged(node: Any) -> None:
    """Raise if an input of a node recorded under ``debug`` has changed since."""
    if not isinstance(node._where, Trace):
        return
    for x, before in zip(node._inputs, node._where.prints, strict=False):
        data = getattr(x, "_array", x)
        if _fingerprint(data) != before:
            raise GraphError(
                "{name} {shape} was changed in place after {operation} had used it at {line}: "
                "its gradient would be wrong. Change a copy instead",
                name=getattr(x, "name", None) or "Tensor",
                shape=np.shape(data),
                operation=node._op.name,
                line=node._where.line,
            )
