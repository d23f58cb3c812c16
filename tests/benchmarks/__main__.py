"""Time training steps against PyTorch: ``python -m tests.benchmarks``.

One process per contender, taking turns, with the same number of threads; losses are compared
first. Medians and minima in milliseconds, and their ratio to PyTorch's (below 1 is faster).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .workloads import BUILDERS, WORKLOADS

Times = list[float]


def worker(contender: str, threads: int) -> None:
    """Build workloads and time steps as told on standard input, one JSON line per answer."""
    if contender == "torch":
        import torch

        torch.set_num_threads(threads)
    step: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        if "build" in order:
            family, size = order["build"]
            step = BUILDERS[contender][family](size, order["modules"])
            losses = [step() for _ in range(3)]
            print(json.dumps(losses), flush=True)
        else:
            times = []
            end = time.perf_counter() + order["seconds"]
            while True:
                start = time.perf_counter()
                step()
                now = time.perf_counter()
                times.append((now - start) * 1e3)
                if now > end:
                    break
            print(json.dumps(times), flush=True)


class Contender:
    """A worker process."""

    def __init__(self, name: str, threads: int) -> None:
        limits = {
            key: str(threads)
            for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks", "--worker", name, "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **limits},
        )  # fmt: skip

    def ask(self, **order: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def agree(losses: dict[str, list[float]]) -> bool:
    """Whether all contenders compute the same losses, to float32 rounding."""
    reference, *others = losses.values()
    return all(
        abs(x - y) <= 1e-4 * max(abs(x), 1e-3)
        for other in others
        for x, y in zip(reference, other, strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--modules", action="store_true", help="Modules and optimizer")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="per workload and round")
    parser.add_argument("--only", nargs="*", default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.threads)
        return 0

    names = ["tinygrad_fr", *(["torch"] if importlib.util.find_spec("torch") else [])]
    contenders = {name: Contender(name, options.threads) for name in names}
    results = {}
    print(f"{'':8}  " + "".join(f"{name + ' median (min) ms':>30}" for name in names)
          + f"{'ratio [range]':>24}{'must':>7}")  # fmt: skip
    for workload in options.only:
        family, size, must = WORKLOADS[workload]
        if options.modules and family in ("chain", "convolution"):
            continue
        losses = {
            name: contender.ask(build=(family, size), modules=options.modules)
            for name, contender in contenders.items()
        }
        if not agree(losses):
            print(f"{workload}: the losses differ: {losses}")
            return 1
        times: dict[str, Times] = {name: [] for name in names}
        medians: dict[str, Times] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name, contender in contenders.items():
                taken = contender.ask(seconds=options.seconds)
                times[name] += taken
                medians[name].append(statistics.median(taken))
        line = f"{workload:8}  " + "".join(
            f"{statistics.median(times[name]):18.3f} ({min(times[name]):8.3f}) " for name in names
        )
        results[workload] = {name: statistics.median(times[name]) for name in names}
        if "torch" in names:
            ratios = sorted(
                x / y for x, y in zip(medians["tinygrad_fr"], medians["torch"], strict=True)
            )
            ratio = statistics.median(ratios)
            results[workload]["ratio"] = ratio
            line += f"{ratio:10.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]{must:7.2f}"
        print(line, flush=True)
    for contender in contenders.values():
        contender.close()
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
