"""A model and the inputs that it is called with: as given, in other numbers, with other numbers."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
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
        self.model, self.named = model, isinstance(example, dict)
        names = [
            name for name, parameter in inspect.signature(model.forward).parameters.items()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]  # fmt: skip
        given = example if isinstance(example, (dict, tuple)) else (example,)
        if not isinstance(given, dict):
            names += [f"input_{i}" for i in range(len(names), len(given))]
            given = dict(zip(names, given, strict=False))
        floating = next((p.dtype for p in model.parameters()), None)
        self.arrays: dict[str, Array] = {}
        for name, x in given.items():
            x = np.asarray(x.data if isinstance(x, Tensor) else x)
            self.arrays[name] = x.astype(floating) if floating and x.dtype.kind == "f" else x
        self.axis = axis or 0
        lengths = {
            name: x.shape[self.axis]
            for name, x in self.arrays.items()
            if axis is not None and -x.ndim <= axis < x.ndim
        }
        n = next(iter(lengths.values()), 0)
        self.batched = [name for name, length in lengths.items() if length == n]
        if axis is not None and not n:
            raise ArgumentError(
                "no input has an example along the axis {axis}: give one, or batch_axis=None",
                axis=axis,
            )
        self.recorded, self.tried = (RECORDED, TRIED) if n else ((0, 0), (0, 0))

    def drawn(self, n: int, draw: int) -> dict[str, Array]:
        """N examples made of the numbers of the example; of any, where it has only one.

        Draws 0 and 1, and 2 and 3, have no number in common at the same place.
        """
        rng, drawn = np.random.default_rng(draw // 2), {}
        for name, x in self.arrays.items():
            values, shape = np.unique(x), list(x.shape)
            if len(values) < 2:
                one = x.flat[0] if x.size else 0
                around = one * rng.uniform(0.5, 1.5, 99) if one else rng.normal(size=99)
                values = around if x.dtype.kind == "f" else np.arange(2)
            if name in self.batched:
                shape[self.axis] = n
            places = rng.integers(len(values), size=shape) + draw % 2 * -(-len(values) // 2)
            drawn[name] = np.asarray(values[places % len(values)], x.dtype)
        return drawn

    def call(self, arrays: Mapping[str, Array]) -> tuple[dict[str, Tensor], Any]:
        """The inputs as Tensors, and what the model makes of them."""
        tensors = {name: Tensor(x) for name, x in arrays.items()}
        if self.named:
            return tensors, called(self.model, recording=True, **tensors)[0]
        return tensors, called(self.model, *tensors.values(), recording=True)[0]


def outputs(y: Any, name: str = "output") -> Iterator[tuple[str, Tensor]]:
    """The Tensors that a model returns, by name."""
    if isinstance(y, Tensor):
        yield name, y
    elif isinstance(y, (tuple, list, dict)):
        for key, part in y.items() if isinstance(y, dict) else enumerate(y):
            yield from outputs(part, f"{name}_{key}")
    elif y is not None:
        raise ArgumentError(
            "ONNX takes models that return Tensors, not {kind}", kind=type(y).__name__
        )


def compare(made: Any, examples: Examples) -> None:
    """Refuse a file that is not valid, or computes something else than the model."""
    for draw, n in enumerate(examples.tried, 2):
        given = examples.drawn(n, draw)
        expected = dict(outputs(examples.call(given)[1]))
        try:
            onnx.checker.check_model(made, full_check=True)
            results = _run(made, given)
        except Exception as error:
            raise ArgumentError(
                "ONNX does not take it so, or not with {n} examples: {error}", n=n, error=error
            ) from error
        for (name, y), result in zip(expected.items(), results, strict=True):
            if not _agree(result, y.data):
                raise ArgumentError(
                    "the file would give another {name} than the model for other numbers, or for "
                    "{n} examples: forward computes outside of the graph (.data, NumPy, float), "
                    "or decides by the numbers. Nothing is written",
                    name=name, n=n,
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
        where = {"providers": ["CPUExecutionProvider"]}
        session = onnxruntime.InferenceSession(made.SerializeToString(), options, **where)
    except Exception:  # not installed, or an operation is not there for this dtype
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(made)
    return session.run(None, given)
