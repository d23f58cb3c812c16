"""Test accuracy of the demonstration over five seeds: ``python -m tests.benchmarks.accuracy``."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
import time
from pathlib import Path

from tinygrad_fr.cli import main

if __name__ == "__main__":
    results, seconds = [], []
    for seed in range(5):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            start = time.perf_counter()
            main(["demo", "--out", folder, "--seed", str(seed)])
            seconds.append(time.perf_counter() - start)
            report = (Path(folder) / "report.md").read_text(encoding="utf-8")
            epochs = len(json.loads((Path(folder) / "history.json").read_text())["epochs"])
        found = re.search(r"([\d.]+)\s?%", report)
        assert found
        results.append(float(found.group(1)))
        print(f"seed {seed}: {results[-1]:.2f}% on unseen digits after {epochs} epochs, "
              f"{seconds[-1]:.1f} s")  # fmt: skip
    print(f"mean {sum(results) / len(results):.2f}%, slowest {max(seconds):.1f} s")
