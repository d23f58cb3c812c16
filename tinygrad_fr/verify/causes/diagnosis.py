"""Why a gradient is wrong: all hypotheses of the table are tried, and those that fit are told.

A hypothesis fits if the gradient that it predicts equals the student's to tolerance: on all
entries; on a part that has a name, the rest being right; or together with a second mistake.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import TinygradError
from ...graph.recorded.expansion import Unwritten
from ...kernels import Array
from ...messages import _, ngettext
from ...report import Diagnosis, joined
from .case import Case
from .factors import names_of
from .mistakes import KINDS, TABLE, Mistake
from .mistakes.arrays import ratio, scale_text, sums
from .subsets import named

# What a hypothesis that does not apply may raise.
_MISFITS = (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError,
            Unwritten, AssertionError, TinygradError)  # fmt: skip
# How many local mistakes are tried in pairs.
PAIRS = 60


@dataclass
class _Tried:
    kind: str
    mistake: Mistake
    subsets: bool


def diagnose(case: Case, again: Iterable[Case] = ()) -> tuple[Diagnosis, ...]:
    """The hypotheses that explain a wrong gradient, the likeliest first.

    Parameters
    ----------
    case
        The wrong gradient.
    again
        The same gradient on other random values: a hypothesis must explain it there as well.
    """
    with np.errstate(all="ignore"):
        found = _confirmed(_fitting(case), again)
    return tuple(_equivalent(found))


def _fitting(case: Case) -> list[Diagnosis]:
    """One mistake that explains the gradient, else two; the shape only if nothing else does."""
    tried = list(_tried(case))
    single = list(_single(case, tried))
    telling = [d for d in single if d.kind != "wrong_shape"]
    return telling or list(_pairs(case, tried)) or single


def _tried(case: Case) -> Iterator[_Tried]:
    """All mistakes of the table, made."""
    for row in TABLE:
        if row.needs_tape and (case.tape is None or case.name not in case.tape.names):
            continue
        with suppress(*_MISFITS):
            for made in row.hypothesis(case):
                made.gradient = np.asarray(made.gradient, float)
                yield _Tried(row.kind, made, row.subsets)


def _single(case: Case, tried: list[_Tried]) -> Iterator[Diagnosis]:
    """One mistake, on all entries or on a part of them."""
    found: list[tuple[bool, int, Diagnosis]] = []
    seen: set[Any] = set()

    def note(kind: str, made: Mistake, fitted: bool, **detail: Any) -> None:
        key = (kind, made.detail.get("operation"), made.detail.get("equals"),
               made.detail.get("used"), detail.get("subset") is None)  # fmt: skip
        if key in seen or (fitted and (kind, *key[1:4], True) in seen):
            return
        seen.add(key)
        text = made.explanation
        if detail.get("subset"):
            text = _("{text}, on a part only: {subset}", text=text, subset=detail["subset"])
        diagnosis = Diagnosis(kind, text, {**made.detail, **detail})
        found.append((fitted, KINDS.index(kind), diagnosis))

    for t in tried:
        predicted = t.mistake.gradient
        same_nan = t.kind in ("non_finite", "wrong_shape") or (
            predicted is case.hand
            and t.kind in ("not_summed", "permuted", "zero", "precision", "wrong_axis")
        )
        if same_nan or case.close(case.hand, predicted):
            note(t.kind, t.mistake, t.mistake.fitted)
        elif case.hand.shape == case.true.shape == predicted.shape and t.subsets:
            subset = _subset(case, predicted)
            if subset:
                note(t.kind, t.mistake, True, subset=subset)
    if case.hand.shape == case.true.shape and case.bad.any() and not case.bad.all():
        factor = ratio(case.hand[case.bad], case.true[case.bad])
        if factor is not None and factor > 0:
            for equals in names_of(case, factor):
                subset = _subset(case, factor * case.true)
                if subset:
                    detail = {"factor": factor, "equals": equals}
                    made = Mistake(case.hand, scale_text(factor, equals), detail)
                    note("scale", made, True, subset=subset)
    found.sort(key=lambda item: (item[2].kind == "wrong_shape", item[0], item[1]))
    exact = any(not fitted and d.kind != "wrong_shape" for fitted, _order, d in found)
    # A part of the entries is no news where something explains them all.
    yield from (d for fitted, _order, d in found if not (exact and fitted and "subset" in d.detail))


def _subset(case: Case, predicted: Array) -> str | None:
    """The name of the part of the entries on which a prediction holds, the rest being right."""
    wrong = case.bad
    scale = max(float(np.abs(case.hand).max()), float(np.abs(case.true).max()))
    if not wrong.any() or wrong.all() or not np.isfinite(scale):
        return None
    if not (np.abs(case.hand - predicted)[wrong] <= case.rtol * scale).all():
        return None
    for label, mask in named(case, wrong):
        if case.close(case.hand, np.where(mask, predicted, case.true)):
            return label
    return None


def _pairs(case: Case, tried: list[_Tried]) -> Iterator[Diagnosis]:
    """Two mistakes at once."""
    whole = _Tried("", Mistake(case.true, ""), False)
    for t in [whole, *tried]:
        if np.size(t.mistake.gradient) == 1 < case.true.size:
            continue  # of one number any other is a multiple
        if not t.mistake.fitted and t.kind not in ("sign", "scale", "wrong_shape", "zero"):
            found = list(_with_factor(case, t))
            if found:
                yield from found
                return
    local = [t for t in tried if t.mistake.local and t.kind != "wrong_variable"]
    local.sort(key=lambda t: t.kind in ("overwritten", "wrong_local_derivative"))
    for a, b in itertools.combinations(local[:PAIRS], 2):
        if set(a.mistake.local or ()) & set(b.mistake.local or ()):
            continue
        try:
            both = case.pull({**(a.mistake.local or {}), **(b.mistake.local or {})})
        except _MISFITS:
            continue
        if both is not None and case.close(case.hand, both):
            text = _two(a.mistake.explanation, b.mistake.explanation)
            for t, other in ((a, b), (b, a)):
                yield Diagnosis(t.kind, text, {**t.mistake.detail, "with": other.kind})
            return


def _with_factor(case: Case, t: _Tried) -> Iterator[Diagnosis]:
    """A mistake together with a sign, a named factor, a transposition or a missing sum."""
    predicted = t.mistake.gradient
    for kind, text, hand in _reshaped(case, predicted.shape):
        factor = ratio(hand, predicted)
        if factor is None or not factor or not case.close(hand, factor * predicted):
            continue
        parts: list[tuple[str, str, dict[str, Any]]] = []
        if t.kind:
            parts.append((t.kind, t.mistake.explanation, t.mistake.detail))
        if kind:
            parts.append((kind, text, {}))
        if factor < 0:
            parts.append(("sign", _("the sign is reversed"), {}))
        if abs(abs(factor) - 1) > case.rtol:
            names = names_of(case, abs(factor))
            if not names:
                continue
            detail = {"factor": abs(factor), "equals": names[0]}
            parts.append(("scale", scale_text(abs(factor), names[0]), detail))
        if len(parts) != 2:
            continue
        for mine, other in (parts, parts[::-1]):
            yield Diagnosis(mine[0], _two(parts[0][1], parts[1][1]), {**mine[2], "with": other[0]})
        return


def _reshaped(case: Case, shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """The hand gradient as it is, transposed back, and summed."""
    hand = case.hand
    yield "", "", hand
    if hand.ndim == 2:
        yield "transpose", _("a transposition is missing"), hand.T
    for _axes, total in sums(hand, shape):
        yield "not_summed", _("a sum is missing"), total


def _two(a: str, b: str) -> str:
    return _("two mistakes: {a}; and {b}", a=a, b=b)


def _confirmed(found: list[Diagnosis], again: Iterable[Case]) -> list[Diagnosis]:
    """Those that explain the gradient on other random values, too."""
    for other in again:
        if not found or (not other.bad.any() and other.hand.shape == other.true.shape):
            continue  # on these values it is right: they tell nothing
        known = {(d.kind, d.detail.get("operation")) for d in _fitting(other)}
        found = [d for d in found if (d.kind, d.detail.get("operation")) in known]
    return found


def _equivalent(found: list[Diagnosis]) -> Iterator[Diagnosis]:
    """The same, each with the confidence that is left by the others."""
    alternatives = [d for d in found if "with" not in d.detail]
    for d in found:
        others = len(alternatives) if "with" not in d.detail else 1
        if others > 1:
            detail = {**d.detail, "equivalent": [o.kind for o in alternatives if o is not d]}
            yield replace(d, detail=detail, confidence=1 / others)
        else:
            yield d


def what_is_known(case: Case) -> str:
    """What can be said of a wrong gradient that no hypothesis explains: where, and how far."""
    hand, true = case.hand, case.true
    if hand.shape != true.shape:
        return _("no known mistake explains it")
    wrong = case.bad
    count = int(wrong.sum())
    parts = [
        ngettext(
            "{n} of {m} entries differs", "{n} of {m} entries differ", count, n=count, m=wrong.size
        )
    ]
    for axis in range(wrong.ndim if wrong.ndim > 1 else 0):
        rest = tuple(a for a in range(wrong.ndim) if a != axis)
        touched = np.flatnonzero(wrong.any(rest))
        if len(touched) < wrong.shape[axis]:
            where = ", ".join(map(str, touched[:8])) + (", ..." if len(touched) > 8 else "")
            parts.append(_("all on axis {axis} at {where}", axis=axis, where=where))
    norms = float(np.linalg.norm(hand) * np.linalg.norm(true))
    if norms and np.isfinite(norms):
        cosine = float((hand * true).sum() / norms)
        parts.append(_("cosine with the right gradient {cosine:.3f}", cosine=cosine))
    return _("no known mistake explains it: {facts}", facts=joined(*parts))
