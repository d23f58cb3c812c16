"""What the engine says: errors with the operation, its operands, the broken rule and the way out.

First those of calls, made of what NumPy or Python said; then those of the graph, of Tensors and of
the transforms.
"""

from __future__ import annotations

import re
import reprlib
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
        if isinstance(x, (np.ndarray, np.generic)) or hasattr(x, "_array"):
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


def no_formula() -> ArgumentError:
    """``@op`` without the LaTeX of the operation."""
    return ArgumentError(
        '@op takes the formula of the operation first: @op(r"y = x^3"), then the function'
    )


# --- of the graph ----------------------------------------------------------------------------


def label(x: Any) -> str:
    """A Tensor in messages: its name and shape."""
    return f"{x._name or 'Tensor'} {x._array.shape}"


def spent(node: Any) -> GraphError:
    """A second backward pass through a graph."""
    return GraphError(
        "the graph behind {operation} has been differentiated already: call "
        "backward(retain_graph=True) the first time, or compute the value again",
        operation=node._op.name,
    )


def changed(node: Any, x: Any) -> GraphError:
    """An input that is not what the operation had used."""
    return GraphError(
        "{name} {shape} was changed in place after {operation} had used it: its gradient would "
        "be wrong. Call backward() before the update, or compute the value again after it",
        name=getattr(x, "name", None) or "Tensor",
        shape=x._array.shape,
        operation=node._op.name,
    )


def in_place(tensor: Any, instead: str) -> GraphError:
    """A change that would make a recorded gradient wrong."""
    return GraphError(
        "{name} is recorded, and an in-place change would make its gradient wrong: "
        "{instead}; to update a leaf, do it under `with tg.no_grad():`",
        name=label(tensor),
        instead=instead,
    )


def in_the_gradient_of(node: Any) -> str:
    """The note on an error that a closure raised."""
    shapes = ", ".join(str(np.shape(x)) for x in node._inputs)
    where = _("in the gradient of {operation}, whose inputs have the shapes {shapes}")
    return where.format(operation=node._op.name, shapes=shapes)


def misshapen(node: Any, got: tuple[int, ...], shape: tuple[int, ...]) -> GraphError:
    """A closure whose gradient is not of its input's shape."""
    return GraphError(
        "a closure of {operation} gave a gradient of shape {got} for an input of "
        "shape {shape}: it must have the shape of its input",
        operation=node._op.name,
        got=got,
        shape=shape,
    )


# --- of Tensors ------------------------------------------------------------------------------


def not_floating(dtype: Any) -> DTypeError:
    """A gradient of something that is not floating."""
    return DTypeError(
        "only floating numbers have a gradient, not {dtype}: convert with "
        ".astype(float) or Tensor(..., dtype=float)",
        dtype=dtype,
    )


def other_shape(tensor: Any, got: tuple[int, ...]) -> ShapeError:
    """New data of another shape."""
    return ShapeError(
        "{name} keeps its shape; data of shape {got} want a new Tensor",
        name=label(tensor),
        got=got,
    )


def other_gradient(shape: tuple[int, ...], got: tuple[int, ...]) -> ShapeError:
    """A ``.grad`` of another shape."""
    return ShapeError(
        "a gradient has the shape of its Tensor: {shape}, not {got}", shape=shape, got=got
    )


def needs_its_gradient() -> GraphError:
    """``requires_grad = False`` on what was computed."""
    return GraphError("a computed Tensor always needs its gradient: detach it with .detach()")


def drops_the_graph(tensor: Any) -> GraphError:
    """An array of a recorded Tensor."""
    return GraphError(
        "{name} requires a gradient, and an array would silently drop it: keep .item() "
        "of a loss, join Tensors with tg.stack([...]), or call .detach() on purpose",
        name=label(tensor),
    )


def without_graph(tensor: Any) -> GraphError:
    """A backward pass from what nothing was recorded of."""
    return GraphError(
        "{name} does not depend on any Tensor with requires_grad=True: there is no "
        "gradient (was it computed under no_grad, or detached?)",
        name=label(tensor),
    )


def without_length() -> DTypeError:
    """``len`` of a number."""
    return DTypeError("a Tensor without axes has no length")


def no_leaf(tensor: Any) -> GraphError:
    """A copy, or a pickle, of what was computed."""
    return GraphError(
        "only leaves can be copied or pickled; {name} was computed: .detach() it first",
        name=label(tensor),
    )


def copy_of_a_variable(tensor: Any) -> GraphError:
    """A copy of what a transform differentiates with respect to."""
    return GraphError(
        "a copy of {name}, the variable of a transform, would have no part in its "
        "gradient: .copy() is recorded, .detach() leaves the graph on purpose",
        name=label(tensor),
    )


# --- of transforms ---------------------------------------------------------------------------


def no_tensor(x: Any) -> DTypeError:
    """A gradient of, or with respect to, something else."""
    return DTypeError(
        "gradients are taken of a Tensor with respect to Tensors: {kind} is none",
        kind=type(x).__name__,
    )


def without_requires_grad(x: Any) -> GraphError:
    """A gradient with respect to what is a constant."""
    return GraphError("{name} requires no gradient: make it with requires_grad=True", name=label(x))


def no_scalar(shape: tuple[int, ...]) -> ShapeError:
    """``grad`` of a function with several results."""
    return ShapeError(
        "grad is for scalar functions; this one gives {shape}: use jacobian or vjp", shape=shape
    )


def no_function(f: Any) -> ArgumentError:
    """A transform of something that cannot be called."""
    return ArgumentError(
        "a transform takes a function, not {kind}: for the gradient of a Tensor use "
        "tg.gradients(output, inputs) or output.backward()",
        kind=type(f).__name__,
    )


def no_result(y: Any) -> DTypeError:
    """A function that left the graph."""
    return DTypeError(
        "the function must give one Tensor, not {kind}: x.item(), x.data and a tuple "
        "of results leave the graph; wrap a true constant in tg.Tensor",
        kind=type(y).__name__,
    )


def directions(n: int, m: int) -> ArgumentError:
    """More or fewer directions than inputs."""
    return ArgumentError("one direction per input: {n} inputs, {m} directions", n=n, m=m)


def other_direction(shape: tuple[int, ...], got: tuple[int, ...]) -> ShapeError:
    """A direction that is not of its input's shape."""
    return ShapeError(
        "a direction has the shape of its input: {shape}, not {got}", shape=shape, got=got
    )


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
