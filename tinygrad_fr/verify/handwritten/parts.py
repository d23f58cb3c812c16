"""Layers that someone wrote in plain NumPy: what they are made of, found by inspection.

Nothing of the library is expected of them: a forward and a backward under one of many names, and
gradients that are returned, stored, or only seen in the update of the weights. The object itself
is never touched: everything happens on copies.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ..vocabulary import (
    BACKWARD,
    FORWARD,
    GROUPS,
    RATE,
    STORED_OUTPUT,
    TARGET,
    TRAINING,
    UNSURE_RATE,
    member,
)
from . import arguments as roles
from .calls import StudentError, as_array, attempted, parameters_of
from .gradients import Call, collect
from .objects import (
    Slot,
    detach_class_attributes,
    duplicate,
    generator_states,
    label,
    members,
    put,
    seeded,
    slots,
    spying,
)


class OutOfTimeError(Exception):
    """The time for looking closer is over."""


class Handwritten:
    """A layer, activation, loss or pair of functions, ready to be called with other values.

    Attributes
    ----------
    values : dict of str to array
        ``input`` and the parameters.
    """

    def __init__(self, layer: Any, x: Any, forward: Any, backward: Any, parameters: Any) -> None:
        if isinstance(layer, type):
            layer = _made(layer)
        if isinstance(layer, tuple) and len(layer) == 2 and all(map(callable, layer)):
            forward, backward = forward or layer[0], backward or layer[1]
            layer = None
        elif inspect.isfunction(layer) and callable(backward):
            forward, layer = forward or layer, None
        elif inspect.ismodule(layer):
            forward = forward or member(layer, FORWARD, "forward")
            backward = backward or member(layer, BACKWARD, "backward")
            forward, backward = (
                getattr(layer, f) if isinstance(f, str) else f for f in (forward, backward)
            )
            layer = None
        # Methods of an object: it is the object that is copied, and called.
        owner = getattr(forward, "__self__", None)
        of_an_object = inspect.ismethod(forward) and not isinstance(owner, type)
        if of_an_object and (layer is None or owner is layer):
            layer, forward = owner, forward.__name__
            backward = backward.__name__ if inspect.ismethod(backward) else backward
        self.template = layer
        self.forward_name = forward or member(layer, FORWARD, "forward")
        self.backward_name = backward or member(layer, BACKWARD, "backward")
        if layer is not None:
            self.template = duplicate(layer)
            detach_class_attributes(self.template)
        self.slots: dict[str, Slot] = {}
        self.idle: dict[str, Slot] = {}  # called like weights, but unused by the forward
        self.functional = layer is None or callable(self.forward_name)
        self.reuse: Any = None
        self.deadline = np.inf
        self._inputs(x)
        self._settle_integers()
        if layer is not None:
            self._state(parameters)
        self._roles()
        self.rate, self.rate_is_known = self._rate()

    # --- what it is made of --------------------------------------------------------------------

    def method(self, owner: Any, which: Any) -> Callable[..., Any]:
        """A method of a copy of the layer, by name, or a function as it is."""
        if callable(which):
            return which  # type: ignore[no-any-return]
        method: Callable[..., Any] | None = getattr(owner, which, None)
        if not callable(method):
            text = _("{kind} has no method {name}")
            raise ArgumentError(text, kind=type(owner).__name__, name=which)
        return method

    def _inputs(self, x: Any) -> None:
        asked = parameters_of(self.method(self.template, self.forward_name))
        names, needed = roles.positional(asked), roles.positional(asked, needed=True)
        given = list(x) if isinstance(x, tuple) else [x]
        self.arguments: dict[str, Any] = dict(zip(names, given, strict=False))
        self.optional = [name for name in names if name not in needed]
        left = [name for name in needed if name not in self.arguments]
        self.flags = dict.fromkeys([name for name in left if name in TRAINING], True)
        if len(left) > len(self.flags):
            called, wanted = self._label(self.forward_name), ", ".join(needed)
            text = _("{forward} takes {asked}: give a tuple of as many arrays")
            raise ArgumentError(text, forward=called, asked=wanted)
        for k, extra in enumerate(given[len(names) :]):
            self.arguments[f"argument {len(names) + k}"] = extra
        names = list(self.arguments)
        self.is_loss = self._is_a_loss(names)
        self.main = roles.main_of_a_loss(names) if self.is_loss else names[0]
        self.values: dict[str, Array] = {}
        self.argument_of: dict[str, str] = {}
        for name in names:
            array = np.asarray(self.arguments[name])
            called = "input" if name == self.main else name
            if array.dtype.kind == "f" and (not self.is_loss or name == self.main):
                self.values[called] = np.array(array, np.float64)
                self.argument_of[called] = name
        if "input" not in self.values:
            array = np.asarray(self.arguments[self.main])
            if array.dtype.kind not in "iu":
                raise ArgumentError(_("the input must be an array of numbers"))
            self.values = {"input": np.array(array, np.float64), **self.values}
            self.argument_of["input"] = self.main
        # Numbers are mostly settings; they count where the backward has a gradient for them.
        self.optional_gradients = {
            name for name, x in self.values.items() if name != "input" and x.ndim == 0
        }

    def _is_a_loss(self, names: list[str]) -> bool:
        if len(names) != 2:
            return False
        called = self._label(self.forward_name)
        has_target = any(n in TARGET for n in names)
        if not has_target or roles.LOSS.search(called + " " + type(self.template).__name__):
            return has_target or bool(re.search("loss|cost", called))
        backward = parameters_of(self.method(self.template, self.backward_name))
        if not roles.may_be_a_gate(self.arguments, roles.positional(backward, needed=True)):
            return True
        self.values, self.argument_of = {}, {}
        return bool(self.forward(duplicate(self.template), {}).ndim == 0)

    def _settle_integers(self) -> None:
        """Integers are numbers like others, unless the forward needs them as they are: indices."""
        if np.asarray(self.arguments[self.main]).dtype.kind not in "iu":
            return
        try:
            self.forward(duplicate(self.template), self.values)
        except StudentError:
            del self.argument_of["input"]
            values = {name: v for name, v in self.values.items() if name != "input"}
            self.forward(duplicate(self.template), values)
            self.values = values

    def _state(self, parameters: Any) -> None:
        """Find the parameters: the arrays that the output depends on."""
        before = dict(slots(self.template))
        made = duplicate(self.template)
        self.reference_output = self.forward(made, self.values)
        if parameters is not None or not any(a.ndim for a in before.values()):
            after = {
                s: a for s, a in slots(made)
                if s in before or parameters is not None or _called_a_weight(s)
            }  # fmt: skip
            if set(after) - set(before):  # made at the first call
                self.template, before = made, after
        wanted = [parameters] if isinstance(parameters, str) else parameters
        found = set()
        for slot, array in before.items():
            alone = isinstance(slot[-1], str) and sum(s[-1] == slot[-1] for s in before) == 1
            alone = alone and slot[-1] not in ("value", "data")  # of a Parameter: W.value
            name = slot[-1] if alone else label(slot)
            if wanted is None:
                if self._matters(slot, array):
                    self._enter(name, slot, array)
                elif array.ndim and _called_a_weight(slot[-1:]):
                    self.idle[name] = slot
                continue
            asked = {name, label(slot), slot[-1], slot[0]} & set(wanted)
            if asked:
                found |= asked
                self._enter(name, slot, array)
        used = {id(before[slot]) for slot in self.slots.values()}  # the same array elsewhere
        self.idle = {name: slot for name, slot in self.idle.items() if id(before[slot]) not in used}
        missing = [n for n in wanted or () if n not in found]
        if missing:
            known = ", ".join(label(s) for s, a in before.items() if a.ndim) or "-"
            text = _("the layer has no parameter {names}; its arrays are {known}")
            raise ArgumentError(text, names=", ".join(missing), known=known)
        after = dict(slots(made))
        self.optional_gradients |= {
            name for name, slot in self.slots.items()
            if wanted is None and (
                (self.values[name].ndim == 0 and not _called_a_weight(slot))
                or re.match("running|moving", str(slot[-1]))
                or not np.array_equal(after.get(slot, before[slot]), before[slot])
            )
        }  # fmt: skip

    @property
    def constants(self) -> dict[str, Any]:
        """The forward's arguments that are not differentiated."""
        fixed = set(self.argument_of.values())
        return {name: x for name, x in self.arguments.items() if name not in fixed}

    def _enter(self, name: str, slot: Slot, array: Array) -> None:
        self.slots[name] = slot
        self.values[name] = np.array(array, np.float64)

    def forget_constants(self, found: Collection[str]) -> list[str]:
        """Take numbers and running statistics without a gradient for what they are: constants."""
        gone = [n for n in self.optional_gradients if n not in found]
        for name in gone:
            del self.values[name]
            self.slots.pop(name, None)
            self.argument_of.pop(name, None)
        return gone

    def _matters(self, slot: Slot, array: Array) -> bool:
        other = duplicate(self.template)
        if array.size == 0:
            return False
        moved = np.array(array, np.float64)
        size = 0.1 * np.abs(moved).max(initial=1.0)
        moved += size * (1 + np.arange(moved.size).reshape(moved.shape) % 3)
        put(other, slot, moved)
        try:
            y = self.forward(other, self.values)
        except StudentError:
            return False
        return y.shape != self.reference_output.shape or not np.allclose(
            y, self.reference_output, rtol=1e-12, atol=0, equal_nan=True
        )

    def _rate(self) -> tuple[float | None, bool]:
        """The learning rate, and whether it is sure to be one."""
        kinds = reversed(type(self.template).__mro__)
        attributes = {k: v for kind in kinds for k, v in vars(kind).items()}
        attributes |= members(self.template)
        known = {
            name.strip("_").lower(): float(value)
            for name, value in attributes.items()
            if name.strip("_").lower() in RATE and isinstance(value, (int, float)) and value
        }
        sure = [value for name, value in known.items() if name not in UNSURE_RATE]
        if sure or not known:
            return (sure[0] if sure else None), bool(sure)
        return next(iter(known.values())), False

    def _roles(self) -> None:
        """Which argument of the backward is what."""
        found = parameters_of(self.method(self.template, self.backward_name))
        known, called = list(self.arguments), self._label(self.backward_name)
        if not roles.positional(found) and any(p.kind is p.VAR_POSITIONAL for p in found):
            text = _("{backward} takes anything (*args): write its arguments out")
            raise ArgumentError(text, backward=called)
        at_a_point = roles.takes_the_point(called, self.template is None, found, known)
        self.roles = roles.roles_of(
            found, known, self.optional, self.main, self.is_loss, at_a_point
        )
        given = set(self.roles.values())
        self.takes_upstream, self.asks_rate = roles.UPSTREAM in given, roles.STEP in given
        self.several_upstreams = roles.NO_UPSTREAM in given
        self.pointwise = at_a_point and bool(given) and not (self.takes_upstream or self.is_loss)

    def _label(self, which: Any) -> str:
        return which if isinstance(which, str) else getattr(which, "__name__", "function")

    # --- calling it ----------------------------------------------------------------------------

    def forward(
        self, owner: Any, values: Mapping[str, Array], keep: list[Any] | None = None
    ) -> Array:
        """The output of a copy of the layer; ``keep`` receives what it returned and was given."""
        if time.perf_counter() > self.deadline:
            raise OutOfTimeError
        arguments = {name: self._typed(name, values) for name in self.arguments}
        with seeded(0):
            y = attempted(self.method(owner, self.forward_name), *arguments.values(), **self.flags)
        if y is None and owner is not None:  # it stores its output, and returns nothing
            stored = {name.lower(): value for name, value in members(owner).items()}
            y = next((stored[n] for n in STORED_OUTPUT if stored.get(n) is not None), None)
        if keep is not None:
            keep += [y, arguments]
        if isinstance(y, tuple) and y:  # (out, cache)
            y = y[0]
        return np.array(as_array(y), np.float64)

    def _typed(self, argument: str, values: Mapping[str, Array]) -> Any:
        for value, name in self.argument_of.items():
            if name == argument:
                return np.array(values[value])
        return duplicate(self.arguments[argument])

    def placed(self, values: Mapping[str, Array], owner: Any = None) -> Any:
        """A copy of the layer with given parameters, a fresh one if none is given."""
        owner = duplicate(self.template) if owner is None else owner
        for name, slot in self.slots.items():
            put(owner, slot, np.array(values[name]))
        return owner

    def output(self, values: Mapping[str, Array]) -> Array:
        """The forward computation with given values."""
        # Where the layer gives the same when called again, no copy is needed.
        return self.forward(self.placed(values, self.reuse), values)

    def gradients(
        self, values: Mapping[str, Array], upstream: Array, owner: Any = None, seed: int = 1
    ) -> Call:
        """One forward, one backward, and the gradients found."""
        owner = self.placed(values) if owner is None else owner
        kept: list[Any] = []
        output = self.forward(owner, values, kept)
        raw, arguments = kept
        call = Call(output)
        before = {slot: np.array(a) for slot, a in slots(owner, integers=True)}
        before_drawing = generator_states(owner)
        spied: list[tuple[Array, Array]] = []
        with spying(owner, spied), seeded(seed):
            given = self.backward_arguments(raw, output, upstream, values)
            result = attempted(self.method(owner, self.backward_name), **given)
        call.drew_random_numbers = str(before_drawing) != str(generator_states(owner))
        after = arguments[self.main]
        if "input" in self.values and not np.array_equal(after, values["input"], equal_nan=True):
            call.changed_input = np.array(after, float)
        collect(self, call, owner, result, upstream, before, spied)
        return call

    def backward_arguments(
        self, raw: Any, output: Array, upstream: Array, values: Mapping[str, Array]
    ) -> dict[str, Any]:
        """What to call the backward with; ``raw`` is what the forward returned."""
        given = roles.other_arguments(self.roles, raw, output, upstream)
        for name, role in self.roles.items():
            if role in self.arguments:
                given[name] = self._typed(role, values)
        return given


def _made(kind: type) -> Any:
    """An object of a class, if it needs no arguments."""
    if roles.positional(parameters_of(kind), needed=True):
        text = _("{kind} takes arguments: give an object, {kind}(...), not the class")
        raise ArgumentError(text, kind=kind.__name__)
    return attempted(kind)


def _called_a_weight(slot: Slot) -> bool:
    return any(str(key).lower() in group for key in slot for group in GROUPS)
