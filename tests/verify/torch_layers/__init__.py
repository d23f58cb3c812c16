"""Functions and Modules of PyTorch as people write them, by someone who had not seen this library.

Each file of ``material`` has a ``CASE``: what makes the layer and its inputs, and, where it is
wrong, the gradient nearest to the loss and the kinds that a teacher would name, the best first.
Sixty-five are wrong, five differ from the derivative on purpose, sixty are right; PyTorch's
gradcheck, or the derivative of a plain forward, has confirmed each.

``python -m tests.verify.torch_layers [-v]`` counts what is found, and what is named.
"""

from __future__ import annotations

import importlib
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinygrad_fr import verify
from tinygrad_fr.report import Report

NAMES = sorted(path.stem for path in (Path(__file__).parent / "material").glob("n*.py"))

# What they call a kind, where we call it otherwise.
KINDS = {
    "treated_constant": {"missing_branch"},
    "missing_term": {"missing_branch"},
    "extra_term": {"missing_branch"},
    "wrong_derivative": {"wrong_local_derivative", "missing_factor", "wrong_variable"},
    "wrong_mask": {"wrong_variable", "wrong_local_derivative", "max_ties", "missing_factor"},
    "missing_mask": {"missing_factor", "max_ties"},
    "swapped": {"wrong_variable", "permuted"},
    "not_flipped": {"flipped_kernel", "permuted", "transpose"},
    "modified_in_place": {"stale_cache", "extra_factor", "wrong_variable"},
    "wrong_index": {"permuted", "shifted", "wrong_variable"},
    "stride": {"shifted"},
    "wrong_count": {"scale"},
}


def case(name: str) -> dict[str, Any]:
    """A case of the material."""
    found: dict[str, Any] = importlib.import_module(f"{__name__}.material.{name}").CASE
    return found


def judged(name: str) -> tuple[str, Report]:
    """``right``, ``undecided``, ``alarm``; ``named``, ``found``, ``miss``; ``surrogate``."""
    given = case(name)
    with warnings.catch_warnings(action="ignore"):
        report = verify.layer(given["make"](), given["inputs"](), repair=False)
    wrong = any(entry.verdict == "wrong" for entry in report.entries.values())
    if given["wrong"] is None:
        return "right" if report else "alarm" if wrong else "undecided", report
    if not wrong:
        return "miss", report
    if "surrogate" in given["wrong"]["kinds"]:
        return "surrogate", report
    kinds = set().union(*(KINDS.get(kind, {kind}) for kind in given["wrong"]["kinds"]))
    first = report.entries[report.first_wrong].diagnoses[:1] if report.first_wrong else ()
    return "named" if [d.kind for d in first if d.kind in kinds] else "found", report


def main(names: Iterable[str] = NAMES, verbose: bool = False) -> Counter[str]:
    """Print the counts."""
    counts = Counter[str]()
    for name in names:
        verdict, report = judged(name)
        counts[verdict] += 1
        if verbose and verdict not in ("right", "named"):
            print(f"{name}: {verdict}\n{report}\n")
    print(dict(counts))
    return counts
