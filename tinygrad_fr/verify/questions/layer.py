"""Layers written by hand in plain NumPy, against the numeric derivative of their own forward."""

import dataclasses
import time
from functools import partial
from typing import Any

import numpy as np

from ... import checks
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Entry, Report, joined
from ..handwritten.calls import StudentError
from ..handwritten.evaluation import Evaluation
from ..handwritten.failures import about_labels, failed, not_judged, spoilt
from ..handwritten.gradients import Call, gradients_of
from ..handwritten.parts import Handwritten
from ..handwritten.pytorch import as_arrays, in_one, is_of_torch, subject_for
from ..handwritten.reading import settle
from ..handwritten.recognition import Recognised
from ..handwritten.reference import against, function_of, referred
from ..handwritten.several import together, upstream_of
from ..handwritten.state import (
    not_proportional,
    not_repeatable,
    order_of_calls,
    random_backward,
    stale,
    trivial,
)
from ..handwritten.there import There
from ..handwritten.unrolled import Unrolled, is_a_cell, unrolled
from ..handwritten.wiring import UnclearError
from ..repairs.asking import seconds_of, with_repairs
from ..repairs.layers import asked_of
from ..truth.differences import Counted, signed
from ..truth.limits import hidden_by
from ..vocabulary import FORWARD, members
from .in_time import at_its_step, by_length, dated, sequence_of
from .inquiry import PATIENCE, Inquiry
from .judgement import promotions, unjudged


def layer(
    layer: Any,
    x: Any,
    *,
    steps: int | None = None,
    upstream: Any = None,
    forward: Any = None,
    backward: Any = None,
    parameters: Any = None,
    reference: Any = None,
    returns: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
    repair: bool | float = True,
) -> Report:
    """Check a layer, activation or loss that someone wrote with plain NumPy, unchanged.

    Parameters
    ----------
    layer
        An object with a forward and a backward under usual names (``forward`` / ``backward``,
        ``backprop``, ``backward_pass``, ``__call__`` / ``gradient``, ``loss`` / ``gradient``,
        ...); a class made without arguments; a pair of functions, ``(forward, backward)``; one
        function that returns ``(loss, gradients)`` or ``(output, backward)``; or a
        ``torch.autograd.Function`` or ``torch.nn.Module``, with arrays or tensors for ``x``.
    x
        Its input; a tuple for a forward of several arguments (a loss: in the order in which it
        takes them; functions: input, then parameters). Arrays in dicts, lists and named tuples
        are differentiated, too.
    steps
        Drive a cell of a recurrent network over so many steps: ``(x, h) -> (h, cache)`` and
        ``(dh, cache) -> (dx, dh, ...)``, with several states and parameters as well. ``x`` then
        begins with the inputs of all steps ``(T, ...)``, or that of one, to be drawn anew; a list
        of T arrays needs no ``steps``. The gradient of a state is carried to the step before and
        added to what arrives there, those of parameters are added up; ``detail["step"]`` of a
        diagnosis is the first wrong step (from 1 on), walking back from the loss.
    upstream
        The gradient at its output; random and signed if None (ones for a loss). A tuple of one
        for each output where the backward takes several.
    forward, backward
        The names of the methods, or functions, where they are not found.
    parameters
        The names of the attributes (or keys of dicts) that are parameters.
    reference
        An operation, Module or function that the forward should equal, or that stands for it where
        there is only a backward.
    returns
        What the backward returns, in order: ``("dW", "db", "dx")``, or the names of the values;
        None for what is no gradient. By the names in its ``return`` if not given.
    rtol, atol
        As for :func:`hand`.
    seed
        Of the random numbers.
    repair
        Whether to look for the smallest edit of the code that makes it right, in a process of its
        own; a number is for how many seconds, 3 if True.

    Returns
    -------
    Report
        Entries ``input``, the names of the parameters, and ``output`` with ``reference``.
        Gradients are those that the layer returns or stores, or those recovered from the update
        of its weights. The truth is the numeric derivative of its own forward.

    Raises
    ------
    ArgumentError
        If a method or parameter is not found.

    Examples
    --------
    >>> class Dense:
    ...     def __init__(self):
    ...         self.W = np.arange(6.0).reshape(3, 2)
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x @ self.W
    ...     def backward(self, d_out):
    ...         self.dW = self.x.T @ d_out / len(d_out)
    ...         return d_out @ self.W.T
    >>> report = layer(Dense(), np.random.default_rng(0).standard_normal((4, 3)))
    >>> report["input"].verdict, report["W"].diagnoses[0].detail["equals"]
    ('correct', '1/N')
    >>> def forward(x, h, U):
    ...     y = np.tanh(x + h @ U)
    ...     return y, (h, U, y)
    >>> def backward(dy, cache):
    ...     h, U, y = cache
    ...     dz = dy * (1 - y**2)
    ...     return dz, dz @ U, h.T @ dz
    >>> x, h, U = (np.random.default_rng(0).standard_normal(s) for s in ((4, 2, 3), (2, 3), (3, 3)))
    >>> report = layer((forward, backward), (x, h, U), steps=4)
    >>> report.first_wrong, report["h"].diagnoses[0].kind, report["h"].diagnoses[0].detail["step"]
    ('h', 'transpose', 4)
    """
    rng = np.random.default_rng(checks.seed(seed))
    repair = seconds_of(repair)
    rtol, atol = checks.positive(rtol, "rtol", zero=True), checks.positive(atol, "atol", zero=True)
    for name, value in (("parameters", parameters), ("returns", returns)):
        if not isinstance(value, (str, list, tuple, set, type(None))):
            raise ArgumentError("{name}= takes names, not {value!r}", name=name, value=value)
    for name, value in (("forward", forward), ("backward", backward)):
        if not (value is None or isinstance(value, str) or callable(value)):
            text = _("{name}= takes the name of a method, or a function, not {value!r}")
            raise ArgumentError(text, name=name, value=value)
    there, of_torch = isinstance(layer, There), is_of_torch(layer)
    x, upstream = as_arrays(x), as_arrays(upstream)
    known = there or of_torch or members(layer, FORWARD)
    if reference is not None and forward is None and not known:
        forward, reference = function_of(reference), None  # it has only a backward
    try:
        made = layer if there else subject_for(layer, forward, backward, x)
        if steps is not None or is_a_cell(made, x):
            subject = unrolled(made, x, steps, parameters, returns, rng)
        else:
            subject = Handwritten(made, x, parameters, returns)
            if reference is None and (upstream is None or isinstance(upstream, tuple)):
                subject = together(subject, rng)
        output = subject.output(subject.values)
    except UnclearError as error:
        return unjudged(["input"], str(error))
    except StudentError as error:
        note = _("the forward fails on this input: {error}", error=error)
        return unjudged(["input"], note)
    if of_torch and isinstance(upstream, tuple):
        upstream = in_one(upstream)
    if upstream is not None:
        upstream = upstream_of(subject, upstream, output)
    elif (subject.is_loss and not made.automatic) or not (
        subject.takes_upstream or (subject.pointwise and output.ndim)
    ):
        upstream = np.ones(output.shape)
    else:
        upstream = signed(rng, output.shape)
    try:
        report, recorded = _report(subject, output, upstream, reference, rtol, atol, rng)
    except StudentError as error:
        report, recorded = failed(subject, error), False
    if not repair:
        return report
    return with_repairs(report, asked_of(subject, report, output, upstream, recorded), repair)


def _report(
    subject: Handwritten, output: Array, upstream: Array, reference: Any, rtol: float, atol: float,
    rng: np.random.Generator, short: bool = False,
) -> tuple[Report, bool]:  # fmt: skip
    """All entries, with what is hidden and the notes; and whether its graph is known."""
    entries: dict[str, Entry] = {}
    notes: list[str] = []
    if reference is not None:
        reference = function_of(reference)
        entries["output"] = against(reference, subject, output, rtol, atol, rng)
    reason = not_repeatable(subject, output, notes)
    if not output.size:
        reason = _("the output is empty: nothing of a gradient can be judged")
    if not reason:
        notes += settle(subject, upstream, rng)
        call = gradients_of(subject, subject.values, upstream)
        reason = random_backward(subject, call, upstream)
    if reason:
        subject.forget_constants(())
        found = entries | dict(unjudged(subject.values or ("input",), reason).entries)
        return Report(found, notes=tuple(notes)), False
    notes += _not_judged(subject, call)
    said, hidden = order_of_calls(subject, call, upstream, rng)
    notes += said
    hidden += not_proportional(subject, call, upstream)
    if subject.several_upstreams:
        hidden.append(_("the gradients of all outputs but the first were given as zeros"))

    as_asked = None if reference is None else partial(referred, reference, layer=subject)
    known = Recognised(subject, rng, as_asked)
    tape = known.tape(subject.values)
    cell = type(subject.template) is Unrolled  # and not one step with all its outputs
    sequence = None if short or cell or tape is None else sequence_of(subject, tape)
    in_time = not short and (cell or sequence is not None)
    with Counted(subject.output) as forward:
        at = Evaluation(subject, subject.values, upstream, known, forward, tape)
        until = time.perf_counter() + PATIENCE
        look = Inquiry(at, rtol, atol, rng, notes, until, reasons=not in_time)
        entries |= {name: look.entry(name, call) for name in subject.values}
        if subject.takes_upstream:
            entries = look.within_time(lambda: look.under_one_hot(entries), entries)
    look.within_time(
        lambda: stale(subject, call, upstream, entries, notes, known, rng, look.elsewhere), None
    )
    entries |= not_judged(subject, call)
    pair = subject.template
    if cell and isinstance(pair, Unrolled) and pair.wiring.others:
        text = _("the states over the steps do not depend on it: check that part of the step apart")
        entries |= dict(unjudged(subject.ignored, text).entries)
    notes.insert(0, _("{n} evaluations of the forward", n=forward.count))
    notes += promotions(subject.arguments.values())
    hidden += hidden_by(tape, subject.values)
    if text := trivial(subject, output, rng):
        hidden.append(text)
    wrong = [n for n, e in entries.items() if e.verdict == "wrong"]
    doubtful = wrong or any(e.verdict == "inconclusive" for e in entries.values())
    if doubtful and (text := about_labels(subject)):
        notes.append(text)
    first = wrong[0] if wrong else None
    if tape is not None and first != "output":
        first = tape.nearest(wrong)
    report = Report(entries, tuple(hidden), first, tuple(notes))
    if in_time and not report:
        report = _in_time(report, look, sequence, call)
    return report if tape is None else dated(report, tape), tape is not None


def _not_judged(subject: Handwritten, call: Call) -> list[str]:
    """What has no gradient, and is taken for a constant; what results belong to nothing."""
    notes = []
    constants = subject.forget_constants(call.gradients)
    if call.unread:
        text = _("not judged: {n} of the results belong to no known value", n=call.unread)
        notes.append(text)
    if subject.ignored:
        names = ", ".join(subject.ignored)
        notes.append(_("not judged: the output does not depend on {names}", names=names))
    if call.spoilt and not subject.template.automatic:
        notes.append(spoilt(call))
    if constants:
        names = ", ".join(constants)
        notes.append(_("taken for constants, as they have no gradient: {names}", names=names))
    return notes


def _in_time(
    report: Report, look: Inquiry, sequence: tuple[int | None, int] | None, call: Call
) -> Report:
    """The report on a cell or a recurrent layer, with the mistakes that one step or few tell."""

    def judge(one: Handwritten, output: Array, arriving: Array) -> Report:
        return _report(one, output, arriving, None, look.rtol, look.atol, look.rng, short=True)[0]

    at = look.at
    if sequence is None:
        report = at_its_step(at.layer, report, at.upstream, at.tape, judge)
    else:
        report = by_length(at.layer, report, *sequence, judge, look.rng)
    return _explained_whole(report, dataclasses.replace(look, reasons=True), call)


def _explained_whole(report: Report, look: Inquiry, call: Call) -> Report:
    """The report on a whole sequence, where a part of it has not told why a gradient is wrong."""
    entries = dict(report.entries)
    for name, entry in report.entries.items():
        if entry.verdict == "wrong" and not entry.diagnoses and not entry.follows:
            found = look.entry(name, call)
            note = joined(entry.note, found.note) if not entry.note else entry.note
            entries[name] = dataclasses.replace(entry, diagnoses=found.diagnoses, note=note)
    return dataclasses.replace(report, entries=entries)
