"""Exceptions. Each says what was asked, which rule it breaks and the way out, and carries the
operation and the Tensors at which the graph stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .messages import _


class TinygradError(Exception):
    """Base of all errors of the library.

    Parameters
    ----------
    template
        The text in English, with ``{fields}``; its translation is looked up here.
    values
        What stands in the fields. A field named like an argument of an operation
        (``{x}``, ``{x.name}``) is filled by :meth:`locate`.

    Attributes
    ----------
    operation : str or None
        The operation that refused, if the error comes from one.
    inputs : tuple
        What it was given (Tensors and arrays): the graph behind them is the partial graph.
    module : str or None
        The Module call in which it happened, such as ``features.3 (Conv2d)``.

    Examples
    --------
    >>> str(ShapeError("{x} is not square", x=(2, 3)))
    '(2, 3) is not square'
    """

    def __init__(self, template: str, **values: Any) -> None:
        super().__init__(template)
        self.template = _(template)
        self.values = values
        self.operation: str | None = None
        self.inputs: tuple[Any, ...] = ()
        self.module: str | None = None

    def locate(
        self, operation: str, inputs: Iterable[Any], operands: Mapping[str, Operand],
        module: str | None,
    ) -> TinygradError:  # fmt: skip
        """Add the operation, its operands and the layer; the innermost operation wins."""
        if self.operation is None:
            self.operation, self.inputs, self.module = operation, tuple(inputs), module
            self.values = {**operands, **self.values}
        return self

    def __str__(self) -> str:
        text = self.template.format_map(_Fields(self.values)) if self.values else self.template
        if self.operation:
            text = _("{operation}: {text}", operation=self.operation, text=text)
        if self.module:
            text += " " + _("[layer {module}]", module=self.module)
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The Tensors stay behind: a recorded Tensor cannot be pickled.
        return type(self), (str(self),)


class _Fields(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return Operand(key, None)


class Operand:
    """An argument of an operation as a text: ``W (5, 4608)``; its ``name`` alone: ``W``."""

    def __init__(self, name: str, shape: tuple[int, ...] | None) -> None:
        self.name, self.shape = name, shape

    def __str__(self) -> str:
        return self.name if self.shape is None else f"{self.name} {self.shape}"


class ShapeError(TinygradError, ValueError):
    """Shapes, axes or sizes that do not go together."""


class IndexingError(ShapeError, IndexError):
    """An index that the Tensor does not have."""


class ArgumentError(TinygradError, ValueError):
    """A value that an argument cannot take."""


class SignatureError(TinygradError, TypeError):
    """A call with missing, unknown or too many arguments."""


class SpellingError(TinygradError, AttributeError):
    """A name of another library for what is called otherwise here."""


class DTypeError(TinygradError, TypeError):
    """A kind of number, or of object, that cannot be used here."""


class GraphError(TinygradError, RuntimeError):
    """A use of the recorded graph that would give no gradient, or a wrong one."""


class NonFiniteError(TinygradError, FloatingPointError):
    """A NaN or an infinity, found under ``tg.debug()``."""


class MissingExtraError(TinygradError, ImportError):
    """An optional dependency that is not installed."""


class FileError(TinygradError, ValueError):
    """A file or folder that is missing, damaged or foreign."""


class VerificationError(TinygradError, AssertionError):
    """A report that was required to find nothing wrong; the message is its table."""


class in_our_words:  # noqa: N801 - used as a context manager
    """Raise the library's error where NumPy has put one of its own in its place.

    For ``z[0] = t`` it asks ``t`` for a float, and makes a ValueError about sequences of a refusal.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        cause = error.__cause__ if isinstance(error, ValueError) else None
        if isinstance(cause, TinygradError) and "array element" in str(error):
            raise cause.with_traceback(trace) from None


PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"}  # whose modules have other names


def need(*also: str, **modules: str) -> None:
    """Refuse to begin without modules, by extra; ``also``: extras that are named with them."""
    from importlib.util import find_spec

    missing = {m: extra for extra in modules for m in modules[extra].split() if not find_spec(m)}
    if missing:
        packages = ", ".join(PACKAGES.get(module, module) for module in missing)
        extras = ",".join(dict.fromkeys([*missing.values(), *also]))
        raise MissingExtraError(
            'not installed: {packages}. pip install "tinygrad_fr[{extras}]"',
            packages=packages, extras=extras,
        )  # fmt: skip
