"""Cells of recurrent networks, driven over several steps: forwards, and backwards through time."""

# ruff: noqa: D102 - Subject says what the methods are

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError, ShapeError
from ...kernels import Array
from ...messages import _
from ...ops import concatenate, stack
from ...worker.subject import Subject
from ..truth.differences import signed
from .calls import StudentError, as_array
from .canvas import plain
from .gradients import gradients_of, orders
from .here import Here
from .parameters import called_a_weight
from .parts import Handwritten
from .places import last_word, name_of, uneven
from .reading import settle
from .wiring import UnclearError, Wiring, state_at, states_of, stem, wired


class Unrolled(Here):
    """A cell driven over its steps, as a pair of functions of whole sequences.

    With ``ends``, the last states stand beside the outputs in the result, so that gradients arrive
    at them.
    """

    def __init__(self, cell: Handwritten, wiring: Wiring, ends: bool = False) -> None:
        super().__init__(None, self.forward, self.backward, {"forward": (), "backward": ()})
        self.cell, self.wiring, self.ends = cell, wiring, ends

    def duplicate(self) -> "Unrolled":
        return Unrolled(self.cell, self.wiring, self.ends)

    def functions(self) -> list[Any]:
        return self.cell.template.functions()

    def source(self) -> str:
        return self.cell.template.source()

    def label(self, method: str) -> str:
        return self.cell.template.label(method)

    @property
    def last(self) -> list[str]:
        """The states that the result ends with: of each that is no output itself."""
        states = self.wiring.states.items()
        return [n for n, k in states if self.ends and k != self.wiring.output]

    def forward(self, x: Any, rest: Mapping[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
        """The outputs of all steps ``(T, ...)``, and what each step was given."""
        values, outputs, taken = dict(rest), list[Any](), list[dict[str, Any]]()
        for t in range(len(x)):
            values["input"] = x[t]
            taken.append(dict(values))
            results = self._step(values)
            for name, k in self.wiring.states.items():
                values[name] = results[k]
                h = plain(results[k])
                if isinstance(h, Tensor) and h.name is None:
                    h.named(state_at(name, "t" if self.ends else t + 1))
            outputs.append(plain(results[self.wiring.output]))
        if not self.last:
            return stack(outputs), taken
        ends = [plain(values[name]) for name in self.last]
        return concatenate([y.reshape(-1) for y in (*outputs, *ends)]), taken

    def _step(self, values: Mapping[str, Any]) -> list[Any]:
        """The results of one step; of Canvases, recorded."""
        cell, copy = self.cell, self.cell.template.duplicate()
        for name, slot in cell.slots.items():
            cell.put(copy, slot, values[name])
        first = copy.call("forward", *self._arguments(values), **cell.flags).result
        numbers = {*self.wiring.states.values(), *self.wiring.given.values()}
        beside = [copy.beside(k - 1) if k in numbers else None for k in range(1, max(numbers) + 1)]
        return [first, *beside]

    def _arguments(self, values: Mapping[str, Any]) -> list[Any]:
        cell = self.cell
        if "input" not in cell.values:  # integers, as they are
            cell.arguments[cell.main] = values["input"]
        return [cell._typed(name, values) for name in cell.arguments]

    def backward(self, upstream: Array, cache: list[dict[str, Any]]) -> dict[str, Any]:
        """The gradients of the sequence ``(T, ...)``, of the first states, and the sums of others.

        The gradient of a state is carried to the step before, and is added there to what arrives.
        """
        states, totals = self.wiring.states, dict[str, Any]()
        carried, upstream = self._carried(upstream, cache)
        inputs: list[Any] = []
        for values, g in zip(reversed(cache), reversed(upstream), strict=True):
            found = self._back(values, g, carried)
            carried = {n: np.asarray(found[n], float) for n in states}
            inputs.insert(0, found.pop("input", None))
            for name, d in found.items():
                totals[name] = d if name in states or name not in totals else totals[name] + d
        first = None if inputs[0] is None else np.stack(inputs)
        return {"input": first} | {n: totals.get(n) for n in self.cell.values if n != "input"}

    def _carried(self, upstream: Array, cache: list[dict[str, Any]]) -> tuple[Any, Array]:
        """What arrives behind the last step, and at each step's output."""
        carried, at = {}, upstream.size
        for name in reversed(self.last):
            shape = cache[0][name].shape
            at -= int(np.prod(shape))
            carried[name] = upstream.ravel()[at : at + int(np.prod(shape))].reshape(shape)
        if self.last:
            upstream = upstream.ravel()[:at].reshape(len(cache), *self._shape(cache[0]))
        return carried, upstream

    def _shape(self, values: Mapping[str, Any]) -> tuple[int, ...]:
        return np.shape(self._step(values)[self.wiring.output])

    def _back(
        self, values: Mapping[str, Any], g: Array, carried: Mapping[str, Array]
    ) -> dict[str, Any]:
        """The gradients of one step, from what arrives at its output and at its states."""
        cell, given, used = self.cell, dict[str, Any](), set[int]()
        of_state = {k: n for n, k in self.wiring.states.items()}
        names = list(self.wiring.given.items())
        self._arguments(values)
        for name, k in names:
            later = carried.get(of_state.get(k, ""), 0.0)
            twice = [j for _n, j in names].count(k) > 1  # dh of the loss, dh_next of the next step
            mine = g if k == self.wiring.output and k not in used else 0.0
            both = mine if twice and k not in used else later if twice else mine + later
            used.add(k)
            known = values[of_state[k]] if k in of_state else g
            is_other = k not in of_state and k != self.wiring.output  # beside what is weighed
            shape = np.shape(self._step(values)[k] if is_other else known)
            given[name] = np.array(np.broadcast_to(both, shape), float)
        call = gradients_of(cell, values, g, upstreams=given)
        if call.failed is not None:
            raise call.failed
        return dict(call.gradients)


def unrolled(
    template: Subject, x: Any, steps: int | None, parameters: Any, returns: Any,
    rng: np.random.Generator,
) -> Handwritten:  # fmt: skip
    """A cell driven over its steps, ready to be checked like any other layer.

    Raises
    ------
    UnclearError
        Where it is not found how the steps hang together; it says how to say so.
    """
    given = list(x) if isinstance(x, tuple) else [x]
    xs = sequence(given, steps, rng, template)
    cell = Handwritten(template, (xs[0], *given[1:]), parameters, returns)
    if parameters is None and (others := _of_other_results(cell)):
        cell = Handwritten(template, (xs[0], *given[1:]), [*cell.slots, *others], returns)
    wiring = wired(cell, states_of(cell))
    found = _found(cell, wiring, rng)
    missing = [n for n in wiring.states if n not in found]
    if missing:
        text = _(
            "{backward} gives no gradient of {names}: nothing can be carried to the step before; "
            'if it does, say in which order it returns: returns=("dx", "d{name}", ...)'
        )
        backward = template.label("backward")
        raise UnclearError(
            text.format(backward=backward, names=", ".join(missing), name=missing[0])
        )
    return driven(Unrolled(cell, wiring), xs, cell.values)


def _of_other_results(cell: Handwritten) -> list[str]:
    """The parameters that only other results than the first need: an LSTM's output gate."""

    def results(copy: Subject) -> list[Array]:
        cell.forward(copy, cell.values)
        return [copy.beside(k) for k, shape in enumerate(copy.kept) if shape is not None]

    found = []
    try:
        usual = results(cell.placed(cell.values))
        arrays = cell.template.arrays()
        for slot, array in arrays.items():
            if array.ndim and slot not in cell.slots.values() and called_a_weight(slot):
                copy = cell.placed(cell.values)
                cell.put(copy, slot, array + uneven(array.shape))
                pairs = zip(usual, results(copy), strict=True)
                found += [name_of(slot, arrays)] * any(not np.array_equal(a, b) for a, b in pairs)
    except (StudentError, ValueError):
        return []
    return found


def driven(pair: Unrolled, xs: Array, values: Mapping[str, Array]) -> Handwritten:
    """The driven cell with its values, the arrays of the first step among them."""
    cell = pair.cell
    made = Handwritten(pair, (xs, {n: v for n, v in values.items() if n != "input"}))
    made.order, made.ignored = ("input", *(n for n in cell.values if n != "input")), cell.ignored
    made.forgotten = cell.forgotten
    made.guessed = cell.guessed if not pair.wiring.guessed else [*pair.wiring.given]
    made.optional_gradients = cell.optional_gradients & set(made.values)
    return made


def sequence(
    given: list[Any], steps: int | None, rng: np.random.Generator, template: Subject
) -> Array:
    """The inputs of all steps ``(T, ...)``: those given, or new ones like the one given."""
    first = given[0]
    several = isinstance(first, (list, tuple))
    try:
        x = np.array([np.asarray(a) for a in first]) if several else np.asarray(first)
    except ValueError as error:
        raise ShapeError("the inputs of the steps have different shapes") from error
    states = [np.ndim(a) for a in given[1:] if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    ndim = states[0] if states else 2
    alone = x.ndim < ndim + (x.dtype.kind == "f") and not (
        x.dtype.kind != "f" and len(x.shape) and x.shape[0] == steps
    )
    if alone and len(x) == steps and _takes(template, x[0], given[1:]):
        alone = False  # a state with more axes than an input has
    if not several and alone:
        if steps is None or x.dtype.kind != "f":
            raise ArgumentError("steps= needs the inputs of all steps, as an array (T, ...)")
        x = np.stack([x, *(rng.standard_normal(x.shape) for _t in range(steps - 1))])
    if steps is not None and len(x) != steps:
        text = _("steps={steps}, but the first argument has the shape {shape}: it wants (T, ...)")
        raise ShapeError(text, steps=steps, shape=x.shape)
    if not len(x):
        raise ArgumentError("steps= needs one step at least")
    return x


def _takes(template: Subject, first: Any, rest: list[Any]) -> bool:
    """Whether a cell makes a state of one step's input: a result of a state's shape."""
    try:
        result = template.duplicate().call("forward", first, *rest).result
        return as_array(result).shape in [np.shape(a) for a in rest]
    except StudentError:
        return False


def is_a_cell(template: Subject, x: Any) -> bool:
    """Whether a forward that is given a list takes one step of it, and not the list."""
    if not isinstance(x, tuple) or len(x) < 2 or not isinstance(x[0], (list, tuple)):
        return False
    items = [np.asarray(a) for a in x[0] if isinstance(a, np.ndarray)]
    if not items or len(items) != len(x[0]) or any(a.shape != items[0].shape for a in items):
        return False

    def shape(first: Any) -> tuple[int, ...] | None:
        try:
            result = template.duplicate().call("forward", first, *x[1:]).result
            return tuple(as_array(result).shape)
        except StudentError:
            return None

    alone, states = shape(items[0]), [np.shape(a) for a in x[1:] if isinstance(a, np.ndarray)]
    return alone is not None and alone in states and shape(x[0]) != alone


def _found(cell: Handwritten, wiring: Wiring, rng: np.random.Generator) -> Iterable[str]:
    """What one step gives gradients of, once it is settled how its backward is called."""
    output = cell.output(cell.values)
    upstream = signed(rng, output.shape)
    declared = cell.order is not None
    settle(cell, upstream, rng)
    call = gradients_of(cell, cell.values, upstream)
    order = list(cell.order or ())
    order += [None] * (len(call.results) - len(order))
    for k, (label, _g) in enumerate(call.results):  # dh_prec, of h
        word = stem(re.sub("^(d|grad|delta)_?", "", last_word(label)))
        same = [n for n in wiring.states if stem(n) == word and n not in order]
        if label and same and order[k] is None:
            order[k] = same[0]
    # A name that has another shape tells nothing, where an order has all of them: dz, of z or h.
    arrays = [g for _label, g in call.results]
    if not declared and not _has_shapes(cell, order, arrays):
        others = itertools.islice(orders(cell, arrays, cell.values), 50)
        order = next((list(o) for o in others if _has_shapes(cell, o, arrays)), order)
    cell.order = tuple(order)
    return gradients_of(cell, cell.values, upstream).gradients


def _has_shapes(cell: Handwritten, order: Sequence[str | None], arrays: list[Any]) -> bool:
    pairs = zip(order, arrays, strict=False)
    return all(n is None or g is None or np.shape(g) == cell.values[n].shape for n, g in pairs)
