"""Fused operations, written out: so that a mistake, or a line of a derivation, has a place."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...autograd.engine import Node
from ...autograd.operation import Operation
from ...ops.classification import along
from ...ops.losses import reduced
from ...ops.recurrent import step_by_step


class Unwritten(Exception):  # noqa: N818 - no error: the operation stays one step, its rule quoted
    """An operation has no written-out form with these arguments."""


def _cross_entropy(
    logits: Any, target: Any, reduction: str = "mean", label_smoothing: float = 0.0,
    weight: Any = None, ignore_index: int = -100,
) -> Any:  # fmt: skip
    axis = 1 if logits.ndim > 1 else 0
    classes = logits.shape[axis]
    y, n, kept = np.asarray(_plain(target)), logits.size / classes, 1.0
    if y.dtype.kind in "iu":
        y, n = _one_hot(y, classes, axis, weight, ignore_index)
        kept = y.sum(axis, keepdims=True)
    if label_smoothing:
        y = (1 - label_smoothing) * y + kept * label_smoothing / classes
    if weight is not None:
        y = y * along(np.asarray(_plain(weight)), logits.ndim, axis)
    return reduced(-(y * logits.softmax(axis).log()).sum(axis), reduction, n)


def _one_hot(y: Any, classes: int, axis: int, weight: Any, ignore_index: int) -> tuple[Any, Any]:
    """Class indices as rows, of zeros where they are ignored; and what their mean divides by."""
    kept = y != ignore_index
    labels = np.where(kept, y, 0)
    rows = np.moveaxis(np.eye(classes)[labels] * kept[..., None], -1, axis)
    w = kept if weight is None else kept * np.asarray(_plain(weight))[labels]
    return rows, float(w.sum())


def _plain(x: Any) -> Any:
    return x._array if isinstance(x, Node) else x


def _nll_loss(
    log_p: Any, target: Any, reduction: str = "mean", weight: Any = None, ignore_index: int = -100
) -> Any:
    axis = 1 if log_p.ndim > 1 else 0
    y, n = _one_hot(np.asarray(_plain(target)), log_p.shape[axis], axis, weight, ignore_index)
    if weight is not None:
        y = y * along(np.asarray(_plain(weight)), log_p.ndim, axis)
    return reduced(-(y * log_p).sum(axis), reduction, n)


def _bce(
    p: Any, y: Any, reduction: str = "mean", weight: Any = None, pos_weight: Any = None
) -> Any:
    y = np.asarray(_plain(y))
    positive = y if pos_weight is None else y * np.asarray(_plain(pos_weight))
    losses = -(positive * p.log() + (1.0 - y) * (1.0 - p).log())
    losses = losses if weight is None else np.asarray(_plain(weight)) * losses
    return reduced(losses, reduction, float(losses.size))


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    y = x @ weight.T
    return y if bias is None else y + bias


def _conv2d(x: Any, weight: Any, bias: Any = None, *args: Any, **kwargs: Any) -> Any:
    y = ops.conv2d(x, weight, None, *args, **kwargs)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def _batch_norm(x: Any, running_mean: Any, running_var: Any, weight: Any = None,
                bias: Any = None, training: bool = False, momentum: float = 0.1,
                eps: float = 1e-5) -> Any:  # fmt: skip
    if not training:  # it is x times a number by then
        raise Unwritten
    axes = (0, *range(2, x.ndim))
    return _scaled(normalised(x, axes, eps), weight, bias, (-1,) + (1,) * (x.ndim - 2))


def _layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None,
                eps: float = 1e-5) -> Any:  # fmt: skip
    n = len(normalized_shape) if np.ndim(normalized_shape) else 1
    return _scaled(normalised(x, tuple(range(-n, 0)), eps), weight, bias, None)


def normalised(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    """A value less its mean, divided by its spread: of a Tensor, in single operations."""
    count = float(np.prod([x.shape[a] for a in axes]))
    mean = x.sum(axes, keepdims=True) / count
    centred = x - mean
    deviation = np.sqrt((centred**2).sum(axes, keepdims=True) / count + eps)
    return centred / deviation


def _scaled(y: Any, weight: Any, bias: Any, shape: Any) -> Any:
    if weight is not None:
        y = y * (weight if shape is None else weight.reshape(shape))
    if bias is not None:
        y = y + (bias if shape is None else bias.reshape(shape))
    return y


EXPANSIONS: dict[str, Callable[..., Any]] = {
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll_loss,
    "binary_cross_entropy": _bce,
    "binary_cross_entropy_with_logits": lambda z, *args, **kwargs: _bce(
        z.sigmoid(), *args, **kwargs
    ),
    "mse_loss": lambda x, y, reduction="mean": reduced((x - y) ** 2, reduction, float(x.size)),
    "log_softmax": lambda x, axis=-1: x.softmax(axis).log(),
    "linear": _linear,
    "conv2d": _conv2d,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "lstm": step_by_step,
}


def written_out(operation: Operation) -> Callable[..., Any]:
    """A fused operation in single ones; itself where these do not have an option."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return EXPANSIONS[operation.name](*args, **kwargs)
        except Exception:
            return operation.function(*args, **kwargs)

    return call
