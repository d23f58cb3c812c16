"""Layers written by hand in plain NumPy, against the numeric derivative of their own forward."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...messages import _
from ...report import Entry, Report
from ..handwritten.calls import StudentError
from ..handwritten.failures import failed
from ..handwritten.parts import Handwritten
from .layer_check import LayerCheck


def layer(
    layer: Any,
    x: Any,
    *,
    upstream: Any = None,
    forward: Any = None,
    backward: Any = None,
    parameters: Any = None,
    reference: Any = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Check a layer, activation or loss that someone wrote with plain NumPy, unchanged.

    Parameters
    ----------
    layer
        An object with a forward and a backward under usual names (``forward`` / ``backward``,
        ``backprop``, ``backward_pass``, ``__call__`` / ``gradient``, ``loss`` / ``gradient``,
        ...); a class made without arguments; or a pair of functions, ``(forward, backward)``.
    x
        Its input; a tuple for a forward of several arguments (a loss: in the order in which it
        takes them; functions: input, then parameters).
    upstream
        The gradient at its output; random and signed if None (ones for a loss).
    forward, backward
        The names of the methods, or functions, where they are not found.
    parameters
        The names of the attributes (or keys of dicts) that are parameters.
    reference
        An operation, Module or function that the forward should equal.
    rtol, atol
        As for :func:`hand`.
    seed
        Of the random numbers.

    Returns
    -------
    Report
        Entries ``input``, the names of the parameters, and ``output`` with ``reference``.
        Gradients are those that the layer returns or stores, or those recovered from the update
        of its weights. The truth is the numeric derivative of its own forward.

    Raises
    ------
    ArgumentError
        If a method or parameter is not found.

    Examples
    --------
    >>> class Dense:
    ...     def __init__(self):
    ...         self.W = np.arange(6.0).reshape(3, 2)
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x @ self.W
    ...     def backward(self, d_out):
    ...         self.dW = self.x.T @ d_out / len(d_out)
    ...         return d_out @ self.W.T
    >>> report = layer(Dense(), np.random.default_rng(0).standard_normal((4, 3)))
    >>> report["input"].verdict, report["W"].diagnoses[0].detail["equals"]
    ('correct', '1/N')
    """
    try:
        subject = Handwritten(layer, x, forward, backward, parameters)
        check = LayerCheck(subject, upstream, rtol, atol, np.random.default_rng(seed))
    except StudentError as error:
        text = _("the forward fails on this input: {error}", error=error)
        return Report({"input": Entry("input", "inconclusive", note=text)})
    try:
        return check.report(reference)
    except StudentError as error:
        return failed(subject, error)
