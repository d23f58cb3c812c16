"""Slips in the softmax's gradient, p_i (g_i - sum_j p_j g_j), and in its Jacobian."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case
from .arrays import word
from .table import Mistake, mistake
from .uses import Local, uses


def _slips() -> list[tuple[str, str, dict[str, Any], Local]]:
    """Kinds, sentences, details, and the gradients made of g, p and sums over the classes."""
    return [
        ("diagonal_only",
         _("you used only the diagonal of the softmax's Jacobian, p_i (1 - p_i): the terms "
           "off the diagonal, -p_i p_j, are missing"), {},
         lambda g, p, total: g * p * (1 - p)),
        # On the diagonal of the Jacobian, as 000 prints it, or off it.
        ("sign",
         _("on the diagonal of the softmax's Jacobian the sign is reversed: it is +p_c (1 - p_c)"),
         {"subset": _("the case k = c")},
         lambda g, p, total: -p * (g * (1 - p) + total(g * p) - g * p)),
        ("sign",
         _("off the diagonal of the softmax's Jacobian the sign is reversed: it is -p_c p_k"),
         {"subset": _("the case k != c")},
         lambda g, p, total: p * (g * (1 - p) + total(g * p) - g * p)),
        ("missing_branch",
         _("the term p_i g_i is missing in the gradient of softmax (-y after a cross entropy)"), {},
         lambda g, p, total: -p * total(g * p)),
        ("missing_branch",
         _("the term -p_i sum_j p_j g_j is missing in the gradient of softmax"), {},
         lambda g, p, total: g * p),
        ("wrong_local_derivative",
         _("in the gradient of softmax the p_j g_j are added up, you took their mean"), {},
         lambda g, p, total: p * (g - total(g * p) / total(np.ones_like(p)))),
        ("wrong_local_derivative",
         _("in the gradient of softmax the sum is of the p_j g_j, you left the p_j out"), {},
         lambda g, p, total: p * (g - total(g))),
        ("wrong_local_derivative",
         _("in the gradient of softmax p_i multiplies both terms, g_i and the sum"), {},
         lambda g, p, total: g - p * total(g * p)),
        ("wrong_local_derivative",
         _("in the gradient of softmax the factor p_i before the bracket is missing"), {},
         lambda g, p, total: g - total(g * p)),
    ]  # fmt: skip


def _made(kind: str, case: Case) -> Iterator[Mistake]:
    """The slips of a kind, at each softmax."""
    for use in uses(case, "softmax"):
        total = partial(np.sum, axis=use.arguments["axis"], keepdims=True)
        for other, text, detail, rule in _slips():
            if other == kind:
                yield use.with_local(
                    lambda g, p, x, f=rule, total=total: f(g, p, total), text, **detail
                )


for _kind in ("diagonal_only", "sign", "missing_branch", "wrong_local_derivative"):
    mistake(_kind, tape=True)(partial(_made, _kind))


@mistake("wrong_axis", tape=True)
def inner_sum_along_another_axis(case: Case) -> Iterator[Mistake]:
    for use in uses(case, "softmax"):
        axes = range(use.node.ndim)
        for other in [*axes, None] if use.node.ndim > 1 else []:
            wanted = use.arguments["axis"] % use.node.ndim
            if other == wanted:
                continue

            def local(g: Any, p: Any, x: Any, other: int | None = other) -> Any:
                return p * (g - (g * p).sum(other, keepdims=True))

            got = word(tuple(axes) if other is None else (other,))
            words = _(
                "the sum of the p_j g_j in the gradient of softmax goes along {wanted}, not {got}",
                wanted=word((wanted,)),
                got=got,
            )
            yield use.with_local(local, words, axis=other)


@mistake("missing_branch")
def term_of_the_jacobian(case: Case) -> Iterator[Mistake]:
    text = _("the terms -p_i p_j are missing in the Jacobian of softmax")
    yield Mistake(np.diag(_output(case)), text)


@mistake("sign")
def sign_of_the_jacobian(case: Case) -> Iterator[Mistake]:
    p = _output(case)
    text = _("the sign of the terms -p_i p_j is reversed in the Jacobian of softmax")
    yield Mistake(np.diag(p) + np.outer(p, p), text)


def _output(case: Case) -> Array:
    """The output of a Jacobian's function, if it is a softmax of a vector."""
    if case.name != "jacobian" or case.the_tape.output._op.name != "softmax":
        raise ValueError
    p: Array = case.the_tape.output._array
    return p
