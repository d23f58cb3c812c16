"""Layers whose backward looks at a single entry of its upstream gradient, as document 000's does.

After the cross entropy of one image, no other entry is different from zero.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry
from ..truth.comparison import close
from ..truth.tolerances import ASKED, LINEAR
from .gradients import Call

# One-hot upstream gradients that must be answered rightly, those that are tried for it, and by how
# much they are scaled: what is clipped, or right for small ones only, is not excused.
NEEDED, TRIED, SCALES = 2, 8, (1.0, -1e4)


def under_one_hot(
    entries: dict[str, Entry], upstream: Array, call: Callable[[Array], Call],
    judged: Callable[[str, Array], Entry], notes: list[str], rng: np.random.Generator,
) -> dict[str, Entry]:  # fmt: skip
    """Judge wrong gradients again, one by one, under upstream gradients with a single entry.

    Those that are right there are accepted, with the condition stated; for the others, the mistake
    found there explains what none explains under a dense upstream. A gradient that is linear in
    the upstream cannot be right for all one-hot ones and wrong for their sum: such a one is wrong.

    Parameters
    ----------
    call
        The layer's gradients with another upstream.
    judged
        The verdict on the gradient of a name with another upstream.
    notes
        Receives what to do about gradients that stay unexplained.
    """
    wrong = [n for n, e in entries.items() if n != "output" and e.verdict == "wrong"]
    if not wrong or (upstream != 0).sum() < 2:
        return entries
    again = {
        name: _alone(entries[name], upstream, judged, rng)
        for name in _not_linear(wrong, upstream, call, rng)
    }
    open_ones = [n for n, e in again.items() if e.verdict == "wrong" and not e.diagnoses]
    if open_ones:
        words = _(
            "not linear in the upstream gradient, and not explained: {names}; verify again with an "
            "upstream= that has a single non-zero entry (--one-hot on the command line)",
            names=", ".join(open_ones),
        )
        notes.append(words)
    return {**entries, **again}


def _not_linear(
    names: list[str], upstream: Array, call: Callable[[Array], Call], rng: np.random.Generator
) -> list[str]:
    """The gradients that are not the sum of those for two parts of the upstream gradient."""
    part = rng.permutation(upstream.size).reshape(upstream.shape) % 2 == 0
    calls = [call(u).gradients for u in (upstream, upstream * part, upstream * ~part)]

    def linear(name: str) -> bool:
        if not all(name in gradients for gradients in calls):
            return True
        whole, a, b = (np.asarray(gradients[name], float) for gradients in calls)
        return whole.shape == a.shape == b.shape and close(whole, a + b, LINEAR)

    return [name for name in names if not linear(name)]


def _alone(
    entry: Entry, upstream: Array, judged: Callable[[str, Array], Entry], rng: np.random.Generator
) -> Entry:
    """A wrong gradient, judged under one entry of the upstream gradient at a time."""
    right, places = 0, rng.permutation(np.flatnonzero(upstream))
    for k in places[:TRIED]:
        reached = True
        for scale in SCALES:
            one = np.zeros(upstream.shape)
            one.flat[k] = scale * upstream.flat[k]
            alone = judged(entry.name, one)
            if alone.verdict == "wrong":
                return _explained(entry, alone.diagnoses)
            if alone.verdict != "correct" or alone.autograd is None:
                return entry
            # An upstream that does not reach what was wrong says nothing about it.
            reached = reached and bool(np.any(alone.autograd[_bad(entry)]))
        right += reached
        if right == min(NEEDED, len(places)):
            text = _(
                "right only for an upstream gradient with a single non-zero entry, as after the "
                "cross entropy of one image; with any other it is wrong"
            )
            d = Diagnosis("one_hot_upstream_only", text)
            return dataclasses.replace(entry, verdict="correct", diagnoses=(d,), note="")
    return entry


def _explained(entry: Entry, found: tuple[Diagnosis, ...]) -> Entry:
    """A wrong gradient with the mistakes found under a one-hot upstream, if it has none yet."""
    before = [d.explanation for d in entry.diagnoses]
    if any(d.kind != "wrong_shape" for d in entry.diagnoses) or not found or (
        [d.explanation for d in found] == before
    ):  # fmt: skip
        return entry
    diagnoses = tuple(map(_under_one_hot, found))
    return dataclasses.replace(entry, diagnoses=diagnoses, note="")


def _under_one_hot(found: Diagnosis) -> Diagnosis:
    words = _(
        "with an upstream gradient with a single non-zero entry, as after the cross entropy of one "
        "image: {text}; with any other it is wrong in one more way",
        text=found.explanation,
    )
    detail = {**found.detail, "with": "one_hot_upstream_only"}
    return dataclasses.replace(found, explanation=words, detail=detail)


def _bad(entry: Entry) -> Array:
    hand, true = np.asarray(entry.hand, float), entry.autograd
    if true is None or hand.shape != true.shape:
        return np.ones(() if true is None else true.shape, bool)
    return np.asarray(np.abs(hand - true) > ASKED * np.abs(true).max(initial=0.0))
