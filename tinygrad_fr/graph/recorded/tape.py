"""The recorded graph, played again: as it was, with other values, or with a mistake made in it.

Hypotheses about a wrong gradient are tested here. :meth:`Tape.pull` walks the graph backwards and
can replace single local derivatives; :meth:`Tape.replayed` computes it again with other operations,
arguments or values, and gives the tape of that.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd.engine import Node, unbroadcast
from ...autograd.modes import no_grad
from ...autograd.tensor import Tensor
from ...kernels import Array
from ...messages import _
from .expansion import EXPANSIONS

# (number of the node, number of its input): what its closure is replaced by.
Locals = Mapping[tuple[int, int], Callable[..., Any] | None]


class Tape:
    """The nodes behind a Tensor, numbered in the order of computation.

    Attributes
    ----------
    nodes : list of Tensor
        Leaves included.
    names : dict of str to int
        The numbers of the named Tensors.
    twins : dict of int to int
        Of a replayed tape: its numbers of the nodes of the original.
    """

    def __init__(self, output: Tensor) -> None:
        found = {id(output): output}
        stack = [output]
        while stack:
            for x in stack.pop()._inputs:
                if isinstance(x, Tensor) and id(x) not in found:
                    found[id(x)] = x
                    stack.append(x)
        self.nodes: list[Any] = sorted(found.values(), key=lambda node: node._rank)
        self.output = output
        self.twins: dict[int, int | None] = {}
        self._numbers = {id(node): i for i, node in enumerate(self.nodes)}
        self.names: dict[str, int] = {
            node._name: i for i, node in enumerate(self.nodes) if node._name is not None
        }

    def number(self, x: Any) -> int | None:
        """The number of a Tensor of the tape; None for a constant."""
        return self._numbers.get(id(x))

    def operation(self, i: int) -> str:
        """The name of the operation that made a node; empty for a leaf."""
        return self.nodes[i]._op.name if self.nodes[i]._op is not None else ""

    def label(self, i: int | None) -> str:
        """How to speak of a node: its name, else its operation; of None, a constant."""
        if i is None:
            return _("a constant")
        node = self.nodes[i]
        return str(node._name or (node._op.name if node._op is not None else node.shape))

    def number_of_input(self, i: int, position: int) -> int:
        """The number of what a node was made of."""
        return self._numbers[id(self.nodes[i]._inputs[position])]

    def nearest(self, names: Iterable[str]) -> str | None:
        """Of some values, the one that is used last: the nearest to the output."""
        users: dict[int, int] = {}
        for i, node in enumerate(self.nodes):
            for number in map(self.number, node._inputs):
                if number is not None:  # not an array
                    users[number] = i

        def place(name: str) -> tuple[int, int]:
            number = self.names.get(name, -1)
            return users.get(number, len(self.nodes) if number >= 0 else -1), number

        return max(names, key=place, default=None)

    def static(self, i: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call that made a node."""
        node = self.nodes[i]
        return node._static or (node._inputs, {})

    def arguments(self, i: int) -> dict[str, Any]:
        """The same by name, with the operation's defaults."""
        operation, (args, kwargs) = self.nodes[i]._op, self.static(i)
        named = dict(zip(operation.parameters, args, strict=False))
        return {**operation.defaults, **named, **kwargs}

    def path(self, target: int) -> list[tuple[int, int]]:
        """The (node, input) pairs through which the gradient reaches ``target``, in order."""
        reached = {target}
        pairs = []
        for i, node in enumerate(self.nodes):
            for position, x in enumerate(node._inputs):
                if node._closures[position] is not None and self.number(x) in reached:
                    pairs.append((i, position))
                    reached.add(i)
        return pairs if self._numbers[id(self.output)] in reached else []

    def pull(
        self,
        upstream: Array | None = None,
        *,
        local: Locals | None = None,
        given: Mapping[int, Array] | None = None,
        raw: tuple[int, int] | None = None,
        only: Container[tuple[int, int]] | None = None,
        jitter: Callable[[Any], Any] | None = None,
    ) -> dict[int, Array]:
        """The gradients of all nodes, by number.

        Parameters
        ----------
        upstream
            At the output; ones if None.
        local
            Other local derivatives, called like the closures; None cuts the edge.
        given
            Gradients that replace the ones that would have arrived at a node.
        raw
            The edge to look at: its contribution, before broadcasting is undone, is returned
            under the number -1.
        only
            The edges to walk; all if None.
        jitter
            Applied to every value and gradient that is handed to a closure.
        """
        local, given = local or {}, given or {}
        last = self._numbers[id(self.output)]
        start = np.ones(self.output.shape) if upstream is None else upstream
        grads: dict[int, Array] = {last: np.asarray(start, self.output._array.dtype)}
        with no_grad(), np.errstate(all="ignore"):
            for i in range(last, -1, -1):
                if i in given:
                    grads[i] = given[i]
                node, g = self.nodes[i], grads.get(i)
                if g is None:
                    continue
                values = [x._array if isinstance(x, Node) else x for x in node._inputs]
                y = node._array
                if jitter is not None:
                    g, y, *values = (jitter(x) for x in (g, y, *values))
                for position, closure in enumerate(node._closures):
                    closure = local.get((i, position), closure)
                    if closure is None or node._closures[position] is None:
                        continue
                    if only is not None and (i, position) not in only:
                        continue
                    own = closure is node._closures[position] and not node._op.needs_inputs
                    d = closure(g, y) if own else closure(g, y, *values)
                    if d is None:
                        continue
                    d, x = np.asarray(d), node._inputs[position]
                    if raw == (i, position):
                        grads[-1] = d
                    number = self._numbers[id(x)]
                    d = unbroadcast(d, node, x) if d.shape != x.shape or d.dtype != x.dtype else d
                    grads[number] = grads[number] + d if number in grads else d
        return grads

    def gradient(self, name: str, upstream: Array, local: Locals | None = None) -> Array | None:
        """The gradient of a named value; None if it is not reached."""
        found = self.pull(upstream, local=local)
        return found.get(self.names[name]) if name in self.names else None

    def rounding(self, upstream: Array, target: int) -> Array:
        """How far rounding may move the gradient of a node, as if each step lost its last digits.

        Every value and gradient on the way is moved a little at random, and the gradient with them:
        by no more than a few times as much, unless larger numbers cancel in it.
        """
        rng, amount = np.random.default_rng(0), 1e-6

        def jitter(x: Any) -> Any:
            if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
                return x
            return x * (1 + amount * rng.uniform(-1, 1, x.shape))

        only = set(self.path(target))
        zero = np.zeros(self.nodes[target].shape)
        exact = self.pull(upstream, only=only).get(target, zero)
        moved = [self.pull(upstream, only=only, jitter=jitter).get(target, zero) for _k in range(3)]
        change = np.max([np.abs(g - exact) for g in moved], axis=0) / amount
        return np.asarray(np.nan_to_num(change, posinf=0.0) * np.finfo(float).eps)

    def replayed(
        self,
        operations: Mapping[int, Callable[..., Any]] | None = None,
        values: Mapping[int, Any] | None = None,
        constants: Callable[[Array], Array] | None = None,
    ) -> Tape:
        """The tape computed again, with some nodes made by other functions or set to values.

        Parameters
        ----------
        operations
            By number, functions that take what the recorded operation took.
        values
            By number, arrays to put in place of a node: a leaf of the new tape.
        constants
            Applied to every array among the arguments.
        """
        operations, values = operations or {}, values or {}
        new: dict[int, Any] = {}
        with np.errstate(all="ignore"):
            for i, node in enumerate(self.nodes):
                if i in values or node._op is None:
                    data = values.get(i, node._array)
                    made: Any = Tensor(data, requires_grad=node._requires_grad)
                else:
                    args, kwargs = self.static(i)
                    function = operations.get(i, node._op.function)
                    made = function(*_substituted(args, new, constants), **kwargs)
                if made._name is None and node._name is not None:
                    made.named(node._name)
                new[id(node)] = made
        tape = Tape(new[id(self.output)])
        tape.twins = {i: tape.number(new[id(node)]) for i, node in enumerate(self.nodes)}
        return tape

    def expanded(self) -> Tape:
        """The tape with fused operations written out, so that a mistake has a place to be in."""
        operations = {
            i: EXPANSIONS[node._op.name]
            for i, node in enumerate(self.nodes)
            if node._op is not None and node._op.name in EXPANSIONS
        }
        if not operations:
            return self
        try:
            other = self.replayed(operations)
        except Exception:  # an option that the written-out form does not have
            return self
        same = np.allclose(other.output._array, self.output._array, rtol=1e-6, equal_nan=True)
        return other if same else self


def _substituted(x: Any, new: dict[int, Any], constants: Any) -> Any:
    if isinstance(x, Node):
        return new[id(x)]
    if isinstance(x, (list, tuple)):
        return type(x)(_substituted(item, new, constants) for item in x)
    return constants(x) if constants is not None and isinstance(x, np.ndarray) else x
