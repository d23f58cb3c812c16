"""Products of matrices, and sums of products over named axes: einsum, and what it writes."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.engine import Node
from ..autograd.op import composed, op, operator
from ..errors import ArgumentError, DTypeError, ShapeError
from ..kernels import Array, as_array, filled
from ..kernels.fast.blas import alone
from ..kernels.fast.products import matmul as times
from ..kernels.matrix import product
from ..kernels.stable import single
from .arithmetic import multiply
from .shape import moveaxis, reshape

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
            return times(g[..., None, :], b.swapaxes(-1, -2))[..., 0, :]
        if isinstance(g, Node) or a.ndim > 2 or b.ndim > 2:
            return times(g, b.swapaxes(-1, -2))
        return product(g, b.T, like=a)

    def to_b(g, y, a, b):
        r"""\bar{B} = A^{\top} \bar{Y}"""
        if a.ndim == 1:
            return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
        if b.ndim == 1:
            return times(a.swapaxes(-1, -2), g[..., None])[..., 0]
        if b.ndim == 2 and a.ndim > 2:  # one product over all examples, not a sum of products
            n = math.prod(a.shape[:-1])
            return times(a.reshape(n, a.shape[-1]).T, g.reshape(n, g.shape[-1]))
        if isinstance(g, Node) or a.ndim > 2 or b.ndim > 2:
            return times(a.swapaxes(-1, -2), g)
        return product(a.T, g, like=b)

    try:
        return times(a, b) if a.ndim and b.ndim else np.matmul(a, b), to_a, to_b
    except ValueError as error:
        raise _misaligned(np.shape(a), np.shape(b), error) from None


def _misaligned(a: tuple[int, ...], b: tuple[int, ...], error: Any) -> ShapeError:
    if not a or not b:
        return ShapeError("{a} and {b}: a matrix product needs axes; multiply numbers with *")
    i, j = len(a) - 1, max(len(b) - 2, 0)
    if a[i] == b[j]:
        return ShapeError("the stacks of {a} and {b} do not match ({error})", error=error)
    return ShapeError(
        "{a} and {b} do not align: {n} (axis {i} of {a.name}) != {m} (axis {j} of {b.name})",
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
            "{x} and {weight} do not align: the last axis of {x.name} has the size of the "
              "last axis of {weight.name}, a matrix (out, in)"
        )  # fmt: skip
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError("{bias} must have one entry per row of {weight}")
    y = _over_rows(x, weight.T)
    if bias is not None:
        y = np.add(y, bias, out=y) if bias.dtype == y.dtype else y + bias

    def to_x(g, y, x, weight, bias):
        r"""\bar{X} = \bar{Y} W"""
        return _over_rows(g, weight)

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


def _over_rows(x: Any, matrix: Any) -> Any:
    """``x @ matrix``, as one product over all examples."""
    if x.ndim < 3 or not isinstance(x, np.ndarray):
        return times(x, matrix)
    rows = times(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), matrix)
    return rows.reshape(*x.shape[:-1], rows.shape[-1])


@op(r"Y = \sum \prod X", numpy=np.einsum, method=False, examples=lambda draw: [
    ("ij,jk", draw(3, 4), draw(4, 5)), ("ij,jk->ik", draw(3, 4), draw(4, 5)),
    ("bij,bjk->bik", draw(2, 3, 4), draw(2, 4, 2)), ("ii", draw(3, 3)), ("ii->i", draw(3, 3)),
    ("ij->ji", draw(2, 3)), ("ij->", draw(2, 3)), ("i,i,i->i", draw(3), draw(3), draw(3)),
    ("...ij,...jk->...ik", draw(2, 1, 3, 4), draw(5, 4, 2)), ("i...->...", draw(3, 2)),
    ("ijj,jk->i", draw(2, 3, 3), draw(3, 2)), ("ij,ij->i", draw(3, 1), draw(3, 4)),
    ("ab,cd->", draw(2, 3), draw(2, 2)), (" i , j -> j i", draw(2), draw(3)), ("...", draw(2)),
])  # fmt: skip
def einsum(subscripts: str, *operands: Array, optimize: Any = True):
    """Einstein's summation: ``einsum("ij,jk->ik", a, b)`` is the matrix product.

    Parameters
    ----------
    subscripts
        A letter for each axis, a comma between operands. Letters that are not in the output
        (after ``->``) are summed over; without ``->`` those that occur twice are. A letter twice
        in one operand takes its diagonal. ``...`` stands for any further axes, broadcast.
    operands
        Tensors or arrays, one for each term.
    optimize
        NumPy's; the order of the products is chosen well in any case.

    Raises
    ------
    ArgumentError
        If the subscripts are mistyped: an unknown sign, an output letter that no operand has, ...
    ShapeError
        If an operand has another number of axes, or a letter stands for two sizes.

    Notes
    -----
    The gradient for an operand is an einsum, too: of the upstream gradient and all the others, to
    that operand's letters. Ones stand in for a letter that none of them has, an identity matrix
    for a diagonal.

    Examples
    --------
    >>> einsum("i,i", [1.0, 2.0], [3.0, 4.0])
    array(11.)
    """
    terms, output = _parse(subscripts, [np.shape(x) for x in operands])
    sizes = _sizes(terms, operands)

    def to_operand(i: int) -> Any:
        def closure(g, y, *xs):
            r"""\bar{X}_i = \sum \bar{Y} \prod_{j \neq i} X_j"""
            own, names = terms[i], iter(sorted(set(LETTERS) - set(sizes)))
            given = [output, *terms[:i], *terms[i + 1 :]]
            arrays, like = [g, *xs[:i], *xs[i + 1 :]], as_array(getattr(g, "_array", g))
            full = {
                letter
                for term, x in zip(given, arrays, strict=True)
                for letter, n in zip(term, x.shape, strict=True)
                if n == sizes[letter]
            }
            result = ""
            for letter in own:
                if letter in result:  # its diagonal was taken: give it back a diagonal
                    twin = next(names)
                    given.append(letter + twin)
                    arrays.append(np.asarray(np.eye(sizes[letter], dtype=g.dtype), like=like))
                    letter = twin
                elif letter not in full:
                    given.append(letter)
                    arrays.append(filled(sizes[letter], 1, like))
                result += letter
            return einsum(",".join(given) + "->" + result, *arrays)

        return closure

    # Through BLAS where that is possible; all in one dtype, or a product of int8 would overflow.
    dtype = np.result_type(*operands)
    given = [single(as_array(x).astype(dtype, copy=False)) for x in operands]
    quick = functools.partial(np.einsum, optimize=len(terms) > 1)
    y = alone(quick, ",".join(terms) + "->" + output, *given)
    return y.astype(dtype, copy=False), *[to_operand(i) for i in range(len(operands))]


def _parse(subscripts: Any, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each operand and of the output, with letters in place of ``...``."""
    if not isinstance(subscripts, str):
        raise DTypeError(
            'einsum takes its subscripts as a text first, such as "ij,jk->ik", not {kind}',
            kind=type(subscripts).__name__,
        )
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    signs = set(text.replace("->", "").replace("...", "").replace(",", "")) - set(LETTERS)
    if signs or "," in output:
        raise ArgumentError(
            'the subscripts "{text}" hold {sign!r}: only letters, commas, one "->" and "..." '
              "are understood", text=subscripts, sign=min(signs, default=","),
        )  # fmt: skip
    if len(terms) != len(shapes):
        raise ArgumentError(
            'the subscripts "{text}" are for {n} operands, and {m} are given',
            text=subscripts, n=len(terms), m=len(shapes),
        )  # fmt: skip
    extra = 0
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        named = len(term.replace("...", ""))
        dotted = term.count("...")
        if dotted > 1 or named > len(shape) or (not dotted and named < len(shape)):
            raise ShapeError(
                'operand {i} of shape {shape} does not have the axes "{term}"',
                i=i, shape=shape, term=term,
            )  # fmt: skip
        extra = max(extra, len(shape) - named) if dotted else extra
    free = [letter for letter in LETTERS if letter not in text]
    dots = "".join(free[:extra])
    if not arrow:
        counts = Counter(left.replace(",", "").replace(".", ""))
        output = "..." * ("..." in left) + "".join(sorted(k for k, n in counts.items() if n == 1))
    for letter in output.replace("...", ""):
        if output.count(letter) > 1 or letter not in left:
            raise ArgumentError(
                'the output letter "{letter}" of "{text}" must stand once, and in an operand',
                letter=letter, text=subscripts,
            )  # fmt: skip
    terms = [
        term.replace("...", dots[extra - (len(shape) - len(term.replace("...", ""))) :])
        for term, shape in zip(terms, shapes, strict=True)
    ]
    if dots and "..." not in output:
        raise ArgumentError(
            '"..." stands for axes of the operands of "{text}" that the output leaves out: add '
              "... after ->", text=subscripts,
        )  # fmt: skip
    return terms, output.replace("...", dots)


def _sizes(terms: list[str], operands: Sequence[Array]) -> dict[str, int]:
    """The size that each letter stands for; axes of size 1 are broadcast."""
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, n in zip(term, np.shape(x), strict=True):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = n
            elif n not in (1, sizes[letter]):
                raise ShapeError(
                    'the letter "{letter}" stands for the sizes {n} and {m}',
                    letter=letter, n=sizes[letter], m=n,
                )  # fmt: skip
    return sizes


@composed(r"Y = \sum A B", numpy=np.tensordot, examples=lambda draw: [
    (draw(2, 3, 4), draw(3, 4, 5)), (draw(2, 3), draw(3, 2), 1), (draw(2), draw(3), 0),
    (draw(2, 3, 4), draw(4, 2, 5), ([0, 2], [1, 0])), (draw(2, 3, 4), draw(4, 2), (-1, 0)),
])  # fmt: skip
def tensordot(a: Array, b: Array, axes: Any = 2):
    """Products summed over axes of both.

    Parameters
    ----------
    a, b
        Any shapes.
    axes
        How many of the last axes of ``a`` and the first of ``b``; or two lists of axes that
        belong together.

    Examples
    --------
    >>> tensordot([[1.0, 2.0]], [[3.0], [4.0]], 1)
    array([[11.]])
    """
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError("{a} and {b} do not both have {n} axes to sum over", n=axes)
        axes = range(a.ndim - axes, a.ndim), range(axes)
    first, second = (np.atleast_1d(np.asarray(part, int)).tolist() for part in axes)
    if len(first) != len(second) or any(
        not (-a.ndim <= i < a.ndim and -b.ndim <= j < b.ndim) or a.shape[i] != b.shape[j]
        for i, j in zip(first, second, strict=False)
    ):
        raise ShapeError(
            "the axes {first} of {a} do not match the axes {second} of {b}",
            first=first, second=second,
        )  # fmt: skip
    n = len(first)
    left = moveaxis(a, first, range(a.ndim - n, a.ndim))
    right = moveaxis(b, second, range(n))
    outer_a, inner, outer_b = left.shape[: a.ndim - n], right.shape[:n], right.shape[n:]
    k = math.prod(inner)
    y = matmul(left.reshape(math.prod(outer_a), k), right.reshape(k, math.prod(outer_b)))
    return reshape(y, (*outer_a, *outer_b))


@composed(r"Y = A B", numpy=np.dot, examples=lambda draw: [
    (draw(3), draw(3)), (draw(2, 3), draw(3, 4)), (draw(2, 3), draw(3)), (draw(), draw(2, 3)),
    (draw(2, 3, 4), draw(5, 4, 2)),
])  # fmt: skip
def dot(a: Array, b: Array):
    """NumPy's dot: the matrix product for vectors and matrices, a product for numbers.

    With more axes it sums over the last of ``a`` and the last but one of ``b``.

    Examples
    --------
    >>> float(dot([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    if b.ndim <= 2 and a.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, (-1, -2 if b.ndim > 1 else 0))


@composed(r"Y = a b^{\top}", numpy=np.outer, examples=lambda draw: [
    (draw(3), draw(4)), (draw(2, 2), draw(3)),
])  # fmt: skip
def outer(a: Array, b: Array):
    """All products of an entry of ``a`` and one of ``b``, both flattened.

    Examples
    --------
    >>> outer([1.0, 2.0], [3.0, 4.0])
    array([[3., 4.],
           [6., 8.]])
    """
    return multiply(a.reshape(a.size, 1), b.reshape(1, b.size))
