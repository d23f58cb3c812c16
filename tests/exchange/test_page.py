"""The page Ailleurs: its programs run as they stand there, where the tools are installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.cli import main
from tinygrad_fr.cli.photographs import save_model

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


def test_the_program_that_runs_an_exported_model(tmp_path, capsys):
    for tool in ("onnx", "onnxruntime", "safetensors"):
        pytest.importorskip(tool)
    image = pytest.importorskip("PIL.Image")
    tg.manual_seed(0)
    model = tg.nn.models.course_cnn(5, size=16, channels=3)
    classes = ["marguerite", "pissenlit", "rose", "tournesol", "tulipe"]
    save_model(model, tmp_path / "w.safetensors", "course_cnn", classes, 16, 3)
    photo = np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)
    image.fromarray(photo).save(tmp_path / "photo.jpg")
    assert main(["export", str(tmp_path / "w.safetensors"), str(tmp_path / "modele.onnx")]) == 0
    (program,) = (p for p in PROGRAMS if "onnxruntime" in p)
    told = ran(program, tmp_path).strip()
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "w.safetensors"), str(tmp_path / "photo.jpg")]) == 0
    assert told in capsys.readouterr().out.splitlines()[0]


def test_the_program_of_mpi_alone(tmp_path):
    pytest.importorskip("mpi4py")
    (program,) = (p for p in PROGRAMS if "distributed" in p)
    ran(program, tmp_path)
    assert (tmp_path / "chiffres.npz").exists()


def test_the_program_of_cupy_with_the_duck_in_its_place(tmp_path):
    (program,) = (p for p in PROGRAMS if "cupy" in p)
    ran(CUPY + program, tmp_path)
