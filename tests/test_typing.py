"""Type-checkers see in users' code what there is: ``model(x)`` is a Tensor."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parent / "typing" / "user_code.py"


def checked(*command):
    """What a type-checker says, started in the project's folder."""
    done = subprocess.run(command, cwd=CODE.parents[2], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("import tinygrad_fr as tg\ntg.nn.Sequential()(1).no_method()\n")
    return str(path)


def test_the_code_runs():
    runpy.run_path(str(CODE))


def test_strict_mypy_knows_the_types_of_users_code(wrong):
    pytest.importorskip("mypy")
    strict = (sys.executable, "-m", "mypy", "--strict")
    assert "no issues found" in checked(*strict, str(CODE))
    assert '"Tensor" has no attribute "no_method"' in checked(*strict, wrong)


def test_pyright_knows_them_too(wrong):
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    said = checked("pyright", str(CODE))
    if "0 errors" not in said and "error:" not in said:
        pytest.skip("pyright cannot be started here: it wants Node, and to fetch it")
    assert "0 errors" in said
    assert '"no_method"' in checked("pyright", wrong)
