"""The right rule at another quantity, or another function in place of a derivative."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case
from .operations import ACTIVATIONS
from .table import Mistake, mistake
from .uses import Local, uses


@mistake("wrong_variable", tape=True, subsets=True)
def another_quantity(case: Case) -> Iterator[Mistake]:
    text = _("in the local derivative of {operation}, {got} stands where {wanted} should")
    for use in list(uses(case))[-30:]:
        if use.operation in ("add", "subtract", "sum", "reshape"):
            continue
        originals = [use.node._array, *use.operands]
        for slot, (original, wanted) in enumerate(zip(originals, use.labels, strict=True)):
            if np.ndim(original) == 0:
                continue
            for got, other in _alternatives(case, original, use.operation):

                def local(g: Any, *values: Any, c: Local = use.closure, slot: int = slot,
                          other: Array = other) -> Any:  # fmt: skip
                    changed = list(values)
                    changed[slot] = other
                    return c(g, *changed)

                yield use.with_local(local, text, got=got, wanted=wanted)


def _alternatives(case: Case, original: Any, operation: str) -> Iterator[tuple[str, Array]]:
    alike = case.alike(np.shape(original))
    others = (named for named in alike if not np.array_equal(named[1], original))
    yield from itertools.islice(others, 12)
    if operation in ("log", "divide", "sqrt", "reciprocal"):
        for k in (-15, -12, -10, -9, -8, -7, -6, -5, -4, -3, -2):
            eps, shown = 10.0**k, f"1e{k}"
            yield _("the quantity cut off at {eps}", eps=shown), np.maximum(original, eps)
            yield _("the quantity without its {eps}", eps=shown), original - eps
            yield _("the quantity plus {eps}", eps=shown), original + eps


@mistake("wrong_variable", tape=True)
def gradient_of_another(case: Case) -> Iterator[Mistake]:
    for number, g in case.gradients.items():
        node = case.the_tape.nodes[number]
        if number == case.target or g.shape != case.true.shape or node._op is not None:
            continue
        if node._name is not None:
            label = case.the_tape.label(number)
            yield Mistake(g, _("this is the gradient of {other}", other=label), {"other": label})


def wrong_locals() -> dict[str, dict[str, Local]]:
    """Known wrong derivatives, of g (upstream), y (output) and x (input)."""
    return {
    "tanh": {
            "1 - a": lambda g, y, x: g * (1 - y), "1 - z^2": lambda g, y, x: g * (1 - x**2),
            "a (1 - a)": lambda g, y, x: g * y * (1 - y), "1 + a^2": lambda g, y, x: g * (1 + y**2),
            "a^2 - 1": lambda g, y, x: g * (y**2 - 1),
            "(1 - a)^2": lambda g, y, x: g * (1 - y) ** 2,
        },
        "sigmoid": {
            "1 - a^2": lambda g, y, x: g * (1 - y**2), "1 - a": lambda g, y, x: g * (1 - y),
            "a": lambda g, y, x: g * y, "a (1 + a)": lambda g, y, x: g * y * (1 + y),
            "z (1 - z)": lambda g, y, x: g * x * (1 - x), "a^2": lambda g, y, x: g * y**2,
            "a - 1": lambda g, y, x: g * (y - 1),
        },
        "relu": {
            _("the mask (upstream > 0)"): lambda g, y, x: g * (g > 0),
            _("the mask (z < 0)"): lambda g, y, x: g * (x < 0),
            "a": lambda g, y, x: g * y, "z": lambda g, y, x: g * x,
        },
        "leaky_relu": {_("the mask (z > 0)"): lambda g, y, x: g * (x > 0)},
        "softmax": {
            "p": lambda g, y, x: g * y, "1 - p": lambda g, y, x: g * (1 - y),
            "1 - p^2": lambda g, y, x: g * (1 - y**2),
            "-p_i p_j": lambda g, y, x: -y * ((g * y).sum(-1, keepdims=True) - g * y),
            "p_i (delta_ij + p_j)": lambda g, y, x: y * (g + (g * y).sum(-1, keepdims=True)),
        },
        "log": {
            "x": lambda g, y, x: g * x, "log x": lambda g, y, x: g * y,
            "1/x^2": lambda g, y, x: g / x**2,
        },
        "exp": {"x": lambda g, y, x: g * x, "1/x": lambda g, y, x: g / x},
        "sqrt": {
            "sqrt(x)/2": lambda g, y, x: g * y / 2,
            "1/(2x)": lambda g, y, x: g / (2 * x),
        },
        "sin": { "sin": lambda g, y, x: g * y},
        "cos": {"sin": lambda g, y, x: g * np.sin(x), "cos": lambda g, y, x: g * y},
        "square": {"x^2": lambda g, y, x: g * y, "2": lambda g, y, x: 2 * g},
        "power": {
            "x^n": lambda g, y, x, n: g * y, "n x^n": lambda g, y, x, n: g * n * y,
            "n": lambda g, y, x, n: g * n,
        },
        "divide": {
            "1/b for -a/b^2": lambda g, y, a, b: g / b, "a/b^2": lambda g, y, a, b: g * a / b**2,
            "-1/b^2": lambda g, y, a, b: -g / b**2, "-a/b": lambda g, y, a, b: -g * a / b,
        },
        "softplus": {"1 - a": lambda g, y, x: g * (1 - y)},
        "arctan": {
            "1/(1 - x^2)": lambda g, y, x: g / (1 - x**2),
            "1/(1 + a^2)": lambda g, y, x: g / (1 + y**2),
        },
        "elu": {
            _("the mask (z > 0)"): lambda g, y, x: g * (x > 0),
            "a": lambda g, y, x: g * np.where(x > 0, 1, y),
        },
    }  # fmt: skip


@mistake("wrong_local_derivative", tape=True, subsets=True)
def known_wrong_derivative(case: Case) -> Iterator[Mistake]:
    text = _("in place of the derivative of {operation} you used {used}")
    table, mask = wrong_locals(), _("the mask (upstream > 0)")
    for use in uses(case):
        for used, local in table.get(use.operation, {}).items():
            yield use.with_local(local, text, used=used)
        if use.keeps_shape and use.operation in ACTIVATIONS - {"relu"}:
            yield use.with_local(lambda g, *_values: g * (g > 0), text, used=mask)


@mistake("wrong_local_derivative")
def on_the_diagonal_of_a_jacobian(case: Case) -> Iterator[Mistake]:
    """The Jacobian of a function applied entry by entry, with a wrong derivative."""
    if case.name != "jacobian" or case.true.ndim != 2:
        return
    tape = case.the_tape
    i = len(tape.nodes) - 1
    if tape.operation(i) not in ACTIVATIONS - {"softmax"}:
        return
    operation, y, x = tape.operation(i), tape.nodes[i]._array, case.operands(i)[0]
    rules: dict[str, Local] = {**wrong_locals().get(operation, {}), "a": lambda g, y, x: g * y}
    for used, local in rules.items():
        words = _(
            "in place of the derivative of {operation} you used {used}",
            operation=operation,
            used=used,
        )
        yield Mistake(np.diag(local(np.ones_like(y), y, x)), words, {"operation": operation})


@mistake("wrong_local_derivative", tape=True)
def derivative_of_another_activation(case: Case) -> Iterator[Mistake]:
    text = _("in place of the derivative of {operation} you used that of {used}")
    others = {
        "sigmoid": lambda g, y, x: g * y * (1 - y), "tanh": lambda g, y, x: g * (1 - y**2),
        "relu": lambda g, y, x: g * (x > 0), "exp": lambda g, y, x: g * y,
    }  # fmt: skip
    for use in uses(case, *ACTIVATIONS):
        for used, local in others.items():
            if used != use.operation and (used, use.operation) != ("sigmoid", "softmax"):
                yield use.with_local(local, text, used=used)
