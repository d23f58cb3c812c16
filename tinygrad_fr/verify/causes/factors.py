"""Numbers with a name: what a factor equals."""

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ..vocabulary import DATA
from .case import Case

CONSTANTS = {
    "2": 2.0, "3": 3.0, "4": 4.0, "10": 10.0, "100": 100.0, "255": 255.0, "256": 256.0,
    "ln 2": math.log(2), "ln 10": math.log(10), "sqrt(2)": math.sqrt(2), "pi": math.pi,
}  # fmt: skip


def names_of(case: Case, factor: float) -> list[str]:
    """What a factor equals, the likeliest name first; empty if it equals nothing known.

    A size of the data explains a factor only where the computation adds up or averages so many
    entries; 2 and 1/2 may always be the derivative of a square.
    """
    found = [label for label, value in known(case) if math.isclose(factor, value, rel_tol=1e-5)]
    plain = [label for label in found if is_plain(label)]
    held = [label for label in found if label not in plain and _is_held(case, label)]
    squares = [label for label in plain if label in ("2", "1/2")]
    return list(dict.fromkeys([*held, *squares] or plain))


def is_plain(label: str) -> bool:
    """Whether a name is a number and no more."""
    return re.fullmatch(r"[\d/.]+", label) is not None


def _is_held(case: Case, label: str) -> bool:
    """Whether a size in a name is that of a sum or a mean of the computation."""
    given = _with_products(sizes(case))
    size = given.get(label.removeprefix("1/").strip("()"))
    if case.tape is None or size is None:
        return True
    return bool(_counts(case) & {size, size * given.get("N", 1.0)})


def _counts(case: Case) -> set[float]:
    """How many entries are added up, forwards or backwards; and the numbers that divide."""
    found: set[float] = set()
    for i, node in enumerate(case.the_tape.nodes):
        operation = case.the_tape.operation(i)
        for x in case.operands(i):
            if operation == "matmul":
                found |= {float(n) for n in np.shape(x)}
            elif np.size(x) and node.size > np.size(x):  # broadcast: its gradient is a sum
                found.add(node.size / np.size(x))
            elif node.size and operation in ("sum", "mean"):
                found.add(np.size(x) / node.size)
            if operation in ("divide", "multiply") and np.size(x) == 1 and np.any(x):
                found |= {float(np.abs(x)), float(round(1 / np.abs(x), 9))}
    return found


def _with_products(numbers: Mapping[str, float]) -> dict[str, float]:
    """Sizes, and the products of two."""
    pairs = itertools.combinations(numbers.items(), 2)
    return {**{f"{a}*{b}": n * m for (a, n), (b, m) in pairs}, **numbers}


def known(case: Case) -> Iterator[tuple[str, float]]:
    """Sizes, products of sizes, scalars of the computation and constants; and their inverses."""
    scalars = {
        name: float(x)
        for name, x in case.values.items()
        if np.ndim(x) == 0 and name != case.name and np.asarray(x).dtype.kind == "f"
    }
    found = sizes(case)
    numbers = {**found, **_with_products(found)}
    scalars |= _sums_of_exponentials(case)
    n = numbers.get("N", 1.0)
    for label, value in {**numbers, **scalars, **CONSTANTS}.items():
        if value not in (0.0, 1.0, -1.0):
            yield label, value
            yield f"1/({label})" if "*" in label else f"1/{label}", 1 / value
    if n > 1:
        yield "sqrt((N-1)/N)", math.sqrt((n - 1) / n)
        yield "sqrt(N/(N-1))", math.sqrt(n / (n - 1))
        yield "(N-1)/N", (n - 1) / n
        yield "N/(N-1)", n / (n - 1)


def _sums_of_exponentials(case: Case) -> dict[str, float]:
    """S, by which the softmax of a vector is divided."""
    for i in range(len(case.tape.nodes) if case.tape is not None else 0):
        if case.the_tape.operation(i) == "softmax" and case.the_tape.nodes[i].ndim == 1:
            return {"S": float(np.exp(case.operands(i)[0]).sum())}
    return {}


def sizes(case: Case) -> dict[str, float]:
    """The sizes of the computation: N examples, C classes, H*W pixels, D features, ..."""
    found: dict[str, float] = {}

    def note(label: str, value: int) -> None:
        if value > 1:
            found.setdefault(label, float(value))

    for x in case.values.values():
        if np.ndim(x) == 1 and np.asarray(x).dtype.kind in "iu":
            note("N", len(x))
    if case.tape is not None:
        for i in range(len(case.tape.nodes)):
            _sizes_of_operation(case, i, note)
    for name, x in case.values.items():
        if np.ndim(x) > 1 and DATA.fullmatch(name):
            note("N", np.shape(x)[0])
            note("D", int(np.prod(np.shape(x)[1:])))
    if np.ndim(case.value) > 1:
        note("N", np.shape(case.value)[0])
    if case.tape is not None:
        note(f"n = {case.tape.nodes[0].size}", case.tape.nodes[0].size)
    for axis, n in enumerate(np.shape(case.value)):
        note(f"{n}", n) if n not in found.values() and axis else None
    return found


def _sizes_of_operation(case: Case, i: int, note: Callable[[str, int], None]) -> None:
    operation = case.the_tape.operation(i)
    shapes = [np.shape(x) for x in case.operands(i)]
    if operation in ("softmax", "log_softmax") and len(shapes[0]) == 2:
        axis = case.the_tape.arguments(i)["axis"]
        note("N", shapes[0][1 - axis % 2])
        note("C", shapes[0][axis])
    elif operation in ("softmax", "log_softmax") and len(shapes[0]) == 1:
        note("C", shapes[0][0])
    elif operation in ("conv2d", "max_pool2d", "avg_pool2d"):
        out = case.the_tape.nodes[i].shape
        note("N", out[0])
        note("H*W", out[-1] * out[-2])
        note("F", out[1])
        if operation == "conv2d":
            note("k*k", shapes[1][-1] * shapes[1][-2])
    elif operation == "add" and len(shapes) == 2 and len(shapes[0]) == 2:
        rows, columns = shapes[0]
        if shapes[1] in ((columns,), (1, columns)):
            note("N", rows)
        elif shapes[1] == (rows, 1):
            note("N", columns)
    elif operation == "mean":
        out = case.the_tape.nodes[i].size
        if out:
            count = int(np.prod(shapes[0])) // out
            note("N" if shapes[0] and count == shapes[0][0] else f"{count}", count)
