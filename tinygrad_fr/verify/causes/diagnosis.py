"""Why a gradient is wrong: all hypotheses of the table are tried, and those that fit are told.

A hypothesis fits if the gradient that it predicts equals the student's to tolerance: on all
entries; on a part that has a name, the rest being right; or together with a second mistake.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _, ngettext
from ...report import Diagnosis, joined
from .case import Case, Mistake
from .factors import names_of
from .mistakes import KINDS, MISFITS, TABLE, Row
from .mistakes.arrays import ratio, scale_text, sums
from .projection import Projection
from .subsets import named

# How many local mistakes are tried in pairs, how many with a factor, how many at every step, and
# with another first step; and which are tried alone.
PAIRS, SINGLE, STEPS, FIRST = 60, 600, 1500, 500
_ALONE = ("wrong_variable", "updated_too_early")


@dataclass
class _Tried:
    """A mistake that was made, to be compared with the hand gradient."""

    kind: str
    mistake: Mistake
    subsets: bool
    seen: Projection

    @cached_property
    def allowed(self) -> bool:
        """Whether it is not ruled out at a glance."""
        return self.seen.allows(self.mistake)

    @cached_property
    def gradient(self) -> Array:
        """What the hand gradient would be."""
        made, case = self.mistake, self.seen.case
        if made.gradient is not None:
            return np.asarray(made.gradient, float)
        try:
            found = case.pull(made.local, made.given)
        except MISFITS:
            return np.full(case.true.shape, np.nan)
        return np.zeros(case.true.shape) if found is None else np.asarray(found, float)


@dataclass
class _Found:
    """A hypothesis that fits, and what its place in the list depends on."""

    diagnosis: Diagnosis
    mistake: Mistake
    fitted: bool

    @property
    def exact(self) -> bool:
        """Whether nothing was fitted: neither a number nor the part of the entries."""
        return not self.fitted and self.diagnosis.kind != "wrong_shape"

    @property
    def cut(self) -> bool:
        """Whether it is a path that is missing altogether."""
        rules = list((self.mistake.local or {}).values())
        none = bool(rules) and all(rule is None for rule in rules)
        return self.exact and self.diagnosis.detail.get("weight", 0.0 if none else 1.0) == 0.0

    def place(self, cut: bool) -> tuple[bool, bool, float]:
        """Exact ones first, in the order of the table; those with an odd number last.

        Where a path that is ``cut`` explains the gradient, a rule that only cancels it comes later.
        """
        detail, order = self.diagnosis.detail, float(KINDS.index(self.diagnosis.kind))
        if cut and self.mistake.local and not self.cut:
            order = max(order, KINDS.index("overwritten") + 0.5)
        number = next((detail[k] for k in ("lr", "weight", "offset") if k in detail), None)
        odd = number is not None and abs(number - float(f"{number:.2g}")) > 1e-6 * abs(number)
        return self.fitted, odd, order


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
    """One mistake that explains the gradient, else two; the shape only if nothing else does.

    What costs more is tried only where nothing cheaper explains the gradient exactly: functions
    that are evaluated many times, the graph as it was written, and pairs.
    """
    attempts = []
    for reading in case.readings():
        seen = Projection(reading)
        another = reading.hand.shape != reading.true.shape
        first = [row for row in TABLE if not row.costly and (row.shapes or not another)]
        tried = list(_tried(seen, first))
        found = _single(reading, tried) + _of_rows(reading)
        if not any(f.exact for f in found):
            tried += _tried(seen, [row for row in TABLE if row not in first])
            tried += list(islice(_at_every_step(tried), STEPS))
            found = _single(reading, tried) + _of_rows(reading)
        attempts.append((reading, tried, found))
        if any(f.exact for f in found):
            break
    attempts.sort(key=lambda attempt: not any(f.exact for f in attempt[2]))
    for _reading, _tried_there, found in attempts:
        telling = [f for f in found if f.diagnosis.kind != "wrong_shape"]
        if telling:
            return _in_order(telling)
    for reading, tried, _found in attempts:
        pairs = list(_pairs(reading, tried))
        if pairs:
            return pairs
    return _in_order(attempts[0][2])


def _in_order(found: list[_Found]) -> list[Diagnosis]:
    cut = any(f.cut for f in found)
    return [f.diagnosis for f in sorted(found, key=lambda f: f.place(cut))]


def _tried(seen: Projection, rows: Iterable[Row]) -> Iterator[_Tried]:
    """The mistakes of some rows of the table, made."""
    case = seen.case
    there = case.tape is not None and case.name in case.tape.names
    for row in rows:
        if there or not row.needs_tape:
            with suppress(*MISFITS):
                for made in row.hypothesis(case):
                    yield _Tried(row.kind, made, row.subsets, seen)


def _at_every_step(tried: list[_Tried]) -> Iterator[_Tried]:
    """One slip wherever an operation is used: in every layer, at every step of a loop."""
    steps: dict[Any, list[_Tried]] = {}
    for t in tried:
        if t.mistake.step is not None:
            steps.setdefault((t.kind, t.mistake.step), []).append(t)
            # Of f * c and o * tanh(c), in each step of a loop, one is meant.
            steps.setdefault((t.kind, t.mistake.step, *_context(t)), []).append(t)
    for (kind, *_step), those in [*steps.items(), *islice(_from_the_first(steps), FIRST)]:
        local = {edge: rule for t in those for edge, rule in (t.mistake.local or {}).items()}
        if len(those) > 1 and len(local) == sum(len(t.mistake.local or ()) for t in those):
            made = those[-1].mistake
            words = _("{text}, every time", text=made.explanation)
            detail = {**made.detail, "times": len(local)}
            made = Mistake(None, words, detail, local=local)
            yield _Tried(kind, made, those[-1].subsets, those[-1].seen)


def _from_the_first(steps: dict[Any, list[_Tried]]) -> Iterator[tuple[Any, list[_Tried]]]:
    """The same shift through time where the first step takes what stands before all: ``h0``."""
    for (kind, step, *context), those in steps.items():
        if isinstance(step, tuple) and len(step) == 4 and step[-1] == "first" and not context:
            for (other, shifted, *rest), group in list(steps.items()):
                if other == kind and not rest and shifted != step and shifted[:3] == step[:3]:
                    yield from (((kind, shifted), [first, *group]) for first in those)


def _context(t: _Tried) -> Iterator[Any]:
    """Which operand of what a mistake is made at: its place, and what the operands come from."""
    tape = t.seen.case.the_tape
    for number, position in t.mistake.local or ():
        yield position
        for x in tape.nodes[number]._inputs:
            made = tape.number(x)
            yield None if made is None else tape.operation(made)


def _of_rows(case: Case) -> list[_Found]:
    """The mistakes at single operations that all rows of a Jacobian show."""
    if case.name != "jacobian":
        return []
    rows = []
    for contracted in case.contractions():
        seen = Projection(contracted)
        tried = [t for t in _tried(seen, TABLE) if t.mistake.local or t.mistake.given]
        tried = [t for t in tried if t.kind != "missing_upstream"]
        found = _single(contracted, [*tried, *_at_every_step(tried)])
        # A part of the Jacobian goes by the names of its rows and columns, not by the classes.
        whole = [f for f in found if f.exact and "subset" not in f.diagnosis.detail]
        rows.append({_key(f.diagnosis): f for f in whole})
    return [f for key, f in rows[0].items() if key in rows[1]] if rows else []


def _key(d: Diagnosis) -> tuple[Any, ...]:
    return d.kind, d.explanation


def _single(case: Case, tried: list[_Tried]) -> list[_Found]:
    """One mistake, on all entries or on a part of them."""
    found: list[_Found] = []
    seen: set[Any] = set()

    def note(kind: str, made: Mistake, fitted: bool, **detail: Any) -> None:
        told = [made.detail.get(name) for name in ("operation", "equals", "used")]
        key = (kind, *told, made.detail.get("weight") == 0.0, detail.get("subset") is None)
        if key in seen or (fitted and (*key[:-1], True) in seen):
            return
        if fitted and case.true.size == 1 and kind != "scale":
            return  # any number is a multiple of any other
        seen.add(key)
        text = made.explanation
        if detail.get("subset"):
            text = _("{text}, on a part only: {subset}", text=text, subset=detail["subset"])
        found.append(_Found(Diagnosis(kind, text, {**made.detail, **detail}), made, fitted))

    same_shape = case.hand.shape == case.true.shape
    for t in tried:
        if not t.allowed:
            continue
        predicted = t.gradient
        same_nan = t.kind in ("non_finite", "wrong_shape") or (
            predicted is case.hand
            and t.kind in ("not_summed", "permuted", "zero", "precision", "wrong_axis")
        )
        if same_nan or case.close(case.hand, predicted):
            note(t.kind, t.mistake, t.mistake.fitted)
        elif same_shape and case.hand.shape == predicted.shape:
            subset = _subset(case, predicted) if t.subsets else None
            if subset:
                note(t.kind, t.mistake, True, subset=subset)
            if t.mistake.weighted is not None:
                _note_weighted(case, t, note)
    if same_shape and case.bad.any() and not case.bad.all():
        factor = ratio(case.hand[case.bad], case.true[case.bad]) or 0.0
        subset = _subset(case, factor * case.true) if factor > 0 else None
        for equals in names_of(case, factor) if subset else ():
            detail = {"factor": factor, "equals": equals}
            made = Mistake(case.hand, scale_text(factor, equals), detail)
            note("scale", made, True, subset=subset)
    # A part of the entries is no news where something explains them all.
    exact = any(f.exact for f in found)
    return [f for f in found if not (exact and f.fitted and "subset" in f.diagnosis.detail)]


def _note_weighted(case: Case, t: _Tried, note: Callable[..., None]) -> None:
    """What a mistake changes, counted another number of times."""
    part = t.gradient - case.true
    if t.mistake.weighted is None or not np.any(part) or not np.isfinite(case.hand).all():
        return
    times = float(((case.hand - case.true) * part).sum() / (part**2).sum())
    if not np.any(t.gradient) or abs(times) < 1e-6:
        return  # a multiple of the whole is a factor
    text, detail, fitted = t.mistake.weighted(times)
    if case.close(case.hand, case.true + times * part):
        note(t.kind, replace(t.mistake, explanation=text, detail=detail), fitted)


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
    if not tried:
        return
    seen = tried[0].seen
    for t in [_Tried("", Mistake(case.true, ""), False, seen), *tried[:SINGLE]]:
        if not t.mistake.fitted and t.kind not in ("sign", "scale", "wrong_shape", "zero"):
            found = list(_with_factor(case, t))
            if found:
                yield from found
                return
    local = [t for t in tried if t.mistake.local and t.kind != "wrong_variable"]
    local.sort(key=lambda t: t.kind in ("overwritten", "wrong_local_derivative"))
    for i, j in seen.pairs([t.mistake for t in local[:PAIRS]]):
        a, b = local[min(i, j)], local[max(i, j)]
        both = {**(a.mistake.local or {}), **(b.mistake.local or {})}
        made = _Tried("", Mistake(None, "", local=both), False, seen)
        if case.close(case.hand, made.gradient):
            text = _two(a.mistake.explanation, b.mistake.explanation)
            for t, other in ((a, b), (b, a)):
                yield Diagnosis(t.kind, text, {**t.mistake.detail, "with": other.kind})
            return


def _with_factor(case: Case, t: _Tried) -> Iterator[Diagnosis]:
    """A mistake together with a sign, a named factor, a transposition or a missing sum."""
    lazy = t.mistake.gradient is None
    for kind, text, hand in _reshaped(case, case.true.shape if lazy else t.gradient.shape):
        if not t.seen.allows_multiple(t.mistake, hand):
            continue
        predicted = t.gradient
        if predicted.size == 1 < case.true.size:
            return  # of one number any other is a multiple
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
