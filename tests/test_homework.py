"""The homework's grader: marks, feedback, and submissions that misbehave."""

from __future__ import annotations

import ast
import csv
import json
import os
import subprocess
import sys
import time

import pytest

from . import notebooks

HOMEWORK = notebooks.EXAMPLES / "homework"
COPIES = HOMEWORK / "copies"
PARTS = (
    "Softmax", "EntropieCroisee", "gradient_logits", "Dense", "MaxPooling", "Convolution",
)  # fmt: skip
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


def grade(folder, *options, status=0):
    """Grade a folder; what was printed, and the results by name of submission."""
    results = folder.parent / f"{folder.name}.json"
    results.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, str(HOMEWORK / "grade.py"), str(folder), "--json", str(results), *options],
        cwd=folder.parent, env=ENV, capture_output=True, timeout=100, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    if status:
        return done.stderr, {}
    data = json.loads(results.read_text("utf-8"))
    return done.stdout, {submission["name"]: submission for submission in data["submissions"]}


def written(*names, change=("", ""), start="import numpy as np\n"):
    """A right submission of these parts, with a change."""
    text = "\n\n".join([start, *(RIGHT[name] for name in names)])
    assert change[0] in text
    return text.replace(*change)


def questions(submission):
    """The answers of a submission by title."""
    return {question["title"]: question for question in submission["questions"]}


def told(submission):
    """All of its feedback as one text, with plain spaces."""
    lines = [submission["problem"], *submission["remarks"]]
    lines += [text for question in submission["questions"] for text in question["feedback"]]
    return "\n".join(lines).replace("\u00a0", " ")


def table(sheet):
    """The rows of a CSV file."""
    return list(csv.reader(sheet.read_text("utf-8-sig").splitlines(), delimiter=";"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


# --- marks ---------------------------------------------------------------------------------------


def test_the_sample_submissions_get_their_marks(tmp_path):
    sheet, letters = tmp_path / "notes.csv", tmp_path / "retours"
    results = tmp_path / "notes.json"
    done = subprocess.run(
        [sys.executable, str(HOMEWORK / "grade.py"), str(COPIES), "--hints", "kind",
         "--json", str(results), "--csv", str(sheet), "--feedback", str(letters)],
        cwd=tmp_path, env=ENV, capture_output=True, timeout=100, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(results.read_text("utf-8"))
    assert data["out_of"] == 20
    found = {submission["name"]: submission for submission in data["submissions"]}
    assert {name: s["mark"] for name, s in found.items()} == {
        "amina": 20, "bruno": 5, "chloe": 16,
    }  # fmt: skip
    assert {q["status"] for q in found["amina"]["questions"]} == {"right"}

    bruno = questions(found["bruno"])
    assert bruno["Softmax"]["verdicts"] == {"output": "correct", "input": "wrong"}
    kinds = {title: list(question["kinds"]) for title, question in bruno.items()}
    assert kinds["Softmax"] == ["diagonal_only"]
    assert kinds["Entropie croisée"] == ["scale"]
    assert kinds["Gradient des scores"] == ["sign"]
    assert kinds["Couche dense"] == ["not_summed"]
    assert bruno["Convolution"]["status"] == "untouched"

    chloe = questions(found["chloe"])
    assert list(chloe["Max-pooling"]["kinds"]) == ["max_ties"]
    assert list(chloe["Convolution"]["kinds"]) == ["overwritten"]
    assert chloe["Couche dense"]["points"] == 3
    assert "rien n'est renvoyé" in told(found["chloe"])
    assert "modifie ce qu'il reçoit (z)" in told(found["chloe"])

    text = done.stdout.replace("\u00a0", " ")
    assert "Moyenne : 13.67/20" in text
    assert "diagonale seule" in text

    rows = table(sheet)
    assert [row[:3] for row in rows] == [
        ["copie", "note /20", "à relire"], ["amina", "20", ""], ["bruno", "5", ""],
        ["chloe", "16", ""],
    ]  # fmt: skip
    assert {len(row) for row in rows} == {3 + 7 + 1}
    assert rows[3][3] == "3,5"  # a decimal comma, which French spreadsheets read
    assert rows[1][-1] == ""
    assert "ex æquo" in rows[3][-1]
    letter = (letters / "bruno.txt").read_text("utf-8").replace("\u00a0", " ")
    assert letter.startswith("bruno : 5/20\nSoftmax : 1/4\n")
    assert "diagonale seule" in letter
    assert "jacobienne" not in letter


def test_hints_give_away_what_the_teacher_wants(folder):
    change = ("(d_p - (d_p * self.p).sum(axis=1, keepdims=True))", "d_p * (1 - self.p)")
    (folder / "a.py").write_text(written("Softmax", change=change), "utf-8")
    texts = {}
    for hints in ("where", "kind", "full"):
        _printed, found = grade(folder, "--hints", hints)
        texts[hints] = told(found["a"])
        assert bool(questions(found["a"])["Softmax"]["kinds"]) == (hints != "where")
    assert "la plus grande erreur est en" in texts["where"]
    assert "diagonale" not in texts["where"]
    assert "diagonale seule" in texts["kind"]
    assert "jacobienne" not in texts["kind"]
    assert "-p_i p_j" in texts["full"]


def test_the_template_is_untouched_everywhere_and_complete(folder):
    (folder / "vierge.py").write_text((HOMEWORK / "devoir.py").read_text("utf-8"), "utf-8")
    _printed, found = grade(folder)
    assert found["vierge"]["mark"] == 0
    assert {q["status"] for q in found["vierge"]["questions"]} == {"untouched"}
    assert {q["name"] for q in found["vierge"]["questions"]} == set(PARTS)
    assert not found["vierge"]["remarks"]


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


# --- submissions that misbehave ------------------------------------------------------------------

DENSE = "        self.dW = self.x.T @ d_z\n"
LOSS = "        return -(y * np.log(p)).sum() / len(y)\n"


@pytest.mark.parametrize(
    ("part", "change", "points", "words"),
    [
        ("EntropieCroisee", (LOSS, "        return -(y * np.log(q)).sum() / len(y)\n"), 0,
         "NameError : name 'q' is not defined (ligne"),
        ("EntropieCroisee", (LOSS, "        pass\n"), 0, "None"),
        ("EntropieCroisee", (LOSS, "        return input('perte ?')\n"), 0, "EOFError"),
        ("EntropieCroisee", (LOSS, "        raise SystemExit\n"), 0, "SystemExit"),
        ("Dense", (DENSE, "        self.dW = self.x.t @ d_z\n"), 1, "AttributeError"),
        ("Dense", (DENSE, "        return self.backward(d_z)\n"), 1, "RecursionError"),
        ("Dense", (DENSE, DENSE + "        self.W -= 0.1 * self.dW\n"), 2.5, "(W)"),
        ("Dense", (DENSE, DENSE + "        d_z *= 2\n"), 1.5, "(le gradient amont)"),
        ("Dense", (DENSE, DENSE + "        raise NotImplementedError('plus tard')\n"), 1,
         "plus tard"),
        ("Dense", ("        self.x = x\n", "        self.x = x\n        print('x' * 10**6)\n"), 4,
         "juste"),
        ("Dense", (" + self.b\n", " + self.b + np.random.default_rng().normal()\n"), 0,
         "aléatoire"),
        ("gradient_logits", ("return (", "return # ("), 0, "None"),
        ("gradient_logits", ("gradient_logits", "gradient_des_logits"), 0,
         "gradient_logits n'est pas dans le fichier"),
    ],
)  # fmt: skip
def test_a_part_that_misbehaves_loses_its_own_points_only(folder, part, change, points, words):
    parts = ("Softmax", part)
    (folder / "a.py").write_text(written(*parts, change=change), "utf-8")
    _printed, found = grade(folder, "--hints", "full")
    marks = {question["name"]: question["points"] for question in found["a"]["questions"]}
    assert marks[part] == points
    assert questions(found["a"])["Softmax"]["points"] == 4
    assert words in told(found["a"])


def test_the_course_s_recipe_for_one_hot_upstreams_gets_half(folder):
    recipe = """for n, p in enumerate(self.p):
            for c in np.flatnonzero(d_p[n])[:1]:
                d_z[n] = d_p[n, c] * p[c] * (np.eye(len(p))[c] - p)
        return d_z
"""
    change = ("return self.p * (d_p - (d_p * self.p).sum(axis=1, keepdims=True))",
              "d_z = np.zeros_like(d_p)\n        " + recipe)  # fmt: skip
    (folder / "a.py").write_text(written("Softmax", change=change), "utf-8")
    _printed, found = grade(folder)
    assert questions(found["a"])["Softmax"]["points"] == 1 + 3 / 2
    assert "une seule valeur non nulle" in told(found["a"])


def test_time_is_limited_question_by_question(folder):
    loop = ("        self.x = x\n", "        while True:\n            print('encore')\n")
    (folder / "boucle.py").write_text(written("Softmax", "Dense", change=loop), "utf-8")
    (folder / "debut.py").write_text("while True: pass\n", "utf-8")
    started = time.perf_counter()
    printed, found = grade(folder, "--limit", "3", "--jobs", "2")
    assert time.perf_counter() - started < 60
    answers = questions(found["boucle"])
    assert answers["Couche dense"]["status"] == "timeout"
    assert answers["Softmax"]["points"] == 4
    assert answers["Convolution"]["status"] == "missing"  # judged after the time-out
    assert "plus de 3 s" in told(found["boucle"])
    assert found["debut"]["status"] == "unreadable"
    assert "temps dépassé" in printed


def test_a_process_that_ends_is_taken_up_again_at_the_next_question(folder):
    for name, end in {"exit": "import os; os._exit(0)", "abort": "import os; os.abort()"}.items():
        text = written("Softmax", "Dense", change=("        self.x = x\n", f"        {end}\n"))
        (folder / f"{name}.py").write_text(text, "utf-8")
    _printed, found = grade(folder)
    for submission in found.values():
        assert questions(submission)["Couche dense"]["status"] == "stopped"
        assert questions(submission)["Max-pooling"]["status"] == "missing"
        assert submission["mark"] == 5


def test_files_that_cannot_be_read_are_told_apart(folder):
    (folder / "syntaxe.py").write_text("import numpy as np\nclass Softmax\n", "utf-8")
    (folder / "sortie.py").write_text("import sys\nsys.exit(0)\n", "utf-8")
    (folder / "latin.py").write_bytes("x = 'é'\n".encode("latin-1"))
    (folder / "vide.py").write_text("", "utf-8")
    (folder / "triche.py").write_text("from tinygrad_fr import softmax\n", "utf-8")
    (folder / "carnet.ipynb").write_text("{}", "utf-8")
    (folder / "plusieurs").mkdir()
    for name in "ab":
        (folder / "plusieurs" / f"{name}.py").write_text("", "utf-8")
    printed, found = grade(folder)
    assert list(found) == [
        "carnet", "latin", "plusieurs", "sortie", "syntaxe", "triche", "vide",
    ]  # fmt: skip
    assert "SyntaxError, ligne 2" in told(found["syntaxe"])
    assert "SyntaxError" in told(found["latin"])
    assert "SystemExit" in told(found["sortie"])
    assert "un seul fichier .py" in told(found["plusieurs"])
    assert "un carnet s'exporte" in told(found["carnet"])
    assert {q["status"] for q in found["vide"]["questions"]} == {"missing"}
    assert found["triche"]["remarks"] == ["importe tinygrad_fr"]
    unreadable = {"carnet", "latin", "plusieurs", "sortie", "syntaxe"}
    assert {name for name, s in found.items() if s["status"] == "unreadable"} == unreadable
    assert {name for name, s in found.items() if s["review"]} == unreadable
    assert printed.replace("\u00a0", " ").count("À relire :") == 5


@pytest.mark.skipif(sys.getfilesystemencoding() == "ascii", reason="files have no accents here")
def test_submissions_in_folders_as_platforms_pack_them(folder):
    for name, file in {"Éloïse D_12_file": "devoir.py", "=1+1": "mon devoir (2).py"}.items():
        (folder / name).mkdir()
        (folder / name / file).write_text(written("Softmax"), "utf-8")
    (folder / "Éloïse D_12_file" / "relecture.py").write_text("import outils", "utf-8")
    (folder / ".cache").mkdir()
    sheet = folder.parent / "notes.csv"
    _printed, found = grade(folder, "--csv", str(sheet))
    assert {name: s["mark"] for name, s in found.items()} == {"=1+1": 5, "Éloïse D_12_file": 5}
    rows = table(sheet)
    assert rows[1][0] == "'=1+1"  # no formula for the spreadsheet


def test_a_submission_may_import_its_own_files_and_leaves_nothing(folder):
    (folder / "a").mkdir()
    (folder / "a" / "devoir.py").write_text(
        written("Softmax", start="from outils import np\nopen('trace.txt', 'w').write('x')\n")
        , "utf-8")  # fmt: skip
    (folder / "a" / "outils.py").write_text("import numpy as np\n", "utf-8")
    _printed, found = grade(folder)
    assert found["a"]["mark"] == 5
    assert not list(folder.parent.rglob("trace.txt"))


def test_a_folder_without_submissions_is_an_error(folder):
    message, _found = grade(folder, status=2)
    assert "Aucune copie" in message
    message, _found = grade(folder / "nulle part", status=2)
