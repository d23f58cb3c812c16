"""Checking that contenders compute the same, and timing them in turns."""

from __future__ import annotations

import contextlib
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .contenders import OURS, Failure, Process
from .workloads import Workload
from .workloads.arrays import Array

__all__ = [
    "REFERENCE", "Deviation", "Ratio", "Result", "Schedule", "Timing", "deviation", "measure",
]  # fmt: skip

REFERENCE = "torch"
"""Whose numbers others are compared with, and whose time is 1, where it is installed."""

# How far an array may be from the reference's, relative to its largest entry: entries that cancel
# have the rounding of the terms they are sums of. In float32 sums of 50,000 terms in another order
# differ by 2e-5 (the convolutions' bias); a gradient wrong in one term is off by more than 1e-4.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


# A round's median over the shortest step, above which the round is not used. To share a core makes
# everybody take twice as long, and leaves ratios as they are.
DISTURBED = 3.0


@dataclass(frozen=True)
class Schedule:
    """How long to measure."""

    rounds: int
    """How often each contender has its turn."""
    seconds: float
    """The length of a turn, which is at least one step."""
    budget: float
    """Seconds of turns after which a contender sits out the rest of the rounds."""


@dataclass(frozen=True)
class Ratio:
    """Over the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Deviation:
    """The entry that is furthest from the reference's, relative to the largest of its array."""

    where: str
    relative: float
    allowed: float


@dataclass
class Timing:
    """Milliseconds of each step, round by round, and of the processors for a step."""

    rounds: list[list[float]] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self._all())

    @property
    def minimum(self) -> float:
        return min(self._all())

    @property
    def cpu(self) -> float | None:
        """Milliseconds that a step takes of all processors, the median of the rounds."""
        return statistics.median(self.processors) if self.processors else None

    @property
    def seconds(self) -> float:
        return sum(self._all()) / 1e3

    @property
    def disturbed(self) -> list[bool]:
        """The rounds in which something else ran: half of the steps took far longer than need be.

        Threads that wait for each other suffer most; PyTorch has been seen to take 100 times as
        long on two cores of which another process had one.
        """
        return [statistics.median(taken) > DISTURBED * self.minimum for taken in self.rounds]

    def ratio(self, other: Timing) -> Ratio | None:
        """This time over the other's in the same round, so that a slow spell hits both.

        Rounds in which the other was disturbed are left out; None if all were. For rounds that it
        sat out, a contender's last time stands.
        """
        ours = [statistics.median(taken) for taken in self.rounds]
        ours += ours[-1:] * (len(other.rounds) - len(ours))
        ratios = [
            mine / statistics.median(taken)
            for mine, taken, disturbed in zip(ours, other.rounds, other.disturbed)
            if not disturbed
        ]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None

    def __bool__(self) -> bool:
        return bool(self.rounds)

    def _all(self) -> list[float]:
        return [t for taken in self.rounds for t in taken]


@dataclass
class Result:
    """What came out for one workload, either with raw Tensors or with Modules."""

    workload: Workload
    modules: bool
    threads: int
    timings: dict[str, Timing] = field(default_factory=dict)
    deviations: dict[str, Deviation] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.workload.name} Modules" if self.modules else self.workload.name

    @property
    def builder(self) -> str:
        return f"{self.workload.builder}_modules" if self.modules else self.workload.builder

    @property
    def disagreeing(self) -> dict[str, Deviation]:
        return {name: d for name, d in self.deviations.items() if d.relative > d.allowed}

    def ratio(self, name: str, reference: str | None = None) -> Ratio | None:
        """To the workload's reference or another; None where either has not been timed."""
        other = self.timings.get(reference or self.workload.reference)
        timing = self.timings.get(name)
        return timing.ratio(other) if timing and other else None


def measure(
    workload: Workload, modules: bool, processes: Sequence[Process], threads: int, plan: Schedule
) -> list[Result]:
    """Check and time a workload with raw Tensors and, if wanted, with Modules in the same rounds.

    A contender that fails or disagrees is noted in the results, and not timed.
    """
    results = [Result(workload, False, threads)]
    if modules and workload.has_modules:
        results.append(Result(workload, True, threads))
    turns = [
        (process, result) for result in results for process in _checked(result, processes, plan)
    ]
    for _ in range(plan.rounds):
        for process, result in turns:
            timing = result.timings.setdefault(process.name, Timing())
            if timing.seconds < plan.budget and process.name not in result.failures:
                with _noting(result, process):
                    taken = process.ask("clock", builder=result.builder, seconds=plan.seconds)
                    timing.rounds.append(taken["wall"])
                    timing.processors.append(taken["cpu"])
    for process in processes:
        with contextlib.suppress(Failure):
            process.ask("forget")
    return results


def _checked(result: Result, processes: Sequence[Process], plan: Schedule) -> list[Process]:
    """Those that agree with the reference; a check of twice the budget is all their timing."""
    outcomes: dict[str, list[Array]] = {}
    slow: dict[str, float] = {}
    for process in processes:
        with _noting(result, process):
            if process.ask("build", builder=result.builder, sizes=result.workload.sizes):
                outcomes[process.name], milliseconds = _outcome(process, result.builder)
                if milliseconds > 2e3 * plan.budget and not process.compiles:
                    slow[process.name] = milliseconds
    reference = next((outcomes[name] for name in (REFERENCE, OURS[0]) if name in outcomes), None)
    for name, outcome in outcomes.items():
        result.deviations[name] = deviation(outcome, reference or outcome)
    agreeing = [p for p in processes if p.name in outcomes and p.name not in result.disagreeing]
    for process in agreeing:
        if process.name in slow:
            result.timings[process.name] = Timing([[slow[process.name]]])
    return agreeing


def _outcome(process: Process, builder: str) -> tuple[list[Array], float]:
    """The loss or output, the gradients and the losses of the next steps; and milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "outcome.npz")
        answer = process.ask("check", builder=builder, file=file)
        with np.load(file) as arrays:
            outcome = [*arrays.values(), np.float32(answer["losses"])]
    return outcome, answer["milliseconds"]


def deviation(outcome: list[Array], reference: list[Array]) -> Deviation:
    """Where an outcome is furthest from the reference, measured by what is allowed there."""
    if len(outcome) != len(reference):
        return Deviation("the number of gradients", math.inf, 0.0)
    gradients = [f"gradient {i}" for i in range(1, len(reference) - 1)]
    places = ["the loss or output", *gradients, "the loss after SGD steps"]
    found = [
        Deviation(place, _relative(mine, other), _allowed(mine, other))
        for place, mine, other in zip(places, outcome, reference)
    ]
    return max(found, key=lambda d: d.relative / d.allowed)


def _allowed(mine: Array, other: Array) -> float:
    return max(TOLERANCE[array.dtype.name] for array in (mine, other))


def _relative(mine: Array, other: Array) -> float:
    """The largest difference, in units of the largest entry."""
    if mine.shape != other.shape or not np.isfinite(mine).all():
        return math.inf
    if not other.size:
        return 0.0
    scale = float(np.abs(other).max())
    return float(np.abs(mine - other).max()) / (scale or 1.0)


@contextlib.contextmanager
def _noting(result: Result, process: Process) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        result.failures[process.name] = str(failure)
