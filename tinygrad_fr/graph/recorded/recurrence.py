"""Recurrences in the recorded graph: what is done step by step, each step on what the last gave."""

from typing import Any

import numpy as np

from .tape import Tape

# What combines values; what only moves or adds up entries is done over examples, too.
_COMBINING = {"matmul", "multiply", "tanh", "sigmoid", "relu", "exp", "einsum", "softmax"}

_MOVING = {"", "getitem", "reshape", "concatenate", "stack", "transpose", "broadcast_to"}


def recurs(tape: Tape) -> bool:
    """Whether some parameter is used again on what was made with it."""
    behind: dict[int, set[tuple[int, int]]] = {}
    for i, node in enumerate(tape.nodes):
        numbers = [tape.number(x) for x in node._inputs]
        known = [n for n in numbers if n is not None]
        behind[i] = set().union(*(behind.get(n, set()) for n in known))
        for position, n in enumerate(numbers):
            if n is not None and tape.nodes[n]._op is None and tape.operation(i) == "matmul":
                if (n, position) in behind[i]:
                    return True
                behind[i].add((n, position))
    return False


def loop(tape: Tape) -> list[list[int]]:
    """The numbers of the nodes that the passages of a loop have made, alike in their order.

    None, where no operations on arrays of the same shapes come again one after the other. What
    only moves entries is left out: the first passage may start from a constant.
    """
    made = [i for i in range(len(tape.nodes)) if tape.operation(i) not in _MOVING]
    what = [(tape.operation(i), tape.nodes[i].shape) for i in made]
    best: tuple[int, int, int] = (0, 0, 0)  # how many nodes, less the length of a passage; start
    for period in range(3, len(made) // 2 + 1):
        run = 0
        for k in range(len(made) - period):
            run = run + 1 if what[k] == what[k + period] else 0
            covered = (run // period + 1) * period
            if run >= period and (covered, -period) > best[:2]:
                best = covered, -period, k + 1 - run
    covered, period, start = best[0], -best[1], best[2]
    return [made[k : k + period] for k in range(start, start + covered, period or 1)]


def time_axis(tape: Tape, name: str) -> tuple[int, bool] | None:
    """The axis along which a value is gone through step by step, and whether from its end.

    Each step must depend on those before it, and not on those after: examples are gone through one
    by one as well.
    """
    number = tape.names.get(name)
    if number is None:
        return None
    seen: dict[int, int] = {}  # by node, a bit for each step that it depends on
    steps, axes = tape.nodes[number].shape, set[int]()
    for i, node in enumerate(tape.nodes):
        for x in node._inputs:
            source = tape.number(x)
            if source == number:
                at = _index(tape.arguments(i).get("index"), len(steps))
                if tape.operation(i) == "getitem" and at is not None:
                    axes.add(at[0])
                    seen[i] = seen.get(i, 0) | 1 << at[1] % steps[at[0]]
            elif source is not None:
                seen[i] = seen.get(i, 0) | seen.get(source, 0)
    if len(axes) != 1:
        return None
    (axis,) = axes
    met = {bits for i, bits in seen.items() if tape.operation(i) in _COMBINING}
    count = steps[axis]
    for backwards in (False, True):
        ends = [(1 << k) - 1 for k in range(1, count)]
        wanted = {(1 << count) - 1 - bits for bits in ends} if backwards else set(ends)
        if count > 2 and wanted <= met:
            return axis, backwards
    return None


def _index(index: Any, ndim: int) -> tuple[int, int] | None:
    """The axis and the place of an index that takes one step: ``x[:, t]``."""
    parts = index if isinstance(index, tuple) else (index,)
    whole = [k for k, p in enumerate(parts) if isinstance(p, (int, np.integer))]
    others = [p for k, p in enumerate(parts) if k not in whole]
    if (
        len(whole) != 1
        or any(p not in (Ellipsis, slice(None)) for p in others)
        or Ellipsis in parts[: whole[0]]
    ):
        return None
    return whole[0], int(parts[whole[0]])
