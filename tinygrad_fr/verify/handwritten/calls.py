"""Calling functions that someone else wrote, and saying in which of their lines they failed."""

import inspect
import re
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Mapping
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError, DTypeError, ShapeError, in_our_words
from ...kernels import Array
from ...messages import _

HERE = str(Path(__file__).parents[2])
_STANDARD = sysconfig.get_paths()["stdlib"]


class StudentError(Exception):
    """An exception in somebody's code, in words, with their own line.

    Attributes
    ----------
    cause, line : str
        What the exception itself said, and the line in which it was raised.
    result : object
        What there was before it was raised.
    """

    result: Any = None

    def __init__(self, text: str, cause: str = "", line: str = "") -> None:
        super().__init__(text, cause, line)
        self.text, self.cause, self.line = text, cause, line

    def __str__(self) -> str:
        return self.text


def in_words(error: BaseException) -> str:
    """An exception in words, with the last line of it that is not the library's own."""
    kind, text = type(error).__name__, _("{kind}: {error}")
    if isinstance(error, SyntaxError) and error.lineno is not None:
        place = traceback.FrameSummary(error.filename or "?", error.lineno, "", line=error.text)
        return f"{text.format(kind=kind, error=error.msg)} ({place_of(place)})"
    text = text.format(kind=kind, error=str(error).strip())
    frame = last_frame(error)
    return text if frame is None else f"{text} ({place_of(frame)})"


def place_of(frame: traceback.FrameSummary) -> str:
    """A line of somebody's, in words."""
    where = _("{file}, line {line}", file=_called(frame.filename), line=frame.lineno)
    return f"{where}: {frame.line}" if frame.line else where


def last_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The last line in which an exception was raised that is not the library's own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((HERE, _STANDARD, "<frozen "))
        and "site-packages" not in frame.filename
    ]
    return frames[-1] if frames else None


def _called(file: str) -> str:
    """A file by its name; the cell of a notebook, whose file has a number for a name, as a cell."""
    path = Path(file)
    if re.match(r"(ipykernel|xpython|marimo)_\d+", path.parent.name) or file.startswith("<ipython"):
        return _("cell")
    return path.name


def attempted(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The result of a function; what it raises becomes a :class:`StudentError`."""
    try:
        with np.errstate(all="ignore"), in_our_words():
            return f(*args, **kwargs)
    except StudentError:
        raise
    except Exception as error:
        frame = last_frame(error)
        line = frame.line if frame is not None else ""
        raise StudentError(in_words(error), str(error), line or "") from error


def parameters_of(f: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function; none if it does not tell."""
    try:
        return list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return []


POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def positional(parameters: Iterable[inspect.Parameter], needed: bool = False) -> list[str]:
    """The names of the positional arguments, or of those without a default."""
    return [
        p.name for p in parameters
        if p.kind in POSITIONAL and not (needed and p.default is not p.empty)
    ]  # fmt: skip


def made(kind: type) -> Any:
    """An object of a class that is made without arguments."""
    if positional(parameters_of(kind), needed=True):
        text = _("{kind} takes arguments: give an object, {kind}(...), not the class")
        raise ArgumentError(text, kind=kind.__name__)
    return attempted(kind)


def called_by_name(f: Callable[..., Any], known: Mapping[str, Any], what: str) -> Any:
    """Call a function with the values that its argument names ask for."""
    arguments: dict[str, Any] = {}
    positional = []
    for p in parameters_of(f):
        if p.kind is p.VAR_KEYWORD:
            arguments.update({k: v for k, v in known.items() if k not in arguments})
        elif p.kind is p.VAR_POSITIONAL:
            continue
        elif p.name in known:
            if p.kind is p.POSITIONAL_ONLY:
                positional.append(known[p.name])
            else:
                arguments[p.name] = known[p.name]
        elif p.default is p.empty:
            text = _(
                "the argument {name} of {what} is no value of the graph: there are {known}; "
                "name an intermediate with .named({name!r}); the gradient of x is dx"
            )
            raise ArgumentError(text, name=p.name, what=what, known=", ".join(known) or "-")
    return attempted(f, *positional, **arguments)


def as_array(x: Any) -> Array:
    """What someone returned as an array; Fractions, Decimals and Tensors may stand in it."""
    try:
        array = np.asarray(_plain(x))
        if array.dtype.kind == "O" and all(isinstance(v, Number) for v in array.flat):
            array = array.astype(float)
    except (ValueError, TypeError):  # a tuple of arrays of different shapes
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise StudentError(
            _(
                "this gives {kind}, and not an array of numbers",
                kind="None" if x is None else type(x).__name__,
            )
        )
    return array


def _plain(x: Any) -> Any:
    """Nested lists with the arrays of their Tensors, recorded or not."""
    if isinstance(x, Tensor):
        return x.data
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        x = x.tolist()
    return [_plain(v) for v in x] if isinstance(x, (list, tuple)) else x


def promoted(x: Any) -> Array:
    """An input as an array of its own: floating ones in float64, integer arrays as they are."""
    array = np.array(x.detach() if isinstance(x, Tensor) else x)
    if array.dtype.kind not in "fiub":
        raise DTypeError("an input must be an array of numbers, not {kind}", kind=array.dtype)
    if array.dtype.kind == "f" or (
        array.dtype.kind in "iu" and not isinstance(x, (np.ndarray, np.generic, Tensor))
    ):
        return array.astype(np.float64)
    return array


def as_upstream(upstream: Any, shape: tuple[int, ...]) -> Array:
    """The upstream gradient that was asked for; one number stands for a whole array."""
    try:
        array = np.asarray(upstream, float)
    except (TypeError, ValueError) as error:
        raise ArgumentError("upstream is an array of numbers, not {x!r}", x=upstream) from error
    if array.size == 1:
        array = np.full(shape, array.item())
    if array.shape != shape:
        text = _("upstream has the shape {got}, the output of the layer {shape}")
        raise ShapeError(text, got=array.shape, shape=shape)
    if not np.isfinite(array).all():
        raise ArgumentError("upstream has entries that are NaN or infinite")
    return array
