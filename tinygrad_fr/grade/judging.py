"""One question of one copy: what is called, what is judged, and the points for it."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import Array
from ..messages import _
from ..report import Report
from ..verify import hand, layer
from ..verify.handwritten.calls import StudentError
from ..verify.handwritten.there import Elsewhere, FailedError, LostError
from ..verify.truth.comparison import close
from .forwards import accept_zeros, forward_again, without_memory
from .points import (
    Judged,
    Part,
    count_once,
    forward_points,
    gradient_points,
    penalise,
    withhold,
)  # fmt: skip
from .questions import Question, arrays


def judged(
    question: Question, copy: Elsewhere, names: Mapping[str, str], rng: np.random.Generator,
    before: Collection[tuple[str, str, str]] = (), hints: str = "full",
    wrong_forwards: Collection[Question] = (), afresh: Callable[[], Elsewhere] | None = None,
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
    wrong_forwards
        Earlier questions whose forward is wrong: a function that calls it is judged with the right
        one.
    afresh
        Starts another process with the copy.
    """
    made = Judged(question, hints=hints)
    made.parts = [Part(what, worth) for what, worth in question.points.items()]
    if question.name not in names:
        return _missing(made, names)
    inputs, parameters = question.drawn(rng)
    try:
        if names[question.name] == "function":
            _judge_function(made, copy, inputs, int(rng.integers(1 << 30)))
            _given_right_forwards(made, copy, inputs, wrong_forwards)
        else:
            _judge_class(made, copy, rng, inputs, parameters)
            if made.slip and afresh is not None:
                without_memory(made, afresh, rng)
    except StudentError as error:
        if isinstance(error.__cause__, FailedError) and error.__cause__.kind == _UNTOUCHED:
            return _all(made, "untouched", _("not done"))
        return _all(made, "error", str(error))
    except (FailedError, ArgumentError) as error:
        return _all(made, "error", str(error))
    except LostError as error:
        if error.reason == "odd":
            made.flags.append(_lost("odd"))
        return _all(made, "timeout" if error.reason == "timeout" else "error", _lost(error.reason))
    count_once(made, before)
    lost = [p for p in made.parts if p.points < p.out_of]
    undecided = [p for p in lost if p.verdict == "inconclusive"]
    made.status = "right" if not lost and not made.penalty else "wrong"
    if undecided and len(undecided) == len(lost):
        made.status = "undecided"
        made.flags.append(_("could not be judged: to be read"))
    return made


_UNTOUCHED = "NotImplementedError"
# How near a gradient must be to the one that was asked for, where the forward is right; by how
# much an output may be larger than it should, and still be looked at.
_NEARLY, _LARGER = 1e-3, 100


def _lost(reason: str) -> str:
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


def _missing(made: Judged, names: Mapping[str, str]) -> Judged:
    """Nothing of that name, or something of nearly that name."""
    asked = made.question.name
    text = _("{name} is not in the file", name=asked)
    known = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(asked.casefold(), known, 1, 0.8)
    if near:
        text = _("{name} is not in the file: is {other} meant?", name=asked, other=known[near[0]])
        made.flags.append(text)
    return _all(made, "missing", text)


# --- what is called ----------------------------------------------------------------------------


def _judge_function(
    made: Judged, copy: Elsewhere, inputs: Mapping[str, Any], seed: int
) -> None:  # fmt: skip
    """A function that gives the gradient of the reference by one of its inputs."""
    question = made.question

    def called(values: Mapping[str, Any]) -> tuple[Any, list[Any], Any]:
        found = copy.ask("called", question.name, [np.array(values[n]) for n in inputs])
        if not isinstance(found, tuple) or len(found) != 3 or not isinstance(found[1], list):
            raise LostError("odd")
        return found

    _gradient, after, calls = called(inputs)
    changed = [n for n, x in zip(inputs, after, strict=False) if not _same(x, inputs[n])]
    penalise(made, changed)
    for part in made.parts:
        mine = {part.what: lambda **known: called(known)[0]}
        loss = _of_names(question, inputs)
        report = hand(loss, dict(inputs), mine, repair=False, seed=seed)
        made.report = report
        gradient_points(made, part, report, part.what)
    _flag_calls(made, calls, max(np.size(x) for x in inputs.values()))


def _flag_calls(made: Judged, calls: Any, size: int) -> None:
    """Who calls a function for each entry of the input may have derived by differences."""
    if type(calls) is int and calls >= max(3, size):
        text = _("it calls a function {n} times: by differences?")
        made.flags.append(text.format(n=calls))


def _given_right_forwards(
    made: Judged, copy: Elsewhere, inputs: Mapping[str, Any], wrong_forwards: Collection[Question]
) -> None:  # fmt: skip
    """An error counts once: a function is right if it is with the right forwards of others."""
    known = [
        [q.name, x, y] for q in wrong_forwards if not q.parameters
        for x in map(np.array, inputs.values()) if (y := _of_one(q, x)) is not None
    ]  # fmt: skip
    lost = [p for p in made.parts if p.points < p.out_of]
    if not known or not lost:
        return
    found, *_rest = _asked(copy, tuple, "called_given", made.question.name, arrays(inputs), known)
    for part in lost:
        report = hand(_of_names(made.question, inputs), dict(inputs), {part.what: found},
                      repair=False)  # fmt: skip
        if report.entries[part.what].verdict in ("correct", "kink"):
            part.points, part.verdict, part.kind = part.out_of, "correct", ""
            names = ", ".join(dict.fromkeys(q.name for q in wrong_forwards))
            part.reason = _("right with the right {names}: counted there", names=names)


def _of_one(question: Question, x: Array) -> Array | None:
    """What a reference of one argument gives; None for one that takes more."""
    try:
        return question.right({"x": x})
    except Exception:  # whatever a teacher's function says
        return None


def _judge_class(
    made: Judged, copy: Elsewhere, rng: np.random.Generator, inputs: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> None:  # fmt: skip
    """A class with a forward, and mostly with a backward."""
    question, values = made.question, {**inputs, **parameters}
    parts = [p for p in made.parts if p.what != "output"]
    wanted = question.right(values)
    loss = wanted.ndim == 0 or len(inputs) > 1
    upstream = None if loss else rng.standard_normal(wanted.shape)
    number = copy.number()
    output = copy.ask("forward", number, question.name, arrays(parameters), arrays(inputs))
    if np.size(output) > _LARGER * max(wanted.size, 100):
        raise LostError("odd")
    right = forward_points(made, output, wanted)
    if parts:
        _backward_of_others(made, copy, number, output, wanted, upstream, values, list(parameters))
    if parts and all(p.verdict != "untouched" for p in parts):
        given = tuple(inputs.values())
        subject = copy.subject(question.name, arrays(parameters), given[0])
        upstream = upstream if np.shape(output) == wanted.shape else None
        made.report = layer(
            subject, given if len(given) > 1 else given[0], upstream=upstream,
            reference=question.reference, repair=False, seed=int(rng.integers(1 << 30)),
        )  # fmt: skip
        for part in parts:
            whole = part.what not in made.report.entries and "input" in made.report.entries
            gradient_points(made, part, made.report, "input" if whole else part.what)
        _accept_as_asked(made, values, 1.0 if upstream is None else upstream)
        if loss or upstream is not None:  # the same upstream gradient both times
            _compare_with_first(made)
        _check_halves(made, copy, arrays(parameters), given, values, wanted)
        right = _the_same_again(made, right)
    right = forward_again(made, copy, rng, right, output, values)
    accept_zeros(made)
    withhold(made, parts, right)


def _the_same_again(made: Judged, right: bool) -> bool:
    """Whether a forward that was right when it was watched was so later, too."""
    entry = made.report.entries.get("output") if made.report is not None else None
    if right and entry is not None and entry.verdict == "wrong":
        reason = _("the first call gives another output than later ones")
        made.flags.append(reason)
        for part in made.parts:
            if part.what == "output":
                part.points, part.verdict, part.reason = 0.0, "wrong", reason
        return False
    return right


def _check_halves(
    made: Judged, copy: Elsewhere, parameters: list[Array], given: tuple[Any, ...],
    values: Mapping[str, Any], wanted: Array,
) -> None:  # fmt: skip
    """Half the points are for the right gradient under an upstream with a single entry."""
    halves = [p for p in made.parts if p.what != "output" and 0 < p.points < p.out_of]
    if not halves:
        return
    upstream = np.zeros(wanted.shape)
    upstream.flat[wanted.size // 3] = -1.5
    subject = copy.subject(made.question.name, parameters, given[0])
    report = layer(subject, given if len(given) > 1 else given[0], upstream=upstream, repair=False)
    loss = _of_names(made.question, values, upstream)
    for part in halves:
        if _is_as_asked(loss, values, part.what, report, 1.0) is not None:
            made.as_asked.add(part.what)


def _asked(copy: Elsewhere, kind: type, request: str, *arguments: Any) -> Any:
    """An answer of a kind; anything else is none."""
    found = copy.ask(request, *arguments)
    if not isinstance(found, kind):
        raise LostError("odd")
    return found


def _backward_of_others(
    made: Judged, copy: Elsewhere, number: Any, output: Any, wanted: Array, upstream: Any,
    values: Mapping[str, Any], parameters: list[str],
) -> None:  # fmt: skip
    """The first backward: what it changes, whether it calls the forward, whether it is there."""
    if upstream is not None and np.shape(output) != wanted.shape:
        upstream = np.ones(np.shape(output))
    watched = _asked(copy, dict, "backward", number, upstream)
    made.first = watched.get("result")
    inputs = [n for n in values if n not in parameters]
    received = [*parameters, *inputs, _("the upstream gradient")]
    sent = [*(values[n] for n in (*parameters, *inputs)), *([] if upstream is None else [upstream])]
    now = watched.get("given")
    if not isinstance(now, list) or len(now) != len(sent):
        raise LostError("odd")
    penalise(made, [received[k] for k, x in enumerate(sent) if not _same(now[k], x)])
    if watched.get("raised") == _UNTOUCHED:
        for part in made.parts:
            if part.what != "output":
                part.verdict, part.reason = "untouched", _("not done")
    size = max((np.size(values[n]) for n in inputs), default=0)
    calls = watched.get("calls")
    pairs = [_numbers(pair) for pair in calls] if isinstance(calls, list) else []
    made.again = max((p[1] for p in pairs if len(p) == 2 and p[0] <= 2 and p[1] >= max(3, size)),
                     default=0)  # fmt: skip
    if not made.again:
        _flag_calls(made, watched.get("most"), size)


def _compare_with_first(made: Judged) -> None:
    """Who answers a second time otherwise than the first remembers what was asked between."""
    assert made.report is not None
    first = made.first[0] if isinstance(made.first, (tuple, list)) and made.first else made.first
    entry = made.report.entries.get("input")
    part = next((p for p in made.parts if p.what == "input" and p.points), None)
    if part is None or entry is None or not isinstance(first, np.ndarray):
        return
    mine = np.asarray(entry.hand, float)
    if first.shape == mine.shape and not close(np.asarray(first, float), mine, 1e-6):
        part.points, part.verdict = 0.0, "wrong"
        part.reason = _("the first call gives another gradient than later ones")
        made.flags.append(part.reason)


def _numbers(x: Any) -> list[int]:
    return [n for n in x if type(n) is int and n >= 0] if isinstance(x, list) else []


def _same(x: Any, y: Any) -> bool:
    return bool(np.array_equal(x, y))


def _of_names(question: Question, names: Iterable[str], upstream: Any = None) -> Any:
    """The reference as a function of its values by their names; times an upstream gradient."""
    names = tuple(names)

    def of(**known: Any) -> Any:
        y = question.reference(*(known[n] for n in names))
        return y if upstream is None else (y * upstream).sum()

    return of


def _accept_as_asked(made: Judged, values: Mapping[str, Any], upstream: Any) -> None:
    """Gradients of the very forward that was asked for count: the mistake is in the forward."""
    assert made.report is not None
    loss = _of_names(made.question, values, upstream)
    for part in made.parts:
        times = 0.5 if part.what in made.added_up else 1.0
        exact = _is_as_asked(loss, values, part.what, made.report, times)
        if exact is not None:
            made.as_asked.add(part.what)
            if exact and not part.points:
                part.points, part.verdict, part.reason = part.out_of, "correct", ""


def _is_as_asked(
    loss: Any, values: Mapping[str, Any], what: str, report: Report, times: float
) -> bool | None:  # fmt: skip
    """Whether a gradient is exactly, or else nearly, the one that was asked for; None if not."""
    entry = report.entries.get(what)
    name = next(iter(values)) if what == "input" else what
    if what == "output" or entry is None or entry.hand is None or name not in values:
        return None
    if np.size(entry.hand) != np.size(values[name]):
        return None
    given = {n: np.array(x, float) for n, x in values.items()}
    mine = times * np.reshape(np.asarray(entry.hand), np.shape(values[name]))
    again = hand(loss, given, {name: mine}, repair=False).entries[name]
    if again.verdict in ("correct", "kink"):
        return True
    true = again.autograd
    return False if true is not None and close(np.asarray(mine, float), true, _NEARLY) else None
