"""Jacobians written by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...autograd.transforms import jacobian as recorded_jacobian
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..causes.case import Case, close
from ..causes.diagnosis import diagnose, what_is_known
from ..handwritten.calls import StudentError, as_array, attempted, promoted
from ..truth.comparison import compare, granted, rounded
from ..truth.differences import derivative, directional
from ..truth.limits import redrawn
from ..truth.subgradients import at_kinks


def jacobian(
    f: Callable[..., Any],
    x: Any,
    hand: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Check a Jacobian that was written by hand.

    Parameters
    ----------
    f
        Takes a Tensor (or, written in NumPy, an array), gives one.
    x
        Where; an array.
    hand
        The Jacobian, of the output's shape followed by that of ``x``: an array, or a function of
        ``x``.
    rtol, atol
        A Jacobian may differ by ``rtol`` times its largest entry, and by no more than ``atol``
        besides.
    seed
        Of the second point at which a function is tried.

    Returns
    -------
    Report
        With the entry ``jacobian``.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> report = jacobian(tg.softmax, [0.5, -1.0, 2.0], lambda t: np.diag(tg.softmax(t)))
    >>> report["jacobian"].verdict
    'wrong'
    """
    x = promoted(x)
    try:
        true, error, output = _true_jacobian(f, x)
        mine = as_array(attempted(hand, np.array(x)) if callable(hand) else hand)
    except StudentError as failure:
        entry = Entry("jacobian", "wrong", note=str(failure), max_rel_error=np.inf)
        return Report({"jacobian": entry}, (), "jacobian")
    hidden = []
    if true.ndim == 2 and true.shape[0] == true.shape[1] and np.allclose(true, true.T, atol=1e-12):
        text = _(
            "the Jacobian is symmetric here: a transposition or swapped indices change nothing "
            "and cannot be seen; f(A x) with any matrix A, such as softmax(A t), would show "
            "them"
        )
        hidden.append(text)
    claimed, rtol = np.asarray(mine, float), granted(mine, rtol)
    if claimed.shape == (1, *true.shape):
        claimed = mine = claimed[0]  # a row for the gradient of a scalar
    base = Entry("jacobian", "wrong", true, None, mine, np.inf, np.inf)
    if claimed.shape == true.shape:
        base = dataclasses.replace(base, numeric=true)
        base = compare(base, claimed, true, error, rtol, atol)
        base = rounded(base, mine) if base.verdict == "correct" else base
        rng = np.random.default_rng(seed)
        if base.verdict == "wrong" and _at_kinks(f, x, claimed, true, output, rng):
            note = _("not differentiable here; the gradient is one of the subgradients")
            base = dataclasses.replace(base, verdict="kink", note=note)
    if base.verdict != "wrong":
        return Report({"jacobian": base}, tuple(hidden))

    def case(x: Array, true: Array, claimed: Array, output: Any) -> Case:
        tape = Tape(output) if isinstance(output, Tensor) and output._op is not None else None
        return Case("jacobian", claimed, true, x, {"x": x}, tape, rtol=rtol)

    again = []
    if callable(hand):
        other = redrawn({"x": x}, np.random.default_rng(seed))["x"]
        with suppress(Exception):  # a point outside of the domain
            elsewhere, _error, there = _true_jacobian(f, other)
            again.append(case(other, elsewhere, np.asarray(as_array(hand(other)), float), there))
    mistake = case(x, true, claimed, output)
    diagnoses = diagnose(mistake, again)
    note = base.note if diagnoses else joined(base.note, what_is_known(mistake))
    entry = dataclasses.replace(base, diagnoses=diagnoses, note=note)
    return Report({"jacobian": entry}, tuple(hidden), "jacobian")


def _true_jacobian(f: Callable[..., Any], x: Array) -> tuple[Array, Array, Any]:
    """The Jacobian, its error, and the recorded output if there is one.

    It is the recorded one where f takes Tensors; random weightings of the outputs confirm it.
    """
    try:
        output: Any = f(Tensor(x, requires_grad=True, name="x"))
    except Exception:  # written for arrays: the call below says what is wrong otherwise
        output = None

    values = partial(_values, f, isinstance(output, Tensor))
    shape = (*np.shape(values(x)), *x.shape)
    if isinstance(output, Tensor) and output.requires_grad:
        true = np.asarray(recorded_jacobian(f)(x))
        rng = np.random.default_rng(0)
        confirmed = all(_confirmed(values, x, true, rng) for _draw in range(3))
        if confirmed or _explained(values, x, true):
            return true, np.zeros(shape), output
    count = int(np.prod(shape[: len(shape) - x.ndim]))
    rows = [derivative(_single(values, k), x) for k in range(count)]
    true, error = (np.array([row[k] for row in rows]).reshape(shape) for k in (0, 1))
    return true, error, output


def _values(f: Callable[..., Any], tensors: bool, z: Array) -> Array:
    return np.asarray(as_array(attempted(f, Tensor(z) if tensors else z)), float)


def _rows(values: Callable[[Array], Array], x: Array, jacobian: Array) -> Iterator[Any]:
    """Each output as a scalar function, with its row of a Jacobian."""
    for k, row in enumerate(jacobian.reshape(-1, *x.shape)):
        yield _single(values, k), row


def _explained(values: Callable[[Array], Array], x: Array, recorded: Array) -> bool:
    """Whether a recorded Jacobian differs from difference quotients at kinks only."""
    rng = np.random.default_rng(0)
    for f, row in _rows(values, x, recorded):
        numeric, error = derivative(f, x)
        differs = np.abs(numeric - row) > 1e-5 * np.abs(row).max(initial=0.0) + 10 * error + 1e-9
        if differs.any() and not at_kinks(f, x, numeric, row, rng).found:
            return False
    return True


def _at_kinks(
    f: Callable[..., Any], x: Array, claimed: Array, true: Array, output: Any,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether all rows that differ hold subgradients."""
    values = partial(_values, f, isinstance(output, Tensor))
    theirs = claimed.reshape(-1, *x.shape)
    for (g, row), mine in zip(_rows(values, x, true), theirs, strict=True):
        if close(mine, row, 1e-6):
            continue
        if not at_kinks(g, x, mine, row, rng).accepted:
            return False
    return True


def _confirmed(
    values: Callable[[Array], Array], x: Array, true: Array, rng: np.random.Generator
) -> bool:
    """Whether a Jacobian agrees with a difference quotient along a random direction."""
    d = np.asarray(rng.standard_normal(x.shape))
    expected = np.asarray(np.tensordot(true, d, x.ndim))
    u = rng.standard_normal(np.shape(expected))
    slope, error = directional(lambda z: float((values(z) * u).sum()), x, d)
    scale = max(1e-8, float(np.abs(true).max(initial=0.0)))
    return bool(abs(slope - (u * expected).sum()) <= 1e-5 * scale * d.size + 10 * error)


def _single(values: Callable[[Array], Array], k: int) -> Callable[[Array], float]:
    """One output as a function of its own."""
    return lambda z: float(values(z).ravel()[k])
