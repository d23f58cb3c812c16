"""``@op``: what one operation declares, and the registry of all operations.

An operation is one function. Its body computes on raw arrays and returns the value and one closure
per array argument::

    @op(r"Y = A B", numpy=np.matmul)
    def matmul(a, b):
        def to_a(g, y, a, b):
            r"\\bar{A} = \\bar{Y} B^{\\top}"
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

from ..errors import (
    ArgumentError,
    DTypeError,
    GraphError,
    IndexingError,
    Operand,
    ShapeError,
    SignatureError,
    TinygradError,
)
from ..kernels import Array
from ..messages import _
from . import watch
from .engine import Closure, Node, current_mode, next_rank
from .protocols import dispatch
from .tensor import Methods, Tensor

# Every operation by name, helpers that are only an adjoint included.
registry: dict[str, Operation] = {}


class Operation:
    """What is known of one operation.

    Attributes
    ----------
    name : str
        Its name in the library.
    latex : str
        Its definition.
    function : callable
        The public function.
    parameters : tuple of str
        The names of its arguments.
    numpy : tuple of callable
        The NumPy functions that it answers.
    room : str
        The file of ``ops/`` in which it stands.
    """

    __slots__ = (
        "arrays", "body", "captures", "defaults", "examples", "function", "latex", "method",
        "name", "numpy", "parameters", "room", "shared", "smooth", "variadic",
    )  # fmt: skip

    def __init__(self, body: Callable[..., Any], latex: str, **declared: Any) -> None:
        code = body.__code__
        self.body = body
        self.name: str = declared["name"] or body.__name__
        self.latex = latex
        self.numpy: tuple[Any, ...] = declared["numpy"]
        self.examples: Callable[[Draw], list[Any]] | None = declared["examples"]
        self.method: bool = declared["method"] and not self.name.startswith("_")
        self.smooth: bool = declared["smooth"]
        self.room = body.__module__.rpartition(".")[2]
        self.parameters = code.co_varnames[: code.co_argcount]
        self.defaults = dict(
            zip(self.parameters[::-1], (body.__defaults__ or ())[::-1], strict=False)
        )
        self.variadic = (
            code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
            if code.co_flags & 0x04
            else None
        )
        self.arrays = frozenset(
            name for name, kind in body.__annotations__.items() if kind in ("Array", "Array | None", Array)
        )
        self.function: Callable[..., Any] = body
        # Whether closures may capture something: they share a variable with the body.
        self.captures = bool(code.co_cellvars or body.__closure__)
        self.shared: list[tuple[list[Any], tuple[Closure | None, ...]]] = []

    def __repr__(self) -> str:
        return f"<operation {self.name}: {self.latex}>"

    def lean(self, closures: tuple[Closure | None, ...]) -> tuple[Closure | None, ...]:
        """The closures; one and the same tuple for all calls where none captures anything.

        So a recorded ``x * y`` owns neither functions nor a tuple of them: fewer objects for the
        garbage collector (measured at 100,000 live nodes: 2.0 us per operation against 5.7).
        """
        if self.captures:
            return closures
        try:
            for codes, known in self.shared:
                i = 0  # counted by hand: enumerate and zip cost 0.1 us more
                for closure in closures:
                    if (closure and closure.__code__) is not codes[i]:
                        break
                    i += 1  # noqa: SIM113
                else:
                    if i == len(codes):
                        return known
            codes = [closure and closure.__code__ for closure in closures]
        except (AttributeError, IndexError):  # not a function, or not as many as before
            return closures
        if not any(closure and _captures(closure) for closure in closures):
            self.shared.append((codes, closures))
        return closures

    def parameter(self, position: int) -> str:
        """The name of the argument at a position."""
        if position < len(self.parameters):
            return self.parameters[position]
        return self.variadic or f"argument {position}"

    def samples(self, seed: int = 0) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The declared example calls, as (arguments, keywords)."""
        if self.examples is None:
            return []
        calls = []
        for example in self.examples(Draw(seed)):
            example = example if isinstance(example, tuple) else (example,)
            keywords = example[-1] if isinstance(example[-1], dict) else {}
            calls.append((example[:-1] if keywords else example, keywords))
        return calls


def _captures(closure: Any) -> bool:
    return bool(closure.__closure__ or closure.__defaults__ or closure.__kwdefaults__)


def op(
    latex: str,
    *,
    numpy: Any = (),
    examples: Callable[[Draw], list[Any]] | None = None,
    method: bool = True,
    name: str | None = None,
    smooth: bool = True,
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
    smooth
        False where second derivatives are zero almost everywhere or meaningless.

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
    answers = numpy if isinstance(numpy, tuple) else (numpy,)

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        operation = Operation(
            body, latex, numpy=answers, examples=examples, method=method, name=name, smooth=smooth
        )
        operation.function = _recorded(operation)
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
            if name.startswith("__r"):
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
            args, kwargs = _to_positions(operation, args, kwargs)
        raw: list[Any] = []
        found = nested = False
        tracked = 0
        for x in args:
            if isinstance(x, Node):
                found = True
                tracked += x._requires_grad
                raw.append(x._data)
            elif x.__class__ in _NESTED:
                args, raw, found, tracked, nested = _unwrapped(operation, args)
                break
            else:
                raw.append(x)
        try:
            out = body(*raw, **kwargs) if kwargs else body(*raw)
        except TinygradError as error:
            error.locate(operation.name, args, _labels(operation, args), current_mode().module)
            raise
        except (ValueError, TypeError, IndexError) as error:
            raise _explained(error, operation, args, raw) from error
        y = out[0] if out.__class__ is tuple else out
        if not found:
            return y
        if y.__class__ is not ndarray and isinstance(y, (np.generic, int, float)):
            y = np.asarray(y)
        mode = current_mode()
        tensor: Tensor = new(Tensor)
        tensor._data = y
        tensor._grad = tensor._name = None
        tensor._state = 0
        tensor._rank = next_rank()
        if tracked:
            inputs, closures = args, out[1:] if out.__class__ is tuple else ()
            if nested or tracked != len(args) or tracked != len(closures) or not all(closures):
                inputs, closures = _matched(operation, args, closures, tracked, nested)
            if closures and mode.recording and y.dtype.kind == "f":
                tensor._requires_grad = True
                tensor._op = operation
                tensor._inputs = inputs
                tensor._closures = lean(closures)
                tensor._static = None if inputs is args and not kwargs else (args, kwargs)
                tensor._where = mode.module
                if mode.debug:
                    _watch(operation, tensor, inputs)
                return tensor
        tensor._requires_grad = False
        tensor._op = tensor._static = tensor._where = None
        tensor._inputs = tensor._closures = ()
        if mode.debug:
            _watch(operation, tensor, raw)
        return tensor

    call.operation = operation  # type: ignore[attr-defined]
    return call


# --- arguments -------------------------------------------------------------------------------


def _to_positions(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Move keywords to their positions, so that a closure finds each argument in its place."""
    names = operation.parameters[len(args) :]
    last = max((i for i, name in enumerate(names) if name in kwargs), default=-1)
    moved = []
    for name in names[: last + 1]:
        if name in kwargs:
            moved.append(kwargs[name])
        elif name in operation.defaults:
            moved.append(operation.defaults[name])
        else:
            return args, kwargs  # an argument is missing: Python says so when the body is called
    rest = {name: x for name, x in kwargs.items() if name not in names[: last + 1]}
    for name, x in rest.items():
        if isinstance(x, Tensor):
            if x._requires_grad:
                raise _static_tensor(operation, name)
            rest[name] = x._data
    return (*args, *moved), rest


# Arguments of these types need a closer look.
_NESTED = (tuple, list, str)


def _unwrapped(
    operation: Operation, args: tuple[Any, ...]
) -> tuple[tuple[Any, ...], list[Any], bool, int, bool]:
    """The arguments, the same without Tensors, whether there were any, how many are tracked.

    And whether the array arguments must be searched for: after a string, or in a sequence.
    """
    raw = list(args)
    found = nested = False
    tracked = 0
    for i, x in enumerate(args):
        if isinstance(x, Node):
            found = True
            tracked += x._requires_grad
            raw[i] = x._data
        elif x.__class__ is tuple or x.__class__ is list:
            raw[i], tensors, inside = _unwrap(operation, i, x)
            found |= tensors
            tracked += inside
            if raw[i].__class__ is np.ndarray:  # a list of numbers, given for an array
                args = (*args[:i], raw[i], *args[i + 1 :])
            else:
                nested = True
        elif x.__class__ is str:
            nested = True
    return args, raw, found, tracked, nested


def _matched(
    operation: Operation,
    args: tuple[Any, ...],
    closures: tuple[Closure | None, ...],
    tracked: int,
    nested: bool,
) -> tuple[tuple[Any, ...], tuple[Closure | None, ...]]:
    """The array arguments, and a closure for each that needs one; no closures if none does."""
    k = len(closures)
    inputs = _operands(operation, args, k) if nested or k > len(args) else args[:k]
    if tracked != k or None in closures:
        closures = tuple([
            c if isinstance(x, Node) and x._requires_grad else None
            for x, c in zip(inputs, closures, strict=True)
        ])  # fmt: skip
        missing = closures.count(None)
        if k - missing != tracked:
            _check_static(operation, args, inputs, tracked)
            if k == missing:
                return inputs, ()
    return inputs, closures


def _unwrap(operation: Operation, position: int, sequence: Any) -> tuple[Any, bool, int]:
    """A list or tuple without its Tensors, whether it held any, and how many are tracked."""
    tensors = [x for x in sequence if isinstance(x, Tensor)]
    tracked = sum(x._requires_grad for x in tensors)
    if operation.parameter(position) in operation.arrays:
        if tracked:
            raise ArgumentError(
                _("{operation} takes one array here, not a sequence of Tensors: stack them first"),
                operation=operation.name,
            )
        try:
            array = np.asarray([x._data if isinstance(x, Tensor) else x for x in sequence])
        except ValueError as error:
            raise DTypeError(
                _("{operation}: {name} is not a regular grid of numbers ({error})"),
                operation=operation.name,
                name=operation.parameter(position),
                error=error,
            ) from error
        return array, bool(tensors), 0
    if not tensors:
        return sequence, False, 0
    plain = [x._data if isinstance(x, Tensor) else x for x in sequence]
    return type(sequence)(plain), True, tracked


def _operands(operation: Operation, args: tuple[Any, ...], k: int) -> tuple[Any, ...]:
    """The ``k`` array arguments: after a leading string, sequences of arrays laid out."""
    operands: list[Any] = []
    for x in args[1:] if args[0].__class__ is str else args:
        if len(operands) >= k:
            break
        if isinstance(x, (list, tuple)):
            if any(isinstance(item, (Node, np.ndarray)) for item in x):
                operands.extend(x)
            else:
                operands.append(np.asarray(x))
        else:
            operands.append(x)
    missing = operation.parameters[len(args) :][: k - len(operands)]
    operands.extend(operation.defaults.get(name) for name in missing)
    if len(operands) != k:
        raise GraphError(
            _("the body of {operation} returned {k} closures for {n} array arguments"),
            operation=operation.name,
            k=k,
            n=len(operands),
        )
    return tuple(operands)


def _check_static(
    operation: Operation, args: tuple[Any, ...], inputs: tuple[Any, ...], tracked: int
) -> None:
    """Refuse a tracked Tensor where no closure could give it a gradient."""
    if sum(isinstance(x, Node) and x._requires_grad for x in inputs) == tracked:
        return
    for i, x in enumerate(args):
        for item in x if isinstance(x, (list, tuple)) else (x,):
            outside = all(item is not known for known in inputs)
            if isinstance(item, Tensor) and item._requires_grad and outside:
                raise _static_tensor(operation, operation.parameter(i))


def _static_tensor(operation: Operation, name: str) -> GraphError:
    return GraphError(
        _(
            "{operation} has no gradient with respect to {name}: give a number or an array there, "
            "or .detach() the Tensor"
        ),
        operation=operation.name,
        name=name,
    )


# --- errors ----------------------------------------------------------------------------------


def _labels(operation: Operation, args: tuple[Any, ...]) -> dict[str, Operand]:
    """The arguments as they are called in messages: by the Tensor's name, else the parameter's."""
    labels = {}
    for i, x in enumerate(args):
        parameter = operation.parameter(i)
        if isinstance(x, (Tensor, np.ndarray, np.generic)):
            labels[parameter] = Operand(getattr(x, "name", None) or parameter, np.shape(x))  # type: ignore[arg-type]
        else:
            labels[parameter] = Operand(repr(x), None)
    return labels


def _explained(
    error: Exception, operation: Operation, args: tuple[Any, ...], raw: list[Any]
) -> TinygradError:
    """NumPy's (or Python's) complaint, with the operation, the operands and the rule."""
    labels = _labels(operation, args)
    operands = [label for label in labels.values() if label.shape is not None]
    said = ", ".join(map(str, operands)) or _("no array")
    explained: TinygradError
    if isinstance(error, TypeError) and _is_call(error):
        explained = SignatureError(
            _("called with wrong arguments ({error}); it takes ({parameters})"),
            error=error,
            parameters=", ".join(operation.parameters),
        )
    elif isinstance(error, TypeError):
        explained = DTypeError(
            _("cannot compute with {operands} of type {types} ({error})"),
            operands=said,
            types=", ".join(str(getattr(x, "dtype", type(x).__name__)) for x in raw),
            error=error,
        )
    elif isinstance(error, np.exceptions.AxisError):
        explained = ShapeError(
            _("{operand} has no axis {axis}: its axes go from {low} to {high}"),
            operand=operands[0] if operands else said,
            axis=error.axis,
            low=-(error.ndim or 0),
            high=(error.ndim or 0) - 1,
        )
    elif isinstance(error, IndexError):
        explained = IndexingError(_("{operands}: {error}"), operands=said, error=error)
    else:
        explained = _mismatch(operands) or ShapeError(
            _("{operands}: {error}"), operands=said, error=error
        )
    explained.locate(operation.name, args, labels, current_mode().module)
    return explained


def _is_call(error: TypeError) -> bool:
    """Whether Python refused the call itself, before the body ran."""
    trace = error.__traceback__
    return trace is not None and trace.tb_next is None


def _mismatch(operands: list[Operand]) -> ShapeError | None:
    """Which axes keep the operands from being broadcast together, if that is the trouble."""
    for i, left in enumerate(operands):
        for right in operands[i + 1 :]:
            pairs = zip((left.shape or ())[::-1], (right.shape or ())[::-1], strict=False)
            for back, (n, m) in enumerate(pairs, 1):
                if n != m and 1 not in (n, m):
                    return ShapeError(
                        _(
                            "{left} and {right} cannot be broadcast together: {n} (axis {i} of "
                            "{left.name}) != {m} (axis {j} of {right.name}), and neither is 1"
                        ),
                        left=left,
                        right=right,
                        n=n,
                        m=m,
                        i=len(left.shape or ()) - back,
                        j=len(right.shape or ()) - back,
                    )
    return None


def _watch(operation: Operation, tensor: Tensor, inputs: Any) -> None:
    values = [x._data if isinstance(x, Node) else x for x in inputs]
    arrays = [x for x in values if isinstance(x, (np.ndarray, np.generic, float, int))]
    watch.finite(operation.name, tensor._data, arrays)
    if tensor._op is not None:
        tensor._where = watch.Trace(tensor._where, values)


# --- example inputs --------------------------------------------------------------------------


class Draw:
    """Draws example inputs: float64, away from kinks, with a fixed seed.

    Examples
    --------
    >>> draw = Draw(seed=0)
    >>> draw(2, 3).shape, bool(draw(4, low=0.5).min() > 0.5)
    ((2, 3), True)
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Array:
        """Uniform numbers between ``low`` and ``high``."""
        return np.asarray(self.rng.uniform(low, high, shape))

    def away(self, *shape: int, low: float = 0.2, high: float = 2.0) -> Array:
        """Numbers of either sign whose size is at least ``low``."""
        return np.asarray(self(*shape, low=low, high=high) * self.rng.choice([-1.0, 1.0], shape))

    def distinct(self, *shape: int) -> Array:
        """Numbers no two of which are closer than 0.1: maxima without ties."""
        n = int(np.prod(shape))
        return np.asarray((self.rng.permutation(n) * 0.2 - 0.1 * n + 0.05).reshape(shape))

    def labels(self, *shape: int, classes: int) -> Array:
        """Class indices."""
        return np.asarray(self.rng.integers(0, classes, shape))

    def probabilities(self, *shape: int) -> Array:
        """Positive rows that sum to 1."""
        p = self(*shape, low=0.2, high=1.0)
        return np.asarray(p / p.sum(-1, keepdims=True))
