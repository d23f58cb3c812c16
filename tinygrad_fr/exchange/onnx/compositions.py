"""Operations that ONNX lacks, or has with other options, written out in others of ours."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops, settings
from ...graph.recorded.expansion import EXPANSIONS
from ...ops.recurrent import step_by_step
from ...ops.selection import where


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return x * (0.5 * (1 + ops.erf(x * math.sqrt(0.5))))
    return x * (0.5 * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))))


def _prelu(x: Any, weight: Any) -> Any:
    shape = (-1, *[1] * (x.ndim - 2)) if weight.size > 1 else ()
    return where(x > 0, x, x * ops.reshape(weight, shape))


def _clip(x: Any, min: Any = None, max: Any = None) -> Any:
    x = x if min is None else ops.maximum(x, min)
    return x if max is None else ops.minimum(x, max)


def _var(
    x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 0, *, correction: Any = None
) -> Any:
    ddof = ddof if correction is None else correction
    mean = ((x - x.mean(axis, keepdims=True)) ** 2).mean(axis, keepdims=keepdims)
    n = x.size / mean.size
    return mean * (n / (n - ddof)) if ddof else mean


def _one_hot(labels: Any, num_classes: int = -1) -> Any:
    n = int(labels.data.max()) + 1 if num_classes == -1 else num_classes
    return ops.embedding(labels, np.eye(n, dtype=settings.get_default_dtype()))


def _flip(x: Any, axis: Any = None) -> Any:
    axes = [a % x.ndim for a in np.atleast_1d(range(x.ndim) if axis is None else axis)]
    return x[tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))]


def _picked(x: Any, axis: Any, pick: Callable[[Any], Any]) -> Any:
    """What a function of NumPy makes of an array, or along an axis, if it only moves numbers."""
    if axis is None:
        return ops.take(ops.ravel(x), pick(np.arange(x.size).reshape(x.shape)))
    return ops.take(x, pick(np.arange(x.shape[axis])), axis)


def _roll(x: Any, shift: Any, axis: Any = None) -> Any:
    for n, along in np.broadcast(shift, axis):
        x = _picked(x, along, functools.partial(np.roll, shift=n))
    return x


def _tile(x: Any, reps: Any) -> Any:
    counts = np.atleast_1d(reps)
    x = ops.reshape(x, *[1] * (len(counts) - x.ndim), *x.shape)
    for axis, n in enumerate(counts, x.ndim - len(counts)):
        x = x if n == 1 else _picked(x, axis, functools.partial(np.tile, reps=n))
    return x


def _diag(x: Any, k: int = 0) -> Any:
    if x.ndim == 2:
        return _picked(x, None, lambda places: np.diag(places, k))
    padded = ops.concatenate([np.zeros(1, x.dtype), x])
    return ops.take(padded, np.diag(np.arange(1, len(padded)), k))


def _arctan2(y: Any, x: Any) -> Any:
    def negative(z: Any) -> Any:  # -0, too
        return (z < 0) | (1 / z < 0)

    high, wide = abs(y), abs(x)
    larger = ops.maximum(ops.maximum(high, wide), np.finfo(y.dtype).tiny)
    angle = ops.arctan(ops.minimum(high, wide) / larger)
    angle = where(high > wide, math.pi / 2 - angle, angle)
    angle = where(negative(x), math.pi - angle, angle)
    return where(negative(y), -angle, angle)


def _vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if abs(ord) == math.inf:
        return (ops.max if ord > 0 else ops.min)(abs(x), axis, keepdims=keepdims)
    if ord == 0:
        return (x != 0).astype(x.dtype).sum(axis, keepdims=keepdims)
    return (abs(x) ** ord).sum(axis, keepdims=keepdims) ** (1 / ord)


WRITTEN_OUT: dict[str, Callable[..., Any]] = {
    "arctan2": _arctan2,
    "batch_norm": EXPANSIONS["batch_norm"],  # with the statistics of the batch itself
    "clip": _clip,
    "concatenate": lambda arrays, axis: ops.concatenate([ops.ravel(x) for x in arrays]),
    "diag": _diag,
    "exp2": lambda x: 2.0**x,
    "expm1": lambda x: 2 * ops.exp(x * 0.5) * ops.sinh(x * 0.5),
    "floor_divide": lambda a, b: ops.round((a - a % b) / b),
    "flip": _flip,
    "gelu": _gelu,
    "getitem": lambda x, index: _picked(x, None, lambda places: places[index]),
    "log10": lambda x: ops.log(x) * (1 / math.log(10)),
    "log1p": lambda x: where(abs(x) < 1, 2 * ops.arctanh(x / (2 + x)), ops.log(1 + x)),
    "log2": lambda x: ops.log(x) * (1 / math.log(2)),
    "logaddexp": lambda a, b: ops.maximum(a, b) + ops.log1p(ops.exp(-abs(a - b))),
    "lstm": step_by_step,
    "not_equal": lambda a, b: ~(a == b),
    "one_hot": _one_hot,
    "prelu": _prelu,
    "repeat": lambda x, n, axis=None: _picked(x, axis, lambda places: np.repeat(places, n)),
    "roll": _roll,
    "round": lambda x, decimals: ops.round(x * 10.0**decimals) / 10.0**decimals,
    "silu": lambda x: x * ops.sigmoid(x),
    "softplus": lambda x, b=1.0: ops.relu(x) + ops.log1p(ops.exp(-abs(x * b))) / b,
    "square": lambda x: x * x,
    "stack": lambda arrays, axis=0: ops.concatenate(
        [ops.expand_dims(x, axis) for x in arrays], axis
    ),
    "std": lambda *args, **kwargs: ops.sqrt(ops.var(*args, **kwargs)),
    "step": lambda x: (x >= 0).astype(x.dtype),
    "tile": _tile,
    "var": _var,
    "vector_norm": _vector_norm,
}
