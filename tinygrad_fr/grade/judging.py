"""One question of one copy: what is called, what is judged, and the points for it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import Array
from ..messages import _
from ..report import Report
from ..verify import hand, layer
from ..verify.handwritten.calls import StudentError, as_array
from ..verify.handwritten.reference import slip_of
from ..verify.handwritten.there import Elsewhere, FailedError, LostError
from ..verify.truth.comparison import close
from .questions import Question

# Points that a question loses whose code changes the arrays that it is given.
PENALTY, IN_PLACE = 0.5, "changed_in_place"
# The part of a gradient's points that one is worth which is right for some upstreams only.
ONE_HOT_ONLY = 0.5
# How near an output must be to the right one, by its kind of numbers.
_NEAR = {np.dtype("float32"): 3e-4, np.dtype("float16"): 3e-2}
# Exact formulas are right to more digits than differences can be.
_BY_DIFFERENCES = 1e-12


@dataclass
class Part:
    """What is judged of a question, and the points for it.

    Attributes
    ----------
    what : str
        ``output``, ``input`` or the name of a parameter.
    verdict : str
        As in a report; ``missing``, ``untouched``, ``error`` or ``timeout`` where there is none.
    kind : str
        The kind of the mistake, if it is known.
    reason : str
        Why points are lost.
    """

    what: str
    out_of: float
    points: float = 0.0
    verdict: str = "wrong"
    kind: str = ""
    reason: str = ""


@dataclass
class Judged:
    """A question of a copy.

    Attributes
    ----------
    status : str
        ``right``, ``wrong``, ``undecided``, ``untouched``, ``missing``, ``error``, ``timeout``.
    parts : list of Part
    flags : list of str
        What a teacher should look at.
    report : Report or None
    """

    question: Question
    status: str = "wrong"
    parts: list[Part] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    report: Report | None = None
    penalty: float = 0.0
    hints: str = "full"
    forward: Part | None = None

    @property
    def mistakes(self) -> set[tuple[str, str, str]]:
        """What was found to be wrong: the name, what, its kind."""
        found = {(p.what, p.kind) for p in self.parts if p.kind}
        found |= {(IN_PLACE, IN_PLACE)} if self.penalty else set()
        return {(self.question.name, *mistake) for mistake in found}

    @property
    def points(self) -> float:
        """The points of all parts."""
        return max(0.0, sum(p.points for p in self.parts) - self.penalty)


def judged(
    question: Question, copy: Elsewhere, names: Mapping[str, str], rng: np.random.Generator,
    before: Collection[tuple[str, str, str]] = (), hints: str = "full",
) -> Judged:  # fmt: skip
    """Judge a question.

    Parameters
    ----------
    names
        What there is in the file.
    before
        The mistakes that earlier questions have found: name, what, kind. None counts twice.
    hints
        What reasons give away.
    """
    made = Judged(question, hints=hints)
    made.parts = [Part(what, worth) for what, worth in question.points.items()]
    if question.name not in names:
        return _all(made, "missing", _("{name} is not in the file", name=question.name))
    inputs, parameters = question.drawn(rng)
    seed = int(rng.integers(1 << 30))
    try:
        if names[question.name] == "function":
            _judge_function(made, copy, inputs, seed)
        else:
            _judge_class(made, copy, inputs, parameters, seed)
    except StudentError as error:
        if isinstance(error.__cause__, FailedError) and error.__cause__.kind == _UNTOUCHED:
            return _all(made, "untouched", _("not done"))
        return _all(made, "error", str(error))
    except (FailedError, ArgumentError) as error:
        return _all(made, "error", str(error))
    except LostError as error:
        return _all(made, "timeout" if error.reason == "timeout" else "error", _LOST(error.reason))
    _count_once(made, before)
    lost = [p for p in made.parts if p.points < p.out_of]
    undecided = [p for p in lost if p.verdict == "inconclusive"]
    made.status = "right" if not lost and not made.penalty else "wrong"
    if undecided and len(undecided) == len(lost):
        made.status = "undecided"
        made.flags.append(_("could not be judged: to be read"))
    return made


_UNTOUCHED = "NotImplementedError"


def _LOST(reason: str) -> str:
    return {
        "timeout": _("the time is over"),
        "ended": _("the program has ended"),
        "odd": _("it answered what is no answer"),
    }[reason]


def _all(made: Judged, status: str, reason: str) -> Judged:
    """The same of all parts that have no verdict yet."""
    made.status = status
    for part in made.parts:
        if not part.reason and not part.points:
            part.verdict, part.reason = status, reason
    return made


# --- what is called ----------------------------------------------------------------------------


def _judge_function(
    made: Judged, copy: Elsewhere, inputs: Mapping[str, Any], seed: int
) -> None:  # fmt: skip
    """A function that gives the gradient of the reference by one of its inputs."""
    question = made.question

    def called(values: Mapping[str, Any]) -> tuple[Any, list[Any]]:
        found = copy.ask("called", question.name, [np.array(values[n]) for n in inputs])
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], list):
            raise LostError("odd")
        return found

    _gradient, after = called(inputs)
    changed = [n for n, x in zip(inputs, after, strict=False) if not _same(x, inputs[n])]
    _penalise(made, changed)
    for part in made.parts:
        mine = {part.what: lambda **known: called(known)[0]}
        loss = _of_names(question, inputs)
        report = hand(loss, dict(inputs), mine, repair=False, seed=seed)
        made.report = report
        _mark(made, part, report, part.what)


def _judge_class(
    made: Judged, copy: Elsewhere, inputs: Mapping[str, Any], parameters: Mapping[str, Any],
    seed: int,
) -> None:  # fmt: skip
    """A class with a forward, and mostly with a backward."""
    question = made.question
    wanted = _reference(question, inputs, parameters)
    loss = wanted.ndim == 0 or len(inputs) > 1
    upstream = None if loss else np.linspace(-1.0, 2.0, wanted.size).reshape(wanted.shape)
    watched = copy.ask(
        "rehearsed", question.name, _arrays(parameters), _arrays(inputs), upstream
    )  # fmt: skip
    if not isinstance(watched, dict):
        raise LostError("odd")
    parts = {p.what: p for p in made.parts}
    values = {**inputs, **parameters}
    output = _forward(made, parts.pop("output", None), watched.get("output"), wanted, values)
    received = [*parameters, *inputs, _("the upstream gradient")]
    changed = [received[k] for k in _numbers(watched.get("changed")) if k < len(received)]
    _penalise(made, changed)
    if not parts:
        return
    if watched.get("raised") == _UNTOUCHED:
        for part in parts.values():
            part.verdict, part.reason = "untouched", _("not done")
        return
    given = tuple(inputs.values())
    subject = copy.subject(question.name, _arrays(parameters), given[0])
    same_shape = np.shape(watched.get("output")) == wanted.shape
    upstream = None if loss or not same_shape else upstream
    report = layer(
        subject, given if len(given) > 1 else given[0], upstream=upstream,
        reference=question.reference, repair=False, seed=seed,
    )  # fmt: skip
    made.report = report
    for part in parts.values():
        whole = part.what not in report.entries and "input" in report.entries
        _mark(made, part, report, "input" if whole else part.what)
    asked = {} if not same_shape else _right_as_asked(
        made, report, values, 1.0 if upstream is None else upstream
    )  # fmt: skip
    _look_at_output(made, parts.values(), output, asked)
    _look_for_differences(made, report, _numbers(watched.get("calls")), inputs)


def _arrays(values: Mapping[str, Any]) -> list[Any]:
    return [np.array(x) for x in values.values()]


def _numbers(x: Any) -> list[int]:
    return [n for n in x if type(n) is int and n >= 0] if isinstance(x, list) else []


def _same(x: Any, y: Any) -> bool:
    return np.shape(x) == np.shape(y) and bool(np.array_equal(x, y))


def _reference(
    question: Question, inputs: Mapping[str, Any], parameters: Mapping[str, Any]
) -> Array:  # fmt: skip
    y = question.reference(*_arrays(inputs), *_arrays(parameters))
    return np.asarray(getattr(y, "data", y), float)


def _of_names(question: Question, names: Iterable[str], upstream: Any = None) -> Any:
    """The reference as a function of its values by their names; times an upstream gradient."""
    names = tuple(names)

    def of(**known: Any) -> Any:
        y = question.reference(*(known[n] for n in names))
        return y if upstream is None else (y * upstream).sum()

    return of


def _right_as_asked(
    made: Judged, report: Report, values: Mapping[str, Any], upstream: Any
) -> dict[str, bool]:  # fmt: skip
    """Which gradients that lost points are those of the forward that was asked for."""
    loss, found = _of_names(made.question, values, upstream), {}
    for part in made.parts:
        entry = report.entries.get(part.what)
        if part.what == "output" or part.points or entry is None:
            continue
        name = next(iter(values)) if part.what == "input" else part.what
        if entry.hand is not None and np.shape(entry.hand) == np.shape(values.get(name)):
            given = {n: np.array(x, float) for n, x in values.items()}
            again = hand(loss, given, {name: entry.hand}, repair=False)
            found[part.what] = again.entries[name].verdict in ("correct", "kink")
    return found


# --- points ------------------------------------------------------------------------------------


def _forward(
    made: Judged, part: Part | None, output: Any, wanted: Array, values: Mapping[str, Any]
) -> bool:  # fmt: skip
    """Whether the forward is right; its points."""
    part = part or Part("output", 0.0)
    made.forward = part
    if output is None:
        part.reason = _("the forward returns nothing (None)")
        return False
    try:
        array = as_array(output)
    except StudentError as error:
        part.reason = str(error)
        return False
    near = _NEAR.get(array.dtype, 1e-6)
    if array.shape != wanted.shape:
        text = _("the output has the shape {got} in place of {wanted}")
        part.reason = text.format(got=array.shape, wanted=wanted.shape)
    elif not np.isfinite(array).all() and np.isfinite(wanted).all():
        part.reason = _("the output has entries that are NaN or infinite")
    elif not close(np.asarray(array, float), wanted, near):
        part.reason = _("the output does not have the right values")
        arrays = {n: np.asarray(x, float) for n, x in values.items()}
        part.kind, text = slip_of(np.asarray(array, float), wanted, made.question.reference, arrays)
        if text and made.hints != "where":
            part.reason = f"{part.reason}; {text}"
    else:
        part.verdict, part.points = "correct", part.out_of
        return True
    return False


def _mark(made: Judged, part: Part, report: Report, name: str) -> None:
    """The points of a gradient, as an entry of a report says; that of all if it has none."""
    entry = report.entries.get(name)
    if entry is None or (name != part.what and entry.hand is not None):
        part.verdict, part.reason = "inconclusive", _("it was not judged")
        return
    part.verdict = entry.verdict
    kinds = [d.kind for d in entry.diagnoses]
    part.kind = kinds[0] if kinds else ""
    if entry.verdict in ("correct", "kink"):
        if entry.hand is None:  # a first layer may, here it was asked for
            part.verdict, part.reason = "wrong", _("nothing is returned")
            return
        half = "one_hot_upstream_only" in kinds
        part.points = part.out_of * (ONE_HOT_ONLY if half else 1)
        if half:
            part.reason = _("right for an upstream gradient with a single entry only")
        return
    part.reason = _told(report, name, made.hints)


def _told(report: Report, name: str, hints: str) -> str:
    """What there is to say of an entry, with no more than the hints allow."""
    entry = report.to_dict(hints)["entries"][name]
    told = [d["explanation"] for d in entry["diagnoses"][:1]] + [entry["note"]]
    return "; ".join(filter(None, told))


def _penalise(made: Judged, changed: list[str]) -> None:
    if changed:
        made.penalty = PENALTY
        text = _("the code changes what it is given ({names}): copy it first")
        made.remarks.append(text.format(names=", ".join(dict.fromkeys(changed))))


def _look_at_output(
    made: Judged, gradients: Collection[Part], right: bool, asked: Mapping[str, bool]
) -> None:  # fmt: skip
    """Gradients of another function than the one asked for count only if that is near to it.

    Those of the very forward that was asked for always count: the mistake is in the forward.
    """
    for part in gradients:
        if asked.get(part.what):
            part.points, part.verdict, part.reason = part.out_of, "correct", ""
    if right or (made.forward is not None and made.forward.kind):
        return
    counted = [p for p in gradients if p.points and not asked.get(p.what)]
    for p in counted:
        p.points, p.verdict = 0.0, "wrong"
        p.reason = _("right for this forward, which is not the one that was asked for")
    if counted:
        made.flags.append(_("right gradients of another forward: to be read"))


def _look_for_differences(
    made: Judged, report: Report, calls: list[int], inputs: Mapping[str, Any]
) -> None:  # fmt: skip
    """Gradients that were not derived: by differences of the forward, or remembered."""
    size = max((np.size(x) for x in inputs.values()), default=0)
    if calls and max(calls) >= max(2, size):
        made.flags.append(_("the backward calls the forward {n} times: by differences?",
                            n=max(calls)))  # fmt: skip
    for name, entry in report.entries.items():
        if name == "output" or entry.verdict != "correct" or entry.hand is None:
            continue
        if entry.autograd is None or np.asarray(entry.hand).dtype != np.float64:
            continue
        error = float(entry.max_rel_error)
        if _BY_DIFFERENCES < error < 1e-6:
            text = _("the gradient of {name} is right to {n} digits only: by differences?")
            made.flags.append(text.format(name=name, n=int(-np.log10(error))))


def _count_once(made: Judged, before: Collection[tuple[str, str, str]]) -> None:
    """A mistake that an earlier question has found costs nothing more."""
    for part in made.parts:
        mistake = (made.question.name, part.what, part.kind)
        if part.kind and part.points < part.out_of and mistake in before:
            part.points = part.out_of
            part.reason = _("counted already: {reason}", reason=part.reason)
    if (made.question.name, IN_PLACE, IN_PLACE) in before:
        made.penalty = 0.0
