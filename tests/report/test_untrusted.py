"""A report in a notebook that nobody trusts: what shows it drops styles, scripts and drawings."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np

from tinygrad_fr import verify

# What JupyterLab and forges leave of HTML; other elements go, their text stays where it is.
BLOCKS = {"table", "tr", "p", "figure", "figcaption", "pre", "details", "summary", "ul", "li"}
KEPT = BLOCKS | {"thead", "tbody", "th", "td", "b", "span", "del", "ins"}
GONE = {"style", "script"}  # with what they hold


class Sanitizer(HTMLParser):
    """The lines of text that are left, and the elements that held them."""

    def __init__(self, html):
        super().__init__()
        self.text, self.elements, self.depth = "", set(), 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.depth += tag in GONE
        self.text += "\n" if tag in BLOCKS else " " if tag in ("th", "td") else ""

    def handle_endtag(self, tag):
        self.depth -= tag in GONE
        self.text += "\n" if tag in BLOCKS else ""

    def handle_data(self, data):
        if not self.depth:
            self.text += data

    @property
    def lines(self):
        return [re.sub(" +", " ", line).strip() for line in self.text.split("\n") if line.strip()]


def report():
    x, w = np.arange(6.0).reshape(2, 3) + 1, np.ones((2, 3))
    dx = w.copy()
    dx[1, 2] += 0.5
    return verify.hand(lambda x, w: (x * w).sum(), {"x": x, "w": w}, {"x": dx, "w": x})


def test_nothing_of_a_report_needs_an_element_that_sanitizers_drop():
    assert Sanitizer(report()._repr_html_()).elements <= KEPT


def test_what_is_left_of_a_report_is_a_table_its_verdicts_and_a_map():
    lines = Sanitizer(report()._repr_html_()).lines
    assert lines[0] == "gradient shape verdict relative error remark"
    rows = dict(line.split(" ", 1) for line in lines[1:3])
    assert rows["x"].startswith("(2, 3) ✗ wrong 5.0e-01")
    assert rows["w"].startswith("(2, 3) ✓ correct")
    caption = next(i for i, line in enumerate(lines) if line.startswith("x: 1 of 6 entries"))
    assert lines.index("mend first: x") < caption
    assert "(1, 2)" in lines[caption]
    assert lines[caption + 1 : caption + 3] == ["······", "····██"]
