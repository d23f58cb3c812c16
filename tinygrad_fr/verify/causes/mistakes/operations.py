"""Mistakes made at one operation on the way from the loss to the value.

Each is made on the recorded graph, one edge at a time, and the gradient recomputed with it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....graph.recorded.arguments import bound
from ....graph.recorded.tape import Tape
from ....kernels import Array
from ....messages import _
from ..case import Case, Local, Mistake, Use
from .slips import ACTIVATIONS, slope
from .table import at, mistake, reached


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
    for use in case.uses():
        if use.operation == "matmul":
            yield _operand_left_out(use)
        if use.operation == "multiply" and not use.is_constant:
            factor = use.labels[2 - use.position]
            words = _("the factor {factor} is missing in the gradient of a product")
            made = use.with_local(lambda g, *_values: g, words, factor=factor)
            yield replace(made, step=("product", use.position))
        elif not use.is_constant:
            text = texts.get(use.operation, _("the local derivative of {operation} is missing"))
            yield use.with_local(lambda g, *_values: g, text)


@mistake("missing_factor", tape=True, costly=True)
def number_left_out(case: Case) -> Iterator[Mistake]:
    """``1/sqrt(d)``, a temperature: a number by which one path is multiplied or divided."""
    words = _("the factor {factor} of {operation} is missing on the way to {name}")
    for use in case.uses("multiply", "divide"):
        other = use.operands[1 - use.position]
        if np.size(other) == 1 and not (use.operation == "divide" and use.position):
            number = float(np.asarray(other).item())
            factor = f"{number:.6g}" if use.operation == "multiply" else f"1/{number:.6g}"
            yield use.with_local(lambda g, *_values: g, words, factor=factor, name=case.name)


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
    for use in case.uses():
        if not use.is_constant:
            yield use.with_local(lambda g, *values, c=use.closure: -np.asarray(c(g, *values)), text)


@mistake("extra_factor", tape=True, subsets=True)
def local_applied_twice(case: Case) -> Iterator[Mistake]:
    text = _("the local derivative of {operation} was applied once too often")
    for use in case.uses():
        if use.is_constant:
            continue

        def twice(g: Any, *values: Any, closure: Local = use.closure) -> Any:
            return closure(closure(g, *values), *values)

        yield use.with_local(twice, text)
    on_path = {edge[0] for edge in case.path}
    for i, node in enumerate(case.the_tape.nodes):
        operation = case.the_tape.operation(i)
        if operation in ACTIVATIONS and node._closures[0] is not None and i not in on_path:
            y = node._array
            derivative = y * (1 - y) if operation == "softmax" else slope(Use(case, (i, 0)))
            if derivative.shape == case.true.shape:
                factor = case.true * derivative
                yield Mistake(factor, text.format(operation=operation), {"operation": operation})


@mistake("double_activation", tape=True)
def activation_twice(case: Case) -> Iterator[Mistake]:
    at_output = _("the derivative of {operation} was taken at its output a in place of its input z")
    for use in case.uses(*ACTIVATIONS):
        function = partial(use.node._op.function, **_options(use.node))
        p = function(use.node._array)
        if use.operation == "softmax":
            local = _softmax_with(p, use.arguments["axis"])
        else:
            local = at(function, use.node._array)
        yield use.with_local(local, at_output)

        words = _(
            "{operation} was applied twice: it is contained in the next step already",
            operation=use.operation,
        )

        def again(z: Any, *_rest: Any, f: Local = function, **_options: Any) -> Any:
            return f(f(z))

        tape = replayed(case, ("twice", use.number), {use.number: again})
        yield from reached(case.on(tape), words, operation=use.operation)
        if use.operation == "softmax":
            yield pretended(case, use.number, p, words)


def _options(node: Any) -> dict[str, Any]:
    """The arguments of a call behind the first, by name."""
    return dict(list(bound(node).items())[1:])


def replayed(case: Case, key: Any, operations: dict[int, Any]) -> Tape:
    """The tape played again with other operations, once for all who ask by the same key."""
    tape = case.the_tape
    return tape.once(key, lambda: tape.replayed(operations))


def _softmax_with(p: Array, axis: int) -> Local:
    """The local derivative of softmax with other probabilities."""
    return lambda g, *_values: p * (g - (g * p).sum(axis, keepdims=True))


def pretended(case: Case, i: int, p: Array, text: str, **detail: Any) -> Mistake:
    """The mistake of probabilities computed otherwise, put into the right formulas."""
    node, axis = case.the_tape.nodes[i], case.the_tape.arguments(i)["axis"]
    tape = case.the_tape.once((i, p.tobytes()), lambda: case.the_tape.replayed(values={i: p}))
    twin = tape.twin(node)
    if twin is None:
        raise ValueError
    downstream = _softmax_with(p, axis)(tape.gradients(case.upstream)[twin])
    given = {case.the_tape.number_of_input(i, 0): downstream}
    return Mistake(None, text, {"operation": case.the_tape.operation(i), **detail}, given=given)


@mistake("missing_upstream", tape=True, subsets=True)
def upstream_left_out(case: Case) -> Iterator[Mistake]:
    tape, u = case.the_tape, case.upstream
    words = _("the upstream gradient is missing: this is the local derivative behind {label} alone")

    def made(i: int, g: Array) -> Mistake:
        detail = {"operation": tape.operation(i)}
        return Mistake(None, words.format(label=tape.label(i)), detail, given={i: g})

    if u is not None and (u.size == 1 or (u == 0).any()) and not np.isin(u, (0, 1)).all():
        # As in 000's recipe: the row of the Jacobian where the upstream gradient is not zero.
        yield made(len(tape.nodes) - 1, (u != 0).astype(float))
    for i in dict.fromkeys(i for i, _position in case.path):
        g = case.gradients.get(i)
        if tape.operation(i) == "softmax":
            continue  # of ones it makes nothing: a path that is cut
        if g is not None and np.ptp(g) != 0:  # else one number: a sign or a factor
            yield made(i, np.ones_like(g))
