"""NumPy functions on Tensors: which are recorded, which give plain arrays, which are refused."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import DTypeError, GraphError, IndexingError, ShapeError
from ...kernels import Array
from ...messages import _
from ..engine import Node, touch
from . import messages

# NumPy function -> operation. Filled by the registry.
dispatch: dict[Any, Callable[..., Any]] = {}

# Functions that say something about their arguments, or are constant between jumps: on Tensors
# they give plain arrays, and no gradient is lost.
plain = {
    np.shape, np.ndim, np.size, np.argmax, np.argmin, np.argsort, np.argwhere, np.nonzero,
    np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize, np.sign, np.signbit, np.floor,
    np.ceil, np.rint, np.round, np.around, np.trunc, np.isnan, np.isinf, np.isfinite, np.isclose,
    np.allclose, np.array_equal, np.array_equiv, np.any, np.all, np.zeros_like, np.ones_like,
    np.empty_like, np.full_like, np.array_repr, np.array_str, np.array2string, np.result_type,
    np.can_cast, np.may_share_memory, np.shares_memory, np.isin, np.iscomplexobj, np.isrealobj,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.histogram, np.bincount,
    np.broadcast_shapes, np.floor_divide,
}  # fmt: skip

# But the numbers in these arguments of theirs reach the result.
_HANDED_ON = {
    np.full_like: ("fill_value",),
    np.bincount: ("weights", "1"),
    np.histogram: ("bins", "range", "weights"),
}


def dispatched(function: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """What a NumPy function gives for arguments among which there are Tensors."""
    answer = dispatch.get(function) if method == "__call__" else None
    operation: Any = getattr(answer, "operation", None)
    if answer is not None and not kwargs and len(args) == _required(operation):
        return answer(*args)
    named = _named(function, args, kwargs)
    foreign = [] if method == "__call__" else [method]
    if answer is not None:
        given, options, foreign = _in_our_words(function, operation, named)
        if not foreign:
            return answer(*given, **options)
    tracked = any_tracked(args, kwargs)
    if tracked:
        _refuse_a_loss(function, named, foreign)
    _refuse_a_change(function, method, named)
    try:
        y = getattr(function, method)(*without_tensors(args), **without_tensors(kwargs))
    except (ValueError, TypeError, IndexError) as error:
        if not tracked:
            raise
        kind = IndexingError if isinstance(error, IndexError) else ShapeError
        raise (DTypeError if isinstance(error, TypeError) else kind)(
            _("np.{name}: {error}"), name=_name(function), error=error
        ) from error
    return _unshared(y, [x._array for x in named.values() if isinstance(x, Node)])


def _unshared(y: Any, arrays: list[Array]) -> Any:
    """A result without views: they would change a Tensor behind the back of what it recorded."""
    if type(y) in (list, tuple):
        return type(y)(_unshared(part, arrays) for part in y)
    shared = isinstance(y, np.ndarray) and any(np.may_share_memory(y, x) for x in arrays)
    return y.copy() if shared else y


def _refuse_a_loss(function: Any, named: dict[str, Any], foreign: list[str]) -> None:
    """Raise where a plain array would lose the gradient of an argument."""
    handed_on: Any = _HANDED_ON.get(function, ()) if function in plain else named
    if function is np.floor_divide and foreign:
        handed_on = named  # reduced over one entry it gives that entry
    if function is np.histogram and np.ndim(without_tensors(named.get("bins", 10))) == 0:
        handed_on = named  # its edges are made from the data
    for argument in handed_on:
        if any_tracked(named.get(argument)):
            name = _name(function)
            raise GraphError(
                _(
                    "{name} writes into an array, where the gradient would be lost: "
                    "r = r + t instead of r += t"
                )
                if foreign == ["out="]
                else _(
                    "np.{name} is recorded in its plain form only, without {arguments}. "
                    "Use tg.{name}, or .detach() the Tensor"
                )
                if foreign
                else _(
                    "np.{name} has no recorded form: its gradient would be lost. Use an operation "
                    "of the library, .detach() the Tensor, or write your own with @tg.op"
                ),
                name=f"{name}(..., {argument}=...)" if function in plain else name,
                arguments=", ".join(foreign),
            )


def _name(function: Any) -> str:
    """``linalg.svd``: what stands behind ``np.``."""
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module}.{function.__name__}".removeprefix("numpy.")


def _refuse_a_change(function: Any, method: str, named: dict[str, Any]) -> None:
    """Raise where a recorded Tensor would be changed in place; tell the graph of other changes."""
    out = named.get("out", ())
    changed = [*out] if isinstance(out, tuple) else [out]
    in_place = function is np.nan_to_num and named.get("copy") is False
    if function in _CHANGING or method == "at" or in_place:
        changed += [named[key] for key in _FIRST if key in named][:1]
    for x in changed:
        if isinstance(x, Node):
            if x._requires_grad:
                raise messages.in_place(x, instead="tg.where(mask, new, old)")
            touch(x)


# Functions that change their first argument, and its names.
_CHANGING = {
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
}  # fmt: skip
_FIRST = ("0", "dst", "a", "arr", "x")

# What asks for nothing, if it is not the default already.
_NOTHING = {
    "out": None, "where": True, "dtype": None, "casting": "same_kind", "order": "K",
    "subok": True, "signature": None, "initial": None,
}  # fmt: skip
# Arguments that choose a way, not a result.
_SAME_RESULT = {"kind", "stable", "optimize"}


def _in_our_words(function: Any, operation: Any, named: dict[str, Any]) -> Any:
    """The call in the operation's own arguments, and those for which it has none.

    By position where NumPy asks for them, by name where it does not: its order is not ours.
    """
    known = {*operation.parameters, *(operation.body.__kwdefaults__ or ())}
    required, defaults = _required(operation), _defaults(function)
    given: list[Any] = []
    options, foreign = {}, []
    for theirs, value in named.items():
        name = operation.aliases.get(theirs, theirs)
        if value is np._NoValue:
            continue
        if len(given) < required or name.isdigit() or (operation.variadic and name in _VARIADIC):
            given.append(value)
        elif name in known:
            options[name] = value
        elif name not in _SAME_RESULT and not any(
            value is nothing or (isinstance(value, (bool, str)) and value == nothing)
            for nothing in (defaults.get(name, ...), _NOTHING.get(name, ...))
        ):
            foreign.append(f"{name}=")
    if len(given) < required or not (operation.variadic or len(given) <= len(operation.parameters)):
        foreign.append(", ".join(named))
    return given, options, foreign


def _required(operation: Any) -> int:
    return len(operation.parameters) - len(operation.defaults)


_VARIADIC = {"shape", "axes", "newshape"}


def _named(function: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments by NumPy's names, in its order; by number where it has no names."""
    names = [*_defaults(function), *map(str, range(len(args)))]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    return {name: given.pop(name) for name in names if name in given} | given


@functools.cache
def _defaults(function: Any) -> dict[str, Any]:
    """NumPy's arguments in their order, with the defaults, as far as it tells them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return {}
    if isinstance(function, np.ufunc) or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return {}
    return {p.name: p.default for p in parameters}


def any_tracked(*things: Any) -> bool:
    """Whether there is a recorded Tensor among them, inside tuples, lists and dicts, too."""
    for thing in things:
        if isinstance(thing, Node):
            if thing._requires_grad:
                return True
        elif isinstance(thing, dict):
            if any_tracked(*thing.values()):
                return True
        elif isinstance(thing, (tuple, list)) and any_tracked(*thing):
            return True
    return False


def without_tensors(thing: Any) -> Any:
    """The same with arrays for Tensors, inside tuples and lists, too."""
    if isinstance(thing, Node):
        return thing._array
    if type(thing) in (tuple, list):
        return type(thing)(without_tensors(item) for item in thing)
    if isinstance(thing, dict):
        return {key: without_tensors(value) for key, value in thing.items()}
    return thing


class NumPyProtocols(Node):
    """The methods by which NumPy asks a Tensor."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype, copy=copy)  # type: ignore[attr-defined]

    def __dlpack__(self, **options: Any) -> Any:
        return self.numpy().__dlpack__(**options)  # type: ignore[attr-defined]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return dispatched(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return dispatched(function, "__call__", args, kwargs)
