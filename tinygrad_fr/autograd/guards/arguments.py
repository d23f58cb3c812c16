"""Which arguments of a call are arrays of the graph, and which are static."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from types import EllipsisType, NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, DTypeError, GraphError
from ..engine import Node, share_memory
from ..tensor import Tensor
from .conversion import AS_IS, as_operand
from .messages import static_tensor, without_gradient

if TYPE_CHECKING:
    from ..operation import Closure, Operation


def to_positions(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Move keywords to their positions, so that a closure finds each argument in its place."""
    if operation.aliases:
        kwargs = {operation.aliases.get(name, name): x for name, x in kwargs.items()}
    names = operation.parameters[len(args) :]
    last = max((i for i, name in enumerate(names) if name in kwargs), default=-1)
    moved = []
    for name in names[: last + 1]:
        if name in kwargs:
            moved.append(kwargs[name])
        elif name in operation.defaults:
            moved.append(operation.defaults[name])
        else:
            return args, kwargs  # an argument is missing: Python says so when the body is called
    rest = {name: x for name, x in kwargs.items() if name not in names[: last + 1]}
    for name, x in rest.items():
        if isinstance(x, Tensor):
            if x._requires_grad:
                raise static_tensor(operation=operation.name, name=name)
            rest[name] = x._array
    return (*args, *moved), rest


# Sequences of numbers that NumPy takes for arrays.
_SEQUENCES = (range, deque, array, bytearray, memoryview)


def unwrapped(
    operation: Operation, args: tuple[Any, ...]
) -> tuple[tuple[Any, ...], list[Any], bool, int, bool]:
    """The arguments, the same without Tensors, whether there were any, how many are tracked.

    And whether the array arguments must be searched for: after a string, or in a sequence.
    """
    raw = list(args)
    found = nested = False
    tracked = 0
    for i, x in enumerate(args):
        if isinstance(x, Node):
            found = True
            tracked += x._requires_grad
            raw[i] = x._array
        elif (
            x.__class__ is tuple
            and operation.arrays
            and operation.parameter(i) not in operation.arrays
            and _all_plain(x)
        ):
            continue  # a shape, axes, slices: there is nothing to look for inside
        elif x.__class__ is tuple or x.__class__ is list:
            raw[i], tensors, inside = _unwrap(operation, operation.parameter(i), x)
            found |= tensors
            tracked += inside
            if raw[i].__class__ is np.ndarray:  # a list of numbers, given for an array
                args = (*args[:i], raw[i], *args[i + 1 :])
            else:
                nested = True
        elif x.__class__ is str:
            nested = True
        elif x.__class__ not in AS_IS:
            raw[i] = as_operand(x)
            if operation.parameter(i) in operation.arrays and isinstance(x, _SEQUENCES):
                raw[i] = np.asarray(x)
            args = (*args[:i], raw[i], *args[i + 1 :])
    return args, raw, found, tracked, nested


_PLAIN = frozenset((int, slice, NoneType, EllipsisType))


def _all_plain(x: tuple[Any, ...]) -> bool:
    if len(x) == 2:  # a stride, a padding, an index: 0.4 us less
        return x[0].__class__ in _PLAIN and x[1].__class__ in _PLAIN
    return all(n.__class__ in _PLAIN for n in x)


def as_arrays(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any], beside: Any = None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with arrays for the lists and numbers given for arrays.

    A number promotes none of those that stand ``beside`` it, by default all others.
    """
    given_beside = (*args, *kwargs.values()) if beside is None else beside
    dtypes = [x.dtype for x in given_beside if hasattr(x, "dtype")]
    arrays = (getattr(x, "_array", x) for x in (*args, *kwargs.values()))
    like = next((x for x in arrays if hasattr(x, "__array_function__")), None)

    def given(name: str, x: Any) -> Any:
        if name not in operation.arrays:
            return x
        y = _as_array(operation, name, x, dtypes)
        return y if y is x or isinstance(y, Node) else np.asarray(y, like=like)

    positional = tuple(given(operation.parameter(i), x) for i, x in enumerate(args))
    return positional, {name: given(name, x) for name, x in kwargs.items()}


def numbers_as_arrays(operation: Operation, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with arrays for Python numbers, or the very same if there are none.

    Numbers are left alone at first, so that in ``x * 2.0`` they do not promote; bodies that need
    an array, such as that of ``sum``, get one.
    """
    arrays, _ = as_arrays(operation, args, {}, beside=())  # a class index stays an integer
    if any(array is not x for array, x in zip(arrays, args, strict=True)):
        return arrays
    for x in args:
        if getattr(getattr(x, "dtype", None), "kind", "f") == "O":
            raise without_gradient(operation=operation.name, dtype=x.dtype)
    return args


def _as_array(operation: Operation, name: str, x: Any, dtypes: list[Any]) -> Any:
    if isinstance(x, Node):
        return x
    if x.__class__ not in AS_IS:
        x = as_operand(x)
    if hasattr(x, "dtype") or (x is None and name in operation.defaults):
        return x
    if isinstance(x, (list, tuple)):
        return _unwrap(operation, name, x)[0]
    if isinstance(x, (int, float)):
        return np.asarray(x, np.result_type(x, *dtypes))
    raise DTypeError(
        "{operation}: {name} must be a Tensor or an array, not {kind}",
        operation=operation.name,
        name=name,
        kind=type(x).__name__,
    )


def share_views(y: Any, args: Iterable[Any], tensor: Node) -> bool:
    """Note that a result lies on the memory of an argument, or is its very array."""
    for x in args:
        if isinstance(x, Node):
            array = x._array
            base = getattr(y, "base", None)
            same = base is array or base is getattr(array, "base", None)
            if y is array or (base is not None and same):
                share_memory(x, tensor)
                return True
        elif x.__class__ in (list, tuple) and share_views(y, x, tensor):
            return True
    return False


def plain_result(y: Any) -> Any:
    """A result as an array: NumPy's own, or that of another library."""
    if isinstance(y, (np.generic, int, float)):
        return np.asarray(y)
    y = as_operand(y)
    if not hasattr(y, "dtype"):
        raise DTypeError(
            "the body of an operation returns an array first, not {kind}", kind=type(y).__name__
        )
    return y


def matched(
    operation: Operation,
    args: tuple[Any, ...],
    closures: tuple[Closure | None, ...],
    tracked: int,
    nested: bool,
) -> tuple[tuple[Any, ...], tuple[Closure | None, ...]]:
    """The array arguments, and a closure for each that needs one; no closures if none does."""
    k = len(closures)
    inputs = _operands(operation, args, k) if nested or k > len(args) else args[:k]
    for x in inputs:
        dtype = getattr(getattr(x, "_array", x), "dtype", None)
        if dtype is not None and dtype.kind not in "biuf":
            raise without_gradient(operation=operation.name, dtype=dtype)
    closures = tuple([
        c if isinstance(x, Node) and x._requires_grad else None
        for x, c in zip(inputs, closures, strict=True)
    ])  # fmt: skip
    missing = closures.count(None)
    if k - missing != tracked:
        _refuse_static(operation, args, inputs, closures, tracked, nested)
    return inputs, closures if missing < k else ()


def _is_tracked(x: Any) -> bool:
    return isinstance(x, Node) and x._requires_grad


def _refuse_static(
    operation: Operation, args: tuple[Any, ...], inputs: tuple[Any, ...], closures: Any,
    tracked: int, nested: bool,
) -> None:  # fmt: skip
    """Refuse a recorded Tensor where no closure could give it a gradient.

    Beyond the array arguments, or among them where none is declared: as the running mean of a batch
    normalisation, which is no constant.
    """
    if sum(map(_is_tracked, inputs)) != tracked:
        parts = [x if isinstance(x, (list, tuple)) else (x,) for x in args]
        beyond = max(i for i, part in enumerate(parts) if any(map(_is_tracked, part)))
        raise static_tensor(operation=operation.name, name=operation.parameter(beyond))
    if operation.arrays and not nested:
        for i, (x, closure) in enumerate(zip(inputs, closures, strict=True)):
            name = operation.parameter(i)
            declared = name in operation.arrays or name == operation.variadic
            if closure is None and _is_tracked(x) and not declared:
                raise static_tensor(operation=operation.name, name=name)


def _unwrap(operation: Operation, name: str, sequence: Any) -> tuple[Any, bool, int]:
    """A list or tuple without its Tensors, whether it held any, and how many are tracked."""
    tensors = [x for x in sequence if isinstance(x, Tensor)]
    tracked = sum(x._requires_grad for x in tensors)
    if name in operation.arrays:
        if tracked:
            raise ArgumentError(
                "{operation} takes one array here, not a sequence of Tensors: stack them first",
                operation=operation.name,
            )
        try:
            array = np.asarray(_plain_items(sequence))
        except ValueError as error:
            raise DTypeError(
                "{operation}: {name} is not a regular grid of numbers ({error})",
                operation=operation.name,
                name=name,
                error=error,
            ) from error
        return array, bool(tensors), 0
    if not tensors and all(x.__class__ in AS_IS for x in sequence):
        return sequence, False, 0
    return type(sequence)(_plain_items(sequence)), bool(tensors), tracked


def _plain_items(sequence: Any) -> list[Any]:
    return [x._array if isinstance(x, Tensor) else as_operand(x) for x in sequence]


def _operands(operation: Operation, args: tuple[Any, ...], k: int) -> tuple[Any, ...]:
    """The ``k`` array arguments: after a leading string, sequences of arrays laid out."""
    operands: list[Any] = []
    for x in args[1:] if args[0].__class__ is str else args:
        if len(operands) >= k:
            break
        if isinstance(x, (list, tuple)):
            if any(isinstance(item, (Node, np.ndarray)) for item in x):
                operands.extend(x)
            else:
                operands.append(np.asarray(x))
        else:
            operands.append(x)
    missing = operation.parameters[len(args) :][: k - len(operands)]
    operands.extend(operation.defaults.get(name) for name in missing)
    if len(operands) != k:
        raise GraphError(
            "the body of {operation} returned {k} closures for {n} array arguments",
            operation=operation.name,
            k=k,
            n=len(operands),
        )
    return tuple(operands)
