"""What is written: marks for programs, for spreadsheets, for Moodle, and pages to read."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..messages import _, language, spelled
from .marks import Marks, key_of
from .pages import class_page, feedback_page
from .questions import Homework


def written(marks: Marks, homework: Homework, folder: Path, only_marks: bool = False) -> None:
    """Write the results to a folder; each file is whole at any time."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = marks.copies[0]["seed"] if marks.copies else 0
    data = {**marks.to_dict(), "key": key_of(homework, marks.hints, seed)}
    _write(folder / "marks.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    if only_marks:
        return
    _write(folder / "marks.csv", table(marks, homework), "utf-8-sig")
    _write(folder / "moodle.csv", moodle(marks), "utf-8-sig")
    _write(folder / "class.html", class_page(marks))


def write_feedback(copy: dict[str, Any], name: str, pictures: Sequence[str], folder: Path) -> None:
    """Write the page for a student."""
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    _write(folder / "feedback" / f"{name}.html", feedback_page(copy, pictures))


def _write(path: Path, text: str, encoding: str = "utf-8") -> None:
    partly = path.with_name(path.name + ".part")
    partly.write_text(text, encoding, "replace", newline="")
    partly.replace(path)


def file_names(copies: Sequence[str]) -> list[str]:
    """A file name for each copy that every system takes, no two the same."""
    names: list[str] = []
    for copy in copies:
        plain = "".join(c if c.isalnum() or c in "-_. " else "_" for c in copy)
        plain = plain.strip(". ")[:80] or "copy"
        name, k = plain, 2
        while name.casefold() in {n.casefold() for n in names}:
            name, k = f"{plain}_{k}", k + 1
        names.append(name)
    return names


def table(marks: Marks, homework: Homework) -> str:
    """The marks for a spreadsheet; in French with semicolons and decimal commas."""
    titles = [f"{q.title} /{_number(q.out_of)}" for q in homework.questions]
    mark = _("mark")
    header = [_("copy"), f"{mark} /{_number(marks.out_of)}", _("to be read"), *titles,
              _("feedback")]  # fmt: skip
    rows = [
        [c["copy"], _number(c["mark"]), "; ".join(c["flags"]),
         *(_number(q["points"]) for q in c["questions"]), told(c)]
        for c in marks.copies
    ]  # fmt: skip
    return _csv([header, *rows], ";" if language == "fr" else ",")


def moodle(marks: Marks) -> str:
    """The marks as Moodle's grading worksheet takes them."""
    header = [_("Identifier"), _("Full name"), _("Grade"), _("Feedback comments")]
    rows = [
        [_("Participant {n}", n=c["number"]) if c["number"] else "", c["copy"], _number(c["mark"]),
         told(c)]
        for c in marks.copies
    ]  # fmt: skip
    return _csv([header, *rows], ",")


def told(copy: dict[str, Any]) -> str:
    """The feedback on a copy in one line."""
    lost = [
        f"{q['title']} {_number(q['points'])}/{_number(q['out_of'])}: "
        + "; ".join([p["reason"] for p in q["parts"] if p["reason"]] + q["remarks"])
        for q in copy["questions"] if q["points"] < q["out_of"]
    ]  # fmt: skip
    return " | ".join(filter(None, [copy["problem"], *lost]))


def _number(x: float) -> str:
    text = f"{x:g}"
    return text.replace(".", ",") if language == "fr" else text


def _csv(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([_cell(x) for x in row] for row in rows)
    return stream.getvalue()


def _cell(text: str) -> str:
    """A cell in which no spreadsheet finds a formula."""
    text = spelled(text.replace("\r", " ").replace("\n", " ").replace("\t", " "))
    risky = text.lstrip()[:1] in ("=", "+", "-", "@", "|", "%") and not _is_number(text)
    return f"'{text}" if risky else text


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
