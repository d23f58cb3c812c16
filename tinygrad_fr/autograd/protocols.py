"""NumPy functions on Tensors: which are recorded, which give plain arrays, which are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError
from ..kernels import Array
from ..messages import _
from .conversion import in_place_error
from .engine import Node, touch

# NumPy function -> operation. Filled by the registry.
dispatch: dict[Any, Callable[..., Any]] = {}

# Functions that say something about an array, or are constant between jumps: on Tensors they
# give plain arrays, and no gradient is lost.
plain = {
    np.shape, np.ndim, np.size, np.argmax, np.argmin, np.argsort, np.argwhere, np.nonzero,
    np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize, np.sign, np.signbit, np.floor,
    np.ceil, np.rint, np.round, np.trunc, np.isnan, np.isinf, np.isfinite, np.isclose, np.allclose,
    np.array_equal, np.array_equiv, np.any, np.all, np.zeros_like, np.ones_like, np.empty_like,
    np.full_like, np.array_repr, np.array_str, np.array2string, np.result_type, np.can_cast,
    np.may_share_memory, np.shares_memory, np.isin, np.unique, np.iscomplexobj, np.isrealobj,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.histogram, np.bincount,
    np.broadcast_shapes, np.floor_divide,
}  # fmt: skip


def dispatched(function: Any, method: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """What a NumPy function gives for arguments among which there are Tensors."""
    operation = dispatch.get(function) if method == "__call__" else None
    tracked = _any_tracked(args, kwargs)
    if operation is not None:
        call = _in_our_words(operation.operation, args, kwargs)  # type: ignore[attr-defined]
        if call is not None:
            return operation(*call[0], **call[1])
    if tracked and function not in plain:
        name = getattr(function, "__name__", str(function))
        if operation is not None or method != "__call__":
            raise GraphError(
                _(
                    "np.{name} is recorded in its plain form only, without {arguments}. "
                    "Use tg.{name}, or .detach() the Tensor"
                ),
                name=name,
                arguments=", ".join(f"{key}=" for key in kwargs) or method.strip("_"),
            )
        raise GraphError(
            _(
                "np.{name} has no recorded form: its gradient would be lost. Use an operation of "
                "the library, .detach() the Tensor, or write your own with @tg.op"
            ),
            name=name,
        )
    out = kwargs.get("out", ())
    first = (*args[:1], *(kwargs[key] for key in ("dst", "a", "arr") if key in kwargs))[:1]
    changing = function in _CHANGING or method == "at"
    changing |= function is np.nan_to_num and kwargs.get("copy") is False
    for changed in (*(out if isinstance(out, tuple) else (out,)), *(first if changing else ())):
        if isinstance(changed, Node):
            if changed._requires_grad:
                raise in_place_error(changed, "tg.where(mask, new, old)")
            touch(changed)
    called = function if method == "__call__" or not hasattr(function, method) else getattr(
        function, method
    )  # fmt: skip
    return called(*without_tensors(args), **without_tensors(kwargs))


# Functions that change their first argument.
_CHANGING = {
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
}  # fmt: skip

# NumPy's names of arguments that are ours under another name.
_RENAMED = {"a_min": "min", "a_max": "max"}
_FIRST = ("a", "array", "x", "x1")


def _in_our_words(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The call in the operation's own arguments, or None if it has none for some of them."""
    kwargs = {
        key: value
        for key, value in kwargs.items()
        if key not in _SAME_RESULT
        and not (key in _NUMPY_ONLY and (value is None or value is np._NoValue or value is True))
    }
    if not args and (first := next((key for key in _FIRST if key in kwargs), None)):
        args = (kwargs.pop(first),)
    if operation.variadic and len(kwargs) == 1 and set(kwargs) <= {"shape", "axes", "newshape"}:
        return (*args, *kwargs.values()), {}
    if operation.name == "clip":
        kwargs = in_our_names(kwargs)
    required = len(operation.parameters) - len(operation.defaults)
    known = {*operation.parameters, *(operation.body.__kwdefaults__ or ())}
    if len(args) + len(kwargs) < required or not kwargs.keys() <= known:
        return None
    return args, kwargs


def in_our_names(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords of NumPy's ``clip`` under ours."""
    return {_RENAMED.get(key, key): value for key, value in kwargs.items()}


# Arguments that choose a way, not a result.
_SAME_RESULT = {"kind", "stable", "optimize"}
_NUMPY_ONLY = {"out", "where", "dtype", "casting", "order", "subok", "signature", "initial"}


def _any_tracked(*things: Any) -> bool:
    for thing in things:
        if isinstance(thing, Node):
            if thing._requires_grad:
                return True
        elif isinstance(thing, dict):
            if _any_tracked(*thing.values()):
                return True
        elif isinstance(thing, (tuple, list)) and _any_tracked(*thing):
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
        array: Array = self.numpy()  # type: ignore[attr-defined]
        if dtype is not None and array.dtype != dtype and copy is not False:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return dispatched(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return dispatched(function, "__call__", args, kwargs)
