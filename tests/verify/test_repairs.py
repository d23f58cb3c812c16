"""Repairs: the smallest edit of somebody's code with which its gradients are right."""

import importlib
import json
import linecache
from pathlib import Path

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr import verify
from tinygrad_fr.report import Repair, Report
from tinygrad_fr.verify.repairs import asking, search
from tinygrad_fr.verify.repairs.edits.table import Row
from tinygrad_fr.verify.repairs.search import look_for
from tinygrad_fr.verify.repairs.source import unit_of

from . import repairs

RNG = np.random.default_rng(3)
SECONDS = 10.0  # on a busy machine, too


@pytest.fixture
def in_this_process(monkeypatch):
    """No process of its own: what is tested is the search."""
    monkeypatch.setattr(asking, "answers", lambda task, order, **_how: task(order))


# --- six hundred mistakes ------------------------------------------------------------------------

STEP = 70  # python -m tests.verify.repairs takes all
MISTAKES = [(n, k) for n in repairs.NAMES for k in range(len(repairs.correct(n)[1].MISTAKES))]


# Its gradients add up from call to call, and nothing sets them back: that is told.
ADDS_UP = {"se_block_numpyml"}


@pytest.mark.parametrize("name", [n for n in repairs.NAMES if n not in ADDS_UP])
def test_right_code_is_right_and_never_searched(name, monkeypatch):
    monkeypatch.setattr(asking, "answers", lambda *_order, **_how: pytest.fail("it is searched"))
    report = repairs.judged(repairs.correct(name)[1])
    wrong = [e.name for e in report if e.verdict == "wrong"]
    assert not wrong, f"\n{report}"
    assert not report.repairs
    assert not report.suspects


def test_most_mistakes_are_repaired_where_they_are():
    found = []
    for name, k in MISTAKES[::STEP]:
        module, lines = repairs.mutated(name, k)
        report = repairs.judged(module, repair=4.0)
        at = {line for r in report.repairs for line in range(min(r.lines), max(r.lines) + 1)}
        at |= {line for _path, line in report.suspects}
        whole = bool(report.repairs) and report.repairs[0].whole
        found.append((name, k, whole, bool(at & lines)))
    assert sum(whole for *_case, whole, _at in found) >= 0.6 * len(found), found
    assert sum(at for *_case, at in found) >= 0.75 * len(found), found


# --- what is said --------------------------------------------------------------------------------


class Dense:
    def __init__(self):
        self.W = RNG.standard_normal((4, 3))
        self.b = RNG.standard_normal(3)

    def forward(self, x):
        self.x, self.z = x, x @ self.W + self.b
        return np.maximum(self.z, 0)

    def backward(self, d_out):
        dz = d_out
        self.dW = self.x.T @ dz
        self.db = dz.sum(axis=0)
        return dz @ self.W.T


X = RNG.standard_normal((5, 4))


@pytest.fixture(scope="module")
def report():
    tg.set_language("en")
    return verify.layer(Dense(), X, repair=SECONDS)


def test_the_line_its_change_and_what_it_mends(report):
    first = report.repairs[0]
    assert first.before == "dz = d_out"
    assert first.after == "dz = d_out * (self.z > 0)"
    assert first.whole
    assert set(first.mends) == {"input", "W", "b"}
    assert first.agrees.kind == first.kind == "missing_factor"
    assert first.path == __file__
    assert Path(__file__).read_text().splitlines()[first.line - 1].strip() == "dz = d_out"


def test_it_says_no_more_than_the_teacher_allows(report):
    where, kind, full = (report.text(hints) for hints in ("where", "kind", "full"))
    line = f"look at test_repairs.py, line {report.repairs[0].line}"
    assert line in where
    assert "missing factor" not in where
    assert "missing factor" in kind
    assert "self.z" not in where + kind
    assert "  + dz = d_out * (self.z > 0)\n              ^^^^^^^^^^^^^^" in full
    assert "a possible correction" in full


@pytest.mark.parametrize(("hints", "keys"), [
    ("where", {"path", "line", "lines"}),
    ("kind", {"path", "line", "lines", "kind"}),
    ("full", {"path", "line", "lines", "kind", "before", "after", "mends", "whole"}),
])  # fmt: skip
def test_json_carries_what_may_be_said(report, hints, keys):
    data = json.loads(report.to_json(hints=hints))
    assert set(data["repairs"][0]) == keys
    assert {"path": __file__, "line": report.repairs[0].line} in data["suspects"]


def test_a_notebook_marks_the_change_not_by_colour_alone(report):
    html = report._repr_html_()
    assert "<ins><b> * (self.z &gt; 0)</b></ins>" in html


def test_in_french(report):
    tg.set_language("fr")
    assert "une correction possible\u00a0; avec elle" in report.text()
    assert "regardez test_repairs.py, ligne" in report.text("where")


def test_lines_without_an_edit_are_shown():
    told = Report({}, suspects=(("a/mlp.py", 9), ("a/mlp.py", 14)))
    assert told.text().splitlines()[-1] == "look at mlp.py, between lines 9 and 14"
    assert "mlp.py" in told._repr_html_()


def test_a_cell_is_called_a_cell():
    assert Repair("somewhere/ipykernel_12/34.py", 3, "a", "b").place == "cell, line 3"


# --- where it is looked for ----------------------------------------------------------------------


def softmax_loss(x, W, y):
    z = (x @ W).named("z")
    p = tg.softmax(z).named("p")
    return -(tg.log(p) * np.eye(3)[y]).sum() / len(y)


INPUTS = {"x": X, "W": RNG.standard_normal((4, 3)), "y": np.array([0, 2, 1, 1, 0])}


def test_functions_given_to_hand(in_this_process):
    hand = {"z": lambda p, y: p - np.eye(3)[y], "W": lambda x, dz: x.T @ dz}
    report = verify.hand(softmax_loss, INPUTS, hand, repair=SECONDS)
    first = report.repairs[0]
    assert first.whole
    assert set(first.mends) == {"z", "W"}
    assert "(p - np.eye(3)[y]) / " in first.after


def test_two_functions_with_a_mistake_each(in_this_process):
    def dz(p, y):
        return (np.eye(3)[y] - p) / len(y)

    def dW(x, dz):
        return dz.T @ x

    report = verify.hand(softmax_loss, INPUTS, {"z": dz, "W": dW}, repair=SECONDS)
    first = report.repairs[0]
    assert first.whole
    assert set(first.mends) == {"z", "W"}
    assert len(first.lines) == 2


def test_arrays_have_no_source(in_this_process):
    report = verify.hand(softmax_loss, INPUTS, {"z": np.ones((5, 3))}, repair=SECONDS)
    assert not report
    assert not report.repairs


def test_an_update(in_this_process):
    def sgd(W, dW):
        W += 0.1 * dW
        return {"W": W}

    report = verify.descent(softmax_loss, INPUTS, sgd, repair=SECONDS)
    assert report.repairs[0].after == "W -= 0.1 * dW"


def forward(x, W):
    return x @ W, (x, W)


def backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout / len(x)


def test_a_pair_of_functions(in_this_process):
    report = verify.layer((forward, backward), (X, INPUTS["W"]), repair=SECONDS)
    assert report.repairs[0].after == "return dout @ W.T, x.T @ dout"


class Silent(Dense):
    def backward(self, d_out):
        dz = d_out * (self.z > 0)
        self.dW = self.x.T @ dz
        self.db = dz.sum(axis=0)
        dz @ self.W


def test_code_that_raises(in_this_process):
    report = verify.layer(Silent(), X, repair=SECONDS)
    assert any("self.W.T" in r.after for r in report.repairs), f"\n{report}"


class Rate(Dense):
    lr = 0.5

    def backward(self, d_out):
        dz = d_out * (self.z > 0)
        dW, db = self.x.T @ dz, dz.sum(axis=0)
        self.W = self.W + self.lr * dW
        self.b = self.b - self.lr * db
        return dz @ self.W.T


def test_an_update_in_the_backward(in_this_process):
    report = verify.layer(Rate(), X, repair=3.0)
    assert any("self.W - self.lr * dW" in r.after for r in report.repairs), f"\n{report}"


# --- what is refused, and what does no harm ------------------------------------------------------


class Saving(Dense):
    def backward(self, d_out):
        self.log()
        return super().backward(d_out)

    def log(self):
        with open("log.txt", "a") as file:  # noqa: PTH123
            file.write("x")


def test_code_that_opens_files_is_refused_before_it_runs_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(asking, "answers", lambda *order, **how: asked.append(order))
    report = verify.layer(Saving(), X, repair=SECONDS)
    assert not asked
    assert "no repairs: the code uses open" in str(report)


def test_code_without_a_source_says_so():
    space = {"np": np}
    exec("def f(x):\n    return x**2\ndef g(x, dout):\n    return dout * x\n", space)
    report = verify.layer((space["f"], space["g"]), X, repair=SECONDS)
    assert "no repairs: the source of the code cannot be read" in str(report)


def test_a_file_that_has_changed_since_says_so(tmp_path, monkeypatch):
    path = tmp_path / "of_somebody.py"
    path.write_text("def f(x):\n    return x**2\ndef g(x, dout):\n    return dout * x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("of_somebody")
    path.write_text("# about it\n" + path.read_text().replace("* x", "* 2 * x"))
    linecache.checkcache()
    report = verify.layer((module.f, module.g), X, repair=SECONDS)
    assert "no repairs: the file is not the code that runs" in str(report)


def test_none_are_looked_for_when_nobody_wants_them(monkeypatch):
    monkeypatch.setattr(asking, "answers", lambda *_order, **_how: pytest.fail("it is searched"))
    assert not verify.layer(Dense(), X, repair=False).repairs


class Counting(Dense):
    def backward(self, d_out):
        dz, i = d_out * (self.z > 0), 0
        self.dW = np.zeros_like(self.W)
        while i < len(d_out):
            self.dW += np.outer(self.x[i], d_out[i])
            i += 1
        self.db = dz.sum(axis=0)
        return dz @ self.W.T


def test_a_loop_that_an_edit_makes_endless_is_ended():
    report = verify.layer(Counting(), X, repair=SECONDS)
    assert any("dz[i]" in r.after for r in report.repairs), f"\n{report}"


def test_rows_in_which_a_mistake_does_nothing_tell_nothing():
    layer = Counting()
    layer.W, x = abs(layer.W), np.concatenate([abs(X[:2]), -abs(X[2:])])
    report = verify.layer(layer, x, repair=SECONDS)
    assert any("dz[i]" in r.after for r in report.repairs), f"\n{report}"


@pytest.mark.parametrize(("scale", "found"), [("", True), (" * 1e5", False)])
def test_an_edit_that_overflows_is_none(in_this_process, monkeypatch, scale, found):
    def edits(spot):
        if spot.text(spot.node.value) == "d_out":  # the mask, by way of a sigmoid
            new = f"d_out * (1 / (1 + np.exp(-self.z{scale})) > 0.5)"
            yield ((spot.node.value, new),)

    monkeypatch.setattr(search, "ROWS", [Row("sigmoid", ("missing_factor",), 1.0, edits)])
    assert bool(verify.layer(Dense(), X, repair=SECONDS).repairs) == found


STATE = {"calls": 0}


class Global(Dense):
    def backward(self, d_out):
        STATE["calls"] += 1
        dz = d_out
        self.dW = self.x.T @ dz
        self.db = dz.sum(axis=0)
        return dz @ self.W.T


def test_global_state_and_the_code_itself_stay_as_they_are(in_this_process):
    code, before = Global.backward.__code__, None
    verify.layer(Global(), X, repair=False)
    before = STATE["calls"]
    verify.layer(Global(), X, repair=SECONDS)
    assert STATE["calls"] == 2 * before  # as often as without repairs
    assert Global.backward.__code__ is code


def test_a_file_that_has_changed_since_is_not_edited(tmp_path):
    module = repairs.imported("def f(x):\n    return 2 * x\n", "stale")
    assert unit_of(module.f.__code__) is not None
    repairs.linecache.cache[module.__file__] = (0, None, ["def f(x):\n", "    return 3 * x\n"], "")
    assert unit_of(module.f.__code__) is None


def test_the_search_stops_when_its_budget_is_used_up(in_this_process, monkeypatch):
    orders = []

    def only_a_few(task, order, **_how):
        orders.append(order)
        return task(asking.dataclasses.replace(order, evaluations=5))

    monkeypatch.setattr(asking, "answers", only_a_few)
    report = verify.layer(Dense(), X, repair=SECONDS)
    assert list(look_for(asking.dataclasses.replace(orders[0], seconds=0.0))) == []
    assert not report.repairs


# --- what an attack found ------------------------------------------------------------------------


class OnOneLine(Dense):
    def backward(self, d_out):
        dz = d_out
        self.dW, self.db = np.zeros_like(self.W), dz.sum(axis=0)
        for i in range(len(dz)): self.dW += np.outer(self.x[i], dz[i])  # fmt: skip # noqa: E701
        return dz @ self.W.T


class OverLines(Dense):
    def backward(self, d_out):
        dz = d_out
        self.dW = (self.x
                   .T
                   .dot(dz))  # fmt: skip
        self.db = dz.sum(axis=0)
        return dz @ self.W.T


@pytest.mark.parametrize("kind", [OnOneLine, OverLines])
def test_code_in_any_layout(in_this_process, kind):
    report = verify.layer(kind(), X, repair=4.0)
    assert report.repairs[0].after == "dz = d_out * (self.z > 0)"


@pytest.mark.parametrize("repair", [float("nan"), "yes", -1, [3]])
def test_a_time_that_is_none_is_refused(repair):
    with pytest.raises(tg.errors.ArgumentError, match="repair"):
        verify.layer(Dense(), X, repair=repair)


class Rule:
    def __call__(self, W, dW):
        return {"W": W + 0.1 * dW}


def test_a_rule_that_is_an_object():
    assert not verify.descent(softmax_loss, INPUTS, Rule(), repair=SECONDS)


def test_a_step_keeps_its_size(in_this_process):
    def sgd(W, dW):
        W = W + 0.1 * dW
        return {"W": W}

    report = verify.descent(softmax_loss, INPUTS, sgd, repair=4.0)
    assert report.repairs[0].after == "W = W - 0.1 * dW"


def test_sizes_that_happen_to_be_equal_do_not_deceive(in_this_process):
    def forward(x, W, scale):
        return scale * (x @ W) / x.shape[1], (x, W, scale)

    def backward(dout, cache):
        x, W, scale = cache
        return scale * dout @ W.T / x.shape[1], scale * x.T @ dout, None

    x, W = RNG.standard_normal((3, 3)), RNG.standard_normal((3, 2))
    report = verify.layer((forward, backward), (x, W, 2.0), repair=4.0)
    assert not any("x.shape[0]" in r.after for r in report.repairs), f"\n{report}"
