"""Marking what students hand in: judge and judged never share a process."""

from .marks import Marks
from .questions import Question, integers, normal, one_hot, probabilities, uniform
from .running import grade

__all__ = [
    "Marks", "Question", "grade", "integers", "normal", "one_hot", "probabilities", "uniform",
]  # fmt: skip
