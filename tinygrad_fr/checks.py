"""Checks of arguments, in our words: each gives the value back, or raises the sentence for it."""

from collections.abc import Collection
from numbers import Real
from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError
from .messages import _

NUMBER: Any = (Real, np.ndarray)  # of which those with one entry compare to a number


def one_of(value: Any, name: str, known: Collection[Any]) -> Any:
    """The value, if it is among those that are known.

    Examples
    --------
    >>> one_of("mean", "reduction", ("mean", "sum"))
    'mean'
    """
    if value not in list(known):  # not every value has a hash
        raise ArgumentError(
            "{name} is one of {known}, not {value!r}",
            name=name, known=", ".join(map(str, known)), value=value,
        )  # fmt: skip
    return value


def whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """The integer, if it is neither too small nor too large.

    Examples
    --------
    >>> whole(3, "epochs", 1)
    3
    """
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if integer and least <= value and (most is None or value <= most):
        return int(value)
    text = _("{name} is an integer of at least {least}, not {value!r}")
    if most is not None:
        text = _("{name} is an integer from {least} to {most}, not {value!r}")
    raise ArgumentError(text, name=name, least=least, most=most, value=value)


def pair(value: Any, name: str, least: int) -> tuple[int, int]:
    """``3`` and ``(3, 3)`` as (3, 3), vertical first.

    Examples
    --------
    >>> pair(3, "kernel_size", 1), pair((2, 3), "kernel_size", 1)
    ((3, 3), (2, 3))
    """
    if value.__class__ is int and value >= least:  # almost always: 0.9 us less
        return value, value
    if value.__class__ is tuple and len(value) == 2:  # as a layer keeps it: 1.2 us less
        down, across = value
        if down.__class__ is across.__class__ is int and down >= least <= across:
            return value
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or not all(isinstance(v, int | np.integer) and v >= least for v in values):
        raise ArgumentError(
            "{name} is an integer of at least {least}, or two (down, across), not {value!r}",
            name=name, least=least, value=value,
        )  # fmt: skip
    return int(values[0]), int(values[1])


def share(value: Any, name: str) -> float:
    """The number, if it lies between 0 and 1.

    Examples
    --------
    >>> share(0.5, "p")
    0.5
    """
    if not isinstance(value, NUMBER) or not 0 <= value <= 1:
        raise ArgumentError("{name} lies between 0 and 1, not {value!r}", name=name, value=value)
    return value  # type: ignore[no-any-return]


def positive(value: Any, name: str, *, zero: bool = False) -> float:
    """The number, if it is above 0; or is 0, where that will do.

    Examples
    --------
    >>> positive(0.0, "weight_decay", zero=True)
    0.0
    """
    if not isinstance(value, NUMBER) or not (value > 0 or (zero and value == 0)):
        text = _("{name} is a number above 0, not {value!r}")
        if zero:
            text = _("{name} is a number that is not negative, not {value!r}")
        raise ArgumentError(text, name=name, value=value)
    return value  # type: ignore[no-any-return]


def seed(value: int | None) -> int | None:
    """The seed, if NumPy can use it.

    Examples
    --------
    >>> seed(0), seed(None)
    (0, None)
    """
    if value is not None and (not isinstance(value, int | np.integer) or value < 0):
        raise ArgumentError("a seed is None or a whole number from 0 on, not {seed}", seed=value)
    return value


def same_shape(value: Any, shape: tuple[int, ...], name: str) -> None:
    """Refuse what a state holds for an array of another shape."""
    if np.shape(value) != shape:
        raise ShapeError(
            "{name} has the shape {shape} here and {got} in the state",
            name=name, shape=shape, got=np.shape(value),
        )  # fmt: skip


def kind(value: Any) -> str:
    """What an error calls a thing that is none of those asked for: the name of its class.

    Examples
    --------
    >>> kind(3), kind(int)
    ('int', 'int')
    """
    return getattr(value, "__name__", type(value).__name__)
