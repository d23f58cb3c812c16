"""The recorded graph, numbered: walked with other local rules, and played again with a change.

Hypotheses about a wrong gradient are tested here. :meth:`Tape.pull` walks the graph backwards and
can replace single local derivatives; :meth:`Tape.replayed` computes it again with other operations,
arguments or values, and gives the tape of that.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ...autograd.engine import handed
from ...autograd.modes import switch
from ...autograd.tensor import Tensor, untracked
from ...autograd.transforms import gradients
from ...kernels import Array
from ...messages import _
from .arguments import bound
from .compositions import Composition, compositions
from .expansion import EXPANSIONS, written_out
from .replay import Function, replay
from .walk import contribution, fitted, operands, ordered, walk

Edge = tuple[int, int]  # (number of a node, number of its input)
Locals = Mapping[Edge, Callable[..., Any] | None]  # what the closure of an edge is replaced by


class Tape:
    """The nodes behind a Tensor, numbered in the order of computation.

    Its numbers are found when they are asked for: to play a graph again for its output alone costs
    no more than the computation.
    """

    def __init__(self, output: Tensor, played: tuple[Tape, dict[int, Any]] | None = None) -> None:
        self.output = output
        # Of a tape that was played again: the one that was, and by identity what changed.
        self._played = played
        self._replays: dict[Any, Tape] = {}
        self._pulled: tuple[Any, dict[int, Array]] = (None, {})

    @cached_property
    def nodes(self) -> list[Any]:
        """The Tensors, leaves included."""
        return ordered([self.output])

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {id(node): i for i, node in enumerate(self.nodes)}

    @cached_property
    def names(self) -> dict[str, int]:
        """The numbers of the named Tensors."""
        return {node._name: i for i, node in enumerate(self.nodes) if node._name is not None}

    @cached_property
    def _uses(self) -> list[list[tuple[Edge, int]]]:
        """By number, the edges through which a node hands its gradient on, and to which numbers."""
        return [
            [
                ((i, position), self._numbers[id(node._inputs[position])])
                for position, closure in enumerate(node._closures)
                if closure is not None
            ]
            for i, node in enumerate(self.nodes)
        ]

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

    def arguments(self, i: int) -> dict[str, Any]:
        """The arguments of the call that made a node, by name; with the operation's defaults."""
        return bound(self.nodes[i])

    def nearest(self, names: Iterable[str]) -> str | None:
        """Of some values, the one that is used last: the nearest to the output."""
        users = {source: i for i, uses in enumerate(self._uses) for _edge, source in uses}

        def place(name: str) -> tuple[int, int]:
            number = self.names.get(name, -1)
            return users.get(number, len(self.nodes) if number >= 0 else -1), number

        return max(names, key=place, default=None)

    def path(self, target: int) -> list[Edge]:
        """The edges through which the gradient reaches ``target``, in the order of computation."""
        reached, edges = {target}, []
        for uses in self._uses:
            for edge, source in uses:
                if source in reached:
                    edges.append(edge)
                    reached.add(edge[0])
        return edges if self._numbers[id(self.output)] in reached else []

    # --- gradients -------------------------------------------------------------------------------

    def pull(
        self,
        upstream: Array | None = None,
        *,
        local: Locals | None = None,
        given: Mapping[int, Array] | None = None,
        only: Container[Edge] | None = None,
        carried: Callable[[Edge, Array], Any] | None = None,
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
        only
            The edges to walk; all if None.
        carried
            What every edge hands on, in place of the recorded rules.
        """
        local, given = local or {}, given or {}
        last = self._numbers[id(self.output)]
        start = np.ones(self.output.shape) if upstream is None else upstream

        def uses(i: int) -> list[tuple[Edge, int]]:
            return [
                (edge, source) for edge, source in self._uses[i]
                if source not in given and (only is None or edge in only)
            ]  # fmt: skip

        def by_rule(edge: Edge, g: Array) -> Any:
            return (
                self.handed_on(edge, g, local[edge]) if edge in local else self.handed_on(edge, g)
            )

        found = {last: np.asarray(start, self.output._array.dtype), **given}
        walk(range(last, -1, -1), uses, found, carried or by_rule)
        return found

    def handed_on(self, edge: Edge, g: Array, *rule: Callable[..., Any] | None) -> Any:
        """What an edge makes of a gradient, by its own rule or another; None where it is cut."""
        node = self.nodes[edge[0]]
        if not rule:
            return contribution(node, edge[1], g)
        if rule[0] is None:
            return None
        return fitted(rule[0](g, node._array, *operands(node)), node, edge[1])

    def gradients(self, upstream: Array | None) -> dict[int, Array]:
        """The true gradients of all nodes; computed once for the same upstream."""
        if not self._pulled[1] or self._pulled[0] is not upstream:
            self._pulled = upstream, self.pull(upstream)
        return self._pulled[1]

    def gradient(self, name: str, upstream: Array, local: Locals | None = None) -> Array | None:
        """The gradient of a named value; None if it is not reached."""
        found = self.pull(upstream, local=local)
        return found.get(self.names[name]) if name in self.names else None

    def moves(self, target: int, direction: Array, held: Container[int] = ()) -> dict[int, Array]:
        """How the nodes move when one of them moves along a direction, and some are held.

        What an edge hands back is linear in the gradient; its derivative by that gradient hands
        the movement on.
        """
        found = {target: np.asarray(direction, float)}
        for i, position in self.path(target):
            node, moved = self.nodes[i], found.get(self.number_of_input(i, position))
            if moved is None or i in held:
                continue
            values = [untracked(x) if isinstance(x, np.ndarray) else x for x in handed(node)]
            with switch(recording=True), np.errstate(all="ignore"):
                # Any point will do, but 0: there "zero upstream" wins over infinite slopes.
                g = Tensor(np.ones(node.shape), requires_grad=True)
                d = node._closures[position](g, untracked(node._array), *values)
                d = fitted(d, node, position)
                total = (d * moved).sum() if isinstance(d, Tensor) else None
                own = (
                    gradients(total, [g])[0] if total is not None and total.requires_grad else None
                )
            if own is not None:
                found[i] = found.get(i, 0.0) + own.data
            else:
                found.setdefault(i, np.zeros(node.shape))
        return found

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

        def jittered(edge: Edge, g: Array) -> Any:
            node, position = self.nodes[edge[0]], edge[1]
            values = (jitter(x) for x in (g, node._array, *handed(node)))
            return fitted(node._closures[position](*values), node, position)

        only, zero = set(self.path(target)), np.zeros(self.nodes[target].shape)
        exact = self.pull(upstream, only=only).get(target, zero)
        moved = [
            self.pull(upstream, only=only, carried=jittered).get(target, zero) for _k in range(3)
        ]
        change = np.max([np.abs(g - exact) for g in moved], axis=0) / amount
        return np.asarray(np.nan_to_num(change, posinf=0.0) * np.finfo(float).eps)

    # --- played again ----------------------------------------------------------------------------

    def replayed(
        self,
        operations: Mapping[int, Function] | None = None,
        values: Mapping[int, Any] | None = None,
        constants: Callable[[Array], Array] | None = None,
    ) -> Tape:
        """The tape with some nodes made by other functions or set to values.

        Only what lies after a change is computed again; what lies before is shared.

        Parameters
        ----------
        operations
            By number, functions that take what the recorded operation took, or each with the
            Tensors that it takes.
        values
            By number, arrays to put in place of a node: a leaf of the new tape.
        constants
            Applied to every array among the arguments.
        """
        new: dict[int, Any] = {}
        for i, data in (values or {}).items():
            node = self.nodes[i]
            new[id(node)] = Tensor(data, requires_grad=node._requires_grad, name=node._name)
        functions = {id(self.nodes[i]): f for i, f in (operations or {}).items()}
        replay(self.nodes, new, functions, constants)
        return Tape(new.get(id(self.output), self.output), (self, new))

    def once(self, key: Any, made: Callable[[], Tape]) -> Tape:
        """A tape played again, shared by all who ask for the same change of this one."""
        if key not in self._replays:
            self._replays[key] = made()
        return self._replays[key]

    def twin(self, node: Any) -> int | None:
        """The number here of a node of the tape that was played again; None if it is gone."""
        changed = {} if self._played is None else self._played[1]
        return self.number(changed.get(id(node), node))

    @cached_property
    def compositions(self) -> list[Composition]:
        """The known functions that were written with more elementary ones."""
        return compositions(self.nodes)

    def expanded(self) -> Tape:
        """The tape with fused operations written out, so that a mistake has a place to be in."""
        found = {
            i: written_out(node._op)
            for i, node in enumerate(self.nodes)
            if node._op is not None and node._op.name in EXPANSIONS
        }
        return self._rewritten("expanded", found)

    def folded(self, keep: Iterable[str] = ()) -> Tape:
        """The tape with compositions read as what they compute, but for those that hide a name.

        A softmax composed of exp, sum and a quotient becomes a softmax: what is said of it does not
        depend on how it was written.
        """
        kept = frozenset(keep)
        found = {
            self._numbers[id(c.output)]: (c.function, (c.input,))
            for c in self.compositions
            if not kept & {node._name for node in c.inner}
        }
        return self._rewritten(("folded", *found), found)

    def _rewritten(self, key: Any, operations: Mapping[int, Function]) -> Tape:
        """The same computation with some operations made otherwise; itself where that fails."""

        def made() -> Tape:
            other = self.replayed(operations)
            here, there = self.output._array, other.output._array
            return other if np.allclose(here, there, rtol=1e-6, equal_nan=True) else self

        return self.once(key, made) if operations else self
