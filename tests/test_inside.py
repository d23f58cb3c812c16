"""The pages about the inside, and what helps to contribute: what they name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from .benchmarks import decisions

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / ".github" / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "inside").rglob("*.md"))]
DECISIONS = [page for page in PAGES if page.parent.name == "decisions" and page.stem != "index"]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

# In code: `tests/ops/test_programs.py::test_every_step_works_somewhere`, `tests.house`, `graph/`.
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
MODULE = re.compile(r"python -m (tests[.\w]*)")
PATH = re.compile(r"`((?:tests|docs|examples|tinygrad_fr|\.github)/[\w./]*|\w[\w/]*/(?:\w+\.py)?)`")

FORMS = [f for f in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if f.stem != "config"]
ABOUT = {"name", "description", "title", "labels", "assignees", "projects", "type"}
TEXT = {"label", "description", "placeholder", "value"}
FIELDS = {
    "markdown": {"value"},
    "input": TEXT,
    "textarea": {*TEXT, "render"},
    "dropdown": {"label", "description", "multiple", "options", "default"},
    "checkboxes": {"label", "description", "options"},
}


def functions(path):
    return {n.name for n in ast.walk(ast.parse(path.read_text("utf-8"))) if hasattr(n, "name")}


@EACH_PAGE
def test_every_test_that_a_page_names_exists(page):
    for file, name in TEST.findall(page.read_text("utf-8")):
        assert name in functions(ROOT / file), f"{file} has no {name}"


@EACH_PAGE
def test_every_path_and_program_that_a_page_names_exists(page):
    text = page.read_text("utf-8")
    programs = [name.replace(".", "/") for name in MODULE.findall(text)]
    for path in (*programs, *PATH.findall(text)):
        places = (ROOT / path, ROOT / f"{path}.py", ROOT / "tinygrad_fr" / path)
        assert any(place.exists() for place in places), path


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_decision_has_its_measurement_and_its_tests(page):
    text = page.read_text("utf-8")
    assert f"`python -m tests.benchmarks.decisions {page.stem}`" in text
    assert TEST.search(text)


def test_every_decision_is_listed_and_can_be_measured():
    pages = {page.stem for page in DECISIONS}
    index = (ROOT / "docs" / "inside" / "decisions" / "index.md").read_text("utf-8")
    assert pages == set(re.findall(r"\]\((\w+)\.md\)", index)) == set(decisions.DECISIONS)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_for_issues_is_one_that_github_takes(form):
    """Its syntax for issue forms: known elements, each with a label and a name of its own."""
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load(form.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(read) <= {*ABOUT, "body"}
    asked = [element for element in read["body"] if element["type"] != "markdown"]
    assert asked
    for element in read["body"]:
        assert set(element["attributes"]) <= FIELDS[element["type"]], element
        assert set(element.get("validations", {})) <= {"required"}
    names = [element["id"] for element in asked]
    assert len(set(names)) == len(names)
    assert all(element["attributes"]["label"] for element in asked)
