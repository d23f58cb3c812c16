"""Known functions, found where they were written with more elementary ones.

A pattern of names would miss most spellings and take a few for what they are not. So the part of a
graph that depends on one value alone is compared with the known functions by its numbers: on the
recorded values and on others. What agrees on both computes that function, however it is written.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ... import ops
from ...autograd.engine import Node
from ...kernels import Array
from .arguments import bound
from .expansion import normalised
from .replay import replay
from .walk import ordered

# No composition is found without one of these. From each, so many values back are looked at, and
# from those so many values on: the time grows with the size of the graph, and not with its square.
ANCHORS = {"exp": 6, "tanh": 4, "sqrt": 9, "power": 9, "var": 6, "std": 3}
SPAN = 24


@dataclass(frozen=True, eq=False)
class Composition:
    """A function of one value of the graph, written with several operations.

    Attributes
    ----------
    operation : str
        ``softmax``, ``log_softmax``, ``logsumexp``, ``sigmoid``, ``tanh``, ``softplus`` or
        ``standardised`` (less its mean, divided by its spread).
    input, output : Tensor
    inner : tuple of Tensor
        What lies between, in the order of computation.
    arguments : dict
        ``axis``; of ``standardised`` also ``eps``.
    function : callable
        What it computes, of the input.
    """

    operation: str
    input: Any
    output: Any
    inner: tuple[Any, ...]
    arguments: dict[str, Any]
    function: Callable[[Any], Any] = field(repr=False)

    @property
    def axis(self) -> Any:
        """The axis or axes along which it goes; None where it acts entry by entry."""
        return self.arguments.get("axis")


Known = tuple[str, dict[str, Any], Callable[[Any], Any]]


def compositions(nodes: Sequence[Any]) -> list[Composition]:
    """The compositions among the nodes of a graph, in the order of computation.

    Of several that overlap the one is kept that the others are made for: a softmax rather than its
    logarithm, a log-softmax rather than the log-sum-exp in it.

    Parameters
    ----------
    nodes
        Tensors in the order of computation.
    """
    same = _same(nodes)
    users: dict[int, list[Any]] = {}
    for node in nodes:
        for x in node._inputs:
            if isinstance(x, Node):
                users.setdefault(id(same[id(x)]), []).append(node)
    found: dict[int, Composition] = {}
    for anchor in nodes:
        if anchor._op is not None and anchor._op.name in ANCHORS:
            for each in _around(anchor, users, same):
                before = found.get(id(each.output))
                # exp(z - max) / sum is a softmax of z - max, too: the first value counts.
                if before is None or _rank(each) < _rank(before):
                    found[id(each.output)] = each
    kept: list[Composition] = []
    taken: set[int] = set()  # outputs, and what lies inside
    for each in sorted(found.values(), key=_rank):
        own = {id(node) for node in (*each.inner, each.output)}
        if id(each.output) not in taken and not own & {id(c.output) for c in kept}:
            kept.append(each)
            taken |= own
    return sorted(kept, key=lambda c: int(c.output._rank))


ORDER = ("softmax", "sigmoid", "tanh", "standardised", "log_softmax", "softplus", "logsumexp")


def _rank(c: Composition) -> tuple[int, int]:
    return ORDER.index(c.operation), c.input._rank


def _same(nodes: Sequence[Any]) -> dict[int, Any]:
    """By identity, the first node that was computed alike: ``z / T`` may be written twice."""
    first: dict[Any, Any] = {}
    same: dict[int, Any] = {}

    def key(x: Any) -> Any:
        if isinstance(x, Node):
            return id(same[id(x)])
        if isinstance(x, (list, tuple)):
            return tuple(map(key, x))
        return (x.shape, x.tobytes()) if isinstance(x, np.ndarray) and x.size < SPAN else repr(x)

    for node in nodes:
        made = id(node) if node._op is None else (node._op.name, *map(key, bound(node).values()))
        same[id(node)] = first.setdefault(made, node)
    return same


def _around(
    anchor: Any, users: dict[int, list[Any]], same: dict[int, Any]
) -> Iterator[Composition]:
    """The compositions to which an anchor belongs."""
    for z in _before(anchor):
        region = _only_of(z, users, same)
        if id(anchor) not in region:
            continue
        moved: dict[int, Any] | None = None
        after = list(itertools.dropwhile(lambda node: node is not anchor, region.values()))
        for y in after:
            for name, arguments, function in _candidates(z, y, anchor, region):
                if not _equal(y._array, function(z._array)):
                    continue
                moved = _elsewhere(z, region, same) if moved is None else moved
                if _equal(moved.get(id(y), np.nan), function(moved[id(z)])):
                    inner = tuple(x for x in ordered([y]) if id(x) in region and x is not y)
                    if anchor is y or any(node is anchor for node in inner):
                        yield Composition(name, z, y, inner, arguments, function)
                        break


def _before(anchor: Any) -> list[Any]:
    """The nearest values that an anchor was made from."""
    found: dict[int, Any] = {}
    level = [anchor]
    for _step in range(ANCHORS[anchor._op.name]):
        level = [x for node in level for x in node._inputs if getattr(x, "_requires_grad", False)]
        level = [x for x in level if found.setdefault(id(x), x) is x][:4]
    return list(found.values())


def _only_of(z: Any, users: dict[int, list[Any]], same: dict[int, Any]) -> dict[int, Any]:
    """The values that are made of one value and constants, in the order of computation."""
    region: dict[int, Any] = {}
    waiting = list(users.get(id(same[id(z)]), ()))
    while waiting and len(region) < SPAN:
        waiting.sort(key=lambda node: -node._rank)
        node = waiting.pop()
        made_of = [x for x in node._inputs if getattr(x, "_requires_grad", False)]
        if id(node) in region:
            continue
        if all(same[id(x)] is same[id(z)] or id(x) in region for x in made_of):
            region[id(node)] = node
            waiting += users.get(id(same[id(node)]), ())
    return region


def _elsewhere(z: Any, region: dict[int, Any], same: dict[int, Any]) -> dict[int, Any]:
    """The values of a region, where its input is another."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, z.shape)
    moved = (z._array * 0.9 + noise).astype(z._array.dtype)
    inputs = [z, *(x for node in region.values() for x in node._inputs if isinstance(x, Node))]
    new = {id(x): moved for x in inputs if same[id(x)] is same[id(z)]}
    try:
        return replay(region.values(), new)
    except Exception:  # made for these values alone
        return new


def _equal(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    tolerance = 1e-4 if np.float32 in (a.dtype, b.dtype) else 1e-9
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3))


def _candidates(z: Any, y: Any, anchor: Any, region: dict[int, Any]) -> Iterator[Known]:
    """The known functions that a value may be of another, as far as the shapes tell."""
    axes = [axis for axis, n in enumerate(z.shape) if n > 1]
    alike = y.shape == z.shape
    if anchor._op.name not in ("exp", "tanh"):
        for group in _groups(z, region) if alike else ():
            eps = _epsilon(z._array, y._array, group)
            if eps is not None:
                function = partial(normalised, axes=group, eps=eps)
                yield "standardised", {"axis": group, "eps": eps}, function
        return
    for name in ("sigmoid", "tanh", "softplus") if alike else ():
        if name != anchor._op.name:
            yield name, {}, getattr(ops, name)
    if anchor._op.name == "exp":
        for name, axis in itertools.product(("softmax", "log_softmax"), axes if alike else ()):
            yield name, {"axis": axis}, partial(getattr(ops, name), axis=axis)
        for along, keep in itertools.product((*axes, None), (True, False)):
            options: dict[str, Any] = {"axis": along, "keepdims": keep}
            yield "logsumexp", options, partial(ops.logsumexp, **options)


def _groups(z: Any, region: dict[int, Any]) -> list[tuple[int, ...]]:
    """The axes along which something in a region was reduced."""
    arguments = (bound(node) for node in region.values())
    given = [named["axis"] for named in arguments if "axis" in named]
    every = tuple(range(z.ndim))
    groups = (every if axis is None else tuple(np.atleast_1d(axis)) for axis in given)
    legal = (g for g in groups if all(-z.ndim <= a < z.ndim for a in g))
    return list(dict.fromkeys(tuple(sorted(int(a) % z.ndim for a in g)) for g in legal))


def _epsilon(z: Array, y: Array, axes: tuple[int, ...]) -> float | None:
    """What must have been added to the variance, if y is z less its mean over its spread."""
    centred, variance = z - z.mean(axes, keepdims=True), z.var(axes, keepdims=True)
    if not variance.size or not np.all(variance > 0):
        return None
    with np.errstate(all="ignore"):
        square = (centred**2).mean(axes, keepdims=True) / (y**2).mean(axes, keepdims=True)
    most = float(variance.max())
    eps = float(np.ravel(square - variance)[variance.argmin()])
    precision = 1e-5 if z.dtype == np.float32 else 1e-12
    return None if not eps > -precision * most else eps if eps > precision * most else 0.0
