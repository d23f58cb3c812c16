"""Who looks on at each ``backward()``: ``tg.health`` does, and ``tg.exchange.distributed``."""

import threading
import weakref
from typing import Any, Protocol


class Observer(Protocol):
    """What looks on at each ``backward()``, in the thread that calls it."""

    def node(self, node: Any, gradient: Any, waiting: dict[int, Any]) -> None:
        """An operation has its upstream gradient; others wait, by rank. To be read, not kept."""

    def leaves(self, found: list[tuple[Any, Any]]) -> None:
        """The pass is over: the leaves and what it has found for each."""


# Never changed, always replaced: other threads may be walking it. It keeps no observer alive.
_observers: tuple[weakref.ref[Observer], ...] = ()
_replacing = threading.Lock()


def add(observer: Observer) -> None:
    """Have it look on from the next ``backward()``."""
    global _observers
    with _replacing:
        _observers = (*(r for r in _observers if r() is not None), weakref.ref(observer))


def discard(observer: Observer) -> None:
    """Have it look on no longer."""
    global _observers
    with _replacing:
        _observers = tuple(r for r in _observers if r() not in (None, observer))


def looking() -> tuple[Observer, ...]:
    """Those who look on now."""
    return tuple(found for r in _observers if (found := r()) is not None) if _observers else ()
