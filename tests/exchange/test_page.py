"""The page Ailleurs: its programs run as they stand there, where the tools are installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "elsewhere.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
CUPY = "import sys, tests.duck; sys.modules['cupy'] = tests.duck\n"


def ran(program, folder):
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TINYGRAD_FR_LANG": "fr"}, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_programs_of_pytorch(tmp_path):
    pytest.importorskip("torch")
    first, second = (p for p in PROGRAMS if "torch." in p)
    assert "votre gradient vaut 1/N = 0.25 fois le vrai" in ran(first + second, tmp_path)


def test_the_program_of_mpi_alone(tmp_path):
    pytest.importorskip("mpi4py")
    (program,) = (p for p in PROGRAMS if "distributed" in p)
    ran(program, tmp_path)
    assert (tmp_path / "chiffres.npz").exists()


def test_the_program_of_cupy_with_the_duck_in_its_place(tmp_path):
    (program,) = (p for p in PROGRAMS if "cupy" in p)
    ran(CUPY + program, tmp_path)
