"""How operations are recorded here and now: ``no_grad``, ``debug`` and what transforms need.

The mode belongs to the current thread and async task.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..errors import ArgumentError

F = TypeVar("F", bound=Callable[..., Any])


class Call(str):
    """A Module call: its label, such as ``features.3 (Conv2d)``; each call is an object of its own.

    Attributes
    ----------
    path : str
        The Module's dotted path below the outermost one, whose own is empty.
    parent : Call or None
        The call in which it happened.
    """

    __slots__ = ("parent", "path")

    path: str
    parent: Call | None


@dataclass(slots=True)  # read three times per operation: a NamedTuple's fields take 3 times as long
class Mode:
    """How operations are recorded here and now; never changed, always replaced."""

    recording: bool = True
    debug: bool = False
    module: Call | None = None  # the Module call under way
    owner: Any = None  # the Module itself
    depth: int = 0  # how many transforms (grad, hessian, ...) are around
    everything: bool = False  # whether what has no gradient is written down, too


_mode: contextvars.ContextVar[Mode] = contextvars.ContextVar("mode", default=Mode())  # noqa: B039
current_mode = _mode.get


def enter_module(mode: Mode, label: str, path: str, owner: Any) -> contextvars.Token[Mode]:
    """Begin a Module call; a network makes many, and ``switch`` takes 1.4 us to its 0.4."""
    call = Call(label)
    call.path, call.parent = path, mode.module
    return _mode.set(Mode(mode.recording, mode.debug, call, owner, mode.depth, mode.everything))


leave_module = _mode.reset


class switch:  # noqa: N801 - used as a context manager and as a decorator
    """Change fields of the mode inside a ``with`` block or a decorated function."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        self.tokens: list[contextvars.Token[Mode]] = []

    def __enter__(self) -> None:
        self.tokens.append(_mode.set(replace(_mode.get(), **self.fields)))

    def __exit__(self, *_error: object) -> None:
        _mode.reset(self.tokens.pop())

    def __call__(self, function: F) -> F:
        """Decorate a function or a coroutine function."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ArgumentError(
                "a generator gives control back between its values: "
                "use `with` inside {name} instead of the decorator",
                name=function.__name__,
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def inside(*args: Any, **kwargs: Any) -> Any:
                with switch(**self.fields):
                    return await function(*args, **kwargs)
        else:

            @functools.wraps(function)
            def inside(*args: Any, **kwargs: Any) -> Any:
                with switch(**self.fields):
                    return function(*args, **kwargs)

        return inside  # type: ignore[return-value]


def no_grad(function: F | None = None) -> Any:
    """Record nothing inside a ``with`` block or a decorated function.

    It holds for the current thread and async task only.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.1 * w
    >>> w
    Tensor([0.9, 1.8], requires_grad=True)
    """
    off = switch(recording=False)
    return off if function is None else off(function)  # @no_grad without parentheses, too


def debug() -> switch:
    """Raise at the first NaN or infinity, and at inputs changed in place after their use.

    Slower: each value is looked at, forward and backward. The error names the operation, the
    range of its inputs and the line that made it.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> with tg.debug():
    ...     y = tg.log(tg.Tensor([1.0, 2.0]))
    """
    return switch(debug=True)
