"""Give pictures that cells show their words, for those who do not see them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

LONGEST = 600  # characters: a screen reader reads them in one go
FIGURE = "Figure que trace la cellule ci-dessus ; le texte qui l'entoure dit ce qu'elle montre."


def pictures(book: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The name that MyST-NB gives each picture, the digest of its bytes, and its words."""
    for cell in book["cells"]:
        for output in cell.get("outputs", ()):
            data = {kind: "".join(parts) for kind, parts in output.get("data", {}).items()
                    if isinstance(parts, (str, list))}  # fmt: skip
            words = data.get("text/plain", "")
            if words.startswith("<") or not words:  # <Figure size 600x300 with 1 Axes>
                words = FIGURE
            for kind in data.keys() & {"image/png", "image/svg+xml"}:
                if kind == "image/png":
                    content = base64.b64decode(data[kind])
                else:
                    content = os.linesep.join(data[kind].splitlines()).encode("utf-8")
                yield hashlib.sha256(content).hexdigest(), words


def shortened(words: str) -> str:
    """Words on one line, cut after one of them."""
    words = " ".join(words.split())
    return words if len(words) <= LONGEST else words[:LONGEST].rsplit(" ", 1)[0] + " …"


def describe(app: Sphinx, page: str, _template: str, context: dict[str, Any], tree: object) -> None:
    """Write them where Sphinx has put a picture's address."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"
    if tree is not None and executed.exists():
        for name, words in pictures(json.loads(executed.read_text(encoding="utf-8"))):
            alternative = f'alt="{escape(shortened(words))}"'
            context["body"] = re.sub(
                rf'alt="[^"]*{name}[^"]*"', lambda _, new=alternative: new, context["body"]
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Go through each page before it is written."""
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
