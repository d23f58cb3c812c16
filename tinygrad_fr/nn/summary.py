"""The summary of a model: its layers, their output shapes, parameters and multiply-adds."""

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..autograd.modes import switch
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError
from ..messages import Shown, _, spelled

Module = Any  # the class itself stands above: a Module knows its summary, not the other way round


class Summary(str, Shown):
    """A text, and the rows of its table: their titles, then the layers."""

    rows: list[tuple[str, str, str, str, str, str]]
    total: int
    multiply_adds: int

    def __repr__(self) -> str:
        return str(self)


def summarise(
    model: Module, input_shape: Any = None, data: Any = None, dtypes: Any = None
) -> Summary:
    """The table that ``Module.summary`` documents."""
    args, kwargs = _inputs(model, input_shape, data, dtypes)
    try:
        calls = called(model, *args, recording=True, **kwargs)[1]
    except DTypeError:  # it begins with an Embedding, which takes integers
        if data is not None or dtypes is not None:
            raise
        args = [np.zeros(x.shape, int) for x in args]
        calls = called(model, *args, recording=True)[1]
    work = products(y for *_call, y in calls)
    rows = [(_("layer"), _("kind"), _("output"), _("parameters"), _("multiply-adds"), "")]
    for name, x in [*zip(itertools.repeat(_("input")), args), *kwargs.items()]:
        rows.append((name, "", _symbolic(np.shape(x)), "0", "0", ""))
    counted: set[int] = set()
    seen: set[tuple[str, str]] = set()
    for path, module, inputs, output in calls:
        shape = _symbolic(first(output).shape)
        leaf = not any(True for _child in module.named_children())
        direct = [x for _name, x in module._attributes() if isinstance(x, Tensor)]
        own = [p for p in direct if p.requires_grad and id(p) not in counted]
        if (path, shape) in seen or not (leaf or own or work.get(path)):
            continue
        seen.add((path, shape))  # a cell has one row, and not one for each step
        counted.update(map(id, own))
        remark = ""
        if type(module).__name__ == "Flatten" and len(inputs[0].shape) == 4:
            c, h, w = inputs[0].shape[1:]
            remark = f"{h}x{w}x{c} = {h * w * c}"  # height x width x channels, as in the course
        numbers = str(sum(p.size for p in own)), str(work.pop(path, 0))
        rows.append((path, type(module).__name__, shape, *numbers, remark))
    total = sum(math.prod(p.shape) for p in model.parameters())
    adds = sum(int(row[4]) for row in rows[1:])
    last = _("{n} parameters, {m} multiply-adds", n=total, m=adds)
    summary = Summary(spelled(_table(rows, last)))
    summary.rows, summary.total, summary.multiply_adds = rows, total, adds
    return summary


def _table(rows: list[Any], last: str) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=False)),
             row[3].rjust(widths[3]), row[4].rjust(widths[4]), row[5]]
        ).rstrip()
        for row in rows
    ]  # fmt: skip
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([*lines, last])


def _inputs(
    model: Module, input_shape: Any, data: Any, dtypes: Any
) -> tuple[list[Any], dict[str, Any]]:
    """What the model is called with, by place and by name: one example, or the data."""
    if data is not None:
        named = data if isinstance(data, dict) else {}
        placed = data if isinstance(data, tuple) else () if named else (data,)
        return list(placed), named
    shape = input_shape if input_shape is not None else getattr(model, "input_shape", None)
    if shape is None:
        raise ArgumentError(
            "summary needs the shape of one example: model.summary((channels, height, width))"
        )
    shape = (shape,) if isinstance(shape, int) else shape
    several = len(shape) > 0 and isinstance(shape[0], (tuple, list))
    shapes = list(shape) if several else [shape]
    kinds = list(dtypes) if isinstance(dtypes, (tuple, list)) else [dtypes] * len(shapes)
    if len(kinds) != len(shapes):
        raise ArgumentError(
            "there are {n} dtypes for {m} inputs: give one, or one for each",
            n=len(kinds), m=len(shapes),
        )  # fmt: skip
    return [np.zeros((1, *s), k or float) for s, k in zip(shapes, kinds, strict=True)], {}


def first(y: Any) -> Any:
    """The output, or the first of several."""
    while isinstance(y, (tuple, list, dict)):
        y = next(iter(y.values() if isinstance(y, dict) else y))
    return y


# --- multiply-adds ---------------------------------------------------------------------------


def _terms(operation: str, x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...]) -> int:
    """How many products are added up for all entries of the output, from the shapes alone."""
    if operation in ("matmul", "dot"):
        return math.prod(y) * (x[-1] if x else 1)
    if operation == "lstm":  # W_hh at each step
        return math.prod(x) * w[-1]
    if operation == "conv_transpose2d":
        return math.prod(x) * math.prod(w[1:])
    if operation in ("linear", "conv1d", "conv2d"):
        return math.prod(y) * math.prod(w[1:])
    if operation in ("tensordot", "outer"):  # (m, k) by (k, n): m k n is a root of a product
        return math.isqrt(math.prod(x) * math.prod(w) * math.prod(y))
    return 0


def products(outputs: Iterable[Any]) -> dict[str, int]:
    """The multiply-adds that were recorded, by the path of the module that called for them."""
    work: dict[str, int] = {}
    waiting, seen = list(outputs), set[int]()
    while waiting:
        node = waiting.pop()
        if isinstance(node, (tuple, list)):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, Tensor) and node._op is not None and id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node._inputs)
            shapes = [np.shape(getattr(x, "_array", x)) for x in node._inputs]
            n = 0
            if node._op.name == "einsum" and node._static is not None:
                n = _letters(node._static[0][0], shapes)
            elif len(shapes) > 1:
                n = _terms(node._op.name, shapes[0], shapes[1], node.shape)
            path = node._where.path if node._where is not None else ""
            work[path] = work.get(path, 0) + n
    return work


def _letters(subscripts: Any, shapes: list[tuple[int, ...]]) -> int:
    """The number of products of an einsum: of the sizes of its indices, where it has several."""
    if len(shapes) < 2 or not isinstance(subscripts, str):
        return 0
    sizes: dict[str, int] = {}
    for term, shape in zip(subscripts.partition("->")[0].split(","), shapes, strict=True):
        left, dots, right = term.replace(" ", "").partition("...")
        between = shape[len(left) : len(shape) - len(right)] if dots else ()
        names = [*left, *(f".{k}" for k in range(len(between), 0, -1)), *right]
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 1))
    return math.prod(sizes.values())


def _symbolic(shape: tuple[int, ...]) -> str:
    """(1, 8, 24, 24) as (N, 8, 24, 24)."""
    return "(" + ", ".join(["N", *map(str, shape[1:])]) + ")"


def called(
    model: Module, *args: Any, recording: bool = False, **kwargs: Any
) -> tuple[Any, list[tuple[str, Module, tuple[Any, ...], Any]]]:
    """What a model gives, and each call of a module: its path, the module, inputs and output.

    Nothing is recorded unless asked for. The model is in evaluation mode, and is given back the
    modes it had.
    """
    modules = list(model.named_modules())
    modes = [module.training for _path, module in modules]
    calls: list[tuple[str, Module, tuple[Any, ...], Any]] = []

    def note(path: str) -> Any:
        return lambda module, inputs, y: calls.append((path, module, inputs, y))

    undo = [module.register_forward_hook(note(path)) for path, module in modules]
    frozen = [p for p in model.parameters() if recording and not p.requires_grad]
    try:
        model.eval()
        for p in frozen:
            p.requires_grad = True
        with switch(recording=recording):
            return model(*args, **kwargs), calls
    finally:
        for p in frozen:
            p.requires_grad = False
        for remove in undo:
            remove()
        for (_path, module), mode in zip(modules, modes, strict=True):
            module.training = mode


def titled(path: str, module: Module) -> str:
    """A layer as it is named to people: its path and its class, such as ``0 (Linear)``."""
    kind = type(module).__name__
    return f"{path} ({kind})" if path else kind
