"""Where the time of a step goes: ``python -m tests.benchmarks.profile W1``.

Each call of an operation is timed, and each of its closures; what is left of the step is the walk
backwards, the update and the clock itself. Medians over many steps, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import tinygrad_fr as tg
from tinygrad_fr.autograd.operation import registry
from tinygrad_fr.autograd.tensor import Methods, Tensor

from .workloads import WORKLOADS, in_tinygrad_fr

__all__ = ["profiled"]

Times = dict[str, list[float]]


def profiled(workload: str, steps: int) -> tuple[Times, float]:
    """The times of each call in a step, in order, and of the whole step, all in microseconds."""
    trial = getattr(in_tinygrad_fr, WORKLOADS[workload].builder)(*WORKLOADS[workload].sizes)
    whole = statistics.median(_clocked(trial.step) for _ in range(steps))
    times: Times = defaultdict(list)
    calls: dict[str, int] = defaultdict(int)
    _watch(times, calls)
    for _ in range(steps):
        calls.clear()
        trial.step()
    return times, whole


def _clocked(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1e6


def _watch(times: Times, calls: dict[str, int]) -> None:
    """Put clocks around every operation, as a function, a method and an operator."""

    def timed(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            times[label].append((time.perf_counter() - start) * 1e6)
            return result

        return call

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            label = name if calls[name] == 1 else f"{name} {calls[name]}"
            out = timed(label, function)(*args, **kwargs)
            if isinstance(out, Tensor) and out._closures:
                out._closures = tuple(
                    closure and timed(f"    {label}, {closure.__name__}", closure)
                    for closure in out._closures
                )
            return out

        return call

    for name, operation in registry.items():
        clock = watched(name, operation.function)
        setattr(tg, name, clock)
        for attribute, method in vars(Methods).copy().items():
            if method is operation.function:
                setattr(Methods, attribute, clock)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.profile", description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    times, whole = profiled(options.workload, options.steps)
    total = 0.0
    for label, taken in times.items():
        median = statistics.median(taken)
        total += median
        print(f"{label:36}{median:10.1f}")
    print(f"{'all of these':36}{total:10.1f}\n{'the step without clocks':36}{whole:10.1f}")
