"""Who looks on at each ``backward()``: ``tg.health`` does."""

from __future__ import annotations

import weakref
from typing import Any, Protocol


class Observer(Protocol):
    """What looks on at each ``backward()``, in the thread that calls it."""

    def node(self, node: Any, gradient: Any) -> None:
        """An operation has received its upstream gradient; both are to be read, not kept."""

    def leaves(self, found: list[tuple[Any, Any]]) -> None:
        """The pass is over: the leaves and what it has found for each."""


observers: weakref.WeakSet[Observer] = weakref.WeakSet()
