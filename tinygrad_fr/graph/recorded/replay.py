"""The recorded graph played again with a change: only what lies after the change is computed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd.engine import Node
from ...kernels import Array
from .arguments import call, substituted

# In place of an operation: what takes its arguments, or something with arguments of its own.
Function = Callable[..., Any] | tuple[Callable[..., Any], tuple[Any, ...]]


def replay(
    nodes: Iterable[Any],
    new: dict[int, Any],
    functions: Mapping[int, Function] | None = None,
    constants: Callable[[Array], Array] | None = None,
) -> dict[int, Any]:
    """Compute again what depends on a change.

    Parameters
    ----------
    nodes
        Recorded Tensors, in the order of computation.
    new
        What stands in place of some, by their identities; the others that change are added. With
        arrays all is computed on arrays, with Tensors it is recorded.
    functions
        By identity, functions that take what the recorded operation took, or each with the
        Tensors that it takes.
    constants
        Applied to every array among the arguments.
    """
    functions = functions or {}
    with np.errstate(all="ignore"):
        for node in nodes:
            if node._op is None or id(node) in new:
                continue
            args, kwargs = call(node)
            function = functions.get(id(node), node._op.function)
            if isinstance(function, tuple):
                function, args, kwargs = *function, {}
            changed = id(node) in functions or any(id(x) in new for x in node._inputs)
            if constants is not None:
                moved = tuple(_moved(x, constants) for x in args)
                changed = changed or any(a is not b for a, b in zip(args, moved, strict=True))
                args = moved
            if changed:
                made = function(*substituted(args, new), **kwargs)
                new[id(node)] = made
                if node._name is not None and getattr(made, "_name", "") is None:
                    made.named(node._name)
    return new


def _moved(x: Any, constants: Callable[[Array], Array]) -> Any:
    if isinstance(x, np.ndarray) and not isinstance(x, Node):
        return constants(x)
    if isinstance(x, (list, tuple)):
        parts = [_moved(item, constants) for item in x]
        return x if all(a is b for a, b in zip(x, parts, strict=True)) else type(x)(parts)
    return x
