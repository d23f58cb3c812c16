"""Where the library is asked to run: without docstrings, on an ASCII console, without a home.

A script of its own says by its exit status what is wrong: ``assert`` is dropped at ``-OO``, which
is also why the tests themselves cannot run there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_fr as tg

from . import lowest

SCRIPT = r"""
import sys

import numpy as np

import tinygrad_fr as tg


def check(told, wanted=True):
    if told != wanted:
        raise SystemExit(f"{told!r} is not {wanted!r}")


without_docstrings = sys.flags.optimize == 2
check(tg.matmul.__doc__ is None, without_docstrings)

# Gradients share no memory.
x, y = (tg.Tensor([1.0, 2.0, 4.0], requires_grad=True) for _ in range(2))
(x + y).sum().backward()
x.grad.data[0] = 5.0
check(y.grad.tolist(), [1.0, 1.0, 1.0])

# Training, and a file.
points = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
labels = (points[:, 0] > points[:, 1]).astype(int)
tg.manual_seed(0)
model = tg.nn.Sequential(tg.nn.Linear(2, 8), tg.nn.Tanh(), tg.nn.Linear(8, 2))
history = tg.fit(
    model, tg.data.ArrayDataset(points, labels), loss=tg.cross_entropy, epochs=20,
    optimizer=tg.optim.Adam(model.parameters(), lr=0.05), metrics=["accuracy"],
)
check(history["accuracy"][-1] > 0.95)
before = model(points).data.copy()
tg.save(model.state_dict(), "weights.npz")
model[0].weight.data[:] = 0.0
model.load_state_dict(tg.load("weights.npz"))
check(np.array_equal(model(points).data, before))

# Pictures, derivations and replays, with the names of variables.
W = tg.Tensor([[0.5], [-1.0]], requires_grad=True)
loss = (tg.sigmoid(points[:4] @ W) * 2.0).sum()
check(">W<" in tg.draw(loss).dot)
check("W" in tg.derive(loss, W).latex)
check(bool(tg.derive(loss, W).check()))
tg.replay(loss, "replay.html")

# Where docstrings are gone, a rule that only its operation can write is named instead.
A = tg.Tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
derivation = tg.derive(tg.det(A), A)
check(r"\det^{\top}" in derivation.latex, without_docstrings)
check(r"\operatorname{cof}" in derivation.latex, not without_docstrings)
check(bool(derivation.check()))


# Verification.
for slope in (2.0, 3.0):
    report = tg.verify.hand(
        lambda x: (x * x).sum(), {"x": points[:3]}, {"x": slope * points[:3]}
    )
    check(bool(report), slope == 2.0)
    report.show()
"""


def run(folder, *command, **environment):
    """A Python process on an ASCII console, where nothing may be kept but in ``folder``."""
    bare = {"HOME": "/nonexistent", "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0", "TINYGRAD_FR_LANG": "fr",
            "TINYGRAD_FR_NUMBA": "0"}  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return subprocess.run(
        [sys.executable, "-X", "dev", "-X", "warn_default_encoding", *map(str, command)],
        cwd=folder, capture_output=True, env={**kept, **bare, **environment}, timeout=120,
    )  # fmt: skip


def warnings_of_ours(told):
    package = str(Path(tg.__file__).parent)
    return [line for line in told.decode().splitlines() if package in line and "Warning" in line]


@pytest.mark.parametrize("optimised", ["", "2"])
def test_a_program_runs_without_docstrings_without_a_locale_and_without_a_home(tmp_path, optimised):
    (tmp_path / "program.py").write_text(SCRIPT, encoding="utf-8")
    done = run(tmp_path, "program.py", PYTHONOPTIMIZE=optimised)
    assert done.returncode == 0, done.stderr.decode()
    assert warnings_of_ours(done.stderr) == []


def test_so_does_the_command_line(tmp_path):
    pytest.importorskip("sklearn")
    demo = run(tmp_path, "-m", "tinygrad_fr", "demo", "--epochs", 1, PYTHONOPTIMIZE="2")
    assert demo.returncode == 0, demo.stderr.decode()
    assert b"epoque 1" in demo.stdout
    for name in ("report.md", "graph.svg", "replay.html", "derivation.html"):
        assert (tmp_path / "demo" / name).stat().st_size
        assert name in (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    assert warnings_of_ours(demo.stderr) == []


@pytest.mark.parametrize(("slope", "status"), [(2, 0), (3, 1)])
def test_a_verdict_needs_no_docstrings(tmp_path, slope, status):
    (tmp_path / "layer.py").write_text(
        "class Square:\n"
        "    def forward(self, x):\n"
        "        self.x = x\n"
        "        return x * x\n"
        "    def backward(self, g):\n"
        f"        return {slope} * self.x * g\n"
    )
    command = ["-m", "tinygrad_fr", "check", "layer.py:Square", "--input", "2,3"]
    done = run(tmp_path, *command, PYTHONOPTIMIZE="2")
    assert done.returncode == status, done.stderr.decode()


def test_each_lowest_version_stands_in_the_project_file():
    constraints = lowest.constraints()
    assert {"numpy==2; python_version < '3.13'", "graphviz==0.20"} <= set(constraints)
    assert all("==" in constraint and ">" not in constraint.split(";")[0]
               for constraint in constraints)  # fmt: skip
