"""Arrays that somebody's forward fills entry by entry, so that they can be recorded.

A Tensor is not assigned to; a loop over ``out[i, j] = ...`` makes a new one at each step, behind a
:class:`Canvas` that stands for the array.
"""

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any
from unittest import mock

import numpy as np

from ...autograd.modes import switch
from ...autograd.tensor import Tensor
from ...messages import _
from ...ops import concatenate, stack
from .calls import HERE, StudentError, attempted, place_of

# Entries times assignments, from which on a forward is not recorded.
MOST = 3_000_000
_TURN = threading.Lock()


class TooLongError(Exception):
    """A forward with too many assignments."""


class Canvas(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that is assigned to: a plain one first, a Tensor as soon as one is put into it."""

    __hash__ = object.__hash__

    def __init__(self, now: Any) -> None:
        self.now, self.spent = now, 0

    def __setitem__(self, index: Any, value: Any) -> None:
        value, index = plain(value), plain(index)
        self.spent += self.now.size
        if self.spent > MOST:
            raise TooLongError
        if not isinstance(value, Tensor) and not isinstance(self.now, Tensor):
            self.now[index] = value
            return
        size, places = self.now.size, np.arange(self.now.size).reshape(self.now.shape)
        region = places[index]
        new = value if isinstance(value, Tensor) else np.asarray(value, float)
        new = new * np.ones(region.shape)
        places[index] = size + np.arange(region.size).reshape(region.shape)
        both = concatenate([_tensor(self.now).reshape(size), _tensor(new).reshape(region.size)])
        self.now = both[places]

    def __getitem__(self, index: Any) -> Any:
        return _shown(self.now[plain(index)])

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.now, name)
        if not callable(found):
            return _shown(found)
        return lambda *args, **options: _shown(found(*plain(args), **plain(options)))

    def __len__(self) -> int:
        return len(self.now)

    def __bool__(self) -> bool:
        return bool(self.now)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def copy(self, *_order: Any) -> "Canvas":
        """Another array with the same entries."""
        return Canvas(self.now if isinstance(self.now, Tensor) else self.now.copy())

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", ())
        y = getattr(ufunc, method)(*plain(inputs), **plain(options))
        if not out or not isinstance(out[0], Canvas):
            return _shown(y)
        out[0].now = y  # x += 1
        return out[0]

    def __array_function__(self, function: Any, _types: Any, args: Any, options: Any) -> Any:
        return _shown(function(*plain(args), **plain(options)))


def _shown(x: Any) -> Any:
    """A result as an array that can be assigned to; truth values as plain ones."""
    if type(x) in (list, tuple):  # what a split gives
        return type(x)(map(_shown, x))
    if isinstance(x, Tensor):
        return (
            Canvas(x) if x.requires_grad else Canvas(x._array) if x.dtype.kind == "f" else x._array
        )
    return x


def _tensor(x: Any) -> Any:
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x, float))


def plain(x: Any) -> Any:
    """What stands behind canvases, in lists and tuples, too."""
    if isinstance(x, Canvas):
        return x.now
    if type(x) is dict:
        return {name: plain(value) for name, value in x.items()}
    return type(x)(map(plain, x)) if type(x) in (list, tuple) else x


def joined(x: Any) -> Any:
    """A list of Tensors as one Tensor; None where there is none in it."""
    if isinstance(x, (Tensor, Canvas)):
        return plain(x)
    if not isinstance(x, (list, tuple)) or not x:
        return None
    parts = [joined(item) for item in x]
    if all(part is None for part in parts):
        return None
    return stack([_tensor(y if part is None else part) for y, part in zip(x, parts, strict=True)])


def _made(real: Callable[..., Any]) -> Callable[..., Any]:
    """``np.zeros`` and the like, whose arrays can be assigned to."""

    def make(*args: Any, **options: Any) -> Any:
        y = real(*map(_array, args), **{name: _array(x) for name, x in options.items()})
        return Canvas(y.astype(float) if y.dtype.kind == "f" else y)

    return make


def _read(real: Callable[..., Any]) -> Callable[..., Any]:
    """``np.array`` and the like, which join Tensors in lists."""

    def read(x: Any, *args: Any, **options: Any) -> Any:
        found = joined(x)
        return real(x, *args, **options) if found is None else Canvas(found)

    return read


def _array(x: Any) -> Any:
    x = plain(x)
    return x._array if isinstance(x, Tensor) else x


OURS: dict[str, Callable[..., Any]] = {
    **{n: _made(getattr(np, n)) for n in ("zeros", "empty", "ones", "full", "zeros_like",
                                          "empty_like", "ones_like", "full_like")},
    **{n: _read(getattr(np, n)) for n in ("array", "asarray", "copy")},
}  # fmt: skip
_PLAIN = {id(getattr(np, name)): ours for name, ours in OURS.items()}


class _NumPy:
    """NumPy as somebody's code sees it while its forward is recorded."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        here = threading.get_ident() == self._thread
        return OURS[name] if here and name in OURS else getattr(np, name)


@contextmanager
def assignable(functions: Iterable[Any]) -> Iterator[None]:
    """Inside, the modules of some functions get arrays from NumPy that Tensors are assigned to."""
    spaces = {id(f.__globals__): f.__globals__ for f in functions if hasattr(f, "__globals__")}
    theirs = [s for s in spaces.values() if not str(s.get("__name__")).startswith("tinygrad_fr")]
    with _TURN, ExitStack() as changed:
        for space in theirs:
            numpys = {name: _NumPy() for name, x in space.items() if x is np}
            names = {name: _PLAIN[id(x)] for name, x in space.items() if id(x) in _PLAIN}
            changed.enter_context(mock.patch.dict(space, {**numpys, **names}))
        yield


@contextmanager
def last_scopes(functions: Iterable[Any], found: list[Mapping[str, Any]]) -> Iterator[None]:
    """Collect the local names of some functions as they return."""
    codes = {f.__code__ for f in functions if hasattr(f, "__code__")}

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "return" and frame.f_code in codes:
            found.append(dict(frame.f_locals))

    before = sys.getprofile()
    sys.setprofile(look if codes else before)
    try:
        yield
    finally:
        sys.setprofile(before)


def name_by_scopes(scopes: Iterable[Mapping[str, Any]]) -> None:
    """Name Tensors as local variables are called, where one name means one Tensor."""
    meant: dict[str, dict[int, Tensor]] = {}
    for scope in scopes:
        for name, x in scope.items():
            if isinstance(plain(x), Tensor):
                meant.setdefault(name, {})[id(plain(x))] = plain(x)
    for name, tensors in meant.items():
        x = next(iter(tensors.values()))
        if len(tensors) == 1 and x.name is None:
            x.named(name)


# What takes a Tensor out of its graph on purpose.
_WAYS_OUT = {
    Tensor.item.__code__,
    Tensor.tolist.__code__,
    Tensor.detach.__code__,
    vars(Tensor)["data"].fget.__code__,
    switch.__enter__.__code__,  # no_grad
}


def left_at(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Where a function takes recorded values out of the graph, in words; empty if it does not."""
    found: list[str] = []

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event != "call" or frame.f_code not in _WAYS_OUT or frame.f_back is None:
            return
        thing, line = frame.f_locals["self"], frame.f_back
        recorded = thing.requires_grad if isinstance(thing, Tensor) else "recording" in thing.fields
        if recorded and not found and not line.f_code.co_filename.startswith(HERE):
            at = traceback.FrameSummary(line.f_code.co_filename, line.f_lineno, "")
            found.append(_("the graph is left at {place}", place=place_of(at)))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        attempted(f, *args, **kwargs)
    except StudentError:
        pass
    finally:
        sys.setprofile(before)
    return "".join(found)
