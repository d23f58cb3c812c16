"""Copies, in the same or in another dtype."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.op import op, operator
from ..kernels import Array
from ..kernels.stable import single


@op(r"y = x", examples=lambda draw: [(draw(3, 4), "float64")])
def astype(x: Array, dtype: Any):
    """The same numbers in another dtype; the gradient comes back in the dtype of ``x``.

    Examples
    --------
    >>> astype([1.5, 2.5], "int64")
    array([1, 2])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}"""
        return g  # the engine gives it the dtype of x

    return x.astype(dtype), to_x


@operator("__pos__")
@op(r"y = x", numpy=(np.copy, np.positive), examples=lambda draw: [draw(3, 4), draw()])
def copy(x: Array):
    """The same numbers on memory of their own; ``+x`` does the same.

    Examples
    --------
    >>> copy([1.0, 2.0])
    array([1., 2.])
    """

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}"""
        return g

    return x.copy(), to_x


def in_single(body: Callable[..., Any]) -> Callable[..., Any]:
    """Let an operation compute in float32 what it is given in float16, and round its results.

    Among halves a sum of ones stops at 2,048, and a sum of squares, or 1 over a count, overflows.
    """
    kinds = [body.__annotations__.get(name, "") for name in body.__code__.co_varnames]
    arrays = [i for i, kind in enumerate(kinds) if "Array" in kind]

    @functools.wraps(body)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if x.dtype.char != "e":
            return body(x, *args, **kwargs)
        given = [x, *args]
        dtypes = [getattr(given[i], "dtype", x.dtype) for i in arrays if i < len(given)]
        dtype = np.result_type(*[other for other in dtypes if other.kind == "f"])
        given = [single(value) if i in arrays else value for i, value in enumerate(given)]
        exact, *closures = body(*given, **kwargs)

        def rounded(closure: Any) -> Any:
            @functools.wraps(closure)
            def to_half(g: Any, y: Any, *xs: Any) -> Any:
                y = exact if isinstance(y, np.ndarray) else single(y)
                return closure(single(g), y, *map(single, xs)).astype(dtype)

            return to_half

        return exact.astype(dtype), *[closure and rounded(closure) for closure in closures]

    call.__kwdefaults__ = body.__kwdefaults__  # type: ignore[attr-defined]
    return call


def halves_in_single(body: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a composition: what is given first in float16 is computed on in float32."""

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else next(iter(kwargs.values()), None)
        if getattr(first, "dtype", None) != np.float16:
            return body(*args, **kwargs)
        exact = body(*map(single, args), **{name: single(x) for name, x in kwargs.items()})
        return exact.astype(np.float16)

    return call
