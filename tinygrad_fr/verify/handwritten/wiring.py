"""How the steps of a cell hang together: which results are states, which gradients go where."""

import dataclasses
import re
from collections.abc import Mapping

from ...messages import _
from . import arguments as roles
from .calls import positional
from .parameters import called_a_weight
from .parts import Handwritten


class UnclearError(Exception):
    """It is not clear how the steps hang together."""


@dataclasses.dataclass(frozen=True)
class Wiring:
    """Which results of a step go into the next, and where their gradients go back.

    Attributes
    ----------
    states : dict of str to int
        The values that a step takes from the one before, and the number of the result each is.
    given : dict of str to int
        The arguments of the backward that are gradients of results, with the result's number.
    guessed : bool
        Whether names did not tell, and there was a choice.
    """

    states: Mapping[str, int]
    given: Mapping[str, int]
    guessed: bool = False

    @property
    def output(self) -> int:
        """The result that the loss is made of."""
        return min(self.given.values())

    @property
    def others(self) -> list[str]:
        """The arguments that are gradients of results that the loss is not made of: 0, then."""
        known = {self.output, *self.states.values()}
        return [name for name, k in self.given.items() if k not in known]


def state_at(name: str, t: int | str) -> str:
    """What a state is called after some steps: ``h_3``; ``h_t`` after one that stands for all."""
    return f"{stem(name)}_{t}"


_WORDS = re.compile(
    r"^\w+\.(?=\w)|prev(ious)?|next|pr[eé]c(edente?)?|suiv(ante?)?|old|new|last|init(iale?)?"
    r"|ancien(ne)?|nouve(lle|au)|_?tm1|\d|_t\b",
    re.I,
)


def stem(name: str) -> str:
    """What a state is called at any step: ``h`` of ``prev_h``, ``h_next``, ``ht``."""
    word = _WORDS.sub("", name).replace("_", "")
    word = word[:-1] if len(word) == 2 and word[1] == "t" else word
    return word.lower() or name


def states_of(cell: Handwritten) -> tuple[dict[str, int], list[str], bool]:
    """The states with the numbers of results; the results' names; whether there was a choice."""
    copy = cell.placed(cell.values)
    output = cell.forward(copy, cell.values)
    shapes = [output.shape, *copy.kept]
    labels = cell.template.returned("forward")
    labels = labels if len(labels) == len(shapes) else ("",) * len(shapes)
    free = [v for v, (_argument, path) in cell.argument_of.items() if v != "input" and not path]
    states: dict[str, int] = {}
    for k, (label, shape) in enumerate(zip(labels, shapes, strict=True)):
        for name in free:
            same = label and stem(label) == stem(name) and shape == cell.values[name].shape
            if same and name not in states:
                states[name] = k
    guessed = False
    for k, shape in enumerate(shapes):
        left = [n for n in free if n not in states and not called_a_weight((n,))]
        left = [n for n in left if cell.values[n].shape == shape]
        if k not in states.values() and left:
            guessed |= len(left) > 1
            states[left[0]] = k
    if not states:
        text = _(
            "no result of {forward} is a state that goes into the next step: it was called "
            "{forward}({names}); call the states alike, as argument and as result (h_prev, h_next)"
        )
        label = cell.template.label("forward")
        raise UnclearError(text.format(forward=label, names=", ".join(cell.arguments)))
    return dict(sorted(states.items(), key=lambda item: item[1])), list(labels), guessed


def wired(cell: Handwritten, found: tuple[dict[str, int], list[str], bool]) -> Wiring:
    """Which arguments of the backward take the gradients of which results.

    Without states, of the first results in their order, where names do not tell.
    """
    states, labels, guessed = found
    wanted = (roles.UPSTREAM, roles.NO_UPSTREAM)
    names = [
        n for n in positional(cell.template.signature("backward")) if cell.roles.get(n) in wanted
    ]
    words = {k: {stem(label)} for k, label in enumerate(labels) if label}
    for name, k in states.items():
        words.setdefault(k, set()).add(stem(name))
    given: dict[str, int] = {}
    for name in names:
        word = stem(re.sub("^(d|grad|delta)_?|_?grad$", "", name))
        told = [k for k, known in words.items() if word in known]
        if told:
            given[name] = told[0]
    numbers = dict.fromkeys([*states.values(), 0]) if states else range(len(names))
    rest = [k for k in numbers if k not in given.values()]
    for name in names:
        if name not in given and rest:
            guessed |= len(rest) > 1 and len(names) - len(given) != len(rest)
            given[name] = rest.pop(0)
    without = [n for n, k in states.items() if k not in given.values()]
    if without:
        text = _(
            "{backward} takes no gradient of the state {names}: it is called with {given}; a "
            "backward takes one gradient for each state, and what the forward has cached"
        )
        label = cell.template.label("backward")
        raise UnclearError(
            text.format(backward=label, names=", ".join(without), given=", ".join(names) or "-")
        )
    return Wiring(states, {n: given[n] for n in names if n in given}, guessed)
