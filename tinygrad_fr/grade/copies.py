"""One copy: its process, its questions one after the other, its mark."""

import ast
import hashlib
import shutil
import tempfile
import time
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..messages import _
from ..report import heat_map
from ..verify.handwritten.calls import StudentError, in_words
from ..verify.handwritten.serving import FRAMEWORKS
from ..verify.handwritten.there import Elsewhere, FailedError, LostError
from ..worker import sandbox
from .judging import judged
from .marks import called
from .points import Judged, Part
from .questions import Homework, Question
from .repairs import repairs_of
from .submissions import Submission

# The part of a question's time that one answer may take, once a question has taken all of it.
_AFTER_A_LOSS = 0.2
# Names by which code reaches what is not its own.
_REACHING = {
    "eval", "exec", "compile", "__import__", "importlib", "ctypes", "gc", "inspect", "subprocess",
    "socket", "_getframe", "_current_frames", "settrace", "setprofile", "getprofile", "modules",
    "__subclasses__", "__globals__", "f_back", "complex", "complex128", "clongdouble", "longdouble",
    "float128", "imag",
}  # fmt: skip
# What classes of numbers that record have, and layers have not.
_OPERATORS = {"__mul__", "__matmul__", "__truediv__", "__array_ufunc__", "__array_function__"}


@dataclass(frozen=True)
class Settings:
    """How copies are judged.

    Attributes
    ----------
    hints : str
        What the feedback gives away: ``"where"``, ``"kind"`` or ``"full"``.
    limit : float
        Seconds for a question.
    sandbox : str
        ``"auto"``, ``"require"`` or ``"off"``.
    seed : int
    repair : float
        Seconds for which corrections of a wrong question are looked for; 0 for none.
    """

    hints: str = "where"
    limit: float = 10.0
    sandbox: str = "auto"
    seed: int = 0
    repair: float = 0.0


def marked(
    copy: Submission, homework: Homework, settings: Settings,
    earlier: Mapping[str, Any] | None = None, again: Collection[int] = (),
) -> dict[str, Any]:  # fmt: skip
    """The mark of a copy as plain data; it never raises for what the copy does.

    Of an ``earlier`` result all questions are kept but those that are to be judged ``again``.
    """
    kept = {k: q for k, q in enumerate(earlier["questions"]) if k not in again} if earlier else {}
    print_ = fingerprint(copy)
    data: dict[str, Any] = {
        "copy": copy.name, "number": copy.number, "mark": 0.0, "out_of": homework.out_of,
        "flags": [], "remarks": list(copy.remarks), "problem": copy.problem, "seconds": 0.0,
        "fingerprint": print_, "seed": settings.seed, "questions": [],
    }  # fmt: skip
    start, results = time.monotonic(), dict[int, Judged]()
    if not copy.problem:
        with _Bench(copy, settings) as bench:
            bench.load()
            data["problem"] = bench.problem
            mistakes, wrong = set[tuple[str, str, str]](), list[Question]()
            for k, question in enumerate(homework.questions):
                if k in kept:
                    continue
                if bench.problem:
                    break
                rng = np.random.default_rng([settings.seed, int(print_[:12], 16), k])
                results[k] = bench.judge(question, rng, mistakes, wrong)
                mistakes |= results[k].mistakes
                if any(p.what == "output" and p.points < p.out_of for p in results[k].parts):
                    wrong.append(question)
            data["remarks"] += bench.remarks
            data["flags"] += bench.flags
    if data["problem"]:
        data["flags"].append(data["problem"])
        results = {k: _unread(q, data["problem"]) for k, q in enumerate(homework.questions)}
    plain = {**kept, **{k: _plain(r, settings.hints) for k, r in results.items()}}
    data["questions"] = [plain[k] for k in sorted(plain)]
    for question in data["questions"]:
        data["flags"] += [f"{question['title']}: {flag}" for flag in question["flags"]]
    if earlier:  # what it reached for in questions that are kept
        told = {f"{q['title']}: {flag}" for q in earlier["questions"] for flag in q["flags"]}
        data["flags"] += [flag for flag in earlier["flags"] if flag not in told]
        data["remarks"] += earlier["remarks"]
    data["flags"], data["remarks"] = (
        list(dict.fromkeys(data[name])) for name in ("flags", "remarks")
    )
    data["pictures"] = {
        k: [picture for p in r.parts if (picture := _picture(r, p))] for k, r in results.items()
    }
    if results and all(r.status == "missing" for r in results.values()):
        data["flags"].append(_("nothing of what is asked is in the file"))
    data["mark"] = round(sum(q["points"] for q in data["questions"]), 6)
    data["seconds"] = round(time.monotonic() - start, 2)
    return data


def _picture(result: Judged, part: Part) -> str:
    """Where a gradient is wrong whose points are lost."""
    entry = result.report.entries.get(part.what) if result.report is not None else None
    if entry is None or part.points == part.out_of or entry.verdict != "wrong":
        return ""
    return heat_map(replace(entry, name=called(part.what)))


def fingerprint(copy: Submission) -> str:
    """What tells whether a copy has changed; it governs what is drawn for it, too."""
    told = hashlib.sha256()
    for name in sorted(copy.files):
        told.update(f"{name}\0{copy.files[name]}\0".encode("utf-8", "surrogatepass"))
    return told.hexdigest()


def _unread(question: Question, reason: str) -> Judged:
    parts = [Part(w, worth, 0.0, "error", "", reason) for w, worth in question.points.items()]
    return Judged(question, "error", parts)


def _plain(result: Judged, hints: str) -> dict[str, Any]:
    """A question as plain data, with no more than the hints allow."""
    parts = [
        {"what": p.what, "points": p.points, "out_of": p.out_of, "verdict": p.verdict,
         "kind": p.kind if hints != "where" else "", "reason": p.reason}
        for p in result.parts
    ]  # fmt: skip
    return {
        "title": result.question.title, "name": result.question.name, "points": result.points,
        "out_of": result.question.out_of, "status": result.status, "parts": parts,
        "flags": result.flags, "repairs": result.repairs,
        "remarks": result.remarks,
        "mistakes": [p.kind for p in result.parts if p.kind and p.points < p.out_of],
    }  # fmt: skip


class _Bench:
    """A copy's process, started again where it is lost."""

    def __init__(self, copy: Submission, settings: Settings) -> None:
        self._copy, self._settings = copy, settings
        self._shut_in = sandbox.shuts_in(settings.sandbox)
        self._patience, self._careful = settings.limit, False
        self._process: Elsewhere | None = None
        self._names: dict[str, str] = {}
        self.problem, self.remarks, self.flags = "", list[str](), _reached(copy)

    def __enter__(self) -> "_Bench":
        self._folder = Path(tempfile.mkdtemp(prefix="copy_"))
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def judge(
        self, question: Question, rng: np.random.Generator, mistakes: Any, wrong: list[Question]
    ) -> Judged:  # fmt: skip
        """Judge a question, in a new process if the old one is lost."""
        try:
            if self._process is None and not self._start():
                return _unread(question, self.problem)
            assert self._process is not None
            self._process.allow(self._settings.limit, self._patience)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what a copy makes overflow
                found = judged(
                    question, self._process, self._names, rng, mistakes, self._settings.hints,
                    wrong, self._afresh,
                )  # fmt: skip
        except Exception as error:  # a mistake of ours costs nobody anything unseen
            found = _unread(question, _("it could not be judged"))
            found.status = "undecided"
            text = _("could not be judged: to be read ({error})", error=in_words(error))
            found.flags.append(text)  # for the teacher alone: it may quote the questions
        mended = any(p.verdict == "wrong" and p.what != "output" for p in found.parts)
        if self._settings.repair and mended and self._names.get(question.name) == "class":
            found.repairs = self._repairs(question, rng)
        if self._process is not None:
            for text in self._process.told:
                self._flag(text)
            if self._process.lost:
                self._lose(found)
        return found

    def _repairs(self, question: Question, rng: np.random.Generator) -> list[str]:
        inputs, parameters = question.drawn(rng)
        return repairs_of(
            str(self._folder), self._copy.main, question.name, [*parameters.values()],
            [*inputs.values()], self._settings.hints, self._settings.repair,
        )  # fmt: skip

    def _afresh(self) -> Elsewhere:
        """Another process with the copy, which knows nothing of what was asked before."""
        process = Elsewhere(str(self._folder), self._shut_in, self._settings.limit)
        try:
            process.ask("load", str(self._folder / self._copy.main), self._careful)
        except BaseException:
            process.end()
            raise
        return process

    def _lose(self, found: Judged) -> None:
        """A copy that loops costs its time once: later answers are waited for less long."""
        if self._process is not None and self._process.lost == "timeout":
            self._patience = max(1.0, _AFTER_A_LOSS * self._settings.limit)
            found.flags.append(_("the time is over"))
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
        self._process = None

    def _flag(self, text: str) -> None:
        told = _("reaches for {what}", what=text)
        if text.startswith("write "):  # weights, a figure
            self._remark(told)
        elif told not in self.flags:
            self.flags.append(told)

    def load(self) -> None:
        """Write its files and start it; what fails is its problem."""
        try:
            for name, text in self._copy.files.items():
                (self._folder / name).write_text(text, "utf-8")
            self._start()
        except Exception as error:
            self._end()
            self.problem = _("it could not be judged: {error}", error=in_words(error))

    def _start(self) -> bool:
        """Start a process with the copy; the definitions alone where the rest takes too long."""
        for careful in dict.fromkeys((self._careful, True)):
            try:
                seconds = self._settings.limit
                self._process = Elsewhere(str(self._folder), self._shut_in, seconds)
                path = str(self._folder / self._copy.main)
                failed = self._process.ask("load", path, careful)
                names = self._process.ask("names")
                if not isinstance(names, dict) or not isinstance(failed, list):
                    raise LostError("odd")
                self._names = {str(n): str(kind) for n, kind in names.items()}
                for text in failed[:5]:
                    told = _("a line at the top level fails: {error}", error=text)
                    self._remark(told)
                    if "ModuleNotFoundError" in text and told not in self.flags:
                        self.flags.append(told)
                self._careful = careful
                return True
            except LostError:
                self._end()
                self._remark(_("the lines at the top level never end: only definitions were run"))
            except (FailedError, StudentError, ArgumentError) as error:
                self._end()
                self.problem = _("the file cannot be read: {error}", error=error)
                return False
        self.problem = _("the file cannot be loaded: it never ends, or ends the program")
        return False

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def _reached(copy: Submission) -> list[str]:
    """What a copy imports or names that a teacher should look at."""
    found: list[str] = []
    for tree in copy.trees():
        names: list[str] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names += [alias.name.partition(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names.append((node.module or "").partition(".")[0])
            elif isinstance(node, ast.FunctionDef) and node.name in _OPERATORS:
                found.append(_("defines {name}: a derivation of its own?", name=node.name))
            elif isinstance(node, ast.Constant) and isinstance(node.value, complex):
                found.append(_("uses complex numbers"))
            elif isinstance(node, ast.Name):
                names.append(node.id)
            elif isinstance(node, ast.Attribute):
                names.append(node.attr)
        found += [_("imports {name}", name=n) for n in sorted({*names} & FRAMEWORKS)]
        found += [_("uses {name}", name=n) for n in sorted({*names} & _REACHING)]
    return list(dict.fromkeys(found))
