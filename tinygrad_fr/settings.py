"""Settings of the whole process: language, default dtype, seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import messages
from .errors import ArgumentError

VERSION = "0.1.0"

default_dtype: np.dtype[Any] = np.dtype(np.float32)
_generator: np.random.Generator | None = None  # made at its first use: numpy.random loads slowly
_borrowed: ContextVar[np.random.Generator | None] = ContextVar("generator", default=None)


def set_language(language: str) -> None:
    """Choose the language of messages, reports and pictures.

    Parameters
    ----------
    language
        ``"fr"`` (the default) or ``"en"``. The environment variable ``TINYGRAD_FR_LANG``
        chooses it at start.

    Raises
    ------
    ArgumentError
        If there is no such language.

    Examples
    --------
    >>> set_language("en")
    """
    if language not in messages.LANGUAGES:
        raise ArgumentError(
            "no language {language!r}: choose one of {known}",
            language=language,
            known=", ".join(messages.LANGUAGES),
        )
    messages.language = language


def set_default_dtype(dtype: Any) -> None:
    """Choose the dtype of new parameters and of what the loaders read (float32 at start).

    Examples
    --------
    >>> set_default_dtype("float64")
    >>> set_default_dtype("float32")
    """
    global default_dtype
    try:
        wanted = np.dtype(dtype)
    except TypeError as error:
        raise ArgumentError("{dtype!r} is not a NumPy dtype", dtype=dtype) from error
    if wanted.kind != "f":
        raise ArgumentError("the default dtype must be floating, not {dtype}", dtype=wanted)
    default_dtype = wanted


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of new parameters and of what the loaders read."""
    return default_dtype


def manual_seed(seed: int) -> None:
    """Seed initialisation, dropout and shuffling.

    Examples
    --------
    >>> manual_seed(0)
    """
    global _generator
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError("a seed is a whole number from 0 on, not {seed!r}", seed=seed)
    if _borrowed.get() is not None:
        _borrowed.set(np.random.default_rng(seed))
    else:
        _generator = np.random.default_rng(seed)


@contextmanager
def drawing_from(random: np.random.Generator) -> Iterator[None]:
    """Draw from this generator in here, in this thread; the library's stays as it is."""
    token = _borrowed.set(random)
    try:
        yield
    finally:
        _borrowed.reset(token)


def generator(seed: int | tuple[int, ...] | None = None) -> np.random.Generator:
    """The library's random generator, or a new one where a ``seed`` is given."""
    global _generator
    if seed is not None:
        return np.random.default_rng(seed)
    if (borrowed := _borrowed.get()) is not None:
        return borrowed
    if _generator is None:
        _generator = np.random.default_rng()
    return _generator
