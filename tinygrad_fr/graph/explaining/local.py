"""A recorded operation, entry by entry: rows and columns of its local Jacobian.

A closure makes of any upstream gradient what goes to one argument; it is linear in it. Of an
upstream gradient that is 1 at one place and 0 elsewhere it makes a *row* of the Jacobian: how one
entry of the output depends on those of the argument. Differentiated by the upstream gradient it
gives a *column*: how the whole output depends on one entry of the argument.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ... import ops
from ...autograd.engine import Node, handed
from ...autograd.modes import no_grad, switch
from ...autograd.tensor import Tensor, untracked
from ...autograd.transforms import gradients
from ...checks import pair
from ...kernels import Array
from ..recorded.arguments import bound, refilled
from ..recorded.walk import fitted

Index = tuple[int, ...]
# Entries are told apart by these numbers: no sum or quotient of theirs is another of them.
FIRST_MARK = 1000.5
MOST_ROWS = 4_000  # of a Jacobian, computed for one column


def _along(node: Any, x: Tensor) -> Any:
    named = bound(node)
    return ops.sum(x, named.get("axis"), keepdims=named.get("keepdims", False))


def _window(node: Any, x: Tensor) -> Any:
    named = bound(node)
    size = pair(named["kernel_size"], "kernel_size", 1)
    stride = size if named["stride"] is None else named["stride"]
    ones = np.ones((x.shape[-3], 1, *size))
    return ops.conv2d(x, ones, None, stride, named["padding"], named["dilation"], x.shape[-3])


# Operations that choose among entries, each with one that takes in all among which it chooses.
CHOICES: dict[str, Callable[..., Any]] = {"max": _along, "min": _along, "max_pool2d": _window}
# All entries along an axis make these, also where some have no weight.
REDUCTIONS = frozenset(["prod", "var", "std", "logsumexp", "norm", "vector_norm"])
ALONG_AXIS = frozenset(["softmax", "log_softmax"])


class Local:
    """The local derivatives of a recorded operation.

    Attributes
    ----------
    node : Tensor
        The recorded result; made again with a closure for every floating argument, where one was
        recorded without.
    positions : list of int
        The arguments that it can be differentiated by.
    """

    def __init__(self, node: Any) -> None:
        self.node = _complete(node)
        closures = self.node._closures
        self.positions = [i for i, closure in enumerate(closures) if closure is not None]

    def value(self, position: int) -> Array:
        """An argument."""
        return np.asarray(getattr(self.node._inputs[position], "_array", None))

    def row(self, position: int, index: Index) -> Array:
        """The derivatives of one entry of the result, in the shape of an argument."""
        node = self.node
        g = np.zeros(node.shape, node._array.dtype)
        g[index] = 1
        with no_grad(), np.errstate(all="ignore"):
            d = node._closures[position](g, node._array, *handed(node))
            return self._as_array(fitted(d, node, position), node._inputs[position].shape)

    def column(self, position: int, index: Index) -> Array:
        """The derivatives by one entry of an argument, in the shape of the result."""
        try:
            return self._column(position, index, handed(self.node))
        except Exception:  # a closure of the user's that computes with NumPy alone
            if self.node._array.size > MOST_ROWS:
                raise
            places = np.ndindex(*self.node.shape)
            found = [self.row(position, place)[index] for place in places]
            return np.reshape(found, self.node.shape)

    def _column(self, position: int, index: Index, values: list[Any]) -> Array:
        node = self.node
        one = np.zeros(node._inputs[position].shape)
        one[index] = 1
        with switch(recording=True), np.errstate(all="ignore"):
            # Any point will do, but 0: there "zero upstream" wins over infinite slopes.
            g = Tensor(np.ones(node.shape, node._array.dtype), requires_grad=True)
            d = node._closures[position](g, untracked(node._array), *map(_wrapped, values))
            d = fitted(d, node, position)
            total = (d * one).sum() if isinstance(d, Tensor) else None
            found = None if total is None else gradients(total, [g])[0]
        return self._as_array(found, node.shape)

    @staticmethod
    def _as_array(d: Any, shape: Index) -> Array:
        return np.zeros(shape) if d is None else np.asarray(getattr(d, "_array", d))

    # --- what the derivatives are made of ---------------------------------------------------------

    def factors_of_row(self, position: int, index: Index, weights: Array) -> Factor | None:
        """The argument whose entries a row consists of: in ``X W`` that of x is made of W's."""

        def marked(values: list[Any]) -> Array:
            g = np.zeros(self.node.shape)
            g[index] = 1
            with no_grad(), np.errstate(all="ignore"):
                closure = self.node._closures[position]
                d = closure(untracked(g), untracked(self.node._array), *map(_wrapped, values))
                shape = self.node._inputs[position].shape
                return self._as_array(fitted(d, self.node, position), shape)

        return self._factor(position, weights, marked)

    def factors_of_column(self, position: int, index: Index, weights: Array) -> Factor | None:
        """The argument whose entries a column consists of."""
        return self._factor(position, weights, lambda v: self._column(position, index, v))

    def _factor(
        self, position: int, weights: Array, marked: Callable[[list[Any]], Array]
    ) -> Factor | None:
        """Put marks in the place of an argument's entries, and see whether they come back."""
        values = handed(self.node)
        for other in range(len(values)):
            x = values[other]
            if other == position or not isinstance(x, np.ndarray) or x.dtype.kind != "f":
                continue
            if not x.size:
                continue
            marks = np.arange(x.size).reshape(x.shape) + FIRST_MARK
            try:
                found = marked([*values[:other], marks, *values[other + 1 :]])
            except Exception:  # a value that this argument cannot have
                continue
            there = found != 0
            places = np.abs(found[there]) - FIRST_MARK
            if not places.size or not np.isfinite(places).all():
                continue
            whole = np.rint(places)
            if np.abs(places - whole).max() > 1e-3 or whole.min() < 0 or whole.max() >= x.size:
                continue
            picked = x.ravel()[whole.astype(int)] * np.sign(found[there])
            close = np.allclose(picked, weights[there], rtol=1e-4, atol=1e-6, equal_nan=True)
            if close and not np.any(weights[~there]):
                spot = np.full(found.shape, -1)
                spot[there] = whole
                return Factor(other, spot, np.sign(found))
        return None

    @cached_property
    def candidates(self) -> Local | None:
        """Of an operation that goes through all entries along an axis or of a window, their sum."""
        name = self.node._op.name
        everything = CHOICES.get(name) or (_along if name in REDUCTIONS else None)
        if everything is None:
            return None
        x = Tensor(np.asarray(self.value(0), float), requires_grad=True)
        with switch(recording=True):
            made = everything(self.node, x)
        return Local(made) if made.shape == self.node.shape else None

    def taken_in(self, index: Index) -> Array | None:
        """Which entries of the first argument are gone through; None if that is not known."""
        if self.node._op.name in ALONG_AXIS:
            there, along = np.zeros(self.node.shape, bool), list[Any](index)
            along[int(bound(self.node)["axis"])] = slice(None)
            there[tuple(along)] = True
            return there
        return None if self.candidates is None else self.candidates.row(0, index) != 0


class Factor:
    """Which entries of another argument the derivatives are.

    Attributes
    ----------
    position : int
        The argument.
    spot : array of int
        By derivative, the place of that entry in the flattened argument; -1 where there is none.
    sign : array
        1 or -1, by derivative.
    """

    def __init__(self, position: int, spot: Array, sign: Array) -> None:
        self.position, self.spot, self.sign = position, spot, sign


def _wrapped(x: Any) -> Any:
    return untracked(x) if isinstance(x, np.ndarray) else x


def _complete(node: Any) -> Any:
    """A recorded result with a closure for every floating argument.

    Only those of arguments that need a gradient are recorded; of an image, none. So the operation
    is computed once more, on the same numbers: arrays are copied, as some are changed by a call.
    """
    inputs = [_floating(x, node) for x in node._inputs]
    missing = [
        x is not None and closure is None for x, closure in zip(inputs, node._closures, strict=True)
    ]
    if not any(missing):
        return node
    fresh = [old if new is None else new for old, new in zip(node._inputs, inputs, strict=True)]
    args, kwargs = refilled(node, fresh)
    try:
        with switch(recording=True), np.errstate(all="ignore"):
            made = node._op.function(*args, **kwargs)
        same = made._op is node._op and made.shape == node.shape
        rtol = 1e-3 if node._array.dtype == np.float32 else 1e-9
        same = same and np.allclose(made._array, node._array, rtol, rtol, equal_nan=True)
    except Exception:  # not to be differentiated by all of them
        return node
    return made if same else node


def _floating(x: Any, node: Any) -> Tensor | None:
    """A floating argument as a Tensor of its own; None for another."""
    array = x._array if isinstance(x, Node) else x
    if isinstance(array, (bool, np.bool_)) or not isinstance(array, (np.ndarray, float, int)):
        return None
    if isinstance(array, np.ndarray):
        floating = array.dtype.kind == "f"
        return Tensor(array, requires_grad=True) if floating else None
    return Tensor(np.asarray(array, node._array.dtype), requires_grad=True)
