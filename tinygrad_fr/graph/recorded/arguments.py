"""The arguments of a recorded call by name, bound once with the operation's defaults."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.engine import Node


def call(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the operation was called with: arguments by position and by keyword."""
    return node._static or (node._inputs, {})


def bound(node: Any) -> dict[str, Any]:
    """All arguments of the call that made a node, by name; with the operation's defaults."""
    body = inspect.unwrap(node._op.body)
    return {**_named(node), **{**(body.__kwdefaults__ or {}), **call(node)[1]}}


def _named(node: Any) -> dict[str, Any]:
    """The same without the defaults of what can be given by name only."""
    operation, (args, kwargs) = node._op, call(node)
    defaults = operation.defaults
    named = {
        name: args[i] if i < len(args) else defaults[name]
        for i, name in enumerate(operation.parameters)
        if i < len(args) or name in defaults
    }
    rest = args[len(operation.parameters) :]
    return {**named, **({operation.parameter(len(args)): list(rest)} if rest else {}), **kwargs}


def static(node: Any) -> dict[str, Any]:
    """What was given, or stands by default, and is not an array of the graph."""
    named, args = _named(node), call(node)[0]
    skipped = 0
    for i, x in enumerate(args):
        if skipped >= len(node._inputs):
            break
        if not (i == 0 and isinstance(x, str)):  # einsum's subscripts
            skipped += len(x) if _laid_out(x) else 1
            named.pop(node._op.parameter(i), None)
    for name in node._op.parameters[len(args) : len(node._inputs)]:
        named.pop(name, None)
    return named


def _laid_out(x: Any) -> bool:
    """Whether an argument is a sequence of arrays, each an input of its own."""
    return isinstance(x, (list, tuple)) and any(isinstance(y, (Node, np.ndarray)) for y in x)


def substituted(x: Any, new: dict[int, Any]) -> Any:
    """An argument with other Tensors in place of some, by their identities; lists included."""
    if isinstance(x, Node):
        return new.get(id(x), x)
    if isinstance(x, (list, tuple)):
        return type(x)(substituted(item, new) for item in x)
    return x


def refilled(node: Any, inputs: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The recorded call with others in the place of its first array arguments.

    Arrays among the rest are copied: a call may change them, as batch norm its statistics.
    """
    recorded, kwargs = call(node)
    rest, new = list(inputs), list[Any]()
    for i, x in enumerate(recorded):
        if not rest or (i == 0 and isinstance(x, str)):
            new.append(_copied(x))
        elif _laid_out(x):
            new.append(type(x)(rest[: len(x)]))
            del rest[: len(x)]
        else:
            new.append(rest.pop(0))
    by_name = {name: _copied(x) for name, x in kwargs.items()}
    for name in node._op.parameters[len(recorded) :]:
        if rest and name in by_name:
            by_name[name] = rest.pop(0)
    return tuple(new), by_name


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x
