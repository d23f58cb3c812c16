"""Memory beside PyTorch's: ``python -m tests.benchmarks.memory``.

- The peak of a training step: the most memory resident during three steps, above what was resident
  before the first, when data and parameters were there, in a fresh process that has run another
  small network (so that libraries are loaded). Buffers that are kept between steps count; what the
  system counts in, pages and batches of them, makes it uncertain by some 0.1 MB.
- Growth over 10,000 steps: what is resident afterwards and was not before; and what Python's
  allocator has handed out (tracemalloc), with the garbage collector off.
- What a recorded operation takes beyond its array.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import CONTENDERS, OURS, Process, installed, started
from .measuring import REFERENCE
from .workloads import WORKLOADS, Workload

__all__ = ["measured"]

PEAKS = ("W1", "W2 b128", "W3", "W4 b64", "W5 100k")
GROWTHS = ("W1", "W4 b1")
STEPS = 10_000
BYTES_MUST = 600


def measured(contenders: Sequence[str] | None = None, steps: int = STEPS) -> dict[str, Any]:
    """Measure and print; all figures in bytes."""
    names = contenders or [name for name in (*OURS, REFERENCE) if name in installed()]
    print("\n--- memory, 1 thread ---")
    return {
        "peak": _peaks(names),
        "growth": _growths([name for name in names if name != "tinygrad_fr+numba"], steps),
        "per_operation": _per_operation(),
    }


def _peaks(names: Sequence[str]) -> dict[str, dict[str, int]]:
    labels = "".join(f"{CONTENDERS[name].label:>14}" for name in names)
    print(f"{'peak of a step, MB':20}{labels}   (ratio to PyTorch)")
    peaks: dict[str, dict[str, int]] = {}
    with started(names, 1) as (working, _):
        for workload in PEAKS:
            found = {process.name: _peak(process, WORKLOADS[workload]) for process in working}
            peaks[workload] = {name: peak for name, peak in found.items() if peak is not None}
            print(f"{workload:20}{_cells(names, peaks[workload])}", flush=True)
    return peaks


def _peak(process: Process, workload: Workload) -> int | None:
    """None where the contender cannot do the workload."""
    process.ask("build", builder="lenet", sizes=[1])
    process.ask("clock", builder="lenet", seconds=0)
    able = process.ask("build", builder=workload.builder, sizes=workload.sizes)
    peak = process.ask("peak", builder=workload.builder) if able else None
    process.ask("forget")
    return peak


def _cells(names: Sequence[str], peaks: dict[str, int]) -> str:
    cells = ""
    for name in names:
        cell = "-"
        if name in peaks:
            cell = f"{peaks[name] / 1e6:.1f}"
            if name != REFERENCE and peaks.get(REFERENCE):
                cell += f" ({peaks[name] / peaks[REFERENCE]:.2f})"
        cells += f"{cell:>14}"
    return cells


def _growths(names: Sequence[str], steps: int) -> dict[str, dict[str, dict[str, int]]]:
    growths: dict[str, dict[str, dict[str, int]]] = {w: {} for w in GROWTHS}
    with started(names, 1) as (working, _):
        for workload in GROWTHS:
            w = WORKLOADS[workload]
            for process in working:
                process.ask("build", builder=w.builder, sizes=w.sizes)
                found = {"resident": process.ask("growth", builder=w.builder, steps=steps)}
                line = f"growth over {steps:,} steps of {workload}, {process.name}: "
                line += f"{found['resident'] / 1e3:+.0f} kB resident"
                if process.name in OURS:
                    traced = process.ask("traced_growth", builder=w.builder, steps=steps)
                    found["traced"] = traced
                    line += f", {traced:+,} bytes traced ({traced / steps:.2f} a step)"
                process.ask("forget")
                growths[workload][process.name] = found
                print(line, flush=True)
    return growths


def _per_operation(n: int = 1000) -> float:
    """What a recorded product of two Tensors of shape (4,) takes beyond its array."""
    import tinygrad_fr as tg

    x, a = (tg.Tensor(np.ones(4), requires_grad=True) for _ in range(2))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(n):
        x = x * a
    used = (tracemalloc.get_traced_memory()[0] - before) / n
    tracemalloc.stop()
    beyond = used - np.ones(4).__sizeof__()
    print(f"bytes per recorded operation beyond its array: {beyond:.0f} (at most {BYTES_MUST})")
    return beyond


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of growth ({STEPS:,})")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    figures = measured(options.contenders, options.steps)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
