"""How far marks agree with a person's: ``python -m tests.grade [STEP]``."""

import sys
import tempfile
from pathlib import Path

from tinygrad_fr.grade import grade

from . import CLASSES, HOSTILE, QUESTIONS, agrees, laid_out


def main() -> None:
    """Mark all copies, and say which marks differ."""
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        for kind, told in CLASSES.items():
            marks = grade(QUESTIONS, laid_out(kind, sorted(told)[::step], Path(folder) / kind),
                          hints="full")  # fmt: skip
            exact = [c for c in marks if abs(c["mark"] - told[c["copy"]]["mark"]) < 1e-6]
            for c in marks:
                if not agrees(kind, c["copy"], c["mark"]):
                    person = told[c["copy"]]
                    print(f"{c['copy']}: {c['mark']:g}, a person gives {person['mark']:g}: "
                          f"{person['why']}")  # fmt: skip
            agreed = sum(agrees(kind, c["copy"], c["mark"]) for c in marks)
            seconds = sum(c["seconds"] for c in marks) / len(marks)
            print(f"{len(marks)} ordinary {kind}: {len(exact)} marks are the person's own, "
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
