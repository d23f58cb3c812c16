"""A homework to start from: the text for students, the questions, a check for students."""

from pathlib import Path

from ..errors import FileError

_HOMEWORK = '''"""Devoir : complétez ce qui lève NotImplementedError, avec NumPy seulement."""

import numpy as np


class Dense:
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


def gradient_logits(z, y):
    """Renvoie dL/dz (N, C) pour L = entropie croisée moyenne de softmax(z), y étant 1 parmi C."""
    raise NotImplementedError("à compléter")
'''
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
    """Write a homework of two questions; FileError where files of these names are there."""
    texts = {"devoir.py": _HOMEWORK, "questions.py": _QUESTIONS}
    paths = [folder / name for name in texts]
    for path in paths:
        if path.exists():
            raise FileError("{path} is there already", path=path)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, "utf-8")
    return paths
