"""What a second process gains: ``python -m tests.benchmarks.ranks``, with mpi4py and mpiexec.

``tg.exchange.distributed`` on one rank with a batch, and on two with half of it each, on one thread
each, in turns. The efficiency is T1 / (2 T2): 1 where two ranks take half the time. Without overlap
all gradients go in one message after the backward pass.

More ranks than cores can only be reckoned: with the measured step of one rank on its part of the
batch, T1(B/N), and the time of a ring all-reduce of M bytes,

    2 (N - 1) delay + 2 (N - 1) / N * M / bandwidth

(P. Patarasuk, X. Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", J.
Parallel Distrib. Comput. 69, 2009), all of it after the step, or as far as it can be hidden behind
the backward pass, two thirds of a step.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_fr as tg

from .contenders import ROOT
from .machine import header

MUST = 0.85
NETWORKS = {"1 Gb/s": 1e9 / 8, "10 Gb/s": 10e9 / 8}
DELAY = 50e-6
BACKWARD = 2 / 3  # of a step: two products for one of the forward pass


@dataclass(frozen=True)
class Case:
    """A model, its images and its batch."""

    title: str
    model: Callable[[], Any]
    shape: tuple[int, ...]
    batch: int


def _vgg() -> Any:
    return tg.nn.models.small_vgg(dropout=0.0)


CASES = {
    "vgg32": Case("small_vgg, 32 photographs", _vgg, (3, 64, 64), 32),
    "vgg64": Case("small_vgg, 64 photographs", _vgg, (3, 64, 64), 64),
    "W2": Case("course CNN, 128 images", tg.nn.models.course_cnn, (1, 50, 50), 128),
}


def step(name: str, batch: int, steps: int, epochs: int, overlap: bool) -> float:
    """Seconds of a step, the median of epochs after the first."""
    from tinygrad_fr.exchange import mpi

    if not overlap:
        mpi.BUCKET = 2**40
    case, rng = CASES[name], np.random.default_rng(0)
    x = rng.normal(size=(batch * steps, *case.shape)).astype(np.float32)
    y = rng.integers(0, 5, len(x))
    model = case.model()
    history = mpi.distributed(
        model, tg.data.DataLoader((x, y), batch), loss=tg.cross_entropy, epochs=epochs + 1,
        optimizer=tg.optim.Adam(model.parameters()), progress=False,
    )  # fmt: skip
    return statistics.median(history["seconds"][1:]) / steps


def launched(ranks: int, *arguments: object) -> float:
    """The same in processes of their own: what rank 0 has measured."""
    environment = {**os.environ}
    environment |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command = ["mpiexec", "-n", str(ranks), sys.executable, "-m", f"{__package__}.ranks"]
    command += ["--measure", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def efficiency(name: str, rounds: int, steps: int, epochs: int) -> dict[str, float]:
    """Milliseconds and the efficiency, with and without overlap: medians of the rounds."""
    batch = CASES[name].batch
    times: list[list[float]] = []
    for _ in range(rounds):
        alone = launched(1, name, batch, steps, epochs, 1)
        times.append([alone, *(launched(2, name, batch, steps, epochs, o) for o in (1, 0))])
    t1, t2, late = (statistics.median(column) * 1e3 for column in zip(*times))
    gains = [statistics.median(t[0] / (2 * t[i]) for t in times) for i in (1, 2)]
    print(f"{CASES[name].title:28}{t1:10.1f}{t2:10.1f}{late:10.1f}{gains[0]:12.2f}{gains[1]:12.2f}")
    sys.stdout.flush()
    return {"one": t1, "two": t2, "two late": late, "with": gains[0], "without": gains[1]}


def reckoned(name: str, counts: Sequence[int], steps: int, epochs: int) -> dict[str, Any]:
    """The efficiency that more ranks would have."""
    case = CASES[name]
    size = sum(p.data.nbytes for p in case.model().parameters())
    whole = launched(1, name, case.batch, steps, epochs, 1)
    print(f"\n{case.title}: gradients of {size:,} bytes; efficiency without and with overlap")
    found = {}
    for n in counts:
        part = launched(1, name, case.batch // n, steps * n, epochs, 1)
        cells = [
            f"{n:4} ranks, {case.batch // n:3} each: {part * 1e3:7.1f} ms of {whole * 1e3:.1f}"
        ]
        for network, bandwidth in NETWORKS.items():
            send = 2 * (n - 1) * DELAY + 2 * (n - 1) / n * size / bandwidth
            left = max(0.0, send - BACKWARD * part)
            gains = [whole / (n * (part + waited)) for waited in (send, left)]
            found[f"{n} ranks, {network}"] = gains
            cells.append(f"{network}: {gains[0]:.2f} {gains[1]:.2f} ({send * 1e3:.1f} ms)")
        print("   ".join(cells), flush=True)
    return found


def main() -> None:
    """Print the tables, or measure as one of the ranks."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.ranks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=16, help="of an epoch (16)")
    parser.add_argument("--epochs", type=int, default=5, help="measured in each round (5)")
    parser.add_argument("--reckon", nargs="*", type=int, default=[4, 8, 16], metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        from mpi4py import MPI

        name, *numbers = options.measure
        seconds = step(name, *map(int, numbers[:3]), numbers[3] == "1")
        print(seconds if MPI.COMM_WORLD.rank == 0 else "", flush=True)
        return
    if shutil.which("mpiexec") is None:
        raise SystemExit("there is no mpiexec here: pip install mpi4py mpich")
    print(header())
    print(f"must {MUST}; ms of a step, medians of {options.rounds} rounds, and the efficiency,")
    print("with gradients sent during the backward pass, and late: in one message after it")
    print(f"{'':28}{'1 rank':>10}{'2 ranks':>10}{'late':>10}{'efficiency':>12}{'late':>12}")
    how = options.steps, options.epochs
    found = {name: efficiency(name, options.rounds, *how) for name in options.cases}
    paper = {name: reckoned(name, options.reckon, *how) for name in options.cases}
    if options.json:
        options.json.write_text(json.dumps({"two": found, "paper": paper}, indent=2), "utf-8")


if __name__ == "__main__":
    main()
