"""Measures of how good predictions are, averaged over examples."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..data.dataset import mapped
from ..errors import ArgumentError, ShapeError
from ..kernels import Array, as_array
from ..nn.summary import first

Metric = Callable[[Array, Array], float]


def accuracy(prediction: Array, target: Array) -> float:
    """The share of examples whose largest logit is that of their class.

    A single output is the probability of the class 1; targets may be classes or one-hot rows. Of
    class indices below 0, such as the -100 of padding, none is counted.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 2.0], [3.0, 1.0]]), np.array([1, 1]))
    0.5
    """
    if prediction.ndim < 2 or prediction.shape[1] == 1:
        guess = (prediction.reshape(len(prediction)) > 0.5).astype(np.int64)
    else:
        guess = prediction.argmax(1)
    if target.shape == prediction.shape and prediction.shape[1:] not in ((), (1,)):
        target = target.argmax(1)  # one-hot, or probabilities
    if target.size != guess.size:
        raise ShapeError(
            "accuracy of predictions {shape} needs one class per example, not targets {other}",
            shape=prediction.shape,
            other=target.shape,
        )
    target = target.reshape(guess.shape)
    kept = target >= 0
    return float((guess == target)[kept].mean()) if kept.any() else 0.0


METRICS: dict[str, Metric] = {"accuracy": accuracy}


def by_name(metrics: str | Metric | Sequence[str | Metric]) -> dict[str, Metric]:
    """The metrics by name, each under a name of its own."""
    measures: dict[str, Metric] = {}
    for metric in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        if isinstance(metric, str) and metric not in METRICS:
            raise ArgumentError(
                "no metric {name!r}: give a function, or one of {known}",
                name=metric,
                known=", ".join(METRICS),
            )
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")
        while name in measures or name == "loss":
            name += "_"
        measures[name] = METRICS[metric] if isinstance(metric, str) else metric
    return measures


def plain(x: Any) -> Array:
    """A Tensor or what stands for an array as an array."""
    return as_array(getattr(x, "_array", x))


def examples(y: Any, target: Any) -> int:
    """How many examples a batch has: along the first axis of its targets, or else its outputs.

    Of several arrays the first one tells. Outputs may be time-first, (T, N, ...).
    """
    lengths = [len(x) for x in map(first, (target, y)) if np.ndim(x)]
    return lengths[0] if lengths else 1


class Means:
    """Loss and metrics averaged over examples, not over batches, which may differ in size."""

    def __init__(self) -> None:
        self.n = 0
        self.sums: dict[str, float] = {}

    def examples(self, y: Any, target: Any, _number: int) -> int:
        """How many examples of a batch count."""
        return examples(y, target)

    def add(self, y: Any, target: Any, n: int, value: Any, metrics: dict[str, Metric]) -> None:
        """Count a batch: its output, its targets, its ``n`` examples, its loss."""
        if not n:
            return  # what was measured may be no number
        prediction, truth = mapped(plain, y), mapped(plain, target)
        measured = {"loss": float(value)}
        measured.update((name, metric(prediction, truth)) for name, metric in metrics.items())
        for name, x in measured.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(x) * n
        self.n += n

    def result(self) -> dict[str, float]:
        """The means over all examples so far."""
        if not self.n:
            raise ArgumentError("there is no batch: is the data set empty?")
        return {name: x / self.n for name, x in self.sums.items()}
