"""The homework of the examples: its copies get their marks, its text and its check hold."""

from __future__ import annotations

import ast
import csv
import json
import os
import subprocess
import sys
import warnings

import pytest

from tinygrad_fr import set_language
from tinygrad_fr.grade import grade

from . import notebooks

HOMEWORK = notebooks.EXAMPLES / "homework"
COPIES = HOMEWORK / "copies"
QUESTIONS = HOMEWORK / "questions.py"
SOURCE = (COPIES / "amina.py").read_text("utf-8")
RIGHT = {
    node.name: ast.get_source_segment(SOURCE, node)
    for node in ast.parse(SOURCE).body
    if isinstance(node, ast.ClassDef | ast.FunctionDef)
}
ENV = {
    **os.environ, "TINYGRAD_FR_LANG": "fr", "PYTHONIOENCODING": "utf-8",
    "PYTHONPATH": os.pathsep.join(
        [str(notebooks.EXAMPLES.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    ),
}  # fmt: skip


def written(*names, change=("", ""), start="import numpy as np\n"):
    """A right submission of these parts, with a change."""
    text = "\n\n".join([start, *(RIGHT[name] for name in names)])
    assert change[0] in text
    return text.replace(*change)


def marks_of(texts, folder, **how):
    """The results of copies that are given by their texts."""
    set_language("fr")  # as the reasons are read below
    copies = folder / "copies"
    copies.mkdir()
    for name, text in texts.items():
        (copies / f"{name}.py").write_text(text, "utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no bubblewrap")
        return grade(QUESTIONS, copies, **how)


def questions(copy):
    """The answers of a copy by title."""
    return {question["title"]: question for question in copy["questions"]}


def told(copy):
    """All of its feedback as one text, with plain spaces."""
    lines = [copy["problem"], *copy["remarks"]]
    for question in copy["questions"]:
        lines += [p["reason"] for p in question["parts"]] + question["remarks"]
    return "\n".join(lines).replace("\u00a0", " ")


# --- as the homework's page says -----------------------------------------------------------------


def test_the_sample_copies_get_their_marks_by_the_command(tmp_path):
    command = [sys.executable, "-c", "from tinygrad_fr.cli import main; raise SystemExit(main())"]
    done = subprocess.run(
        [*command, "grade", str(QUESTIONS), str(COPIES), "--hints", "kind", "--out", "notes"],
        cwd=tmp_path, env=ENV, capture_output=True, timeout=200, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = done.stdout.replace("\u00a0", " ").replace("\u202f", " ")
    assert "3 copies, moyenne 13,67 sur 20" in printed
    data = json.loads((tmp_path / "notes" / "marks.json").read_text("utf-8"))
    assert data["out_of"] == 20
    found = {copy["copy"]: copy for copy in data["copies"]}
    assert {n: c["mark"] for n, c in found.items()} == {"amina": 20, "bruno": 5, "chloe": 16}
    assert {q["status"] for q in found["amina"]["questions"]} == {"right"}

    bruno = questions(found["bruno"])
    assert [p["verdict"] for p in bruno["Softmax"]["parts"]] == ["correct", "wrong"]
    kinds = {title: question["mistakes"] for title, question in bruno.items()}
    assert kinds["Softmax"] == ["diagonal_only"]
    assert kinds["Entropie croisée"] == ["scale"]
    assert kinds["Gradient des scores"] == ["sign"]
    assert kinds["Couche dense"] == ["not_summed"]
    assert bruno["Convolution"]["status"] == "untouched"

    chloe = questions(found["chloe"])
    assert chloe["Max-pooling"]["mistakes"] == ["max_ties"]
    assert chloe["Convolution"]["mistakes"] == ["overwritten"]
    assert chloe["Couche dense"]["points"] == 3
    assert "rien n'est renvoyé" in told(found["chloe"])
    assert "modifie ce qu'il reçoit (z)" in told(found["chloe"])

    text = (tmp_path / "notes" / "marks.csv").read_text("utf-8-sig")
    rows = list(csv.reader(text.splitlines(), delimiter=";"))
    assert [row[:3] for row in rows] == [
        ["copie", "note /20", "à relire"], ["amina", "20", ""], ["bruno", "5", ""],
        ["chloe", "16", ""],
    ]  # fmt: skip
    assert {len(row) for row in rows} == {3 + 7 + 1}
    assert rows[3][3] == "3,5"  # a decimal comma, which French spreadsheets read
    page = (tmp_path / "notes" / "feedback" / "bruno.html").read_text("utf-8")
    assert "diagonale seule" in page
    assert "jacobienne" not in page
    assert "diagonale seule" in (tmp_path / "notes" / "class.html").read_text("utf-8")


def test_the_text_for_students_is_untouched_everywhere_and_complete(tmp_path):
    (found,) = marks_of({"vierge": (HOMEWORK / "devoir.py").read_text("utf-8")}, tmp_path)
    assert found["mark"] == 0
    assert {q["status"] for q in found["questions"]} == {"untouched"}
    assert not found["remarks"]
    assert not found["flags"]


def test_the_check_that_students_run_themselves(tmp_path):
    (tmp_path / "relecture.py").write_text((HOMEWORK / "relecture.py").read_text("utf-8"), "utf-8")
    for name, wrong in {"amina": 0, "chloe": 2}.items():
        (tmp_path / "devoir.py").write_text((COPIES / f"{name}.py").read_text("utf-8"), "utf-8")
        done = subprocess.run(
            [sys.executable, "-B", "relecture.py"], cwd=tmp_path, env=ENV, capture_output=True,
            encoding="utf-8", timeout=60, check=True,
        )  # fmt: skip
        assert done.stdout.count("faux") == wrong
        assert "ex æquo" not in done.stdout  # where, not why


# --- parts that misbehave ------------------------------------------------------------------------

DENSE = "        self.dW = self.x.T @ d_z\n"
LOSS = "        return -(y * np.log(p)).sum() / len(y)\n"
KEPT = "        self.x = x\n"
RECIPE = """d_z = np.zeros_like(d_p)
        for n, p in enumerate(self.p):
            for c in np.flatnonzero(d_p[n])[:1]:
                d_z[n] = d_p[n, c] * p[c] * (np.eye(len(p))[c] - p)
        return d_z
"""
JACOBIAN = "return self.p * (d_p - (d_p * self.p).sum(axis=1, keepdims=True))"
# The part, what is changed in it, what it is worth then, and what is said of it.
SPOILT = {
    "name": ("EntropieCroisee", (LOSS, "        return -(y * np.log(q)).sum() / len(y)\n"), 0,
             "NameError : name 'q' is not defined"),
    "nothing": ("EntropieCroisee", (LOSS, "        pass\n"), 2, "forme"),
    "asks": ("EntropieCroisee", (LOSS, "        return input('perte ?')\n"), 0, "EOFError"),
    "exits": ("EntropieCroisee", (LOSS, "        raise SystemExit\n"), 0, "SystemExit"),
    "attribute": ("Dense", (DENSE, "        self.dW = self.x.t @ d_z\n"), 1, "AttributeError"),
    "recursion": ("Dense", (DENSE, "        return self.backward(d_z)\n"), 1, "RecursionError"),
    "learns": ("Dense", (DENSE, DENSE + "        self.W -= 0.1 * self.dW\n"), 2.5, "(W)"),
    "doubles": ("Dense", (DENSE, DENSE + "        d_z *= 2\n"), 1.5, "(le gradient amont)"),
    "later": ("Dense", (DENSE, DENSE + "        raise ValueError('plus tard')\n"), 2,
              "plus tard"),
    "prints": ("Dense", (KEPT, KEPT + "        print('x' * 10**6)\n"), 4, ""),
    "random": ("Dense", (" + self.b\n", " + self.b + np.random.default_rng().normal()\n"), 0,
               "aléatoire"),
    "silent": ("gradient_logits", ("return (", "return # ("), 0, "None"),
    "renamed": ("gradient_logits", ("gradient_logits", "gradient_des_logits"), 0,
                "gradient_logits n'est pas dans le fichier"),
    "exit": ("Dense", (KEPT, "        import os; os._exit(0)\n"), 0, "s'est arrêté"),
    "abort": ("Dense", (KEPT, "        import os; os.abort()\n"), 0, "s'est arrêté"),
    "recipe": ("Softmax", (JACOBIAN, RECIPE), 1 + 3 / 2, "une seule valeur non nulle"),
}  # fmt: skip


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    texts = {
        name: written(*dict.fromkeys(("Softmax", part)), change=change)
        for name, (part, change, _points, _words) in SPOILT.items()
    }
    return marks_of(texts, tmp_path_factory.mktemp("spoilt"), hints="full")


@pytest.mark.parametrize("name", SPOILT)
def test_a_part_that_misbehaves_loses_its_own_points_only(spoilt, name):
    part, _change, points, words = SPOILT[name]
    found = {q["name"]: q["points"] for q in spoilt[name]["questions"] if "scores" not in q["title"]
             or q["name"] != "Softmax"}  # fmt: skip
    assert found[part] == points
    assert part == "Softmax" or questions(spoilt[name])["Softmax"]["points"] == 4
    assert words in told(spoilt[name])


def test_time_is_limited_question_by_question(tmp_path):
    loop = (KEPT, "        while True:\n            print('encore')\n")
    text = written("Softmax", "Dense", "MaxPooling", change=loop)
    (found,) = marks_of({"boucle": text}, tmp_path, limit=3)
    answers = questions(found)
    assert answers["Couche dense"]["status"] == "timeout"
    assert answers["Softmax"]["points"] == 4
    assert answers["Max-pooling"]["status"] == "right"
    assert "temps" in told(found)


def test_a_copy_may_import_its_own_files_and_leaves_nothing(tmp_path):
    folder = tmp_path / "copies" / "a"
    folder.mkdir(parents=True)
    start = "from outils import np\nopen('trace.txt', 'w').write('x')\n"
    (folder / "devoir.py").write_text(written("Softmax", start=start), "utf-8")
    (folder / "outils.py").write_text("import numpy as np\n", "utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no bubblewrap")
        (found,) = grade(QUESTIONS, tmp_path / "copies")
    assert found["mark"] == 5
    assert "trace.txt" in told(found)
    assert not list(tmp_path.rglob("trace.txt"))
