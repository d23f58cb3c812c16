"""The register of the documents' formulas is whole, and its tests, targets and pages are there."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from . import identifiers

ROWS = identifiers.read()
CHAPTERS = sorted({row.chapter for row in ROWS})

# What the documents print: displayed formulas (one of 000 in two parts), then the rest.
FORMULAS = {"000": 14, "001": 7, "002": 62, "003": 17, "004": 17}
ACTIVATIONS, CODE, INLINE = 9, 4, 2
STATEMENTS = {"000": 6, "001": 3, "002": 11, "003": 8, "004": 4}


def test_every_identifier_is_there_once():
    expected = [f"{d}-{n}" for d, count in FORMULAS.items() for n in range(1, count + 1)]
    expected.remove("000-7")
    expected += ["000-7a", "000-7b"]
    expected += [f"000-i{n}" for n in range(1, INLINE + 1)]
    expected += [f"002-A{n}" for n in range(1, ACTIVATIONS + 1)]
    expected += [f"002-C{n}" for n in range(1, CODE + 1)]
    expected += [f"{d}-T{n}" for d, count in STATEMENTS.items() for n in range(1, count + 1)]
    assert Counter(row.name for row in ROWS) == Counter(expected)
    assert sum(FORMULAS.values()) + ACTIVATIONS == 126


def test_every_row_is_complete():
    for row in ROWS:
        assert row.status in identifiers.STATUSES, row
        assert row.printed, row
        assert row.remark or row.status in ("juste", "texte", "symboles perdus"), row
        assert "|" not in row.printed + row.remark, row  # it would end the cell of a table
        assert row.printed.count("$") % 2 == row.remark.count("$") % 2 == 0, row


def test_every_claim_has_a_test_named_after_it():
    found = [
        node.name
        for _, nodes in identifiers.sources()
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]
    assert Counter(found) == Counter(set(found))
    assert {row.test for row in ROWS if row.test} == set(found)
    assert {row.name for row in ROWS if not row.test} == {
        row.name for row in ROWS if row.status == "texte"
    }
    for row in ROWS:
        if row.test:
            assert row.name.split("-")[1] in covered(row), row


def covered(row: identifiers.Identifier) -> set[str]:
    """The ranks that a test's name gives: ``test_002_6_to_10_and_12_are_...``."""
    words = row.test.removeprefix(f"test_{row.document}_").split("_")
    ranks: list[str] = []
    for i, word in enumerate(words):
        if re.fullmatch(r"[ACTi]?\d+[ab]?", word):
            if words[i - 1] == "to":
                kind, last = re.fullmatch(r"(\D?)(\d+)\D?", word).groups()
                ranks += [f"{kind}{n}" for n in range(int(ranks[-1].lstrip("AC")), int(last))]
            ranks.append(word)
    return set(ranks)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_has_the_target_of_its_formulas_once(chapter):
    page = identifiers.DOCS / "course" / f"{chapter}.md"
    if not page.exists():
        pytest.skip(f"{page.name} is not written yet")
    found = re.findall(r"^\((f-[^)]*)\)=$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert Counter(found) == Counter(row.target for row in ROWS if row.chapter == chapter)


def test_the_errata_mention_every_mistake():
    page = (identifiers.DOCS / "course" / "errata.md").read_text(encoding="utf-8")
    for row in ROWS:
        if row.status in ("fausse", "trompeuse", "coquille", "texte"):
            assert f"](#{row.target})" in page, row


def test_links_to_formulas_lead_to_one():
    targets = {row.target for row in ROWS}
    for page in identifiers.DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            links = re.findall(r"\]\(#(f-\d[^)]*)\)", page.read_text(encoding="utf-8"))
            assert set(links) <= targets, page.name


def test_formulas_can_be_shown():
    math = pytest.importorskip("docutils.utils.math.latex2mathml")
    for row in ROWS:
        for formula in re.findall(r"\$([^$]+)\$", f"{row.printed} {row.remark}"):
            assert math.tex2mathml(formula, as_block=False), row


@pytest.mark.parametrize(
    ("page", "text"), list(identifiers.pages()), ids=lambda part: getattr(part, "name", "")
)
def test_pages_are_fresh(page, text):
    again = "run python tests/course/identifiers.py"
    assert page.read_text(encoding="utf-8") == text, again
