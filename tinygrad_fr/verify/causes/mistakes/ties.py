"""Equal maxima: who gets the gradient."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case, Local, Mistake, Use
from .table import mistake


@mistake("max_ties", tape=True)
def every_maximum_paid(case: Case) -> Iterator[Mistake]:
    for use in case.uses("max", "maximum", "min", "minimum", "max_pool2d"):
        ties = _ties_of_windows if use.operation == "max_pool2d" else _ties_of_axis
        for text, local in ties(use):
            yield use.with_local(local, text)


def _tie_texts() -> tuple[str, str, str, str]:
    return (
        _("every one of several equal maxima gets the whole gradient: give it to one of them"),
        _("the whole window gets the gradient: only its maximum has an influence"),
        _("the gradient is shared among the whole window, as in an average"),
        _("the gradient is shared among equal maxima in another way"),
    )


def _ties_of_axis(use: Use) -> list[tuple[str, Local]]:
    every, whole, average, _other = _tie_texts()
    if use.operation in ("maximum", "minimum"):
        mine = use.position
        return [(every, lambda g, y, a, b: g * ((a, b)[mine] == y)), (whole, lambda g, *_v: g)]
    axis = use.arguments["axis"]

    def wide(a: Array, x: Array) -> Array:
        if np.ndim(a) == x.ndim or axis is None:
            return a
        return np.expand_dims(a, axis)

    def count(x: Array) -> int:
        return int(x.size if axis is None else x.size // max(1, np.max(x, axis).size))

    return [
        (every, lambda g, y, x: wide(g, x) * (x == wide(y, x))),
        (whole, lambda g, y, x: wide(g, x) * np.ones_like(x)),
        (average, lambda g, y, x: wide(g, x) * np.ones_like(x) / count(x)),
    ]


def _ties_of_windows(use: Use) -> list[tuple[str, Local]]:
    given = use.arguments
    size = pair(given["kernel_size"])
    stride = size if given["stride"] is None else pair(given["stride"])
    pad = pair(given["padding"] or 0)
    area = size[0] * size[1]

    def spread(rule: Callable[[Array], Any]) -> Local:
        def local(g: Array, y: Array, x: Array) -> Array:
            edges = [(0, 0)] * (x.ndim - 2) + [(p, p) for p in pad]
            padded = np.pad(x, edges, constant_values=-np.inf)
            d = np.zeros(padded.shape)
            last = [step * (n - 1) + 1 for step, n in zip(stride, y.shape[-2:], strict=True)]
            for i, j in np.ndindex(size):  # a cell of all windows at once
                cell = np.s_[..., i : i + last[0] : stride[0], j : j + last[1] : stride[1]]
                d[cell] += g * rule(padded[cell] == y)
            return d[..., pad[0] : pad[0] + x.shape[-2], pad[1] : pad[1] + x.shape[-1]]

        return local

    every, whole, average, other = _tie_texts()
    return [
        (every, spread(lambda mask: mask)),
        (whole, spread(lambda mask: 1.0)),
        (average, spread(lambda mask: 1 / area)),
        (other, spread(lambda mask: mask / area)),
    ]


def pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[1]))
