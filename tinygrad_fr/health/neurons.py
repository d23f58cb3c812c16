"""For how many examples the neurons of an activation had no slope, or hardly any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels import Array, to_numpy

# Where the slope is 0, or below 5 % of its largest value (1/4 for the sigmoid, 1 for the others).
FLAT = 0.05
PLATEAUS: dict[str, Callable[[Array, Array], Array]] = {
    "relu": lambda y, x: y <= 0,
    "sigmoid": lambda y, x: y * (1 - y) < FLAT / 4,
    "tanh": lambda y, x: 1 - y * y < FLAT,
    "arctan": lambda y, x: 1 + x * x > 1 / FLAT,
}
# A neuron is saturated when it is on a plateau for this share of its values.
STUCK = 0.9
# These put the neurons on the second axis, and what is not among them, in three axes, on the last.
CHANNELS = {"conv2d", "batch_norm", "max_pool2d", "avg_pool2d", "conv_transpose2d"}


@dataclass(frozen=True)
class Neurons:
    """The neurons of an activation over some examples.

    Attributes
    ----------
    rectified : bool
        Whether it is a ReLU, whose neurons die; those of the others saturate.
    examples : int
    values : int
        Of each neuron: one per example, for a channel one per example and place.
    flat : array of int
        How many of its values lay on a plateau, for each neuron.
    """

    rectified: bool
    examples: int
    values: int
    flat: Array

    @classmethod
    def of(cls, node: Any) -> Neurons:
        """Those of a recorded activation."""
        y, before = to_numpy(node._array), node._inputs[0]
        axis = 1 if y.ndim == 2 or y.ndim > 3 or _of_channels(before) else y.ndim - 1
        with np.errstate(all="ignore"):
            plateau = PLATEAUS[node._op.name](y, to_numpy(getattr(before, "_array", before)))
        flat = np.atleast_1d(
            plateau.sum(axis=tuple(i for i in range(y.ndim) if i != axis), dtype=int)
        )
        examples = len(y) if y.ndim > 1 else 1
        return cls(node._op.name == "relu", examples, y.size // max(len(flat), 1), flat)

    def __len__(self) -> int:
        return len(self.flat)

    @property
    def dead(self) -> float | None:
        """The share of neurons of a ReLU that were 0 throughout."""
        return self._share(self.values) if self.rectified else None

    @property
    def saturated(self) -> float | None:
        """The share of neurons that hardly left their plateau."""
        return None if self.rectified else self._share(STUCK * self.values)

    def _share(self, least: float) -> float:
        stuck = int(np.count_nonzero(self.flat >= least)) if self.values else 0
        return stuck / max(len(self), 1)


def _of_channels(node: Any) -> bool:
    """Whether three axes are (N, C, L): a convolution, at most an indexing and a bias away."""
    for _step in range(4):
        operation = getattr(node, "_op", None)
        if operation is None or operation.name in CHANNELS:
            return operation is not None and node._array.ndim > 2
        node = node._inputs[0]
    return False


def together(seen: Iterable[Neurons]) -> Neurons:
    """The same neurons over all examples; what had another number of neurons is left out."""
    every = list(seen)
    width = every[-1].flat.size
    alike = [neurons for neurons in every if neurons.flat.size == width]  # 4 times as fast as len()
    return Neurons(
        alike[-1].rectified,
        sum(neurons.examples for neurons in alike),
        sum(neurons.values for neurons in alike),
        np.sum([neurons.flat for neurons in alike], axis=0),
    )
