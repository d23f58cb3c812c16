"""Somebody's object, seen from outside: what it is called, what it takes, holds and answers.

The rest of this room asks a :class:`Subject`, exchanges arrays and names with it, and never holds
the object itself: so it may as well live in another process.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..kernels import Array

# The way to an array: an attribute, then attributes, keys or indices of what it holds.
Slot = tuple[Any, ...]


@dataclass(frozen=True)
class Kept:
    """An argument that stays with the subject: what its forward returned beside the output.

    ``which`` is the number of the part; None stands for all of them, as a tuple. With ``argument``
    it is what the forward was given there, such as a context that it has written to.
    """

    which: int | None = None
    argument: int | None = None


@dataclass
class Answer:
    """What a call gave.

    Attributes
    ----------
    result : Any
        Arrays, alone or in lists and dicts; of a forward, its output.
    handed : list of (array, array)
        The parameters and gradients that were handed to optimizers.
    drew : bool
        Whether random numbers of its own generators were drawn.
    changed : list of str
        The arguments of a backward that it has changed in place.
    """

    result: Any
    handed: list[tuple[Array, Array]] = field(default_factory=list)
    drew: bool = False
    changed: list[str] = field(default_factory=list)


class Subject(Protocol):
    """An object (or a pair of functions) with the methods ``"forward"`` and ``"backward"``."""

    @property
    def kind(self) -> str:
        """The name of its class."""

    @property
    def has_object(self) -> bool:
        """Whether there is an object, and not only functions."""

    @property
    def functional(self) -> bool:
        """Whether the forward is a function that was given."""

    @property
    def automatic(self) -> bool:
        """Whether a graph calls its backward, once after each forward, with every gradient."""

    def label(self, method: str) -> str:
        """What a method is called in its source."""

    def source(self) -> str:
        """The text of its class or functions; empty where there is none."""

    def returned(self, method: str) -> tuple[str, ...]:
        """What the last ``return`` of a method calls its results; empty where it does not tell."""

    def signature(self, method: str) -> list[inspect.Parameter]:
        """The parameters of a method; none if it does not tell."""

    def forwards(self) -> list[str]:
        """The other methods that are called like a forward and take one argument."""

    def methods(self) -> list[str]:
        """The names of its methods, and of those of what it holds, that take no arguments."""

    def numbers(self) -> dict[str, float]:
        """Its attributes that are plain numbers, its class's included."""

    def arrays(self, integers: bool = False) -> dict[Slot, Array]:
        """The arrays and floats that it holds, by their places."""

    def get(self, slot: Slot) -> Array:
        """The array at a place."""

    def put(self, slot: Slot, array: Any) -> None:
        """Replace the array at a place."""

    def functions(self) -> list[Any]:
        """The functions that its code is made of, as far as they are in this process."""

    def name_tensors(self, taken: Iterable[str]) -> None:
        """Name the Tensors that it holds, if any, as its attributes are called."""

    def call(self, method: str, *arguments: Any, seed: int = 0, **named: Any) -> Answer:
        """Call a method, the global generators seeded; what it raises is a StudentError."""

    def given(self, position: int) -> Any:
        """An argument of the last forward as it is now: it may have been changed in place."""

    def beside(self, which: int) -> Any:
        """A part of what the last forward returned beside its output."""

    @property
    def kept(self) -> list[tuple[int, ...] | None]:
        """The shapes of what the last forward returned beside its output; None for no array."""

    def state(self) -> list[Any]:
        """The states of its generators."""

    def restore(self, state: list[Any]) -> None:
        """Set its generators back to states that they had."""

    def duplicate(self) -> Subject:
        """A copy that shares nothing with it."""


def label(slot: Slot) -> str:
    """The way to an array, as it is written: ``layers[0].W``, ``params.W``."""
    text = ""
    for key in slot:
        text += ("." if text else "") + key if isinstance(key, str) else f"[{key!r}]"
    return text
