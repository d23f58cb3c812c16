"""Jacobians written by hand."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...autograd.transforms import jacobian as recorded_jacobian
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report
from ..causes.case import Case
from ..handwritten.calls import StudentError, as_array, attempted, promoted
from ..truth.comparison import Truth, granted
from ..truth.differences import derivative, directional, signed
from ..truth.limits import redrawn
from ..truth.subgradients import at_kinks
from ..truth.tolerances import CONFIRMED
from .judgement import Claim, compared, explained

# How many random sums of rows a cause must explain.
SUMS = 3


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
    x, rng = promoted(x), np.random.default_rng(seed)
    try:
        values, truth, output = _truth(f, x)
        mine = as_array(attempted(hand, np.array(x)) if callable(hand) else hand)
    except StudentError as failure:
        entry = Entry("jacobian", "wrong", note=str(failure), max_rel_error=np.inf)
        return Report({"jacobian": entry}, (), "jacobian")
    true = truth.value
    assert true is not None
    hidden = []
    if true.ndim == 2 and true.shape[0] == true.shape[1] and np.allclose(true, true.T, atol=1e-12):
        text = _(
            "the Jacobian is symmetric here: a transposition or swapped indices change nothing "
            "and cannot be seen; f(A x) with any matrix A, such as softmax(A t), would show "
            "them"
        )
        hidden.append(text)
    if mine.shape == (1, *true.shape):
        mine = mine[0]  # a row for the gradient of a scalar
    claim = Claim("jacobian", mine, values, x, rng, granted(mine, rtol), atol)
    entry = compared(claim, truth)
    if entry.verdict != "wrong":
        return Report({"jacobian": entry}, tuple(hidden))
    here = list(_cases(claim, true, output, values))
    there = list(_elsewhere(f, hand, claim)) if callable(hand) else []
    found = explained(entry, here[0], there[:1])
    if not found.diagnoses and here[1:]:
        by_rows = explained(entry, here[1], [*here[2:], *there[1:]])
        found = by_rows if by_rows.diagnoses else found
    return Report({"jacobian": found}, tuple(hidden), "jacobian")


Values = Callable[[Array], Array]


def _cases(claim: Claim, true: Array, output: Any, values: Values) -> Iterator[Case]:
    """The Jacobian as it stands, then a few random sums of its rows.

    A sum of rows is the gradient for an upstream: there, mistakes can be made in the recorded
    graph. What explains several of them explains the Jacobian.
    """
    x, claimed = claim.x, np.asarray(claim.mine, float)
    tape = Tape(output) if isinstance(output, Tensor) and output._op is not None else None
    yield Case("jacobian", claimed, true, x, {"x": x}, tape, rtol=claim.rtol)
    if tape is None or claimed.shape != true.shape:
        return
    rng, tape = np.random.default_rng(0), tape.expanded()
    for _draw in range(SUMS):
        u = signed(rng, output.shape)
        mine, right = (np.asarray(np.tensordot(u, j, u.ndim)) for j in (claimed, true))
        yield Case(
            "x", mine, right, x, {"x": x}, tape, u, rtol=claim.rtol,
            f=lambda z, u=u: float((values(z) * u).sum()),
        )  # fmt: skip


def _elsewhere(f: Callable[..., Any], hand: Callable[..., Any], claim: Claim) -> Iterator[Case]:
    """The same at another point, where it is in the domain."""
    x = redrawn({"x": claim.x}, claim.rng)["x"]
    with suppress(Exception):
        values, truth, output = _truth(f, x)
        if truth.value is not None:
            claim = dataclasses.replace(claim, mine=as_array(hand(np.array(x))), x=x)
            yield from _cases(claim, truth.value, output, values)


def _truth(f: Callable[..., Any], x: Array) -> tuple[Values, Truth, Any]:
    """The outputs as arrays of an array, the Jacobian, and the recorded output if there is one.

    The Jacobian is the recorded one where f takes Tensors; random sums of the outputs confirm it.
    """
    try:
        output: Any = f(Tensor(x, requires_grad=True, name="x"))
    except Exception:  # written for arrays: the call below says what is wrong otherwise
        output = None

    def values(z: Array) -> Array:
        y = attempted(f, Tensor(z) if isinstance(output, Tensor) else z)
        return np.asarray(as_array(y), float)

    here, rng, recorded = values(x), np.random.default_rng(0), None
    none = np.zeros((*here.shape, *x.shape))
    if isinstance(output, Tensor) and output.requires_grad:
        recorded = np.asarray(recorded_jacobian(f)(x))
        if all(_confirmed(values, x, recorded, rng) for _draw in range(3)):
            return values, Truth(recorded, none, True, numeric=recorded), output

    def one(k: int) -> Callable[[Array], float]:
        return lambda z: float(values(z).ravel()[k])

    rows = [derivative(one(k), x) for k in range(here.size)]
    numeric, error = (np.array([row[k] for row in rows]).reshape(none.shape) for k in (0, 1))
    if recorded is not None:
        known = np.where(np.abs(numeric - recorded) <= 10 * error, recorded, numeric)
        if at_kinks(values, x, known, recorded, rng, CONFIRMED, found_only=True).found:
            return values, Truth(recorded, none, numeric=recorded), output
    return values, Truth(numeric, error, numeric=numeric), output


def _confirmed(values: Values, x: Array, true: Array, rng: np.random.Generator) -> bool:
    """Whether a Jacobian agrees with a difference quotient along a random direction."""
    d = np.asarray(rng.standard_normal(x.shape))
    expected = np.asarray(np.tensordot(true, d, x.ndim))
    u = rng.standard_normal(np.shape(expected))
    slope, error = directional(lambda z: float((values(z) * u).sum()), x, d)
    scale = max(1e-8, float(np.abs(true).max(initial=0.0)))
    return bool(abs(slope - (u * expected).sum()) <= CONFIRMED * scale * d.size + 10 * error)
