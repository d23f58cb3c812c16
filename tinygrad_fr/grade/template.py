"""A homework to start from: the text for students as a file and as a notebook, the questions."""

import json
from pathlib import Path
from typing import Any

from ..errors import FileError

_IMPORT = "import numpy as np\n"
_DENSE = '''class Dense:
    """Couche dense : z = x W + b."""

    def __init__(self, W, b):
        self.W = W  # (D, C)
        self.b = b  # (C,)

    def forward(self, x):
        """Renvoie z (N, C), étant donné x (N, D)."""
        raise NotImplementedError("à compléter")

    def backward(self, d_z):
        """Range dL/dW dans self.dW et dL/db dans self.db, renvoie dL/dx (N, D)."""
        raise NotImplementedError("à compléter")
'''
_LOGITS = '''def gradient_logits(z, y):
    """Renvoie dL/dz (N, C) pour L = entropie croisée moyenne de softmax(z), y étant 1 parmi C."""
    raise NotImplementedError("à compléter")
'''
_TITLE = "Devoir : complétez ce qui lève NotImplementedError, avec NumPy seulement."
# What students run themselves: verdicts and places, on other data than those that are marked.
_CHECKS = (
    """# Relecture : la bibliothèque juge votre couche, et dit où est la plus grande erreur.
import tinygrad_fr as tg

rng = np.random.default_rng(1)
couche = Dense(rng.normal(size=(3, 2)), rng.normal(size=2))
tg.verify.layer(couche, rng.normal(size=(4, 3)), repair=False).show(hints="where")
""",
    """# Relecture
import tinygrad_fr as tg

rng = np.random.default_rng(2)
z, y = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 2]]
def perte(z, y):
    return tg.cross_entropy(z, y)


formule = {"z": lambda z, y: gradient_logits(z, y)}
tg.verify.hand(perte, {"z": z, "y": y}, formule, repair=False).show(hints="where")
""",
)
_QUESTIONS = '''"""Ce qui est demandé, sur quelles données, pour combien de points."""

import tinygrad_fr as tg
from tinygrad_fr.grade import Question, normal, one_hot

QUESTIONS = (
    Question(
        "Couche dense", "Dense", {"output": 1, "input": 1, "W": 1, "b": 1},
        inputs={"x": normal(6, 5)}, parameters={"W": normal(5, 4), "b": normal(4)},
        reference=lambda x, W, b: x @ W + b,
    ),
    Question(
        "Gradient des scores", "gradient_logits", {"z": 2},
        inputs={"z": normal(6, 4), "y": one_hot(6, 4)}, reference=tg.cross_entropy,
    ),
)
'''


def new_homework(folder: Path) -> list[Path]:
    """Write a homework of two questions; FileError where files of these names are there.

    ``devoir.py`` or ``devoir.ipynb`` is for students, who hand in the one that they have filled
    in; ``questions.py`` is for the teacher.
    """
    text = "\n\n".join([f'"""{_TITLE}"""\n\n{_IMPORT}', _DENSE, _LOGITS])
    texts = {"devoir.py": text, "devoir.ipynb": _notebook(), "questions.py": _QUESTIONS}
    paths = [folder / name for name in texts]
    for path in paths:
        if path.exists():
            raise FileError("{path} is there already", path=path)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, "utf-8")
    return paths


def _notebook() -> str:
    """The text as a notebook: cells to fill in, which are marked, and cells that check them."""
    cells = [_cell("markdown", f"# {_TITLE}\n\nLes cellules « relecture » ne sont pas notées.")]
    for name, text, check in (("dense", _DENSE, _CHECKS[0]), ("logits", _LOGITS, _CHECKS[1])):
        text = f"{_IMPORT}\n\n{text}" if name == "dense" else text
        solution = {"grade": False, "solution": True, "locked": False, "grade_id": name,
                    "schema_version": 3, "task": False}  # fmt: skip
        cells.append(_cell("code", text, tags=["grade"], nbgrader=solution))
        cells.append(_cell("code", check))
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _cell(kind: str, text: str, **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": kind, "metadata": metadata, "source": text.rstrip().splitlines(True)}
    return cell if kind == "markdown" else {**cell, "outputs": [], "execution_count": None}
