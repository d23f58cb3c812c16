"""All copies: one after the other or several at a time, each result written when it is there."""

import json
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import checks, messages
from ..errors import ArgumentError, FileError
from ..messages import _
from ..report import HINTS
from ..verify.repairs.asking import seconds_of
from ..verify.truth import differences
from ..worker import sandbox as walls
from ..worker.byvalue import carried, revived
from .copies import Settings, fingerprint, marked
from .marks import Marks, key_of
from .questions import Homework, homework_of
from .results import file_names, write_feedback, written
from .similar import similar
from .submissions import Submission, submissions_of


def grade(
    questions: Any, submissions: str | Path, *, jobs: int | None = None,
    executor: Executor | None = None, sandbox: str = "auto", out: str | Path | None = None,
    resume: bool = True, hints: str = "where", limit: float = 10.0, seed: int = 0,
    only: Sequence[str] = (), questions_again: Sequence[str] = (), repair: bool | float = False,
    comma: bool | None = None, anonymous: bool = False, progress: bool | None = None,
) -> Marks:  # fmt: skip
    """Mark what students hand in.

    Each copy runs in a process of its own that answers calls, and holds neither questions nor
    answers. Its inputs are drawn for it; its gradients are judged by the derivatives of its own
    forward, and by those of the reference where that forward is right.

    Parameters
    ----------
    questions : str, Path or list of Question
        A Python file with ``QUESTIONS``, or these.
    submissions : str or Path
        A folder or a ZIP of files, notebooks, folders, archives, named as by Moodle or not.
    jobs : int, optional
        Copies at a time; as many as there are cores if not given.
    executor : concurrent.futures.Executor, optional
        What runs them instead: ``mpi4py.futures.MPIPoolExecutor``, Dask's ``Client.get_executor``.
    sandbox : str
        ``"auto"``: bubblewrap where it is there, limits and a warning where it is not;
        ``"require"``, ``"off"``.
    out : str or Path, optional
        A folder for ``marks.json``, ``marks.csv``, ``moodle.csv``, ``feedback/`` and
        ``class.html``.
    resume : bool
        Whether results that are in ``out`` already, of the same copies and questions, are kept.
    hints : str
        What the feedback gives away: ``"where"``, ``"kind"`` or ``"full"``.
    limit : float
        Seconds for a question.
    seed : int
        Of what is drawn. The same copy and seed give the same mark.
    only : list of str
        Names (or Moodle's numbers) of copies that are marked again, all others kept.
    questions_again : list of str
        Titles (or names) of questions that are marked again in all copies, or in ``only`` these.
    repair : bool or float
        Whether the feedback shows corrections of the copy's own lines, as far as ``hints`` allows,
        and for how many seconds they are looked for in each wrong question; with bubblewrap only.
    comma : bool, optional
        Whether the tables have decimal commas; as spreadsheets and Moodle take them if not given.
    anonymous : bool
        Whether ``class.html`` is without names.
    progress : bool, optional
        Whether to show a bar; where a terminal is there if not given.

    Returns
    -------
    Marks

    Raises
    ------
    FileError, ArgumentError
        For questions or submissions that cannot be read, never for what a copy does.
    """
    checks.one_of(hints, "hints", HINTS)
    settings = Settings(
        hints, float(checks.positive(limit, "limit")), sandbox, checks.whole(seed, "seed", 0),
        seconds_of(repair),
    )  # fmt: skip
    homework = homework_of(questions)
    if not walls.shuts_in(sandbox) and sandbox == "auto":
        text = _("no bubblewrap here: copies run under limits only, with your rights on your files")
        warnings.warn(text, stacklevel=2)
    copies = submissions_of(submissions, {q.name for q in homework.questions})
    unknown = set(only) - {x for c in copies for x in (c.name, c.number)}
    if unknown:
        text = _("there is no copy {names}; there are {known}")
        known = ", ".join(c.name for c in copies[:20])
        raise ArgumentError(text, names=", ".join(sorted(unknown)), known=known)
    again = _again(homework, questions_again)
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise FileError("{path} is no folder", path=folder)
    key = key_of(homework, hints, seed, settings.repair)
    done = _kept(folder, homework, settings, "" if again else key) if folder and resume else {}
    before = {k: done[which] for k, c in enumerate(copies)
              if (which := (c.name, c.number, fingerprint(c))) in done}  # fmt: skip
    found = {
        k: result for k, result in before.items()
        if (not {copies[k].name, copies[k].number} & {*only} if only else not again)
    }  # fmt: skip
    names = file_names([c.name for c in copies])
    todo = [k for k in range(len(copies)) if k not in found]

    def so_far(alike: list[dict[str, Any]]) -> Marks:
        return Marks([found[k] for k in sorted(found)], alike, homework.out_of, hints, key)

    walls.travelling()  # once, and not in each process
    with ExitStack() as stack:
        _end_on_termination(stack)
        bar = stack.enter_context(_bar(len(copies), len(found), progress))
        marking = [(copies[k], _readable(before.get(k)) if again else None) for k in todo]
        running = _running(stack, marking, (carried(homework), settings, again), jobs, executor)
        for position, result in running:
            found[todo[position]] = result
            if hasattr(bar, "update"):
                bar.update()
            pictures = result.pop("pictures")
            if folder is not None:
                write_feedback(result, names[todo[position]], pictures, folder)
                written(so_far([]), homework, folder, only_marks=True)
    marks = so_far(similar(copies))
    if folder is not None:
        written(marks, homework, folder, comma=comma, anonymous=anonymous)
    return marks


def _again(homework: Homework, asked: Sequence[str]) -> set[int]:
    """The numbers of questions by title or name; with those of the same name: a mistake counts once
    in all of them.
    """
    known = {x for q in homework.questions for x in (q.title, q.name)}
    if unknown := set(asked) - known:
        text = _("there is no question {names}; there are {known}")
        titles = ", ".join(q.title for q in homework.questions)
        raise ArgumentError(text, names=", ".join(sorted(unknown)), known=titles)
    names = {q.name for q in homework.questions if {q.title, q.name} & {*asked}}
    return {k for k, q in enumerate(homework.questions) if q.name in names}


def _readable(result: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if result is None or result["problem"] else result


def _kept(
    folder: Path, homework: Homework, settings: Settings, key: str
) -> dict[tuple[str, str, str], dict[str, Any]]:  # fmt: skip
    """The results of an earlier run of that key; without one, of questions of the same titles."""
    try:
        data = json.loads((folder / "marks.json").read_text("utf-8"))
        same = data["key"] == key
        if not key:
            titles = [q.title for q in homework.questions]
            same = data["hints"] == settings.hints and all(
                [q["title"] for q in c["questions"]] == titles and c["seed"] == settings.seed
                for c in data["copies"]
            )
        return {(c["copy"], c["number"], c["fingerprint"]): c for c in data["copies"] * same}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


# --- several at a time ---------------------------------------------------------------------------


def _running(
    stack: ExitStack, copies: Sequence[tuple[Submission, Any]], how: tuple[bytes, Settings, Any],
    jobs: int | None, executor: Executor | None,
) -> Iterator[tuple[int, dict[str, Any]]]:  # fmt: skip
    """The results as they fall, each with its position."""
    if not copies:
        return
    jobs = min(len(copies), checks.whole(jobs or os.cpu_count() or 1, "jobs", 1))
    if executor is not None:
        yield from _results(executor, copies, range(len(copies)), how)
        return
    left = set(range(len(copies)))
    # Where a copy has ended the process that judges it, each gets one of its own.
    for several in (True, False):
        for some in [sorted(left)] if several else [[k] for k in sorted(left)]:
            with suppress(BrokenProcessPool):
                for k, result in _results(_pool(stack, min(jobs, len(some))), copies, some, how):
                    left.discard(k)
                    yield k, result
    for k in sorted(left):
        problem = _("it has ended the process that judges it")
        yield k, _one(replace(copies[k][0], problem=problem), None, how, messages.language)


def _pool(stack: ExitStack, jobs: int) -> Executor:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    others = {*multiprocessing.active_children()}
    executor = ProcessPoolExecutor(jobs, context, _deaf)
    stack.callback(_end, executor, others)
    return executor


def _results(
    executor: Executor, copies: Sequence[tuple[Submission, Any]], which: Iterable[int],
    how: tuple[bytes, Settings, Any],
) -> Iterator[tuple[int, dict[str, Any]]]:  # fmt: skip
    waiting: dict[Future[Any], int] = {
        executor.submit(_one, *copies[k], how, messages.language): k for k in which
    }
    for future in as_completed(waiting):
        yield waiting[future], future.result()


def _end(executor: Executor, others: set[Any]) -> None:
    """End all processes of ours, and with them those of copies, whatever they are doing."""
    executor.shutdown(wait=False, cancel_futures=True)
    ours = [p for p in multiprocessing.active_children() if p not in others]
    for process in ours:
        process.terminate()
    for process in ours:
        process.join(2)
        process.kill()


def _end_on_termination(stack: ExitStack) -> None:
    """Where this process is asked to end, what it has started ends first, as on Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _stop))


def _stop(*_signal: object) -> None:
    raise SystemExit


def _deaf() -> None:
    """Ctrl-C is for the process that started this one, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    differences.shows = False


def _one(
    copy: Submission, earlier: Any, how: tuple[bytes, Settings, Any], language: str
) -> dict[str, Any]:  # fmt: skip
    messages.language = language
    homework, settings, again = how
    return marked(copy, revived(homework), settings, earlier, again)


def _bar(total: int, done: int, progress: bool | None) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:  # only a convenience
        return ExitStack()
    return tqdm(total=total, initial=done, desc=_("copies"), leave=False,
                disable=None if progress is None else not progress)  # fmt: skip
