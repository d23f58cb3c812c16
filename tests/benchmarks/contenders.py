"""The contenders, each in a process of its own that does as it is told over a pipe."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "ALONE", "CONTENDERS", "OURS", "ROOT", "Contender", "Failure", "Process", "cores", "installed",
    "started",
]  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """A framework, and the environment in which its process runs."""

    name: str
    label: str
    package: str
    """What must be installed, by the name by which it is imported."""
    framework: str
    """Which of ``workloads/in_*.py`` it runs."""
    compiles: bool = False
    """Whether the first time through takes longer than any other."""
    environment: dict[str, str | None] = field(default_factory=dict)
    """Variables to set, or to remove where None."""
    alone: bool = False
    """Whether it stays on one thread, beside those that have more."""


ROOT = Path(__file__).resolve().parents[2]

# Whether tinygrad_fr uses numba, which is optional, where it is installed.
_NUMBA = "TINYGRAD_FR_NUMBA"
_TABLE = [
    Contender("tinygrad_fr", "tinygrad_fr", "numpy", "tinygrad_fr", environment={_NUMBA: "0"}),
    Contender("tinygrad_fr+numba", "+ numba", "numba", "tinygrad_fr", True, {_NUMBA: None}),
    Contender("torch", "PyTorch", "torch", "torch"),
    Contender("autograd", "autograd", "autograd", "autograd"),
    Contender("mygrad", "MyGrad", "mygrad", "mygrad"),
    Contender("dezero", "DeZero", "dezero", "dezero"),
    Contender("tinygrad", "tinygrad", "tinygrad", "tinygrad", True, {"DEV": "CPU"}),
    Contender("jax", "JAX jit", "jax", "jax", True, {"JAX_PLATFORMS": "cpu"}),
    Contender("sklearn", "scikit-learn", "sklearn", "sklearn"),
    Contender("loops", "plain loops", "numpy", "loops"),
    Contender("tinygrad_fr on one", "1 thread", "numpy", "tinygrad_fr", environment={_NUMBA: "0"},
              alone=True),
    Contender("tinygrad_fr+numba on one", "+ numba, 1 thread", "numba", "tinygrad_fr", True,
              {_NUMBA: None}, alone=True),
]  # fmt: skip

CONTENDERS = {contender.name: contender for contender in _TABLE}
OURS = ("tinygrad_fr", "tinygrad_fr+numba")
ALONE = {name: f"{name} on one" for name in OURS}
"""The same on one thread, which are measured where the others have more."""
PIP = {"sklearn": "scikit-learn"}


def installed() -> dict[str, str]:
    """The contenders that are there, with the version of the package."""
    return {
        c.name: importlib.metadata.version(PIP.get(c.package, c.package))
        for c in _TABLE
        if importlib.util.find_spec(c.package)
    }


def cores() -> list[int]:
    """The cores that this process may use; empty where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class Failure(Exception):
    """A contender could not do what it was asked for."""


class Process:
    """A contender that has been started.

    It is held to as many cores as threads, whatever its framework does about threads: all
    processes to the same cores, as they take turns. With 0 threads it has the defaults of a fresh
    machine, and all cores.
    """

    def __init__(self, contender: Contender, threads: int) -> None:
        self.name = contender.name
        self.compiles = contender.compiles
        environment = {**os.environ}
        threads = 1 if contender.alone else threads
        for variable in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
            environment[f"{variable}_NUM_THREADS"] = str(threads)
            if not threads:
                del environment[f"{variable}_NUM_THREADS"]
        for variable, value in contender.environment.items():
            environment.pop(variable, None)
            if value is not None:
                environment[variable] = value
        allowed = cores()[:threads] if threads else []
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        what = contender.framework, contender.package, str(threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.worker", *what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
            cwd=ROOT,
            preexec_fn=(lambda: os.sched_setaffinity(0, allowed)) if allowed else None,
        )

    def ask(self, order: str, **arguments: Any) -> Any:
        """What the worker's method ``order`` returns; Failure says why it could not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([order, arguments]) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Failure(f"its process ended: {self._last_words()}")
        answer, error = json.loads(line)
        if error:
            raise Failure(error)
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().strip().splitlines()
        return words[-1] if words else f"exit status {self._process.returncode}"

    def close(self) -> None:
        self._process.communicate()
        self._errors.close()


@contextlib.contextmanager
def started(names: Iterable[str], threads: int) -> Iterator[tuple[list[Process], dict[str, str]]]:
    """The processes of those that work, and why others do not; they end with the block."""
    with contextlib.ExitStack() as stack:
        working, unusable = [], {}
        for name in names:
            process = Process(CONTENDERS[name], threads)
            stack.callback(process.close)
            try:
                process.ask("rehearse")
                process.ask("forget")
                working.append(process)
            except Failure as failure:
                unusable[name] = str(failure)
        yield working, unusable
