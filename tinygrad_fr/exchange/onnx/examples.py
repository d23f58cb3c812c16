"""A model with inputs of any number of examples, and whether a file computes what it does."""

import inspect
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from ...autograd.engine import Node
from ...autograd.guards.conversion import as_data
from ...autograd.modes import switch
from ...autograd.tensor import Tensor
from ...checks import kind
from ...errors import ArgumentError, DTypeError
from ...graph.recorded.arguments import call
from ...kernels import Array
from ...messages import _
from ...nn.module import Module
from ...nn.summary import called
from .calls import array

RECORDED = 2, 3  # the sizes of the batch that are recorded: one example would broadcast
# The sizes, and factors of the numbers, with which a file is compared with the model. A model may
# refuse one example, and numbers unlike the usual: these are for what it decides by their size.
TRIED = (1, 1.0), (5, 1.0), (5, 0.1), (5, -1.0), (5, 3.0), (5, 30.0), (37, 1.0)
# How far a file's numbers may be from the model's, relative to the largest: what another order of
# summation does in networks of some depth.
ROUNDING = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-7}


class Examples:
    """A model and its inputs by name, with any number of examples."""

    def __init__(self, model: Callable[..., Any], example: Any, axis: int | None) -> None:
        foreign = hasattr(model, "state_dict") and not isinstance(model, Module)
        if foreign or not callable(model):
            library = f"{type(model).__module__}." if foreign else ""
            raise DTypeError(
                "to_onnx takes a Module or a function, not {kind}; exchange.from_torch makes a "
                  "Module of one of PyTorch's", kind=library + kind(model),
            )  # fmt: skip
        if not isinstance(model, Module):
            function, model = model, Module()
            model.forward = function  # type: ignore[method-assign]
        self.model, self.axis, self.named = model, axis or 0, isinstance(example, dict)
        if not self.named:
            given = example if isinstance(example, tuple) else (example,)
            names = list(inspect.signature(model.forward).parameters)
            names += [f"input_{i}" for i in range(len(names), len(given))]
            example = dict(zip(names, given, strict=False))
        dtype = next((p.dtype for p in model.parameters()), None)
        self.arrays = {name: as_data(array(x), None, False) for name, x in example.items()}
        for name, x in self.arrays.items():
            self.arrays[name] = x.astype(dtype) if dtype and x.dtype.kind == "f" else x
        sizes = {name: x.shape[self.axis] for name, x in self.arrays.items() if x.ndim > self.axis}
        n = next(iter(sizes.values()), 0)
        if axis is not None and not n:
            raise ArgumentError(
                "no input has an example along the axis {axis}: give one, or batch_axis=None",
                axis=axis,
            )
        self.batched = [name for name in sizes if sizes[name] == n and axis is not None]

    def sizes(self, *wanted: int) -> tuple[int, ...]:
        """Sizes of the batch; 0, for none, where it is fixed."""
        return wanted if self.batched else (0,) * len(wanted)

    def drawn(self, n: int, draw: int, factor: float = 1.0) -> dict[str, Array]:
        """Inputs with n examples, of the numbers of the example; of any, where it has only one.

        Integers are those of other examples in the same place, such as the classes of a column.
        Draws 0 and 1, and 2 and 3, have few numbers in common at the same place.
        """
        rng, drawn, axis = np.random.default_rng(draw // 2), {}, self.axis
        for name, x in self.arrays.items():
            shape, real, batched = list(x.shape), x.dtype.kind == "f", name in self.batched
            by_place = batched and not real and (x != x.take([0], axis)).any()
            values = np.sort(x, axis) if by_place else np.unique(x)
            if values.size < 2 and real:
                values = x.flat[0] * rng.uniform(0.5, 1.5, 99) if x.any() else rng.normal(size=99)
            elif values.size < 2:
                values = np.arange(2)
            if batched:
                shape[axis] = n
            count = x.shape[axis] if by_place else len(values)
            places = (rng.integers(count, size=shape) + draw % 2 * -(-count // 2)) % count
            y = np.take_along_axis(values, places, axis) if by_place else values[places]
            drawn[name] = np.asarray(y * factor if real else y, x.dtype)
        return drawn

    def call(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The inputs as Tensors, and what the model makes of them."""
        inputs = {name: Tensor(x.copy()) for name, x in arrays.items()}
        args, options = ((), inputs) if self.named else (inputs.values(), {})
        with switch(everything=True):
            y = called(self.model, *args, recording=True, **options)[0]
        outputs: dict[str, Tensor] = {}
        for name, part in _outputs(y):
            while name in outputs:  # {"a": {"b": y}, "a_b": z}
                name += "_"
            outputs[name] = part
        return inputs, outputs


def _outputs(y: Any, name: str = "output") -> Iterator[tuple[str, Tensor]]:
    """The Tensors that a model returns, by name."""
    if isinstance(y, Tensor):
        yield name, y
    elif isinstance(y, (tuple, list, dict)):
        for key, part in y.items() if isinstance(y, dict) else enumerate(y):
            yield from _outputs(part, f"{name}_{key}")
    elif y is not None:
        raise ArgumentError("ONNX takes models that return Tensors, not {kind}", kind=kind(y))


def order(tensors: Iterable[Any], known: Container[int] = ()) -> list[Any]:
    """The calls that Tensors were made by, in the order of computation, up to known arrays."""
    found: dict[int, Any] = {}
    waiting = list(tensors)
    while waiting:
        x = waiting.pop()
        if isinstance(x, (list, tuple)):
            waiting.extend(x)
        elif isinstance(x, Node) and x._op and id(x._array) not in known:
            if id(x) not in found:
                waiting.extend([call(x)[0], list(call(x)[1].values())])
            found[id(x)] = x
    return sorted(found.values(), key=lambda node: node._rank)


def compare(made: Any, examples: Examples) -> None:
    """Refuse a file that is not valid, or computes something else than the model."""
    draws = list(_draws(examples))
    try:
        onnx.checker.check_model(made, full_check=True)
        session = _session(made)
        results = [session.run(None, given) for given, _y, _usual in draws]
    except Exception as error:
        raise ArgumentError("ONNX does not take it so: {error}", error=error) from error
    for (_given, expected, usual), outputs in zip(draws, results, strict=True):
        for (name, y), result in zip(expected.items(), outputs, strict=True):
            if not _agree(result, y.data, usual):
                raise ArgumentError(
                    "the file would give another {name} than the model for other numbers, or "
                    "another number of examples: forward computes outside of the graph (.data, "
                    "NumPy, float), or decides by the numbers. Nothing is written", name=name,
                )  # fmt: skip


def _draws(examples: Examples) -> Iterator[tuple[dict[str, Array], dict[str, Tensor], bool]]:
    """Inputs, what the model makes of them, and whether they are like the example."""
    steps: dict[int, list[Any]] = {}
    for draw, (size, factor) in enumerate(TRIED, 2):
        (n,), usual = examples.sizes(size), factor == 1
        given = examples.drawn(n, draw, factor)
        try:
            with np.errstate(all=None if usual else "ignore"):
                y = examples.call(given)[1]
        except Exception:
            if usual and n != 1:
                raise
            continue
        if usual or all(np.isfinite(part.data).all() for part in y.values()):
            taken = [node._op for node in order(y.values())]
            if steps.setdefault(n, taken) != taken:
                raise other_steps(n, n)
            yield given, y, usual


def other_steps(n: int, m: int) -> ArgumentError:
    """The error for a forward that decides by its input."""
    if n == m:
        return ArgumentError(
            "forward takes other steps for other numbers, and a file of ONNX has the same for "
            "all: it decides by .data, float or a comparison. Nothing is written"
        )
    return ArgumentError(
        "forward takes other steps for {n} examples than for {m}, and a file of ONNX has "
        "the same for all: batch_axis=None writes one for one size, and for sequences "
        "(T, N, ...) batch_axis=1", n=n, m=m,
    )  # fmt: skip


def _agree(result: Array, y: Array, usual: bool) -> bool:
    if not usual and y.dtype.kind != "f":
        return True  # far from the usual a class may change by rounding
    if y.dtype.kind != "f" or result.shape != y.shape:
        return np.array_equal(result, y)
    largest = float(np.abs(y[np.isfinite(y)]).max(initial=0))
    room = ROUNDING[str(y.dtype)] * (largest if usual else 100 * largest + 1)
    return np.allclose(result, y, 0, room, equal_nan=True)


def _session(made: Any) -> Any:
    """What runs a file: ONNX Runtime, if it is there and has the operations."""
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        data, where = made.SerializeToString(), ["CPUExecutionProvider"]
        return onnxruntime.InferenceSession(data, options, providers=where)
    except Exception as error:  # not installed, or an operation is not there for this dtype
        if not isinstance(error, ImportError):
            text = _(
                "ONNX Runtime does not run this file, other programs may: {error}. It has few "
                "operations of float64, and a constant of NumPy is of float64: give it the dtype "
                "of x, np.asarray(c, x.dtype)", error=error,
            )  # fmt: skip
            warnings.warn(text, stacklevel=4)
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(made)
