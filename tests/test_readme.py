"""The README's code runs as it stands."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_code_of_the_readme_runs(tmp_path):
    pytest.importorskip("sklearn")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    if importlib.util.find_spec("onnx") is None:
        blocks = [block for block in blocks if "to_onnx" not in block]
    subprocess.run([sys.executable, "-c", "\n".join(blocks)], check=True, cwd=tmp_path, timeout=60,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "PYTHONIOENCODING": "utf-8"})  # fmt: skip
