"""What the engine says: errors with the operation, its operands, the broken rule and the way out.

First those of calls, made of what NumPy or Python said; then those of the graph, of Tensors and of
the transforms.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    IndexingError,
    Operand,
    ShapeError,
    SignatureError,
    TinygradError,
)
from ...messages import _
from ..modes import current_mode
from .spellings import KEYWORDS

if TYPE_CHECKING:
    from ..operation import Operation


def labels_of(operation: Operation, args: tuple[Any, ...]) -> dict[str, Operand]:
    """The arguments as they are called in messages: by the Tensor's name, else the parameter's."""
    labels = {}
    for i, x in enumerate(args):
        parameter = operation.parameter(i)
        if hasattr(x, "__array_function__") or isinstance(x, np.generic):
            labels[parameter] = Operand(getattr(x, "name", None) or parameter, np.shape(x))
        else:
            long = isinstance(x, (list, tuple)) and len(x) > 20
            labels[parameter] = Operand(reprlib.repr(x) if long else repr(x), None)
    return labels


def locate(error: TinygradError, operation: Operation, args: tuple[Any, ...]) -> None:
    """Say in an error which call it comes from."""
    error.locate(operation.name, args, labels_of(operation, args), current_mode().module)


def of_a_call(
    error: Exception, operation: Operation, args: tuple[Any, ...], raw: list[Any]
) -> TinygradError:
    """NumPy's (or Python's) complaint, with the operation, the operands and the rule."""
    operands = [x for x in labels_of(operation, args).values() if x.shape is not None]
    said = ", ".join(map(str, operands)) or _("no array")
    found: TinygradError
    if isinstance(error, TypeError) and _is_call(error, operation.body):
        found = SignatureError(
            "called with wrong arguments ({error}); it takes ({parameters})",
            error=error,
            parameters=", ".join(operation.parameters),
        )
        keyword = re.search(r"keyword argument '(\w+)'", str(error))
        if keyword and (ours := KEYWORDS.get(keyword[1])) in operation.parameters:
            found.template += _("; {keyword} is called {ours} here")
            found.values.update(keyword=keyword[1], ours=ours)
    elif len(libraries := _libraries(raw)) > 1:
        found = DTypeError(
            "arrays of {libraries} do not mix: convert some first, as with "
            "np.asarray(x, like=y) ({error})",
            libraries=", ".join(libraries),
            error=error,
        )
    elif isinstance(error, (TypeError, OverflowError)):
        found = DTypeError(
            "cannot compute with {operands} of type {types} ({error})",
            operands=said,
            types=", ".join(str(getattr(x, "dtype", type(x).__name__)) for x in raw),
            error=error,
        )
    elif isinstance(error, np.exceptions.AxisError):
        found = ShapeError(
            "{operand} has no axis {axis}: its axes go from {low} to {high}",
            operand=operands[0] if operands else said,
            axis=error.axis,
            low=-(error.ndim or 0),
            high=(error.ndim or 0) - 1,
        )
    elif isinstance(error, IndexError):
        found = IndexingError("{operands}: {error}", operands=said, error=error)
    else:
        mismatch = _mismatch(operands) if "broadcast" in str(error) else None
        found = mismatch or ShapeError("{operands}: {error}", operands=said, error=error)
    locate(found, operation, args)
    return found


def _libraries(raw: list[Any]) -> list[str]:
    """The libraries whose arrays are among the operands, in sequences, too."""
    laid_out = [y for x in raw for y in (x if isinstance(x, (list, tuple)) else (x,))]
    arrays = [x for x in laid_out if hasattr(x, "__array_function__")]
    return sorted({type(x).__module__.partition(".")[0] for x in arrays})


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
                        "{left} and {right} cannot be broadcast together: {n} (axis {i} of "
                        "{left.name}) != {m} (axis {j} of {right.name}), and neither is 1",
                        left=left,
                        right=right,
                        n=n,
                        m=m,
                        i=len(left.shape or ()) - back,
                        j=len(right.shape or ()) - back,
                    )
    return None


# --- of the declaration, the graph, Tensors and transforms -------------------------------------


def about(text: str, kind: type[TinygradError]) -> Callable[..., TinygradError]:
    """What makes the error with a text; of a Tensor, if it is given one, that ``{name}`` calls."""

    def error(tensor: Any = None, **values: Any) -> TinygradError:
        return kind(text, **values if tensor is None else {"name": label(tensor), **values})

    return error


def label(x: Any) -> str:
    """A Tensor in messages: its name and shape."""
    return f"{x._name or 'Tensor'} {x._array.shape}"


no_formula = about(
    '@op takes the formula of the operation first: @op(r"y = x^3"), then the function',
    ArgumentError,
)
spent = about(
    "the graph behind {operation} has been differentiated already: call "
    "backward(retain_graph=True) the first time, or compute the value again",
    GraphError,
)
in_place = about(
    "{name} is recorded, and an in-place change would make its gradient wrong: "
    "{instead}; to update a leaf, do it under `with tg.no_grad():`",
    GraphError,
)
misshapen = about(
    "a closure of {operation} gave a gradient of shape {got} for an input of "
    "shape {shape}: it must have the shape of its input",
    GraphError,
)
static_tensor = about(
    "{operation} has no gradient with respect to {name}: give a number or an array there, "
    "or .detach() the Tensor",
    GraphError,
)
without_gradient = about(
    "{operation}: {dtype} has no gradient here: compute with real floating numbers, or "
    ".detach() the Tensor",
    DTypeError,
)
not_floating = about(
    "only floating numbers have a gradient, not {dtype}: convert with "
    ".astype(float) or Tensor(..., dtype=float)",
    DTypeError,
)
other_shape = about("{name} keeps its shape; data of shape {got} want a new Tensor", ShapeError)
other_gradient = about("a gradient has the shape of its Tensor: {shape}, not {got}", ShapeError)
needs_its_gradient = about(
    "a computed Tensor always needs its gradient: detach it with .detach()", GraphError
)
drops_the_graph = about(
    "{name} requires a gradient, and an array would silently drop it: keep .item() "
    "of a loss, join Tensors with tg.stack([...]), or call .detach() on purpose",
    GraphError,
)
without_graph = about(
    "{name} does not depend on any Tensor with requires_grad=True: there is no "
    "gradient (was it computed under no_grad, or detached?)",
    GraphError,
)
without_length = about("a Tensor without axes has no length", DTypeError)
no_leaf = about(
    "only leaves can be copied or pickled; {name} was computed: .detach() it first", GraphError
)
copy_of_a_variable = about(
    "a copy of {name}, the variable of a transform, would have no part in its "
    "gradient: .copy() is recorded, .detach() leaves the graph on purpose",
    GraphError,
)
no_tensor = about(
    "gradients are taken of a Tensor with respect to Tensors: {kind} is none", DTypeError
)
without_requires_grad = about(
    "{name} requires no gradient: make it with requires_grad=True", GraphError
)
no_scalar = about(
    "grad is for scalar functions; this one gives {shape}: use jacobian or vjp", ShapeError
)
no_function = about(
    "a transform takes a function, not {kind}: for the gradient of a Tensor use "
    "tg.gradients(output, inputs) or output.backward()",
    ArgumentError,
)
no_result = about(
    "the function must give one Tensor, not {kind}: x.item(), x.data and a tuple "
    "of results leave the graph; wrap a true constant in tg.Tensor",
    DTypeError,
)
directions = about("one direction per input: {n} inputs, {m} directions", ArgumentError)
other_direction = about("a direction has the shape of its input: {shape}, not {got}", ShapeError)


def changed(node: Any, x: Any) -> GraphError:
    """An input that is not what the operation had used."""
    return GraphError(
        "{name} {shape} was changed in place after {operation} had used it: its gradient would "
        "be wrong. Call backward() before the update, or compute the value again after it",
        name=getattr(x, "name", None) or "Tensor",
        shape=x._array.shape,
        operation=node._op.name,
    )


def in_the_gradient_of(node: Any) -> str:
    """The note on an error that a closure raised."""
    shapes = ", ".join(str(np.shape(x)) for x in node._inputs)
    where = _("in the gradient of {operation}, whose inputs have the shapes {shapes}")
    return where.format(operation=node._op.name, shapes=shapes)


def check_argnums(argnums: Any, positions: tuple[Any, ...], n: int) -> None:
    """Refuse ``argnums`` that are not positions, each once, of the ``n`` arguments."""
    if not all(isinstance(i, (int, np.integer)) for i in positions):
        raise ArgumentError(
            "argnums is a position or a tuple of positions, not {argnums!r}", argnums=argnums
        )
    if len({i % max(n, 1) for i in positions}) < len(positions):
        raise ArgumentError("argnums {argnums} names an argument twice", argnums=argnums)
    for i in positions:
        if not -n <= i < n:
            raise ArgumentError("argnums {i} is none of the {n} arguments", i=i, n=n)
