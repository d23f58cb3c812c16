"""A thousand mistakes of students on some thirty networks that the catalogue does not have.

``python -m tests.verify.students [-v] [STEP]`` counts what is named, of every STEPth mistake.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_fr import verify
from tinygrad_fr.report import Report

from .networks import NETWORKS

Mistake = tuple[str, str, Any, set[str], str]


def mistakes(step: int = 1) -> Iterator[Mistake]:
    """Network, value, wrong function, the kinds that a teacher accepts, the mistake in words."""
    for title, network in NETWORKS.items():
        for name, wrong, kinds, words in network["mistakes"][::step]:
            yield title, name, wrong, set(kinds), words


def judged(title: str, hand: dict[str, Any], seed: int = 3) -> Report:
    """What is said of gradients on a network."""
    network = NETWORKS[title]
    inputs = network["inputs"](np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return verify.hand(network["f"], inputs, hand, repair=False)


def named(report: Report, name: str, kinds: set[str]) -> str:
    """``first``, ``later``, ``none`` or ``misleading``; ``missed`` where it is not called wrong."""
    entry = report[name]
    told = [d.kind for d in entry.diagnoses]
    if entry.verdict != "wrong":
        return "missed"
    if not told:
        return "none"
    return "first" if told[0] in kinds else "later" if kinds & set(told) else "misleading"


def main(step: int = 1, verbose: bool = False) -> None:
    """Print the counts, network by network."""
    counts = Counter[str]()
    here: dict[str, Counter[str]] = {}
    for title, name, wrong, kinds, words in mistakes(step):
        report = judged(title, {name: wrong})
        found = named(report, name, kinds)
        counts[found] += 1
        here.setdefault(title, Counter())[found] += 1
        if verbose and found != "first":
            print(f"{title}, {name}, {words}: {found}, {sorted(kinds)}\n  {report[name].sentence}")
    for title, found_here in here.items():
        print(f"{title:45} {dict(found_here)}")
    total = counts.total()
    print(f"{total} mistakes: " + ", ".join(f"{k} {n / total:.1%}" for k, n in counts.items()))
