"""Mistakes made at one operation on the way from the loss to the value.

Each is made on the recorded graph, one edge at a time, and the gradient recomputed with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case
from .table import Mistake, mistake
from .uses import Local, Use, at, reached, uses

# y = f(x) entry by entry, softmax included: an activation in the sense of the course.
ACTIVATIONS = {
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "softmax",
    "arctan", "sin", "cos", "exp", "prelu",
}  # fmt: skip


@mistake("diagonal_only")
def diagonal_of_a_jacobian(case: Case) -> Iterator[Mistake]:
    true = case.true
    if case.name == "jacobian" and true.ndim == 2 and true.shape[0] == true.shape[1]:
        text = _("only the diagonal of the Jacobian is there: the terms off it are missing")
        yield Mistake(true * np.eye(len(true)), text)


@mistake("missing_factor", tape=True, subsets=True)
def local_left_out(case: Case) -> Iterator[Mistake]:
    texts = {
        "softmax": _("the softmax's Jacobian was skipped"),
        "sigmoid": _("the factor a (1 - a) of sigmoid is missing"),
        "tanh": _("the factor 1 - a^2 of tanh is missing"),
        "log": _("the factor 1/x of log is missing (1/p for -log p)"),
        "relu": _("the mask (z > 0) of relu is missing"),
    }
    for use in uses(case):
        if use.operation == "matmul":
            yield _operand_left_out(use)
        if not use.is_constant:
            text = texts.get(use.operation, _("the local derivative of {operation} is missing"))
            yield use.with_local(lambda g, *_values: g, text)


def _operand_left_out(use: Use) -> Mistake:
    """A product without its other operand: ``dW = dz`` (which NumPy broadcasts)."""
    closure, other, tape = use.closure, 1 - use.position, use.case.the_tape

    def local(g: Any, y: Any, *operands: Any) -> Any:
        ones = [np.ones_like(x) if k == other else x for k, x in enumerate(operands)]
        return closure(g, y, *ones)

    number = tape.number(use.node._inputs[other])
    while number is not None and tape.operation(number) in ("reshape", "transpose"):
        number = tape.number_of_input(number, 0)
    text = _("the factor {operand} is missing in the gradient of matmul")
    return use.with_local(local, text, operand=tape.label(number))


@mistake("sign", tape=True)
def sign_of_a_local(case: Case) -> Iterator[Mistake]:
    text = _("the sign of the derivative of {operation} is reversed")
    for use in uses(case):
        if not use.is_constant:
            made = use.with_local(
                lambda g, *values, c=use.closure: -np.asarray(c(g, *values)), text
            )
            if not case.close(made.gradient, -case.true):
                yield made


@mistake("extra_factor", tape=True, subsets=True)
def local_applied_twice(case: Case) -> Iterator[Mistake]:
    text = _("the local derivative of {operation} was applied once too often")
    for use in uses(case):
        if use.is_constant:
            continue

        def twice(g: Any, *values: Any, closure: Local = use.closure) -> Any:
            return closure(closure(g, *values), *values)

        yield use.with_local(twice, text)
        if use.operation == "softmax":
            yield use.with_local(
                lambda g, y, x, c=use.closure: c(g, y, x) * y * (1 - y),
                _("after p - y the derivative of softmax, p (1 - p), is one factor too many"),
            )
    for i, derivative in _activation_slopes(case):
        operation = case.the_tape.operation(i)
        if derivative.shape == case.true.shape and (i, 0) not in case.path:
            factor = case.true * derivative
            yield Mistake(factor, text.format(operation=operation), {"operation": operation})


def _activation_slopes(case: Case) -> Iterator[tuple[int, Array]]:
    """The local derivatives of all activations, as arrays (softmax: its diagonal)."""
    for i, node in enumerate(case.the_tape.nodes):
        if case.the_tape.operation(i) in ACTIVATIONS and node._closures[0] is not None:
            y = node._array
            if case.the_tape.operation(i) == "softmax":
                yield i, y * (1 - y)
            else:
                yield i, np.asarray(node._closures[0](np.ones_like(y), y, *case.operands(i)))


@mistake("double_activation", tape=True)
def activation_twice(case: Case) -> Iterator[Mistake]:
    at_output = _("the derivative of {operation} was taken at its output a in place of its input z")
    for use in uses(case, *ACTIVATIONS):
        function, y = use.node._op.function, use.node._array
        args, kwargs = case.the_tape.static(use.number)

        def again(z: Any, *rest: Any, f: Local = function, kwargs: Any = kwargs) -> Any:
            return f(f(z, *rest, **kwargs), *rest, **kwargs)

        def of_output(z: Any, f: Local = function, rest: Any = args[1:], k: Any = kwargs) -> Any:
            return f(z, *rest, **k)

        if use.operation == "softmax":
            local = _softmax_with(np.asarray(of_output(y)), use.arguments["axis"])
        else:
            local = at(of_output, y)
        yield use.with_local(local, at_output)

        words = _(
            "{operation} was applied twice: it is contained in the next step already",
            operation=use.operation,
        )
        tape = case.the_tape.replayed({use.number: lambda z, *rest, f=again: f(z, *rest)})
        yield from reached(case.pull(tape=tape), words, operation=use.operation)
        if use.operation == "softmax":
            yield pretended(case, use.number, np.asarray(again(use.operands[0])), words)


def _softmax_with(p: Array, axis: int) -> Local:
    """The local derivative of softmax with other probabilities."""
    return lambda g, *_values: p * (g - (g * p).sum(axis, keepdims=True))


def pretended(case: Case, i: int, p: Array, text: str, **detail: Any) -> Mistake:
    """The mistake of probabilities computed otherwise, put into the right formulas."""
    tape = case.the_tape.replayed(values={i: p})
    twin = tape.twins[i]
    g = None if twin is None else tape.pull(case.upstream).get(twin)
    if g is None:
        raise ValueError
    downstream = _softmax_with(p, case.the_tape.arguments(i)["axis"])(g)
    gradient = case.pull(given={case.the_tape.number_of_input(i, 0): downstream})
    if gradient is None:
        raise ValueError
    return Mistake(gradient, text, {"operation": case.the_tape.operation(i), **detail})


@mistake("missing_upstream", tape=True, subsets=True)
def upstream_left_out(case: Case) -> Iterator[Mistake]:
    tape, u = case.the_tape, case.upstream

    def made(i: int, gradient: Array | None) -> Iterator[Mistake]:
        words = _(
            "the upstream gradient is missing: this is the local derivative behind {label} alone",
            label=tape.label(i),
        )
        yield from reached(gradient, words, operation=tape.operation(i))

    if u is not None and (u == 0).any() and not np.isin(u, (0, 1)).all():
        # As in 000's recipe: the row of the Jacobian where the upstream gradient is not zero.
        yield from made(len(tape.nodes) - 1, case.pull(upstream=(u != 0).astype(float)))
    for i in dict.fromkeys(i for i, _position in case.path):
        g = case.gradients.get(i)
        if g is not None and np.ptp(g) != 0:  # else one number: a sign or a factor
            yield from made(i, case.pull(given={i: np.ones_like(g)}))
