"""What the pictures are given, as arrays; or the error that says what is wrong with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.modes import no_grad
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from ..kernels import Array
from ..messages import _
from ..nn import summary
from ..nn.module import Module


def array(value: Any, name: str) -> Array:
    """Real numbers, at least one, from an array, a Tensor, or lists of them."""
    if isinstance(value, Tensor):
        value = value.data
    try:
        found = np.asarray(value)
    except ValueError as error:
        text = _("{name} is not a regular grid of numbers: {error}")
        raise ShapeError(text, name=name, error=error) from error
    if found.dtype.kind not in "fiub":
        kind = type(value).__name__ if found.dtype.kind == "O" else found.dtype
        raise DTypeError("{name} is made of real numbers, not of {kind}", name=name, kind=kind)
    if not found.size:
        text = _("{name} {shape} is empty: there is nothing to draw")
        raise ShapeError(text, name=name, shape=found.shape)
    return found


def finite(value: Any, name: str) -> Array:
    """An array of which no value is NaN or infinite."""
    values = array(value, name)
    bad = ~np.isfinite(values)
    if bad.any():
        text = _("{name} has values that are NaN or infinite ({n}), the first at {index}")
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise NonFiniteError(text, name=name, n=int(bad.sum()), index=first)
    return values


def labels(value: Any, name: str, *, scores: bool = False) -> Array:
    """Classes (N,) from classes (N,) or (N, 1), or from one-hot rows (N, C).

    Where scores (N, C) are given, the largest counts.
    """
    found = finite(value, name)
    if found.ndim == 2 and found.shape[1] > 1:
        if not scores and not (np.isin(found, (0, 1)).all() and (found.sum(1) == 1).all()):
            text = _("{name} {shape} are neither classes (N,) nor one-hot rows (N, C)")
            raise ArgumentError(text, name=name, shape=found.shape)
        found = found.argmax(1)
    if found.ndim not in (1, 2):
        text = _("{name} has the shape (N,), (N, 1) or (N, C), not {shape}")
        raise ShapeError(text, name=name, shape=found.shape)
    flat = found.ravel()
    if (broken := flat != np.floor(flat)).any():
        text = _("{name} are classes, whole numbers, and {value} is none")
        if scores:
            text = _(
                "{name} {shape} are classes, or scores with a column for each class; of "
                "probabilities of one class make classes first: (p > 0.5).astype(int)"
            )
        raise ArgumentError(text, name=name, shape=found.shape, value=float(flat[broken][0]))
    return np.clip(flat, -(2**31), 2**31).astype(np.int64)


def below(classes: Array, n: int, name: str) -> Array:
    """The same, if all are classes from 0 to n - 1."""
    outside = classes[(classes < 0) | (classes >= n)]
    if len(outside):
        text = _("{name} are classes from 0 to {last} (number of classes: {n}); one is {value}")
        raise ArgumentError(text, name=name, last=n - 1, n=n, value=int(outside[0]))
    return classes


def same_length(first: Array, second: Array, names: tuple[str, str]) -> None:
    """Refuse arrays that are not of the same examples."""
    if len(first) != len(second):
        raise ShapeError(
            "{a} and {b} are of the same examples: {n} and {m} do not match",
            a=names[0], b=names[1], n=len(first), m=len(second),
        )  # fmt: skip


def names_of(classes: Sequence[Any] | None, n: int) -> list[str]:
    """The names of classes; the numbers of ``n`` classes where none are given."""
    if classes is None:
        return [str(i) for i in range(n)]
    if isinstance(classes, str) or not hasattr(classes, "__len__"):
        raise DTypeError("classes is a list of names, not {kind}", kind=type(classes).__name__)
    return [str(name) for name in classes]


def called(model: Any, x: Array) -> tuple[Any, list[Any]]:
    """What a model gives; and, of a Module, the calls of its modules."""
    with no_grad(), np.errstate(all="ignore"):
        return summary.called(model, x) if isinstance(model, Module) else (model(x), [])
