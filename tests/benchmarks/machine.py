"""What the figures depend on: processor, versions, BLAS and the variables that change it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import cores, installed

__all__ = ["description", "header"]

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
        lines.append(
            f"Note: {setting} in the environment; it changes the kernels of the library named, "
            "and those of no other. To measure without: "
            f"env {without} python -m tests.benchmarks"
        )
    return "\n".join(lines)


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
