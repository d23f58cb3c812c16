"""The marks of all copies, and what they were made with."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .. import messages
from ..messages import _
from .questions import Homework


@dataclass(frozen=True)
class Marks:
    """The marks of all copies. ``grade/marks.schema.json`` is the JSON Schema of ``marks.json``.

    Attributes
    ----------
    copies : list of dict
        As in ``marks.json``: ``copy``, ``mark``, ``out_of``, ``flags``, ``questions``, ...
    similar : list of dict
        Pairs of copies with much the same code, for a teacher to look at.
    out_of : float
    hints : str
    key : str
        Of the questions and settings that they are for.
    """

    copies: list[dict[str, Any]]
    similar: list[dict[str, Any]]
    out_of: float
    hints: str
    key: str = ""

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The result of a copy by its name."""
        for copy in self.copies:
            if copy["copy"] == name:
                return copy
        raise KeyError(name)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.copies)

    def __len__(self) -> int:
        return len(self.copies)

    @property
    def mean(self) -> float:
        """The mean of all marks."""
        return float(sum(c["mark"] for c in self.copies)) / len(self.copies)

    def to_dict(self) -> dict[str, Any]:
        """The marks as plain data, as ``marks.json`` has them."""
        return {"version": 1, "out_of": self.out_of, "hints": self.hints, "mean": self.mean,
                "key": self.key, "copies": self.copies, "similar": self.similar}  # fmt: skip


def called(what: str) -> str:
    """What is judged, in words."""
    if what == "output":
        return _("forward")
    return _("gradient of the input") if what == "input" else _("gradient of {name}", name=what)


def number(x: float, comma: bool | None = None) -> str:
    """A number with a decimal point, or a comma; if it is not said, as in the language in use."""
    comma = messages.language == "fr" if comma is None else comma
    text = f"{x:g}"
    return text.replace(".", ",") if comma else text


def key_of(homework: Homework, *settings: Any) -> str:
    """What must be the same for a result to be kept."""
    titles = [(q.title, q.name, dict(q.points)) for q in homework.questions]
    return hashlib.sha256(repr((homework.text, titles, settings)).encode()).hexdigest()
