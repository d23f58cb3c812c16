"""Inside ``verify`` imports point downwards only, and nothing goes in circles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tinygrad_fr as tg

VERIFY = Path(tg.__file__).parent / "verify"
ROOMS = ["vocabulary", "truth", "causes", "handwritten", "repairs", "questions", "__init__"]
FILES = sorted(VERIFY.rglob("*.py"))


def imports(path):
    """The files of ``verify`` that a file imports, for type-checkers or not."""
    parts = path.relative_to(VERIFY).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(parts):
            base = (*parts[: len(parts) - node.level], *(node.module or "").split("."))
            base = tuple(part for part in base if part)
            for alias in node.names:
                there = VERIFY.joinpath(*base, alias.name).with_suffix(".py")
                yield (*base, alias.name) if there.is_file() else base


@pytest.mark.parametrize("path", FILES, ids=lambda p: "/".join(p.relative_to(VERIFY).parts))
def test_imports_point_downwards_only(path):
    own = path.relative_to(VERIFY).with_suffix("").parts[0]
    for other in imports(path):
        if other:
            assert ROOMS.index(other[0]) <= ROOMS.index(own), f"{own} imports {'.'.join(other)}"


def test_nothing_imports_itself_in_a_circle():
    graph = {path.relative_to(VERIFY).with_suffix("").parts: set(imports(path)) for path in FILES}
    open_, done = [], set()

    def visit(node):
        assert node not in open_, " -> ".join("/".join(n) for n in (*open_, node))
        if node in done or node not in graph:
            return
        open_.append(node)
        for other in graph[node]:
            visit(other)
        done.add(open_.pop())

    for node in graph:
        visit(node)


def test_a_file_in_questions_is_called_as_the_public_verb():
    shared = {"__init__", "judgement", "inquiry", "in_time"}  # by several verbs, or parts of one
    names = {path.stem for path in (VERIFY / "questions").glob("*.py")} - shared
    assert names == {"check", "descent", "hand", "jacobian", "layer", "steps"}
    assert names <= set(tg.verify.__all__)


@pytest.mark.parametrize("room", ["handwritten", "questions"])
def test_somebodys_object_is_seen_through_a_subject_only(room):
    for path in (VERIFY / room).glob("*.py"):
        if path.stem not in ("here", "pytorch", "subject"):
            assert "_owner" not in path.read_text(encoding="utf-8"), path
