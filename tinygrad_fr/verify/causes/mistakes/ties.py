"""Equal maxima: who gets the gradient."""

from __future__ import annotations

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

    def spread(rule: Callable[[Array, Any], Array]) -> Local:
        def local(g: Array, y: Array, x: Array) -> Array:
            edges = [(0, 0)] * (x.ndim - 2) + [(p, p) for p in pad]
            padded = np.pad(x, edges, constant_values=-np.inf)
            d = np.zeros(padded.shape)
            for i, j in np.ndindex(y.shape[-2:]):
                rows = slice(i * stride[0], i * stride[0] + size[0])
                columns = slice(j * stride[1], j * stride[1] + size[1])
                window = padded[..., rows, columns]
                mask = window == y[..., i, j][..., None, None]
                d[..., rows, columns] += g[..., i, j][..., None, None] * rule(
                    mask, mask.sum((-2, -1), keepdims=True)
                )
            return d[..., pad[0] : pad[0] + x.shape[-2], pad[1] : pad[1] + x.shape[-1]]

        return local

    every, whole, average, other = _tie_texts()
    return [
        (every, spread(lambda mask, n: mask)),
        (whole, spread(lambda mask, n: np.ones(mask.shape))),
        (average, spread(lambda mask, n: np.ones(mask.shape) / (size[0] * size[1]))),
        (other, spread(lambda mask, n: mask / (size[0] * size[1]))),
    ]


def pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[1]))
