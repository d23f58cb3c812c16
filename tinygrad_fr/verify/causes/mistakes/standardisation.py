"""Slips in the compact gradient of a normalisation: less its mean, divided by its spread."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case, Mistake
from .arrays import word
from .table import mistake


def slips() -> list[tuple[str, str, Callable[..., Array]]]:
    """Slips in (g - mean(g) - n mean(g n)) / s: kind, sentence, and the gradient that they give.

    It is made of g (upstream), n (output), u (input), s (spread) and means over the entries that
    are normalised together.
    """
    return [
        ("missing_branch", _("the term -mean(g) is missing: the mean depends on x, too"),
         lambda g, n, u, s, mean: (g - n * mean(g * n)) / s),
        ("missing_branch",
         _("the term -n mean(g n) is missing: the variance depends on x, too"),
         lambda g, n, u, s, mean: (g - mean(g)) / s),
        ("missing_branch",
         _("the terms through the mean and the variance are missing: both depend on x"),
         lambda g, n, u, s, mean: g / s),
        ("missing_branch", _("the factor n before mean(g n) is missing"),
         lambda g, n, u, s, mean: (g - mean(g) - mean(g * n)) / s),
        ("missing_branch", _("the factor n in mean(g n) is missing"),
         lambda g, n, u, s, mean: (g - mean(g) - n * mean(g)) / s),
        ("sign", _("the sign of the term n mean(g n) is reversed"),
         lambda g, n, u, s, mean: (g - mean(g) + n * mean(g * n)) / s),
        ("sign", _("the sign of the term mean(g) is reversed"),
         lambda g, n, u, s, mean: (g + mean(g) - n * mean(g * n)) / s),
        ("missing_factor", _("the division by the spread s is missing"),
         lambda g, n, u, s, mean: g - mean(g) - n * mean(g * n)),
        ("extra_factor", _("it is divided by the spread s once too often"),
         lambda g, n, u, s, mean: (g - mean(g) - n * mean(g * n)) / s**2),
        ("wrong_local_derivative", _("it is multiplied by the spread s in place of divided by it"),
         lambda g, n, u, s, mean: (g - mean(g) - n * mean(g * n)) * s),
        ("wrong_variable", _("x stands where the normalised n should"),
         lambda g, n, u, s, mean: (g - mean(g) - u * mean(g * u)) / s),
        ("wrong_variable", _("x less its mean stands where the normalised n should"),
         lambda g, n, u, s, mean: (g - mean(g) - n * s * mean(g * n * s)) / s),
        ("diagonal_only", _("only the diagonal of the normalisation's Jacobian is there"),
         lambda g, n, u, s, mean: g * (1 - (1 + n**2) / _count(n, mean)) / s),
        ("missing_upstream",
         _("the upstream gradient is missing in the gradient of the normalisation"),
         lambda g, n, u, s, mean: (1 - 1 / _count(n, mean) - n**2 / _count(n, mean)) / s),
    ]  # fmt: skip


def _count(n: Array, mean: Callable[[Array], Array]) -> float:
    one = np.zeros(n.shape)
    one.flat[0] = 1.0
    return 1.0 / float(mean(one).flat[0])


def _made(kind: str, case: Case) -> Iterator[Mistake]:
    """The slips of a kind, at each normalisation on the path."""
    for c in case.the_tape.compositions:
        i, o = case.the_tape.number(c.input), case.the_tape.number(c.output)
        g = None if o is None else case.gradients.get(o)
        if c.operation != "standardised" or i is None or g is None or not case.behind(i):
            continue
        u, n, axes = c.input._array, c.output._array, tuple(np.atleast_1d(c.axis))
        centred = u - u.mean(axes, keepdims=True)
        s = np.sqrt((centred**2).mean(axes, keepdims=True) + c.arguments["eps"])
        right = partial(_right, g, n, s)

        def placed(
            wrong: Array, text: str, i: int = i, right: Array = right(axes), **d: Any
        ) -> Mistake:
            given = {i: case.gradients[i] - right + wrong}
            return Mistake(None, text, {"operation": "standardised", **d}, given=given)

        for other, text, rule in slips():
            if other == kind:
                mean = partial(np.mean, axis=axes, keepdims=True)
                yield placed(rule(g, n, u, s, mean), text)
        for axis in range(u.ndim) if kind == "wrong_axis" else ():
            if (axis,) != tuple(a % u.ndim for a in axes):
                words = _(
                    "in the gradient of the normalisation the means go along {wanted}, not {got}",
                    wanted=word(tuple(int(a) % u.ndim for a in axes)), got=word((axis,)),
                )  # fmt: skip
                yield placed(right((axis,)), words, axis=axis)


def _right(g: Array, n: Array, s: Array, axes: tuple[int, ...]) -> Array:
    mean = partial(np.mean, axis=axes, keepdims=True)
    return np.asarray((g - mean(g) - n * mean(g * n)) / s)


for _kind in ("missing_branch", "sign", "missing_factor", "extra_factor", "wrong_local_derivative",
              "wrong_variable", "diagonal_only", "missing_upstream", "wrong_axis"):  # fmt: skip
    mistake(_kind, tape=True)(partial(_made, _kind))
