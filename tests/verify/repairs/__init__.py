"""Six hundred mistakes in the backward of fifty layers and networks, and what mends them.

Who wrote ``material/`` had not seen this library. Each file holds correct code, an ``example`` and
``MISTAKES``: the text of some lines, what stands there instead, the kind and a sentence, in words
of their own; "two" in the kind where it takes two edits.

``python -m tests.verify.repairs [-v] [STEP] [NAME ...]`` counts what is repaired, of every STEPth.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import linecache
import statistics
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_fr import verify
from tinygrad_fr.report import Report

MATERIAL = Path(__file__).parent / "material"
NAMES = sorted(path.stem for path in MATERIAL.glob("[a-z]*.py"))


def imported(text: str, name: str) -> ModuleType:
    """A module from a text, in a file of its own."""
    path = Path(_folder()) / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    linecache.cache.pop(str(path), None)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def _folder() -> str:
    return tempfile.mkdtemp(prefix="repairs-")


@functools.cache
def correct(name: str) -> tuple[str, ModuleType]:
    """The text of some correct code, and its module."""
    text = (MATERIAL / f"{name}.py").read_text(encoding="utf-8")
    return text, imported(text, f"right_{name}")


def mutated(name: str, k: int) -> tuple[ModuleType, set[int]]:
    """The module with one of its mistakes, and the lines in which it is."""
    text, module = correct(name)
    code, rest = text[: text.index("def example")], text[text.index("def example") :]
    before, after = module.MISTAKES[k][:2]
    assert code.count(before) == 1, (name, k)
    wrong = code.replace(before, after)
    rest = rest[: rest.index("MISTAKES")]
    return imported(wrong + rest, f"wrong_{name}_{k}"), changed(code, wrong)


def changed(right: str, wrong: str) -> set[int]:
    """The lines of the wrong text that differ; of a line that is gone, those around it."""
    found: set[int] = set()
    matcher = difflib.SequenceMatcher(None, right.splitlines(), wrong.splitlines(), autojunk=False)
    for tag, _a, _b, start, end in matcher.get_opcodes():
        if tag in ("replace", "insert"):
            found |= set(range(start + 1, end + 1))
        elif tag == "delete":
            found |= {start, start + 1}
    return found


def judged(module: ModuleType, repair: bool | float = True) -> Report:
    """What is said of the example of a module."""
    thing, x = module.example(np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return verify.layer(thing, x, repair=repair)


@dataclass
class Outcome:
    """What became of one mistake."""

    name: str
    k: int
    kind: str
    wrong: bool = False
    repaired: bool = False
    on_the_line: bool = False  # the first repair
    line_shown: bool = False  # by a repair, or among the suspects
    told: bool = False  # repaired, or a mistake is named
    seconds: float = 0.0
    shown: str = ""


def outcome(name: str, k: int) -> Outcome:
    """Judge one mistake."""
    module, lines = mutated(name, k)
    kind = correct(name)[1].MISTAKES[k][2]
    start = time.perf_counter()
    report = judged(module)
    seconds = time.perf_counter() - start
    repairs = report.repairs
    whole = bool(repairs) and repairs[0].whole
    at = [set(range(min(r.lines), max(r.lines) + 1)) for r in repairs]
    suspects = {line for _path, line in report.suspects}
    named = any(e.diagnoses for e in report if e.verdict == "wrong")
    return Outcome(
        name, k, kind, not report, whole, whole and bool(at[0] & lines),
        any(a & lines for a in at) or bool(suspects & lines), whole or named, seconds,
        "\n".join([f"  at {sorted(lines)}, suspects {sorted(suspects)}", *map(str, repairs)]),
    )  # fmt: skip


def main(step: int, names: list[str], verbose: bool) -> None:
    """Print the counts."""
    jobs = [(n, k) for n in names or NAMES for k in range(len(correct(n)[1].MISTAKES))][::step]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(outcome, *zip(*jobs, strict=True)))
    for o in found if verbose else ():
        if not (o.repaired and o.on_the_line):
            print(f"{o.name} {o.k}, {o.kind}: {'elsewhere' if o.repaired else 'not repaired'}")
            print(o.shown)
    for title, some in (
        ("one edit", [o for o in found if "two" not in o.kind]),
        ("two edits", [o for o in found if "two" in o.kind]),
    ):
        if some:
            print(f"{title}: {len(some)} mistakes, {_figures(some)}")


def _figures(some: list[Outcome]) -> str:
    def share(which: str) -> Any:
        return sum(getattr(o, which) for o in some) / len(some)

    words = {
        "wrong": "seen", "repaired": "repaired", "on_the_line": "first repair on the true line",
        "line_shown": "a line or slice with it", "told": "named or repaired",
    }  # fmt: skip
    middle = statistics.median(o.seconds for o in some)
    return ", ".join(f"{w} {share(n):.1%}" for n, w in words.items()) + f"; median {middle:.2f} s"
