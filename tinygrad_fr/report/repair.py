"""A possible correction of somebody's own lines, and how it is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from pathlib import Path
from typing import Any

from ..messages import _
from .entry import Diagnosis, kind_word

_CELL = ("ipykernel_", "xpython_", "marimo_", "<ipython")


@dataclass(frozen=True)
class Repair:
    """A small edit of somebody's own code that makes gradients right. It is never applied.

    Attributes
    ----------
    path : str
        The file, or the cell of a notebook.
    line : int
        The first line that changes.
    before, after : str
        The lines as they are, and as they would be.
    mends : tuple of str
        The gradients that were wrong and are right with it.
    agrees : Diagnosis or None
        The diagnosis that says the same.
    kind : str
        What kind of mistake it mends, a word of the contract.
    lines : tuple of int
        All lines that change.
    whole : bool
        Whether nothing is wrong any more with it.

    Examples
    --------
    >>> repair = Repair("mlp.py", 14, "dZ1 = dA1", "dZ1 = dA1 * (self.Z1 > 0)", ("W1", "b1"))
    >>> print(*repair.text()[1:], sep=chr(10))
      - dZ1 = dA1
      + dZ1 = dA1 * (self.Z1 > 0)
                 ^^^^^^^^^^^^^^^^
    """

    path: str
    line: int
    before: str
    after: str
    mends: tuple[str, ...] = ()
    agrees: Diagnosis | None = None
    kind: str = ""
    lines: tuple[int, ...] = ()
    whole: bool = True

    def __str__(self) -> str:
        return "\n".join(self.text("full"))

    def text(self, hints: str = "full") -> list[str]:
        """The lines of a report; ``hints`` as in :meth:`Report.show`."""
        if hints == "where":
            return [_("look at {place}", place=self.place)]
        word = self.word
        if hints == "kind":
            return [_("look at {place}: {word}", place=self.place, word=word)]
        text = _("{place}: a possible correction; with it nothing is wrong any more")
        if not self.whole:
            text = _("{place}: a possible correction of {names}")
        lines = [text.format(place=self.place, names=", ".join(self.mends))]
        lines += [f"  - {line}" for line in self.before.split("\n")]
        for line, marks in zip(self.after.split("\n"), self._marks(), strict=True):
            lines.append(f"  + {line}".rstrip())
            lines += [f"    {marks}"] if marks.strip() else []
        return lines

    @property
    def word(self) -> str:
        """The kind of mistake, in the language in use."""
        return kind_word(self.agrees or Diagnosis(self.kind, ""))

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return place_of(self.path, self.lines or (self.line,))

    def _marks(self) -> Iterator[str]:
        """For each new line, signs under what is new in it."""
        start = 0
        new = [*_new(self.before, self.after)]
        for line in self.after.split("\n"):
            yield "".join("^" if any(a <= start + i < b for a, b in new) else " "
                          for i in range(len(line))).rstrip()  # fmt: skip
            start += len(line) + 1

    def to_dict(self, hints: str = "full") -> dict[str, Any]:
        """The repair as plain data; ``hints`` as in :meth:`Report.show`."""
        data: dict[str, Any] = {"path": self.path, "line": self.line, "lines": list(self.lines)}
        if hints in ("kind", "full"):
            data["kind"] = self.kind
        if hints == "full":
            data |= {"before": self.before, "after": self.after, "mends": list(self.mends),
                     "whole": self.whole}  # fmt: skip
        return data

    def html(self) -> str:
        """For notebooks: what goes is struck through, what comes is underlined."""
        matcher = SequenceMatcher(None, self.before, self.after, autojunk=False)
        before, after = "", ""
        for tag, a, b, c, d in matcher.get_opcodes():
            old, new = escape(self.before[a:b]), escape(self.after[c:d])
            before += old if tag == "equal" or not old else f"<del>{old}</del>"
            after += new if tag == "equal" or not new else f"<ins><b>{new}</b></ins>"
        title = self.text("full")[0]
        style = "margin:0.2em 0 0.8em 1em;white-space:pre-wrap"
        return (
            f"<p style='margin-bottom:0'>{escape(title)}</p>"
            f"<pre style='{style}'>\u2212 {_prefixed(before, chr(0x2212))}\n"
            f"+ {_prefixed(after, '+')}</pre>"
        )


def _prefixed(text: str, sign: str) -> str:
    return text.replace("\n", f"\n{sign} ")


def _new(before: str, after: str) -> Iterator[tuple[int, int]]:
    for tag, _a, _b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag in ("insert", "replace"):
            yield c, d


def place_of(path: str, lines: tuple[int, ...]) -> str:
    """Lines of a file, in words: ``mlp.py, line 14``; ``the cell, between lines 9 and 14``."""
    file = Path(path).name
    if path.startswith(_CELL[-1]) or Path(path).parent.name.startswith(_CELL):
        file = _("cell")
    if len(lines) == 1:
        return _("{file}, line {line}", file=file, line=lines[0])
    return _("{file}, between lines {a} and {b}", file=file, a=min(lines), b=max(lines))
