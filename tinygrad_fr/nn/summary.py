"""The summary of a model: its layers, their output shapes and parameters."""

import math
from typing import Any

import numpy as np

from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError
from ..messages import Shown, _, spelled

Module = Any  # the class itself stands above: a Module knows its summary, not the other way round


class Summary(str, Shown):
    """A text, and the rows of its table: their titles, then the layers."""

    rows: list[tuple[str, str, str, str, str]]
    total: int

    def __repr__(self) -> str:
        return str(self)


def summarise(model: Module, input_shape: tuple[int, ...] | None) -> Summary:
    """The table that ``Module.summary`` documents."""
    shape = input_shape if input_shape is not None else getattr(model, "input_shape", None)
    if shape is None:
        raise ArgumentError(
            "summary needs the shape of one example: model.summary((channels, height, width))"
        )
    try:
        calls = called(model, np.zeros((1, *shape)))[1]
    except DTypeError:  # it begins with an Embedding, which takes integers
        calls = called(model, np.zeros((1, *shape), int))[1]
    rows = [(_("layer"), _("kind"), _("output"), _("parameters"), "")]
    rows.append((_("input"), "", _symbolic((1, *shape)), "0", ""))
    counted: set[int] = set()
    for path, module, inputs, output in calls:
        leaf = not any(True for _child in module.named_children())
        direct = [x for _name, x in module._attributes() if isinstance(x, Tensor)]
        own = [p for p in direct if p.requires_grad and id(p) not in counted]
        if not leaf and not own:
            continue
        counted.update(map(id, own))
        remark = ""
        if type(module).__name__ == "Flatten" and len(inputs[0].shape) == 4:
            c, h, w = inputs[0].shape[1:]
            remark = f"{h}x{w}x{c} = {h * w * c}"  # height x width x channels, as in the course
        count = str(sum(p.size for p in own))
        rows.append((path, type(module).__name__, _symbolic(output.shape), count, remark))
    total = sum(math.prod(p.shape) for p in model.parameters())
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join(
            [*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=False)),
             row[3].rjust(widths[3]), row[4]]
        ).rstrip()
        for row in rows
    ]  # fmt: skip
    lines.insert(1, "-" * max(map(len, lines)))
    lines.append(_("{n} parameters", n=total))
    summary = Summary(spelled("\n".join(lines)))
    summary.rows, summary.total = rows, total
    return summary


def _symbolic(shape: tuple[int, ...]) -> str:
    """(1, 8, 24, 24) as (N, 8, 24, 24)."""
    return "(" + ", ".join(["N", *map(str, shape[1:])]) + ")"


def called(model: Module, x: Any) -> tuple[Any, list[tuple[str, Module, tuple[Any, ...], Any]]]:
    """What a model gives, and each call of a module: its path, the module, inputs and output.

    Nothing is recorded. The model is in evaluation mode, and is given back the modes it had.
    """
    modules = list(model.named_modules())
    modes = [module.training for _path, module in modules]
    calls: list[tuple[str, Module, tuple[Any, ...], Any]] = []

    def note(path: str) -> Any:
        return lambda module, inputs, y: calls.append((path, module, inputs, y))

    undo = [module.register_forward_hook(note(path)) for path, module in modules]
    try:
        model.eval()
        with no_grad():
            return model(x), calls
    finally:
        for remove in undo:
            remove()
        for (_path, module), mode in zip(modules, modes, strict=True):
            module.training = mode


def titled(path: str, module: Module) -> str:
    """A layer as it is named to people: its path and its class, such as ``0 (Linear)``."""
    kind = type(module).__name__
    return f"{path} ({kind})" if path else kind
