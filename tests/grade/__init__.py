"""Copies that others wrote: ordinary ones of two classes with a person's marks, and hostile ones.

Whoever wrote them knew the homework and how it is marked, and nothing of the code. They end in
``.txt``: nothing here imports them.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
QUESTIONS = HERE.parents[1] / "examples" / "homework" / "questions.py"
# A person's marks, with what that person would let pass: of the class for which the rules were
# made, and of one that came later; what is earned by what hostile copies have written.
CLASSES = {
    name: json.loads((HERE / name / "marks.json").read_text("utf-8"))
    for name in ("copies", "others")
}
HOSTILE = json.loads((HERE / "hostile" / "expected.json").read_text("utf-8"))


def laid_out(kind: str, names: list[str], folder: Path) -> Path:
    """A folder with some of the copies, as they were handed in."""
    folder.mkdir(parents=True)
    for name in names:
        content = (HERE / kind / f"{name}.py.txt").read_bytes()
        (folder / f"{name}.py").write_bytes(content)
    return folder


def agrees(kind: str, name: str, mark: float) -> bool:
    """Whether a mark is one that the person would give, or let pass."""
    told = CLASSES[kind][name]
    low, high = told.get("mark_range") or [told["mark"]] * 2
    return bool(low - 1e-6 <= mark <= high + 1e-6)
