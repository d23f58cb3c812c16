"""Repairs for a report: asked of a process of its own, ranked, at most three."""

import dataclasses
import types
from collections.abc import Iterable, Mapping
from contextlib import closing, nullcontext
from typing import Any

import numpy as np

from ... import checks
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Repair, Report
from ...worker.byvalue import Key, carried, names_in, revived
from ...worker.limits import dangers
from ...worker.process import TaskError, answers
from ..truth.differences import bar
from .order import Found, Order, Where
from .search import look_for
from .source import text_of
from .trials import Draw, Trial

# Seconds of a search that nobody asked to be longer, and runs of the code in each.
SECONDS, A_SECOND = 3.0, 500
# Bytes of what is made anew for each run.
LARGEST = 1 << 25
_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a search is for.

    Attributes
    ----------
    trial : class
        Which kind of trial; it takes the bytes of what is carried.
    thing : object
        What is carried: a layer, functions.
    roots : tuple of str
        The names of the functions that are called, as far as they are known.
    draw : Draw
    others : tuple of Draw
    inner : dict of str to array
    """

    trial: Any
    thing: Any
    roots: tuple[str, ...]
    draw: Draw
    others: tuple[Draw, ...] = ()
    inner: Mapping[str, Array] = dataclasses.field(default_factory=dict)


def seconds_of(repair: bool | float) -> float:
    """For how long repairs are looked for; an ArgumentError for what is no time."""
    if isinstance(repair, (bool, np.bool_)):
        return SECONDS if repair else 0.0
    return min(float(checks.positive(repair, "repair", zero=True)), 86400.0)


def with_repairs(report: Report, asked: Asked | None, seconds: float) -> Report:
    """A report with the smallest edits that make its wrong gradients right.

    Parameters
    ----------
    seconds
        For how long they are looked for; see :func:`seconds_of`.
    """
    wrong = tuple(e.name for e in report if e.verdict == "wrong" and e.name != "output")
    if asked is None or not seconds:
        return report
    if not asked.draw.known:  # it raises, or gives nothing
        wrong = tuple(asked.draw.values)
    if not wrong:
        return report
    try:
        world = carried(asked.thing)
        made: dict[Key, types.FunctionType] = {}
        revived(world, made=made)
    except (Exception, SystemExit) as error:  # what cannot be carried: a lock, an open file
        text = _("no repairs: the code cannot be carried to another process ({error})")
        return _noted(report, text.format(error=error))
    if len(world) > LARGEST:
        return _noted(report, _("no repairs: the object is too large to be made anew each time"))
    texts = {f: text_of(f) for f in {key[0] for key in made}}
    texts = {f: text for f, text in texts.items() if text}
    if not texts:
        return _noted(
            report,
            _("no repairs: the source of the code cannot be read: keep it in a file or a cell"),
        )
    if found := dangers(_reached(made, asked.roots)):
        return _noted(report, _uses(", ".join(found)))
    told = [d for n in wrong if n in report.entries for d in report[n].diagnoses]
    kinds = tuple(dict.fromkeys(d.kind for d in told))
    runs = max(1, int(A_SECOND * seconds))
    trial: Trial = asked.trial(world, *([asked.others] if asked.others else []))
    order = Order(trial, asked.draw, wrong, kinds, asked.inner, texts, runs, seconds)
    got: list[Any] = []
    try:
        shown = bar(_("repairs"))
        with nullcontext() if shown is None else closing(shown):
            waiting = int if shown is None else shown.update
            got.extend(answers(look_for, order, seconds=seconds + 2, waiting=waiting))
    except OSError:
        return _noted(report, _("no repairs: no process can be started here"))
    except TaskError as error:
        kind, _colon, what = str(error).partition(": ")
        if kind in ("Refused", "SystemExit"):
            return _noted(report, _uses(what or kind))
        report = _noted(report, _("the search for repairs failed: {error}", error=error))
    where = next((x for x in got if isinstance(x, Where)), Where(()))
    if not where.readable:
        report = _noted(
            report,
            _("no repairs: the file is not the code that runs: run it, or import it, again"),
        )
    repairs = ranked([x for x in got if isinstance(x, Found)], report)
    return dataclasses.replace(report, repairs=repairs, suspects=where.lines)


def ranked(found: Iterable[Found], report: Report) -> tuple[Repair, ...]:
    """The best edits, one for each line, those that mend everything first."""
    best: dict[tuple[str, int], Found] = {}
    for x in sorted(found, key=lambda x: (not x.whole, x.cost)):
        best.setdefault((x.edited.path, x.edited.line), x)
    whole = [x for x in best.values() if x.whole]
    shown = (whole or list(best.values()))[:_SHOWN]
    return tuple(_repair(x, report) for x in shown)


def _repair(x: Found, report: Report) -> Repair:
    told = [d for name in x.mends if name in report.entries for d in report[name].diagnoses[:1]]
    agrees: Diagnosis | None = next((d for d in told if d.kind in x.kinds), None)
    e = x.edited
    kind = agrees.kind if agrees is not None else x.kinds[0]
    return Repair(e.path, e.line, e.before, e.after, x.mends, agrees, kind, e.lines, x.whole)


def _uses(names: str) -> str:
    return _("no repairs: the code uses {names}: keep files and processes out of it", names=names)


def _noted(report: Report, note: str) -> Report:
    return dataclasses.replace(report, notes=(*report.notes, note))


def _reached(
    made: Mapping[Key, types.FunctionType], roots: Iterable[str]
) -> list[types.CodeType]:  # fmt: skip
    """The code that some functions call, as far as names tell."""
    by_name: dict[str, list[types.CodeType]] = {}
    for f in made.values():
        by_name.setdefault(f.__name__, []).append(f.__code__)
    todo, seen = list(roots), set[str]()
    found: list[types.CodeType] = []
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for code in by_name.get(name, ()):
            found.append(code)
            todo += names_in(code)
    return found
