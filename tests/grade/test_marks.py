"""Marks: what a person would give, and nothing for what was not earned."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import warnings
from importlib.resources import files

import numpy as np
import pytest

import tinygrad_fr as tg
from tinygrad_fr.errors import ArgumentError, FileError
from tinygrad_fr.grade import Question, grade, normal
from tinygrad_fr.grade.template import new_homework
from tinygrad_fr.worker import sandbox

from . import CLASSES, HOSTILE, QUESTIONS, agrees, laid_out

COPIES = QUESTIONS.parent / "copies"
RIGHT = (COPIES / "amina.py").read_text("utf-8")
# What these do is for a sandbox, and not for the folders beside the tests.
DANGEROUS = {"delete_files_around", "kill_all", "kill_group", "kill_parent", "fork_bomb_50"}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no bubblewrap")
        yield


def marked(text, folder, *, name="copy.py", **how):
    """The result of one copy."""
    (folder / "in").mkdir()
    (folder / "in" / name).write_text(text, "utf-8")
    (result,) = grade(QUESTIONS, folder / "in", jobs=1, **how)
    return result


def points(result):
    return {q["title"]: q["points"] for q in result["questions"]}


# --- others' copies ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_marks_are_those_that_a_person_gives(tmp_path, kind):
    names = sorted(CLASSES[kind])[::8]  # python -m tests.grade takes all
    marks = grade(QUESTIONS, laid_out(kind, names, tmp_path / "copies"))
    wrong = {c["copy"]: c["mark"] for c in marks if not agrees(kind, c["copy"], c["mark"])}
    assert len(wrong) <= 1, wrong


# Numeric differentiation and a derivation of one's own are flagged: the teacher judges.
JUDGED_BY_THE_TEACHER = {
    "b03_fd_float32", "cache_earlier_calls", "mini_autodiff", "n06_vectorised",
    "numdiff_complex_step", "numdiff_renamed_copy", "numdiff_self_forward",
}  # fmt: skip
# A derivation of one's own that looks like a layer is not to be told from one.
UNSEEN = {"n07_mini_autodiff"}
# All forwards are right, over and over; only its gradients are not.
HONEST_FORWARDS = {"right_first_call_only"}


def test_no_hostile_copy_gets_what_it_has_not_earned(tmp_path):
    names = sorted(HOSTILE) if sandbox.can_shut_in() else sorted(set(HOSTILE) - DANGEROUS)
    names = names[:: int(os.environ.get("TINYGRAD_FR_EVERY", 1))]  # of a run that must be short
    (tmp_path / "neighbour").mkdir()
    folder = laid_out("hostile", names, tmp_path / "copies")
    (folder / "amina.py").write_text(RIGHT, "utf-8")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    marks = grade(QUESTIONS, folder, out=tmp_path / "out", limit=4)
    assert len(marks) == len(names) + 1
    assert marks["amina"]["mark"] == 20
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    for copy in marks:
        if copy["copy"] == "amina" or copy["copy"] in HONEST_FORWARDS:
            continue
        if copy["mark"] > HOSTILE[copy["copy"]]["earned"] + 1e-6 and copy["copy"] not in UNSEEN:
            assert copy["copy"] in JUDGED_BY_THE_TEACHER, copy
            assert copy["flags"], copy
    for page in (tmp_path / "out").rglob("*.html"):
        text = page.read_text("utf-8")
        assert "<script" not in text.lower()
        assert "\x1b" not in text
    with (tmp_path / "out" / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [c for c in cells if c[:1] in ("=", "+", "@")]


# --- fair --------------------------------------------------------------------------------------


def test_a_copy_gets_the_same_mark_again_and_other_inputs_than_others(tmp_path):
    first = marked(RIGHT, tmp_path)
    (tmp_path / "in").rename(tmp_path / "before")
    again = marked(RIGHT, tmp_path)
    assert first["mark"] == again["mark"] == 20
    assert first["fingerprint"] == again["fingerprint"]
    (tmp_path / "in").rename(tmp_path / "second")
    assert marked(RIGHT + "\n", tmp_path)["fingerprint"] != first["fingerprint"]


def test_gradients_that_were_stored_before_a_crash_count(tmp_path):
    text = RIGHT.replace("return d_z @ self.W.T", "return d_z @ self.W")
    parts = {p["what"]: p for q in marked(text, tmp_path)["questions"]
             if q["title"] == "Couche dense" for p in q["parts"]}  # fmt: skip
    assert (parts["W"]["points"], parts["b"]["points"], parts["input"]["points"]) == (1, 1, 0)
    assert "matmul" in parts["input"]["reason"]


def test_float32_is_not_punished(tmp_path):
    text = RIGHT.replace("self.x = x", "self.x = x = x.astype(np.float32)")
    assert "float32" in text
    assert marked(text, tmp_path)["mark"] == 20


TRIVIAL = """
import numpy as np
class Softmax:
    def forward(self, z): return z.copy()
    def backward(self, d): return d.copy()
class EntropieCroisee:
    def forward(self, p, y):
        self.p = p
        return 1.0
    def backward(self): return np.zeros(self.p.shape)
class MaxPooling:
    def forward(self, x): return x.copy()
    def backward(self, d): return d.copy()
"""


def test_a_trivial_layer_earns_nothing_by_being_right_about_itself(tmp_path):
    result = marked(TRIVIAL, tmp_path)
    assert result["mark"] == 0
    reasons = [p["reason"] for q in result["questions"] for p in q["parts"]]
    assert all(reasons)


DOUBLED = """
import numpy as np
class Dense:
    def __init__(self, W, b):
        self.W, self.b, self.dW, self.db = W, b, np.zeros_like(W), np.zeros_like(b)
    def forward(self, x):
        self.x = x
        return 2 * (x @ self.W + self.b)
    def backward(self, d_z):
        self.dW += 2 * self.x.T @ d_z
        self.db += 2 * d_z.sum(axis=0)
        d_x = 2 * d_z @ self.W.T
        d_z *= 1.5
        return d_x
"""


def test_gradients_that_add_up_count_beside_a_wrong_forward_and_are_told_each_time(tmp_path):
    dense = Question(
        "Dense", "Dense", {"output": 1, "input": 1, "W": 1, "b": 1}, {"x": normal(6, 5)},
        lambda x, W, b: x @ W + b, {"W": normal(5, 4), "b": normal(4)},
    )  # fmt: skip
    (tmp_path / "lea.py").write_text(DOUBLED, "utf-8")
    first, second = grade([dense, dense], tmp_path / "lea.py")["lea"]["questions"]
    points = [p["points"] for p in first["parts"]]
    assert points == [0, 1, 1, 1]
    assert first["points"] == 2.5
    assert len(first["remarks"]) == 3  # one of them on what is changed in place, which counts once
    assert first["remarks"][1:] == second["remarks"]


def test_a_mistake_counts_once(tmp_path):
    text = RIGHT.replace("axis=1", "axis=0")
    found = points(marked(text, tmp_path))
    assert found["Softmax"] < 4
    assert found["Softmax, grands scores"] == 1


def test_every_lost_point_has_a_reason_in_the_words_that_the_hints_allow(tmp_path):
    texts = {}
    for hints in ("where", "kind", "full"):
        folder = tmp_path / hints
        folder.mkdir()
        result = marked((COPIES / "bruno.py").read_text("utf-8"), folder, hints=hints)
        lost = [p for q in result["questions"] for p in q["parts"] if p["points"] < p["out_of"]]
        assert all(p["reason"] for p in lost)
        texts[hints] = "\n".join(p["reason"] for p in lost)
        assert any(p["kind"] for p in lost) == (hints != "where")
    assert "diagonal" not in texts["where"]
    assert "diagonal" in texts["kind"]
    assert "-p_i p_j" in texts["full"]


# --- operations ----------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_stopped_and_marks_one_copy_again(tmp_path):
    names = ["amina", "bruno"]
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / f"{name}.py").write_bytes((COPIES / f"{name}.py").read_bytes())
    out = tmp_path / "out"
    grade(QUESTIONS, tmp_path / "in", out=out)
    data = json.loads((out / "marks.json").read_text("utf-8"))
    data["copies"][0]["mark"] = 7.25  # what is there is kept
    (out / "marks.json").write_text(json.dumps(data), "utf-8")
    assert grade(QUESTIONS, tmp_path / "in", out=out)["amina"]["mark"] == 7.25
    assert grade(QUESTIONS, tmp_path / "in", out=out, only=["amina"])["amina"]["mark"] == 20
    with pytest.raises(ArgumentError, match="nobody"):
        grade(QUESTIONS, tmp_path / "in", out=out, only=["nobody"])
    changed = RIGHT.replace("class Dense", "class Dance")
    (tmp_path / "in" / "bruno.py").write_text(changed, "utf-8")
    assert grade(QUESTIONS, tmp_path / "in", out=out)["bruno"]["mark"] == 16


def test_a_question_is_marked_again_and_all_else_is_kept(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bruno.py").write_bytes((COPIES / "bruno.py").read_bytes())
    out = tmp_path / "out"
    first = grade(QUESTIONS, tmp_path / "in", out=out)["bruno"]
    data = json.loads((out / "marks.json").read_text("utf-8"))
    for question in data["copies"][0]["questions"]:
        question["points"] = 0.25
    (out / "marks.json").write_text(json.dumps(data), "utf-8")
    page = (out / "feedback" / "bruno.html").read_text("utf-8")
    (again,) = grade(QUESTIONS, tmp_path / "in", out=out, questions_again=["Couche dense"])
    got = points(again)
    assert got["Couche dense"] == points(first)["Couche dense"] == 3
    assert {x for title, x in got.items() if title != "Couche dense"} == {0.25}
    assert again["mark"] == sum(got.values())
    now = (out / "feedback" / "bruno.html").read_text("utf-8")
    assert page.count("<figure") == now.count("<figure") > 1
    with pytest.raises(ArgumentError, match="no question"):
        grade(QUESTIONS, tmp_path / "in", out=out, questions_again=["Couche épaisse"])


def test_what_is_written_is_as_the_schema_says(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    text = (files("tinygrad_fr.grade") / "marks.schema.json").read_text("utf-8")
    (tmp_path / "in").mkdir()
    for name in ("bruno", "chloe"):
        (tmp_path / "in" / f"{name}.py").write_bytes((COPIES / f"{name}.py").read_bytes())
    (tmp_path / "in" / "vide.py").write_text("class (", "utf-8")
    grade(QUESTIONS, tmp_path / "in", out=tmp_path / "out", hints="full")
    data = json.loads((tmp_path / "out" / "marks.json").read_text("utf-8"))
    jsonschema.validate(data, json.loads(text))
    data["copies"][0]["mark"] = "20"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(text))


@pytest.mark.parametrize("comma", [None, True, False])
def test_tables_have_points_or_commas(tmp_path, comma):
    text = RIGHT.replace("return d_z @ self.W.T", "d_z *= 1\n        return d_z @ self.W.T")
    name = "Léa Roux_123_assignsubmission_file_"
    (tmp_path / "in" / name).mkdir(parents=True)
    (tmp_path / "in" / name / "devoir.py").write_text(text.replace("d_z *= 1", "d_z += 1"), "utf-8")
    out = tmp_path / "out"
    (copy,) = grade(QUESTIONS, tmp_path / "in", out=out, comma=comma, anonymous=True)
    mark = f"{copy['mark']:g}"
    assert "." in mark
    written = mark.replace(".", ",") if comma else mark
    rows = csv.reader((out / "moodle.csv").read_text("utf-8-sig").splitlines())
    assert list(rows)[1][:3] == ["Participant 123", "Léa Roux", written]
    sheet = (out / "marks.csv").read_text("utf-8-sig").splitlines()
    assert list(csv.reader(sheet, delimiter=";" if comma else ","))[1][1] == written
    assert "Léa" not in (out / "class.html").read_text("utf-8")


def test_corrections_are_shown_as_far_as_the_hints_allow(tmp_path):
    if not sandbox.can_shut_in():
        pytest.skip("no bubblewrap here")
    names = {"where": "look at", "full": "np.sum(d_z, axis=0)"}
    for hints, said in names.items():
        folder = tmp_path / hints
        folder.mkdir()
        text = RIGHT.replace("d_z.sum(axis=0)", "d_z")
        result = marked(text, folder, hints=hints, repair=3, out=folder / "out")
        lines = "\n".join(q for c in result["questions"] for q in c["repairs"])
        assert said in lines
        assert (names["full"] in lines) == (hints == "full")
        assert said in (folder / "out" / "feedback" / "copy.html").read_text("utf-8")


def test_what_calls_a_wrong_forward_is_judged_with_the_right_one(tmp_path):
    wrong = RIGHT.replace("axis=1", "axis=0", 2)
    assert "def gradient_logits" in wrong
    head, _def, _rest = wrong.partition("def gradient_logits")
    text = head + "def gradient_logits(z, y):\n    return (Softmax().forward(z) - y) / len(y)\n"
    found = points(marked(text, tmp_path))
    assert found["Softmax"] < 4
    assert found["Gradient des scores"] == 3


def test_a_copy_that_loops_costs_its_time_once(tmp_path):
    text = "while True:\n    pass\n" + RIGHT
    start = time.monotonic()
    result = marked(text, tmp_path, limit=5)
    assert result["mark"] == 20  # what it defines is judged
    assert time.monotonic() - start < 60
    assert any("never end" in text for text in result["remarks"])


EXECUTORS = {
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as executor:
    run(executor)
""",
    "mpi4py": """
from mpi4py.futures import MPIPoolExecutor
with MPIPoolExecutor(1) as executor:
    run(executor)
""",
    "distributed": """
from distributed import Client, LocalCluster
with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
    with Client(cluster) as client:
        run(client.get_executor())
""",
}


@pytest.mark.parametrize("kind", EXECUTORS)
def test_other_executors_run_it(tmp_path, kind):
    command, environment = [sys.executable], {**os.environ, "TINYGRAD_FR_LANG": "en"}
    if kind != "threads":
        pytest.importorskip(kind)
    if kind == "mpi4py":
        if shutil.which("mpiexec") is None:
            pytest.skip("there is no mpiexec here")
        command = ["mpiexec", "-n", "2", sys.executable, "-m", "mpi4py.futures"]
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    head = (
        "from tinygrad_fr.grade import grade\n\ndef run(executor):\n"
        f"    marks = grade({str(QUESTIONS)!r}, {str(COPIES)!r}, executor=executor)\n"
        "    print({c['copy']: c['mark'] for c in marks})\n\nif __name__ == '__main__':"
    )
    script = tmp_path / "marking.py"
    script.write_text(head + textwrap.indent(EXECUTORS[kind], "    "), "utf-8")
    done = subprocess.run(
        [*command, str(script)], env=environment, capture_output=True, text=True, timeout=200
    )
    if kind == "mpi4py" and "slots" in done.stderr:
        pytest.skip("there is one core only")
    assert "{'amina': 20.0, 'bruno': 5.0, 'chloe': 16.0}" in done.stdout, done.stderr


def test_ctrl_c_leaves_the_marks_that_were_there_and_no_process(tmp_path):
    import signal

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.py").write_text(RIGHT, "utf-8")
    (tmp_path / "in" / "b.py").write_text("while True:\n    pass\n", "utf-8")
    script = (
        "import signal\nfrom tinygrad_fr.grade import grade\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"grade({str(QUESTIONS)!r}, {str(tmp_path / 'in')!r}, out={str(tmp_path / 'out')!r}, "
        "jobs=1, limit=60)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, start_new_session=True
    )
    marks = tmp_path / "out" / "marks.json"
    for _wait in range(300):
        if marks.exists():
            break
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert json.loads(marks.read_text("utf-8"))["copies"][0]["mark"] == 20
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


# --- questions -----------------------------------------------------------------------------------


def test_questions_say_what_is_wrong_with_them(tmp_path):
    with pytest.raises(ArgumentError, match="reference"):
        Question("Dense", "Dense", {"output": 1}, {"x": normal(2, 3)}, None)
    with pytest.raises(ArgumentError, match="points"):
        Question("Dense", "Dense", {"output": -1}, {"x": normal(2, 3)}, tg.softmax)
    path = tmp_path / "questions.py"
    for text, said in (("", "has no QUESTIONS"), ("1/0", "fails"), ("QUESTIONS = []", "not empty")):
        path.write_text(text, "utf-8")
        with pytest.raises((ArgumentError, FileError), match=said):
            grade(path, COPIES)
    with pytest.raises(FileError, match="no such file"):
        grade(QUESTIONS, tmp_path / "nowhere")
    with pytest.raises(FileError, match="no folder"):
        grade(QUESTIONS, COPIES, out=path)


X, W = {"x": normal(3, 2)}, {"W": normal(2, 4)}


@pytest.mark.parametrize(
    ("points", "inputs", "parameters", "reference", "said"),
    [
        ({"output": 1}, X, W, lambda x, W: x @ w, "its reference fails"),  # noqa: F821
        ({"output": 1}, X, {"W": normal(5, 4)}, lambda x, W: x @ W, "its reference fails"),
        ({"output": 1}, X, W, lambda x: x, "its reference fails"),
        ({"output": 1}, {"x": normal(3, -2)}, {}, tg.relu, "cannot be drawn"),
        ({"output": 1}, {"x": "abc"}, {}, lambda x: 1.0, "no arrays of numbers"),
        ({"output": 1}, X, {}, lambda x: x * np.nan, "NaN"),
        ({"output": 1}, X, {}, lambda x: None, "NaN"),
        ({"output": 1, "bias": 1}, X, W, lambda x, W: x @ W, "bias"),
        ({"x": 1}, X, {}, lambda x: x * 2, "is a loss"),
        ({"c": 1}, X, {}, lambda x: (x * x).sum(), "not for c"),
    ],
)
def test_a_mistake_in_a_question_costs_no_student_a_point(
    points, inputs, parameters, reference, said
):
    question = Question("A", "A", points, inputs, reference, parameters)
    with pytest.raises(ArgumentError, match=said):
        grade([question], COPIES)


def test_one_question_is_a_homework():
    question = Question("Softmax", "Softmax", {"output": 1}, {"z": normal(3, 2)}, tg.softmax)
    assert grade(question, COPIES / "amina.py")["amina"]["mark"] == 1


BODIES = (
    "self.x = x\n        return x @ self.W + self.b",
    "self.dW, self.db = self.x.T @ d_z, d_z\n        return d_z @ self.W.T",
)


def test_the_template_is_a_homework_and_its_notebook_checks_itself(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    written = new_homework(tmp_path / "new")
    with pytest.raises(FileError, match="already"):
        new_homework(tmp_path / "new")
    notebook = nbformat.read(written[1], 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        for body in BODIES:
            if "class Dense" in cell.source:
                cell.source = cell.source.replace(
                    'raise NotImplementedError("à compléter")', body, 1
                )
    (tmp_path / "in").mkdir()
    nbformat.write(notebook, tmp_path / "in" / "léa.ipynb")
    (tmp_path / "in" / "max.py").write_bytes(written[0].read_bytes())
    lea, untouched = grade(written[2], tmp_path / "in")
    assert (lea["mark"], untouched["mark"]) == (3, 0)
    assert {q["status"] for q in untouched["questions"]} == {"untouched"}
    nbclient.NotebookClient(notebook, timeout=60).execute()
    said = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "(2,)" in said
