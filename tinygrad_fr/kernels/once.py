"""What several gradients of one operation need, computed once in a backward pass."""

import weakref
from collections.abc import Callable
from typing import Any

from . import Array


class Once:
    """A function of an upstream gradient whose results several closures want in one pass.

    It knows the gradient by its identity, and each result is given out once: a second pass, in
    which the same array may hold other numbers, computes again.
    """

    __slots__ = ("function", "last")

    passes = 0  # counted by the engine: of two at once, each makes the other compute again

    def __init__(self, function: Callable[..., tuple[Any, ...]]) -> None:
        self.function = function
        self.last: tuple[Any, int, list[Any]] = (lambda: None, 0, [])

    def __call__(self, i: int, g: Array, *given: Any) -> Any:
        """Its result number ``i`` for ``g`` and what else the function takes."""
        known, number, results = self.last
        if known() is not g or number != Once.passes or results[i] is None:
            number, results = Once.passes, list(self.function(g, *given))
            self.last = weakref.ref(g), number, results  # at once: other threads come by
        result, results[i] = results[i], None
        return result
