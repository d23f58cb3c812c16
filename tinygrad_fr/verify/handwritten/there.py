"""A subject in another process: somebody's file over there, judged from here.

Nothing of it is believed but arrays, numbers and texts of limited size; nothing of it is an object
in this process.
"""

# ruff: noqa: D102 - Subject says what the methods are

import inspect
import itertools
import secrets
import time
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _, spelled
from ...worker import sandbox, wire
from ...worker.child import Child, EndedError
from ...worker.subject import Answer, Kept, Slot
from .calls import StudentError

# Seconds for Python and NumPy to start; the longest text that is shown.
STARTS, TEXT = 60.0, 600
# How often to look what it does, how long at least; how much longer it may take if it has no core.
_TICK, _LOOK, _BUSY = 0.2, 0.01, 8


class LostError(Exception):
    """Somebody's process does not answer any more.

    Attributes
    ----------
    reason : str
        ``"timeout"``, ``"ended"`` or ``"odd"``: it said what is no answer.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FailedError(Exception):
    """Somebody's code has ended a request otherwise than by an exception of the usual kind.

    Attributes
    ----------
    kind : str
        The name of the exception.
    """

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass
class Limit:
    """For how long a process may be waited for.

    Attributes
    ----------
    seconds : float
    had : float or None
        The seconds that it had had a core before; from the first look on if it is not known.
    waited, asleep : float
        Seconds by the clock on the wall, and those of them in which it slept.
    """

    seconds: float
    had: float | None = None
    waited: float = 0.0
    asleep: float = 0.0

    def is_over(self, has: float | None) -> bool:
        """Whether it is over, now that it has had a core for ``has`` seconds."""
        if self.had is None:
            self.had = has
        if self.waited < self.seconds:
            return False
        if self.had is None or has is None or self.waited > _BUSY * self.seconds:
            return True
        return has - self.had + self.asleep >= self.seconds


class Elsewhere:
    """A process that has loaded somebody's file and answers calls.

    Parameters
    ----------
    folder : str
        What it sees of the disk, besides Python and NumPy.
    shut_in : bool
        Whether bubblewrap is around it.
    seconds : float
        When the first answer must be there, once Python has started.

    Attributes
    ----------
    limit : Limit
        For how long it may be waited for.
    patience : float
        The same of any one answer, in seconds.
    told : list of str
        What it was kept from.
    lost : str
        Why it answers no more.
    """

    def __init__(self, folder: str, shut_in: bool, seconds: float) -> None:
        words, environment = sandbox.command(folder, shut_in)
        self.limit, self.patience = Limit(STARTS), STARTS
        self._forgotten: list[int] = []
        self._numbers = itertools.count()
        self.told: list[str] = []
        self.lost = ""
        self._child = Child(words, environment, None if shut_in else folder, wire.LONGEST)
        self.ask("names")  # Python and NumPy have started
        self.allow(seconds)

    def ask(self, request: str, *arguments: Any, **named: Any) -> Any:
        """What it answers; a StudentError, ArgumentError or FailedError as over there.

        LostError where it does not answer in time.
        """
        if self.lost:
            raise LostError(self.lost)
        if len(self._forgotten) > 100:
            gone, self._forgotten = self._forgotten, []
            self.ask("drop", gone)
        nonce = secrets.token_hex(8)
        try:
            answer = wire.unpacked(self._answer(wire.packed([nonce, request, arguments, named])))
            echo, kind, value, told = answer
            plain = type(echo) is str and type(kind) is str and isinstance(told, list)
            if not plain or echo != nonce:
                raise wire.WireError("no answer to this question")
        except TimeoutError:
            self._lose("timeout")
        except EndedError:
            self._lose("ended")
        except (wire.WireError, ValueError, TypeError):
            self._lose("odd")
        self.told = [spelled(str(text))[:TEXT] for text in told]
        if kind == "given":
            return value
        texts = [_text(x) for x in (value if isinstance(value, list) else [value])] + [""] * 4
        if kind == "student":
            error = StudentError(*texts[:3])
            error.__cause__ = FailedError(texts[1], texts[3])
            raise error
        if kind == "argument":
            raise ArgumentError(texts[0].replace("{", "(").replace("}", ")"))
        raise FailedError(*texts[:2])

    def allow(self, seconds: float, patience: float | None = None) -> None:
        """For how long it may be waited for from now on; ``patience``: for any one answer."""
        work = self._child.work()
        self.limit = Limit(seconds, work and work[0])
        self.patience = seconds if patience is None else patience

    def _answer(self, body: bytes) -> bytes:
        """The answer to a frame; TimeoutError where there is none in time.

        Seconds in which it has no core, on a busy machine, are nobody's fault and do not count.
        """
        limits = self.limit, Limit(self.patience)
        self._child.send(body, min(limit.seconds for limit in limits))
        while True:
            start, sleeps = time.monotonic(), False
            left = min(limit.seconds - limit.waited for limit in limits)
            try:
                return self._child.receive(min(max(left, _LOOK), _TICK))
            except TimeoutError:
                has, sleeps = self._child.work() or (None, False)
            finally:
                for limit in limits:
                    limit.waited += time.monotonic() - start
                    limit.asleep += sleeps * (time.monotonic() - start)
            if any(limit.is_over(has) for limit in limits):
                raise TimeoutError

    def _lose(self, reason: str) -> None:
        self.lost = reason
        self.end()
        raise LostError(reason)

    def forget(self, number: int) -> None:
        """Drop a subject with one of the next requests."""
        self._forgotten.append(number)

    def end(self) -> None:
        """End the process."""
        self.lost = self.lost or "ended"
        self._child.end()

    def subject(
        self, name: str, arguments: Sequence[Any] = (), x: Any = None, **how: str
    ) -> "There":  # fmt: skip
        """An object of a class of the file, or a function with its ``backward=``."""
        number = self.number()
        self.ask("made", number, name, list(arguments), x, how)
        return There(self, number)

    def number(self) -> int:
        """A number for a new subject."""
        return next(self._numbers)


def _text(x: Any) -> str:
    return spelled(str(x))[:TEXT]


# What changes a subject.
_CHANGING = {"call", "restore"}


class There:
    """A subject that lives in another process.

    What is put into it, and its own making as a copy of another, wait for the first request that
    needs them: a forward with other weights is one request, not four.
    """

    automatic = False

    def __init__(self, process: Elsewhere, number: int, origin: int | None = None) -> None:
        self._process, self._number, self._origin = process, number, origin
        self._puts: list[tuple[Slot, Any]] = []
        self._waiting: weakref.WeakSet[There] = weakref.WeakSet()

    def __del__(self) -> None:
        if self._origin is None:
            with suppress(Exception):
                self._process.forget(self._number)

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        if method in _CHANGING:
            self._before_a_change()
        puts, self._puts = self._puts, []
        origin, self._origin = self._origin, None
        try:
            return self._process.ask(
                "of", self._number, method, list(arguments), named, puts, origin
            )  # fmt: skip
        except FailedError as error:
            raise StudentError(str(error)) from error

    def _before_a_change(self) -> None:
        """Have the copies made that were asked for as it is now."""
        for copy in list(self._waiting):
            if copy._origin is not None:
                copy._ask("has_object")
        self._waiting.clear()

    def _asked(self, kind: type, method: str, *arguments: Any) -> Any:
        """An answer of a kind; anything else is odd."""
        found = self._ask(method, *arguments)
        if not isinstance(found, kind):
            raise LostError("odd")
        return found

    @property
    def kind(self) -> str:
        return _text(self._ask("kind"))

    @property
    def has_object(self) -> bool:
        return self._ask("has_object") is True

    @property
    def functional(self) -> bool:
        return self._ask("functional") is True

    def label(self, method: str) -> str:
        return _text(self._ask("label", method))

    def source(self) -> str:
        return str(self._ask("source"))

    def returned(self, method: str) -> tuple[str, ...]:
        return tuple(map(_text, self._asked(tuple, "returned", method)))

    def signature(self, method: str) -> list[inspect.Parameter]:
        found = self._asked(list, "signature", method)
        return [p for p in found if isinstance(p, inspect.Parameter)]

    def forwards(self) -> list[str]:
        return list(map(_text, self._asked(list, "forwards")))

    def methods(self) -> list[str]:
        return list(map(_text, self._asked(list, "methods")))

    def numbers(self) -> dict[str, float]:
        found = self._asked(dict, "numbers")
        return {_text(n): float(x) for n, x in found.items() if isinstance(x, (int, float))}

    def arrays(self, integers: bool = False) -> dict[Slot, Array]:
        found = self._asked(dict, "arrays", integers)
        return {s: a for s, a in found.items()
                if isinstance(s, tuple) and isinstance(a, np.ndarray)}  # fmt: skip

    def get(self, slot: Slot) -> Array:
        return self._array(self._ask("get", slot))

    def put(self, slot: Slot, array: Any) -> None:
        self._before_a_change()
        self._puts.append((slot, _sendable(array)))

    def functions(self) -> list[Any]:
        return []

    def name_tensors(self, taken: Iterable[str]) -> None:
        """There are none."""

    def call(self, method: str, *arguments: Any, seed: int = 0, **named: Any) -> Answer:
        named = {name: _sendable(x) for name, x in named.items()}
        answer = self._ask("call", method, *map(_sendable, arguments), seed=seed, **named)
        if not isinstance(answer, Answer):
            raise LostError("odd")
        return answer

    def given(self, position: int) -> Any:
        return self._ask("given", position)

    def beside(self, which: int) -> Array:
        return self._asked(np.ndarray, "beside", which)  # type: ignore[no-any-return]

    @property
    def kept(self) -> list[tuple[int, ...] | None]:
        found = self._asked(list, "kept")
        return [x if isinstance(x, tuple) else None for x in found]

    def state(self) -> list[Any]:
        return self._asked(list, "state")  # type: ignore[no-any-return]

    def restore(self, state: list[Any]) -> None:
        self._ask("restore", state)

    def duplicate(self) -> "There":
        if self._puts or self._origin is not None:
            self._ask("has_object")
        copy = There(self._process, self._process.number(), self._number)
        self._waiting.add(copy)
        return copy

    @staticmethod
    def _array(x: Any) -> Array:
        if not isinstance(x, np.ndarray):
            raise StudentError(_("this gives {kind}, and not an array of numbers",
                                 kind=type(x).__name__))  # fmt: skip
        return x


def _sendable(x: Any) -> Any:
    """What travels; a StudentError for what does not: a Tensor that records."""
    for part in x if isinstance(x, (list, tuple)) else x.values() if isinstance(x, dict) else ():
        _sendable(part)
    kinds = (np.ndarray, np.generic, int, float, str, type(None), Kept, list, tuple, dict)
    if not isinstance(x, kinds):
        raise StudentError(_("nothing but arrays can be sent to another process"))
    return x
