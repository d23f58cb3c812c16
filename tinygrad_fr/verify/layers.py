"""Layers written by hand in plain NumPy, against the numeric derivative of their own forward."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..kernels import Array
from ..messages import _
from ..report import Diagnosis, Entry, Report, joined
from .blind import hidden_by, redrawn
from .case import Case, close
from .diagnosis import diagnose, what_is_known
from .gathering import Call
from .habits import accumulated, order_of_calls, random_backward, repeatable
from .handwritten import Handwritten
from .judging import compare, confirm, sampled
from .kinks import at_kinks, by_convention
from .numeric import FULL, Counted, signed
from .recognition import recognised
from .reference import against
from .student import StudentError
from .tape import Tape

# Seconds of forward computations that one gradient may cost, and the most entries for them.
SECONDS, MOST = 4.0, 5000


def layer(
    layer: Any,
    x: Any,
    *,
    upstream: Any = None,
    forward: Any = None,
    backward: Any = None,
    parameters: Any = None,
    reference: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Check a layer, activation or loss that someone wrote with plain NumPy, unchanged.

    Parameters
    ----------
    layer
        An object with a forward and a backward under usual names (``forward`` / ``backward``,
        ``backprop``, ``backward_pass``, ``__call__`` / ``gradient``, ``loss`` / ``gradient``,
        ...); a class made without arguments; or a pair of functions, ``(forward, backward)``.
    x
        Its input; a tuple for a forward of several arguments (a loss: in the order in which it
        takes them; functions: input, then parameters).
    upstream
        The gradient at its output; random and signed if None (ones for a loss).
    forward, backward
        The names of the methods, or functions, where they are not found.
    parameters
        The names of the attributes (or keys of dicts) that are parameters.
    reference
        An operation, Module or function that the forward should equal.
    rtol, atol
        As for :func:`hand`.
    seed
        Of the random numbers.

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
    """
    try:
        subject = Handwritten(layer, x, forward, backward, parameters)
        check = _Check(subject, upstream, rtol, atol, np.random.default_rng(seed))
    except StudentError as error:
        text = _("the forward fails on this input: {error}").format(error=error)
        return Report({"input": Entry("input", "inconclusive", note=text)})
    try:
        return check.report(reference)
    except StudentError as error:
        return Report({"input": Entry("input", "wrong", note=str(error), max_rel_error=np.inf)},
                      (), "input")  # fmt: skip


class _Check:
    """The verification of one layer."""

    def __init__(
        self, subject: Handwritten, upstream: Any, rtol: float, atol: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.subject, self.rtol, self.atol, self.rng = subject, rtol, atol, rng
        self.notes: list[str] = []
        self.hidden: list[str] = []
        self.values = subject.values
        self.output = subject.output(self.values)
        if upstream is not None:
            self.upstream = np.asarray(upstream, float)
        elif subject.is_loss or not (subject.takes_upstream or subject.pointwise):
            self.upstream = np.ones(self.output.shape)
        else:
            self.upstream = signed(rng, self.output.shape)

    def report(self, reference: Any) -> Report:
        entries: dict[str, Entry] = {}
        if reference is not None:
            entries["output"] = against(reference, self.subject, self.output, self.rtol, self.atol)
        names = list(self.values)
        reason = repeatable(self.subject, self.output, self.notes)
        if not reason:
            call = self._call()
            reason = random_backward(self.subject, call, self.upstream)
        if reason:
            for name in names:
                entries[name] = Entry(name, "inconclusive", note=reason)
            return Report(entries, tuple(self.hidden), None, tuple(self.notes))
        notes, hidden = order_of_calls(self.subject, call, self.output, self.upstream, self.rng)
        self.notes += notes
        self.hidden += hidden
        self.changed_input = call.changed_input
        self.reference = self._recognise(self.values)
        f = self.tape_of(self.values)
        with Counted(self._value) as counted:
            self.counted = counted
            for name in names:
                entries[name] = self._entry(name, call, f)
            entries = self._one_hot_only(entries)
        accumulated(self.subject, call, self.upstream, entries, self.notes)
        self.notes.insert(0, _("{n} evaluations of the forward").format(n=counted.count))
        if any(getattr(v, "dtype", None) == np.float32 for v in self.subject.arguments.values()):
            self.notes.append(_("float32 inputs were promoted to float64"))
        self.hidden += hidden_by(f, self.values, None)
        wrong = [n for n, e in entries.items() if e.verdict == "wrong"]
        first = wrong[0] if wrong else None
        if f is not None and first != "output":
            first = f.nearest(wrong)
        return Report(entries, tuple(self.hidden), first, tuple(self.notes))

    def _value(self, values: Mapping[str, Array]) -> float:
        return float((self.subject.output(values) * self.upstream).sum())

    def _call(self) -> Call:
        return self.subject.gradients(self.values, self.upstream)

    def _recognise(self, values: Mapping[str, Array]) -> Any:
        other = redrawn(values, self.rng)
        try:
            outputs = [self.subject.output(v) for v in (values, other)]
        except StudentError:
            return None
        fixed = set(self.subject.argument_of.values())
        constants = {k: v for k, v in self.subject.arguments.items() if k not in fixed}
        return recognised([values, other], outputs, constants)

    def tape_of(self, values: Mapping[str, Array]) -> Tape | None:
        """The recorded graph of the layer, if it is a known one."""
        if self.reference is None:
            return None
        y = self.reference({n: Tensor(v, requires_grad=True, name=n) for n, v in values.items()})
        if y.requires_grad and y._name is not None:  # an identity
            return None
        return Tape(y) if y.requires_grad else None

    def _truth(self, name: str, tape: Tape | None) -> tuple[Entry, Array | None]:
        """The right gradient: recorded on a known layer and confirmed, or by finite differences."""
        x = self.values[name]

        def f(z: Array) -> float:
            try:
                return float(self.counted({**self.values, name: z}))
            except StudentError:
                return np.nan

        self.functions = {**getattr(self, "functions", {}), name: f}
        if tape is not None:
            found = self._pulled(tape, name)
            recorded = np.zeros(x.shape) if found is None else found
            full = 64 if self._seconds() > 1e-3 else FULL
            truth = confirm(name, f, x, recorded, 1e-5, self.atol, self.rng, full)
            if truth.verdict == "correct":
                return truth, recorded
            if truth.verdict == "wrong" and truth.numeric is not None:
                numeric = np.where(np.isnan(truth.numeric), recorded, truth.numeric)
                if at_kinks(f, x, numeric, recorded, self.rng).found:
                    return truth, recorded
        if x.size <= self._affordable():
            truth = confirm(name, f, x, np.zeros(x.shape), 1e-5, self.atol, self.rng, MOST)
            return truth, truth.numeric
        return confirm(name, f, x, np.zeros(x.shape), 1e-5, self.atol, self.rng, 0), None

    def _pulled(self, tape: Any, name: str, local: Any = None) -> Array | None:
        found: Array | None = tape.pull(self.upstream, local=local).get(tape.names.get(name, -2))
        return found

    def _seconds(self) -> float:
        start = time.perf_counter()
        self.subject.output(self.values)
        return time.perf_counter() - start

    def _affordable(self) -> int:
        return int(min(MOST, max(100, SECONDS / (8 * max(self._seconds(), 1e-6)))))

    def _entry(self, name: str, call: Call, tape: Tape | None) -> Entry:
        if name not in call.gradients:
            if name == "input" and not call.gradients:
                note = _("the backward returns nothing and stores nothing: is a return missing?")
                return Entry(name, "inconclusive", note=note)
            if name == "input":
                note = _("the layer returns no gradient for its input: accepted for a first layer")
                return Entry(name, "correct", note=note)
            note = _("no gradient was found: returned, stored or seen in an update")
            return Entry(name, "inconclusive", note=note)
        mine = call.gradients[name]
        truth, true = self._truth(name, tape)
        base = Entry(name, "correct", true, truth.numeric, mine)
        if true is None:
            return sampled(base, self.functions[name], self.values[name], self.atol, self.rng)
        claimed = np.asarray(mine, float)
        if not np.isfinite(true).all():
            note = _("the forward is not finite around this point")
            return dataclasses.replace(base, verdict="inconclusive", note=note)
        rtol = max(self.rtol, 1e-4) if mine.dtype == np.float32 else self.rtol
        # What finite differences alone can tell, or the recovery from an update.
        if tape is None or truth.verdict != "correct":
            rtol = max(rtol, 3e-6)
        if call.sources[name] == "update":
            scale = float(np.abs(self.values[name]).max(initial=0.0))
            rtol = max(rtol, 4e-16 * scale / max(float(np.abs(true).max(initial=0.0)), 1e-300))
        if claimed.shape == true.shape:
            error = np.array(1e-11 * max(1.0, float(np.abs(self.upstream).max(initial=0.0))))
            if tape is not None and truth.verdict == "correct":  # the truth is exact
                error = error * 1e-3
            judged = compare(name, claimed, true, error, rtol, self.atol)
            base = dataclasses.replace(
                base, verdict=judged.verdict, max_abs_error=judged.max_abs_error,
                max_rel_error=judged.max_rel_error, worst_index=judged.worst_index,
                note=judged.note,
            )  # fmt: skip
            if base.verdict == "correct":
                return self._said(base, call)
            kinks = at_kinks(self.functions[name], self.values[name], claimed, true, self.rng, rtol)
            if (kinks.found and kinks.accepted) or by_convention(
                tape, name, claimed, lambda rules: self._pulled(tape, name, rules), rtol
            ):
                note = _("not differentiable here; the gradient is one of the subgradients")
                return dataclasses.replace(base, verdict="kink", note=note)
            if base.verdict == "inconclusive":
                return base
        else:
            base = dataclasses.replace(
                base, verdict="wrong", max_rel_error=np.inf, max_abs_error=np.inf
            )
        return self._diagnosed(base, call, tape, true, rtol)

    def _said(self, entry: Entry, call: Call) -> Entry:
        words = {
            "stored": _("found as a stored array"),
            "update": _("recovered from the update of the weights"),
            "optimizer": _("as handed to the optimizer"),
        }
        note = words.get(call.sources[entry.name], "")
        return dataclasses.replace(entry, note=note)

    def _diagnosed(
        self, entry: Entry, call: Call, tape: Tape | None, true: Array, rtol: float
    ) -> Entry:
        case = self._case(
            entry.name, np.asarray(entry.hand, float), true, tape, self.values, self.upstream, rtol,
            call.gradients,
        )  # fmt: skip
        diagnoses = self._changed_in_place(case) or diagnose(case, self._again(entry.name, rtol))
        if call.sources[entry.name] == "update" and any(d.kind == "sign" for d in diagnoses):
            text = _("or the update goes up the slope: W += lr * dW in place of W -= lr * dW")
            diagnoses = (*diagnoses, Diagnosis("ascent", text, {}, 0.5))
        note = entry.note
        if not diagnoses:
            note = joined(note, what_is_known(case))
        if call.sources[entry.name] == "returned" and entry.shape != true.shape:
            other = [n for n, v in self.values.items() if v.shape == entry.shape]
            if other:
                text = _(
                    "it has the shape of {other}: are the returned gradients in another order?"
                )
                note = joined(note, text.format(other=", ".join(other)))
        return dataclasses.replace(entry, diagnoses=diagnoses, note=note)

    def _case(
        self, name: str, mine: Array, true: Array, tape: Tape | None, values: Mapping[str, Array],
        upstream: Array, rtol: float, hands: Mapping[str, Array] | None = None,
    ) -> Case:  # fmt: skip
        fixed = set(self.subject.argument_of.values())
        others = {k: np.asarray(v) for k, v in self.subject.arguments.items() if k not in fixed}
        known = {k: v for k, v in others.items() if v.dtype.kind in "fiu"}
        if "rate" in self.subject.roles.values():
            known["lr"] = np.array(1.0)  # what the backward is called with
        elif self.subject.rate is not None:
            known["lr"] = np.array(self.subject.rate)
        expanded = tape.expanded() if tape is not None else None
        if expanded is not None and name not in expanded.names:
            expanded = None
        return Case(
            name, mine, true, values[name], {"upstream": upstream, **values, **known}, expanded,
            upstream, {}, rtol, f=self.functions.get(name), hands=hands or {},
        )  # fmt: skip

    def _changed_in_place(self, case: Case) -> tuple[Diagnosis, ...]:
        """Whether the gradient is that at the input as the layer has left it."""
        if self.changed_input is None or case.tape is None:
            return ()
        moved = self.tape_of({**self.values, "input": self.changed_input})
        if moved is None:
            return ()
        g = moved.pull(self.upstream).get(moved.names.get(case.name, -2))
        if g is None or not close(case.hand, g, 1e-6):
            return ()
        text = _("computed from the cached input after it was changed in place: cache a copy")
        return (Diagnosis("stale_cache", text),)

    def _again(self, name: str, rtol: float) -> list[Case]:
        """The same layer with other random values and another upstream gradient."""
        values = redrawn(self.values, self.rng)
        tape = self.tape_of(values)
        if tape is None:
            return []
        upstream = self.upstream
        if (upstream != 1).any():
            upstream = signed(self.rng, upstream.shape)
        try:
            call = self.subject.gradients(values, upstream)
        except StudentError:
            return []
        g = tape.pull(upstream).get(tape.names.get(name, -2))
        if g is None or name not in call.gradients:
            return []
        mine = np.asarray(call.gradients[name], float)
        return [self._case(name, mine, g, tape, values, upstream, rtol, call.gradients)]

    def _one_hot_only(self, entries: dict[str, Entry]) -> dict[str, Entry]:
        """Right for upstream gradients with one non-zero entry only, as in 000's recipe?"""
        wrong = [n for n, e in entries.items() if n != "output" and e.verdict == "wrong"]
        if not wrong or not self.subject.takes_upstream or self.upstream.size < 2:
            return entries
        if (self.upstream != 0).sum() == 1:
            return entries
        dense, renewed = self.upstream, dict(entries)
        try:
            for k in self.rng.choice(dense.size, min(3, dense.size), replace=False):
                self.upstream = np.zeros(dense.shape)
                self.upstream.flat[k] = dense.flat[k]
                call = self._call()
                tape = self.tape_of(self.values)
                for name in wrong:
                    if name not in call.gradients:
                        return entries
                    _truth, true = self._truth(name, tape)
                    mine = np.asarray(call.gradients[name], float)
                    if true is None or not close(mine, true, 1e-5):
                        return entries
        except StudentError:
            return entries
        finally:
            self.upstream = dense
        text = _(
            "right only for an upstream gradient with a single non-zero entry, as after the cross "
            "entropy of one image; with any other it is wrong"
        )
        d = Diagnosis("one_hot_upstream_only", text)
        for name in wrong:
            renewed[name] = dataclasses.replace(
                entries[name], verdict="correct", diagnoses=(d,), note=""
            )
        return renewed
