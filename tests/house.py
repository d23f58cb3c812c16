"""The house read from its files: what each imports, and how long files and functions are.

``python -m tests.house`` prints the lines of every room, beside its budget.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import tinygrad_fr

PACKAGE = Path(tinygrad_fr.__file__).parent


def name(path: Path) -> str:
    """A file as it is written here: ``verify/truth/differences``."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


FILES = {name(path): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def lines(file: str) -> int:
    """How many lines a file has, whatever stands on them."""
    return len(FILES[file].splitlines())


@functools.cache
def imports(file: str) -> set[str]:
    """The files that a file imports: at its top, inside functions, and for type-checkers."""
    path, found = PACKAGE / file, set()
    for node in ast.walk(ast.parse(FILES[file])):
        if isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if node.level else PACKAGE.parent
            module = base.joinpath(*(node.module or "").split("."))
            found |= {imported(module / alias.name) or imported(module) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {imported(PACKAGE.parent.joinpath(*a.name.split("."))) for a in node.names}
    return {other for other in found if other and other != file}


def imported(module: Path) -> str | None:
    """The file behind a module's path, if it is one of the package."""
    if module.is_relative_to(PACKAGE):
        for file in (name(module), name(module / "__init__")):
            if file in FILES:
                return file
    return None


def leads_to(start: str, end: str) -> bool:
    """Whether the imports that begin at a file arrive at another."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += imports(file)
    return end in seen


def functions(file: str) -> Iterator[tuple[str, int]]:
    """Each function and its lines of code: signature, docstring, comments and gaps aside."""
    text = FILES[file].splitlines()
    for node in ast.walk(ast.parse(FILES[file])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            written = text[body[0].lineno - 1 : node.end_lineno] if body else []
            yield (
                f"{file}:{node.name}",
                sum(line.strip() != "" and not line.strip().startswith("#") for line in written),
            )


if __name__ == "__main__":
    from .test_package import BUDGETS, WHOLE, size

    print(f"{'room':20}{'lines':>8}{'budget':>8}")
    for room, budget in BUDGETS.items():
        print(f"{room:20}{size(room):8,}{budget:8,}")
    print(f"{'the whole':20}{sum(map(lines, FILES)):8,}{WHOLE:8,}")
