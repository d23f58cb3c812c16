"""Print the lowest versions that pyproject.toml allows, as constraints for pip.

``python tests/lowest.py >lowest.txt`` and then ``pip install -e ".[test]" -c lowest.txt``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
# The site's and the other frameworks' are no part of the library and its tests.
EXTRAS = ("viz", "data", "train", "plot", "io", "fast", "test")


def constraints() -> list[str]:
    """``name==version``, with its condition on Python, for each bound."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    bounds = list(project["dependencies"])
    for extra in EXTRAS:
        bounds += project["optional-dependencies"][extra]
    return [bound.replace(">=", "==", 1) for bound in bounds if not bound.startswith("tinygrad_fr")]


if __name__ == "__main__":
    print("\n".join(constraints()))
