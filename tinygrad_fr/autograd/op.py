r"""``@op``: declaring an operation, and recording what it computes.

An operation is one function. Its body computes on raw arrays and returns the value and one closure
per array argument::

    @op(r"Y = A B", numpy=np.matmul)
    def matmul(a, b):
        def to_a(g, y, a, b):
            r"\bar{A} = \bar{Y} B^{\top}"
            return g @ b.swapaxes(-1, -2)
        ...
        return a @ b, to_a, to_b

A closure gets the upstream gradient ``g``, the output ``y`` and the array arguments: raw arrays in
a first-order pass, Tensors under ``create_graph``. So it takes every differentiable value from its
arguments, and computes with what serves both: operators, methods, operations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import TinygradError
from .engine import Node, next_rank
from .guards import debug, messages
from .guards.arguments import (
    as_arrays,
    matched,
    numbers_as_arrays,
    plain_result,
    share_views,
    to_positions,
    unwrapped,
)
from .guards.conversion import AS_IS
from .guards.examples import Draw
from .guards.protocols import dispatch
from .modes import current_mode
from .operation import Operation, registry
from .tensor import Methods, Tensor


def op(
    latex: str,
    *,
    numpy: Any = (),
    examples: Callable[[Draw], list[Any]] | None = None,
    method: bool = True,
    name: str | None = None,
    needs_inputs: bool = True,
    aliases: dict[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Declare an operation.

    Parameters
    ----------
    latex
        The formula of the operation.
    numpy
        The NumPy function, or a tuple of them, that it answers when given Tensors.
    examples
        Called with a :class:`Draw`, gives a list of example calls: an argument, or a tuple of
        arguments whose last may be a dict of keywords.
    method
        Whether it is also a method of Tensor.
    name
        Its name, where the function's own would hide a builtin.
    needs_inputs
        Whether closures get the array arguments. Where they do not, ``closure(g, y)``, joining n
        arrays takes a time that grows with n, and not with its square.
    aliases
        Other names of arguments, such as NumPy's, and ours: ``{"a_min": "min"}``.

    Returns
    -------
    callable
        A decorator. The function that it returns takes Tensors, arrays and numbers; given no
        Tensor it computes on plain arrays and returns a plain array.

    Notes
    -----
    The body receives raw arrays and returns ``y, closure, closure, ...``, a closure (or None) for
    each of its leading array arguments; a leading string is not one, a sequence counts one per
    element. Closures get ``(g, y, *arrays)`` and their docstrings are the LaTeX of the local rule.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> @tg.op(r"y = x^3", method=False)
    ... def cube(x):
    ...     def to_x(g, y, x):
    ...         r"\bar{x} = 3 x^2 \bar{y}"
    ...         return g * 3 * x**2
    ...     return x**3, to_x
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    Tensor(12.)
    """
    if not isinstance(latex, str):
        raise messages.no_formula()
    return _declaration(_recorded, latex, numpy, examples, method, name, needs_inputs, aliases)


def composed(
    latex: str,
    *,
    numpy: Any = (),
    examples: Callable[[Draw], list[Any]] | None = None,
    method: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    r"""Declare a function that is composed of operations: its gradients follow from theirs.

    Options are those of ``@op``; the body gets Tensors as they are, lists and numbers as arrays.

    Examples
    --------
    >>> import tinygrad_fr as tg
    >>> @tg.autograd.op.composed(r"y = x^2 + x", method=False)
    ... def parabola(x):
    ...     return x * x + x
    >>> tg.grad(parabola)(3.0)
    array(7.)
    """
    return _declaration(_prepared, latex, numpy, examples, method)


def _declaration(
    wrap: Callable[[Operation], Callable[..., Any]], latex: str, numpy: Any, examples: Any,
    method: bool, name: str | None = None, needs_inputs: bool = True,
    aliases: dict[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # fmt: skip
    """The decorator that registers an operation."""
    answers = numpy if isinstance(numpy, tuple) else (numpy,)

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        operation = Operation(
            body, latex, numpy=answers, examples=examples, method=method, name=name,
            composed=wrap is _prepared, needs_inputs=needs_inputs, aliases=aliases or {},
        )  # fmt: skip
        operation.function = wrap(operation)
        known = registry.get(operation.name)
        if known is not None and known.body.__module__ != body.__module__:
            return operation.function  # a user's own softmax works, and leaves ours in its place
        registry[operation.name] = operation
        dispatch.update(dict.fromkeys(answers, operation.function))
        if operation.method and operation.name not in Tensor.__dict__:
            setattr(Methods, operation.name, operation.function)
        return operation.function

    return decorate


def operator(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an operation serve Python operators: ``@operator("__add__", "__radd__")``.

    Names that begin with ``__r`` get their arguments swapped, as Python asks.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            if name.startswith("__r") and name not in ("__round__", "__rshift__"):
                setattr(Methods, name, lambda a, b: function(b, a))
            else:
                setattr(Methods, name, function)
        return function

    return decorate


def _recorded(operation: Operation) -> Callable[..., Any]:
    """The public function of an operation: unwrap, compute, record, wrap."""
    body, lean = operation.body, operation.lean
    new, ndarray = Tensor.__new__, np.ndarray

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args, kwargs = to_positions(operation, args, kwargs)
        raw: list[Any] = []
        found = nested = False
        tracked = 0
        if len(args) == 2 and args[0].__class__ is args[1].__class__ is Tensor:
            # Two Tensors, as in x * w: 0.15 us less than the loop, of 1.3 in all.
            a, b = args
            raw = [a._array, b._array]
            tracked = a._requires_grad + b._requires_grad
            found = True
        else:
            for x in args:
                if isinstance(x, Node):
                    found = True
                    tracked += x._requires_grad
                    raw.append(x._array)
                elif x.__class__ in AS_IS:
                    raw.append(x)
                else:  # a sequence, a string, an array of others: they need a closer look
                    args, raw, found, tracked, nested = unwrapped(operation, args)
                    break
        try:
            out = body(*raw, **kwargs) if kwargs else body(*raw)
        except TinygradError as error:
            messages.locate(error, operation, args)
            raise
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise messages.of_a_call(error, operation, args, raw) from error
        except AttributeError:
            arrays = numbers_as_arrays(operation, args)
            if arrays is args:
                raise
            return call(*arrays, **kwargs)
        y = out[0] if out.__class__ is tuple else out
        if not found:
            return y
        if y.__class__ is not ndarray:
            y = plain_result(y)
        mode = current_mode()
        tensor: Tensor = new(Tensor)
        tensor._array = y
        tensor._grad = tensor._name = tensor._memory = None
        tensor._state = 0
        tensor._rank = next_rank()
        if y.__class__ is not ndarray or y.base is not None or y is raw[0]:
            share_views(y, args, tensor)
        if tracked:
            inputs, closures = args, out[1:] if out.__class__ is tuple else ()
            if nested or tracked != len(args) or tracked != len(closures) or None in closures:
                inputs, closures = matched(operation, args, closures, tracked, nested)
            if closures and mode.recording and y.dtype.kind == "f":
                tensor._requires_grad = True
                tensor._op = operation
                tensor._inputs = inputs
                tensor._closures = lean(closures)
                tensor._static = None if inputs is args and not kwargs else (args, kwargs)
                tensor._where = mode.module
                if mode.debug:
                    debug.made(operation.name, tensor, inputs)
                return tensor
        kind = y.dtype.kind
        if kind not in "biuf" and (kind != "c" or (tracked and closures and mode.recording)):
            raise messages.without_gradient(operation=operation.name, dtype=y.dtype)
        tensor._requires_grad = False
        tensor._op = tensor._static = tensor._where = None
        tensor._inputs = tensor._closures = ()
        if mode.everything:  # nothing flows back here: the call is kept to be read
            tensor._op, tensor._static, tensor._where = operation, (args, kwargs), mode.module
        if mode.debug:
            debug.made(operation.name, tensor, raw)
        return tensor

    call.operation = operation  # type: ignore[attr-defined]
    return call


def _prepared(operation: Operation) -> Callable[..., Any]:
    """The public function of a composed operation: array arguments are arrays or Tensors."""
    body = operation.body

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = as_arrays(operation, args, kwargs)
        try:
            return body(*args, **kwargs)
        except TinygradError as error:
            messages.locate(error, operation, args)
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise messages.of_a_call(error, operation, args, list(args)) from error

    call.operation = operation  # type: ignore[attr-defined]
    return call
