"""fit: the training loop, its history, its metrics and its checkpoints."""

from .fitting import evaluate, fit
from .history import History
from .metrics import accuracy

__all__ = ["History", "accuracy", "evaluate", "fit"]
