"""Example inputs for the operations: drawn at random, away from kinks."""

import numpy as np

from ...kernels import Array


class Draw:
    """Draws example inputs: float64, away from kinks, with a fixed seed.

    Examples
    --------
    >>> draw = Draw(seed=0)
    >>> draw(2, 3).shape, bool(draw(4, low=0.5).min() > 0.5)
    ((2, 3), True)
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Array:
        """Uniform numbers between ``low`` and ``high``."""
        return np.asarray(self.rng.uniform(low, high, shape))

    def away(self, *shape: int, low: float = 0.2, high: float = 2.0) -> Array:
        """Numbers of either sign whose size is at least ``low``."""
        return np.asarray(self(*shape, low=low, high=high) * self.rng.choice([-1.0, 1.0], shape))

    def distinct(self, *shape: int) -> Array:
        """Numbers no two of which are closer than 0.1: maxima without ties."""
        n = int(np.prod(shape))
        return np.asarray((self.rng.permutation(n) * 0.2 - 0.1 * n + 0.05).reshape(shape))

    def labels(self, *shape: int, classes: int) -> Array:
        """Class indices."""
        return np.asarray(self.rng.integers(0, classes, shape))

    def probabilities(self, *shape: int) -> Array:
        """Positive rows that sum to 1."""
        p = self(*shape, low=0.2, high=1.0)
        return np.asarray(p / p.sum(-1, keepdims=True))
