"""Copies that others wrote: forty ordinary ones with a person's marks, fifty-five hostile ones.

Whoever wrote them knew the homework and how it is marked, and nothing of the code. They end in
``.txt``: nothing here imports them.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS = HERE.parents[1] / "examples" / "homework" / "questions.py"
# A person's marks, with what that person would let pass; what is earned by what was written.
MARKS = json.loads((HERE / "copies" / "marks.json").read_text("utf-8"))
HOSTILE = json.loads((HERE / "hostile" / "expected.json").read_text("utf-8"))


def laid_out(kind: str, names: list[str], folder: Path) -> Path:
    """A folder with some of the copies, as they were handed in."""
    folder.mkdir(parents=True)
    for name in names:
        content = (HERE / kind / f"{name}.py.txt").read_bytes()
        (folder / f"{name}.py").write_bytes(content)
    return folder


def agrees(name: str, mark: float) -> bool:
    """Whether a mark is one that the person would give, or let pass."""
    low, high = MARKS[name].get("mark_range") or [MARKS[name]["mark"]] * 2
    return low - 1e-6 <= mark <= high + 1e-6
