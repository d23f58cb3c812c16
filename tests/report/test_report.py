"""Reports: what they require, and what pytest shows of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import TinygradError, VerificationError

ROOT = Path(tg.__file__).parents[1]
x = np.arange(1.0, 4.0)


def square(x):
    return (x * x).sum()


def test_a_report_is_required_to_be_right():
    right = tg.verify.hand(square, {"x": x}, {"x": 2 * x})
    assert right.require() is right
    wrong = tg.verify.hand(square, {"x": x}, {"x": x})
    with pytest.raises(VerificationError, match=r"1/2 times the right one") as caught:
        wrong.require()
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, TinygradError)
    assert str(wrong) in str(caught.value)


def test_asking_whether_a_report_is_right_prints_nothing(capsys):
    assert not tg.verify.hand(square, {"x": x}, {"x": x})
    assert capsys.readouterr().out == ""


MODULE = """
import numpy as np
import tinygrad_fr as tg

tg.set_language("en")

def wrong():
    return tg.verify.hand(lambda x: (x * x).sum(), {"x": np.arange(3.0)}, {"x": np.arange(3.0)})

def test_by_name():
    report = wrong()
    assert report

def test_by_call():
    assert wrong()

def test_required():
    wrong().require()

def test_of_something_else():
    report = wrong()
    assert 1 == 2
"""


def test_pytest_shows_the_table_of_a_report_in_a_failed_assertion(tmp_path):
    (tmp_path / "test_homework.py").write_text(MODULE, encoding="utf-8")
    plugin = "tinygrad_fr.report.pytest_plugin"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", plugin, "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True, text=True, encoding="utf-8", check=False, env=environment,
    )  # fmt: skip
    assert "4 failed" in done.stdout, done.stdout + done.stderr
    lines = [line.removeprefix("E").strip() for line in done.stdout.splitlines()]
    assert lines.count("mend first: x") >= 3  # in full; some pytest have it twice
    assert (
        "mend first" not in done.stdout.split("test_of_something_else _")[1].split("short test")[0]
    )


def test_the_plugin_is_an_entry_point():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert (
        '[project.entry-points.pytest11]\ntinygrad_fr = "tinygrad_fr.report.pytest_plugin"' in text
    )
