"""Where the gradients of a layer written by hand are, and which array is whose.

They are returned, stored, handed to an optimizer, or only seen in the update of the weights; they
are known by their names, by their places in an object, by their shapes.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ...worker.subject import Answer, Slot, Subject, label
from ..vocabulary import (
    NUMBER,
    aliases,
    is_gradient_of,
    like_upstream,
    named_like_a_gradient,
    of_the_input,
)
from .arguments import RATE_GIVEN, UPSTREAM
from .calls import StudentError, as_array
from .parts import Handwritten
from .places import last_word

# How well a name fits the gradient of a parameter.
EXACT, GROUPED, HELD = 4, 3, 2
# What holds the gradients of several parameters, or of the one beside it.
_HOLDER = re.compile(r"_?d?(grads?|gradients?|dparams?|d)(_?(dict|params?|parameters?))?")


@dataclass
class Call:
    """What one forward and one backward gave.

    Attributes
    ----------
    output : array
    gradients : dict of str to array
        By name; ``input`` is what was returned for the input.
    sources : dict of str to str
        ``"returned"``, ``"stored"``, ``"optimizer"`` or ``"update"``.
    notes : list of str
    """

    output: Array
    gradients: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    results: list[tuple[str, Any]] = field(default_factory=list)  # as they were returned
    given_up: list[str] = field(default_factory=list)  # None was returned for them
    changed_input: Array | None = None
    spoilt: list[str] = field(default_factory=list)  # what others need, too: changed in place
    drew_random_numbers: bool = False
    idle: dict[str, Array] = field(default_factory=dict)  # of what the forward does not use
    orphans: list[str] = field(default_factory=list)  # of weights that are not on the object
    unread: int = 0  # results that are the gradient of nothing known
    steps: dict[str, Array] = field(default_factory=dict)  # by how much the weights went down
    failed: StudentError | None = None  # what the backward raised after it had stored something
    with_momentum: set[str] = field(default_factory=set)  # something of their shape is renewed


def gradients_of(
    layer: Handwritten, values: Mapping[str, Array], upstream: Array, copy: Subject | None = None,
    seed: int = 1, upstreams: Mapping[str, Array] | None = None,
) -> Call:  # fmt: skip
    """One forward, one backward, and the gradients found; of a fresh copy if none is given."""
    copy = layer.placed(values) if copy is None else copy
    call = Call(layer.forward(copy, values))
    before = {slot: np.array(a) for slot, a in copy.arrays(integers=True).items()}
    try:
        answer = layer.backward(copy, call.output, upstream, values, seed, upstreams)
    except StudentError as error:  # what it has stored until then counts
        answer, call.failed = Answer(error.result), error
    call.drew_random_numbers = answer.drew
    roles = {} if layer.template.automatic else layer.roles
    call.spoilt = [n for n in answer.changed if roles.get(n, UPSTREAM) == UPSTREAM]
    after = copy.given(list(layer.arguments).index(layer.main))
    if "input" in layer.values and not np.array_equal(after, values["input"], equal_nan=True):
        call.changed_input = np.array(after, float)
    if call.failed is None or answer.result is not None:
        read_returned(layer, call, answer.result, upstream)
    _from_inside(layer, call, copy, answer, before)
    known = set(call.sources.values())
    if call.failed is not None and not (known and known <= {"stored", "returned"}):
        raise call.failed
    return call


def _from_inside(
    layer: Handwritten, call: Call, copy: Subject, answer: Answer, before: Mapping[Slot, Array]
) -> None:
    """The gradients that are stored, handed to an optimizer, or used in an update.

    ``before`` are the arrays of the copy before the backward.
    """
    stored = copy.arrays(integers=True)
    fresh = {s: a for s, a in stored.items() if s not in before or not np.array_equal(before[s], a)}
    if "input" in layer.values and "input" not in call.gradients:
        for slot, array in fresh.items():
            if len(slot) == 1 and layer.meant(slot[0]) == "input":
                call.gradients["input"], call.sources["input"] = array, "stored"
    for name, slot in layer.idle.items():
        values = {**layer.values, name: copy.get(slot)}
        found = stored_gradient(name, {**layer.slots, name: slot}, values, fresh)
        if found is not None:
            call.idle[name] = found
    known = {re.sub(r".*\W", "", name) for name in (*layer.slots, *layer.idle)}
    call.orphans += [
        slot[0] for slot in fresh
        if len(slot) == 1 and _of_a_weight(slot[0])
        and not any(is_gradient_of(slot[0], name) for name in known)
    ]  # fmt: skip
    renewed = [
        a.shape for s, a in fresh.items() if s not in layer.slots.values() and not gradient_like(s)
    ]
    call.with_momentum = {name for name in layer.slots if layer.values[name].shape in renewed}
    for name, slot in layer.slots.items():
        now = copy.get(slot)
        old = before.get(slot, np.array(now))
        handed = [g for w, g in answer.handed if np.array_equal(w, old)]
        moved = not np.array_equal(now, old)
        if moved and now.shape == old.shape:
            call.steps[name] = old - now
        if name in call.gradients:
            continue
        # What the backward has left as it was is not what it computed.
        there = fresh if handed or moved else stored
        found = stored_gradient(name, layer.slots, layer.values, there)
        if found is not None:
            call.gradients[name], call.sources[name] = found, "stored"
        elif handed:
            call.gradients[name], call.sources[name] = handed[0], "optimizer"
        elif moved:  # W = W - lr * dW, with a gradient of another shape, too
            rate = RATE_GIVEN if layer.asks_rate else layer.rate or 1.0
            rate = 1.0 if now.shape != old.shape else rate
            call.gradients[name], call.sources[name] = (old - now) / rate, "update"


def read_returned(layer: Handwritten, call: Call, result: Any, upstream: Array) -> None:
    """The gradients that the backward returned, by the names of their values."""
    if layer.template.automatic:
        found = _by_places(layer, result)
    elif layer.pointwise and not isinstance(result, tuple) and "input" in layer.values:
        shape = layer.values["input"].shape
        found = [("input", _times_local(as_array(result), upstream, shape))]
    else:
        try:
            results = flattened(result, layer.template.returned("backward"), layer.values)
        except RecursionError as error:
            raise StudentError(_("the backward returns a list that holds itself")) from error
        if "input" not in layer.values and results[0][1] is None and len(results) > 1:
            results = results[1:]  # nothing for integers
        # The upstream gradient itself, handed on (db = dz), is called after no value.
        own = {name for name, role in layer.roles.items() if role == UPSTREAM}
        results = [
            ("" if label in own and np.array_equal(g, upstream) else label, g)
            for label, g in results
        ]
        order = layer.order if layer.order is not None else usual_order(layer, results)
        found = [(n, g) for n, (_label, g) in zip(order, results, strict=False) if n is not None]
        call.results = results
        for k, (label, g) in enumerate(results):
            unknown = k >= len(order) or order[k] is None
            if g is not None and unknown and not _is_of(layer.ignored, label):
                last = last_word(label)
                alone = _of_a_weight(last) or _is_of(layer.outside, last)
                call.orphans += [last] if alone else []
                call.unread += not last and len(results) > len(layer.values) + len(layer.ignored)
    for name, g in found:
        if g is None:
            call.given_up.append(name)
        else:
            call.gradients[name], call.sources[name] = as_array(g), "returned"


def _by_places(layer: Handwritten, result: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The gradients of values, given by the places of these in the arguments and the object."""
    places = {n: (name, *path) for n, (name, path) in layer.argument_of.items()}
    places |= {n: ("self", *slot) for n, slot in layer.slots.items()}
    return [(n, result[label(s)]) for n, s in places.items() if label(s) in result]


def _of_a_weight(name: str) -> bool:
    """Whether an array is called like the gradient of some weight: dW, db1."""
    return any(is_gradient_of(name.rstrip("0123456789"), weight) for weight in ("w", "b"))


def _is_of(names: list[str], label: str) -> bool:
    """Whether an array is called like the gradient of one of some values."""
    return any(is_gradient_of(label, name, True) for name in names)


def _is_array(g: Any) -> bool:
    try:
        as_array(g)
    except StudentError:
        return False
    return True


def _times_local(local: Array, upstream: Array, shape: tuple[int, ...]) -> Array:
    """The downstream gradient of a local derivative: entry by entry, or a Jacobian."""
    if local.ndim == 2 and upstream.ndim == 1 and local.shape == (upstream.size, *shape):
        return np.asarray(upstream @ local)
    try:
        return np.asarray(upstream * local)
    except ValueError:
        return local


# --- which array is whose ----------------------------------------------------------------------


def stored_gradient(name: str, places: Mapping[str, Slot], values: Mapping[str, Array],
                    stored: Mapping[Slot, Array]) -> Array | None:  # fmt: skip
    """The array of an object that is the gradient of a parameter by its name, or None."""
    own, shape = places[name], values[name].shape
    inner = {p[:-1] for p in places.values()}  # the dW of an inner layer is its own
    free = {
        s: a for s, a in stored.items()
        if s not in places.values() and not (len(s) > len(own) and s[:-1] in inner)
    }  # fmt: skip
    fits = {s: fit(own, s) for s in free}
    if not shape and not NUMBER.fullmatch(str(own[-1])):  # a setting takes its very own only
        fits = {s: f for s, f in fits.items() if f == EXACT}
    # db for b, and not dW0, even though the intercept is called w0 elsewhere.
    others = [p for n, p in places.items() if n != name]
    ranked = [
        (f, free[s].shape == shape, s) for s, f in fits.items()
        if f == EXACT or (f and not any(fit(other, s) == EXACT for other in others))
    ]  # fmt: skip
    if ranked:
        best = max(f for f, _same, _s in ranked)
        found = [s for f, _same, s in sorted(ranked, key=lambda r: -r[1]) if f == best]
        return free[found[0]]
    alike = [n for n, v in values.items() if v.shape == shape and n != "input"]
    matches = [
        a for s, a in free.items()
        if gradient_like(s) and a.shape == shape and not of_the_input(str(s[-1]))
    ]  # fmt: skip
    return matches[0] if len(matches) == 1 and alike == [name] and shape else None


@functools.lru_cache(1 << 14)
def fit(parameter: Slot, slot: Slot) -> int:
    """How well the place of an array fits the gradient of a parameter; 0 if it does not."""
    if len(slot) == len(parameter):
        return min((_fit(p, s) for p, s in zip(parameter, slot, strict=True) if p != s), default=0)
    k = len(slot) - 1
    if len(slot) < len(parameter) and slot[:k] == parameter[:k]:
        return max(_fit(p, slot[k]) for p in parameter[k:])
    if len(slot) == len(parameter) + 1 and slot[:-2] == parameter[:-1]:
        p, s = parameter[-1], slot[-1]
        known = p == s or (isinstance(p, str) and str(s).lower() in aliases(p))
        named = _fit(p, s)
        return named if named > HELD else (GROUPED if known and _holds_gradients(slot[-2]) else 0)
    return 0


def _fit(parameter: Any, key: Any) -> int:
    if not isinstance(key, str) or not isinstance(parameter, str):
        return 0
    if is_gradient_of(key, parameter, exactly=True):
        return EXACT
    if is_gradient_of(key, parameter):
        return GROUPED
    return HELD if _holds_gradients(key) else 0


def _holds_gradients(key: Any) -> bool:
    return isinstance(key, str) and bool(_HOLDER.fullmatch(key.lower()))


def gradient_like(slot: Slot) -> bool:
    """Whether an array is called like some gradient where it is."""
    return named_like_a_gradient(tuple(key for key in slot if isinstance(key, str)))


Results = list[tuple[str, Any]]


def flattened(result: Any, names: tuple[str, ...], values: Mapping[str, Array]) -> Results:
    """What a backward returned, one by one, each with the name that its code has for it."""
    if isinstance(result, Mapping):
        return [pair for key, x in result.items() for pair in _inside(f"[{key}]", x, values)]
    if not _is_several(result, values):
        return [(names[0] if len(names) == 1 else "", None if result is None else as_array(result))]
    if len(names) != len(result):
        names = getattr(result, "_fields", None) or ("",) * len(result)
    found = [
        pair for name, x in zip(names, result, strict=True) for pair in _inside(name, x, values)
    ]
    return found if len(found) > 1 else [("", g) for _name, g in found]


def _inside(name: str, x: Any, values: Mapping[str, Array]) -> Results:
    if isinstance(x, list) and _is_of_the_input(x, values):
        return [(name, as_array(x))]
    if isinstance(x, Mapping) or (isinstance(x, (tuple, list)) and _of_arrays(x)):
        return [(name + label, g) for label, g in flattened(x, (), {})]
    if x is None:
        return [(name, None)]
    if not _is_array(x) or (not np.size(g := as_array(x)) and all(map(np.size, values.values()))):
        return []  # a word, an empty list
    return [(name, g)]


def _of_arrays(x: Any) -> bool:
    return bool(x) and all(
        isinstance(g, (np.ndarray, Mapping)) or (isinstance(g, (tuple, list)) and _of_arrays(g))
        for g in x
    )


def _is_several(result: Any, values: Mapping[str, Array]) -> bool:
    """Whether it is several gradients, and not one that is written as a list."""
    if isinstance(result, tuple):
        return True
    if not isinstance(result, list) or not _of_arrays([g for g in result if g is not None]):
        return False
    return not _is_of_the_input(result, values)


def _is_of_the_input(result: list[Any], values: Mapping[str, Array]) -> bool:
    """Whether arrays are the steps, or rows, of the gradient of the input, and not several."""
    whole = values.get("input")
    if whole is None or len(result) != len(whole):
        return False
    alike = [v for v in values.values() if v.shape == whole.shape[1:]]
    same = all(g is not None and np.shape(g) == whole.shape[1:] for g in result)
    return len(values) == 1 or (same and whole.ndim > 1 and len(alike) < len(result))


def usual_order(layer: Handwritten, results: Results) -> tuple[str | None, ...]:
    """Which value each result is the gradient of: by its name, or by its place and shape."""
    # The one result of a layer's backward is the gradient of its input, whatever it is called.
    alone = len(results) == 1 and not layer.template.functional and "input" in layer.values
    named = [layer.meant(label) if label and not alone else None for label, _g in results]
    sure = [n for n in named if n is not None]
    if len(set(sure)) < len(sure):
        named = [n if sure.count(n) == 1 else None for n in named]  # type: ignore[arg-type]
        sure = [n for n in named if n is not None]
    # What has a name of its own is no gradient of something else: hs[-1], ["dZ1"].
    known = sure or any(_is_of(layer.outside, label) for label, _g in results)
    open_ = [
        n is None
        and label[:1] != "["
        and not (known and not like_upstream(label or "d"))
        and (alone or not _is_of([*layer.ignored, *layer.outside], label))
        for n, (label, _g) in zip(named, results, strict=True)
    ]
    rest = [g for (_label, g), is_open in zip(results, open_, strict=True) if is_open]
    if rest:
        values = {n: v for n, v in layer.values.items() if n not in sure}
        free = iter(next(orders(layer, rest, values), ()))
        named = [next(free, None) if o else n for n, o in zip(named, open_, strict=True)]
    return tuple(named)


def orders(
    layer: Handwritten, results: list[Any], values: Mapping[str, Array]
) -> Iterator[tuple[str, ...]]:
    """In which orders gradients may have been returned: the usual ones that have the shapes."""
    needed = [n for n in values if n not in layer.optional_gradients]
    inputs = [n for n in needed if n in layer.argument_of]
    count = len(results)
    usual = [
        names
        for names in (inputs, needed, needed[1:] + needed[:1], needed[1:], list(values))
        if len(names) == count > 1
    ] + [needed, list(values)]
    shapes = [None if g is None else np.shape(g) for g in results]

    def fits(names: Iterable[str]) -> bool:
        return all(s is None or s == values[n].shape for n, s in zip(names, shapes, strict=False))

    yield from (tuple(names) for names in usual if fits(names) and len(names) >= count)
    least = 1 if layer.template.functional else 2
    if least <= count <= len(values) <= 6:
        yield from (p for p in itertools.permutations(values, count) if fits(p))
    yield from map(tuple, usual)
