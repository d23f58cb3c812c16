"""The slips of each operation: what people write in place of its derivative."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from .... import ops
from ....kernels import Array
from ....messages import _
from ..case import Case, Local, Mistake, Use
from .arrays import word
from .table import at, mistake

# y = f(x) entry by entry, softmax included: an activation in the sense of the course.
ACTIVATIONS = {
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "softmax",
    "arctan", "sin", "cos", "exp", "prelu",
}  # fmt: skip


def softmax_slips() -> list[tuple[str, str, str, Callable[..., Array]]]:
    """Slips in the softmax's gradient, p_i (g_i - sum_j p_j g_j): kind, sentence, case, gradient.

    Each gradient is made of g (upstream), p (output) and sums over the classes.
    """
    return [
        ("diagonal_only",
         _("you used only the diagonal of the softmax's Jacobian, p_i (1 - p_i): the terms "
           "off the diagonal, -p_i p_j, are missing"), "",
         lambda g, p, total: g * p * (1 - p)),
        # On the diagonal of the Jacobian, as 000 prints it, or off it.
        ("sign",
         _("on the diagonal of the softmax's Jacobian the sign is reversed: it is +p_c (1 - p_c)"),
         _("the case k = c"),
         lambda g, p, total: -p * (g * (1 - p) + total(g * p) - g * p)),
        ("sign",
         _("off the diagonal of the softmax's Jacobian the sign is reversed: it is -p_c p_k"),
         _("the case k != c"),
         lambda g, p, total: p * (g * (1 - p) + total(g * p) - g * p)),
        ("sign",
         _("the sign of the terms -p_i p_j is reversed in the Jacobian of softmax"), "",
         lambda g, p, total: p * (g + total(g * p))),
        ("missing_branch",
         _("the term p_i g_i is missing in the gradient of softmax (-y after a cross entropy)"), "",
         lambda g, p, total: -p * total(g * p)),
        ("missing_branch",
         _("the term -p_i sum_j p_j g_j is missing in the gradient of softmax"), "",
         lambda g, p, total: g * p),
        ("wrong_local_derivative",
         _("in the gradient of softmax the p_j g_j are added up, you took their mean"), "",
         lambda g, p, total: p * (g - total(g * p) / total(np.ones_like(p)))),
        ("wrong_local_derivative",
         _("in the gradient of softmax the sum is of the p_j g_j, you left the p_j out"), "",
         lambda g, p, total: p * (g - total(g))),
        ("wrong_local_derivative",
         _("in the gradient of softmax p_i multiplies both terms, g_i and the sum"), "",
         lambda g, p, total: g - p * total(g * p)),
        ("wrong_local_derivative",
         _("in the gradient of softmax the factor p_i before the bracket is missing"), "",
         lambda g, p, total: g - total(g * p)),
        ("missing_factor",
         _("in the gradient of softmax the factor p_i before the sum is missing"), "",
         lambda g, p, total: p * g - total(g * p)),
        ("extra_factor",
         _("after p - y the derivative of softmax, p (1 - p), is one factor too many"), "",
         lambda g, p, total: p * (g - total(g * p)) * p * (1 - p)),
    ]  # fmt: skip


def wrong_derivatives() -> dict[str, dict[str, Local]]:
    """By activation, known wrong derivatives, of g (upstream), y (output) and x (input)."""
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
        "leaky_relu": {
            _("the mask (z > 0)"): lambda g, y, x, *_n: g * (x > 0),
            "a": lambda g, y, x, *_n: g * y,
            _("the slope 0.01"): lambda g, y, x, *_n: g * np.where(x > 0, 1, 0.01),
            _("the branches exchanged"): lambda g, y, x, *_n: g * y.min() / x.min() * (x > 0)
            + g * (x <= 0),
        },
        "gelu": {
            "Phi(x)": lambda g, y, x: g * _normal(x),
            "x phi(x)": lambda g, y, x: g * x * _density(x),
            "phi(x)": lambda g, y, x: g * _density(x),
            "Phi(x) + phi(x)": lambda g, y, x: g * (_normal(x) + _density(x)),
            "Phi(x) - x phi(x)": lambda g, y, x: g * (_normal(x) - x * _density(x)),
        },
        "silu": {
            "s": lambda g, y, x: g * _logistic(x),
            "x s (1 - s)": lambda g, y, x: g * x * _logistic(x) * _logistic(-x),
            "s + s (1 - s)": lambda g, y, x: g * _logistic(x) * (1 + _logistic(-x)),
            "s + x s": lambda g, y, x: g * _logistic(x) * (1 + x),
            "s - x s (1 - s)": lambda g, y, x: g * _logistic(x) * (1 - x * _logistic(-x)),
            "s (1 - s)": lambda g, y, x: g * _logistic(x) * _logistic(-x),
        },
        "softplus": {
            "1 - a": lambda g, y, x: g * (1 - y), "a": lambda g, y, x: g * y,
            "1/(1 + e^z)": lambda g, y, x: g / (1 + np.exp(x)),
            "e^z": lambda g, y, x: g * np.exp(x), "e^a": lambda g, y, x: g * np.exp(y),
        },
        "arctan": {
            "1/(1 - x^2)": lambda g, y, x: g / (1 - x**2),
            "1/(1 + a^2)": lambda g, y, x: g / (1 + y**2), "1/(1 + x)": lambda g, y, x: g / (1 + x),
        },
        "elu": {
            _("the mask (z > 0)"): lambda g, y, x: g * (x > 0),
            "a": lambda g, y, x: g * np.where(x > 0, 1, y),
            _("z itself on the positive side"): lambda g, y, x: g * np.where(x > 0, x, y + 1),
            _("the branches exchanged"): lambda g, y, x: g * np.where(x > 0, np.exp(x), 1),
        },
    }  # fmt: skip


def wrong_derivatives_of_others() -> dict[str, dict[str, Local]]:
    """The same for what is no activation."""
    return {
        "abs": {
            "x": lambda g, y, x: g * x, "2x": lambda g, y, x: 2 * g * x,
            _("the mask (z > 0)"): lambda g, y, x: g * (x > 0),
        },
        "clip": {
            _("the mask inverted"): lambda g, y, x, *_n: g * (x != y),
            _("the mask (z > 0)"): lambda g, y, x, *_n: g * (x > 0),
            "a": lambda g, y, x, *_n: g * y,
            _("the lower bound alone"): lambda g, y, x, *_n: g * (x >= y),
            _("the upper bound alone"): lambda g, y, x, *_n: g * (x <= y),
        },
        "maximum": {
            _("the mask inverted"): lambda g, y, a, b: g * (a != y), "a": lambda g, y, a, b: g * y,
            _("the mask (z > 0)"): lambda g, y, a, b: g * (a > 0),
        },
        "softmax": {
            "1 - p": lambda g, y, x: g * (1 - y), "1 - p^2": lambda g, y, x: g * (1 - y**2),
            "-p_i p_j": lambda g, y, x: -y * ((g * y).sum(-1, keepdims=True) - g * y),
        },
        "log": {
            "x": lambda g, y, x: g * x, "log x": lambda g, y, x: g * y,
            "1/x^2": lambda g, y, x: g / x**2, "1/log x": lambda g, y, x: g / y,
        },
        "inv": {"-Y G Y": lambda g, y, x: -y @ g @ y},
        "exp": {"x": lambda g, y, x: g * x, "1/x": lambda g, y, x: g / x},
        "sqrt": {
            "sqrt(x)/2": lambda g, y, x: g * y / 2, "1/(2x)": lambda g, y, x: g / (2 * x),
            "1/sqrt(x)": lambda g, y, x: g / y,
        },
        "sin": {"sin": lambda g, y, x: g * y},
        "cos": {"sin": lambda g, y, x: g * np.sin(x), "cos": lambda g, y, x: g * y},
        "square": {
            _("the sign"): lambda g, y, x: g * np.sign(x), "x^2": lambda g, y, x: g * y,
            "2": lambda g, y, x: 2 * g,
        },
        "power": {
            "x^n": lambda g, y, x, n: g * y, "n x^n": lambda g, y, x, n: g * n * y,
            "n": lambda g, y, x, n: g * n, _("the sign"): lambda g, y, x, n: g * np.sign(x),
        },
        "divide": {
            "1/b for -a/b^2": lambda g, y, a, b: g / b, "a/b^2": lambda g, y, a, b: g * a / b**2,
            "-1/b^2": lambda g, y, a, b: -g / b**2, "-a/b": lambda g, y, a, b: -g * a / b,
        },
    }  # fmt: skip


def logsumexp_slips() -> list[tuple[str, str, Local]]:
    """Slips in the gradient of logsumexp, which is the softmax: kind, what is used, rule."""
    return [
        ("wrong_local_derivative", _("1, as for a sum"), lambda g, y, x: g * np.ones_like(x)),
        ("wrong_local_derivative", _("1/n, as for a mean"),
         lambda g, y, x: g * np.ones_like(x) / x.shape[-1]),
        ("missing_factor", _("exp(x), without the division by its sum"),
         lambda g, y, x: g * np.exp(x)),
        ("extra_factor", "p (1 - p)",
         lambda g, y, x: g * np.exp(x - y) * (1 - np.exp(x - y))),
        ("double_activation", _("the softmax applied twice"),
         lambda g, y, x: g * ops.softmax(np.exp(x - y), -1)),
        ("wrong_local_derivative", _("the derivative of the maximum"),
         lambda g, y, x: g * (x == x.max(-1, keepdims=True))),
        ("wrong_variable", "x / y", lambda g, y, x: g * x / y),
        ("wrong_local_derivative", "exp(y - x)", lambda g, y, x: g * np.exp(y - x)),
        ("wrong_axis", _("the softmax along the other axis"),
         lambda g, y, x: g * ops.softmax(x, 0)),
    ]  # fmt: skip


def _of_logsumexp(kind: str, case: Case) -> Iterator[Mistake]:
    text = _("in place of the derivative of {operation} you used {used}")
    for use in case.uses("logsumexp"):
        for other, used, rule in logsumexp_slips():
            if other == kind:

                def local(g: Array, y: Array, x: Array, rule: Local = rule) -> Any:
                    return rule(_wide(g, x), _wide(y, x), x)

                yield use.with_local(local, text, used=used)


for _kind in ("missing_factor", "extra_factor", "double_activation", "wrong_variable",
              "wrong_local_derivative", "wrong_axis"):  # fmt: skip
    mistake(_kind, tape=True)(partial(_of_logsumexp, _kind))


@mistake("wrong_local_derivative", tape=True)
def to_the_smallest(case: Case) -> Iterator[Mistake]:
    """The gradient of a maximum, handed to the minimum."""
    text = _("the gradient of {operation} goes to the smallest entry in place of the largest")
    for use in case.uses("max", "max_pool2d"):

        def local(g: Array, y: Array, x: Array, use: Use = use) -> Any:
            rest = dict(list(use.arguments.items())[1:])
            return use.closure(g, -np.asarray(use.node._op.function(-x, **rest)), x)

        yield use.with_local(local, text)


def _logistic(x: Array) -> Array:
    return np.asarray(ops.sigmoid(x))


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _normal(x: Array) -> Array:
    """The distribution function of the normal law, which GELU multiplies by."""
    return np.asarray(np.asarray(ops.gelu(x)) / np.where(x == 0, 1.0, x) + 0.5 * (x == 0))


def _wide(a: Array, x: Array) -> Array:
    return a if np.ndim(a) == np.ndim(x) else np.expand_dims(a, -1)


# Derivatives that are taken for one another, as people write them: of the output, or the input.
OTHERS: Mapping[str, Local] = {
    "sigmoid": lambda g, y, x: g * y * (1 - y), "tanh": lambda g, y, x: g * (1 - y**2),
    "relu": lambda g, y, x: g * (x > 0), "exp": lambda g, y, x: g * y,
    "sign": lambda g, y, x: g * np.sign(x),
}  # fmt: skip


def _of_softmax(kind: str, case: Case) -> Iterator[Mistake]:
    """The slips of a kind, at each softmax."""
    for use in case.uses("softmax"):
        total = partial(np.sum, axis=use.arguments["axis"], keepdims=True)
        for other, text, subset, rule in softmax_slips():
            if other == kind:
                detail = {"subset": subset} if subset else {}
                local = partial(_summed, rule, total)
                yield use.with_local(local, text, **detail)


def _summed(rule: Local, total: Local, g: Array, p: Array, _x: Array) -> Any:
    return rule(g, p, total)


for _kind in ("diagonal_only", "sign", "missing_branch", "wrong_local_derivative", "extra_factor",
              "missing_factor"):  # fmt: skip
    mistake(_kind, tape=True)(partial(_of_softmax, _kind))


@mistake("wrong_axis", tape=True)
def inner_sum_along_another_axis(case: Case) -> Iterator[Mistake]:
    for use in case.uses("softmax"):
        axes = range(use.node.ndim)
        for other in [*axes, None] if use.node.ndim > 1 else []:
            wanted = use.arguments["axis"] % use.node.ndim
            if other == wanted:
                continue

            def local(g: Any, p: Any, x: Any, other: int | None = other) -> Any:
                return p * (g - (g * p).sum(other, keepdims=True))

            words = _(
                "the sum of the p_j g_j in the gradient of softmax goes along {wanted}, not {got}",
                wanted=word((wanted,)),
                got=word(tuple(axes) if other is None else (other,)),
            )
            yield use.with_local(local, words, axis=other)


@mistake("wrong_local_derivative", tape=True, subsets=True)
def known_wrong_derivative(case: Case) -> Iterator[Mistake]:
    text = _("in place of the derivative of {operation} you used {used}")
    table = {**wrong_derivatives_of_others(), **wrong_derivatives()}
    for use in case.uses():
        for used, local in table.get(use.operation, {}).items():
            yield use.with_local(local, text, used=used)
        if use.operation in ACTIVATIONS - {"relu"} and use.keeps_shape:
            mask = _("the mask (upstream > 0)")
            yield use.with_local(lambda g, *_values: g * (g > 0), text, used=mask)


@mistake("wrong_local_derivative", tape=True)
def derivative_turned_over(case: Case) -> Iterator[Mistake]:
    """``1 / (1 - a^2)`` for ``1 - a^2``: divided by where it should be multiplied by."""
    text = _("you divided by the derivative of {operation} in place of multiplying by it")
    for use in case.uses(*ACTIVATIONS - {"softmax", "relu"}, "log", "sqrt", "square", "power"):
        yield use.with_local(lambda g, *values, use=use: g / slope(use), text)


@mistake("wrong_local_derivative", tape=True)
def derivative_of_another_activation(case: Case) -> Iterator[Mistake]:
    text = _("in place of the derivative of {operation} you used that of {used}")
    for use in case.uses(*ACTIVATIONS):
        for used, local in OTHERS.items():
            # Of a softmax y (1 - y) and y are slips with a name of their own.
            if used != use.operation and (use.operation != "softmax" or used in ("tanh", "relu")):
                yield use.with_local(local, text, used=used)
        for used in ("sigmoid", "tanh", "softplus", "exp", "sin", "cos", "gelu", "silu", "elu"):
            if used != use.operation and use.position == 0:
                yield use.with_local(at(getattr(ops, used), use.operands[0]), text, used=used)


def slope(use: Use) -> Array:
    """The local derivative of an operation that acts entry by entry, as an array."""
    y = use.node._array
    return np.asarray(use.closure(np.ones_like(y), y, *use.operands))
