"""A subject in another process is judged as one in this."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.grade import laid_out
from tinygrad_fr import verify
from tinygrad_fr.verify.handwritten.there import Elsewhere, FailedError, LostError
from tinygrad_fr.worker import sandbox

NAMES = ("camille", "hugo", "sarah", "victor")


def classes():
    rng = np.random.default_rng(3)
    return {
        "Softmax": ([], rng.standard_normal((6, 4))),
        "Dense": ([rng.standard_normal((5, 4)), rng.standard_normal(4)],
                  rng.standard_normal((6, 5))),
        "MaxPooling": ([], rng.integers(-3, 4, (2, 3, 4, 6)).astype(float)),
        "Convolution": ([rng.standard_normal((2, 3, 3))], rng.standard_normal((3, 6, 5))),
    }  # fmt: skip


def told(report):
    """All that a report says, places in files aside."""
    return [
        (e.name, e.verdict, [d.kind for d in e.diagnoses], e.note.partition(" (")[0])
        for e in report
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return laid_out("copies", list(NAMES), tmp_path_factory.mktemp("there") / "copies")


@pytest.fixture
def elsewhere(folder):
    started = []

    def start(file, seconds=60.0):
        process = Elsewhere(str(folder), sandbox.can_shut_in(), seconds)
        started.append(process)
        process.ask("load", str(Path(folder) / file), False)
        return process

    yield start
    for process in started:
        process.end()


@pytest.mark.parametrize("name", NAMES)
def test_a_report_says_the_same(folder, elsewhere, name):
    process = elsewhere(f"{name}.py")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        here = runpy.run_path(str(folder / f"{name}.py"))
        for kind, (arguments, x) in classes().items():
            if kind not in here:
                continue
            reports = []
            for thing in ("here", "there"):
                try:
                    given = [np.array(a) for a in arguments]
                    layer = (
                        here[kind](*given) if thing == "here"
                        else process.subject(kind, given, x.copy())
                    )  # fmt: skip
                    reports.append(told(verify.layer(layer, x.copy(), repair=False, seed=1)))
                except Exception as error:
                    reports.append(type(error).__name__)
            assert reports[0] == reports[1], kind


def test_what_its_code_raises_is_told_and_nothing_else_comes_back(folder, elsewhere):
    (folder / "odd.py").write_text(
        "import sys\n"
        "def leave(): raise SystemExit(3)\n"
        "def strange(): return {object(): object()}, lambda: 1\n"
        "def endless():\n    while True: pass\n",
        "utf-8",
    )
    process = elsewhere("odd.py")
    with pytest.raises(FailedError, match="SystemExit"):
        process.ask("called", "leave", [])
    result, given, _calls = process.ask("called", "strange", [])
    assert given == []
    assert not any(isinstance(x, (dict, np.ndarray)) for x in result[1:])
    process.allow(1.0)
    with pytest.raises(LostError, match="timeout"):
        process.ask("called", "endless", [])
    with pytest.raises(LostError):
        process.ask("names")


def test_neither_the_library_nor_a_framework_is_there(folder, elsewhere):
    (folder / "seek.py").write_text(
        "import sys\n"
        "def seek(name):\n"
        "    if any(m.partition('.')[0] == name for m in sys.modules): return 1.0\n"
        "    try:\n        __import__(name)\n        return 2.0\n"
        "    except Exception:\n        return 0.0\n",
        "utf-8",
    )
    process = elsewhere("seek.py")
    for name in ("tinygrad_fr", "torch", "autograd", "jax"):
        assert process.ask("called", "seek", [name])[0] == 0
    assert any("tinygrad_fr" in text for text in process.told)


CELL = """
import numpy as np
def forward(x, h, c, W):
    c_next = np.tanh(x @ W + h) + 0.5 * c
    return np.tanh(c_next), c_next, (x, h, c, W, c_next)
def backward(dh, dc_next, cache):
    x, h, c, W, c_next = cache
    dc = dc_next + dh * (1 - np.tanh(c_next) ** 2)
    dz = dc * (1 - np.tanh(x @ W + h) ** 2)
    return dz @ W.T, dz, FACTOR * dc, x.T @ dz
"""


@pytest.mark.parametrize(("factor", "wrong"), [("0.5", set()), ("1", {"input", "h", "c", "W"})])
def test_a_cell_over_there_is_driven_over_steps(folder, elsewhere, factor, wrong):
    (Path(folder) / "cell.py").write_text(CELL.replace("FACTOR", factor), encoding="utf-8")
    subject = elsewhere("cell.py").subject("forward", backward="backward")
    draw = np.random.default_rng(0).standard_normal
    x = draw((3, 2, 4)), draw((2, 5)), draw((2, 5)), draw((4, 5))
    report = verify.layer(subject, x, steps=3, repair=False)
    assert {e.name for e in report if e.verdict == "wrong"} == wrong
    assert report.first_wrong == ("c" if wrong else None)
