"""Layers that someone wrote in plain NumPy: what they are made of, found by inspection.

Nothing of the library is expected of them: a forward and a backward under one of many names, and
gradients that are returned, stored, or only seen in the update of the weights. The object itself
is never touched: everything happens on copies.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import Array
from ..messages import _
from .gathering import Call, collect
from .names import (
    BACKWARD,
    CACHE,
    FORWARD,
    GROUPS,
    INPUT,
    OUTPUT,
    PREDICTION,
    RATE,
    STORED_OUTPUT,
    TARGET,
    TRAINING,
    is_pointwise,
    like_upstream,
    member,
    named_like_a_gradient,
)
from .objects import Slot, generator_states, put, seeded, slots, spying
from .student import StudentError, as_array, attempted, parameters_of


class Handwritten:
    """A layer, activation, loss or pair of functions, ready to be called with other values.

    Attributes
    ----------
    names : list of str
        ``input`` and the parameters.
    values : dict of str to array
        What they are.
    """

    def __init__(self, layer: Any, x: Any, forward: Any, backward: Any, parameters: Any) -> None:
        if isinstance(layer, type):
            layer = attempted(layer)
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
        self.template = layer
        self.forward_name = forward or member(layer, FORWARD, "forward")
        self.backward_name = backward or member(layer, BACKWARD, "backward")
        self.slots: dict[str, Slot] = {}
        self.functional = layer is None or callable(self.forward_name)
        self.rate = self._rate()
        self._inputs(x)
        if layer is not None:
            self._state(parameters)
        self._roles()
        self.reuse: Any = None

    # --- what it is made of --------------------------------------------------------------------

    def method(self, owner: Any, which: Any) -> Callable[..., Any]:
        """A method of a copy of the layer, by name, or a function as it is."""
        if callable(which):
            return which  # type: ignore[no-any-return]
        method: Callable[..., Any] | None = getattr(owner, which, None)
        if not callable(method):
            raise ArgumentError(
                _("{kind} has no method {name}"), kind=type(owner).__name__, name=which
            )
        return method

    def _required(self, which: Any) -> list[str]:
        """The names of the arguments that a method needs."""
        found = parameters_of(self.method(self.template, which))
        return [
            p.name for p in found
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
            and (p.default is p.empty or p.name in RATE | CACHE)
        ]  # fmt: skip

    def _inputs(self, x: Any) -> None:
        asked = self._required(self.forward_name)
        given = list(x) if isinstance(x, tuple) else [x]
        flags = [name for name in asked[len(given) :] if name in TRAINING]
        self.arguments: dict[str, Any] = dict(zip(asked, given, strict=False))
        self.flags = dict.fromkeys(flags, True)
        if len(given) < len(asked) - len(flags):
            raise ArgumentError(
                _("{forward} takes {asked}: give a tuple of as many arrays"),
                forward=self._label(self.forward_name),
                asked=", ".join(asked),
            )
        for k, extra in enumerate(given[len(asked) :]):
            self.arguments[f"argument {len(asked) + k}"] = extra
        names = list(self.arguments)
        targets = [n for n in names if n in TARGET]
        self.is_loss = len(names) == 2 and (
            bool(targets) or "loss" in str(self.forward_name) or "cost" in str(self.forward_name)
        )
        if self.is_loss:
            predicted = next(
                (n for n in names if n in PREDICTION and n not in targets[:1]), names[1]
            )
            self.main = predicted if predicted not in targets or len(targets) > 1 else names[0]
        else:
            self.main = names[0]
        self.values: dict[str, Array] = {}
        self.argument_of: dict[str, str] = {}
        for name in names:
            array = np.asarray(self.arguments[name])
            label = "input" if name == self.main else name
            if array.dtype.kind == "f" and (not self.is_loss or name == self.main):
                self.values[label] = np.array(array, np.float64)
                self.argument_of[label] = name
        if "input" not in self.values:
            array = np.asarray(self.arguments[self.main])
            if array.dtype.kind not in "iu":
                raise ArgumentError(_("the input must be an array of numbers"))
            self.values = {"input": np.array(array, np.float64), **self.values}
            self.argument_of["input"] = self.main

    def _state(self, parameters: Any) -> None:
        """Find the parameters: the arrays that the output depends on."""
        try:
            self.template = copy.deepcopy(self.template)
        except Exception as error:
            raise StudentError(
                _("the layer cannot be copied: {error}").format(error=error)
            ) from error
        before = dict(slots(self.template))
        made = copy.deepcopy(self.template)
        self.reference_output = self.forward(made, self.values)
        if not before or (parameters is not None):
            after = {
                s: a for s, a in slots(made)
                if s in before or parameters is not None or any(s[-1].lower() in g for g in GROUPS)
            }  # fmt: skip
            if set(after) - set(before):  # made at the first call
                self.template, before = made, after
        wanted = [parameters] if isinstance(parameters, str) else parameters
        for slot, array in before.items():
            name = slot[-1] if sum(s[-1] == slot[-1] for s in before) == 1 else ".".join(slot)
            if wanted is not None:
                if name in wanted or slot[-1] in wanted or ".".join(slot) in wanted:
                    self._enter(name, slot, array)
            elif not named_like_a_gradient(slot) and self._matters(slot, array):
                self._enter(name, slot, array)
        missing = [n for n in wanted or () if n not in self.slots]
        if missing:
            raise ArgumentError(
                _("the layer has no parameter {names}; its arrays are {known}"),
                names=", ".join(missing),
                known=", ".join(".".join(s) for s in before) or "-",
            )

    def _enter(self, name: str, slot: Slot, array: Array) -> None:
        self.slots[name] = slot
        self.values[name] = np.array(array, np.float64)

    def _matters(self, slot: Slot, array: Array) -> bool:
        other = copy.deepcopy(self.template)
        if array.size == 0:
            return False
        moved = np.array(array, np.float64)
        moved += (
            0.1
            * np.abs(moved).max(initial=1.0)
            * (1 + np.arange(moved.size).reshape(moved.shape) % 3)
        )
        put(other, slot, moved)
        try:
            y = self.forward(other, self.values)
        except StudentError:
            return False
        return y.shape != self.reference_output.shape or not np.allclose(
            y, self.reference_output, rtol=1e-12, atol=0, equal_nan=True
        )

    def _rate(self) -> float | None:
        for name, value in (
            vars(self.template).items() if hasattr(self.template, "__dict__") else ()
        ):
            if name in RATE and isinstance(value, (int, float)) and value:
                return float(value)
        return None

    def _roles(self) -> None:
        """Which argument of the backward is what."""
        found = parameters_of(self.method(self.template, self.backward_name))
        names = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        required = self._required(self.backward_name)
        label = self._label(self.backward_name)
        self.roles: dict[str, str] = {}
        forward_names = list(self.arguments)
        for name in names:
            if name in RATE:
                self.roles[name] = "rate"
            elif name in CACHE:
                self.roles[name] = "cache"
            elif name not in required:
                continue
            elif self.is_loss and name in forward_names:
                self.roles[name] = name
            elif self.is_loss and len(required) == 2:
                others = [n for n in forward_names if n != self.main]
                is_target = name in TARGET and not (name in PREDICTION and name == required[-1])
                self.roles[name] = others[0] if is_target else self.main
            elif name in forward_names and name != self.main:
                self.roles[name] = name
            elif name in TRAINING:
                self.roles[name] = "training"
            elif (
                "upstream" not in self.roles.values()
                and not self.is_loss
                and not (is_pointwise(label) and len(required) == 1 and not like_upstream(name))
                and not (name in INPUT and len(required) > 1)
            ):
                self.roles[name] = "upstream"
            elif name in OUTPUT and name not in forward_names:
                self.roles[name] = "output"
            else:
                self.roles[name] = self.main
        if self.is_loss and len(set(self.roles.values())) < len(self.roles) and len(required) == 2:
            self.roles = dict(zip(required, forward_names, strict=False))
        self.pointwise = (
            "upstream" not in self.roles.values()
            and not self.is_loss
            and bool(self.roles)
            and is_pointwise(label)
        )
        self.takes_upstream = "upstream" in self.roles.values()

    def _label(self, which: Any) -> str:
        return which if isinstance(which, str) else getattr(which, "__name__", "function")

    # --- calling it ----------------------------------------------------------------------------

    def forward(
        self, owner: Any, values: Mapping[str, Array], keep: list[Any] | None = None
    ) -> Array:
        """The output of a copy of the layer; ``keep`` receives what it returned and was given."""
        arguments = {name: self._typed(name, values) for name in self.arguments}
        with seeded(0):
            y = attempted(self.method(owner, self.forward_name), *arguments.values(), **self.flags)
        if y is None and owner is not None:  # it stores its output, and returns nothing
            stored = {name.lower(): value for name, value in vars(owner).items()}
            y = next((stored[n] for n in STORED_OUTPUT if stored.get(n) is not None), None)
        if keep is not None:
            keep += [y, arguments]
        if isinstance(y, tuple) and y:  # (out, cache)
            y = y[0]
        return np.array(as_array(y), np.float64)

    def _typed(self, argument: str, values: Mapping[str, Array]) -> Any:
        for label, name in self.argument_of.items():
            if name == argument:
                return np.array(values[label])
        x = self.arguments[argument]
        return x.copy() if isinstance(x, np.ndarray) else copy.copy(x)

    def placed(self, values: Mapping[str, Array]) -> Any:
        """A fresh copy of the layer with given parameters."""
        if self.template is None:
            return None
        owner = copy.deepcopy(self.template)
        for name, slot in self.slots.items():
            put(owner, slot, np.array(values[name]))
        return owner

    def output(self, values: Mapping[str, Array]) -> Array:
        """The forward computation with given values."""
        if self.reuse is not None:  # the layer gives the same when called again: no copy needed
            for name, slot in self.slots.items():
                put(self.reuse, slot, np.array(values[name]))
            return self.forward(self.reuse, values)
        return self.forward(self.placed(values), values)

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
        call.drew_random_numbers = before_drawing != generator_states(owner)
        main = self.argument_of["input"]
        if isinstance(arguments[main], np.ndarray) and not np.array_equal(
            arguments[main], np.asarray(values["input"]), equal_nan=True
        ):
            call.changed_input = np.array(arguments[main], float)
        collect(self, call, owner, result, upstream, before, spied)
        return call

    def backward_arguments(
        self, raw: Any, output: Array, upstream: Array, values: Mapping[str, Array]
    ) -> dict[str, Any]:
        """What to call the backward with; ``raw`` is what the forward returned."""
        given: dict[str, Any] = {}
        for name, role in self.roles.items():
            if role == "upstream":
                given[name] = np.array(upstream) if upstream.ndim else float(upstream)
            elif role == "rate":
                given[name] = 1.0
            elif role == "cache":
                rest = raw[1:] if isinstance(raw, tuple) else ()
                given[name] = rest[0] if len(rest) == 1 else rest
            elif role == "training":
                given[name] = True
            elif role == "output":
                given[name] = np.array(output)
            else:
                given[name] = self._typed(role, values)
        return given
