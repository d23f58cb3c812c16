"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import op, operator
from ..errors import ShapeError
from ..kernels import Array
from ..kernels.matrix import product
from ..messages import _


@operator("__matmul__", "__rmatmul__")
@op(r"Y = A B", numpy=np.matmul, examples=lambda draw: [
    (draw(3, 4), draw(4, 5)), (draw(2, 3, 4), draw(4, 5)), (draw(2, 3, 4), draw(2, 4, 5)),
    (draw(2, 1, 3, 4), draw(5, 4, 2)), (draw(4), draw(4)), (draw(3, 4), draw(4)),
    (draw(4), draw(4, 5)), (draw(4), draw(2, 4, 5)), (draw(2, 3, 4), draw(4)),
    (draw(1, 4), draw(4, 5)),
])  # fmt: skip
def matmul(a: Array, b: Array):
    """Matrix product, with NumPy's rules for vectors and for stacks of matrices.

    Parameters
    ----------
    a, b
        (..., M, K) and (..., K, N), or vectors (K,).

    Raises
    ------
    ShapeError
        If the inner sizes differ, or if one of them is a number.

    Examples
    --------
    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """

    def to_a(g, y, a, b):
        r"""\bar{A} = \bar{Y} B^{\top}"""
        if b.ndim == 1:
            return g * b if a.ndim == 1 else g[..., None] * b
        if a.ndim == 1:
            return (g[..., None, :] @ b.swapaxes(-1, -2))[..., 0, :]
        if isinstance(g, Node) or a.ndim > 2 or b.ndim > 2:
            return g @ b.swapaxes(-1, -2)
        return product(g, b.T, like=a)

    def to_b(g, y, a, b):
        r"""\bar{B} = A^{\top} \bar{Y}"""
        if a.ndim == 1:
            return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
        if b.ndim == 1:
            return (a.swapaxes(-1, -2) @ g[..., None])[..., 0]
        if b.ndim == 2 and a.ndim > 2:  # one product over all examples, not a sum of products
            n = math.prod(a.shape[:-1])
            return a.reshape(n, a.shape[-1]).T @ g.reshape(n, g.shape[-1])
        if isinstance(g, Node) or a.ndim > 2 or b.ndim > 2:
            return a.swapaxes(-1, -2) @ g
        return product(a.T, g, like=b)

    try:
        return np.matmul(a, b), to_a, to_b
    except ValueError as error:
        raise _misaligned(np.shape(a), np.shape(b), error) from None


def _misaligned(a: tuple[int, ...], b: tuple[int, ...], error: Any) -> ShapeError:
    if not a or not b:
        return ShapeError(_("{a} and {b}: a matrix product needs axes; multiply numbers with *"))
    i, j = len(a) - 1, max(len(b) - 2, 0)
    if a[i] == b[j]:
        return ShapeError(_("the stacks of {a} and {b} do not match ({error})"), error=error)
    return ShapeError(
        _("{a} and {b} do not align: {n} (axis {i} of {a.name}) != {m} (axis {j} of {b.name})"),
        n=a[i],
        i=i,
        m=b[j],
        j=j,
    )


@op(r"Y = X W^{\top} + b", examples=lambda draw: [
    (draw(3, 4), draw(5, 4), draw(5)), (draw(2, 3, 4), draw(5, 4)), (draw(4), draw(5, 4), draw(5)),
    (draw(1, 4), draw(5, 4), draw(5)),
])  # fmt: skip
def linear(x: Array, weight: Array, bias: Array | None = None):
    """A dense layer: (..., in), (out, in) and (out,) to (..., out).

    Examples
    --------
    >>> linear([[1.0, 2.0]], [[3.0, 4.0]], [0.5])
    array([[11.5]])
    """
    if np.ndim(weight) != 2 or np.ndim(x) == 0 or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            _("{x} and {weight} do not align: the last axis of {x.name} has the size of the "
              "last axis of {weight.name}, a matrix (out, in)")
        )  # fmt: skip
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(_("{bias} must have one entry per row of {weight}"))
    y = x @ weight.T
    if bias is not None:
        y = np.add(y, bias, out=y) if bias.dtype == y.dtype else y + bias

    def to_x(g, y, x, weight, bias):
        r"""\bar{X} = \bar{Y} W"""
        return g @ weight

    def to_weight(g, y, x, weight, bias):
        r"""\bar{W} = \bar{Y}^{\top} X"""
        n = math.prod(x.shape[:-1])
        rows, examples = g.reshape(n, g.shape[-1]), x.reshape(n, x.shape[-1])
        if isinstance(g, Node):
            return rows.T @ examples
        return product(rows.T, examples, like=weight)

    def to_bias(g, y, x, weight, bias):
        r"""\bar{b} = \sum_n \bar{Y}_n"""
        return g  # the engine sums over the examples

    return y, to_x, to_weight, to_bias
