"""Layers that are right for upstream gradients with a single non-zero entry only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..kernels import Array
from ..messages import _
from ..report import Diagnosis, Entry, Report
from .case import close
from .gathering import Call

# One-hot upstream gradients that must be answered rightly, those that are tried for it, and by how
# much they are scaled: what is clipped, or right for small ones only, is not excused.
NEEDED, TRIED, SCALES = 2, 8, (1.0, -1e4)


def one_hot_only(
    entries: dict[str, Entry], upstream: Array, call: Callable[[Array], Call],
    truth: Callable[[str, Array], Array | None], rng: np.random.Generator,
) -> dict[str, Entry]:  # fmt: skip
    """Accept, with the condition stated, wrong gradients that are right for one-hot upstreams.

    A backward that is linear in its upstream gradient cannot be right for all one-hot ones and
    wrong for their sum: such a one is wrong.

    Parameters
    ----------
    call
        The layer's gradients with another upstream.
    truth
        The right gradient of a name with another upstream, or None.
    """
    wrong = [n for n, e in entries.items() if n != "output" and e.verdict == "wrong"]
    if not wrong or upstream.size < 2 or (upstream != 0).sum() == 1:
        return entries
    if any(entries[n].hand is None or _linear(n, upstream, call, rng) for n in wrong):
        return entries
    told = dict.fromkeys(wrong, 0)
    for k in rng.permutation(upstream.size)[:TRIED]:
        found = dict.fromkeys(wrong, True)
        for scale in SCALES:
            one = np.zeros(upstream.shape)
            one.flat[k] = scale * upstream.flat[k]
            answer = call(one)
            for name in wrong:
                true = truth(name, one)
                if true is None or name not in answer.gradients:
                    return entries
                mine = np.asarray(answer.gradients[name], float)
                if not close(mine, true, 1e-5):
                    return entries
                # An upstream that does not reach what was wrong says nothing about it.
                found[name] = found[name] and bool(np.any(true[_bad(entries[name])]))
        for name in wrong:
            told[name] += found[name]
        if min(told.values()) >= NEEDED:
            break
    if min(told.values()) < min(NEEDED, upstream.size):
        return entries
    text = _(
        "right only for an upstream gradient with a single non-zero entry, as after the cross "
        "entropy of one image; with any other it is wrong"
    )
    d = Diagnosis("one_hot_upstream_only", text)
    excused = {
        name: dataclasses.replace(entries[name], verdict="correct", diagnoses=(d,), note="")
        for name in wrong
    }
    return {**entries, **excused}


def uses_one_entry(
    report: Report, upstream: Array, call: Callable[[Array], Call], rng: np.random.Generator
) -> bool:
    """Whether what nothing explains may be a recipe for an upstream with one non-zero entry."""
    unexplained = [
        e.name for e in report if e.verdict == "wrong" and not e.diagnoses and e.name != "output"
    ]
    if not unexplained or upstream.size < 2 or (upstream != 0).sum() == 1:
        return False
    return not any(_linear(name, upstream, call, rng) for name in unexplained)


def one_entry(upstream: Array, rng: np.random.Generator) -> Array:
    """One entry of an upstream gradient, and zeros."""
    one = np.zeros(upstream.shape)
    k = int(rng.integers(upstream.size))
    one.flat[k] = upstream.flat[k]
    return one


def _linear(
    name: str, upstream: Array, call: Callable[[Array], Call], rng: np.random.Generator
) -> bool:
    """Whether a gradient is the sum of those for two parts of the upstream gradient."""
    part = rng.permutation(upstream.size).reshape(upstream.shape) % 2 == 0
    calls = [call(u) for u in (upstream, upstream * part, upstream * ~part)]
    if not all(name in c.gradients for c in calls):
        return True
    whole, a, b = (np.asarray(c.gradients[name], float) for c in calls)
    return whole.shape == a.shape == b.shape and close(whole, a + b, 1e-8)


def _bad(entry: Entry) -> Array:
    hand, true = np.asarray(entry.hand, float), entry.autograd
    if true is None or hand.shape != true.shape:
        return np.ones(() if true is None else true.shape, bool)
    return np.asarray(np.abs(hand - true) > 1e-6 * np.abs(true).max(initial=0.0))
