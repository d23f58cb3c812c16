"""Update rules: do they go down the slope?"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...autograd.modes import no_grad
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, ShapeError
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, Report, joined
from ..handwritten.calls import StudentError, as_array, called_by_name, parameters_of, promoted
from ..repairs.asking import Asked, seconds_of, with_repairs
from ..repairs.trials import Draw, OfAnUpdate
from ..truth.comparison import close
from ..truth.differences import directional
from ..truth.limits import redrawn
from ..truth.tolerances import ALIKE, ASKED, BY_SLOPES
from .judgement import recorded


def descent(
    f: Callable[..., Any],
    inputs: Mapping[str, Any],
    update: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
    repair: bool | float = True,
) -> Report:
    """Check whether an update rule goes down the slope of a loss, to first order.

    Parameters
    ----------
    f
        The loss: ``f(**inputs)`` gives a scalar Tensor.
    inputs
        Arrays, by name.
    update
        New values by name: arrays, or functions of values and gradients
        (``{"W": lambda W, dW: W - 0.1 * dW}``); or one function that returns such a dict.
    rtol, atol
        A slope of no more than ``atol + rtol * |gradient| * |step|`` is level.
    seed
        Of the other values on which a correction is tried.
    repair
        As for :func:`layer`.

    Returns
    -------
    Report
        One entry per updated name: its ``hand`` is the step taken, ``autograd`` the gradient.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> x, W = np.eye(2), np.ones((2, 3))
    >>> loss = lambda x, W: tg.cross_entropy(x @ W, [0, 2])
    >>> report = descent(loss, {"x": x, "W": W}, {"W": lambda W, dW: W + 0.1 * dW})
    >>> report["W"].diagnoses[0].kind
    'ascent'
    """
    repair = seconds_of(repair)
    arrays = {name: promoted(x) for name, x in inputs.items()}
    tensors = {
        name: Tensor(x, requires_grad=True, name=name) if x.dtype.kind == "f" else x
        for name, x in arrays.items()
    }
    loss = f(**tensors)
    if not isinstance(loss, Tensor) or loss.size != 1:
        raise ShapeError("descent wants a loss: f must give a Tensor with one entry")
    floating = {name: x for name, x in tensors.items() if isinstance(x, Tensor)}
    with np.errstate(all="ignore"):  # of the targets, too, where they are inputs
        slopes = dict(zip(floating, recorded(loss, list(floating.values())), strict=True))
    known = {
        **{k: np.array(x) for k, x in arrays.items()},
        **{f"d{k}": g for k, g in slopes.items()},
    }
    try:
        new = _updated(update, known, slopes)
    except StudentError as failure:
        asked = list(update) if isinstance(update, Mapping) else list(slopes)
        entries = {name: Entry(name, "wrong", note=str(failure)) for name in asked}
        failed = Report(entries, (), asked[0])
        return with_repairs(failed, _asked(f, arrays, slopes, update, seed), repair)

    def value(**changed: Array) -> float:
        both = {**arrays, **changed}
        with no_grad():
            y = f(**{k: Tensor(x) if x.dtype.kind == "f" else x for k, x in both.items()})
        return float(y)

    entries = {
        name: _direction(name, arrays[name], updated, slopes[name], value, rtol, atol)
        for name, updated in new.items()
    }
    before = loss.item()
    after = value(**{k: v for k, v in new.items() if v.shape == arrays[k].shape})
    note = _("the loss goes from {before:.6g} to {after:.6g}", before=before, after=after)
    if after > before and all(entry.verdict == "correct" for entry in entries.values()):
        note = joined(note, _("the direction is right, but the step is too large"))
    wrong = [name for name, entry in entries.items() if entry.verdict == "wrong"]
    report = Report(entries, (), wrong[0] if wrong else None, (note,))
    if not wrong or not repair:
        return report
    rates = {name: rate for name, e in entries.items() if (rate := _rate(e))}
    return with_repairs(report, _asked(f, arrays, slopes, update, seed, rates), repair)


def _rate(entry: Entry) -> float | None:
    """By how much of the gradient a value moves, up or down; None if by no multiple of it."""
    step, slope = entry.hand, entry.autograd
    if step is None or slope is None or step.shape != slope.shape or not np.any(slope):
        return None
    rate = float((step * slope).sum() / (slope**2).sum())
    return abs(rate) if rate and close(step, rate * slope, ALIKE) else None


def _asked(
    f: Callable[..., Any], arrays: Mapping[str, Array], slopes: Mapping[str, Array], update: Any,
    seed: int, rates: Mapping[str, float] | None = None,
) -> Asked | None:  # fmt: skip
    """What the repairs of an update are looked for with."""
    rules = [update] if callable(update) else [u for u in update.values() if callable(u)]
    if not rules:
        return None
    draws = [Draw(arrays, np.ones(()), slopes, rtol=ASKED)]
    for values in [redrawn(arrays, np.random.default_rng(seed + k)) for k in range(2)]:
        tensors: Any = {n: Tensor(x, requires_grad=True) if x.dtype.kind == "f" else x
                   for n, x in values.items()}  # fmt: skip
        with np.errstate(all="ignore"):
            true = recorded(f(**tensors), [tensors[n] for n in slopes])
        draws.append(Draw(values, np.ones(()), dict(zip(slopes, true, strict=True)), rtol=ASKED))
    roots = tuple(getattr(rule, "__name__", "") for rule in rules)
    trial = partial(OfAnUpdate, rates=rates or {})
    return Asked(trial, (_updated, update), roots, draws[0], tuple(draws[1:]))


def _updated(
    update: Any, known: Mapping[str, Array], slopes: Mapping[str, Array]
) -> dict[str, Array]:
    """The new values, by name."""
    if callable(update):
        given = called_by_name(update, known, _("the update"))
        if not isinstance(given, Mapping):
            asked = [p.name for p in parameters_of(update) if p.name in slopes]
            values = given if isinstance(given, tuple) else (given,)
            given = dict(zip(asked, values, strict=False))
    else:
        given = update
    new = {}
    for name, rule in given.items():
        if name not in slopes:
            text = _("the update names {name}, which is no floating input: there are {known}")
            raise ArgumentError(text, name=name, known=", ".join(slopes))
        if callable(rule):
            rule = called_by_name(rule, known, _("the update of {name}", name=name))
        new[name] = np.asarray(as_array(rule), float)
    return new


def _direction(
    name: str, old: Array, new: Array, slope: Array, value: Callable[..., float], rtol: float,
    atol: float,
) -> Entry:  # fmt: skip
    """The verdict on the step of one value."""
    if new.shape != old.shape:
        text = _("the update changes the shape from {old} to {new}")
        note = text.format(old=old.shape, new=new.shape)
        d = Diagnosis("wrong_shape", note, {"hand": new.shape, "expected": old.shape})
        return Entry(name, "wrong", slope, None, new, np.inf, np.inf, diagnoses=(d,))
    step = new - old
    change, uncertainty = directional(lambda x: value(**{name: x}), old, step)
    expected = float((slope * step).sum())
    text = _("goes down: the loss changes by {change:.3g} to first order", change=expected)
    entry = Entry(name, "correct", slope, np.asarray(change), step, note=text)
    wrong = partial(dataclasses.replace, entry, verdict="wrong", note="")
    norm = float(np.linalg.norm(slope) * np.linalg.norm(step))
    if not np.isfinite(change) or abs(change - expected) > BY_SLOPES * norm + 10 * uncertainty:
        note = _("the recorded gradient and finite differences disagree: something left the graph")
        return dataclasses.replace(entry, verdict="inconclusive", note=note)
    if not np.any(slope):
        note = _("the gradient is zero here: any step is level to first order")
        return dataclasses.replace(entry, note=note)
    if not np.any(step):
        return wrong(diagnoses=(Diagnosis("zero", _("the update changes nothing")),))
    along = float((new * slope).sum() / (slope**2).sum())
    alike = close(old, float((old * slope).sum() / (slope**2).sum()) * slope, ALIKE)
    if np.any(new) and not alike and close(new, along * slope, ALIKE):
        text = _("the update is a multiple of the gradient alone: the old value is missing")
        return wrong(diagnoses=(Diagnosis("missing_branch", text, {"lr": -along}),))
    if expected < -min(atol, rtol * norm):
        return entry
    if expected <= rtol * norm:
        note = _("level to first order: the step is at right angles to the gradient")
        return dataclasses.replace(entry, verdict="inconclusive" if norm else "correct", note=note)
    text = _(
        "the update goes up the slope (the loss grows by {change:.3g} to first order): subtract "
        "the gradient, W <- W - lr * dW",
        change=expected,
    )
    rate = expected / float((slope**2).sum())
    return wrong(diagnoses=(Diagnosis("ascent", text, {"lr": rate}),), max_rel_error=2.0)
