"""What a verification found: entries, verdicts and the sentences that go with them."""

from __future__ import annotations

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..checks import one_of
from ..errors import VerificationError
from ..messages import _, say, spelled
from .entry import Diagnosis, Entry, joined, kind_word, verdict_word
from .heat_map import heat_map
from .repair import Repair, place_of

__all__ = [
    "HINTS", "Diagnosis", "Entry", "Repair", "Report", "heat_map", "joined", "kind_word",
    "terminal_width",
]  # fmt: skip

# Whether a verdict means that nothing is wrong.
VERDICTS = {"correct": True, "kink": True, "wrong": False, "inconclusive": False}
HINTS = ("where", "kind", "full")
# For notebooks: a sign, and a colour that white stands out from: a page may be light or dark.
MARKS = {
    "correct": ("\u2713", "#1b6e3f"), "wrong": ("\u2717", "#b3261e"),
    "kink": ("\u2227", "#1b6e3f"), "inconclusive": ("?", "#7a5600"),
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """The entries of a verification, by name. It is true when nothing is wrong.

    Attributes
    ----------
    entries : dict of str to Entry
    hidden : tuple of str
        What these data could not have shown, in words.
    first_wrong : str or None
        The wrong gradient nearest to the loss whose own upstream was right.
    notes : tuple of str
        What was done: promotions, evaluations; what went wrong besides.
    repairs : tuple of Repair
        The smallest edits of somebody's own code that make every gradient right, the likeliest
        first; with which some are right, where there is none for all.
    suspects : tuple of (str, int)
        The lines, with their files, that move all that is wrong and nothing that is right.

    Examples
    --------
    >>> bool(Report({"x": Entry("x", "correct")}))
    True
    """

    entries: Mapping[str, Entry]
    hidden: tuple[str, ...] = ()
    first_wrong: str | None = None
    notes: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    suspects: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return all(VERDICTS[entry.verdict] for entry in self)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __getitem__(self, name: str) -> Entry:
        return self.entries[name]

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self, hints: str = "full", width: int | None = None) -> str:
        """The report as a table; ``hints`` as in :meth:`show`, ``width`` None: the terminal's."""
        one_of(hints, "hints", HINTS)
        rows = [self._titles()]
        rows += [(*self._cells(entry), self._remark(entry, hints)) for entry in self]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = []
        for row in rows:
            start = "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)) + "  "
            lines += _laid_out(start, row[4], width)
        if self.first_wrong is not None:
            lines.append(_("mend first: {name}", name=self.first_wrong))
        lines += self._about_lines(hints)
        if hints == "full":
            for title, texts in ((_("hidden"), self.hidden), (_("note"), self.notes)):
                start = _("{title}: ", title=title)
                lines += [line for text in texts for line in _laid_out(start, text, width)]
        return spelled("\n".join(lines))

    def _about_lines(self, hints: str) -> list[str]:
        """The lines of the code to look at, as much as may be said of them."""
        if not self.repairs:
            return [_("look at {place}", place=place) for place in self._suspected()]
        shown = [line for repair in self.repairs for line in repair.text(hints)]
        return list(dict.fromkeys(shown)) if hints != "full" else shown

    def _suspected(self) -> list[str]:
        paths = dict.fromkeys(path for path, _line in self.suspects)
        return [place_of(p, tuple(n for path, n in self.suspects if path == p)) for p in paths]

    @staticmethod
    def _titles() -> tuple[str, str, str, str, str]:
        return _("gradient"), _("shape"), _("verdict"), _("relative error"), _("remark")

    @staticmethod
    def _cells(entry: Entry) -> tuple[str, str, str, str]:
        shape = "-" if entry.shape is None else str(entry.shape)
        return entry.name, shape, verdict_word(entry.verdict), f"{entry.max_rel_error:.1e}"

    @staticmethod
    def _remark(entry: Entry, hints: str) -> str:
        if hints == "full":
            return entry.sentence
        kinds = [kind_word(d) for d in entry.diagnoses[:1]] if hints == "kind" else []
        return joined(*kinds, entry.where)

    def require(self) -> Report:
        """The report itself if nothing is wrong.

        Raises
        ------
        VerificationError
            Otherwise, with the table; it is an ``AssertionError``, too.

        Examples
        --------
        >>> Report({"x": Entry("x", "correct")}).require().first_wrong
        """
        __tracebackhide__ = True  # pytest shows the caller's line
        if not self:
            raise VerificationError("not everything is right:\n{table}", table=str(self))
        return self

    def show(self, hints: str = "full") -> None:
        """Print the report, saying as much as a teacher wants to give away.

        Parameters
        ----------
        hints
            ``"where"``: the verdicts, where the errors are, and which lines of the code to look
            at; ``"kind"``: also the kind of mistake; ``"full"``: everything, corrections too.
        """
        say(self.text(hints))

    def to_dict(self, hints: str = "full") -> dict[str, Any]:
        """The report as plain data, for automatic marking; ``hints`` as in :meth:`show`."""
        full, kinds = hints == "full", hints in ("kind", "full")
        return {
            "right": bool(self),
            "first_wrong": self.first_wrong,
            "entries": {
                entry.name: {
                    "verdict": entry.verdict,
                    "shape": None if entry.shape is None else list(entry.shape),
                    "max_abs_error": _plain(entry.max_abs_error),
                    "max_rel_error": _plain(entry.max_rel_error),
                    "worst_index": list(entry.worst_index),
                    "note": entry.note if full else entry.where,
                    "diagnoses": [
                        {
                            "kind": d.kind,
                            "explanation": d.explanation if full else kind_word(d),
                            "detail": _plain(d.detail) if full else {},
                            "confidence": d.confidence,
                        }
                        for d in (entry.diagnoses if kinds else ())
                    ],
                }
                for entry in self
            },
            "repairs": [repair.to_dict(hints) for repair in self.repairs],
            "suspects": [{"path": path, "line": line} for path, line in self.suspects],
            "hidden": list(self.hidden) if full else [],
            "notes": list(self.notes) if full else [],
        }

    def to_json(self, indent: int | None = 2, hints: str = "full") -> str:
        """The report as JSON; NaN and infinities as strings."""
        data = self.to_dict(hints)
        text = json.dumps(data, indent=indent, ensure_ascii=False)
        return text if spelled(text) == text else json.dumps(data, indent=indent)

    def _repr_html_(self) -> str:
        """For notebooks: the table, and for each wrong gradient a map of its errors."""
        cell = "text-align:left;vertical-align:top;padding:0.3em 0.8em"
        header = "".join(f"<th style='{cell}'>{escape(text)}</th>" for text in self._titles())
        rows = []
        for entry in self:
            mark, colour = MARKS[entry.verdict]
            name, shape, verdict, error = map(escape, self._cells(entry))
            badge = f"background:{colour};color:#fff;padding:0 0.4em;border-radius:0.2em"
            verdict = f"<b style='{badge}'>{mark} {verdict}</b>"
            cells = (name, shape, verdict, error, escape(entry.sentence))
            whole = f"{cell};white-space:nowrap"
            row = "".join(f"<td style='{whole}'>{text}</td>" for text in cells[:4])
            wide = ";min-width:14em" if entry.sentence else ""  # on a phone it scrolls
            row += f"<td style='{cell}{wide}'>{cells[4]}</td>"
            rows.append(f"<tr style='border-top:1px solid #999'>{row}</tr>")
        parts = [
            "<table class='report' style='border-collapse:collapse'>"
            f"<thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        ]
        if self.first_wrong is not None:
            text = _("mend first: {name}", name=self.first_wrong)
            parts.append(f"<p><b>{escape(text)}</b></p>")
        parts += [repair.html() for repair in self.repairs]
        if not self.repairs:
            parts += [f"<p>{escape(line)}</p>" for line in self._about_lines("full")]
        # A picture where a mistake is, none where one only follows.
        parts += [heat_map(e) for e in self if e.verdict == "wrong" and not e.follows]
        for title, texts in ((_("hidden"), self.hidden), (_("note"), self.notes)):
            items = "".join(f"<li>{escape(text)}</li>" for text in texts)
            if items:
                parts.append(
                    f"<details><summary>{escape(title)}</summary><ul>{items}</ul></details>"
                )
        return spelled("".join(parts))


def terminal_width() -> int:
    """The width of the terminal, 0 where the output goes elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size().columns


def _laid_out(start: str, text: str, width: int | None) -> list[str]:
    """A line; in a terminal, broken at its width under the text's first column."""
    line, width = (start + text).rstrip(), terminal_width() if width is None else width
    if not width or len(line) <= width:
        return [line]
    indent = " " * min(len(start), max(0, width - 40))
    return textwrap.wrap(line, max(width, 40), subsequent_indent=indent, break_long_words=False)


def _plain(x: Any) -> Any:
    """Numbers, strings, lists and dicts that JSON knows."""
    if isinstance(x, (np.ndarray, np.generic)):
        x = x.tolist()
    if isinstance(x, Mapping):
        return {str(key): _plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(item) for item in x]
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    return x if isinstance(x, (bool, int, float, str)) or x is None else str(x)
