"""A forward of PyTorch recorded as a graph: beside each tensor, a Tensor of the same values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...autograd.tensor import Tensor
from ...kernels import Array
from ..truth.tolerances import ALIKE
from .canvas import Canvas


class UnknownError(Exception):
    """A step of the forward that is not recorded: then none is."""


# What PyTorch calls otherwise.
_NAMES = {
    "mul": "multiply", "sub": "subtract", "div": "divide", "true_divide": "divide",
    "neg": "negative", "pow": "power", "absolute": "abs", "mm": "matmul",
    "bmm": "matmul", "mv": "matmul", "permute": "transpose", "transpose": "swapaxes",
    "cat": "concatenate", "clamp": "clip",
    "__getitem__": "getitem", "amax": "max", "amin": "min", "ger": "outer", "atan": "arctan",
    "max_pool2d_with_indices": "max_pool2d", "inverse": "inv", "vector_norm": "norm",
}  # fmt: skip
_WORDS = {"dim": "axis", "keepdim": "keepdims", "dims": "axis", "p": "ord"}
# What says nothing of the values.
_LEFT_OUT = {"_stacklevel", "inplace", "dtype", "return_indices", "out"}
# They only say in which shape, or where, the values are kept.
_SHAPES = {"view", "view_as", "reshape", "reshape_as", "flatten", "squeeze", "unsqueeze", "ravel"}
_SAME = {
    "detach", "clone", "contiguous", "double", "to", "type", "type_as", "requires_grad_", "data",
    "expand", "expand_as", "broadcast_to",
}  # fmt: skip
# What does not depend on the values, or in steps only.
_CONSTANT = {
    "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros",
    "new_ones", "new_full", "new_empty", "new_tensor", "sign", "sgn", "round", "floor", "ceil",
    "bernoulli", "heaviside",
}  # fmt: skip
_OTHERS: dict[str, Callable[..., Any]] = {
    "rsqrt": lambda x: x**-0.5,
    "addmm": lambda b, x, w: b + x @ w,
    "clamp_min": ops.clip,
    "clamp_max": lambda x, most: ops.clip(x, None, most),
    "index_add": lambda x, axis, index, added: (
        x + (added.swapaxes(axis, -1) @ np.eye(x.shape[axis])[index]).swapaxes(axis, -1)
    ),
    "T": lambda x: x.T,
    "mT": lambda x: x.swapaxes(-1, -2),
    "t": lambda x: x.T,
    "masked_fill": lambda x, mask, value: ops.where(mask, value, x),
}


class Twins:
    """The Tensors beside tensors.

    Each operation's result is compared with that of PyTorch's, so what is not the same under the
    same name is not recorded.
    """

    def __init__(self, known: dict[int, tuple[Any, Tensor]]) -> None:
        self._known = dict(known)  # by the id of the tensor, which is kept alive

    def tensor(self, x: Any) -> Any:
        """A tensor of an array, or beside a Tensor; what is neither as it is."""
        import torch

        if not isinstance(x, (np.ndarray, Tensor)):
            return x
        array = np.array(x._array if isinstance(x, Tensor) else x)
        made = torch.from_numpy(array.astype(float) if array.dtype.kind == "f" else array)
        self._note(made, x)
        return made

    def of(self, x: Any) -> Any:
        """The Tensor beside a tensor, or its values as an array; everything else as it is."""
        import torch

        if isinstance(x, (list, tuple)):
            return type(x)(map(self.of, x))
        if not isinstance(x, torch.Tensor):
            return x
        values = x.detach().numpy()
        if id(x) not in self._known:
            return values.copy()
        return _agreeing(self._known[id(x)][1], values)

    def recording(self) -> Any:
        """A context inside which what PyTorch computes is done beside it."""
        from torch.overrides import TorchFunctionMode

        seen = self._seen

        class Recording(TorchFunctionMode):
            def __torch_function__(
                self, function: Any, _types: Any, args: Any = (), named: Any = None
            ) -> Any:
                return seen(function, args, named or {})

        return Recording()

    def _seen(self, function: Any, args: Any, named: Any) -> Any:
        import torch

        name = function.__name__
        name = function.__self__.__name__ if name == "__get__" else name  # x.T
        given, options = self.of(tuple(args)), {n: self.of(x) for n, x in named.items()}
        if name == "numpy" and isinstance(given[0], Tensor):  # and back, somewhere below
            return Canvas(given[0])
        arrays = [getattr(x.now, "_array", x.now) if isinstance(x, Canvas) else x for x in args]
        y = function(*arrays, **named)
        if isinstance(args[-1], Canvas):  # as_tensor, new_tensor
            self._note(y, args[-1].now)
            return y
        if name == "__setitem__":
            canvas = Canvas(given[0])
            canvas[given[1]] = given[2]
            self._note(args[0], canvas.now)
            return y
        parts = [t for t in _several(y) if torch.is_tensor(t) and t.is_floating_point()]
        if parts and name not in _CONSTANT and _is_recorded([*given, *options.values()]):
            arrays = [t.detach().numpy() for t in parts]
            try:
                twins = [_agreeing(_done(name, given, options, a), a) for a in arrays]
            except Exception:  # what has no counterpart here may only move entries
                twins = self._moved(function, args, named, arrays)
            for part, twin in zip(parts, twins, strict=True):
                self._note(part, twin)
        return y

    def _moved(self, function: Any, args: Any, named: Any, found: list[Array]) -> list[Any]:
        """What gathers entries, unfolds or splits: it does so with their numbers, too."""
        import torch

        [k] = [k for k, x in enumerate(args) if id(x) in self._known]
        x, places = self.of(args[k]), torch.arange(1.0, args[k].numel() + 1, dtype=torch.float64)
        moved = function(*args[:k], places.reshape(args[k].shape), *args[k + 1 :], **named)
        moved = [t.numpy().astype(int) for t in _several(moved)]
        taken = [x[np.unravel_index(abs(n - (n > 0)), x.shape)] for n in moved]
        taken = [y if n.all() else y * (n > 0) for y, n in zip(taken, moved, strict=True)]
        return [_agreeing(y, array) for y, array in zip(taken, found, strict=True)]

    def _note(self, x: Any, twin: Any) -> None:
        if isinstance(twin, Tensor):
            self._known[id(x)] = x, twin


def _done(name: str, given: Any, options: dict[str, Any], y: Array) -> Any:
    """What the library's operation gives for what PyTorch calls so, and where it gave ``y``."""
    if name[-1] == "_" and name[-2:] != "__":  # in place
        name = name[:-1]
    if name in _SHAPES:
        return given[0].reshape(*y.shape)
    if name in _SAME:
        return ops.broadcast_to(given[0], y.shape)
    name = name.removeprefix("linalg_")
    if name[:3] == "__r":  # of a number and a tensor
        name, given = name.strip("_")[1:], given[::-1]
    if name == "dropout":
        x = given[0]
        return x * np.divide(y, x.data, out=np.zeros(y.shape), where=x.data != 0)
    if name in ("max", "min") and len(given) > 1 and np.ndim(given[1]):
        name += "imum"
    options = {_WORDS.get(n, n): x for n, x in options.items() if n not in _LEFT_OUT}
    if name in ("var", "std") and "correction" not in options:
        options["ddof"] = int(options.pop("unbiased", True))
    if name == "norm" and options.get("ord") in (2, "fro"):  # of all entries, or of vectors
        del options["ord"]
    f = _OTHERS.get(name) or getattr(ops, _NAMES.get(name, name), None)
    if f is None:
        raise UnknownError(name)
    return f(*map(_listless, given), **{n: _listless(x) for n, x in options.items()})


def _several(x: Any) -> Any:
    return x if isinstance(x, (list, tuple)) else [x]


def _listless(x: Any) -> Any:
    """Several axes as a tuple."""
    return tuple(x) if isinstance(x, list) and all(isinstance(k, int) for k in x) else x


def _is_recorded(x: Any) -> bool:
    return isinstance(x, Tensor) or (isinstance(x, (list, tuple)) and any(map(_is_recorded, x)))


def _agreeing(twin: Any, values: Any) -> Any:
    """A Tensor that has these values; a view that was changed, or another operation, has not."""
    mine = twin.data if isinstance(twin, Tensor) else np.asarray(twin)
    if mine.shape != values.shape or not np.allclose(mine, values, ALIKE, ALIKE, equal_nan=True):
        raise UnknownError
    return twin
