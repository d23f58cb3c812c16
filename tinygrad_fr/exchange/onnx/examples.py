"""A model with inputs of any number of examples, and whether a file computes what it does."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from ...autograd.tensor import Tensor
from ...errors import ArgumentError, DTypeError
from ...kernels import Array
from ...nn.module import Module
from ...nn.summary import called

RECORDED = 2, 3  # the sizes of the batch that are recorded: one example would broadcast
TRIED = 1, 5  # those with which a file is compared with the model
# How far a file's numbers may be from the model's, relative to the largest: what another order of
# summation does in networks of some depth.
ROUNDING = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-7}


class Examples:
    """A model and its inputs by name, with any number of examples."""

    def __init__(self, model: Module, example: Any, axis: int | None) -> None:
        if not isinstance(model, Module):
            raise DTypeError("to_onnx takes a Module, not {kind}", kind=type(model).__name__)
        self.model, self.named = model, isinstance(example, dict)
        if not self.named:
            given = example if isinstance(example, tuple) else (example,)
            names = list(inspect.signature(model.forward).parameters)
            names += [f"input_{i}" for i in range(len(names), len(given))]
            example = dict(zip(names, given, strict=False))
        dtype = next((p.dtype for p in model.parameters()), None)
        self.arrays: dict[str, Array] = {}
        for name, x in example.items():
            x = np.asarray(getattr(x, "_array", x))
            self.arrays[name] = x.astype(dtype) if dtype and x.dtype.kind == "f" else x
        self.axis, self.batched = axis or 0, list[str]()
        self.recorded, self.tried = (0, 0), (0, 0)
        if axis is not None:
            sizes = {name: x.shape[axis] for name, x in self.arrays.items() if x.ndim > axis}
            if not (n := next(iter(sizes.values()), 0)):
                raise ArgumentError(
                    "no input has an example along the axis {axis}: give one, or batch_axis=None",
                    axis=axis,
                )
            self.batched = [name for name in sizes if sizes[name] == n]
            self.recorded, self.tried = RECORDED, TRIED

    def drawn(self, n: int, draw: int) -> dict[str, Array]:
        """Inputs with n examples, of the numbers of the example; of any, where it has only one.

        Draws 0 and 1, and 2 and 3, have no number in common at the same place.
        """
        rng, drawn = np.random.default_rng(draw // 2), {}
        for name, x in self.arrays.items():
            values, shape = np.unique(x), list(x.shape)
            if len(values) < 2 and x.dtype.kind == "f":
                values = (
                    rng.normal(size=99) if not x.any() else x.flat[0] * rng.uniform(0.5, 1.5, 99)
                )
            elif len(values) < 2:
                values = np.arange(2)
            if name in self.batched:
                shape[self.axis] = n
            places = rng.integers(len(values), size=shape) + draw % 2 * -(-len(values) // 2)
            drawn[name] = np.asarray(values[places % len(values)], x.dtype)
        return drawn

    def call(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The inputs as Tensors, and what the model makes of them."""
        inputs = {name: Tensor(x.copy()) for name, x in arrays.items()}
        args, options = ((), inputs) if self.named else (inputs.values(), {})
        return inputs, dict(_outputs(called(self.model, *args, recording=True, **options)[0]))


def _outputs(y: Any, name: str = "output") -> Iterator[tuple[str, Tensor]]:
    """The Tensors that a model returns, by name."""
    if isinstance(y, Tensor):
        yield name, y
    elif isinstance(y, (tuple, list, dict)):
        for key, part in y.items() if isinstance(y, dict) else enumerate(y):
            yield from _outputs(part, f"{name}_{key}")
    elif y is not None:
        raise ArgumentError(
            "ONNX takes models that return Tensors, not {kind}", kind=type(y).__name__
        )


def compare(made: Any, examples: Examples) -> None:
    """Refuse a file that is not valid, or computes something else than the model."""
    for draw, n in enumerate(examples.tried, 2):
        given = examples.drawn(n, draw)
        expected = examples.call(given)[1]
        try:
            onnx.checker.check_model(made, full_check=True)
            results = _run(made, given)
        except Exception as error:
            raise ArgumentError("ONNX does not take it so: {error}", error=error) from error
        for (name, y), result in zip(expected.items(), results, strict=True):
            if not _agree(result, y.data):
                raise ArgumentError(
                    "the file would give another {name} than the model for other numbers, or "
                    "another number of examples: forward computes outside of the graph (.data, "
                    "NumPy, float), or decides by the numbers. Nothing is written", name=name,
                )  # fmt: skip


def _agree(result: Array, y: Array) -> bool:
    if y.dtype.kind != "f" or result.shape != y.shape:
        return np.array_equal(result, y)
    room = ROUNDING[str(y.dtype)] * float(np.abs(y[np.isfinite(y)]).max(initial=0))
    return np.allclose(result, y, 0, room, equal_nan=True)


def _run(made: Any, given: Mapping[str, Array]) -> Any:
    """What a file computes: ONNX Runtime says, if it is there and has the operations."""
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        data, where = made.SerializeToString(), ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(data, options, providers=where)
    except Exception:  # not installed, or an operation is not there for this dtype
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(made)
    return session.run(None, given)
