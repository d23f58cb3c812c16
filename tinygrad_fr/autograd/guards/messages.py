"""Errors of operations: NumPy's complaints with the operation, its operands and the broken rule."""

from __future__ import annotations

import re
import reprlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DTypeError, IndexingError, Operand, ShapeError, SignatureError, TinygradError
from ...messages import _
from ..engine import current_mode
from ..tensor import Tensor
from .spellings import KEYWORDS

if TYPE_CHECKING:
    from ..op import Operation


def labels_of(operation: Operation, args: tuple[Any, ...]) -> dict[str, Operand]:
    """The arguments as they are called in messages: by the Tensor's name, else the parameter's."""
    labels = {}
    for i, x in enumerate(args):
        parameter = operation.parameter(i)
        if isinstance(x, (Tensor, np.ndarray, np.generic)):
            labels[parameter] = Operand(getattr(x, "name", None) or parameter, np.shape(x))
        else:
            long = isinstance(x, (list, tuple)) and len(x) > 20
            labels[parameter] = Operand(reprlib.repr(x) if long else repr(x), None)
    return labels


def explain(
    error: Exception, operation: Operation, args: tuple[Any, ...], raw: list[Any]
) -> TinygradError:
    """NumPy's (or Python's) complaint, with the operation, the operands and the rule."""
    labels = labels_of(operation, args)
    operands = [label for label in labels.values() if label.shape is not None]
    said = ", ".join(map(str, operands)) or _("no array")
    explained: TinygradError
    if isinstance(error, TypeError) and _is_call(error, operation.body):
        explained = SignatureError(
            _("called with wrong arguments ({error}); it takes ({parameters})"),
            error=error,
            parameters=", ".join(operation.parameters),
        )
        keyword = re.search(r"keyword argument '(\w+)'", str(error))
        if keyword and (ours := KEYWORDS.get(keyword[1])) in operation.parameters:
            explained.template += _("; {keyword} is called {ours} here")
            explained.values.update(keyword=keyword[1], ours=ours)
    elif isinstance(error, (TypeError, OverflowError)):
        explained = DTypeError(
            _("cannot compute with {operands} of type {types} ({error})"),
            operands=said,
            types=", ".join(str(getattr(x, "dtype", type(x).__name__)) for x in raw),
            error=error,
        )
    elif isinstance(error, np.exceptions.AxisError):
        explained = ShapeError(
            _("{operand} has no axis {axis}: its axes go from {low} to {high}"),
            operand=operands[0] if operands else said,
            axis=error.axis,
            low=-(error.ndim or 0),
            high=(error.ndim or 0) - 1,
        )
    elif isinstance(error, IndexError):
        explained = IndexingError(_("{operands}: {error}"), operands=said, error=error)
    else:
        mismatch = _mismatch(operands) if "broadcast" in str(error) else None
        explained = mismatch or ShapeError(_("{operands}: {error}"), operands=said, error=error)
    explained.locate(operation.name, args, labels, current_mode().module)
    return explained


def _is_call(error: TypeError, body: Any) -> bool:
    """Whether Python refused the call itself, before the body ran."""
    trace, code = error.__traceback__, getattr(body, "__wrapped__", body).__code__
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    return trace is None


def _mismatch(operands: list[Operand]) -> ShapeError | None:
    """Which axes keep the operands from being broadcast together, if that is the trouble."""
    for i, left in enumerate(operands):
        for right in operands[i + 1 :]:
            pairs = zip((left.shape or ())[::-1], (right.shape or ())[::-1], strict=False)
            for back, (n, m) in enumerate(pairs, 1):
                if n != m and 1 not in (n, m):
                    return ShapeError(
                        _(
                            "{left} and {right} cannot be broadcast together: {n} (axis {i} of "
                            "{left.name}) != {m} (axis {j} of {right.name}), and neither is 1"
                        ),
                        left=left,
                        right=right,
                        n=n,
                        m=m,
                        i=len(left.shape or ()) - back,
                        j=len(right.shape or ()) - back,
                    )
    return None
