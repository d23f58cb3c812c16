"""A call of an operation, recorded twice, as it is written into a file of ONNX.

A model is recorded with two sizes of the batch. What is equal in both recordings is a constant; a
size, or a number, that differs is written as ``a n + c``, with n the size that the file is given.
"""

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from ...errors import ArgumentError
from ...graph.recorded.arguments import bound
from ...kernels import Array
from ...messages import _


def array(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return getattr(x, "_array", x)


class File:
    """What is to be written, and the names of the arrays of both recordings in it."""

    def __init__(self, opset: int, batches: Sequence[int], batch: tuple[str, int]) -> None:
        self.opset, self.batches = opset, batches
        self.batch = batch  # the input, and its axis, with the size of the batch
        self.nodes, self.constants = list[Any](), list[Any]()
        self.names = dict[int, tuple[str, Any]]()  # by id, and keeps the array alive
        self.taken = collections.Counter[str]()

    def know(self, arrays: Iterable[Array], name: str) -> None:
        """Give arrays a name."""
        self.names.update((id(x), (name, x)) for x in arrays)

    def free(self, base: str) -> str:
        """A name that nothing has yet."""
        self.taken[base] += 1
        return base if self.taken[base] == 1 else f"{base}_{self.taken[base] - 1}"

    def constant(self, value: Any, base: str) -> str:
        """Write a constant."""
        name = self.free(base)
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(self, base: str, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Write a node; its name is that of its (first) output, too."""
        name = self.free(base)
        outputs = [name, f"{name}/places"] if kind == "TopK" else [name]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name, **attributes))
        return name


class Call:
    """A call in both recordings: ``c[name]`` is an argument, ``c.value(name)`` its name."""

    def __init__(self, file: File, nodes: Sequence[Any]) -> None:
        self.file, self.nodes = file, nodes
        self.ys: list[Array] = [node._array for node in nodes]
        self.y, self.dtype = self.ys[0], self.ys[0].dtype
        self.arguments = [bound(node) for node in nodes]
        self.operation: str = nodes[0]._op.name
        where = nodes[0]._where
        self.module = getattr(where, "module", where)  # tg.debug notes more than the module
        self.base = f"{getattr(self.module, 'path', '')}/{self.operation}".removeprefix("/")

    def refusal(self, text: str, **values: Any) -> ArgumentError:
        """An error that says in which layer it is."""
        error = ArgumentError(text, **values)
        error.locate(self.operation, self.nodes[0]._inputs, {}, self.module)
        return error

    def _differ(self, a: Any, b: Any) -> ArgumentError:
        n, m = self.file.batches
        text = _("{a} for {n} examples and {b} for {m}, where ONNX has a constant: compute it with "
                 "Tensors, without .data, NumPy and chance; or, if it is their number that it "
                 "follows, write a file for one size, batch_axis=None")  # fmt: skip
        if n == m:
            text = _("a constant depends on the numbers of the input, or on chance, {a} or {b}: "
                     "compute with Tensors, without .data, NumPy and float")  # fmt: skip
        return self.refusal(text, a=a, b=b, n=n, m=m)

    def __getitem__(self, name: str) -> Any:
        a, b = (arguments[name] for arguments in self.arguments)
        if not np.array_equal(a, b):
            raise self._differ(f"{name} = {a}", b)
        return a

    def both(self, name: str) -> list[Any]:
        """An argument as an array, in both recordings."""
        return [array(arguments[name]) for arguments in self.arguments]

    def value(self, name: str, dtype: Any = None) -> str:
        """The name of an argument in the file, as numbers of a dtype; "" for None."""
        return self.of(self.both(name), dtype)

    def values(self, name: str, dtype: Any = None) -> list[str]:
        """The same of each array in a list of them."""
        lists = [arguments[name] for arguments in self.arguments]
        return [self.of(pair, dtype) for pair in zip(*lists, strict=True)]

    def of(self, pair: Sequence[Any], dtype: Any = None) -> str:
        """The name of what both recordings have."""
        a, b = map(array, pair)
        if a is None:
            return ""
        name, other = (self.file.names.get(id(x), ("", None))[0] for x in (a, b))
        if name != other:
            raise self._differ(name, other)
        if not name:
            return self.number(pair, dtype)
        return name if dtype is None or a.dtype == dtype else self.cast(name, dtype)

    # --- what is written -----------------------------------------------------------------

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node under the name of the operation and of its module."""
        while inputs and not inputs[-1]:  # left out
            inputs = inputs[:-1]
        return self.file.node(self.base, kind, inputs, **attributes)

    def cast(self, x: str, dtype: Any) -> str:
        """Write the same in another dtype."""
        return self.node("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Write a constant."""
        return self.file.constant(np.asarray(value, dtype), f"{self.base}/constant")

    def number(self, pair: Sequence[Any], dtype: Any = np.int64) -> str:
        """Write numbers of both recordings, such as sizes, that may follow the batch."""
        a, b = (np.asarray(array(x), dtype) for x in pair)
        (n, m), (x, axis) = self.file.batches, self.file.batch
        if a.shape != b.shape:  # zeros for each example, say
            if a.size and b.size and a.ndim == b.ndim:
                same = np.equal(a.shape, b.shape)
                one = a[tuple(slice(None if whole else 1) for whole in same)]
                if (a == one).all() and (b == one).all():
                    return self.node("Expand", self.constant(one), self.number([a.shape, b.shape]))
            raise self._differ(_("an array {shape}", shape=a.shape), b.shape)
        if np.array_equal(a, b):
            return self.constant(a)
        if n == m:
            raise self._differ(a.ravel()[:1], b.ravel()[:1])
        slope = ((b - a) / (m - n)).astype(a.dtype)
        size = self.node("Gather", self.node("Shape", x), self.constant(axis))
        y = self.node("Mul", self.cast(size, a.dtype), self.constant(slope))
        return self.node("Add", y, self.constant(a - n * slope, a.dtype))

    def reshaped(self, x: str, shapes: Sequence[Sequence[int]] | None = None) -> str:
        """Reshape to the shape of the result, or to another."""
        a, b = np.array([y.shape for y in self.ys] if shapes is None else shapes, np.int64)
        if a.all() and np.sum(a != b) == 1:  # the one that follows the batch is left open
            a = b = np.where(a == b, a, -1)
        return self.node("Reshape", x, self.number([a, b]), allowzero=int(not a.all()))
