"""Time training steps and operations against PyTorch and others: ``python -m tests.benchmarks``.

Every contender that is installed runs in processes of its own, held to the same cores; losses and
gradients are compared first, then all take turns, round after round. In less than a minute, or
with --full in less than twenty: on one thread, on two and with all defaults, with Modules, memory
and scaling.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from . import machine, memory, report, scaling
from .contenders import ALONE, CONTENDERS, OURS, cores, installed, started
from .measuring import REFERENCE, Result, Schedule, measure
from .workloads import COUNTED, WHOLE, WORKLOADS, Workload

BUSY = 0.03  # of the cores: what others may take before it is mentioned


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--full", action="store_true", help="longer, on 1 and 2 threads, with all there is")
    add(
        "--threads",
        type=_threads,
        nargs="+",
        metavar="N",
        help="1; --full: 1 2 all; all: the defaults of a fresh machine",
    )
    add("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME", help=", ".join(CONTENDERS))
    add("--only", nargs="+", metavar="WORKLOAD", help="by the first words of their names: W1 conv")
    add("--modules", action="store_true", help="networks also with Modules and an optimizer")
    add("--rounds", type=int, help="turns of each contender (3; --full: 7)")
    add("--seconds", type=float, help="the length of a turn (0.02; --full: 0.08)")
    add("--json", type=Path, metavar="FILE")
    add("--chart", type=Path, metavar="FILE", help=".svg, .png or .pdf; needs matplotlib")
    add("--markdown", action="store_true", help="print the table in Markdown")
    options = parser.parse_args(arguments)

    options.modules |= options.full
    options.threads = options.threads or ([1, 2, 0] if options.full else [1])
    options.contenders = options.contenders or list(installed())
    if missing := set(options.contenders) - set(installed()):
        parser.error(f"not installed: {', '.join(sorted(missing))}")
    everything = list(WORKLOADS) if options.full else COUNTED
    if options.only is None:
        options.workloads = everything
    else:
        begins = tuple(f"{only} " for only in options.only)  # W1 is not W10
        options.workloads = [w for w in WORKLOADS if f"{w} ".startswith(begins)]
        if not options.workloads:
            parser.error(f"no such workload; there are {', '.join(WORKLOADS)}")
    if options.chart and not importlib.util.find_spec("matplotlib"):
        parser.error("a chart needs matplotlib")
    if cores() and max(options.threads) > len(cores()):
        parser.error(f"there are only {len(cores())} cores")
    return options


def _threads(text: str) -> int:
    """A number, or 0 for all."""
    return 0 if text == "all" else int(text)


def competing(workload: Workload, options: argparse.Namespace, threads: int) -> list[str]:
    """The contenders of a workload: not all of them in all."""
    if workload.extra:
        few = (*OURS, *ALONE.values(), REFERENCE, "sklearn", "loops")
        chosen = [name for name in options.contenders if name in few]
        slow = () if options.full and not threads else workload.slow_for  # once is enough
        return [name for name in chosen if name not in slow]
    everybody = options.full or options.only is not None
    return [name for name in options.contenders if everybody or name not in workload.slow_for]


def compare(options: argparse.Namespace, threads: int) -> tuple[list[Result], dict[str, str]]:
    """Measure and print on so many threads: the results, and who is unusable and why."""
    plan = Schedule(
        rounds=options.rounds or (7 if options.full else 3),
        seconds=options.seconds or (0.08 if options.full else 0.02),
        budget=3.0 if options.full else 1.0,
    )
    results: list[Result] = []
    print(f"\n--- {report.threads(threads)} ---", flush=True)
    others = machine.Others(threads or len(cores()))
    names = [name for name in options.contenders if threads != 1 or name not in ALONE.values()]
    workloads = options.workloads
    if options.full and not threads:  # whole steps and runs tell enough
        workloads = [name for name in workloads if name in WHOLE]
    with started(names, threads) as (processes, unusable):
        for name, reason in unusable.items():
            print(f"{name} is unusable here: {reason}")
        working = [process.name for process in processes]
        for name in workloads:
            taking_part = [
                p for p in processes if p.name in competing(WORKLOADS[name], options, threads)
            ]
            for result in measure(WORKLOADS[name], options.modules, taking_part, threads, plan):
                print(report.block(result), flush=True)
                results.append(result)
    print("", report.summary(results), sep="\n")
    for workload in (WORKLOADS[name] for name in workloads):
        for name in workload.slow_for:
            if name in working and name not in competing(workload, options, threads):
                print(f"{workload.name} by {name} takes seconds: left to --full.")
    for problem in report.problems(results):
        print(problem)
    if (share := others.share()) > BUSY:
        print(f"Other processes took {share:.0%} of the cores: measure again when it is quiet.")
    sys.stdout.flush()
    return results, unusable


def main() -> int:
    options = parsed()
    print(machine.header())
    results: list[Result] = []
    wrong = False
    for threads in options.threads:
        found, unusable = compare(options, threads)
        results += found
        wrong |= any(name in OURS for name in unusable) or any(
            r.disagreeing or not r.failures.keys().isdisjoint(OURS) for r in found
        )
    everything = {"machine": machine.description(), "results": report.as_json(results)}
    if options.full and options.only is None:
        everything |= {"memory": memory.measured(), "scaling": scaling.measured()}
    if options.markdown:
        for threads in options.threads:
            print("", report.markdown([r for r in results if r.threads == threads]), sep="\n")
    if options.json:  # first: nothing measured is lost
        options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")
    if options.chart:
        from .chart import draw  # matplotlib is needed here only

        draw(results, options.chart)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
