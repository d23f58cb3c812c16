"""Mistakes made at one operation on the way from the loss to the value.

Each is made on the recorded graph, one edge at a time, and the gradient recomputed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ..case import Case
from .table import Mistake, mistake

# y = f(x) entry by entry, softmax included: an activation in the sense of the course.
ACTIVATIONS = {
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "softmax",
    "arctan", "sin", "cos", "exp", "prelu",
}  # fmt: skip
Local = Callable[..., Any]


def replaced(case: Case, edge: tuple[int, int], local: Local, text: str, **detail: Any) -> Mistake:
    """The mistake of another local derivative at one edge."""
    gradient = case.pull({edge: local})
    if gradient is None:
        raise ValueError
    detail = {"operation": case.the_tape.operation(edge[0]), **detail}
    return Mistake(gradient, text, detail, local={edge: local})


def closure_of(case: Case, edge: tuple[int, int]) -> Local:
    """The recorded local derivative of an edge."""
    found: Local = case.the_tape.nodes[edge[0]]._closures[edge[1]]
    return found


def keeps_shape(case: Case, edge: tuple[int, int]) -> bool:
    """Whether the gradient keeps its shape through an edge."""
    node = case.the_tape.nodes[edge[0]]
    return bool(node.shape == node._inputs[edge[1]].shape)


# Operations whose local derivative is a number: to leave it out is a sign or a factor.
LINEAR = {"add", "subtract", "negative", "sum", "mean", "reshape", "transpose", "broadcast_to"}


def _is_constant(case: Case, edge: tuple[int, int]) -> bool:
    """Whether the local derivative is one number for all entries: a sign, a division by N."""
    operation = case.the_tape.operation(edge[0])
    if operation in LINEAR or not keeps_shape(case, edge):
        return True
    if operation in ("multiply", "divide"):
        other = case.arguments(edge[0])[1 - edge[1]]
        return (edge[1] == 0 and np.size(other) == 1) or (
            operation == "multiply" and np.size(other) == 1
        )
    return False


# --- the softmax's Jacobian, and other locals left out -----------------------------------------


@mistake("diagonal_only", tape=True)
def diagonal_of_softmax(case: Case) -> Iterator[Mistake]:
    for edge in case.path:
        if case.the_tape.operation(edge[0]) == "softmax":
            text = _(
                "you used only the diagonal of the softmax's Jacobian, p_i (1 - p_i): the terms "
                "off the diagonal, -p_i p_j, are missing"
            )
            yield replaced(case, edge, lambda g, y, x: g * y * (1 - y), text)


@mistake("diagonal_only")
def diagonal_of_a_jacobian(case: Case) -> Iterator[Mistake]:
    true = case.true
    if case.name == "jacobian" and true.ndim == 2 and true.shape[0] == true.shape[1]:
        text = _("only the diagonal of the Jacobian is there: the terms off it are missing")
        yield Mistake(true * np.eye(len(true)), text)


@mistake("missing_factor", tape=True, subsets=True)
def local_left_out(case: Case) -> Iterator[Mistake]:
    for edge in case.path:
        operation = case.the_tape.operation(edge[0])
        if operation == "matmul":
            yield _operand_left_out(case, edge)
        if _is_constant(case, edge):
            continue
        texts = {
            "softmax": _("the softmax's Jacobian was skipped"),
            "sigmoid": _("the factor a (1 - a) of sigmoid is missing"),
            "tanh": _("the factor 1 - a^2 of tanh is missing"),
            "log": _("the factor 1/x of log is missing (1/p for -log p)"),
            "relu": _("the mask (z > 0) of relu is missing"),
        }
        text = texts.get(operation, _("the local derivative of {operation} is missing"))
        yield replaced(case, edge, lambda g, *_values: g, text.format(operation=operation))


def _operand_left_out(case: Case, edge: tuple[int, int]) -> Mistake:
    """A product without its other operand: ``dW = dz`` (which NumPy broadcasts)."""
    closure, other = closure_of(case, edge), 1 - edge[1]

    def local(g: Any, y: Any, *operands: Any) -> Any:
        ones = [np.ones_like(x) if k == other else x for k, x in enumerate(operands)]
        return closure(g, y, *ones)

    number = case.the_tape.number(case.the_tape.nodes[edge[0]]._inputs[other])
    while number is not None and case.the_tape.operation(number) in ("reshape", "transpose"):
        number = case.the_tape.number_of_input(number, 0)
    operand = _("a constant") if number is None else case.the_tape.label(number)
    text = _("the factor {operand} is missing in the gradient of matmul")
    return replaced(case, edge, local, text.format(operand=operand), operand=operand)


@mistake("sign", tape=True)
def sign_of_a_local(case: Case) -> Iterator[Mistake]:
    text = _("the sign of the derivative of {operation} is reversed")
    for edge in case.path:
        if not _is_constant(case, edge):
            words = text.format(operation=case.the_tape.operation(edge[0]))
            made = replaced(
                case, edge, lambda g, *values, c=closure_of(case, edge): -np.asarray(c(g, *values)),
                words,
            )  # fmt: skip
            if not case.close(made.gradient, -case.true):
                yield made


@mistake("sign", tape=True)
def sign_of_a_part_of_softmax(case: Case) -> Iterator[Mistake]:
    """On the diagonal of softmax's Jacobian, as 000 prints it, or off it."""
    parts = (
        (_("on the diagonal of the softmax's Jacobian the sign is reversed: it is +p_c (1 - p_c)"),
         _("the case k = c"), -1.0),
        (_("off the diagonal of the softmax's Jacobian the sign is reversed: it is -p_c p_k"),
         _("the case k != c"), 1.0),
    )  # fmt: skip
    for edge, axis in uses_of_softmax(case):
        for text, subset, sign in parts:

            def local(g: Any, y: Any, x: Any, axis: int = axis, sign: float = sign) -> Any:
                rest = (g * y).sum(axis, keepdims=True) - g * y  # the other classes
                return sign * y * (g * (1 - y) + rest)

            yield replaced(case, edge, local, text, subset=subset)


@mistake("extra_factor", tape=True, subsets=True)
def local_applied_twice(case: Case) -> Iterator[Mistake]:
    text = _("the local derivative of {operation} was applied once too often")
    for edge in case.path:
        if _is_constant(case, edge):
            continue
        operation = case.the_tape.operation(edge[0])
        closure = closure_of(case, edge)

        def twice(g: Any, *values: Any, closure: Local = closure) -> Any:
            return closure(closure(g, *values), *values)

        yield replaced(case, edge, twice, text.format(operation=operation))
        if operation == "softmax":
            yield replaced(
                case, edge, lambda g, y, x, c=closure: c(g, y, x) * y * (1 - y),
                _("after p - y the derivative of softmax, p (1 - p), is one factor too many"),
            )  # fmt: skip
    for edge, derivative in _activation_slopes(case):
        operation = case.the_tape.operation(edge[0])
        if derivative.shape == case.true.shape and edge not in case.path:
            factor = case.true * derivative
            yield Mistake(factor, text.format(operation=operation), {"operation": operation})


def _activation_slopes(case: Case) -> Iterator[tuple[tuple[int, int], Array]]:
    """The local derivatives of all activations, as arrays (softmax: its diagonal)."""
    for i, node in enumerate(case.the_tape.nodes):
        if case.the_tape.operation(i) in ACTIVATIONS and node._closures[0] is not None:
            y = node._array
            if case.the_tape.operation(i) == "softmax":
                yield (i, 0), y * (1 - y)
            else:
                yield (i, 0), np.asarray(node._closures[0](np.ones_like(y), y, *case.arguments(i)))


@mistake("double_activation", tape=True)
def activation_twice(case: Case) -> Iterator[Mistake]:
    for edge in case.path:
        i, operation = edge[0], case.the_tape.operation(edge[0])
        if operation not in ACTIVATIONS:
            continue
        function = case.the_tape.nodes[i]._op.function
        args, kwargs = case.the_tape.static(i)
        y = case.the_tape.nodes[i]._array

        def again(z: Any, *rest: Any, f: Local = function, kwargs: Any = kwargs) -> Any:
            return f(f(z, *rest, **kwargs), *rest, **kwargs)

        text = _("the derivative of {operation} was taken at its output a in place of its input z")
        if operation == "softmax":
            other = np.asarray(function(y, *args[1:], **kwargs))
            local: Local = lambda g, y, x, p=other, axis=axis_of(args, kwargs): (  # noqa: E731
                p * (g - (g * p).sum(axis, keepdims=True))
            )
        else:
            local = _at(function, args[1:], kwargs, y)
        yield replaced(case, edge, local, text.format(operation=operation))

        text = _("{operation} was applied twice: it is contained in the next step already")
        tape = case.the_tape.replayed({i: lambda z, *rest, f=again: f(z, *rest)})
        words = text.format(operation=operation)
        gradient = case.pull(tape=tape)
        if gradient is not None:
            yield Mistake(gradient, words, {"operation": operation})
        if operation == "softmax":
            yield pretended(case, i, np.asarray(again(case.arguments(i)[0])), words)


def pretended(case: Case, i: int, p: Array, text: str, **detail: Any) -> Mistake:
    """The mistake of probabilities computed otherwise, put into the right formulas."""
    args, kwargs = case.the_tape.static(i)
    axis = axis_of(args, kwargs)
    tape = case.the_tape.replayed(values={i: p})
    twin = tape.twins[i]
    g = None if twin is None else tape.pull(case.upstream).get(twin)
    if g is None:
        raise ValueError
    downstream = p * (g - (g * p).sum(axis, keepdims=True))
    gradient = case.pull(given={case.the_tape.number_of_input(i, 0): downstream})
    if gradient is None:
        raise ValueError
    return Mistake(gradient, text, {"operation": case.the_tape.operation(i), **detail})


def axis_of(args: Any, kwargs: Any) -> int:
    """The axis of a call of softmax."""
    return int(kwargs.get("axis", args[1] if len(args) > 1 else -1))


def uses_of_softmax(case: Case) -> Iterator[tuple[tuple[int, int], int]]:
    """The uses of softmax on the path, and their axes."""
    for edge in case.path:
        if case.the_tape.operation(edge[0]) == "softmax":
            yield edge, axis_of(*case.the_tape.static(edge[0]))


def _at(function: Local, rest: Any, kwargs: Any, point: Array) -> Local:
    """The local derivative of a function of one array, at another point."""
    from ...autograd.transforms import vjp

    def local(g: Any, y: Any, x: Any, *more: Any) -> Any:
        return vjp(lambda t: function(t, *rest, **kwargs), np.asarray(point, float))[1](g)

    return local


@mistake("missing_upstream", tape=True, subsets=True)
def upstream_left_out(case: Case) -> Iterator[Mistake]:
    text = _("the upstream gradient is missing: this is the local derivative behind {label} alone")
    seen = set()
    last, u = len(case.the_tape.nodes) - 1, case.upstream
    if u is not None and (u == 0).any() and not np.isin(u, (0, 1)).all():
        # As in 000's recipe: the row of the Jacobian where the upstream gradient is not zero.
        row = case.pull(upstream=(u != 0).astype(float))
        if row is not None:
            detail = {"operation": case.the_tape.operation(last)}
            yield Mistake(row, text.format(label=case.the_tape.label(last)), detail)
    for i, _position in case.path:
        g = case.gradients.get(i)
        if i in seen or g is None or np.ptp(g) == 0:  # one number: a sign or a factor
            continue
        seen.add(i)
        gradient = case.pull(given={i: np.ones_like(g)})
        if gradient is not None:
            label = case.the_tape.label(i)
            detail = {"operation": case.the_tape.operation(i)}
            yield Mistake(gradient, text.format(label=label), detail)


def labels_at(case: Case, i: int) -> list[str]:
    node = case.the_tape.nodes[i]
    labels = [case.the_tape.label(i)]
    for x in node._inputs:
        number = case.the_tape.number(x)
        labels.append(_("a constant") if number is None else case.the_tape.label(number))
    return labels
