"""The tape: what a recorded node is, the order of the backward pass, and accumulation.

A node is the output of one operation. It holds its inputs and one closure per input that needs a
gradient; a closure never captures the output, so a graph has no cycle and is freed by reference
counting. Nodes carry a *rank*, a number that grows with each Tensor made: inputs always rank
below outputs, so that walking the ranks downwards is a topological order. A leaf changed in place
gets a new rank, and a rank above its consumer's betrays the change to the backward pass.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..errors import ArgumentError, GraphError
from ..kernels import Array
from ..messages import _
from . import watch

F = TypeVar("F", bound=Callable[..., Any])
Closure = Callable[..., Any]

# A graph whose values weigh more is released while the backward pass goes.
RELEASE_ABOVE = 16 * 2**20

LIVE, SPENT, RELEASED = 0, 1, 2

next_rank = itertools.count(1).__next__


class Node:
    """What the tape keeps of a Tensor: its value and how it was made."""

    __slots__ = (
        "__weakref__",
        "_closures",  # one per input; None where no gradient is needed
        "_data",
        "_inputs",  # the operation's array arguments: Tensors and raw arrays
        "_op",  # the Operation, or None for a leaf
        "_rank",
        "_requires_grad",
        "_state",  # LIVE, SPENT (differentiated, still readable) or RELEASED
        "_static",  # the other arguments, (positional, by keyword), or None
        "_where",  # the Module call, or a watch.Trace under debug()
    )

    _data: Array
    _rank: int
    _requires_grad: bool
    _op: Any
    _inputs: tuple[Any, ...]
    _closures: tuple[Closure | None, ...]
    _static: tuple[tuple[Any, ...], dict[str, Any]] | None
    _where: Any
    _state: int


# --- switches: per thread and per async task -------------------------------------------------


class Mode(NamedTuple):
    """How operations are recorded here and now."""

    recording: bool = True
    debug: bool = False
    module: str | None = None  # label of the Module call under way
    path: str = ""  # its dotted path
    owner: Any = None  # the Module itself
    depth: int = 0  # how many transforms (grad, hessian, ...) are around


_mode: contextvars.ContextVar[Mode] = contextvars.ContextVar("mode", default=Mode())  # noqa: B039
current_mode = _mode.get


class switch:  # noqa: N801 - used as a context manager and as a decorator
    """Change fields of the mode inside a ``with`` block or a decorated function."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        self.tokens: list[contextvars.Token[Mode]] = []

    def __enter__(self) -> None:
        self.tokens.append(_mode.set(_mode.get()._replace(**self.fields)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _mode.reset(self.tokens.pop())

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ArgumentError(
                _(
                    "a generator gives control back between its values: "
                    "use `with` inside {name} instead of the decorator"
                ),
                name=function.__name__,
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def inside(*args: Any, **kwargs: Any) -> Any:
                with switch(**self.fields):
                    return await function(*args, **kwargs)
        else:

            @functools.wraps(function)
            def inside(*args: Any, **kwargs: Any) -> Any:
                with switch(**self.fields):
                    return function(*args, **kwargs)

        return inside  # type: ignore[return-value]


def no_grad() -> switch:
    """Record nothing inside a ``with`` block or a decorated function.

    It holds for the current thread and async task only.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.1 * w
    >>> w
    Tensor([0.9, 1.8], requires_grad=True)
    """
    return switch(recording=False)


def debug() -> switch:
    """Raise at the first NaN or infinity, and at inputs changed in place after their use.

    Slower: each value is looked at, forward and backward. The error names the operation, the
    range of its inputs and the line that made it.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> with tg.debug():
    ...     y = tg.log(tg.Tensor([1.0, 2.0]))
    """
    return switch(debug=True)


# --- recording -------------------------------------------------------------------------------

def touch(leaf: Node) -> None:
    """Note that the library has changed a leaf in place."""
    leaf._rank = next_rank()


# --- the backward pass -----------------------------------------------------------------------


def collect(output: Node, limit: int = 0) -> tuple[dict[int, Node], dict[int, Node]]:
    """The recorded nodes and the leaves that lead to ``output``, by rank.

    Nothing that ranks below ``limit`` is visited: it is older than all that is asked for.
    """
    nodes: dict[int, Node] = {}
    leaves: dict[int, Node] = {}
    (leaves if output._op is None else nodes)[output._rank] = output
    stack = [output]
    while stack:
        node = stack.pop()
        if node._state:
            raise _spent(node)
        for x, closure in zip(node._inputs, node._closures):
            if closure is not None:
                rank = x._rank
                if x._op is None:
                    leaves[rank] = x
                elif rank not in nodes and rank >= limit:
                    nodes[rank] = x
                    stack.append(x)
    return nodes, leaves


def _restrict(nodes: dict[int, Node], wanted: set[int]) -> dict[int, Node]:
    """The nodes on a path to the ``wanted`` ranks."""
    useful = set(wanted)
    kept = {}
    for rank in sorted(nodes):
        node = nodes[rank]
        if any(
            closure is not None and x._rank in useful
            for x, closure in zip(node._inputs, node._closures, strict=True)
        ):
            useful.add(rank)
            kept[rank] = node
    return kept


def run(
    output: Node,
    upstream: Any,
    wanted: Iterable[Node] | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
    keep: Callable[[Node, Any], None] | None = None,
) -> list[tuple[Node, Any]]:
    """Walk the graph backwards from ``output``.

    Parameters
    ----------
    output, upstream
        Where to start, and the gradient there: an array, or a Tensor under ``create_graph``.
    wanted
        The nodes whose gradients are asked for; all leaves when None.
    create_graph
        Hand Tensors to the closures, so that the pass itself is recorded.
    retain_graph
        Leave the graph as it was.
    keep
        Called with each intermediate node and its gradient.

    Returns
    -------
    list of (node, gradient)
        For the wanted nodes that are connected. A gradient is an array that nothing else
        refers to, or a Tensor under ``create_graph``.
    """
    if wanted is None:
        nodes, leaves = collect(output)
        asked, pruned = leaves, False
    else:
        asked = {node._rank: node for node in wanted}
        nodes, leaves = collect(output, min(asked, default=0))
        nodes, pruned = _restrict(nodes, set(asked)), True
    release = not (retain_graph or create_graph)
    heavy = release and sum(node._data.nbytes for node in nodes.values()) > RELEASE_ABOVE
    start = output._rank
    if create_graph:
        with switch(recording=True):
            found = _walk(nodes, asked, pruned, start, upstream, True, release, heavy, keep)
        return [(asked[rank], g) for rank, g in found.items()]
    found = _walk(nodes, asked, pruned, start, upstream, False, release, heavy, keep)
    return [(asked[rank], g) for rank, g in _own(found)]


def _walk(
    nodes: dict[int, Node],
    asked: dict[int, Node],
    pruned: bool,
    start: int,
    upstream: Any,
    create_graph: bool,
    release: bool,
    heavy: bool,
    keep: Callable[[Node, Any], None] | None,
) -> dict[int, Any]:
    grads: dict[int, Any] = {start: upstream}
    found: dict[int, Any] = {}
    ours: set[int] = set()  # ranks whose gradient is a sum that this pass has made
    watching = _mode.get().debug
    order = sorted(nodes, reverse=True)
    for rank in order:
        node = nodes.pop(rank)
        g = grads.pop(rank, None)
        if g is None:  # every contribution was None
            continue
        if rank in asked:
            found[rank] = g
        if keep is not None:
            keep(node, g)
        if watching:
            watch.unchanged(node)
        inputs, closures = node._inputs, node._closures
        y: Any = node if create_graph else node._data
        values = []
        for x in inputs:
            if isinstance(x, Node):
                if x._rank > rank:
                    raise _changed(node, x)
                values.append(x if create_graph else x._data)
            else:
                values.append(x)
        for x, closure in zip(inputs, closures):
            if closure is None:
                continue
            where = x._rank
            if pruned and where not in nodes and where not in asked:
                continue
            try:
                d = closure(g, y, *values)
            except Exception as error:
                error.add_note(_in_the_gradient_of(node))
                raise
            if d is None:
                continue
            data = x._data
            try:
                if d.shape != data.shape or d.dtype is not data.dtype:
                    d = _fit(d, node, x)
            except AttributeError:
                d = _fit(np.asarray(d), node, x)
            if watching:
                watch.finite_gradient(node, x, d)
            old = grads.get(where)
            if old is None:
                grads[where] = d
            elif where in ours and not create_graph:
                old += d  # the one place where a gradient is added to in place
                grads[where] = old
            else:
                grads[where] = old + d
                ours.add(where)
        if heavy:
            node._inputs = node._closures = ()
            node._state = RELEASED
        elif release:
            node._state = SPENT
    for rank in asked:
        if rank in grads:
            found[rank] = grads.pop(rank)
    return found


def _fit(d: Any, node: Node, x: Node) -> Any:
    """Undo broadcasting, and give the gradient the dtype of its Tensor."""
    shape = x._data.shape
    added = d.ndim - len(shape)
    axes = tuple(range(added)) + tuple(
        added + axis
        for axis, (n, m) in enumerate(zip(shape, d.shape[max(added, 0) :], strict=False))
        if n == 1 and m != 1
    )
    if added >= 0 and axes:
        d = d.sum(axes, keepdims=True).reshape(shape)
    if d.shape != shape:
        raise GraphError(
            _(
                "a closure of {operation} gave a gradient of shape {got} for an input of "
                "shape {shape}: it must have the shape of its input"
            ),
            operation=node._op.name,
            got=d.shape,
            shape=shape,
        )
    return d if d.dtype == x._data.dtype else d.astype(x._data.dtype)


def _count(thing: Any) -> int:
    return sys.getrefcount(thing)


def _count_of_one_local() -> int:
    fresh = np.empty(())
    return _count(fresh)


# What _count says of an object that only one local variable refers to.
_ALONE = _count_of_one_local()


def _own(found: dict[int, Any]) -> list[tuple[int, Array]]:
    """The gradients as arrays that share their memory with nothing else; empties ``found``.

    A closure may hand out its upstream gradient, a view of it or an array that it has captured.
    To copy every gradient would cost a dense layer of 784x256 a tenth of its step; the
    interpreter's reference counts say whether anything else can reach the memory.
    """
    owned = []
    while found:
        rank, g = found.popitem()
        base = getattr(g, "base", None)
        if not isinstance(g, np.ndarray):
            g = np.asarray(g) if isinstance(g, np.generic) else g.copy()
        elif base is None:
            if _count(g) > _ALONE or not g.flags.owndata:
                g = g.copy()
        elif (
            not isinstance(base, np.ndarray)
            or not (base.flags.owndata and g.flags.writeable and base.nbytes == g.nbytes)
            or _count(base) > _ALONE + 1
            or _count(g) > _ALONE
        ):
            g = g.copy()
        owned.append((rank, g))
        del base
    return owned


# --- errors ----------------------------------------------------------------------------------


def _spent(node: Node) -> GraphError:
    return GraphError(
        _(
            "the graph behind {operation} has been differentiated already: call "
            "backward(retain_graph=True) the first time, or compute the value again"
        ),
        operation=node._op.name,
    )


def _in_the_gradient_of(node: Node) -> str:
    shapes = ", ".join(str(np.shape(x)) for x in node._inputs)
    return _("in the gradient of {operation}, whose inputs have the shapes {shapes}").format(
        operation=node._op.name, shapes=shapes
    )


def _changed(node: Node, x: Node) -> GraphError:
    return GraphError(
        _(
            "{name} {shape} was changed in place after {operation} had used it: its gradient would "
            "be wrong. Call backward() before the update, or compute the value again after it"
        ),
        name=getattr(x, "name", None) or "Tensor",
        shape=x._data.shape,
        operation=node._op.name,
    )
