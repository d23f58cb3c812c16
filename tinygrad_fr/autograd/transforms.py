"""Functions that turn functions into their derivatives: grad, vjp, jvp, hessian, ..."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np

from ..errors import in_our_words
from ..kernels import Array
from . import engine
from .guards import messages
from .guards.conversion import as_data
from .guards.protocols import any_tracked
from .modes import current_mode, switch
from .op import op
from .operation import registry
from .tensor import Tensor, untracked

Function = Callable[..., Any]


def gradients(
    output: Tensor, inputs: Tensor | Sequence[Tensor], upstream: Any = None, *,
    create_graph: bool = False, retain_graph: bool | None = None,
) -> Any:  # fmt: skip
    """The gradients of ``output`` with respect to given Tensors; ``.grad`` is left alone.

    Parameters
    ----------
    output
        Where the backward pass starts.
    inputs
        A Tensor, or a sequence of them: leaves or intermediates.
    upstream
        The gradient at ``output``, of its shape; 1 for a scalar.
    create_graph
        Record the pass, so that its results can be differentiated again; always inside a transform.
    retain_graph
        Allow another pass through the same graph; as ``create_graph`` if None.

    Returns
    -------
    Tensor, or tuple of Tensor
        None in place of a Tensor on which ``output`` does not depend.

    Raises
    ------
    GraphError
        If an input or the output requires no gradient.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> gradients(y * y, y)
    Tensor(18.)
    """
    several = isinstance(inputs, Iterable) and not isinstance(inputs, Tensor)
    wanted: list[Any] = list(inputs) if several else [inputs]
    for x in (output, *wanted):
        if not isinstance(x, Tensor):
            raise messages.no_tensor(kind=type(x).__name__)
    for x in wanted:
        if not x.requires_grad:
            raise messages.without_requires_grad(x)
    create_graph |= current_mode().depth > 0  # for the transform around
    if retain_graph is None:
        retain_graph = create_graph
    found = engine.run(
        output,
        output._upstream(upstream, create_graph),
        wanted,
        create_graph=create_graph,
        retain_graph=retain_graph,
    )
    by_rank = {node._rank: g for node, g in found}
    results, given = [by_rank.get(x._rank) for x in wanted], set()
    for i, g in enumerate(results):
        if g is not None and id(g) in given:  # two Tensors never share a gradient
            results[i] = g + 0.0 if isinstance(g, Tensor) else g.copy()
        given.add(id(g))
    tensors = tuple(map(_as_tensor, results))
    return tensors[0] if isinstance(inputs, Tensor) else tensors


def _as_tensor(g: Any) -> Tensor | None:
    return g if g is None or isinstance(g, Tensor) else untracked(g)


# --- transforms ------------------------------------------------------------------------------


@overload
def grad(f: Function, argnums: int = 0) -> Callable[..., Tensor]: ...
@overload
def grad(f: Function, argnums: tuple[int, ...]) -> Callable[..., tuple[Tensor, ...]]: ...
def grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that gives the gradient of a scalar function.

    Parameters
    ----------
    f
        Gives a scalar; takes arrays, numbers or Tensors.
    argnums
        The position of the argument to differentiate, or a tuple of them.

    Returns
    -------
    callable
        It takes what ``f`` takes. Arrays in, arrays out; Tensors in, Tensors out; it can be
        differentiated again.

    Examples
    --------
    >>> grad(grad(lambda x: x**3))(2.0)
    array(12.)
    """

    @_wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        return value_and_grad(f, argnums)(*args, **kwargs)[1]

    return derivative


@overload
def value_and_grad(f: Function, argnums: int = 0) -> Callable[..., tuple[Tensor, Tensor]]: ...
@overload
def value_and_grad(
    f: Function, argnums: tuple[int, ...]
) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]: ...
def value_and_grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that gives the value and the gradient of a scalar function.

    Examples
    --------
    >>> value_and_grad(lambda x: x**2)(3.0)
    (array(9.), array(6.))
    """

    @_wraps(f)
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        call = _Call(f, args, kwargs, argnums)
        if call.output.size != 1:
            raise messages.no_scalar(shape=call.output.shape)
        return call.out(call.output), call.pullback(np.ones_like(call.output))

    return both


def vjp(f: Function, *xs: Any) -> tuple[Any, Function]:
    """The value of ``f(*xs)``, and the map from upstream gradients to gradients of ``xs``.

    Examples
    --------
    >>> y, pullback = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    array([ 2., 40.])
    """
    call = _Call(f, xs, {}, 0 if len(xs) == 1 else tuple(range(len(xs))))
    return call.out(call.output), call.pullback


def jvp(f: Function, xs: Any, vs: Any) -> tuple[Any, Any]:
    """The value of ``f``, and how it changes when the inputs move along ``vs``.

    The backward pass is linear in its upstream gradient; differentiating it with respect to that
    gives the forward derivative.

    Parameters
    ----------
    f
        Any function of Tensors.
    xs, vs
        The inputs and their directions: two tuples, or one array each.

    Examples
    --------
    >>> jvp(lambda x: x**3, 2.0, 1.0)
    (array(8.), array(12.))
    """
    xs = xs if isinstance(xs, tuple) else (xs,)
    vs = vs if isinstance(vs, tuple) else (vs,)
    if len(xs) != len(vs):
        raise messages.directions(n=len(xs), m=len(vs))
    call = _Call(f, xs, {}, tuple(range(len(xs))))
    call.nested |= any(isinstance(v, Tensor) and v.requires_grad for v in vs)
    with switch(recording=True, depth=current_mode().depth + 1):
        # Any point will do, but 0: there "zero upstream" wins over infinite slopes.
        probe = Tensor(np.ones_like(call.output), requires_grad=True)
        back = call.backward(probe, create_graph=True)
        total: Any = 0.0
        for x, d, v in zip(call.inputs, back, vs, strict=True):
            direction = v if isinstance(v, Tensor) else as_data(v, x.dtype, False)
            if np.shape(direction) != x.shape:
                raise messages.other_direction(shape=x.shape, got=np.shape(direction))
            total = total + (d * direction).sum()
        dy = None
        if isinstance(total, Tensor) and total.requires_grad:
            dy = gradients(total, probe, create_graph=call.nested, retain_graph=True)
    if dy is None:
        dy = untracked(np.zeros_like(call.output))
    return call.out(call.output), call.out(dy)


def hvp(f: Function, x: Any, v: Any) -> Any:
    """The product of the Hessian of a scalar function with a vector, without the Hessian.

    Examples
    --------
    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return jvp(grad(f), x, v)[1]


def jacobian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that gives all derivatives: shape of the output, then shape of the input.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    @_wraps(f)
    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums)
        shape = call.output.shape
        rows = []
        for index in np.ndindex(shape):
            one = np.zeros_like(call.output)
            one[index] = 1
            rows.append(call.backward(one, create_graph=call.nested))
        columns = []
        for i, x in enumerate(call.inputs):
            full = (*shape, *x.shape)
            if not rows:
                columns.append(untracked(np.zeros_like(x, shape=full)))
            elif call.nested:
                columns.append(_stacked([row[i] for row in rows]).reshape(full))
            else:
                data = [row[i].data for row in rows]
                columns.append(untracked(np.stack(data).reshape(full)))
        return call.structured(columns)

    return all_derivatives


def hessian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that gives the second derivatives of a scalar function.

    Examples
    --------
    >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    if isinstance(argnums, (int, np.integer)):
        return jacobian(grad(f, argnums), argnums)
    blocks = [jacobian(grad(f, i), argnums) for i in argnums]

    @_wraps(f)
    def all_blocks(*args: Any, **kwargs: Any) -> Any:
        return tuple(block(*args, **kwargs) for block in blocks)

    return all_blocks


# --- how they work ---------------------------------------------------------------------------


@op(r"y = x")
def _alias(x: Array):
    """The same value as a node of its own: the variable of one transform among others."""

    def to_x(g, y, x):
        r"""\bar{x} = \bar{y}"""
        return g

    return x, to_x


def _wraps(f: Function) -> Callable[[Function], Function]:
    """Give a derivative the name and the docstring of its function, which must be one."""
    if not callable(f):
        raise messages.no_function(kind=type(f).__name__)
    return functools.wraps(f)


class _Call:
    """One evaluation of ``f`` on variables of its own, ready to be walked backwards."""

    def __init__(self, f: Function, args: Any, kwargs: Any, argnums: int | tuple[int, ...]) -> None:
        self.single = not isinstance(argnums, Iterable) or isinstance(argnums, str)
        positions: Any = (argnums,) if self.single else tuple(argnums)  # type: ignore[arg-type]
        messages.check_argnums(argnums, positions, len(args))
        depth = current_mode().depth
        values = list(args)
        with switch(recording=True, depth=depth + 1):
            self.inputs = []
            for i in positions:
                values[i] = _variable(args[i])
                self.inputs.append(values[i])
            with in_our_words():
                y = f(*values, **kwargs)
        if not isinstance(y, Tensor):
            raise messages.no_result(kind=type(y).__name__)
        self.output = y
        recorded = any_tracked(args, kwargs)
        self.tensors = recorded or any(isinstance(args[i], Tensor) for i in positions)
        # Inside another transform, or where Tensors come in and something else is recorded, too,
        # the result must stay differentiable.
        self.nested = depth > 0 or recorded or (self.tensors and _reaches_others(y, self.inputs))

    def backward(self, upstream: Any, *, create_graph: bool) -> list[Tensor]:
        """The gradient for each variable; zero where the output does not depend on it."""
        found: Any = [None] * len(self.inputs)
        if self.output.requires_grad:
            found = gradients(
                self.output, self.inputs, upstream, create_graph=create_graph, retain_graph=True
            )
        return [
            untracked(np.zeros_like(x)) if g is None else g
            for x, g in zip(self.inputs, found, strict=True)
        ]

    def pullback(self, upstream: Any) -> Any:
        """The gradients for an upstream gradient, in the form in which the inputs came."""
        nested = self.nested or (isinstance(upstream, Tensor) and upstream.requires_grad)
        return self.structured(self.backward(upstream, create_graph=nested))

    def structured(self, results: list[Tensor]) -> Any:
        """One result, or a tuple, as ``argnums`` was one position or a tuple."""
        out = tuple(self.out(result) for result in results)
        return out[0] if self.single else out

    def out(self, result: Tensor) -> Any:
        """A Tensor if Tensors came in, or if an outer transform needs its graph."""
        if self.tensors or (self.nested and result.requires_grad):
            return result if self.nested else result.detach()
        return result.data.copy()


def _reaches_others(output: Tensor, inputs: list[Any]) -> bool:
    """Whether ``output`` depends on a recorded leaf that is not one of ``inputs``."""
    ours = {id(x) for x in inputs}
    seen: set[int] = set()
    stack: list[Any] = [output]
    while stack:
        node = stack.pop()
        for x in engine.differentiated(node):
            if id(x) not in ours and id(x) not in seen:
                if x._op is None:
                    return True
                seen.add(id(x))
                stack.append(x)
    return False


def _variable(x: Any) -> Tensor:
    if isinstance(x, Tensor) and x.requires_grad:
        return _alias(x)  # type: ignore[no-any-return]
    return Tensor(x, requires_grad=True)


def _stacked(rows: list[Tensor]) -> Tensor:
    concatenate = registry["concatenate"].function  # registered in a room above this one
    return concatenate([row.reshape(1, -1) for row in rows])  # type: ignore[no-any-return]
