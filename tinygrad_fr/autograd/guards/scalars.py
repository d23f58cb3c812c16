"""A Tensor as a Python number: on purpose, or not while its gradient would be lost."""

import functools
import sys
from types import CodeType
from typing import Any

from ...errors import DTypeError, GraphError, ShapeError
from ..engine import Node
from ..modes import current_mode
from .debug import caller
from .messages import label


class Scalar(Node):
    """``float(t)``, ``int(t)``, ``bool(t)``, ``t.item()`` and the like."""

    __slots__ = ()

    def item(self) -> Any:
        """The value of a Tensor with one element, as a Python number."""
        if self._array.size != 1:
            raise ShapeError(
                "only a Tensor with one element is a number; {name} has {n}: reduce it first",
                name=label(self),
                n=self._array.size,
            )
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested lists."""
        return self._array.tolist()

    def __float__(self) -> float:
        return float(self._left("float"))

    def __int__(self) -> int:
        return int(self._left("int"))

    def __complex__(self) -> complex:
        return complex(self._left("complex"))

    def __trunc__(self) -> int:
        return int(self._left("math.trunc"))

    def as_integer_ratio(self) -> tuple[int, int]:
        """The value as a fraction, as the module ``statistics`` asks for it."""
        ratio: tuple[int, int] = self._left("as_integer_ratio").as_integer_ratio()
        return ratio

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.ndim:
            raise DTypeError(
                "only one integer is an index or a size, not {name} of {dtype}",
                name=label(self),
                dtype=self._array.dtype,
            )
        return int(self._array)

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ShapeError(
                "{name} has {n} truth values: use .any() or .all() of its array, or .item()",
                name=label(self),
                n=self._array.size,
            )
        return bool(self._array)

    def _left(self, call: str) -> Any:
        """The value, unless it would leave the graph: a recorded Tensor becomes no number."""
        if self._requires_grad and current_mode().recording:
            frame = sys._getframe(2)
            if not _formats(frame.f_code, frame.f_lasti):
                raise GraphError(
                    "{name} is recorded, and {call}() at {line} would drop its gradient: stay "
                    "in the graph (tg.exp for math.exp, tg.stack([...]) for an array filled in "
                    "a loop), or leave it on purpose with .item() or .detach()",
                    name=label(self),
                    call=call,
                    line=caller(),
                )
        return self.item()


@functools.lru_cache(maxsize=64)
def _formats(code: CodeType, offset: int) -> bool:
    """Whether an instruction is the ``%`` of ``"%.3f" % loss``, which only prints the number.

    Python asks for it through the same ``__float__``; with a Tensor beside it, a ``%`` that is
    arithmetic asks for ``__mod__``.
    """
    import dis

    return any(
        found.offset == offset and found.opname == "BINARY_OP" and found.argrepr in ("%", "%=")
        for found in dis.get_instructions(code)
    )
