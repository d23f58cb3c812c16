"""What the figures depend on: processor, versions, BLAS and the variables that change it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import cores, installed

__all__ = ["Others", "description", "header"]

# These choose the kernels of a BLAS or of PyTorch, beside the number of threads.
_PREFIXES = ("OPENBLAS_", "MKL_", "BLIS_", "ATEN_", "DNNL_", "ONEDNN_")


def description() -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "processor": _processor(),
        "cores": len(cores()) or os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
        "versions": {n: v for n, v in installed().items() if n != "tinygrad_fr"},
        "environment": _kernel_variables(),
    }


def header() -> str:
    """The same in a few lines."""
    d = description()
    versions = ", ".join(f"{name.split('+')[-1]} {v}" for name, v in d["versions"].items())
    lines = [
        f"{d['processor']}, {d['cores']} cores, {d['system']}, Python {d['python']}",
        f"NumPy {d['numpy']} with {d['blas']}; {versions}",
    ]
    if d["environment"]:
        setting = " ".join(f"{name}={value}" for name, value in d["environment"].items())
        without = " ".join(f"-u {name}" for name in d["environment"])
        lines += [
            f"Note: {setting} in the environment. OPENBLAS_* changes the kernels of",
            "NumPy's BLAS, with which tinygrad_fr computes, and not those of PyTorch. Without it:",
            f"env {without} python -m tests.benchmarks",
        ]
    return "\n".join(lines)


class Others:
    """What other processes take of the cores that are used, from its making to ``share``."""

    def __init__(self, threads: int) -> None:
        self.cores = cores()[:threads]
        self.start = time.perf_counter(), _busy(self.cores), _of_children()

    def share(self) -> float:
        """Between 0 and 1, once our own processes have ended; 0 where the system does not say."""
        elapsed, busy, ours = (
            after - before
            for after, before in zip(
                (time.perf_counter(), _busy(self.cores), _of_children()), self.start
            )
        )
        return max(0.0, (busy - ours) / (elapsed * max(1, len(self.cores))))


def _busy(numbers: list[int]) -> float:
    """Seconds that these cores have worked for anybody, or were given to other machines."""
    statistics = Path("/proc/stat")
    if not numbers or not statistics.exists():
        return 0.0
    ticks = 0
    for line in statistics.read_text(encoding="utf-8").splitlines():
        name, *fields = line.split()
        if name in {f"cpu{number}" for number in numbers}:
            user, nice, system, _idle, _waiting, *rest = map(int, fields[:8])
            ticks += user + nice + system + sum(rest)
    return ticks / os.sysconf("SC_CLK_TCK")


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    """NumPy's, with the kernels it has chosen where threadpoolctl can tell."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        built: Any = np.show_config(mode="dicts")
        blas = built["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    for library in threadpool_info():
        if library["user_api"] == "blas":
            names = library["internal_api"], library["version"], library.get("architecture")
            return " ".join(str(name) for name in names if name)
    return "an unknown BLAS"


def _kernel_variables() -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_PREFIXES) and not name.endswith("NUM_THREADS")
    }
