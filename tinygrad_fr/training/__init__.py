"""fit: the training loop, its history, its metrics and its checkpoints."""

from .fitting import accuracy, evaluate, fit
from .history import History

__all__ = ["History", "accuracy", "evaluate", "fit"]
