"""In-place changes: allowed where they lose nothing, refused where a gradient would be wrong."""

from typing import Any

import numpy as np

from ...errors import DTypeError, IndexingError, ShapeError
from .. import engine
from ..engine import Node
from ..modes import current_mode
from .conversion import as_operand
from .messages import in_place, label
from .protocols import without_tensors


def _changing(ufunc: np.ufunc, symbol: str) -> Any:
    """The method for ``self <symbol>= other``: in place where that loses nothing."""

    def change(self: Any, other: Any) -> Any:
        if isinstance(other, Node):
            if other._requires_grad and not self._requires_grad and current_mode().recording:
                return NotImplemented  # Python then computes x = x + y, which is recorded
            other = other._array
        if self._requires_grad and (self._op is not None or current_mode().recording):
            raise in_place(self, instead=f"x = x {symbol} y")
        other = as_operand(other)
        try:
            ufunc(self._array, other, out=self._array)
        except ValueError as error:
            raise ShapeError(
                "{name} cannot hold the result of {symbol}= with shape {shape}",
                name=label(self),
                symbol=symbol,
                shape=np.shape(other),
            ) from error
        except TypeError as error:
            raise DTypeError(
                "{name} of {dtype} cannot hold the result of {symbol}=: convert it with astype",
                name=label(self),
                dtype=self._array.dtype,
                symbol=symbol,
            ) from error
        engine.touch(self)
        return self

    return change


class InPlace(Node):
    """``t[i] = ...``, ``t += ...`` and the like."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._requires_grad and (self._op is not None or current_mode().recording):
            raise in_place(self, instead="tg.where(mask, new, old)")
        if isinstance(value, Node):
            value = value.numpy()  # type: ignore[attr-defined]
        value = as_operand(value)
        try:
            self._array[without_tensors(index)] = value
        except IndexError as error:
            raise IndexingError(
                "{name} has no such index: {error}", name=label(self), error=error
            ) from error
        except ValueError as error:
            raise ShapeError("{name}: {error}", name=label(self), error=error) from error
        engine.touch(self)

    __iadd__ = _changing(np.add, "+")
    __isub__ = _changing(np.subtract, "-")
    __imul__ = _changing(np.multiply, "*")
    __itruediv__ = _changing(np.divide, "/")
    __ipow__ = _changing(np.power, "**")
