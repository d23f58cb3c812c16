"""Refuse a page whose cells show what no reader should see: standard error, a progress bar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def stains(book: dict[str, Any]) -> Iterator[str]:
    """What a notebook's outputs hold of it, in words."""
    for number, cell in enumerate(book["cells"]):
        for output in cell.get("outputs", ()):
            data = {**output.get("data", {}), "text": output.get("text", "")}
            texts = ["".join(text) for text in data.values() if isinstance(text, (str, list))]
            if output.get("name") == "stderr":
                yield f"cell {number} wrote to standard error: {texts[-1][:200]!r}"
            elif any("\r" in text or "tqdm" in text for text in texts):
                yield f"cell {number} shows a progress bar: {texts[-1][:200]!r}"


def refuse(app: Sphinx, page: str, _template: str, _context: object, doctree: object) -> None:
    """Look through the notebook that MyST-NB has executed."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"
    if doctree is not None and executed.exists():
        for stain in stains(json.loads(executed.read_text(encoding="utf-8"))):
            raise ExtensionError(f"{page}: {stain}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each page before it is written."""
    app.connect("html-page-context", refuse)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
