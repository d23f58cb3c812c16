"""Functions of square matrices, and norms. All but ``norm`` take stacks, (..., M, M)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import composed, op
from ..errors import ArgumentError, ShapeError
from ..kernels import Array
from ..kernels.stable import floating
from .arithmetic import divide
from .casting import in_single
from .elementwise import abs as absolute
from .reductions import Axis, _reduced, kept_shape, share_ties
from .reductions import max as largest
from .reductions import min as smallest
from .reductions import sum as total
from .selection import ratio, where
from .shape import moveaxis


@op(r"Y = X^{-1}", numpy=np.linalg.inv, examples=lambda draw: [
    draw(3, 3) + 3 * np.eye(3), draw(2, 2, 2) + 3 * np.eye(2),
])  # fmt: skip
def inv(x: Array):
    """Inverse of a matrix. To solve equations, ``solve`` is quicker and more exact.

    Raises
    ------
    ArgumentError
        If the matrix is singular.

    Examples
    --------
    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    _square(x)

    def to_x(g, y, x):
        r"""\bar{X} = -Y^{\top} \bar{Y} Y^{\top}"""
        return -(y.swapaxes(-1, -2) @ g @ y.swapaxes(-1, -2))

    return _regular(np.linalg.inv, x), to_x


@op(r"X = A^{-1} B", numpy=np.linalg.solve, examples=lambda draw: [
    (draw(3, 3) + 3 * np.eye(3), draw(3)), (draw(3, 3) + 3 * np.eye(3), draw(3, 2)),
    (draw(2, 3, 3) + 3 * np.eye(3), draw(3, 2)), (draw(2, 3, 3) + 3 * np.eye(3), draw(3)),
    (draw(2, 3, 3) + 3 * np.eye(3), draw(2, 3, 2)),
])  # fmt: skip
def solve(a: Array, b: Array):
    """The solution of ``a @ x = b``, for one right side (M,) or for columns (..., M, K).

    Raises
    ------
    ArgumentError
        If the matrix is singular.

    Examples
    --------
    >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    array([1. , 0.5])
    """
    _square(a)
    if b.ndim == 0 or b.shape[-1 if b.ndim == 1 else -2] != a.shape[-1]:
        raise ShapeError("the rows of {b} must be as many as those of {a}")

    def to_a(g, y, a, b):
        r"""\bar{A} = -\bar{B} X^{\top}, \quad \bar{B} = A^{-\top} \bar{X}"""
        if b.ndim == 1:
            return -(adjoint(g, a) * y[..., None, :])
        return -(adjoint(g, a) @ y.swapaxes(-1, -2))

    def to_b(g, y, a, b):
        r"""\bar{B} = A^{-\top} \bar{X}"""
        columns = adjoint(g, a)
        return columns[..., 0] if b.ndim == 1 else columns

    def adjoint(g: Any, a: Any) -> Any:
        """The gradient of the right sides, as columns."""
        return solve(a.swapaxes(-1, -2), g[..., None] if b.ndim == 1 else g)

    return _regular(np.linalg.solve, a, b), to_a, to_b


@op(r"L L^{\top} = \tfrac12 (X + X^{\top})", numpy=np.linalg.cholesky, examples=lambda draw: [
    _positive(draw(3, 3)), _positive(draw(2, 2, 2)), _positive(draw(1, 1)),
])  # fmt: skip
def cholesky(x: Array):
    r"""The lower triangular L with :math:`L L^{\top} = X`, for a positive definite matrix.

    Of a matrix that is not symmetric the symmetric part is taken: its gradient is symmetric, too.

    Raises
    ------
    ArgumentError
        If the matrix is not positive definite.

    References
    ----------
    I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, equation 10.

    Examples
    --------
    >>> cholesky([[4.0, 0.0], [0.0, 9.0]])
    array([[2., 0.],
           [0., 3.]])
    """
    _square(x)
    x = floating(x)
    lower = np.tril(np.ones(x.shape[-2:], x.dtype)) - np.eye(x.shape[-1], dtype=x.dtype) / 2
    lower = np.asarray(lower, like=x)

    def to_x(g, y, x):
        r"""\bar{X} = \tfrac12 (S + S^{\top}), \quad
        S = L^{-\top} \Phi(L^{\top} \bar{L}) L^{-1}
        """
        t = y.swapaxes(-1, -2)
        half = solve(t, (t @ g) * lower)
        s = solve(t, half.swapaxes(-1, -2))
        return (s + s.swapaxes(-1, -2)) / 2

    try:
        return np.linalg.cholesky((x + x.swapaxes(-1, -2)) / 2), to_x
    except np.linalg.LinAlgError:
        raise ArgumentError("{x} is not positive definite: it has no Cholesky factor") from None


def _positive(x: Array) -> Array:
    return x @ x.swapaxes(-1, -2) + np.eye(x.shape[-1])


# Of a singular matrix larger than this the minors would fill the memory: 64^2 matrices of 63^2.
_MINORS = 64


@op(r"y = \det X", numpy=np.linalg.det, examples=lambda draw: [
    draw(3, 3), draw(2, 2, 2), draw(1, 1), draw(3, 2) @ draw(2, 3),
])  # fmt: skip
def det(x: Array):
    """Determinant; of large matrices take ``slogdet``, which does not overflow.

    Examples
    --------
    >>> float(det([[2.0, 1.0], [1.0, 2.0]]).round(6))
    3.0
    """
    _square(x)

    def to_x(g, y, x):
        r"""\bar{X} = \bar{y} \operatorname{cof} X = \bar{y} \det(X) X^{-\top}"""
        if _nearly_singular(x):
            return g[..., None, None] * _cofactors(x)
        return (g * y)[..., None, None] * inv(x).swapaxes(-1, -2)

    return np.linalg.det(x), to_x


def _nearly_singular(x: Any) -> bool:
    """Whether the inverse would lose half of its digits, or does not exist."""
    values = x._array if isinstance(x, Node) else x
    try:
        return bool((np.linalg.cond(values) >= 1e8).any())  # of NaN, NaN since NumPy 2.5
    except np.linalg.LinAlgError:  # NaN inside, or nothing
        return False


def _cofactors(x: Any) -> Any:
    """The determinants of all minors with their signs: they exist for singular matrices, too."""
    n = x.shape[-1]
    if n > _MINORS:
        raise ArgumentError(
            "det has no gradient for a singular matrix of more than {n} rows: use slogdet on a "
              "regular one", n=_MINORS,
        )  # fmt: skip
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], int).reshape(n, n - 1)
    minors = x[..., others[:, None, :, None], others[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n)).astype(x.dtype)
    return det(minors) * np.asarray(signs, like=getattr(x, "_array", x))


@op(r"y = \ln |\det X|", examples=lambda draw: [draw(3, 3), draw(2, 2, 2)])
def _logabsdet(x: Array):
    """The second part of ``slogdet``."""

    def to_x(g, y, x):
        r"""\bar{X} = \bar{y} X^{-\top}"""
        return g[..., None, None] * inv(x).swapaxes(-1, -2)

    return np.linalg.slogdet(x)[1], to_x


@op(r"s = \operatorname{sign} \det X", examples=lambda draw: [draw(3, 3)])
def _signdet(x: Array):
    """The first part of ``slogdet``: constant between jumps, so an untracked result."""
    return np.linalg.slogdet(x)[0], None


@composed(
    r"s, y = \operatorname{sign} \det X, \ln |\det X|", numpy=np.linalg.slogdet,
    examples=lambda draw: [draw(3, 3), draw(2, 2, 2)],
)  # fmt: skip
def slogdet(x: Array) -> tuple[Any, Any]:
    """Sign (an untracked result) and logarithm of the absolute value of the determinant.

    Examples
    --------
    >>> sign, logarithm = slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> float(sign), float(logarithm)
    (-1.0, 0.0)
    """
    _square(x)
    return SlogdetResult(_signdet(x), _logabsdet(x))


class SlogdetResult(NamedTuple):
    """What ``slogdet`` gives, under NumPy's names."""

    sign: Any
    logabsdet: Any


@op(r"y = \sum_i x_{ii}", numpy=np.trace, examples=lambda draw: [
    draw(3, 3), (draw(3, 4), 1), (draw(2, 3, 3), 0, 1, 2), (draw(3, 2, 4), -1, 0, 2),
])  # fmt: skip
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1):
    """Sum along the diagonal.

    Examples
    --------
    >>> float(trace([[1.0, 2.0], [3.0, 4.0]]))
    5.0
    """
    y = np.trace(x, offset, axis1, axis2)
    ones = np.asarray(np.eye(x.shape[axis1], x.shape[axis2], offset, x.dtype), like=x)

    def to_x(g, y, x):
        r"""\bar{X} = \bar{y} I"""
        return moveaxis(g[..., None, None] * ones, (-2, -1), (axis1, axis2))

    return y, to_x


@op(r"y = \left(\sum_i |x_i|^p\right)^{1/p}", numpy=np.linalg.vector_norm, method=False,
    examples=lambda draw: [
        draw.away(3, 4), (draw.away(3, 4), {"axis": 0, "keepdims": True}),
        (draw.distinct(3, 4), {"ord": 1}), (draw.distinct(3, 4), {"ord": math.inf, "axis": 1}),
        (draw.distinct(2, 3), {"ord": -math.inf}), (draw.away(2, 3), {"ord": 0, "axis": 0}),
        (draw.away(3), {"ord": -2.5}), (draw.away(2, 3, 4), {"ord": 3, "axis": (2, 0)}),
    ])  # fmt: skip
@in_single
def vector_norm(x: Array, axis: Axis = None, keepdims: bool = False, ord: float = 2):
    """The ``norm`` of all numbers, or of those over some axes, as one vector."""
    axes, p = tuple(_reduced(x.ndim, axis)), ord
    if isinstance(p, str):
        raise _no_norm(p, axes)
    x = floating(x)
    size = np.abs(x)

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y} \operatorname{sign}(x) (|x| / y)^{p - 1}"""
        g, y = g.reshape(kept_shape(x.shape, axes)), y.reshape(kept_shape(x.shape, axes))
        if abs(p) == math.inf:
            return share_ties(g, y, absolute(x), axes) * np.sign(x)
        zero = y == 0
        g, y = where(zero, 0, g), where(zero, 1, y)
        if p == 2:
            return g * divide(x, y)
        # Where x is 0 the sign makes it 0, whatever the power: no infinite slope for p < 1.
        return g * np.sign(x) * (where(x == 0, 1, absolute(x)) / y) ** (p - 1)

    if p == 2:
        y = np.sqrt((size * size).sum(axes, keepdims=keepdims))
    elif abs(p) == math.inf:
        y = (size.max if p > 0 else size.min)(axes, keepdims=keepdims)
    elif p == 0:
        y = (x != 0).sum(axes, x.dtype, keepdims=keepdims)
    else:
        y = (size**p).sum(axes, keepdims=keepdims) ** (1 / p)
    return y, to_x if p else None


@composed(r"y = \|X\|", numpy=np.linalg.norm, examples=lambda draw: [
    draw.away(3, 4), (draw.away(3, 4), None, 0), (draw.away(3), 3), (draw.away(2, 3), "fro"),
    (draw(3, 4), "nuc"), (draw(3, 2, 3), -2, (0, 2), True), (draw(2, 4, 3), 2, (2, 1)),
    (draw.distinct(3, 4), 1), (draw.distinct(2, 3, 4), -1, (0, 2)),
    (draw.distinct(3, 4), math.inf), (draw.distinct(2, 3, 4), -math.inf, (-1, 0), True),
])  # fmt: skip
def norm(x: Array, ord: Any = None, axis: Axis = None, keepdims: bool = False):
    r"""Norm of vectors, :math:`(\sum |x|^p)^{1/p}`, or of matrices; its derivative at 0 is 0.

    Parameters
    ----------
    x
        Any shape.
    ord
        For vectors p; None is 2, ``inf`` and ``-inf`` the largest and the smallest absolute value,
        0 counts what is not zero. For matrices 2 and -2 are the largest and the smallest singular
        value, ``"nuc"`` their sum, ``"fro"`` the root of the sum of squares, 1 and -1 the largest
        and the smallest column (its sum of absolute values), ``inf`` and ``-inf`` row.
    axis
        The axis of the vectors, or the two of the matrices. By default those of ``x``; all numbers
        are one vector if ``ord`` is None.
    keepdims
        Keep the axes with size 1.

    Raises
    ------
    ArgumentError
        If vectors, or matrices, have no such norm.

    Examples
    --------
    >>> float(norm([3.0, 4.0])), float(norm([[3.0, 0.0], [0.0, 4.0]], "nuc"))
    (5.0, 7.0)
    """
    axes = tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis).tolist())
    if ord is None or (ord in ("fro", "f") and len(axes) == 2):
        return vector_norm(x, axes, keepdims)
    if len(axes) == 1:
        return vector_norm(x, axes, keepdims, ord)
    if len(axes) != 2 or ord not in _OF_MATRICES:
        raise _no_norm(ord, axes)
    matrices = moveaxis(floating(x), axes, (-2, -1))
    if ord in ("nuc", 2, -2):
        sizes = _svd(matrices)[..., -1:, :]
    else:
        sizes = absolute(matrices).sum(-2 if abs(ord) == 1 else -1, keepdims=True)
    reduce = total if ord == "nuc" else largest if ord > 0 else smallest
    y = reduce(sizes, (-2, -1))
    return y.reshape(kept_shape(x.shape, axes)) if keepdims else y


_OF_MATRICES = ("nuc", 1, -1, 2, -2, math.inf, -math.inf)


def _no_norm(ord: Any, axes: Any) -> ArgumentError:
    return ArgumentError(
        "there is no norm {ord!r} over the axes {axes}: one axis takes a number, two axes take "
          "one of {known}; for all numbers as one vector give x.ravel()",
        ord=ord, axes=axes, known=", ".join(map(repr, ("fro", *_OF_MATRICES))),
    )  # fmt: skip


@composed(
    r"y = \|X\|", numpy=np.linalg.matrix_norm, method=False,
    examples=lambda draw: [draw.away(3, 4), (draw.away(2, 3, 4), {"ord": "nuc"})],
)  # fmt: skip
def matrix_norm(x: Array, keepdims: bool = False, ord: Any = "fro"):
    """The ``norm`` of the matrices on the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


@op(r"Y = (U, V, s), \quad X = U \operatorname{diag}(s) V^{\top}", examples=lambda draw: [
    draw(3, 2), draw(2, 2, 3),
])  # fmt: skip
def _svd(x: Array):
    """Singular vectors and, in the last row, singular values: (..., M + N + 1, min(M, N))."""
    m, eye = x.shape[-2], np.asarray(np.eye(min(x.shape[-2:]), dtype=x.dtype), like=x)

    def to_x(g, y, x):
        r"""\bar{X} = U (\operatorname{diag}(\bar{s}) + \ldots) V^{\top}"""
        u, v, s = y[..., :m, :], y[..., m:-1, :], y[..., -1:, :]
        gu, gv, gs = g[..., :m, :], g[..., m:-1, :], g[..., -1:, :]
        ut, vt, st = (z.swapaxes(-1, -2) for z in (u, v, s))
        # Below this a difference is rounding: singular values are 0 then, with derivative 0, or
        # equal, and share their gradient: nothing may depend on the choice of their vectors.
        small = s[..., :1] * float(np.finfo(x.dtype).eps) * max(x.shape[-2:])
        equal = (absolute(s - st) <= small).astype(x.dtype)
        shared = (where(s > small, gs, 0) @ equal) / equal.sum(-2, keepdims=True)
        a, b = ut @ gu, vt @ gv
        left, right = a - a.swapaxes(-1, -2), b - b.swapaxes(-1, -2)
        inner = ratio(left + right, (s - st) * (1 - equal)) + ratio(left - right, s + st)
        inner = inner / 2 + shared * eye
        beside = ratio(gu - u @ a, s) @ vt + u @ ratio(gv - v @ b, s).swapaxes(-1, -2)
        return u @ inner @ vt + beside

    try:
        u, s, vt = np.linalg.svd(x, full_matrices=False)
    except np.linalg.LinAlgError:
        raise ArgumentError("{x} is not finite: it has no singular values") from None
    return np.concatenate([u, vt.swapaxes(-1, -2), s[..., None, :]], -2), to_x


def _square(x: Array) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError("{x} must be a square matrix: (..., M, M)")


def _regular(function: Any, *arrays: Array) -> Any:
    try:
        return function(*arrays)
    except np.linalg.LinAlgError:
        raise ArgumentError("the matrix is singular to rounding: it has no inverse") from None
