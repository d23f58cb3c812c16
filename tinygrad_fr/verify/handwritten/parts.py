"""Layers that someone wrote in plain NumPy: what they are made of, found by inspection.

Nothing of the library is expected of them: a forward and a backward under one of many names, and
gradients that are returned, stored, or only seen in the update of the weights.
"""

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ..truth.tolerances import REPEATED
from ..vocabulary import GROUPS, RATE, TARGET, TRAINING, UNSURE_RATE
from . import arguments as roles
from .calls import StudentError, as_array
from .here import duplicate
from .subject import Answer, Slot, Subject, label


class OutOfTimeError(Exception):
    """The time for looking closer is over."""


class Handwritten:
    """A layer, activation, loss or pair of functions, ready to be called with other values.

    Attributes
    ----------
    template : Subject
        As it was given; everything happens on copies of it.
    arguments : dict of str to Any
        What the forward is given, by name.
    values : dict of str to array
        What is differentiated: ``input``, other arguments by their names, the parameters.
    slots, idle : dict of str to tuple
        Where the parameters are, and what is called like one but unused by the forward.
    roles : dict of str to str
        Which argument of the backward is what.
    """

    def __init__(self, template: Subject, x: Any, parameters: Any = None) -> None:
        self.template = template
        # Where the layer gives the same when called again, no copy is needed for a forward.
        self.reuse: Subject | None = None
        self.deadline = np.inf
        self.slots: dict[str, Slot] = {}
        self.idle: dict[str, Slot] = {}
        self.values: dict[str, Array] = {}
        self.argument_of: dict[str, str] = {}
        self.arguments, self.flags = self._given(x)
        names = list(self.arguments)
        self.is_loss = self._is_a_loss(names)
        self.main = roles.main_of_a_loss(names) if self.is_loss else names[0]
        self._differentiate_inputs()
        # Numbers are mostly settings; they count where the backward has a gradient for them.
        self.optional_gradients = {
            name for name, x in self.values.items() if name != "input" and x.ndim == 0
        }
        if template.has_object:
            self._find(parameters)

        asked, called = template.signature("backward"), template.label("backward")
        if not roles.positional(asked) and any(p.kind is p.VAR_POSITIONAL for p in asked):
            text = _("{backward} takes anything (*args): write its arguments out")
            raise ArgumentError(text, backward=called)
        at_a_point = roles.takes_the_point(called, not template.has_object, asked, names)
        self.roles = roles.roles_of(
            asked, names, self._optional(), self.main, self.is_loss, at_a_point
        )
        given = set(self.roles.values())
        self.takes_upstream, self.asks_rate = roles.UPSTREAM in given, roles.STEP in given
        self.several_upstreams = roles.NO_UPSTREAM in given
        self.pointwise = at_a_point and bool(given) and not (self.takes_upstream or self.is_loss)
        self.rate, self.rate_is_known = self._rate()

    # --- what it is made of --------------------------------------------------------------------

    def _given(self, x: Any) -> tuple[dict[str, Any], dict[str, bool]]:
        """The forward's arguments by name, and the switches for training that it needs."""
        asked = self.template.signature("forward")
        names, needed = roles.positional(asked), roles.positional(asked, needed=True)
        given = list(x) if isinstance(x, tuple) else [x]
        arguments = dict(zip(names, given, strict=False))
        left = [name for name in needed if name not in arguments]
        flags = dict.fromkeys([name for name in left if name in TRAINING], True)
        if len(left) > len(flags):
            text = _("{forward} takes {asked}: give a tuple of as many arrays")
            called = self.template.label("forward")
            raise ArgumentError(text, forward=called, asked=", ".join(needed))
        for k, extra in enumerate(given[len(names) :]):
            arguments[f"argument {len(names) + k}"] = extra
        return arguments, flags

    def _optional(self) -> list[str]:
        """The forward's arguments that have a default."""
        asked = self.template.signature("forward")
        needed = roles.positional(asked, needed=True)
        return [name for name in roles.positional(asked) if name not in needed]

    def _is_a_loss(self, names: list[str]) -> bool:
        if len(names) != 2:
            return False
        called = self.template.label("forward")
        has_target = any(n in TARGET for n in names)
        if not has_target or roles.LOSS.search(called + " " + self.template.kind):
            return has_target or bool(re.search("loss|cost", called))
        backward = self.template.signature("backward")
        if not roles.may_be_a_gate(self.arguments, roles.positional(backward, needed=True)):
            return True
        return bool(self.forward(self.template.duplicate(), {}).ndim == 0)

    def _differentiate_inputs(self) -> None:
        """Enter the inputs that are real numbers; of a loss, the prediction alone."""
        for name, argument in self.arguments.items():
            array = np.asarray(argument)
            if array.dtype.kind == "f" and (not self.is_loss or name == self.main):
                called = "input" if name == self.main else name
                self.values[called] = np.array(array, np.float64)
                self.argument_of[called] = name
        array = np.asarray(self.arguments[self.main])
        if "input" in self.values:
            return
        if array.dtype.kind not in "iu":
            raise ArgumentError("the input must be an array of numbers")
        # Integers are numbers like others, unless the forward needs them as they are: indices.
        others = dict(self.values)
        self.values = {"input": np.array(array, np.float64), **others}
        self.argument_of["input"] = self.main
        try:
            self.forward(self.template.duplicate(), self.values)
        except StudentError:
            del self.argument_of["input"]
            self.values = others
            self.forward(self.template.duplicate(), self.values)

    def _find(self, parameters: Any) -> None:
        """Find the parameters: those that are asked for, or the arrays that the output needs."""
        before, made = self.template.arrays(), self.template.duplicate()
        output = self.forward(made, self.values)
        if parameters is not None or not any(a.ndim for a in before.values()):
            after = {
                s: a for s, a in made.arrays().items()
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
            asked = {name, label(slot), slot[-1], slot[0]} & set(wanted or ())
            found |= asked
            if asked or (wanted is None and self._matters(slot, array, output)):
                self.slots[name] = slot
                self.values[name] = np.array(array, np.float64)
            elif wanted is None and array.ndim and _called_a_weight(slot[-1:]):
                self.idle[name] = slot
        used = {id(before[slot]) for slot in self.slots.values()}  # the same array elsewhere
        self.idle = {name: slot for name, slot in self.idle.items() if id(before[slot]) not in used}
        missing = [n for n in wanted or () if n not in found]
        if missing:
            known = ", ".join(label(s) for s, a in before.items() if a.ndim) or "-"
            text = _("the layer has no parameter {names}; its arrays are {known}")
            raise ArgumentError(text, names=", ".join(missing), known=known)
        after = made.arrays()
        self.optional_gradients |= {
            name for name, slot in self.slots.items()
            if wanted is None and (
                (self.values[name].ndim == 0 and not _called_a_weight(slot))
                or re.match("running|moving", str(slot[-1]))
                or not np.array_equal(after.get(slot, before[slot]), before[slot])
            )
        }  # fmt: skip

    def _matters(self, slot: Slot, array: Array, output: Array) -> bool:
        """Whether the output depends on an array."""
        if array.size == 0:
            return False
        other, moved = self.template.duplicate(), np.array(array, np.float64)
        # Not by the same amount everywhere: a softmax or a normalisation would not see it.
        moved += (
            0.1
            * np.abs(moved).max(initial=1.0)
            * (1 + np.arange(moved.size) % 3).reshape(moved.shape)
        )
        other.put(slot, moved)
        try:
            y = self.forward(other, self.values)
        except StudentError:
            return False
        return y.shape != output.shape or not np.allclose(
            y, output, rtol=REPEATED, atol=0, equal_nan=True
        )

    def _rate(self) -> tuple[float | None, bool]:
        """The learning rate, and whether it is sure to be one."""
        numbers = {name.strip("_").lower(): x for name, x in self.template.numbers().items()}
        known = {name: float(x) for name, x in numbers.items() if name in RATE and x}
        sure = [x for name, x in known.items() if name not in UNSURE_RATE]
        return next(iter([*sure, *known.values()]), None), bool(sure)

    @property
    def constants(self) -> dict[str, Any]:
        """The forward's arguments that are not differentiated."""
        fixed = set(self.argument_of.values())
        return {name: x for name, x in self.arguments.items() if name not in fixed}

    def forget_constants(self, found: Collection[str]) -> list[str]:
        """Take numbers and running statistics without a gradient for what they are: constants."""
        gone = [n for n in self.optional_gradients if n not in found]
        for name in gone:
            del self.values[name]
            self.slots.pop(name, None)
            self.argument_of.pop(name, None)
        return gone

    # --- calling it ----------------------------------------------------------------------------

    def forward(self, copy: Subject, values: Mapping[str, Array]) -> Array:
        """The output of a copy of the layer."""
        if time.perf_counter() > self.deadline:
            raise OutOfTimeError
        arguments = [self._typed(name, values) for name in self.arguments]
        return np.array(as_array(copy.call("forward", *arguments, **self.flags).result), float)

    def _typed(self, argument: str, values: Mapping[str, Array]) -> Any:
        for value, name in self.argument_of.items():
            if name == argument:
                return np.array(values[value])
        return duplicate(self.arguments[argument])

    def placed(self, values: Mapping[str, Array], copy: Subject | None = None) -> Subject:
        """A copy of the layer with given parameters, a fresh one if none is given."""
        copy = self.template.duplicate() if copy is None else copy
        for name, slot in self.slots.items():
            copy.put(slot, np.array(values[name]))
        return copy

    def output(self, values: Mapping[str, Array]) -> Array:
        """The forward computation with given values."""
        return self.forward(self.placed(values, self.reuse), values)

    def backward(
        self, copy: Subject, output: Array, upstream: Array, values: Mapping[str, Array],
        seed: int = 1,
    ) -> Answer:  # fmt: skip
        """What the backward of a copy answers, called with what its arguments are."""
        given = roles.other_arguments(self.roles, copy.kept, output, upstream)
        for name, role in self.roles.items():
            if role in self.arguments:
                given[name] = self._typed(role, values)
        return copy.call("backward", seed=seed, **given)


def _called_a_weight(slot: Slot) -> bool:
    return any(str(key).lower() in group for key in slot for group in GROUPS)
