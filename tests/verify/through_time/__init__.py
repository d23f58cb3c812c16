"""Networks through time and attention, right and with mistakes as students make them.

Each file of ``material/`` holds right code; ``example``, which gives it to ``verify`` with other
sizes and numbers; ``RIGHT``, what to call it with; and ``MISTAKES``: a text, what stands there
instead, the kinds that a teacher would name, where one has to begin, and a sentence.

``python -m tests.verify.through_time [-v] [STEP] [NAME ...]`` counts what is found and named, and
the false alarms, of every STEPth.
"""

from __future__ import annotations

import importlib
import types
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tinygrad_fr import verify
from tinygrad_fr.report import Report

from ..repairs import imported

MATERIAL = Path(__file__).parent / "material"
NAMES = sorted(path.stem for path in MATERIAL.glob("[a-z]*.py"))
# What falls short, and why.
SHORT = {
    ("coursera_lstm", 7): "the two parts of a concatenation in another order: not named",
    ("sequence_loss", 11): "tags[t - 1], which wraps around: not named for some tags",
}
# Without the search for repairs, which have tests of their own.
QUICK = types.SimpleNamespace(
    layer=partial(verify.layer, repair=False), hand=partial(verify.hand, repair=False)
)


def code_of(name: str) -> types.ModuleType:
    """A file of the material."""
    return importlib.import_module(f"{__name__}.material.{name}")


def right(name: str, k: int) -> Report:
    """What is said of right code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return code_of(name).example(QUICK, **code_of(name).RIGHT[k])


def wrong(name: str, k: int, **options: Any) -> Report:
    """What is said of code with a mistake."""
    before, after = code_of(name).MISTAKES[k][:2]
    text = (MATERIAL / f"{name}.py").read_text(encoding="utf-8")
    code, rest = text[: text.index("def example")], text[text.index("def example") :]
    assert code.count(before) == 1, (name, k)
    module = imported(code.replace(before, after) + rest, f"through_time_{name}_{k}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return module.example(QUICK, **options)


def judged(name: str, k: int, report: Report) -> dict[str, bool]:
    """Whether a mistake is found, is named first, and where one has to begin."""
    _before, _after, kinds, begin, _sentence = code_of(name).MISTAKES[k]
    first = report.first_wrong
    told = [d.kind for d in report[first].diagnoses] if first in report.entries else []
    return {
        "found": any(entry.verdict == "wrong" for entry in report),
        "named": bool(told) and told[0] in kinds.split(),
        "begun": first is not None and first.split("[")[0] in begin.split(),
    }


def _job(case: tuple[str, str, int]) -> tuple[str, str, int, dict[str, bool], str]:
    kind, name, k = case
    if kind == "mistake":
        report = wrong(name, k)
        return kind, name, k, judged(name, k, report), str(report)
    report = right(name, k)
    alarm = any(entry.verdict == "wrong" for entry in report)
    found = {"right": bool(report), "alarm": alarm}
    return kind, name, k, found, str(report)


def main(step: int, names: list[str], verbose: bool) -> None:
    """Print the counts."""
    chosen = names or NAMES
    cases = [("mistake", n, k) for n in chosen for k in range(len(code_of(n).MISTAKES))]
    cases += [("right", n, k) for n in chosen for k in range(len(code_of(n).RIGHT))]
    counts: dict[tuple[str, str], Counter[str]] = {}
    with ProcessPoolExecutor(2) as pool:
        for kind, name, k, found, text in pool.map(_job, cases[::step]):
            count = counts.setdefault((kind, name), Counter())
            count.update({"all": 1, **{what: int(x) for what, x in found.items()}})
            if verbose and not all(x != (what == "alarm") for what, x in found.items()):
                case = (
                    code_of(name).MISTAKES[k][1:] if kind == "mistake" else code_of(name).RIGHT[k]
                )
                print(f"--- {kind} {name} {k}: {found} {case}\n{text}")
    for kind in ("mistake", "right"):
        total = sum((c for (k, _n), c in counts.items() if k == kind), Counter[str]())
        for (k, name), count in counts.items():
            if k == kind:
                print(f"{kind:8} {name:18} {dict(count)}")
        print(f"{kind:8} {'all':18} {dict(total)}", flush=True)
