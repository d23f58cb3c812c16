"""What a verification found: entries, verdicts and the sentences that go with them."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from ..checks import one_of
from ..kernels import Array
from ..messages import _, say, spelled
from .heat_map import heat_map

# Whether a verdict means that nothing is wrong.
VERDICTS = {"correct": True, "kink": True, "wrong": False, "inconclusive": False}
HINTS = ("where", "kind", "full")
# For notebooks: a sign and a colour, dark enough on white and light enough on black.
MARKS = {
    "correct": ("\u2713", "#2e8b57"), "wrong": ("\u2717", "#d2453a"),
    "kink": ("\u2227", "#2e8b57"), "inconclusive": ("?", "#b8860b"),
}  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """A tested hypothesis about what went wrong: its correction makes the gradient right.

    Attributes
    ----------
    kind : str
        A word of the contract, such as ``"missing_factor"``.
    explanation : str
        A sentence, in the language in use.
    detail : dict
        The factor and what it equals, the axis, the operation, the subset; ``equivalent`` lists
        other kinds that explain these data as well, ``with`` the second of two mistakes.
    confidence : float
        1, less when others explain it as well.
    """

    kind: str
    explanation: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 1.0


@dataclass(frozen=True, repr=False)
class Entry:
    """The verdict on one gradient.

    Attributes
    ----------
    name : str
    autograd, numeric, hand : array or None
        The gradient by reverse mode, by finite differences (NaN where a large one was only
        sampled), and derived by hand.
    verdict : str
        ``"correct"``, ``"wrong"``, ``"kink"`` or ``"inconclusive"``.
    max_abs_error, max_rel_error : float
        The largest difference to the truth, alone and divided by the largest true value.
    worst_index : tuple of int
        Where it is.
    diagnoses : tuple of Diagnosis
        The mistakes that explain it, the likeliest first.
    note : str
        What else there is to say.
    """

    name: str
    verdict: str
    autograd: Array | None = None
    numeric: Array | None = None
    hand: Array | None = None
    max_abs_error: float = 0.0
    max_rel_error: float = 0.0
    worst_index: tuple[int, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    note: str = ""

    def __repr__(self) -> str:
        verdict = _("{name}: {value}", name=self.name, value=verdict_word(self.verdict))
        return joined(verdict, self.sentence)

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        parts = [d.explanation for d in self.diagnoses[:1]]
        others = [d for d in self.diagnoses[1:] if "with" not in d.detail]
        if others:
            names = ", ".join(dict.fromkeys(kind_word(d) for d in others[:3]))
            parts.append(_("these data allow other explanations, too: {names}", names=names))
        return joined(*parts, self.note)

    @property
    def where(self) -> str:
        """Where the largest error is, without a reason; or why there was nothing to judge."""
        if self.hand is None and not self.worst_index:
            return self.note
        true = self.numeric if self.autograd is None else self.autograd
        if self.verdict != "wrong" or true is None:
            return ""
        if self.shape != np.shape(true):
            return _(
                "the shape is {hand} instead of {expected}",
                hand=self.shape,
                expected=np.shape(true),
            )
        if not self.worst_index:
            return ""
        return _("the largest error is at {index}", index=self.worst_index)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the gradient (the student's where there is one)."""
        arrays = (self.hand, self.numeric, self.autograd)
        return next((tuple(np.shape(array)) for array in arrays if array is not None), None)


def joined(*parts: str) -> str:
    """Sentences one after the other; empty ones are left out."""
    text = ""
    for part in filter(None, parts):
        text = _("{a}; {b}", a=text, b=part) if text else part
    return text


def verdict_word(verdict: str) -> str:
    """The verdict in the language in use."""
    return {
        "correct": _("correct"), "wrong": _("wrong"), "kink": _("kink"),
        "inconclusive": _("inconclusive"),
    }[verdict]  # fmt: skip


def kind_word(diagnosis: Diagnosis) -> str:
    """The kind of a mistake in the language in use, with the factor or operation that it names."""
    words = {
        "transpose": _("transposition"), "not_summed": _("missing sum"),
        "wrong_axis": _("wrong axis"), "flipped_kernel": _("flipped kernel"),
        "shifted": _("shifted entries"), "permuted": _("permuted entries"),
        "off_by_one_class": _("classes off by one"), "sign": _("sign"), "scale": _("factor"),
        "zero": _("zero"), "constant_offset": _("constant offset"), "truncated": _("truncation"),
        "diagonal_only": _("diagonal only"), "double_activation": _("activation applied twice"),
        "missing_upstream": _("missing upstream gradient"),
        "missing_factor": _("missing factor"), "extra_factor": _("extra factor"),
        "wrong_variable": _("wrong variable"),
        "wrong_local_derivative": _("wrong local derivative"),
        "missing_branch": _("missing branch"), "max_ties": _("ties of a maximum"),
        "overwritten": _("overwritten contributions"),
        "updated_too_early": _("parameters updated too early"), "stale_cache": _("stale cache"),
        "one_hot_upstream_only": _("right for one-hot upstream gradients only"),
        "precision": _("precision"), "non_finite": _("NaN or infinity"),
        "forward_differs": _("another forward computation"), "ascent": _("gradient ascent"),
        "wrong_shape": _("wrong shape"),
    }  # fmt: skip
    word = words.get(diagnosis.kind, diagnosis.kind)
    named = diagnosis.detail.get("equals") or diagnosis.detail.get("operation")
    return f"{word} ({named})" if named else word


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

    Examples
    --------
    >>> bool(Report({"x": Entry("x", "correct")}))
    True
    """

    entries: Mapping[str, Entry]
    hidden: tuple[str, ...] = ()
    first_wrong: str | None = None
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        right = all(VERDICTS[entry.verdict] for entry in self.entries.values())
        if not right and "PYTEST_CURRENT_TEST" in os.environ:
            say(str(self))  # pytest shows what was printed, and cuts what repr gives
        return right

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
        if hints == "full":
            for title, texts in ((_("hidden"), self.hidden), (_("note"), self.notes)):
                start = _("{title}: ", title=title)
                lines += [line for text in texts for line in _laid_out(start, text, width)]
        return spelled("\n".join(lines))

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

    def show(self, hints: str = "full") -> None:
        """Print the report, saying as much as a teacher wants to give away.

        Parameters
        ----------
        hints
            ``"where"``: the verdicts and where the errors are; ``"kind"``: also the kind of
            mistake; ``"full"``: everything.
        """
        say(self.text(hints))

    def to_dict(self, hints: str = "full") -> dict[str, Any]:
        """The report as plain data, for automatic marking; ``hints`` as in :meth:`show`."""
        full, kinds = hints == "full", hints in ("kind", "full")
        return {
            "right": all(VERDICTS[entry.verdict] for entry in self),
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
            verdict = f"<b style='color:{colour}'>{mark} {verdict}</b>"
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
        # A picture where a mistake is, none where one only follows.
        told = [
            e for e in self if e.verdict == "wrong" and (e.diagnoses or e.name == self.first_wrong)
        ]
        parts += [heat_map(entry) for entry in told]
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
