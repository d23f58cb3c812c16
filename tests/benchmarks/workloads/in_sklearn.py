"""What scikit-learn does: an MLP, trained to the end of its epochs."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from . import arrays
from .arrays import EPSILON, RATE, Array


class Run:
    """A whole training from the same start each time, and what it has learned."""

    trains = False

    def __init__(self, data: list[Array], batch: int, epochs: int) -> None:
        warnings.simplefilter("ignore", ConvergenceWarning)  # three epochs are not the end
        self.x, self.labels, *self.values = data
        self.model = MLPClassifier(
            (len(self.values[1]),), solver="adam", alpha=0.0, batch_size=batch,
            learning_rate_init=RATE, epsilon=EPSILON, max_iter=epochs, shuffle=False, tol=0.0,
            warm_start=True,
        )  # fmt: skip
        first = self.x[:batch], self.labels[:batch]
        self.model.partial_fit(*first, classes=np.unique(self.labels))

    def step(self) -> None:
        weights, biases = self.values[::2], self.values[1::2]
        self.model.coefs_ = [np.ascontiguousarray(w.T) for w in weights]
        self.model.intercepts_ = [b.copy() for b in biases]
        del self.model._optimizer  # the moments begin anew
        self.model.fit(self.x, self.labels)

    def outcome(self) -> list[Array]:
        self.step()
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [array for w, b in pairs for array in (np.ascontiguousarray(w.T), b)]


def digits(rows: int, batch: int, epochs: int) -> Run:
    return Run(arrays.digits(rows), batch, epochs)
