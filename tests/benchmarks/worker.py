"""A contender's process: it reads an order from each line of its input and answers with a line.

An order is ``[method, arguments]`` in JSON, the answer ``[result, error]``. The process itself only
imports the framework. A child does what is ordered, until it is told to forget all: how the C
library's allocator treats large blocks depends on the largest that it has freed so far, and a
workload would be up to twice as fast after another than alone.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import sys
import time
import tracemalloc
from typing import Any, TextIO

import numpy as np

from . import resident
from .workloads import Trial

# SGD steps before the clock starts: their losses are compared, and compilers have compiled.
FIRST_STEPS = 2
# The peak is the highest of so many steps: buffers kept from one step to the next are in it.
PEAK_STEPS = 3


class Worker:
    """The orders, one method each; trials are known by the name of their builder."""

    def __init__(self, builders: Any, threads: int) -> None:
        self.builders = builders
        self.threads = threads
        self.trials: dict[str, Trial] = {}
        if threads and hasattr(builders, "torch"):
            builders.torch.set_num_threads(threads)

    def rehearse(self) -> None:
        """A tiny network: raises if the framework, its compiler or its threads are not there."""
        if not hasattr(self.builders, "mlp"):
            return
        trial = self.builders.mlp(2, 4, 3)
        trial.outcome()
        for _ in range(FIRST_STEPS):
            trial.step()

    def build(self, builder: str, sizes: list[int]) -> bool:
        """Make a trial; False if the framework cannot do it."""
        make = getattr(self.builders, builder, None)
        if make is not None:
            self.trials[builder] = make(*sizes)
        return make is not None

    def forget(self) -> None:
        """Let go of all trials."""
        self.trials.clear()

    def check(self, builder: str, file: str) -> dict[str, Any]:
        """Write the first outcome to an .npz file; the time it took, and the losses after it."""
        trial = self.trials[builder]
        start = time.perf_counter()
        outcome = trial.outcome()
        milliseconds = (time.perf_counter() - start) * 1e3
        np.savez(file, *outcome)
        losses = [trial.step() for _ in range(FIRST_STEPS)] if trial.trains else []
        self.settle()
        return {"milliseconds": milliseconds, "losses": losses}

    def clock(self, builder: str, seconds: float) -> dict[str, Any]:
        """Milliseconds of each step, for so many seconds and at least once.

        And those of the processors for a step, all threads together; threads that go on idly after
        the last one count.
        """
        step = self.trials[builder].step
        taken = []
        busy = time.process_time()
        end = time.perf_counter() + seconds
        while True:
            start = time.perf_counter()
            step()
            now = time.perf_counter()
            taken.append((now - start) * 1e3)
            if now > end:
                break
        self.settle()
        return {"wall": taken, "cpu": (time.process_time() - busy) * 1e3 / len(taken)}

    def settle(self) -> None:
        """Wait until no thread runs: OpenBLAS's spin for up to 0.1 s after their last call.

        They would steal from whoever has the next turn: PyTorch was seen to take three times as
        long.
        """
        for _ in range(20 if self.threads != 1 else 0):
            before = time.process_time()
            time.sleep(0.01)
            if time.process_time() - before < 0.002:
                break

    def peak(self, builder: str) -> int:
        """The most bytes resident during a step above those before the first one."""
        step = self.trials[builder].step
        gc.collect()
        resident.give_back()
        before = resident.now()
        resident.reset_peak()
        for _ in range(PEAK_STEPS):
            step()
        return resident.peak() - before

    def growth(self, builder: str, steps: int) -> int:
        """Bytes resident that were not there so many steps ago."""
        step = self.trials[builder].step
        for _ in range(steps // 10):
            step()
        before = resident.now()
        for _ in range(steps):
            step()
        return resident.now() - before

    def traced_growth(self, builder: str, steps: int) -> int:
        """The same as Python's allocator sees it, with no help from the garbage collector."""
        step = self.trials[builder].step
        for _ in range(steps // 10):
            step()
        gc.collect()
        gc.disable()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(steps):
            step()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        gc.enable()
        return after - before


def main() -> None:
    framework, package, threads = sys.argv[1:]
    # What frameworks print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    builders = importlib.import_module(f"{__package__}.workloads.in_{framework}")
    importlib.import_module(package)  # numba, which tinygrad_fr would import at the first need
    while line := sys.stdin.readline():
        child = os.fork() if sys.platform == "linux" else 0
        if child:
            _, status = os.waitpid(child, 0)
            if status:
                sys.exit(f"the process of a workload ended with status {status}")
        else:
            serve(Worker(builders, int(threads)), line, answers)
            if sys.platform == "linux":
                os._exit(0)


def serve(worker: Worker, line: str, answers: TextIO) -> None:
    """Do as told, until told to forget it or until no order comes any more."""
    while line:
        order, arguments = json.loads(line)
        result, error = None, None
        try:
            result = getattr(worker, order)(**arguments)
        except Exception as exception:  # whatever a framework raises is its answer
            error = _in_a_line(exception)
        print(json.dumps([result, error]), file=answers)
        line = "" if order == "forget" else sys.stdin.readline()


def _in_a_line(exception: Exception) -> str:
    """Its kind and message, without the folders of this machine."""
    message = re.sub(r"/\S*/", "", " ".join(str(exception).split()))
    return f"{type(exception).__name__}: {message}"


if __name__ == "__main__":
    main()
