"""All operations, and three networks, on a graphics card: CuPy's arrays beside PyTorch's.

``python -m tests.benchmarks.card`` where there is a card, CuPy, PyTorch and the extra ``test``. It
runs the registry at orders 1 and 2 and some models against NumPy, then times W2, W3 and an epoch of
small_vgg in both, in turns and in float32 as it is (no TF32), and prints a table. It ends with 0
where all numbers agree, with 1 where some do not, with 2 where there is no CuPy or no card.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests import other_arrays

from .workloads import Trial, in_tinygrad_fr

EPOCH = 32  # steps of small_vgg: 1,024 photographs
# Builders with their sizes, the steps that are timed as one, and the size for a test.
NETWORKS = {
    "W2 course CNN, 128 images": ("course_modules", (128,), 1, (2,)),
    "W3 LeNet, 64 images": ("lenet_modules", (64,), 1, (2,)),
    "small_vgg with Adam, an epoch": ("small_vgg", (32, 64), EPOCH, (4, 16)),
}
TOLERANCE = 1e-9  # of the float64 checks: a card adds in another order


@dataclass(frozen=True)
class Library:
    """Another library's arrays, and PyTorch's device beside them."""

    name: str
    asarray: Callable[[Any], Any]
    asnumpy: Callable[[Any], Any]
    kind: type
    synchronise: Callable[[], Any]
    device: str
    """PyTorch's, for the same card."""


def on_card() -> Library:
    """CuPy and its card; an exception where one of them is missing."""
    import cupy

    if not cupy.cuda.runtime.getDeviceCount():
        raise RuntimeError("CuPy sees no card")
    card = cupy.cuda.Device()
    name = cupy.cuda.runtime.getDeviceProperties(card.id)["name"].decode()
    return Library(
        f"CuPy {cupy.__version__} on {name}", cupy.asarray, cupy.asnumpy, cupy.ndarray,
        card.synchronize, f"cuda:{card.id}",
    )  # fmt: skip


# --- are the numbers right? ----------------------------------------------------------------------


def failures(library: Library, cases: Iterable[Any]) -> tuple[int, dict[str, str]]:
    """How many example calls and models there were, and what went wrong with some of them."""
    asarray, asnumpy, kind = library.asarray, library.asnumpy, library.kind
    failed: dict[str, str] = {}
    count = 0

    def attempt(name: str, check: Callable[[], Any]) -> None:
        nonlocal count
        count += 1
        try:
            check()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error).strip()[:300]}"

    def compare(operation: Any, args: Any, kwargs: Any) -> None:
        other_arrays.compare(operation, args, kwargs, asarray, asnumpy, kind, TOLERANCE)

    def train(name: str) -> None:
        optimizer = other_arrays.OPTIMIZERS["SGD"]
        right, _ = other_arrays.trained(name, np.asarray, optimizer)
        got, _ = other_arrays.trained(name, asarray, optimizer)
        other_arrays.alike(got, right, asnumpy, kind, 1e-6)

    for name, *call in cases:
        attempt(name, lambda call=call: compare(*call))
    for name in other_arrays.MODELS:
        attempt(f"model {name}", lambda name=name: train(name))
    return count, failed


# --- how fast are they? --------------------------------------------------------------------------


def trials(library: Library, builder: str, sizes: tuple[int, ...]) -> dict[str, Trial]:
    """The same network in both, on the card."""
    import torch

    from .workloads import in_torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    before = in_tinygrad_fr.place, in_torch.device
    in_tinygrad_fr.place, in_torch.device = library.asarray, library.device
    try:
        return {
            "tinygrad_fr": getattr(in_tinygrad_fr, builder)(*sizes),
            "torch": getattr(in_torch, builder)(*sizes),
        }
    finally:
        in_tinygrad_fr.place, in_torch.device = before


def deviation(library: Library, both: dict[str, Trial]) -> float:
    """How far loss and gradients are apart, relative to the largest entry of each array."""
    ours, theirs = (map(library.asnumpy, trial.outcome()) for trial in both.values())
    return max(
        float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-3))
        for a, b in zip(ours, theirs, strict=True)
    )


def seconds(library: Library, both: dict[str, Trial], steps: int, rounds: int) -> dict[str, float]:
    """The median time of some steps of each, in turns; the first round compiles, and is left out.

    Work is only queued on a card: the clock stops when it is done.
    """

    def synchronise() -> None:
        library.synchronise()
        if library.device != "cpu":
            import torch

            torch.cuda.synchronize(library.device)

    times: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(rounds + 1):
        for name, trial in both.items():
            synchronise()
            start = time.perf_counter()
            for _ in range(steps):
                trial.step()
            synchronise()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def measured(library: Library, rounds: int, small: bool = False) -> dict[str, dict[str, float]]:
    """Times in milliseconds, and how far the numbers are apart, by network."""
    results = {}
    for title, (builder, sizes, steps, few) in NETWORKS.items():
        both = trials(library, builder, few if small else sizes)
        apart = deviation(library, both)
        times = seconds(library, both, 1 if small else steps, rounds)
        results[title] = {name: 1000 * taken for name, taken in times.items()} | {"apart": apart}
    return results


# --- the report ----------------------------------------------------------------------------------


def report(
    library: Library, cases: Iterable[Any], rounds: int, small: bool = False
) -> dict[str, Any]:
    """Check, time, print; what was found."""
    print(library.name, flush=True)
    count, failed = failures(library, cases)
    print(f"{count - len(failed)} of {count} example calls and models give NumPy's numbers")
    for name, error in failed.items():
        print(f"  {name}: {error}")
    times = measured(library, rounds, small)
    print(f"{'':32}{'tinygrad_fr':>13}{'PyTorch':>13}{'ratio':>8}{'apart':>10}")
    for title, row in times.items():
        ours, theirs = row["tinygrad_fr"], row["torch"]
        ratio = ours / theirs
        print(f"{title:32}{ours:10.2f} ms{theirs:10.2f} ms{ratio:8.2f}{row['apart']:10.1e}")
    return {"library": library.name, "checked": count, "failed": failed, "times": times}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        library = on_card()
    except Exception as error:  # not installed, no driver, no card
        print(f"no CuPy, or no card for it ({error}): nothing was run", file=sys.stderr)
        return 2
    found = report(library, other_arrays.cases(), options.rounds)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return (
        1 if found["failed"] or any(row["apart"] > 1e-3 for row in found["times"].values()) else 0
    )


if __name__ == "__main__":
    sys.exit(main())
