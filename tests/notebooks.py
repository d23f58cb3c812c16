"""The notebooks in ``examples/``: each is its ``.py`` file, executed.

``python -m tests.notebooks`` writes them anew, ``python -m tests.notebooks two_moons`` one of them.
It takes jupytext, nbclient, ipykernel and what the examples take.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SOURCES = sorted(EXAMPLES.glob("*.py"))
LARGEST = 160_000  # bytes of a notebook
COLOURS = 96  # of a picture in a notebook: it takes a third of the bytes


def notebook(source: Path) -> Any:
    """The notebook that a percent script is, with identifiers that do not change."""
    import jupytext

    book = jupytext.read(source)
    book.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for i, cell in enumerate(book.cells):
        cell["id"] = f"cell-{i}"
        cell.metadata = {}
    book.nbformat, book.nbformat_minor = 4, 5
    return book


def executed(book: Any, **env: str) -> Any:
    """The same notebook with its outputs, in French, executed in a folder of texts alone."""
    from nbclient import NotebookClient

    paths = [str(EXAMPLES.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    path = os.pathsep.join(paths)
    env = {**os.environ, "PYTHONPATH": path, "TINYGRAD_FR_LANG": "fr", **env}
    with tempfile.TemporaryDirectory() as folder:
        for text in EXAMPLES.glob("*.txt"):
            shutil.copy(text, folder)
        client = NotebookClient(
            book, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        client.execute(env=env)
    return book


def tidied(book: Any) -> Any:
    """The notebook without what changes from run to run, its pictures made small."""
    book.metadata["language_info"] = {"name": "python"}
    for cell in book.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "image/png" in data:
                data.pop("text/html", None)  # the same picture once more
                data["image/png"] = small(data["image/png"])
    return book


def small(png: str) -> str:
    """A picture of fewer colours, at the size at which it is shown."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        half = image.convert("RGB").reduce(2)
        few = half.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def main(names: list[str]) -> None:
    """Write the notebooks."""
    import nbformat

    for source in SOURCES:
        if not names or source.stem in names:
            book = tidied(executed(notebook(source)))
            text = nbformat.writes(book) + "\n"
            source.with_suffix(".ipynb").write_text(text, encoding="utf-8")
            print(f"{source.stem}.ipynb: {len(text.encode())} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
