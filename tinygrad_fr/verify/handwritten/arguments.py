"""What the arguments of a forward and of a backward are, by their names."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...kernels import Array
from ..truth.limits import is_one_hot
from ..vocabulary import (
    CACHE,
    INPUT,
    OUTPUT,
    PREDICTION,
    RATE,
    TARGET,
    TRAINING,
    is_pointwise,
    like_upstream,
)
from .subject import Kept

# What an argument of a backward can be, besides an argument of the forward. The names cannot be
# those of arguments.
UPSTREAM, STEP, CACHED, MODE, RESULT = ":upstream", ":rate", ":cache", ":training", ":output"
NO_UPSTREAM = ":upstream of another output"

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
LOSS = re.compile("loss|cost|entrop|mse|bce|perte|cout|criteri|hinge", re.I)


def positional(parameters: Iterable[inspect.Parameter], needed: bool = False) -> list[str]:
    """The names of the positional arguments, or of those without a default."""
    return [
        p.name for p in parameters
        if p.kind in POSITIONAL and not (needed and p.default is not p.empty)
    ]  # fmt: skip


def main_of_a_loss(names: list[str]) -> str:
    """Which of the two arguments of a loss is the prediction."""
    targets = [n for n in names if n in TARGET]
    predicted = next((n for n in names if n in PREDICTION and n not in targets[:1]), names[1])
    return predicted if predicted not in targets or len(targets) > 1 else names[0]


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
        or (name[:1] == "d" and name[1:] in {*known, *OUTPUT, *INPUT})
    )


def essential(parameters: Iterable[inspect.Parameter], arguments: Iterable[str]) -> list[str]:
    """The arguments that a backward needs, besides rates and caches."""
    needed = positional(parameters, needed=True)
    return [n for n in needed if n not in RATE | CACHE or n in arguments]


def takes_the_point(
    label: str, functional: bool, parameters: list[inspect.Parameter], arguments: list[str]
) -> bool:
    """Whether a backward is a derivative at a point, such as ``sigmoid_prime(z)``.

    A function that keeps nothing and takes ``z`` alone can be nothing else.
    """
    core = essential(parameters, arguments)
    cached = any(name in CACHE for name in positional(parameters))
    alone = functional and not cached and len(core) == 1 and core[0] in INPUT | OUTPUT
    return is_pointwise(label) or alone


def roles_of(
    parameters: list[inspect.Parameter], arguments: list[str], optional: list[str], main: str,
    is_loss: bool, pointwise: bool,
) -> dict[str, str]:  # fmt: skip
    """Which argument of the backward is what: an argument of the forward, or a role.

    Parameters
    ----------
    arguments, optional
        The forward's arguments that are given, and those that have a default.
    pointwise
        Whether it is called like a derivative at a point.
    """
    needed = positional(parameters, needed=True)
    core = essential(parameters, arguments)
    called_so = [n for n in core if is_upstream(n, (*core, *arguments)) and n not in arguments]
    roles: dict[str, str] = {}
    for name in positional(parameters):
        if name in arguments and name != main and (name in needed or name in RATE):
            roles[name] = name
        elif name in optional and name not in needed:
            continue  # the same default as in the forward
        elif name in RATE:
            roles[name] = STEP
        elif name in CACHE:
            roles[name] = CACHED
        elif name not in needed:
            continue
        elif is_loss:
            roles[name] = _of_a_loss(name, core, arguments, main, called_so)
        elif name in TRAINING:
            roles[name] = MODE
        elif UPSTREAM not in roles.values() and (
            name == called_so[0]
            if called_so
            else not (pointwise and len(core) == 1) and not (name in INPUT and len(core) > 1)
        ):
            roles[name] = UPSTREAM
        elif name in called_so:
            roles[name] = NO_UPSTREAM
        elif name in OUTPUT and name not in arguments:
            roles[name] = RESULT
        else:
            roles[name] = main
    if is_loss and len(core) == 2 and len({roles[n] for n in core}) == 1:
        roles.update(zip(core, arguments, strict=False))
    return roles


def _of_a_loss(
    name: str, core: list[str], arguments: list[str], main: str, called_so: list[str]
) -> str:
    if name in arguments:
        return name
    if core == [name] and called_so:
        return UPSTREAM
    if len(core) == 2:
        is_target = name in TARGET and not (name in PREDICTION and name == core[-1])
        return next(n for n in arguments if n != main) if is_target else main
    return main


def other_arguments(
    roles: Mapping[str, str], kept: list[tuple[int, ...]], output: Array, upstream: Array
) -> dict[str, Any]:
    """What the arguments of a backward get that are no arguments of the forward.

    ``kept`` are the shapes of what the forward returned beside its output.
    """
    cached = Kept(0 if len(kept) == 1 else None)
    if NO_UPSTREAM in roles.values() and kept:  # (h, c, cache)
        cached = Kept(len(kept) - 1)
    # One number for one number, and an array of its own for an array.
    given = {
        UPSTREAM: np.array(upstream) if upstream.ndim else float(upstream),
        STEP: 1.0,
        CACHED: cached,
        MODE: True,
        RESULT: np.array(output),
    }
    others = iter(kept)
    found: dict[str, Any] = {}
    for name, role in roles.items():
        if role == NO_UPSTREAM:
            found[name] = np.zeros(next(others, ()))
        elif role in given:
            found[name] = given[role]
    return found
