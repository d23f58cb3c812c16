"""What the arguments of a forward and of a backward are, by their names."""

import inspect
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ...worker.subject import Kept
from ..truth.limits import is_one_hot
from ..vocabulary import (
    CACHE,
    INPUT,
    OUTPUT,
    RATE,
    TRAINING,
    UNSURE_RATE,
    is_pointwise,
    is_prediction,
    is_target,
    like_upstream,
)
from .calls import positional

# What an argument of a backward can be, besides an argument of the forward. The names cannot be
# those of arguments.
UPSTREAM, STEP, CACHED, MODE, RESULT = ":upstream", ":rate", ":cache", ":training", ":output"
NO_UPSTREAM = ":upstream of another output"

# The learning rate that is given where one is asked for: no number that is at hand otherwise.
RATE_GIVEN = 0.3

LOSS = re.compile("loss|cost|entrop|mse|bce|perte|cout|criteri|hinge", re.I)


def main_of_a_loss(arguments: Mapping[str, Any]) -> str:
    """Which argument of a loss is the prediction: the data tell, or else the names."""

    def like_a_target(name: str) -> tuple[bool, ...]:
        return (
            is_class(arguments[name]), is_target(name, surely=True), is_target(name),
            not is_prediction(name),
        )  # fmt: skip

    return min(arguments, key=like_a_target)


def is_class(x: Any) -> bool:
    """Whether an argument holds classes: integers, one-hot rows, zeros and ones."""
    array = np.asarray(x)
    return array.dtype.kind in "iub" or is_one_hot(array) or bool(np.isin(array, (0, 1)).all())


def may_be_a_gate(arguments: Mapping[str, Any], backward: list[str]) -> bool:
    """Whether ``forward(x, y)`` can be something else than a loss with its targets.

    Two floating arrays that are not classes, and a backward that wants an upstream gradient only.
    """
    arrays = [np.asarray(a) for a in arguments.values()]
    return (
        len(backward) == 1
        and backward[0] not in arguments
        and is_upstream(backward[0], arguments)
        and all(a.dtype.kind == "f" and not is_one_hot(a) for a in arrays)
        and not np.isin(arrays[1], (0, 1)).all()
    )


def is_upstream(name: str, known: Iterable[str]) -> bool:
    """Whether an argument is called like an upstream gradient: d_out, or da next to a."""
    return (
        like_upstream(name)
        or bool(re.fullmatch(r"d[a-z]?\d?|dnext_\w+", name))
        or (name[:1] == "d" and re.sub("_?next$", "", name[1:]) in {*known, *OUTPUT, *INPUT})
    )


def essential(parameters: Iterable[inspect.Parameter], arguments: Iterable[str]) -> list[str]:
    """The arguments that a backward needs, besides rates and caches."""
    needed = positional(parameters, needed=True)
    return [n for n in needed if n in arguments or not (n in RATE or CACHE.fullmatch(n))]


def takes_the_point(
    label: str, functional: bool, parameters: list[inspect.Parameter], arguments: list[str]
) -> bool:
    """Whether a backward is a derivative at a point, such as ``sigmoid_prime(z)``.

    A function that keeps nothing and takes ``z`` alone can be nothing else.
    """
    core = essential(parameters, arguments)
    cached = any(map(CACHE.fullmatch, positional(parameters)))
    alone = functional and not cached and len(core) == 1 and core[0] in INPUT | OUTPUT
    return is_pointwise(label) or alone


def roles_of(
    parameters: list[inspect.Parameter], arguments: list[str], optional: list[str], main: str,
    is_loss: bool, pointwise: bool, inner: bool = False,
) -> tuple[dict[str, str], list[str], list[str]]:  # fmt: skip
    """Which argument of the backward is what, which were guessed, and which may be another, too.

    An argument of the forward that is called the same, or a role.

    Parameters
    ----------
    arguments, optional
        The forward's arguments that are given, and those that have a default.
    pointwise
        Whether it is called like a derivative at a point.
    inner
        Whether the loss is that of a model, which gives an output of its own.
    """
    needed = positional(parameters, needed=True)
    core = essential(parameters, arguments)
    # backward(self, g) of a layer whose gain is called g, too: it is all that it is given.
    if len(core) == 1 and core != [main] and is_upstream(core[0], ()) and not is_loss:
        arguments = [n for n in arguments if n != core[0]]
    called_so = [n for n in core if is_upstream(n, (*core, *arguments)) and n not in arguments]
    roles: dict[str, str] = {}
    guessed: list[str] = []
    unsure: list[str] = []
    for name in positional(parameters):
        own = name != main or len(core) > 1
        if name in arguments and own and (name in needed or name in RATE):
            roles[name] = name
        elif name in optional and name not in needed:
            continue  # the same default as in the forward
        elif name in RATE and not (name in UNSURE_RATE and name not in needed):
            roles[name] = STEP
        elif CACHE.fullmatch(name):
            roles[name] = CACHED
        elif name not in needed:  # backward(grad=None)
            if not core and like_upstream(name) and UPSTREAM not in roles.values():
                roles[name] = UPSTREAM
        elif is_loss:
            of_a_model = inner and name in OUTPUT and name not in arguments
            role = RESULT if of_a_model else _of_a_loss(name, core, arguments, main, called_so)
            roles[name] = role
            if name in called_so and role == main:  # dvalues: of the softmax inside, perhaps
                unsure.append(name)
        elif name in TRAINING:
            roles[name] = MODE
        elif UPSTREAM not in roles.values() and (
            name == called_so[0]
            if called_so
            else not (pointwise and len(core) == 1) and not (name in INPUT and len(core) > 1)
        ):
            roles[name] = UPSTREAM
            if is_target(name) or (not called_so and len(core) > 1):
                guessed.append(name)
        elif name in called_so:
            roles[name] = NO_UPSTREAM
        elif name in OUTPUT and name not in arguments:
            roles[name] = RESULT
        else:
            roles[name] = main
            if pointwise and len(core) == 1 and name not in INPUT:  # of the input or the output
                unsure.append(name)
            elif name != main and name not in INPUT:
                guessed.append(name)
    if is_loss and len(core) == 2 and len({roles[n] for n in core}) == 1:
        roles.update(zip(core, arguments, strict=False))
    return roles, guessed, unsure


def other_roles(
    roles: Mapping[str, str], guessed: list[str], arguments: Iterable[str]
) -> Iterator[dict[str, str]]:
    """Every other part that the guessed arguments of a backward can play."""
    parts = (UPSTREAM, RESULT, CACHED, *arguments)
    sure = {name: role for name, role in roles.items() if name not in guessed}
    for chosen in itertools.product(parts, repeat=len(guessed)):
        found = {**sure, **dict(zip(guessed, chosen, strict=True))}
        if found != roles and list(found.values()).count(UPSTREAM) <= 1:
            yield {name: found[name] for name in roles}


def in_words(roles: Mapping[str, str], backward: str) -> str:
    """How a backward is called: ``backward(d = the upstream gradient, x = ...)``."""
    words = {
        UPSTREAM: _("the upstream gradient"),
        NO_UPSTREAM: _("zeros, for another output"),
        STEP: f"{RATE_GIVEN}",
        CACHED: _("what the forward returned beside its output"),
        MODE: "True",
        RESULT: _("the output"),
    }
    given = ", ".join(f"{name} = {words.get(role, role)}" for name, role in roles.items())
    return f"{backward}({given})"


def _of_a_loss(
    name: str, core: list[str], arguments: list[str], main: str, called_so: list[str]
) -> str:
    if name in arguments:
        return name
    if core == [name] and called_so:
        return UPSTREAM
    if len(core) == 2:
        target = is_target(name) and not (is_prediction(name) and name == core[-1])
        return next(n for n in arguments if n != main) if target else main
    return main


def other_arguments(
    roles: Mapping[str, str], kept: list[tuple[int, ...] | None], output: Array, upstream: Array
) -> dict[str, Any]:
    """What the arguments of a backward get that are no arguments of the forward.

    ``kept`` are the shapes of what the forward returned beside its output, None for no array.
    """
    cached = Kept(0 if len(kept) == 1 else None)
    if kept and (NO_UPSTREAM in roles.values() or kept[-1] is None):  # (h, c, cache)
        cached = Kept(len(kept) - 1)
    # One number for one number, and an array of its own for an array.
    given = {
        UPSTREAM: np.array(upstream) if upstream.ndim else float(upstream),
        STEP: RATE_GIVEN,
        CACHED: cached,
        MODE: True,
        RESULT: np.array(output),
    }
    others = iter(kept)
    found: dict[str, Any] = {}
    for name, role in roles.items():
        if role == NO_UPSTREAM:
            found[name] = np.zeros(next(others, None) or ())
        elif role in given:
            found[name] = given[role]
    return found
