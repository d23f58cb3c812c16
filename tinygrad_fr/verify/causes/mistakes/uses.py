"""The operations through which the gradient reaches a value, and mistakes made at one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....autograd.transforms import vjp
from ....kernels import Array
from ..case import Case
from .table import Mistake

Local = Callable[..., Any]

# Operations whose local derivative is a number: to leave it out is a sign or a factor.
LINEAR = {"add", "subtract", "negative", "sum", "mean", "reshape", "transpose", "broadcast_to"}


@dataclass
class Use:
    """An operation on the path, and the one of its inputs through which the gradient goes."""

    case: Case
    edge: tuple[int, int]

    def __post_init__(self) -> None:
        self.number, self.position = self.edge
        self.node = self.case.the_tape.nodes[self.number]
        self.operation = self.case.the_tape.operation(self.number)
        self.input = self.node._inputs[self.position]
        self.closure: Local = self.node._closures[self.position]
        self.keeps_shape = bool(self.node.shape == self.input.shape)

    @property
    def operands(self) -> list[Any]:
        """The arrays that the operation took."""
        return self.case.operands(self.number)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the call, by name."""
        return self.case.the_tape.arguments(self.number)

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

    def with_local(self, local: Local, text: str, **detail: Any) -> Mistake:
        """The mistake of another local derivative; the text may name the operation and details."""
        gradient = self.case.pull({self.edge: local})
        if gradient is None:
            raise ValueError
        detail = {"operation": self.operation, **detail}
        return Mistake(gradient, text.format(**detail), detail, local={self.edge: local})


def uses(case: Case, *operations: str) -> Iterator[Use]:
    """The uses on the path: those of some operations, or all."""
    for edge in case.path:
        if not operations or case.the_tape.operation(edge[0]) in operations:
            yield Use(case, edge)


def reached(gradient: Array | None, text: str, **detail: Any) -> Iterator[Mistake]:
    """The mistake with a gradient, if the value is reached by it."""
    if gradient is not None:
        yield Mistake(gradient, text, detail)


def at(function: Callable[[Any], Any], point: Array) -> Local:
    """The local derivative of a function of one array, at a point of its own."""
    return lambda g, *_values: vjp(function, np.asarray(point, float))[1](g)
