"""Pages to read: one for each student, one for the class. No script, nothing from the network."""

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .. import messages
from ..messages import _, ngettext, spelled
from ..report import Diagnosis, kind_word
from .marks import Marks, called, number

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2e8b57; --bad: #c0392b; --some: #b8860b }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem }
tr { border-top: 1px solid var(--line) }
.parts { table-layout: fixed } .parts td:first-child { width: 13rem } .parts td.n { width: 5rem }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.right { color: var(--good) } .wrong { color: var(--bad) } .some { color: var(--some) }
.bar { display: inline-block; height: .8em; background: var(--good); vertical-align: baseline }
.note { border-left: 4px solid var(--some); padding: .2rem .8rem; margin: .5rem 0 }
pre { overflow-x: auto; border-left: 4px solid var(--line); padding: .3rem .8rem }
figure { margin: .5rem 0; overflow-x: auto }
@media print { body { margin: 0 } h2 { break-after: avoid } }
"""
_SECTION = re.compile(r"<section id='errors-(\d+)'>(.*?)</section>", re.S)
_SIGN = {"right": "\u2713", "wrong": "\u2717", "some": "\u2248"}


def feedback_page(
    copy: dict[str, Any], pictures: Mapping[int, Sequence[str]] | None = None, before: str = ""
) -> str:  # fmt: skip
    """What a student gets: the mark, and a reason for every point that is lost.

    ``pictures`` of the questions that were judged; those of others stay as they were ``before``.
    """
    out_of = _("{mark} out of {total}", mark=number(copy["mark"]), total=number(copy["out_of"]))
    body = [f"<h1>{_safe(copy['copy'])} \u2014 {_safe(out_of)}</h1>"]
    body += [_note(text) for text in (copy["problem"], *copy["remarks"]) if text]
    kept = dict(_SECTION.findall(before))
    for k, question in enumerate(copy["questions"]):
        points = f"{number(question['points'])} / {number(question['out_of'])}"
        rows = [_row(part, bool(copy["problem"])) for part in question["parts"]]
        body.append(f"<h2>{_safe(question['title'])} \u2014 {points}</h2>")
        body.append(f"<table class='parts'>{''.join(rows)}</table>")
        body += [_note(text) for text in question["remarks"]]
        if question["repairs"]:
            lines = "\n".join(map(_safe, question["repairs"]))
            body.append(f"<pre>{lines}</pre>")
        shown = "".join((pictures or {}).get(k, [])) or kept.get(str(k), "")
        body += [f"<section id='errors-{k}'>{shown}</section>"] if shown else []
    return _page(copy["copy"], body)


def _row(part: dict[str, Any], unread: bool) -> str:
    lost = part["points"] < part["out_of"]
    kind = "right" if not lost else "some" if part["points"] else "wrong"
    return (
        f"<tr><td class='{kind}'>{_SIGN[kind]} {_safe(called(part['what']))}</td>"
        f"<td class='n'>{number(part['points'])} / {number(part['out_of'])}</td>"
        f"<td>{'' if unread else _safe(part['reason'])}</td></tr>"
    )


def class_page(marks: Marks, anonymous: bool = False) -> str:
    """What a teacher looks at: who has how much, which mistakes, which question separates.

    ``anonymous``, to be shown to the class: neither names nor what is said of one copy.
    """
    n = len(marks)
    title = ngettext("{n} copy", "{n} copies", n, n=n)
    mean = _("mean {mean} out of {total}", mean=number(round(marks.mean, 2)),
             total=number(marks.out_of))  # fmt: skip
    values = [c["mark"] for c in marks]
    spread = _("median {median}, standard deviation {deviation}",
               median=number(statistics.median(values or [0])),
               deviation=number(round(statistics.pstdev(values or [0]), 2)))  # fmt: skip
    body = [f"<h1>{_safe(title)}, {_safe(mean)}</h1>", f"<p>{_safe(spread)}</p>"]
    body.append(_distribution(marks))
    body += [_heading(_("Questions")), _questions(marks)]
    body += [_heading(_("Mistakes")), _mistakes(marks, anonymous)]
    if anonymous:
        return _page(title, body)
    flagged = [c for c in marks if c["flags"]]
    if flagged:
        rows = [
            f"<tr><td>{_safe(c['copy'])}</td><td>{'<br>'.join(map(_safe, c['flags']))}</td></tr>"
            for c in flagged
        ]
        body += [_heading(_("To be read")), f"<table>{''.join(rows)}</table>"]
    if marks.similar:
        rows = [
            f"<tr><td>{_safe(', '.join(pair['copies']))}</td>"
            f"<td class='n'>{100 * pair['share']:.0f} %</td></tr>"
            for pair in marks.similar
        ]
        body += [_heading(_("Copies with much the same code")), f"<table>{''.join(rows)}</table>"]
    body += [_heading(_("All marks")), _all_marks(marks)]
    return _page(title, body)


def _distribution(marks: Marks) -> str:
    """How many copies have how much, in ten bars."""
    counts = Counter(min(9, int(10 * c["mark"] / (c["out_of"] or 1))) for c in marks)
    most, rows = max(counts.values(), default=1), []
    for k in range(10):
        low, high = (number(round(marks.out_of * x / 10, 2)) for x in (k, k + 1))
        width = 24 * counts[k] / most
        rows.append(
            f"<tr><td class='n'>{low} \u2013 {high}</td><td class='n'>{counts[k]}</td>"
            f"<td style='width:70%'><span class='bar' style='width:{width:.1f}em'></span></td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _questions(marks: Marks) -> str:
    """The share of points for each question, and how far it separates the class."""
    header = (_("question"), _("points"), _("separates"))
    rows = [
        f"<tr><th>{_safe(header[0])}</th><th class='n'>{_safe(header[1])}</th>"
        f"<th class='n'>{_safe(header[2])}</th></tr>"
    ]
    for k, question in enumerate(marks.copies[0]["questions"] if marks.copies else ()):
        points = [c["questions"][k]["points"] for c in marks]
        others = [c["mark"] - p for c, p in zip(marks, points, strict=True)]
        share = 100 * sum(points) / (len(points) * (question["out_of"] or 1))
        r = _correlation(points, others)
        rows.append(
            f"<tr><td>{_safe(question['title'])}</td><td class='n'>{share:.0f} %</td>"
            f"<td class='n'>{'-' if r is None else number(round(r, 2))}</td></tr>"
        )
    text = _("separates: the correlation of a question's points with those of all others")
    return f"<table>{''.join(rows)}</table><p><small>{_safe(text)}</small></p>"


def _correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    xx, yy = sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
    if not xx * yy > 0:
        return None
    xy = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return float(xy / (xx * yy) ** 0.5)


def _mistakes(marks: Marks, anonymous: bool) -> str:
    """Which kinds of mistakes how many copies have, and which."""
    found: dict[tuple[str, str], list[str]] = {}
    for c in marks:
        for title, kind in {(q["title"], kind) for q in c["questions"] for kind in q["mistakes"]}:
            found.setdefault((title, kind), []).append(c["copy"])
    rows = [
        f"<tr><td class='n'>{len(who)}</td><td>{_safe(kind_word(Diagnosis(kind, '')))}</td>"
        f"<td>{_safe(title)}</td><td><small>{'' if anonymous else _safe(', '.join(who))}</small>"
        "</td></tr>"
        for (title, kind), who in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
    return f"<table>{''.join(rows)}</table>" if rows else _note(_("none that is known"))


def _all_marks(marks: Marks) -> str:
    titles = [q["title"] for q in marks.copies[0]["questions"]] if marks.copies else []
    header = "".join(f"<th class='n'>{_safe(t)}</th>" for t in titles)
    rows = [
        f"<tr><td>{_safe(c['copy'])}</td><td class='n'><b>{number(c['mark'])}</b></td>"
        + "".join(f"<td class='n'>{number(q['points'])}</td>" for q in c["questions"]) + "</tr>"
        for c in marks
    ]  # fmt: skip
    first = _safe(_("copy")), _safe(_("mark"))
    head = f"<tr><th>{first[0]}</th><th class='n'>{first[1]}</th>{header}</tr>"
    return f"<div style='overflow-x:auto'><table>{head}{''.join(rows)}</table></div>"


def _heading(text: str) -> str:
    return f"<h2>{_safe(text)}</h2>"


def _note(text: str) -> str:
    return f"<p class='note'>{_safe(text)}</p>"


def _safe(text: Any) -> str:
    return escape(spelled(str(text)))


def _page(title: str, body: Sequence[str]) -> str:
    return (
        f"<!doctype html>\n<html lang='{messages.language}'>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width'>\n"
        f"<title>{_safe(title)}</title>\n<style>{_STYLE}</style>\n{chr(10).join(body)}\n</html>\n"
    )
