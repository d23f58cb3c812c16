"""Walking a recorded graph: its values in order, and gradients from the last to the first."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import numpy as np

from ...autograd.engine import RELEASED, Node, handed, unbroadcast
from ...autograd.modes import no_grad
from ...errors import GraphError
from ...kernels import Array
from ...kernels.scatter import Scattered
from ...messages import _

Use = TypeVar("Use", bound=Hashable)


def ordered(roots: Iterable[Node]) -> list[Any]:
    """The Tensors that some were made from, themselves included, in an order of computation.

    Operations go by rank and leaves just before their first use: the rank of a leaf that was
    changed in place since is above that of its consumers.
    """
    found: dict[int, Any] = {id(node): node for node in roots}
    stack = list(found.values())
    while stack:
        node = stack.pop()
        if node._state == RELEASED:
            raise GraphError(
                _(
                    "the backward pass has released this graph ({operation}): read it before, or "
                    "call backward(retain_graph=True)"
                ),
                operation=node._op.name,
            )
        for x in node._inputs:
            if isinstance(x, Node) and id(x) not in found:
                found[id(x)] = x
                stack.append(x)
    order: dict[int, Any] = {}
    for node in sorted(found.values(), key=lambda node: (node._op is None, node._rank)):
        for x in (*node._inputs, node):
            if isinstance(x, Node):
                order.setdefault(id(x), x)
    return list(order.values())


def walk(
    targets: Iterable[int],
    uses: Callable[[int], Iterable[tuple[Use, int]]],
    upstream: dict[int, Array],
    carried: Callable[[Use, Array], Any],
) -> None:
    """Add to ``upstream``, by number of a value, what its uses hand on to it.

    Parameters
    ----------
    targets
        The numbers of the values, the last computed first.
    uses
        The uses of others from which a value was made, each with the number of its source.
    upstream
        The gradients to start from.
    carried
        What a use makes of the gradient that arrives at its target; None where nothing flows.
    """
    owned: set[int] = set()  # the values whose gradient is an array made here
    with no_grad(), np.errstate(all="ignore"):
        for target in targets:
            g = upstream.get(target)
            for use, source in uses(target) if g is not None else ():
                d = carried(use, g)  # type: ignore[arg-type]
                if d is None:
                    continue
                if source in owned and isinstance(d, Scattered):
                    d.add_to(upstream[source])
                    continue
                before = upstream.get(source)
                upstream[source] = np.asarray(d if before is None else before + np.asarray(d))
                if isinstance(d, Scattered):
                    owned.add(source)


def contribution(node: Any, position: int, g: Array) -> Any:
    """What the recorded rule of a node makes of a gradient, for one of its inputs."""
    closure = node._closures[position]
    return (
        None if closure is None else fitted(closure(g, node._array, *handed(node)), node, position)
    )


def fitted(d: Any, node: Any, position: int) -> Any:
    """A contribution in the shape and dtype of the input that it goes to."""
    x = node._inputs[position]
    if d is None or (isinstance(d, Scattered) and d.dtype == x._array.dtype):
        return d
    d = d if isinstance(d, Node) else np.asarray(d)
    same = d.shape == x._array.shape and d.dtype == x._array.dtype
    return d if same else unbroadcast(d, node, x)


def operands(node: Any) -> list[Any]:
    """The arrays that a node was made of."""
    return [x._array if isinstance(x, Node) else x for x in node._inputs]
