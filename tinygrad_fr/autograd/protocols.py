"""NumPy functions on Tensors: which are recorded, which give plain arrays, which are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError
from ..messages import _
from .engine import Node

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
    np.broadcast_shapes,
}  # fmt: skip


def dispatched(function: Any, callable_as_is: bool, args: Any, kwargs: dict[str, Any]) -> Any:
    """What a NumPy function gives for arguments among which there are Tensors."""
    operation = dispatch.get(function) if callable_as_is else None
    if operation is not None and not kwargs.keys() & _NUMPY_ONLY:
        return operation(*args, **kwargs)
    if function not in plain and _any_tracked(args, kwargs):
        name = getattr(function, "__name__", str(function))
        if operation is not None or not callable_as_is:
            raise GraphError(
                _(
                    "np.{name} is recorded in its plain form only, without out=, where=, dtype= "
                    "or a ufunc's method: {arguments}. Use tg.{name}, or .detach() the Tensor"
                ),
                name=name,
                arguments=", ".join(kwargs) or "method",
            )
        raise GraphError(
            _(
                "np.{name} has no recorded form: its gradient would be lost. Use an operation of "
                "the library, .detach() the Tensor, or write your own with @tg.op"
            ),
            name=name,
        )
    called = function if callable_as_is else function.__call__
    return called(*without_tensors(args), **without_tensors(kwargs))


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
        return thing._data
    if type(thing) in (tuple, list):
        return type(thing)(without_tensors(item) for item in thing)
    if isinstance(thing, dict):
        return {key: without_tensors(value) for key, value in thing.items()}
    return thing
