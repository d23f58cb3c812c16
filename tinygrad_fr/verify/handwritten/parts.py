"""Layers that someone wrote in plain NumPy: what they are made of, found by inspection.

Nothing of the library is expected of them: a forward and a backward under one of many names, and
gradients that are returned, stored, or only seen in the update of the weights.
"""

import dis
import inspect
import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...worker.subject import Answer, Kept, Slot, Subject, label
from ..vocabulary import (
    DATA,
    NUMBER,
    RATE,
    TRAINING,
    UNSURE_RATE,
    aliases,
    is_gradient_of,
    is_prediction,
    is_target,
    of_the_input,
)
from . import arguments as roles
from .calls import StudentError, as_array, positional
from .canvas import Canvas, assignable, joined, last_scopes, name_by_scopes, plain
from .here import duplicate
from .parameters import called_a_weight, find_parameters
from .places import is_plain, last_word, leaves, uneven, with_array


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
    argument_of : dict of str to (str, tuple)
        Which argument of the forward holds an input, and where in it.
    roles : dict of str to str
        Which argument of the backward is what.
    guessed : list of str
        The arguments of the backward whose names do not tell.
    unsure : list of str
        Those whose names tell, but may mean something else as well.
    order : tuple of str or None, or None
        Which value each result of the backward is the gradient of; None before it is settled.
    """

    def __init__(
        self, template: Subject, x: Any, parameters: Any = None, returns: Any = None
    ) -> None:
        self.template = template
        # Where the layer gives the same when called again, no copy is needed for a forward.
        self.reuse: Subject | None = None
        self.deadline = np.inf
        self.slots: dict[str, Slot] = {}
        self.twins: dict[Slot, list[Slot]] = {}  # where one array stands
        self.idle: dict[str, Slot] = {}
        self.fixed: dict[str, tuple[Slot, Array]] = {}  # arrays without a gradient: constants
        self.forgotten: list[str] = []  # what was a value, and is taken for a constant
        self.values: dict[str, Array] = {}
        self.argument_of: dict[str, tuple[str, Slot]] = {}
        self.order: tuple[str | None, ...] | None = None
        self.arguments, self.flags = self._given(x)
        names = list(self.arguments)
        self.is_loss = self._is_a_loss(names)
        self.main = self._main(names)
        self._differentiate_inputs()
        self.ignored = self._ignored()
        self.scalar = self.forward(template.duplicate(), self.values).ndim == 0
        # Numbers are mostly settings; they count where the backward has a gradient for them.
        self.optional_gradients = {
            name for name, x in self.values.items()
            if name != "input" and (
                (x.ndim == 0 and not NUMBER.fullmatch(name)) or is_target(name) or self.is_loss
                or (self.scalar and x.ndim and not called_a_weight((name,)))
                or (self.argument_of[name][1] and not called_a_weight((name,)))
            )
        }  # fmt: skip
        if template.has_object:
            find_parameters(self, parameters)
        inner = template.forwards() if self.is_loss and template.has_object else []
        self.inner = next(iter(inner), "")  # what the loss is of: the output of a model
        if returns is not None:
            self.order = self._declared(returns)

        asked, called = template.signature("backward"), template.label("backward")
        if not positional(asked) and any(p.kind is p.VAR_POSITIONAL for p in asked):
            text = _("{backward} takes anything (*args): write its arguments out")
            raise ArgumentError(text, backward=called)
        at_a_point = roles.takes_the_point(called, not template.has_object, asked, names)
        known = [*names, *(n for n in self.slots if n not in names)]
        self.roles, self.guessed, self.unsure = roles.roles_of(
            asked, known, self._optional(), self.main, self.is_loss, at_a_point, bool(self.inner)
        )
        given = set(self.roles.values())
        self.takes_upstream, self.asks_rate = roles.UPSTREAM in given, roles.STEP in given
        self.several_upstreams = roles.NO_UPSTREAM in given
        one = len(self.values) == 1 or not self.scalar  # and not the gradients of a whole model
        self.pointwise = (
            one and at_a_point and bool(given) and not (self.takes_upstream or self.is_loss)
        )
        self.rate, self.rate_is_known = self._rate()

    # --- what it is made of --------------------------------------------------------------------

    def _given(self, x: Any) -> tuple[dict[str, Any], dict[str, bool]]:
        """The forward's arguments by name, and the switches for training that it needs."""
        asked = self.template.signature("forward")
        names, needed = positional(asked), positional(asked, needed=True)
        given = list(x) if isinstance(x, tuple) else [x]
        arguments = dict(zip(names, given, strict=False))
        if not given or not (names or given):
            text = _(
                "{forward} is given nothing: give its input, as x, by which it is differentiated"
            )
            raise ArgumentError(text, forward=self.template.label("forward"))
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
        needed = positional(asked, needed=True)
        return [name for name in positional(asked) if name not in needed]

    def _main(self, names: list[str]) -> str:
        """The argument that is called the input: the prediction of a loss, data before weights."""
        if self.is_loss:
            return roles.main_of_a_loss(self.arguments)
        plain_ones = [n for n in names if is_plain(self.arguments[n])]
        arrays = [n for n in plain_ones if not leaves(self.arguments[n])]
        data = [n for n in arrays if DATA.fullmatch(n) and not is_target(n)]
        arrays = [n for n in arrays if not is_target(n)] or arrays
        first = (arrays or names)[0]
        return data[0] if data and called_a_weight((first,)) else first

    def _declared(self, returns: Any) -> tuple[str | None, ...]:
        """The values whose gradients are declared to be returned, by their names or by ``dW``."""
        asked = (returns,) if isinstance(returns, str) else tuple(returns)
        found = tuple(None if name is None else self.meant(name) for name in asked)
        missing = [n for n, value in zip(asked, found, strict=True) if n and value is None]
        if missing:
            text = _("returns= names {names}; there are gradients of {known}")
            raise ArgumentError(text, names=", ".join(missing), known=", ".join(self.values))
        return found

    def stored(self) -> list[str]:
        """What the forward stores in the shape of the input, to be given to a backward."""
        copy = self.template.duplicate()
        self.forward(copy, self.values)
        shape = self.values["input"].shape if "input" in self.values else None
        arrays = {s: a for s, a in copy.arrays().items() if all(isinstance(k, str) for k in s)}
        return ["." + ".".join(s) for s, a in arrays.items() if a.shape == shape]

    def meant(self, label: str) -> str | None:
        """The value of which somebody calls the gradient so; None if no name tells."""
        words = re.findall(r"\w+", label)
        same = [v for v in self.values if re.findall(r"\w+", v)[-len(words) :] == words]
        if len(words) > 1 and len(same) == 1:
            return same[0]
        label = last_word(label)
        last = {value: last_word(value) for value in self.values}
        if "input" in self.argument_of:
            last["input"] = self.argument_of["input"][0]
        exactly = [v for v, n in last.items() if label == n or is_gradient_of(label, n, True)]
        nearly = [
            v for v, n in last.items()
            if is_gradient_of(label, n) or label.lower() in aliases(n)
        ]  # fmt: skip
        for found in (exactly, nearly):
            if len(found) == 1:
                return found[0]
        if "input" in self.values and (label == "input" or of_the_input(label)):
            return "input"
        return None

    def _is_a_loss(self, names: list[str]) -> bool:
        if len(names) < 2 or any(leaves(a) for a in self.arguments.values()):
            return False
        if len(names) > 2:
            predicted = any(is_prediction(n) and not is_target(n) for n in names)
            return predicted and any(map(is_target, names))
        called = self.template.label("forward")
        has_target = any(map(is_target, names))
        if not has_target or roles.LOSS.search(called + " " + self.template.kind):
            return has_target or bool(re.search("loss|cost", called))
        backward = self.template.signature("backward")
        if not roles.may_be_a_gate(self.arguments, positional(backward, needed=True)):
            return True
        return bool(self.forward(self.template.duplicate(), {}).ndim == 0)

    def _differentiate_inputs(self) -> None:
        """Enter the inputs that are real numbers; of a loss, mostly the prediction alone."""
        keys = [path[-1] for argument in self.arguments.values() for path, _a in leaves(argument)]
        every = not self.is_loss or (self.template.automatic and not self.template.has_object)
        for name, argument in self.arguments.items():
            for path, array in leaves(argument) or [((), np.asarray(argument))]:
                own = every or name == self.main or not (is_target(name) or len(self.arguments) < 3)
                if array.dtype.kind == "f" and own:
                    called = "input" if name == self.main and not path else name
                    if path:
                        alone = isinstance(path[-1], str) and keys.count(path[-1]) == 1
                        called = path[-1] if alone else label((name, *path))
                    self.values[called] = np.array(array, np.float64)
                    self.argument_of[called] = (name, path)
        if "input" in self.values or leaves(self.arguments[self.main]):
            return
        array = np.asarray(self.arguments[self.main])
        if array.dtype.kind not in "iu":
            raise ArgumentError("the input must be an array of numbers")
        # Integers are numbers like others, unless the forward needs them as they are: indices.
        others = dict(self.values)
        self.values = {"input": np.array(array, np.float64), **others}
        self.argument_of["input"] = (self.main, ())
        try:
            self.forward(self.template.duplicate(), self.values)
        except StudentError:
            del self.argument_of["input"]
            self.values = others
            self.forward(self.template.duplicate(), self.values)

    def _ignored(self) -> list[str]:
        """Take out the arguments, not the first, that the output does not depend on."""
        others = [n for n in self.values if n != "input" and self.values[n].size]
        output = self.forward(self.template.duplicate(), self.values) if others else None
        gone = []
        for name in others:
            x = self.values[name]
            moved = x + uneven(x.shape)
            try:
                y = self.forward(self.template.duplicate(), {**self.values, name: moved})
            except StudentError:
                continue
            if output is not None and np.array_equal(y, output, equal_nan=True):
                gone.append(name)
        for name in gone:
            del self.values[name], self.argument_of[name]
        return gone

    def _rate(self) -> tuple[float | None, bool]:
        """The learning rate, and whether it is sure to be one."""
        numbers = {name.strip("_").lower(): x for name, x in self.template.numbers().items()}
        known = {name: float(x) for name, x in numbers.items() if name in RATE and x}
        sure = [x for name, x in known.items() if name not in UNSURE_RATE]
        return next(iter([*sure, *known.values()]), None), bool(sure)

    @cached_property
    def outside(self) -> list[str]:
        """The arrays that its functions take from outside: global variables, mostly."""
        found: dict[str, Any] = {}
        for f in filter(inspect.isfunction, self.template.functions()):
            around = inspect.getclosurevars(f)  # its globals have the names of attributes, too
            read = {i.argval for i in dis.get_instructions(f) if i.opname == "LOAD_GLOBAL"}
            found |= {n: x for n, x in around.globals.items() if n in read} | {**around.nonlocals}
        return [n for n, x in found.items() if isinstance(x, np.ndarray) and x.dtype.kind == "f"]

    @property
    def constants(self) -> dict[str, Any]:
        """The forward's arguments that are not differentiated."""
        fixed = {name for name, _path in self.argument_of.values()}
        return {name: x for name, x in self.arguments.items() if name not in fixed}

    def forget_constants(self, found: Collection[str]) -> list[str]:
        """Take numbers and running statistics without a gradient for what they are: constants."""
        places = {n: self.argument_of.get(n, ("", ())) for n in self.values}
        partly = {places[n][0] for n in found if n in places and places[n][1]}
        # Of a dict of parameters, all want a gradient or none.
        left = [n for n in self.values if n in self.optional_gradients and n not in found]
        gone = [n for n in left if places[n][0] not in partly]
        targeted = self.is_loss or (self.scalar and any(map(is_target, self.arguments)))
        if targeted and set(found) & set(self.values) == {"input"}:  # the weights of classes
            gone = [n for n in self.values if n != "input"]
        elif self.scalar and "input" not in found and "input" in self.values and found:
            gone.append("input")  # the data of a model
        without = [n for n in self.values if n not in (*found, *gone)]
        if found and all(map(self._is_a_mask, without)):
            gone += without
        gone = list(dict.fromkeys(gone))
        for name in gone:
            slot, x = self.slots.pop(name, None), self.values.pop(name)
            if slot is not None and x.ndim:
                self.fixed[name] = slot, x
            self.argument_of.pop(name, None)
        self.forgotten = [*self.forgotten, *gone]
        return self.forgotten

    def _is_a_mask(self, name: str) -> bool:
        """Whether an argument holds nothing but zeros and ones, and is no state or weight."""
        x, (argument, _path) = self.values[name], self.argument_of.get(name, ("", ()))
        plain_ones = x.ndim > 1 and x.any() and np.isin(x, (0, 1)).all()
        return bool(argument and name != "input" and plain_ones and not called_a_weight((name,)))

    # --- calling it ----------------------------------------------------------------------------

    def forward(self, copy: Subject, values: Mapping[str, Array]) -> Array:
        """The output of a copy of the layer."""
        if time.perf_counter() > self.deadline:
            raise OutOfTimeError
        arguments = [self._typed(name, values) for name in self.arguments]
        return np.array(as_array(copy.call("forward", *arguments, **self.flags).result), float)

    def _typed(self, argument: str, values: Mapping[str, Any]) -> Any:
        given = duplicate(self.arguments[argument])
        for value, (name, path) in self.argument_of.items():
            if name == argument:
                x = values[value]
                given = with_array(given, path, x if isinstance(x, Canvas) else np.array(x))
        return given

    def recorded(self, values: Mapping[str, Any], local: bool = False) -> Any:
        """The forward itself run on Tensors, which record it, if it can be; else it raises.

        With ``local`` Tensors are named by the local variables of its functions, too.
        """
        copy = self.template.duplicate()
        for name, slot in self.slots.items():
            self.put(copy, slot, Canvas(values[name]))
        for name, (slot, x) in self.fixed.items():
            self.put(copy, slot, Canvas(values[name]) if name in values else np.array(x))
        given = {name: Canvas(x) for name, x in values.items()}
        arguments = [self._typed(name, given) for name in self.arguments]
        functions, scopes = copy.functions(), list[Mapping[str, Any]]()
        with assignable(functions), last_scopes(functions if local else (), scopes):
            y = copy.call("forward", *arguments, **self.flags).result
        copy.name_tensors(values)
        name_by_scopes(scopes)
        return joined(y) if isinstance(y, list) else plain(y)  # a list: an output of each step

    def placed(self, values: Mapping[str, Array], copy: Subject | None = None) -> Subject:
        """A copy of the layer with given parameters, a fresh one if none is given."""
        copy = self.template.duplicate() if copy is None else copy
        for name, slot in self.slots.items():
            self.put(copy, slot, np.array(values[name]))
        for name, (slot, x) in self.fixed.items():
            with suppress(LookupError):  # a list that was emptied
                self.put(copy, slot, np.array(values.get(name, x)))
        return copy

    def put(self, copy: Subject, slot: Slot, array: Any) -> None:
        """Replace an array wherever it stands."""
        for place in self.twins.get(slot, [slot]):
            copy.put(place, array)

    def output(self, values: Mapping[str, Array]) -> Array:
        """The forward computation with given values."""
        return self.forward(self.placed(values, self.reuse), values)

    def backward(
        self, copy: Subject, output: Array, upstream: Array, values: Mapping[str, Array],
        seed: int = 1, upstreams: Mapping[str, Array] | None = None,
    ) -> Answer:  # fmt: skip
        """What the backward of a copy answers, called with what its arguments are.

        ``upstreams`` are gradients of several outputs, by the names of its arguments.
        """
        given = roles.other_arguments(self.roles, copy.kept, output, upstream)
        if self.inner and roles.RESULT in self.roles.values():  # the output before the loss
            inner = copy.call(":" + self.inner, self._typed(self.main, values)).result
            name = next(n for n, role in self.roles.items() if role == roles.RESULT)
            given[name] = as_array(inner[0] if isinstance(inner, tuple) else inner)
        for name, role in self.roles.items():
            if role in self.arguments and is_plain(self.arguments[role]):
                given[name] = self._typed(role, values)
            elif role in self.arguments:  # backward(ctx, grad)
                given[name] = Kept(argument=list(self.arguments).index(role))
            elif role in self.slots:
                given[name] = np.array(values[role])
            elif role[:1] == ".":  # what the forward has stored
                given[name] = np.array(copy.get(tuple(role[1:].split("."))))
        return copy.call("backward", seed=seed, **{**given, **(upstreams or {})})
