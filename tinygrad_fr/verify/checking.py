"""Reverse mode against finite differences, at first and second order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..autograd.transforms import gradients
from ..errors import ArgumentError, DTypeError
from ..kernels import Array
from ..messages import _
from ..report import Entry, Report, compare
from .numeric import derivative


def check(
    f: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    rtol: float | None = None,
    atol: float = 1e-9,
    seed: int = 0,
) -> Report:
    """Compare the recorded gradients of ``f`` with finite differences.

    Parameters
    ----------
    f
        Takes Tensors, gives a Tensor. A result that is not a scalar is weighted by a random signed
        upstream gradient, so that no two entries can hide behind each other.
    inputs
        Arrays, Tensors or numbers. The floating ones are differentiated, in float64.
    order
        1, or 2 to check the gradient of the gradient as well.
    rtol, atol
        The difference allowed is ``atol + rtol * max|numeric|``; ``rtol`` is 1e-6 at order 1 and
        1e-4 at order 2 if not given.
    seed
        Of the upstream gradient.

    Returns
    -------
    Report
        With one entry per differentiated parameter of ``f``, true when nothing is wrong.

    Raises
    ------
    ArgumentError
        If the order is neither 1 nor 2, or no input is floating.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> bool(check(lambda x: tg.exp(x) * x, [0.5, -1.0], order=2))
    True
    """
    if order not in (1, 2):
        raise ArgumentError(_("order is 1 or 2, not {order!r}"), order=order)
    arrays = [_promoted(x) for x in inputs]
    wanted = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    if not wanted:
        raise ArgumentError(_("check needs at least one floating input"))
    names = _names(f, len(arrays))
    rng = np.random.default_rng(seed)
    upstream: dict[str, Array] = {}

    def weighted(key: str, y: Any) -> Any:
        """The sum of an output's entries, each with a weight of its own."""
        if key not in upstream:
            upstream[key] = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)
        return (y * upstream[key]).sum()

    def value(*xs: Any) -> Any:
        y = f(*xs)
        if not isinstance(y, Tensor):
            raise DTypeError(
                _("f must give a Tensor, not {kind}: its computation left the graph"),
                kind=type(y).__name__,
            )
        return weighted("value", y)

    def slope(*xs: Any) -> Any:
        """A weighted sum of the first derivatives: its gradient holds all second ones."""
        found = gradients(value(*xs), [xs[i] for i in wanted], create_graph=True)
        parts = [
            weighted(f"slope {i}", d) for i, d in zip(wanted, found, strict=True) if d is not None
        ]
        return sum(parts, start=Tensor(0.0))

    target = value if order == 1 else slope
    tolerance = (1e-6 if order == 1 else 1e-4) if rtol is None else rtol
    return Report(_entries(target, arrays, wanted, names, tolerance, atol))


def _entries(
    target: Callable[..., Any],
    arrays: list[Array],
    wanted: list[int],
    names: list[str],
    rtol: float,
    atol: float,
) -> dict[str, Entry]:
    xs: list[Any] = [
        Tensor(x, requires_grad=i in wanted) if i in wanted else x for i, x in enumerate(arrays)
    ]
    y = target(*xs)
    found = (
        gradients(y, [xs[i] for i in wanted], retain_graph=True)
        if y.requires_grad
        else [None] * len(wanted)
    )
    entries = {}
    for i, recorded in zip(wanted, found, strict=True):

        def numeric(moved: Array, i: int = i) -> float:
            tensors = [
                Tensor(moved if k == i else x, requires_grad=k in wanted) if k in wanted else x
                for k, x in enumerate(arrays)
            ]
            return float(target(*tensors))

        true, error = derivative(numeric, arrays[i])
        mine = np.zeros(arrays[i].shape) if recorded is None else recorded.data
        entries[names[i]] = compare(names[i], mine, true, error, rtol, atol)
    return entries


def _promoted(x: Any) -> Array:
    array = np.asarray(x.detach() if isinstance(x, Tensor) else x)
    if array.dtype.kind == "f" or not isinstance(x, (np.ndarray, np.generic, Tensor)):
        return array.astype(np.float64)
    return array


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """The names of f's parameters, completed by numbers."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names[:n], *(f"x{i}" for i in range(len(names[:n]), n))]
