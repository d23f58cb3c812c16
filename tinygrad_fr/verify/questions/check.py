"""Reverse mode against finite differences, at first and second order."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...autograd.transforms import gradients
from ...errors import ArgumentError, DTypeError, in_our_words
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..handwritten.calls import parameters_of, positional, promoted
from ..handwritten.canvas import left_at
from ..truth.comparison import confirm
from ..truth.differences import FULL, Counted, one_sided, signed
from ..truth.subgradients import as_kink, at_kinks
from ..truth.tolerances import ASKED, BY_SLOPES, REPEATED, SECOND_ORDER
from .judgement import promotions, random_function, recorded, undecided


def check(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    rtol: float | None = None,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Compare the recorded gradients of ``f`` with finite differences.

    Parameters
    ----------
    f
        Takes Tensors, gives a Tensor. A result that is not a scalar is weighted by a random signed
        upstream gradient, so that no two entries can hide behind each other. The parameters of a
        Module are checked, too (on a copy, in float64).
    inputs
        Arrays, Tensors or numbers. The floating ones are differentiated, in float64.
    order
        1, or 2 to check the gradient of the gradient as well, once the gradient is right.
    rtol, atol
        The difference allowed is ``atol + rtol * max|numeric|``; ``rtol`` is 1e-6 at order 1 and
        1e-4 at order 2 if not given.
    seed
        Of the upstream gradient and of the samples: arrays of more than 512 entries are checked
        along 8 random signed directions and at 24 random entries.

    Returns
    -------
    Report
        With one entry per differentiated parameter of ``f``, true when nothing is wrong. A function
        that is random or keeps a state is ``"inconclusive"``.

    Raises
    ------
    ArgumentError
        If the order is neither 1 nor 2, or no input is floating.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> bool(check(lambda x: tg.exp(x) * x, [0.5, -1.0], order=2))
    True
    """
    if order not in (1, 2):
        raise ArgumentError("order is 1 or 2, not {order!r}", order=order)
    rng = np.random.default_rng(seed)
    whole = _Weighted(f, inputs, rng)
    names, wanted = whole.names, whole.wanted
    if not wanted:
        raise ArgumentError("check needs at least one floating input")
    here, there = (whole.value(*whole.tensors()).item() for _call in range(2))
    if here != there and np.isfinite(here) and abs(here - there) > REPEATED * abs(here):
        return random_function(names[i] for i in wanted)

    notes, plain = [], whole.arrays[: len(inputs)]
    with Counted(whole.value) as counted:
        entries = _entries(counted, whole, ASKED if rtol is None else rtol, atol, rng)
    for i in wanted:
        entry = entries[names[i]]
        if entry.verdict in ("wrong", "inconclusive") and i < len(inputs):
            entries[names[i]] = _judge_kink(entry, whole.f, plain, i, rng)
    wrong = [entry for entry in entries.values() if entry.verdict == "wrong"]
    left = left_at(whole.f, *whole.tensors()[: len(inputs)]) if wrong else ""
    for entry in wrong:
        entries[entry.name] = dataclasses.replace(entry, note=joined(entry.note, left))
    evaluations = counted.count
    if order == 2 and all(entry.verdict == "correct" for entry in entries.values()):
        with Counted(whole.slope) as counted:
            entries = _entries(counted, whole, SECOND_ORDER if rtol is None else rtol, atol, rng)
        evaluations += counted.count
        notes.append(_("gradients of order 2; those of order 1 are right"))
    notes += [_("{n} evaluations", n=evaluations), *promotions(inputs)]
    return Report(entries, notes=tuple(notes))


class _Weighted:
    """A function as one number: the sum of its outputs, or of its slopes, each with a weight.

    The parameters of a Module come after its inputs; they are those of a copy, in float64.
    """

    def __init__(
        self, f: Callable[..., Any], inputs: tuple[Any, ...], rng: np.random.Generator
    ) -> None:
        self.f, self.rng = f, rng
        found: dict[str, Tensor] = {}
        if callable(getattr(f, "named_parameters", None)):
            self.f = copy.deepcopy(f)
            found = dict(self.f.named_parameters())  # type: ignore[attr-defined]
        self.parameters = list(found.values())
        self.inputs = [promoted(x) for x in inputs]
        self.arrays = [*self.inputs, *(p._array.astype(np.float64) for p in self.parameters)]
        self.wanted = [i for i, x in enumerate(self.arrays) if x.dtype.kind == "f"]
        self.names = [*_names(self.f, len(inputs)), *found]
        self.weights: dict[str, Array] = {}

    def tensors(self, replaced: int = -1, array: Array | None = None) -> list[Any]:
        """What to call the function with, one of the arrays replaced by another."""
        arrays = list(self.arrays)
        if array is not None:
            arrays[replaced] = array
        for parameter, x in zip(self.parameters, arrays[len(self.inputs) :], strict=True):
            parameter._array = x
        inputs = arrays[: len(self.inputs)]
        return [
            *(Tensor(x, requires_grad=True) if k in self.wanted else x
              for k, x in enumerate(inputs)),
            *self.parameters,
        ]  # fmt: skip

    def _sum(self, key: str, y: Any) -> Any:
        if key not in self.weights:
            self.weights[key] = signed(self.rng, y.shape)
        return (y * self.weights[key]).sum()

    def value(self, *xs: Any) -> Any:
        """A weighted sum of the outputs."""
        with in_our_words():
            y = self.f(*xs[: len(self.inputs)])
        if not isinstance(y, Tensor):
            text = _("f must give a Tensor, not {kind}: its computation left the graph")
            raise DTypeError(text, kind=type(y).__name__)
        return self._sum("value", y)

    def slope(self, *xs: Any) -> Any:
        """A weighted sum of the first derivatives: its gradient holds all second ones."""
        y, total = self.value(*xs), Tensor(0.0)
        if y.requires_grad:
            found = gradients(y, [xs[i] for i in self.wanted], create_graph=True)
            for i, d in zip(self.wanted, found, strict=True):
                total = total if d is None else total + self._sum(f"slope {i}", d)
        return total


def _entries(
    target: Callable[..., Any], whole: _Weighted, rtol: float, atol: float,
    rng: np.random.Generator,
) -> dict[str, Entry]:  # fmt: skip
    """One entry per differentiated input."""
    xs = whole.tensors()
    found = recorded(target(*xs), [xs[i] for i in whole.wanted])
    entries = {}
    for i, mine in zip(whole.wanted, found, strict=True):

        def numeric(moved: Array, i: int = i) -> float:
            try:
                return float(target(*whole.tensors(i, moved)).item())
            except ArgumentError:  # a step outside of the domain, such as a negative probability
                return np.nan

        entry = Entry(whole.names[i], "correct", mine)
        entries[entry.name] = confirm(entry, numeric, whole.arrays[i], mine, rtol, atol, rng)
    return entries


# How many entries and outputs a kink is looked at.
ENTRIES, OUTPUTS = 64, 64


def _judge_kink(
    entry: Entry, f: Callable[..., Any], arrays: list[Array], i: int, rng: np.random.Generator
) -> Entry:
    """The entry, judged again if the function has kinks where the gradient differs.

    Only the entries that differ move: along others, their kinks would hide a plain mistake.
    """
    if entry.autograd is None or entry.numeric is None:
        return entry
    unknown = np.isnan(entry.numeric) & (entry.numeric.size > FULL)  # not sampled
    size = np.where(unknown, 0.0, np.abs(entry.autograd - entry.numeric)).ravel()
    if not np.isfinite(size).all() or not size.any():
        return entry  # a pole, or the border of the domain
    x = arrays[i]
    worst = np.argsort(-size)[: min(int((size > 1e-6 * size.max()).sum()), ENTRIES)]

    def outputs(moved: Array) -> Array:
        values = [moved if k == i else a for k, a in enumerate(arrays)]
        try:
            y = f(*[Tensor(a) if a.dtype.kind == "f" else a for a in values])
        except ArgumentError:  # outside of the domain
            return np.array([np.nan])
        return np.ravel(y.data)

    def sides(k: int) -> tuple[Array, Array]:
        d = np.zeros(x.shape)
        d.flat[k] = 1.0
        return one_sided(outputs, x, d)

    left, right = np.array([sides(k) for k in worst]).swapaxes(0, 1)
    kinks = np.abs(left - right) > BY_SLOPES * (np.abs(left) + np.abs(right))
    if not kinks.any(axis=1).all():
        return entry  # where there is no kink, a difference is a mistake
    concerned = np.flatnonzero(kinks.any(axis=0))[:OUTPUTS]
    rows = _rows(f, arrays, i, concerned)
    central = rows.copy()  # what finite differences say, where that is another thing
    central[:, worst] = (left + right)[:, concerned].T / 2
    found = at_kinks(lambda z: outputs(z)[concerned], x, rows, central, rng, BY_SLOPES)
    if found.accepted:
        return as_kink(entry)
    return (
        undecided(entry, _("not differentiable here: try another point")) if found.found else entry
    )


def _rows(f: Callable[..., Any], arrays: list[Array], i: int, outputs: Array) -> Array:
    """The recorded gradients of single outputs with respect to input ``i``, one per row."""
    x = Tensor(arrays[i], requires_grad=True)
    y = f(*[x if k == i else Tensor(a) if a.dtype.kind == "f" else a for k, a in enumerate(arrays)])
    rows = np.zeros((len(outputs), x.size))
    for row, k in zip(rows, outputs, strict=True):
        one = np.zeros(y.shape)
        one.flat[k] = 1.0
        row[:] = np.ravel(recorded(y, [x], one)[0])
    return rows


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """The names of f's parameters, completed by numbers."""
    names = positional(parameters_of(getattr(f, "forward", f)))
    for i in range(len(names), n):
        names.append(
            next(name for k in range(i, n + len(names) + 1) if (name := f"x{k}") not in names)
        )
    return names[:n]
