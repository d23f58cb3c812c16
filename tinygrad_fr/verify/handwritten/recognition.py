"""Which operations a layer computes: known layers in the layouts in which courses write them.

A candidate is a function of the layer's values made of the library's operations. One that gives
the layer's own output, on its values and on others, stands for it: its recorded graph is where
mistakes can be tried, and its gradient the whole of what finite differences only sample.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ... import ops
from ...autograd.tensor import Tensor
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ..truth.limits import redrawn
from ..truth.tolerances import ALIKE, TINY
from .calls import StudentError
from .parts import Handwritten

# Candidates that are tried: no layer waits for more.
MOST = 3000

Candidate = Callable[[Mapping[str, Any]], Any]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "softmax": lambda z: ops.softmax(z, axis=-1),
    "softmax over columns": lambda z: ops.softmax(z, axis=0),
    "log_softmax": lambda z: ops.log_softmax(z, axis=-1),
    "leaky_relu 0.01": lambda z: ops.leaky_relu(z, 0.01),
    "leaky_relu 0.1": lambda z: ops.leaky_relu(z, 0.1),
    "leaky_relu 0.2": lambda z: ops.leaky_relu(z, 0.2),
    "elu": ops.elu,
    "elu 0.1": lambda z: ops.elu(z, 0.1),
    "softplus": ops.softplus,
    "arctan": ops.arctan,
    "sin": ops.sin,
    "square": lambda z: z * z,
    "gelu": ops.gelu,
    "silu": ops.silu,
}


class Recognised:
    """The library's operations that compute what a layer computes, if it is a known one."""

    def __init__(
        self, layer: Handwritten, rng: np.random.Generator, reference: Candidate | None = None
    ) -> None:
        self.layer = layer
        self.candidate: Candidate | None = None
        points = [layer.values, redrawn(layer.values, rng)]
        try:
            outputs = [layer.output(values) for values in points]
        except StudentError:
            return
        candidates: Iterator[Candidate] = iter(())
        if "input" in layer.values:
            candidates = _candidates(points[0], outputs[0], layer.constants)
        if reference is not None:
            candidates = itertools.chain([reference], candidates)
        for candidate in itertools.islice(candidates, MOST):
            if all(_gives(candidate, p, y) for p, y in zip(points, outputs, strict=True)):
                self.candidate = candidate
                return
        recorded = [{n: Tensor(v, requires_grad=True) for n, v in p.items()} for p in points]
        if all(_gives(layer.recorded, p, y) for p, y in zip(recorded, outputs, strict=True)):
            self.candidate = layer.recorded

    def tape(self, values: Mapping[str, Array], other: Handwritten | None = None) -> Tape | None:
        """The recorded graph for the layer's values; None where it is not known.

        Of an ``other`` layer, with other constants, only where the layer's own code was recorded.
        """
        of_its_own = self.candidate == self.layer.recorded
        if other is not None and not of_its_own:
            return None
        if self.candidate is None or (self.layer.fixed.keys() & values.keys() and not of_its_own):
            return None  # another formula knows nothing of the constants
        candidate = self.candidate if other is None else other.recorded
        y = candidate({n: Tensor(v, requires_grad=True, name=n) for n, v in values.items()})
        recorded = isinstance(y, Tensor) and y.requires_grad and bool(y._inputs)
        return Tape(y) if recorded else None


def _gives(candidate: Candidate, values: Mapping[str, Any], wanted: Array) -> bool:
    try:
        with np.errstate(all="ignore"):
            y = candidate(values)
            y = y.data if isinstance(y, Tensor) else np.asarray(y)
    except Exception:  # the shapes say that it is another layer
        return False
    scale = float(np.abs(wanted).max(initial=TINY))
    return y.shape == wanted.shape and bool((np.abs(y - wanted) <= ALIKE * scale).all())


def _candidates(
    values: Mapping[str, Array], output: Array, constants: Mapping[str, Any]
) -> Iterator[Candidate]:
    parameters = [name for name in values if name != "input"]
    if len(constants) == 1 and not parameters:
        yield from _losses(np.asarray(next(iter(constants.values()))))
    if not parameters:
        for f in ACTIVATIONS.values():
            yield _after(f, lambda x: x)
        if output.ndim >= 2:
            yield from _pooling(values["input"].shape, output.shape)
        yield lambda v: v["input"].reshape(output.shape)
    for w, b in itertools.permutations([*parameters, None], 2):
        if w is None or len([n for n in (w, b) if n]) != len(parameters):
            continue
        linear: Iterator[Candidate] = itertools.chain(
            _dense(w, b, output.shape), _convolutions(values["input"], values[w], w, b, output),
            _normalisations(w, b, values["input"].ndim),
        )  # fmt: skip
        for f in linear:
            for a in ACTIVATIONS.values():
                yield _composed(a, f)


def _composed(outer: Callable[[Any], Any], inner: Candidate) -> Candidate:
    return lambda v: outer(inner(v))


def _plus(y: Any, b: str | None, v: Mapping[str, Any]) -> Any:
    return y if b is None else y + v[b]


def _dense(w: str, b: str | None, shape: tuple[int, ...]) -> Iterator[Candidate]:
    def flat(x: Any) -> Any:
        return x.reshape(-1) if len(shape) == 1 else x.reshape(x.shape[0], -1)

    yield lambda v: _plus(v["input"] @ v[w], b, v)
    yield lambda v: _plus(v["input"] @ v[w].T, b, v)
    yield lambda v: _plus(v[w] @ v["input"], b, v)
    yield lambda v: _plus(v[w].T @ v["input"], b, v)
    yield lambda v: _plus(flat(v["input"]) @ v[w], b, v)
    yield lambda v: _plus(flat(v["input"]) @ v[w].T, b, v)
    yield lambda v: _plus(v[w] @ v["input"].reshape(-1, 1), b, v)
    yield lambda v: _plus(v["input"] * v[w], b, v)


def _normalisations(w: str, b: str | None, ndim: int) -> Iterator[Candidate]:
    if b is None:
        return
    for axes, eps in itertools.product(
        [(0,), (-1,), (0, 2, 3), (0, 1, 2)], (1e-5, 1e-8, 1e-7, 1e-6, 1e-3, 1e-10, 0.0)
    ):
        if max(axes) < ndim:

            def normalised(v: Mapping[str, Any], axes: Any = axes, eps: float = eps) -> Any:
                x = v["input"]
                n = float(np.prod([x.shape[a] for a in axes]))
                centred = x - x.sum(axes, keepdims=True) / n
                y = centred / ((centred**2).sum(axes, keepdims=True) / n + eps) ** 0.5
                shape = (1, -1, 1, 1) if axes == (0, 2, 3) else None
                gamma, beta = (v[n] if shape is None else v[n].reshape(shape) for n in (w, b))
                return y * gamma + beta

            yield normalised


# --- images ------------------------------------------------------------------------------------


# In which order courses keep the axes of images and of kernels, by the number of axes.
IMAGES = {2: ("HW",), 3: ("HWC", "CHW", "NHW"), 4: ("NCHW", "NHWC")}
KERNELS = {2: ("HW",), 3: ("OHW", "IHW", "HWO", "HWI"), 4: ("OIHW", "HWIO", "OHWI", "IOHW")}


def _to_usual(x: Any, axes: str, usual: str = "NCHW") -> Any:
    """An array in the library's order of axes; those that it lacks have length 1."""
    x = _in_order(x, [axes.index(a) for a in usual if a in axes])
    sizes = iter(x.shape)
    return (
        x
        if len(axes) == len(usual)
        else x.reshape([next(sizes) if a in axes else 1 for a in usual])
    )


def _from_usual(y: Any, axes: str) -> Any:
    """The way back; an error where an axis would be lost that is longer than 1."""
    own = [a for a in "NCHW" if a in axes]
    if len(own) < y.ndim:
        y = y.reshape([n for n, a in zip(y.shape, "NCHW", strict=True) if a in axes])
    return _in_order(y, [own.index(a) for a in axes])


def _in_order(x: Any, order: list[int]) -> Any:
    return x if order == sorted(order) else x.transpose(order)


def _convolutions(
    x: Array, kernel: Array, w: str, b: str | None, output: Array
) -> Iterator[Candidate]:
    for axes, of_kernel, out in itertools.product(
        IMAGES.get(x.ndim, ()), KERNELS.get(kernel.ndim, ()), IMAGES.get(output.ndim, ())
    ):
        images, k = _to_usual(x, axes), _to_usual(kernel, of_kernel, "OIHW")
        if images.shape[1] != k.shape[1] or k.shape[2] > images.shape[2] + 4:
            continue
        for pad, stride, turned in itertools.product(
            range(max(k.shape[2:])), (1, 2, 3), (False, True)
        ):
            rows, columns = (
                (images.shape[2 + a] + 2 * pad - k.shape[2 + a]) // stride + 1 for a in (0, 1)
            )
            if rows * columns * k.shape[0] * images.shape[0] == output.size:
                order = (axes, of_kernel, out)
                yield functools.partial(_convolved, w, b, order, (stride, pad), turned)


def _pooling(shape: tuple[int, ...], out: tuple[int, ...]) -> Iterator[Candidate]:
    for axes, size, stride, kind in itertools.product(
        IMAGES.get(len(shape), ()), (2, 3, 4), (None, 1, 2), (ops.max_pool2d, ops.avg_pool2d)
    ):
        yield functools.partial(_pooled, kind, axes, size, stride)


def _convolved(
    w: str, b: str | None, order: tuple[str, str, str], geometry: tuple[int, int], turned: bool,
    v: Mapping[str, Any],
) -> Any:  # fmt: skip
    axes, of_kernel, out = order
    k = _to_usual(v[w], of_kernel, "OIHW")
    y = ops.conv2d(
        _to_usual(v["input"], axes), k[..., ::-1, ::-1] if turned else k, None, *geometry
    )
    if b is not None:  # one bias per filter, or one per entry of the output
        y = y + (v[b] if v[b].ndim == 3 else v[b].reshape(-1, 1, 1))
    return _from_usual(y, out)


def _pooled(kind: Any, axes: str, size: int, stride: Any, v: Mapping[str, Any]) -> Any:
    return _from_usual(kind(_to_usual(v["input"], axes), size, stride), axes)


# --- losses ------------------------------------------------------------------------------------


def _losses(y: Array) -> Iterator[Candidate]:
    """Losses of a prediction and a target: entry by entry, by example, summed, averaged."""

    def one_hot(p: Any) -> Array:
        if y.dtype.kind in "iu" and y.ndim == np.ndim(p) - 1:
            return np.eye(p.shape[-1])[y]
        return y

    def cross(p: Any) -> Any:
        return -(one_hot(p) * ops.log(p))

    def binary(p: Any) -> Any:
        return -(y * ops.log(p) + (1.0 - y) * ops.log(1.0 - p))

    elementwise: list[Callable[[Any], Any]] = [
        lambda p: (p - y) * (p - y), lambda p: 0.5 * (p - y) * (p - y), lambda p: ops.abs(p - y),
        cross, binary, _composed(cross, ACTIVATIONS["softmax"]),
    ]  # fmt: skip
    for f in elementwise:
        for reduced in _REDUCTIONS:
            yield _after(reduced, f)


def _after(reduced: Callable[[Any], Any], f: Callable[[Any], Any]) -> Candidate:
    return _composed(reduced, lambda v: f(v["input"]))


_REDUCTIONS: tuple[Callable[[Any], Any], ...] = (
    lambda y: y,
    lambda y: y.sum(),
    lambda y: y.mean(),
    lambda y: y.sum(-1),
    lambda y: y.sum() / float(y.shape[0]),
    lambda y: y.mean(-1),
)
