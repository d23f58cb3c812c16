"""Memory and growth: ``python -m tests.benchmarks.scaling``.

Time per recorded operation at 10,000 and 1,000,000 operations, bytes per operation, memory over
10,000 training steps with the garbage collector off, and the time of the import.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import tracemalloc

import numpy as np

import tinygrad_fr as tg

from .workloads import ours_chain, ours_mlp


def per_operation(n: int) -> float:
    """Microseconds per operation of a chain, forward and backward, the best of three."""
    step, best = ours_chain(n), float("inf")
    for _ in range(3):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best / n * 1e6


def bytes_per_operation() -> float:
    """What a recorded product of two Tensors of shape (4,) takes beyond its array."""
    x, a = (tg.Tensor(np.ones(4), requires_grad=True) for _ in range(2))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    y = x
    for _ in range(1000):
        y = y * a
    used = (tracemalloc.get_traced_memory()[0] - before) / 1000
    tracemalloc.stop()
    return used - np.ones(4).__sizeof__()


def growth() -> float:
    """Bytes per step that stay after 10,000 steps without the garbage collector."""
    step = ours_mlp(1)
    for _ in range(1000):
        step()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10_000):
        step()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    gc.enable()
    return grown / 10_000


def import_time(module: str) -> float:
    """Seconds of a process that only imports the module, the best of seven."""
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    small, large = per_operation(10_000), per_operation(1_000_000)
    print(f"per operation: {small:.2f} us at 10,000, {large:.2f} us at 1,000,000 "
          f"({large / small:.2f} times)")  # fmt: skip
    print(f"bytes per recorded operation beyond its array: {bytes_per_operation():.0f}")
    print(f"growth over 10,000 training steps: {growth():.1f} bytes a step")
    ours, numpys = import_time("tinygrad_fr"), import_time("numpy")
    print(
        f"import: {ours * 1e3:.0f} ms, numpy alone {numpys * 1e3:.0f} ms "
        f"({ours / numpys:.2f} times)"
    )
