"""A wrong gradient with all that is known of it: what a hypothesis sees, and says."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...graph.recorded.arguments import bound
from ...graph.recorded.tape import Edge, Locals, Tape
from ...graph.recorded.walk import operands
from ...kernels import Array
from ..truth.comparison import close
from ..truth.limits import is_one_hot

# Edges at which mistakes are made: some twenty steps of a recurrent network.
MOST_EDGES = 240


@dataclass
class Case:
    """A gradient derived by hand, the true one, and the computation that they belong to.

    Attributes
    ----------
    name : str
        Of the value whose gradient it is.
    hand, true : array
    value : array
        The value itself.
    values : dict of str to array
        Everything that has a name, the integer inputs included.
    tape : Tape or None
        The recorded graph with its fused operations written out; None where there is none.
    upstream : array or None
        At the output; ones if None.
    given : dict of str to array
        Wrong gradients of later values, from which this one was computed.
    rtol : float
        How closely a hypothesis must explain the array.
    f : callable or None
        The scalar (weighted) function of this value alone, for finite differences.
    rerun : callable or None
        Records the computation again with other values, by name; gives a Tape.
    hands : dict of str to array
        What was derived by hand for the other values.
    arguments : dict of str to array
        What the student's function was called with, if it is one.
    called : callable or None
        What it gives with some of these changed.
    """

    name: str
    hand: Array
    true: Array
    value: Array
    values: Mapping[str, Array] = field(default_factory=dict)
    tape: Tape | None = None
    upstream: Array | None = None
    given: Mapping[str, Array] = field(default_factory=dict)
    rtol: float = 1e-6
    f: Any = None
    rerun: Any = None
    hands: Mapping[str, Array] = field(default_factory=dict)
    arguments: Mapping[str, Array] = field(default_factory=dict)
    called: Any = None

    @cached_property
    def target(self) -> int:
        """The number of the value on the tape."""
        return self.the_tape.names[self.name]

    @property
    def the_tape(self) -> Tape:
        """The tape, which must be there."""
        assert self.tape is not None
        return self.tape

    def readings(self) -> list[Case]:
        """The case on the graph with compositions recognised, then on the graph as it was written.

        A mistake is looked for in a softmax first, and in its exp and sum if it is not found there.
        """
        if self.tape is None:
            return [self]
        read = self.tape.folded({self.name, *self.given}).expanded()
        return [self] if read is self.tape else [replace(self, tape=read), self]

    def contractions(self) -> list[Case]:
        """Of a Jacobian: random sums of its rows, each the gradient with an upstream gradient."""
        if self.tape is None or "x" not in self.tape.names or self.hand.shape != self.true.shape:
            return []
        rng, shape = np.random.default_rng(1), self.tape.output.shape
        return [
            replace(
                self, name="x", upstream=u, hand=np.tensordot(u, self.hand, u.ndim),
                true=np.tensordot(u, self.true, u.ndim),
            )
            for u in (rng.uniform(-1, 1, shape) for _k in range(2))
        ]  # fmt: skip

    @cached_property
    def path(self) -> list[Edge]:
        """The edges through which the gradient reaches the value; the first of a long way."""
        return self.the_tape.path(self.target)[:MOST_EDGES]

    @cached_property
    def _edges(self) -> set[Edge]:
        return set(self.the_tape.path(self.target))

    @cached_property
    def gradients(self) -> dict[int, Array]:
        """The gradients of all nodes."""
        if self.given:
            return self.the_tape.pull(self.upstream, given=self.given_nodes)
        return self.the_tape.gradients(self.upstream)

    def pull(
        self, local: Locals | None = None, given: Mapping[int, Array] | None = None,
        upstream: Array | None = None,
    ) -> Array | None:  # fmt: skip
        """The gradient of the value with mistakes made; None if it is not reached."""
        found = self.the_tape.pull(
            self.upstream if upstream is None else upstream,
            local=local,
            given={**self.given_nodes, **(given or {})},
            only=self._edges,
        )
        return found.get(self.target)

    def on(self, tape: Tape) -> Array | None:
        """The gradient of the value on a tape that was played again; None if it is not reached."""
        if self.given:
            found = tape.pull(self.upstream, given=self._given(tape))
        else:
            found = tape.gradients(self.upstream)
        return found.get(tape.names[self.name])

    @property
    def given_nodes(self) -> dict[int, Array]:
        """The gradients that are given, by number."""
        return self._given(self.the_tape)

    def _given(self, tape: Tape) -> dict[int, Array]:
        return {tape.names[name]: g for name, g in self.given.items() if name in tape.names}

    def behind(self, number: int) -> bool:
        """Whether a node lies between the loss and the value, or is the value itself."""
        return number == self.target or any(
            number == self.the_tape.number_of_input(*edge) or number == edge[0]
            for edge in self.path
        )

    def uses(self, *operations: str) -> Iterator[Use]:
        """The uses on the path: those of some operations, or all."""
        for edge in self.path:
            if not operations or self.the_tape.operation(edge[0]) in operations:
                yield Use(self, edge)

    def operands(self, i: int) -> list[Any]:
        """The arrays that a node was made of."""
        return operands(self.the_tape.nodes[i])

    def alike(self, shape: tuple[int, ...]) -> list[tuple[str, Array]]:
        """All quantities of a shape, with a word for each: the named ones first."""
        return self._by_shape.get(shape, [])

    @cached_property
    def _by_shape(self) -> dict[tuple[int, ...], list[tuple[str, Array]]]:
        found: dict[tuple[int, ...], list[tuple[str, Array]]] = {}
        for label, x in self._quantities():
            same = found.setdefault(np.shape(x), [])
            if np.asarray(x).dtype.kind in "fiub":
                x = np.asarray(x, float)
                if not any(np.array_equal(x, other) for _label, other in same):
                    same.append((label, x))
        return found

    def _quantities(self) -> Iterator[tuple[str, Array]]:
        yield from self.values.items()
        if self.tape is None:
            return
        for i, node in list(enumerate(self.tape.nodes))[-200:]:
            yield self.tape.label(i), node._array
            for x in node._inputs:
                if isinstance(x, np.ndarray):
                    yield "y" if is_one_hot(x) else "constant", x

    def close(self, a: Array, b: Array) -> bool:
        """Whether two arrays agree to the tolerance."""
        return close(a, b, self.rtol)

    @cached_property
    def bad(self) -> Array:
        """Where the hand gradient differs from the true one; all False for another shape."""
        if self.hand.shape != self.true.shape:
            return np.zeros(self.true.shape, bool)
        scale = float(np.abs(self.true).max(initial=0.0))
        return np.asarray(~(np.abs(self.hand - self.true) <= self.rtol * scale))


Local = Callable[..., Any]


@dataclass
class Mistake:
    """A mistake made.

    Attributes
    ----------
    gradient : array or None
        What the hand gradient would be; None where it follows from ``local`` and ``given``, and is
        computed only if the mistake is not ruled out before.
    explanation : str
    detail : dict
    fitted : bool
        Whether a number was fitted to the hand gradient that equals nothing known.
    local : dict or None
        The local derivatives that it replaces on the tape, to be combined with others.
    given : dict or None
        The gradients that it puts in place of those that arrive at nodes.
    weighted : callable or None
        The same mistake where what it changes counts so many times; None if it is made or not.
    step : hashable
        Mistakes with the same step are one mistake, made wherever the operation is used.
    """

    gradient: Array | None
    explanation: str
    detail: dict[str, Any] = field(default_factory=dict)
    fitted: bool = False
    local: dict[Edge, Any] | None = None
    given: dict[int, Array] | None = None
    weighted: Callable[[float], tuple[str, dict[str, Any], bool]] | None = None
    step: Hashable = None


# Operations whose local derivative is a number: to leave it out is a sign or a factor.
LINEAR = {"add", "subtract", "negative", "sum", "mean", "reshape", "transpose", "broadcast_to"}


@dataclass
class Use:
    """An operation on the path, and the one of its inputs through which the gradient goes."""

    case: Case
    edge: Edge

    def __post_init__(self) -> None:
        self.number, self.position = self.edge
        self.node = self.case.the_tape.nodes[self.number]
        self.operation = self.case.the_tape.operation(self.number)
        self.input = self.node._inputs[self.position]
        self.closure: Local = self.node._closures[self.position]
        self.keeps_shape = bool(self.node.shape == self.input.shape)

    @cached_property
    def operands(self) -> list[Any]:
        """The arrays that the operation took."""
        return operands(self.node)

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the call, by name."""
        return bound(self.node)

    @property
    def labels(self) -> list[str]:
        """How to speak of the result and of the operands."""
        tape = self.case.the_tape
        return [tape.label(tape.number(x)) for x in (self.node, *self.node._inputs)]

    @property
    def is_constant(self) -> bool:
        """Whether the local derivative is one number for all entries: a sign, a division by N."""
        if self.operation in LINEAR or not self.keeps_shape:
            return True
        scales = self.operation == "multiply" or (self.operation == "divide" and not self.position)
        return scales and np.size(self.operands[1 - self.position]) == 1

    def given(self, others: Mapping[int, Any]) -> Local:
        """Its rule with other quantities: 0 stands for the result, then come the operands."""

        def local(g: Any, *values: Any) -> Any:
            return self.closure(g, *(others.get(k, x) for k, x in enumerate(values)))

        return local

    def with_local(self, local: Local, text: str, **detail: Any) -> Mistake:
        """The mistake of another local derivative; the text may name the operation and details."""
        detail = {"operation": self.operation, **detail}
        words, step = text.format(**detail), (text, *map(str, detail.values()))
        return Mistake(None, words, detail, local={self.edge: local}, step=step)
