"""A wrong gradient with all that is known of it: what a hypothesis gets to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...graph.recorded.tape import Locals, Tape
from ...kernels import Array
from ..truth.comparison import close
from ..truth.limits import is_one_hot


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

    @cached_property
    def target(self) -> int:
        """The number of the value on the tape."""
        return self.the_tape.names[self.name]

    @property
    def the_tape(self) -> Tape:
        """The tape, which must be there."""
        assert self.tape is not None
        return self.tape

    @cached_property
    def path(self) -> list[tuple[int, int]]:
        """The edges through which the gradient reaches the value; at most those of 60 nodes."""
        return self.the_tape.path(self.target)[:60]

    @cached_property
    def _edges(self) -> set[tuple[int, int]]:
        return set(self.the_tape.path(self.target))

    @cached_property
    def gradients(self) -> dict[int, Array]:
        """The gradients of all nodes."""
        return self.the_tape.pull(self.upstream, given=self._given(self.the_tape))

    def pull(
        self, local: Locals | None = None, tape: Tape | None = None, upstream: Array | None = None,
        raw: tuple[int, int] | None = None, given: Mapping[int, Array] | None = None,
    ) -> Array | None:  # fmt: skip
        """The gradient of the value with mistakes made; None if it is not reached."""
        tape = tape or self.the_tape
        found = tape.pull(
            self.upstream if upstream is None else upstream,
            local=local,
            given={**self._given(tape), **(given or {})},
            raw=raw,
            only=self._edges if tape is self.tape else None,
        )
        return found.get(-1) if raw is not None else found.get(tape.names[self.name])

    def _given(self, tape: Tape) -> dict[int, Array]:
        return {tape.names[name]: g for name, g in self.given.items() if name in tape.names}

    def operands(self, i: int) -> list[Any]:
        """The arrays that a node was made of."""
        return [getattr(x, "_array", x) for x in self.the_tape.nodes[i]._inputs]

    def alike(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
        """All quantities of a shape, with a word for each: the named ones first."""
        seen: list[Array] = []
        for label, x in self._quantities():
            if np.shape(x) == shape and np.asarray(x).dtype.kind in "fiub":
                x = np.asarray(x, float)
                if not any(np.array_equal(x, other) for other in seen):
                    seen.append(x)
                    yield label, x

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
