"""The command ``grade``: marks for what students hand in, or a new homework to start from."""

from argparse import Namespace
from collections import Counter
from pathlib import Path

from ..errors import ArgumentError, FileError
from ..grade import grade
from ..grade.marks import number
from ..grade.template import new_homework
from ..messages import _, ngettext
from .console import complain, say

# Letters of the longest name in the table.
_WIDE = 32


def run(options: Namespace) -> int:
    """Mark a folder or an archive of copies; or write a template with ``--new``."""
    if options.new:
        for path in new_homework(Path(options.new)):
            say(_("written: {path}", path=path))
        return 0
    if not options.questions or not options.submissions:
        raise ArgumentError("give a file of questions and a folder or ZIP of copies, or --new")
    if (options.again or options.question) and not Path(options.out).is_dir():
        raise FileError("{path}: there are no marks to go on from", path=options.out)
    try:
        return _marked(options)
    except KeyboardInterrupt:
        complain(_("interrupted: the same command goes on from here"))
        return 130


def _marked(options: Namespace) -> int:
    marks = grade(
        options.questions, options.submissions, jobs=options.jobs, sandbox=options.sandbox,
        out=options.out, resume=not options.restart, hints=options.hints, limit=options.limit,
        seed=options.seed, only=options.again or (), questions_again=options.question or (),
        repair=options.repair, anonymous=options.anonymous,
        comma=None if options.decimals is None else options.decimals == "comma",
    )  # fmt: skip
    names = Counter(c["copy"] for c in marks)
    rows = [
        (f"{c['copy']} ({c['number']})" if names[c["copy"]] > 1 and c["number"] else c["copy"],
         number(c["mark"]), "; ".join(c["flags"]))
        for c in marks
    ]  # fmt: skip
    width = min(_WIDE, max(len(name) for name, _mark, _flags in rows))
    for name, mark, flags in rows:
        name = name if len(name) <= width else f"{name[: width - 1]}\u2026"
        say(f"{name.ljust(width)}  {mark:>5}  {flags}".rstrip())
    n = len(marks)
    mean = _("mean {mean} out of {total}", mean=number(round(marks.mean, 2)),
             total=number(marks.out_of))  # fmt: skip
    say(f"{ngettext('{n} copy', '{n} copies', n, n=n)}, {mean}")
    say(_("written: {path}", path=Path(options.out) / "class.html"))
    return 0
