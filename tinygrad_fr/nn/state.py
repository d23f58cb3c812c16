"""Parameters and buffers of a module as named arrays: loaded, and converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.tensor import Tensor
from ..checks import same_shape
from ..errors import ArgumentError, DTypeError


def loaded(module: Any, state: Any, strict: bool) -> tuple[list[str], list[str]]:
    """What ``Module.load_state_dict`` does; the names that are missing, and the unknown ones."""
    if not isinstance(state, Mapping):
        raise DTypeError(
            "a state is a dict of arrays by name, not {kind}", kind=type(state).__name__
        )
    own: dict[str, Any] = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
    if strict and (missing or unknown):
        raise ArgumentError(
            "the state is of another model: missing {missing}; unknown {unknown}",
            missing=", ".join(sorted(missing)) or "-",
            unknown=", ".join(sorted(unknown)) or "-",
        )
    new = {}
    for name in own.keys() & state.keys():
        value = getattr(state[name], "_array", state[name])
        if not hasattr(value, "__array_function__"):
            value = getattr(value, "data", value)  # a parameter of PyTorch, without its graph
        value = np.asarray(value, like=getattr(own[name], "_array", own[name]))
        same_shape(value, own[name].shape, name)
        if value.dtype.kind not in "fiub":
            raise DTypeError(
                "{name} in the state is not numeric: {dtype}", name=name, dtype=value.dtype
            )
        new[name] = value
    for name, value in new.items():
        target = own[name]
        if isinstance(target, Tensor):
            target._array[...] = value
            engine.touch(target)
        else:
            target[...] = value
    return sorted(missing), sorted(unknown)


def convert_all(module: Any, convert: Callable[[Any], Any]) -> None:
    """What ``Module.to`` does."""
    if not callable(convert):
        raise DTypeError(
            "to takes a function that converts an array, such as cupy.asarray: not {value!r}",
            value=convert,
        )
    for p in module.parameters():
        p.data, p.grad = convert(p.data), None
    for owner in module.modules():
        for name in owner._buffers:
            setattr(owner, name, convert(getattr(owner, name)))
