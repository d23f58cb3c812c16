"""What is handed in, in all the ways in which it is."""

from __future__ import annotations

import json
import zipfile

import pytest

from tinygrad_fr.errors import FileError
from tinygrad_fr.grade.submissions import submissions_of

ASKED = {"Dense"}
TEXT = "class Dense:\n    pass\n"


def notebook(*cells):
    made = [
        {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": text.splitlines(True)}
        for text, *tags in cells
    ]
    return json.dumps({"cells": [*made, {"cell_type": "markdown", "source": ["# x"]}]})


def test_files_folders_and_archives_are_copies(tmp_path):
    (tmp_path / "lea.py").write_text(TEXT, "utf-8")
    (tmp_path / "max").mkdir()
    (tmp_path / "max" / "devoir.py").write_text(TEXT, "utf-8")
    (tmp_path / "max" / "outils.py").write_text("x = 1\n", "utf-8")
    with zipfile.ZipFile(tmp_path / "zoe.zip", "w") as archive:
        archive.writestr("rendu/devoir.py", TEXT)
    (tmp_path / ".hidden.py").write_text(TEXT, "utf-8")
    found = {s.name: s for s in submissions_of(tmp_path, ASKED)}
    assert set(found) == {"lea", "max", "zoe"}
    assert (found["max"].main, set(found["max"].files)) == ("devoir.py", {"devoir.py", "outils.py"})
    assert not any(s.problem for s in found.values())


def test_the_names_of_moodle_are_taken_apart(tmp_path):
    folder = "Léa Martin_12345_assignsubmission_file_"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"{folder}/devoir.py", TEXT)
        archive.writestr("Max Petit_12346_assignsubmission_file_/rendu.zip", b"no archive")
    lea, other = submissions_of(tmp_path / "all.zip", ASKED)
    assert (lea.name, lea.number, lea.problem) == ("Léa Martin", "12345", "")
    assert (other.name, other.number) == ("Max Petit", "12346")
    assert "damaged" in other.problem


def test_notebooks_give_their_code(tmp_path):
    cells = ("%matplotlib inline\n!pip install x\n" + TEXT,), ("1 / 0\n",)
    (tmp_path / "a.ipynb").write_text(notebook(*cells), "utf-8")
    tagged = (TEXT, "grade"), ("raise SystemExit\n",)
    (tmp_path / "b.ipynb").write_text(notebook(*tagged), "utf-8")
    (tmp_path / "c.ipynb").write_text("[]", "utf-8")
    a, b, c = submissions_of(tmp_path, ASKED)
    assert "pip" not in a.files["a.py"]
    assert "1 / 0" in a.files["a.py"]
    assert "SystemExit" not in b.files["b.py"]
    assert "no notebook" in c.problem


def test_encodings_are_read_and_two_answers_are_told(tmp_path):
    (tmp_path / "a.py").write_bytes("# -*- coding: latin-1 -*-\n# é\n".encode("latin-1"))
    (tmp_path / "b.py").write_bytes("# é\n".encode("latin-1"))
    (tmp_path / "c").mkdir()
    for name in ("un.py", "deux.py"):
        (tmp_path / "c" / name).write_text(TEXT, "utf-8")
    a, b, c = submissions_of(tmp_path, ASKED)
    assert "é" in a.files["a.py"]
    assert "é" in b.files["b.py"]
    assert "several" in c.problem


def test_whoever_hands_in_something_has_a_mark(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "pdf").mkdir()
    (tmp_path / "pdf" / "rapport.pdf").write_bytes(b"%PDF")
    (tmp_path / "luc.pdf").write_bytes(b"%PDF")
    (tmp_path / "readme.txt").write_text("not a copy", "utf-8")
    (tmp_path / "lea.py").write_text(TEXT, "utf-8")
    (tmp_path / "lea.ipynb").write_text(notebook((TEXT,)), "utf-8")
    (tmp_path / "link.py").symlink_to(tmp_path / "lea.py")
    found = {s.name: s.problem for s in submissions_of(tmp_path, ASKED)}
    assert set(found) == {"empty", "pdf", "luc", "lea.py", "lea.ipynb", "link"}
    assert not found["lea.py"]
    assert not found["lea.ipynb"]
    assert all("no Python file" in found[name] for name in ("empty", "pdf", "luc"))
    assert "a link" in found["link"]


class Unflagged(zipfile.ZipInfo):
    """A name in UTF-8 that does not say so, as many tools write it."""

    def _encodeFilenameFlags(self):
        return self.filename.encode("utf-8"), self.flag_bits


def test_a_class_has_the_same_names_in_a_folder_and_in_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for name in ("lea.py", "Hélène Müller_12_assignsubmission_file_/devoir.py"):
            archive.writestr(Unflagged(name), TEXT)
    assert [s.name for s in submissions_of(tmp_path / "class.zip", ASKED)] == [
        "Hélène Müller", "lea",
    ]  # fmt: skip


def test_names_and_sizes_are_bounded(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(f"{'x' * 300}.py", TEXT)
        archive.writestr("b/../../c.py", "1")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(8):
            archive.writestr(f"{k}.py", b" " * (7 << 20))
    (tmp_path / "c.ipynb").write_text(notebook(("\n" * 60_000 + TEXT,)), "utf-8")
    a, b, c = submissions_of(tmp_path, ASKED)
    assert all(len(name) < 100 and "/" not in name for name in a.files)
    assert "too large" in b.problem
    assert c.main


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(FileError, match="no copy"):
        submissions_of(tmp_path, ASKED)
