"""What given data cannot show, and other data that can."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ..vocabulary import DATA


def hidden_by(tape: Tape | None, values: Mapping[str, Array], upstream: Any = None) -> list[str]:
    """The mistakes that these data could not have shown, in words."""
    found = []
    shapes = {name: np.shape(x) for name, x in values.items()}
    data = [s for name, s in shapes.items() if len(s) > 1 and DATA.fullmatch(name)]
    rows, columns = [s[0] for s in data], [s[-1] for s in data]
    if 1 in rows and (set(rows) == {1} or set(columns) == {1}):  # one example, as row or as column
        text = _("N = 1: a forgotten sum or mean over the examples (1/N) would not be visible here")
        found.append(text)
    zero = [n for n, x in values.items() if np.size(x) > 1 and not np.any(x)]
    if zero:
        text = _("only zeros in {names}: wrong formulas that agree at 0 would not be visible here")
        found.append(text.format(names=", ".join(zero)))
    if upstream is not None and np.size(upstream) > 1 and (np.asarray(upstream) == 1).all():
        text = _("the upstream gradient is all ones: a forgotten one would not be visible here")
        found.append(text)
    if tape is not None:
        found += _by_operations(tape)
    return found


def _by_operations(tape: Tape) -> list[str]:
    found = []
    for i, node in enumerate(tape.nodes):
        arrays = [getattr(x, "_array", x) for x in node._inputs]
        operation = tape.operation(i)
        square = [x.shape for x in arrays if np.ndim(x) == 2 and x.shape[0] == x.shape[1] > 1]
        if operation == "matmul" and square:
            text = _(
                "a matrix of shape {shape} is square: a forgotten transposition would not show "
                "in the shapes"
            )
            found.append(text.format(shape=square[0]))
        if operation == "conv2d" and np.array_equal(arrays[1], arrays[1][..., ::-1, ::-1]):
            text = _("the kernel is symmetric: whether it must be turned is not visible here")
            found.append(text)
        elif operation in ("max", "max_pool2d") and not _has_ties(arrays[0], node._array):
            found.append(_("no maximum is tied: what you do with equal maxima is not visible here"))
        elif operation in ("softmax", "log_softmax", "cross_entropy") and (
            arrays[0].shape[-1:] == (2,)
        ):
            found.append(_("C = 2: mistakes between several wrong classes are not visible here"))
        if operation in ("sigmoid", "tanh", "softplus") and not np.any(arrays[0]):
            text = _("all inputs of {operation} are 0: several wrong derivatives agree there")
            found.append(text.format(operation=operation))
    return list(dict.fromkeys(found))


def _has_ties(x: Array, y: Array) -> bool:
    """Whether some value occurs more often than windows have it for their maximum."""
    values, counts = np.unique(x, return_counts=True)
    return bool(np.isin(y, values[counts > 1]).any())


def is_one_hot(x: Array) -> bool:
    """Whether rows (or columns) hold a single one and zeros."""
    x = np.asarray(x)
    if x.ndim not in (1, 2) or x.size < 2 or not np.isin(x, (0, 1)).all():
        return False
    rows, columns = (x.sum(-1) == 1).all(), (x.sum(0) == 1).all()
    return bool(rows) or (x.ndim == 2 and bool(columns))


def redrawn(arrays: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Other random values with the same shapes and, as far as can be seen, the same meaning."""
    return {name: _other(x, rng) for name, x in arrays.items()}


def _other(x: Array, rng: np.random.Generator) -> Array:
    binary = np.isin(x, (0, 1)).all() and 0 < x.sum() < x.size
    if x.dtype.kind != "f" or not x.size or is_one_hot(x) or binary:
        return x  # targets keep their meaning
    noise = rng.standard_normal(x.shape)
    if x.ndim and x.shape[-1] > 1 and (x > 0).all() and np.allclose(x.sum(-1), 1):
        x = x * np.exp(0.3 * noise)
        return np.asarray(x / x.sum(-1, keepdims=True))
    if (x > 0).all():
        return np.asarray(x ** np.exp(0.2 * noise) if (x < 1).all() else x * np.exp(0.3 * noise))
    if not np.any(x):
        return np.asarray(0.5 * noise)
    spread = float(np.abs(x).mean())
    return np.asarray(x * rng.uniform(0.6, 1.4, x.shape) + 0.2 * spread * noise)
