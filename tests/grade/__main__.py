"""How far marks agree with a person's: ``python -m tests.grade [STEP]``."""

import sys
import tempfile
from pathlib import Path

from tinygrad_fr.grade import grade

from . import HOSTILE, MARKS, QUESTIONS, agrees, laid_out


def main() -> None:
    """Mark all copies, and say which marks differ."""
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        ordinary = laid_out("copies", sorted(MARKS)[::step], Path(folder) / "ordinary")
        marks = grade(QUESTIONS, ordinary, hints="full")
        exact = [c for c in marks if abs(c["mark"] - MARKS[c["copy"]]["mark"]) < 1e-6]
        for c in marks:
            if not agrees(c["copy"], c["mark"]):
                told = MARKS[c["copy"]]
                print(f"{c['copy']}: {c['mark']:g}, a person gives {told['mark']:g}: {told['why']}")
        agreed = sum(agrees(c["copy"], c["mark"]) for c in marks)
        seconds = sum(c["seconds"] for c in marks) / len(marks)
        print(f"{len(marks)} ordinary copies: {len(exact)} marks are the person's own, "
              f"{agreed} are let pass; {seconds:.1f} s a copy")  # fmt: skip
        hostile = laid_out("hostile", sorted(HOSTILE)[::step], Path(folder) / "hostile")
        marks = grade(QUESTIONS, hostile, limit=5)
        for c in marks:
            if c["mark"] > HOSTILE[c["copy"]]["earned"] + 1e-6:
                print(f"{c['copy']}: {c['mark']:g} in place of {HOSTILE[c['copy']]['earned']:g}: "
                      f"{'; '.join(c['flags'])}")  # fmt: skip
        more = [c for c in marks if c["mark"] > HOSTILE[c["copy"]]["earned"] + 1e-6]
        less = [c for c in marks if c["mark"] < HOSTILE[c["copy"]]["earned"] - 1e-6]
        unflagged = sum(not c["flags"] for c in more)
        print(f"{len(marks)} hostile copies: {len(more)} get more than was earned, {unflagged} of "
              f"them without a flag; {len(less)} get less")  # fmt: skip


if __name__ == "__main__":
    main()
