"""The figures as text, Markdown and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from .contenders import ALONE, CONTENDERS, OURS
from .measuring import REFERENCE, Result
from .workloads import COUNTED, Workload

__all__ = ["MEAN_MOONSHOT", "MEAN_MUST", "as_json", "block", "geometric_means", "markdown",
           "problems", "summary", "threads"]  # fmt: skip

MEAN_MUST, MEAN_MUST_WITH_NUMBA, MEAN_MOONSHOT = 0.7, 0.5, 0.5
SLOWER, BUSIER = 1.05, 1.3  # at most, with more threads than one: time, and that of processors
MODULES_MUST = 1.15
# workload, the contenders whose better is meant, how many times faster tinygrad_fr is to be
FASTER = [
    ("W1", ("mygrad", "dezero"), 5),
    ("W5 100k", ("mygrad", "dezero"), 4),
    ("W3", ("mygrad", "dezero"), 3),
    ("W1", ("autograd",), 12),
    ("W3", ("autograd",), 40),
]


def block(result: Result) -> str:
    """A workload's times, one line per contender."""
    must, moonshot = result.workload.must, result.workload.moonshot
    goal = "" if must is None else f"; must {must:.3g}, moonshot {moonshot:.3g}"
    lines = [f"{result.name}: {result.workload.title}{goal}"]
    for name, timing in result.timings.items():
        if timing:
            line = f"  {name:24}{timing.median:11.3f} ms  (min {timing.minimum:10.3f}"
            line += ")" if timing.cpu is None else f", processors {timing.cpu:10.3f})"
            ratio = result.ratio(name)
            if ratio and name != result.workload.reference:
                line += f"  {ratio.median:8.2f} x  [{ratio.low:.2f}-{ratio.high:.2f}]"
            lines.append(line)
    return "\n".join(lines)


def problems(results: Iterable[Result]) -> list[str]:
    """Who disagreed, failed or was disturbed, and where."""
    found = []
    for r in results:
        where = f"{r.name}, {threads(r.threads)}"
        for name, d in r.disagreeing.items():
            found.append(
                f"{where}: {name} disagrees: {d.where} is off by {d.relative:.1e} of its largest "
                f"entry, {d.allowed:.0e} is allowed"
            )
        found += [f"{where}: {name} failed: {reason}" for name, reason in r.failures.items()]
        name = r.workload.reference
        if (reference := r.timings.get(name)) and any(reference.disturbed):
            lost, rounds = sum(reference.disturbed), len(reference.rounds)
            found.append(f"{where}: left out {lost} of {rounds} rounds: {name} was disturbed")
    return found


def geometric_means(results: Iterable[Result]) -> dict[str, tuple[float, int]]:
    """For each contender its mean ratio with raw Tensors, and over how many workloads."""
    ratios: dict[str, list[float]] = {}
    for r in results:
        if r.workload.name in COUNTED and not r.modules:
            for name in r.timings:
                if ratio := r.ratio(name):
                    ratios.setdefault(name, []).append(ratio.median)
    return {name: (statistics.geometric_mean(found), len(found)) for name, found in ratios.items()}


def meets(ratio: float, must: float | None, moonshot: float | None) -> str:
    """The better of the two targets that is reached."""
    if must is None or moonshot is None:
        return ""
    return "moonshot" if ratio <= moonshot else "must" if ratio <= must else "no"


def table(results: Sequence[Result]) -> list[list[str]]:
    """Ratios to PyTorch: a row per workload, a column per contender, the targets, the mean."""
    alone = ALONE.values()
    timed = {name for r in results for name, timing in r.timings.items() if timing}
    present = [name for name in CONTENDERS if name in timed and name not in alone]
    ours = [name for name in present if name in OURS]
    others = [name for name in present if name not in OURS and name != REFERENCE]
    labels = {name: CONTENDERS[name].label for name in present}
    verdicts = ["meets", "+ numba meets"][: len(ours)]
    rows = [
        ["", *(labels[name] for name in ours), "must", "moonshot", *verdicts, "PyTorch ms",
         *(labels[name] for name in others)]
    ]  # fmt: skip
    for r in results:
        ratios = {name: ratio.median for name in present if (ratio := r.ratio(name))}
        targets = r.workload.must, r.workload.moonshot
        reference = r.timings.get(REFERENCE)
        rows.append([
            r.name,
            *(_figure(ratios.get(name)) for name in ours),
            *(_figure(target) for target in targets),
            *(
                meets(ratios[name], _must(r.workload, name), targets[1]) if name in ratios else "-"
                for name in ours
            ),
            f"{reference.median:.3g}" if reference else "-",
            *(_figure(ratios.get(name)) for name in others),
        ])  # fmt: skip
    means = {name: mean for name, (mean, _) in geometric_means(results).items()}
    if means:
        targets = MEAN_MUST, MEAN_MOONSHOT
        rows.append([
            "geometric mean",
            *(_figure(means.get(name)) for name in ours),
            *(_figure(target) for target in targets),
            *(meets(means[name], must, MEAN_MOONSHOT) if name in means else "-"
              for name, must in zip(ours, (MEAN_MUST, MEAN_MUST_WITH_NUMBA))),
            "",
            *(_figure(means.get(name)) for name in others),
        ])  # fmt: skip
    return rows


def _must(workload: Workload, name: str) -> float | None:
    """What one of ours is to reach."""
    with_numba = workload.must_with_numba if name == OURS[1] else None
    return workload.must if with_numba is None else with_numba


def summary(results: Sequence[Result]) -> str:
    """The table as aligned text, and the targets that are not in it."""
    if not any(r.ratio(REFERENCE) for r in results):
        return "\n".join(["No ratios: PyTorch is not among the contenders.", *goals(results)])
    rows = table(results)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [f"Medians as ratios to PyTorch, {threads(results[0].threads)}: below 1 is faster", ""]
    for row in rows:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths))
        lines.append("  ".join([row[0].ljust(len(first)), *rest]).rstrip())
    lines += ["", *goals(results)]
    return "\n".join(lines)


def markdown(results: Sequence[Result]) -> str:
    """The table for the README and the documentation, with the targets that are not in it."""
    head, *rows = table(results)
    title = f"Medians as ratios to PyTorch, {threads(results[0].threads)}; below 1 is faster."
    lines = [title, "", _row(head), _row(["---"] * len(head)), *map(_row, rows), ""]
    lines += [f"- {goal}" for goal in goals(results)]
    return "\n".join(lines)


def goals(results: Sequence[Result]) -> list[str]:
    """What the mean is over, the ratios to the NumPy frameworks, and Modules to raw Tensors."""
    counts = {count for _, count in geometric_means(results).values()}
    lines = []
    if counts:
        counted = [r for r in results if r.workload.name in COUNTED and not r.modules]
        measured = [r.name for r in counted if r.ratio(REFERENCE)]
        lines.append(
            f"The geometric mean is over {', '.join(measured)}; a contender's is over those that "
            "it does."
        )
    raw = {r.workload.name: r for r in results if not r.modules}
    for workload, others, factor in FASTER:
        if workload in raw:
            lines += _faster(raw[workload], others, factor)
    for name in OURS:
        lines += _modules_to_raw([r for r in results if r.modules], raw, name)
        lines += _more_threads(results, name)
    return lines


def _more_threads(results: Sequence[Result], name: str) -> list[str]:
    """How the time, and that of the processors, compare with those of one thread."""
    lines = []
    for words, factor, at_most in (("time", slower, SLOWER), ("processors", busier, BUSIER)):
        found = {r.name: x for r in results if (x := factor(r, name)) is not None}
        if found:
            worst = max(found, key=lambda workload: found[workload])
            missed = [f"{workload} {x:.2f}" for workload, x in found.items() if x > at_most]
            verdict = f"not met on {', '.join(missed)}" if missed else "met"
            lines.append(
                f"{name}, {words} over those of one thread: geometric mean "
                f"{statistics.geometric_mean(found.values()):.2f}, most {found[worst]:.2f} "
                f"({worst}; at most {at_most}): {verdict}."
            )
    return lines


def slower(result: Result, name: str) -> float | None:
    """The time of a step over that on one thread."""
    ratio = result.ratio(name, ALONE[name])
    return ratio and ratio.median


def busier(result: Result, name: str) -> float | None:
    """The time of the processors over that on one thread."""
    many, one = (result.timings.get(n) for n in (name, ALONE[name]))
    return many.cpu / one.cpu if many and one and many.cpu and one.cpu else None


def _faster(result: Result, others: Sequence[str], factor: int) -> list[str]:
    ours = result.timings.get("tinygrad_fr")
    theirs = [name for name in others if result.timings.get(name)]
    if not ours or not theirs:
        return []
    best = min(theirs, key=lambda name: result.timings[name].median)
    ratio = ours.ratio(result.timings[best])
    if ratio is None:
        return []
    times = 1 / ratio.median
    others = " or ".join(CONTENDERS[name].label for name in theirs)
    whom = f"the faster of {others}" if len(theirs) > 1 else others
    return [
        f"{result.workload.name}: tinygrad_fr is {times:.1f} times as fast as {whom} "
        f"(at least {factor}): {'met' if times >= factor else 'not met'}."
    ]


def _modules_to_raw(modules: Sequence[Result], raw: dict[str, Result], name: str) -> list[str]:
    ratios = {}
    for r in modules:
        ours, plain = r.timings.get(name), raw[r.workload.name].timings.get(name)
        if ours and plain and (ratio := ours.ratio(plain)):
            ratios[r.workload.name] = ratio.median
    if not ratios:
        return []
    missed = [workload for workload, ratio in ratios.items() if ratio > MODULES_MUST]
    figures = ", ".join(f"{workload} {ratio:.2f}" for workload, ratio in ratios.items())
    return [
        f"{name}, Modules over raw Tensors: {figures} (at most {MODULES_MUST}): "
        f"{'not met on ' + ', '.join(missed) if missed else 'met'}."
    ]


def as_json(results: Iterable[Result]) -> list[dict[str, Any]]:
    """One entry per workload, number of threads, and raw Tensors or Modules."""
    return [
        {
            "workload": r.workload.name,
            "modules": r.modules,
            "threads": r.threads,
            "must": r.workload.must,
            "moonshot": r.workload.moonshot,
            "contenders": {
                name: {
                    "median_ms": timing.median,
                    "minimum_ms": timing.minimum,
                    "processors_ms": timing.cpu,
                    "ratio": asdict(ratio) if (ratio := r.ratio(name)) else None,
                    "steps": sum(map(len, timing.rounds)),
                    "deviation": asdict(r.deviations[name]),
                }
                for name, timing in r.timings.items()
                if timing
            },
            "more_threads": {
                name: {"time": slower(r, name), "processors": busier(r, name)} for name in OURS
            },
            "problems": problems([r]),
        }
        for r in results
    ]


def _figure(x: float | None) -> str:
    """Two decimals below 10, then three digits."""
    if x is None:
        return "-"
    return f"{x:.2f}" if x < 10 else f"{x:.3g}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def threads(n: int) -> str:
    """In words; 0 stands for all."""
    return "1 thread" if n == 1 else f"{n} threads" if n else "all threads, with all defaults"
