"""Offer each executed chapter as a notebook, under the theme's button for downloads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def plain(text: str, folder: Path = Path()) -> str:
    """MyST without what Jupyter does not know: targets, directives, links inside the site.

    The files that a page includes are found from its ``folder``.
    """
    text = re.sub(r"^\([\w-]+\)=\n+", "", text, flags=re.M)
    text = re.sub(
        r"^```\{literalinclude\} (\S+)\n:language: (\w+)\n```$",
        lambda file: f"```{file[2]}\n{(folder / file[1]).read_text(encoding='utf-8')}```",
        text, flags=re.M,
    )  # fmt: skip
    text = re.sub(r"^```\{index\}.*?^```\n+", "", text, flags=re.M | re.S)
    text = re.sub(r"^(:{3,}|`{3,})\{(\w+)\} ?(.*?)\n(.*?)^\1$", _quoted, text, flags=re.M | re.S)
    text = re.sub(r"\{download\}`([^<`]*?) *<[^`]*`", r"\1", text)
    text = re.sub(r"\[([^]]*)\]\(#[\w-]+\)", r"\1", text)
    return re.sub(r"\[([^]]*)\]\([\w./-]+\.md(#[\w-]+)?\)", r"*\1*", text)


def _quoted(block: re.Match[str]) -> str:
    """A remark as a quotation."""
    title = block[3] or {"note": "Remarque", "warning": "Attention"}.get(block[2], "")
    lines = [line for line in block[4].splitlines() if not re.match(r":\w+:", line)]
    return "\n".join(f"> {line}".rstrip() for line in [f"**{title}**", "", *lines])


# What a cell's code needs beside the core, by the extra that brings it.
EXTRAS = {
    "viz": r"\b(draw|replay)\(",
    "data": r"\bsklearn\b|\bPIL\b|\bdata\.load_",
    "train": r"\btg\.fit\(",
    "plot": r"\bplot\.|\bmatplotlib\b",
    "io": r"\btg\.(save|load)\(",
    "onnx": r"\bonnx",
}
CHECKOUT = r"\.\./|__file__"  # files that come with the library's sources only


def code(book: dict[str, Any]) -> str:
    """All that a notebook executes."""
    return "\n".join(
        "".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"
    )


def installation(book: dict[str, Any]) -> dict[str, Any]:
    """A cell that installs the library with the extras that the others need."""
    extras = ",".join(extra for extra, needs in EXTRAS.items() if re.search(needs, code(book)))
    package = f"tinygrad_fr[{extras}]" if extras else "tinygrad_fr"
    beside = " onnxruntime" if "onnxruntime" in code(book) else ""
    first = "# Une fois, si la bibliothèque n'est pas installée."
    source = f'{first}\n%pip install -q "{package}"{beside}'
    return {"cell_type": "code", "id": "installation", "metadata": {}, "source": source,
            "execution_count": None, "outputs": []}  # fmt: skip


def offer(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Copy the notebook that MyST-NB has executed next to the sources, where the theme looks.

    A page that shows files of the checkout is none: the copy is to run anywhere.
    """
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"
    if doctree is None or not executed.exists():
        return
    book = json.loads(executed.read_text(encoding="utf-8"))
    if re.search(CHECKOUT, code(book)):
        return
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = plain("".join(cell["source"]), Path(app.srcdir, page).parent)
    book["cells"].insert(0, installation(book))
    copy = Path(app.outdir) / "_sources" / f"{page}.ipynb"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(json.dumps(book, ensure_ascii=False, indent=1), encoding="utf-8")
    context["ipynb_source"] = f"{page}.ipynb"


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen before the theme writes its buttons."""
    app.connect("html-page-context", offer, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
