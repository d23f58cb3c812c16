"""What is written: marks for programs, for spreadsheets, for Moodle, and pages to read."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import messages
from ..messages import _, spelled
from .marks import Marks, called, number
from .pages import class_page, feedback_page
from .questions import Homework


def written(
    marks: Marks, homework: Homework, folder: Path, *, only_marks: bool = False,
    comma: bool | None = None, anonymous: bool = False,
) -> None:  # fmt: skip
    """Write the results to a folder; each file is whole at any time.

    Marks have a decimal comma where it is asked for; if it is not said, the table for spreadsheets
    has one in French, and Moodle's worksheet has a point, which it reads in any language.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(marks.to_dict(), indent=1, ensure_ascii=False)
    _write(folder / "marks.json", data + "\n")
    if only_marks:
        return
    french = messages.language == "fr" if comma is None else comma
    _write(folder / "marks.csv", table(marks, homework, french), "utf-8-sig")
    _write(folder / "moodle.csv", moodle(marks, comma is True), "utf-8-sig")
    _write(folder / "class.html", class_page(marks, anonymous))


def write_feedback(
    copy: dict[str, Any], name: str, pictures: Mapping[int, Sequence[str]], folder: Path
) -> None:  # fmt: skip
    """Write the page for a student."""
    (folder / "feedback").mkdir(parents=True, exist_ok=True)
    path = folder / "feedback" / f"{name}.html"
    before = path.read_text("utf-8", "replace") if path.is_file() else ""
    _write(path, feedback_page(copy, pictures, before))


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


def table(marks: Marks, homework: Homework, comma: bool) -> str:
    """The marks for a spreadsheet; with semicolons where there are decimal commas."""
    titles = [f"{q.title} /{number(q.out_of, comma)}" for q in homework.questions]
    mark = _("mark")
    header = [_("copy"), f"{mark} /{number(marks.out_of, comma)}", _("to be read"), *titles,
              _("feedback")]  # fmt: skip
    rows = [
        [c["copy"], number(c["mark"], comma), "; ".join(c["flags"]),
         *(number(q["points"], comma) for q in c["questions"]), told(c, comma)]
        for c in marks.copies
    ]  # fmt: skip
    return _csv([header, *rows], ";" if comma else ",")


def moodle(marks: Marks, comma: bool) -> str:
    """The marks as Moodle's grading worksheet takes them."""
    header = [_("Identifier"), _("Full name"), _("Grade"), _("Feedback comments")]
    rows = [
        [_("Participant {n}", n=c["number"]) if c["number"] else "", c["copy"],
         number(c["mark"], comma), told(c, comma)]
        for c in marks.copies
    ]  # fmt: skip
    return _csv([header, *rows], ",")


def told(copy: dict[str, Any], comma: bool) -> str:
    """The feedback on a copy in one line."""
    lost = [
        f"{q['title']} {number(q['points'], comma)}/{number(q['out_of'], comma)}: "
        + "; ".join([*_reasons(q), *q["remarks"]])
        for q in copy["questions"] if q["points"] < q["out_of"] and not copy["problem"]
    ]  # fmt: skip
    return " | ".join(filter(None, [copy["problem"], *copy["remarks"], *lost]))


def _reasons(question: dict[str, Any]) -> list[str]:
    """The reasons for lost points, each with the parts that it is for."""
    parts: dict[str, list[str]] = {}
    for p in question["parts"]:
        if p["reason"] and p["points"] < p["out_of"]:
            parts.setdefault(p["reason"], []).append(called(p["what"]))
    return [f"{', '.join(names)}: {reason}" for reason, names in parts.items()]


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
