"""What a layer keeps from call to call: what it should forget, and what it should have kept."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, joined
from ...worker.subject import Subject
from ..truth.comparison import close
from ..truth.differences import directional, signed
from ..truth.limits import redrawn
from ..truth.tolerances import ALIKE, ASKED, ROUNDING, SAMPLED, TINY
from ..vocabulary import RESET
from .calls import StudentError
from .gradients import Call, gradients_of, read_returned
from .parameters import set_back
from .parts import Handwritten
from .recognition import Recognised


def same(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to the bit, NaN included."""
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def near(a: Array, b: Array) -> bool:
    """Whether two arrays are the same but for rounding."""
    return same(a, b) or close(a, b, ALIKE)


# --- can it be judged? -------------------------------------------------------------------------


def not_repeatable(layer: Handwritten, output: Array, notes: list[str]) -> str:
    """Why finite differences make no sense here; empty if they do."""
    if not same(layer.output(layer.values), output):
        return _(
            "the forward is random in a way that no seed governs: finite differences cannot judge "
            "it"
        )
    if not layer.template.has_object:
        return ""
    copy = layer.placed(layer.values)
    state = copy.state()
    first = layer.forward(copy, layer.values)
    copy.restore(state)
    if same(first, layer.forward(copy, layer.values)):
        layer.reuse = None if state else copy
    else:
        text = _(
            "state leaks between calls: a second forward on the same input gives another output"
        )
        notes.append(text)
    return ""


def random_backward(layer: Handwritten, call: Call, upstream: Array) -> str:
    """Whether the backward draws random numbers of its own, such as a new dropout mask."""
    other = gradients_of(layer, layer.values, upstream, seed=2)
    repeated = all(
        name in other.gradients and same(np.asarray(g), np.asarray(other.gradients[name]))
        for name, g in call.gradients.items()
    )
    if repeated and not call.drew_random_numbers:
        return ""
    return _(
        "the backward draws random numbers of its own (a new dropout mask?): it must use those of "
        "the forward"
    )


# --- what is said of it ------------------------------------------------------------------------


def order_of_calls(
    layer: Handwritten, call: Call, upstream: Array, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """What a changed order of calls does: notes, and what stays hidden."""
    notes: list[str] = []
    if call.changed_input is not None:
        notes.append(_("the layer modifies its input in place: work on a copy of it"))
    subject = layer.template
    nothing_kept = not subject.has_object or layer.pointwise or layer.is_loss
    if nothing_kept or subject.automatic or "input" not in layer.values:
        return notes, []
    try:
        _backward_alone(layer, layer.placed(layer.values), call.output, upstream)
        notes.append(_("a backward before any forward gives something without an error"))
    except StudentError as error:
        notes.append(_("a backward before any forward raises {error}", error=error))
    copy = layer.placed(layer.values)
    # Turned round as well: redrawn entries mostly keep their signs, and with them a relu's mask.
    another = np.flip(redrawn({"x": layer.values["input"]}, rng)["x"])
    try:
        layer.forward(copy, layer.values)
        layer.forward(copy, {**layer.values, "input": another.copy()})
        after = _backward_alone(layer, copy, call.output, upstream)
    except StudentError:
        return notes, []
    mine = call.gradients.get("input")
    if after is None or mine is None or same(after, np.asarray(mine)):
        return notes, []
    text = _("a second forward (a validation batch) before the backward replaces the cached values")
    return notes, [text]


def _backward_alone(
    layer: Handwritten, copy: Subject, output: Array, upstream: Array
) -> Array | None:
    call = Call(output)
    read_returned(
        layer, call, layer.backward(copy, output, upstream, layer.values).result, upstream
    )
    return call.gradients.get("input")


def not_proportional(layer: Handwritten, call: Call, upstream: Array) -> list[str]:
    """Whether the gradients are cut where they are large: what the check does not see."""
    if not layer.takes_upstream:
        return []
    factor = 1e3
    try:
        larger = gradients_of(layer, layer.values, factor * upstream).gradients
    except StudentError:
        return []
    for name, g in call.gradients.items():
        small, large = np.asarray(g, float), np.asarray(larger.get(name, g), float)
        if call.sources[name] != "update" and not close(factor * small, large, ASKED):
            text = _(
                "the gradients do not grow with the upstream gradient (clipped?): they were "
                "judged for upstream gradients of about 1 only"
            )
            return [text]
    return []


def trivial(layer: Handwritten, output: Array, rng: np.random.Generator) -> str:
    """A word where the forward does so little that any gradient of it says nothing."""
    x = layer.values.get("input")
    if x is None or layer.slots:
        return ""
    if same(output, x):
        return _("the forward gives its input back: there is little to derive here")
    try:
        others = [redrawn({"x": x}, rng)["x"] for _draw in range(2)]
        if any(same(x, z) for z in others):
            return ""
        outputs = [layer.output({**layer.values, "input": z}) for z in others]
    except StudentError:
        return ""
    if all(same(output, y) for y in outputs):
        return _(
            "the forward gives the same for other inputs: it is constant, or remembers its answers"
        )
    return ""


# --- gradients that are right in a first call only ----------------------------------------------


@dataclasses.dataclass(frozen=True)
class Stale:
    """A gradient that is wrong in a later call."""

    name: str
    hand: Array
    error: float  # relative
    text: str
    detail: Mapping[str, float] = dataclasses.field(default_factory=dict)


def stale(
    layer: Handwritten, call: Call, upstream: Array, entries: dict[str, Entry], notes: list[str],
    known: Recognised, rng: np.random.Generator,
    elsewhere: Callable[[str, Mapping[str, Array], Call], Entry],
) -> None:  # fmt: skip
    """Mark the gradients that are right in a first call only.

    Parameters
    ----------
    elsewhere
        The verdict on a gradient with other weights.
    """
    if not layer.template.has_object:
        return
    _mark(entries, _accumulated(layer, call, upstream, notes))
    _mark(entries, _left_behind(layer, upstream, rng))
    fixed = {name: x for name, (_slot, x) in layer.fixed.items()}
    if fixed or any(layer.values[name].ndim for name in layer.slots):
        right = [n for n, e in entries.items() if e.verdict == "correct" and not e.diagnoses]
        weights = {n: layer.values[n] for n in layer.slots} | fixed
        values = {**layer.values, **redrawn(weights, rng)}
        try:
            later, tape = gradients_of(layer, values, upstream), known.tape(values)
        except StudentError:
            return
        other = _wrong_with_other_weights(layer, values, later, upstream, right, tape, rng)
        if not _keeps_something(layer, later, values, upstream):
            text = _("right with the weights that the layer was made with, wrong with others")
            for name in [one.name for one in other]:
                entry = elsewhere(name, values, later)
                if entry.verdict == "wrong":
                    entries[name] = dataclasses.replace(entry, note=joined(text, entry.note))
            return
        _mark(entries, other)


def _mark(entries: dict[str, Entry], found: Iterator[Stale]) -> None:
    for one in found:
        entry = entries.get(one.name)
        if entry is None or any(d.kind == "stale_cache" for d in entry.diagnoses):
            continue
        d = Diagnosis("stale_cache", one.text, one.detail)
        entries[one.name] = dataclasses.replace(
            entry, verdict="wrong", diagnoses=(d, *entry.diagnoses), hand=one.hand,
            max_rel_error=max(one.error, entry.max_rel_error),
        )  # fmt: skip


def _accumulated(
    layer: Handwritten, call: Call, upstream: Array, notes: list[str]
) -> Iterator[Stale]:
    """Gradients that grow from call to call: accumulated, and never set back to zero."""
    try:
        second = _second(layer, layer.values, upstream)
    except StudentError as error:
        notes.append(_("a second call fails: {error}", error=error))
        return
    resets = [m.partition(".")[2] for m in layer.template.methods() if RESET.match(m)]
    if resets and _adds_up(layer, call, upstream):
        text = _("the gradients add up from call to call until {method} is called")
        notes.append(text.format(method=resets[0]))
    for name, first, now in _pairs(call, second, ("update",)):
        if first.shape != now.shape:
            continue
        # A stored gradient that is the same again cannot be told from an old one.
        factor = float((first * now).sum() / max((first**2).sum(), TINY))
        text = _(
            "the gradient depends on earlier calls: at the second call it is {factor:.6g} times "
            "the first; set it to zero, or assign it (=), in each backward",
            factor=factor,
        )
        yield Stale(name, now, abs(factor - 1), text, {"factor": factor})


def _adds_up(layer: Handwritten, call: Call, upstream: Array) -> bool:
    try:
        second = _second(layer, layer.values, upstream, reset=False)
    except StudentError:
        return True
    return any(_pairs(call, second, ("update",)))


def _left_behind(layer: Handwritten, upstream: Array, rng: np.random.Generator) -> Iterator[Stale]:
    """Gradients computed from what the forward of an earlier batch has left behind."""
    if "input" not in layer.values:
        return
    other = {**layer.values, **redrawn({"input": layer.values["input"]}, rng)}
    try:
        alone, second = gradients_of(layer, other, upstream), _second(layer, other, upstream)
    except StudentError:
        return
    for name, first, now in _pairs(alone, second, ("update", "optimizer")):
        text = _(
            "at a second call, with another input, the gradient is not that of this input: "
            "something was kept from the first call"
        )
        scale = max(float(np.abs(first).max(initial=0.0)), TINY)
        same_shape = first.shape == now.shape
        error = float(np.abs(first - now).max(initial=0.0)) / scale if same_shape else np.inf
        yield Stale(name, now, error, text)


def _pairs(
    first: Call, second: Call, uncomparable: tuple[str, ...]
) -> Iterator[tuple[str, Array, Array]]:
    """The gradients that two calls do not agree about, though their outputs are the same."""
    if not near(second.output, first.output):
        return  # its state is part of what the forward computes
    for name, g in first.gradients.items():
        source = first.sources[name]
        if second.sources.get(name) == source and source not in uncomparable:
            here, there = np.asarray(g, float), np.asarray(second.gradients[name], float)
            if not near(here, there):
                yield name, here, there


def _second(
    layer: Handwritten, values: Mapping[str, Array], upstream: Array, reset: bool = True
) -> Call:
    """A call with an object that has been called before, its weights and generators set back."""
    copy = layer.placed(layer.values)
    state = copy.state()
    gradients_of(layer, layer.values, upstream, copy)
    if reset:
        set_back(copy)
    layer.placed(layer.values, copy)
    copy.restore(state)
    return gradients_of(layer, values, upstream, copy)


def _keeps_something(
    layer: Handwritten, call: Call, values: Mapping[str, Array], upstream: Array
) -> bool:
    """Whether gradients are made of arrays that stand beside the weights from the beginning."""
    beside = layer.placed(values)
    for slot, array in beside.arrays().items():
        if slot in layer.slots.values() or array.size < 2:
            continue
        copy = beside.duplicate()
        copy.put(slot, np.asarray(array) + 0.1 * (1 + np.arange(array.size)).reshape(array.shape))
        try:
            other = gradients_of(layer, values, upstream, copy).gradients
        except StudentError:
            return True
        if any(not near(np.asarray(g, float), np.asarray(other.get(name, 0.0), float))
               for name, g in call.gradients.items()):  # fmt: skip
            return True
    return False


def _wrong_with_other_weights(
    layer: Handwritten, values: Mapping[str, Array], later: Call, upstream: Array,
    right: list[str], tape: Tape | None, rng: np.random.Generator,
) -> Iterator[Stale]:  # fmt: skip
    """Gradients that are right with the first weights, and wrong once the weights have changed."""
    for name in right:
        g = later.gradients.get(name)
        if g is None or later.sources[name] == "update" or np.asarray(g).dtype == np.float32:
            continue
        mine = np.asarray(g, float)
        if tape is not None:
            true = tape.gradient(name, upstream)
            fits = true is None or close(mine, true, ROUNDING["f"])
        else:
            fits = _right_along(layer, values, name, mine, upstream, rng)
        if not fits:
            text = _(
                "right with the weights that the layer was made with, and wrong once they have "
                "changed: something was computed from the first weights and kept"
            )
            yield Stale(name, mine, 0.0, text)


def _right_along(
    layer: Handwritten, values: Mapping[str, Array], name: str, mine: Array, upstream: Array,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether a gradient has the slope of the forward along one of a few random directions."""
    x = values[name]
    if mine.shape != x.shape:
        return True

    def f(z: Array) -> float:
        try:
            return float((layer.output({**values, name: z}) * upstream).sum())
        except StudentError:
            return np.nan

    for _direction in range(3):
        d = signed(rng, x.shape)
        slope, error = directional(f, x, d)
        allowed = SAMPLED * float(np.linalg.norm(mine)) + 10 * error
        if not abs(slope - float((mine * d).sum())) > allowed:  # NaN tells nothing
            return True
    return False
