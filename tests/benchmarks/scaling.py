"""How time grows beside PyTorch's: ``python -m tests.benchmarks.scaling``.

- With the batch (the course's network), the depth (a chain of operations) and the width (one hidden
  layer of an MLP); with the number of Tensors joined, of entries picked one by one, of operations
  said in words and derived. The work is proportional to each, so the exponent of a power law is to
  be 1.
  Small sizes cost mostly what every step costs: the exponent is that of the upper half of the
  sizes, by least squares in logarithms, with its standard error.
- Time per operation of a chain of 1,000,000 over that of 10,000.
- ``import tinygrad_fr`` over ``import numpy``, as whole processes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import CONTENDERS, OURS, ROOT, Process, installed, started
from .measuring import REFERENCE

__all__ = ["Fit", "fit", "measured"]


@dataclass(frozen=True)
class Sweep:
    """A builder's sizes, of which the one at ``position`` varies."""

    title: str
    builder: str
    sizes: tuple[int, ...]
    position: int
    values: tuple[int, ...]
    rounds: int

    def at(self, value: int) -> list[int]:
        return [*self.sizes[: self.position], value, *self.sizes[self.position + 1 :]]


DEPTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
PARTS = (1_000, 2_000, 4_000, 8_000, 16_000)
WRITTEN = (500, 1_000, 2_000, 4_000, 8_000)
SWEEPS = {
    "batch": Sweep("course CNN, images", "course", (1,), 0, tuple(2**k for k in range(9)), 5),
    "depth": Sweep("chain, operations", "chain", (1,), 0, DEPTHS, 2),
    "width": Sweep(
        "MLP 784-width-10, 64 rows", "mlp", (64, 784, 1, 10), 2,
        tuple(2**k for k in range(6, 12)), 5,
    ),
    "stack": Sweep("stack of n Tensors", "stacked", (1,), 0, PARTS, 3),
    "concatenate": Sweep("concatenate of n Tensors", "concatenated", (1,), 0, PARTS, 3),
    "index": Sweep("sum of x[i], entries", "indexed", (1,), 0, PARTS, 3),
    "draw": Sweep("words of a drawing, operations", "described", (1,), 0, WRITTEN, 1),
    "derive": Sweep("words of a derivation, operations", "derived", (1,), 0, WRITTEN, 1),
}  # fmt: skip

TURN = 0.05  # seconds
SLOW = 1e3  # milliseconds: of a step as long as this there is only one
DEPTH_MUST, DEPTH_MOONSHOT = 2.0, 1.3  # time per operation, 1,000,000 over 10,000
IMPORT_MUST = 1.3


@dataclass(frozen=True)
class Fit:
    """The exponent of a power law through the larger half of the sizes."""

    exponent: float
    standard_error: float


def fit(sizes: Sequence[int], times: Sequence[float]) -> Fit:
    """Least squares in logarithms: time is proportional to size to the power of the exponent."""
    half = len(sizes) // 2
    x, y = np.log(sizes[half:]), np.log(times[half:])
    x -= x.mean()
    y -= y.mean()
    slope = (x @ y) / (x @ x)
    residuals = y - slope * x
    variance = (residuals @ residuals) / (len(x) - 2)
    return Fit(float(slope), math.sqrt(variance / (x @ x)))


def measured(contenders: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and print; times in milliseconds."""
    names = contenders or [n for n in ("tinygrad_fr", REFERENCE) if n in installed()]
    print("\n--- scaling, 1 thread ---")
    found: dict[str, Any] = {}
    with started(names, 1) as (processes, _):
        for name, sweep in SWEEPS.items():
            found[name] = _swept(name, sweep, processes)
    found["import_seconds"] = _imports()
    return found


def _swept(name: str, sweep: Sweep, processes: Sequence[Process]) -> dict[str, Any]:
    """The shortest times of each contender, which take turns at each size, and their exponents."""
    smallest = sweep.at(sweep.values[0])
    able = [p for p in processes if p.ask("build", builder=sweep.builder, sizes=smallest)]
    times: dict[str, list[float]] = {process.name: [] for process in able}
    print(f"{name}: {sweep.title}; shortest step in ms")
    print(f"{'':12}" + "".join(f"{contender:>20}" for contender in times))
    for value in sweep.values:
        shortest = dict.fromkeys(times, math.inf)
        for process in able:
            process.ask("build", builder=sweep.builder, sizes=sweep.at(value))
        for _ in range(sweep.rounds):
            for process in able:
                if not SLOW < shortest[process.name] < math.inf:
                    taken = process.ask("clock", builder=sweep.builder, seconds=TURN)["wall"]
                    shortest[process.name] = min(shortest[process.name], *taken)
        for contender, milliseconds in shortest.items():
            times[contender].append(milliseconds)
        print(f"{value:12,}" + "".join(f"{t:20.3f}" for t in shortest.values()), flush=True)
    for process in processes:
        process.ask("forget")
    fits = {contender: fit(sweep.values, found) for contender, found in times.items()}
    cells = "".join(f"{f'{f.exponent:.2f} ± {f.standard_error:.2f}':>20}" for f in fits.values())
    print(f"{'exponent':12}{cells}")
    if name == "depth":
        for contender, found in times.items():
            _print_depth(contender, dict(zip(sweep.values, found)))
    return {
        "sizes": sweep.values,
        "milliseconds": times,
        "exponents": {contender: asdict(found) for contender, found in fits.items()},
    }


def _print_depth(contender: str, milliseconds: dict[int, float]) -> None:
    small, large = (milliseconds[n] * 1e3 / n for n in (10_000, 1_000_000))
    line = f"per operation, {contender}: {small:.2f} us at 10,000, {large:.2f} us at 1,000,000: "
    line += f"{large / small:.2f} times"
    if contender in OURS:
        line += f" (must {DEPTH_MUST}, moonshot {DEPTH_MOONSHOT})"
    print(line, flush=True)


def _imports(rounds: int = 7) -> dict[str, float]:
    """Seconds of processes that only import, the shortest; compiled modules may be kept."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    shortest = {"tinygrad_fr": math.inf, "numpy": math.inf}
    for _ in range(rounds):
        for module in shortest:
            start = time.perf_counter()
            command = [sys.executable, "-c", f"import {module}"]
            subprocess.run(command, check=True, cwd=ROOT, env=environment)
            shortest[module] = min(shortest[module], time.perf_counter() - start)
    ours, numpys = shortest.values()
    print(
        f"import tinygrad_fr: {ours * 1e3:.0f} ms, import numpy: {numpys * 1e3:.0f} ms: "
        f"{ours / numpys:.2f} times (at most {IMPORT_MUST})"
    )
    return shortest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    figures = measured(options.contenders)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
