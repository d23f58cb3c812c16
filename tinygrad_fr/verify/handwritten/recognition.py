"""Which operations a layer computes: known layers in the layouts in which courses write them.

A candidate is a function of the layer's values made of the library's operations. One that gives
the layer's own output, on its values and on others, stands for it: its recorded graph is where
mistakes can be tried, and its gradient the whole of what finite differences only sample.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ... import ops
from ...kernels import Array

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


def recognised(
    points: list[Mapping[str, Array]], outputs: list[Array], constants: Mapping[str, Any]
) -> Candidate | None:
    """The first candidate that gives the outputs at all points; None if there is none.

    Parameters
    ----------
    points
        The layer's values, by name: ``input`` and its parameters.
    outputs
        What it gives for them.
    constants
        Its other arguments, such as the targets of a loss.
    """
    candidates = _candidates(points[0], outputs[0], constants)
    for candidate in itertools.islice(candidates, MOST):
        if all(_gives(candidate, p, y) for p, y in zip(points, outputs, strict=True)):
            return candidate
    return None


def _gives(candidate: Candidate, values: Mapping[str, Array], wanted: Array) -> bool:
    try:
        with np.errstate(all="ignore"):
            y = np.asarray(candidate(values))
    except Exception:  # the shapes say that it is another layer
        return False
    scale = float(np.abs(wanted).max(initial=1e-300))
    return y.shape == wanted.shape and bool((np.abs(y - wanted) <= 1e-9 * scale).all())


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


def _as_nchw(x: Any, layout: str) -> Any:
    if layout == "HW":
        return x.reshape(1, 1, *x.shape)
    if layout == "HWC":
        return x.transpose(2, 0, 1).reshape(1, x.shape[2], *x.shape[:2])
    if layout == "CHW":
        return x.reshape(1, *x.shape)
    if layout == "NHW":
        return x.reshape(x.shape[0], 1, *x.shape[1:])
    return x.transpose(0, 3, 1, 2) if layout == "NHWC" else x


def _from_nchw(y: Any, layout: str) -> Any:
    n, c, h, w = y.shape
    shapes = {
        "HW": lambda: y.reshape(h, w), "CHW": lambda: y.reshape(c, h, w),
        "HWC": lambda: y.reshape(c, h, w).transpose(1, 2, 0), "NHW": lambda: y.reshape(n, h, w),
        "NHWC": lambda: y.transpose(0, 2, 3, 1), "NCHW": lambda: y,
    }  # fmt: skip
    return shapes[layout]()


_LAYOUTS = {2: ("HW",), 3: ("HWC", "CHW", "NHW"), 4: ("NCHW", "NHWC")}
_KERNELS: dict[int, tuple[Callable[[Any], Any], ...]] = {
    2: (lambda k: k.reshape(1, 1, *k.shape),),
    3: (
        lambda k: k.reshape(k.shape[0], 1, *k.shape[1:]),
        lambda k: k.reshape(1, *k.shape),
        lambda k: k.transpose(2, 0, 1).reshape(k.shape[2], 1, *k.shape[:2]),
        lambda k: k.transpose(2, 0, 1).reshape(1, k.shape[2], *k.shape[:2]),
    ),
    4: (
        lambda k: k,
        lambda k: k.transpose(3, 2, 0, 1),
        lambda k: k.transpose(0, 3, 1, 2),
        lambda k: k.transpose(1, 0, 2, 3),
    ),
}


def _convolutions(
    x: Array, kernel: Array, w: str, b: str | None, output: Array
) -> Iterator[Candidate]:
    outs = _LAYOUTS.get(output.ndim, ())
    for layout, kernels, out in itertools.product(
        _LAYOUTS.get(x.ndim, ()), _KERNELS.get(kernel.ndim, ()), outs
    ):
        images, k = _as_nchw(x, layout), kernels(kernel)
        if images.shape[1] != k.shape[1] or k.shape[2] > images.shape[2] + 4:
            continue
        for pad, stride, turned in itertools.product(
            range(max(k.shape[2:])), (1, 2, 3), (False, True)
        ):
            rows, columns = (
                (images.shape[2 + a] + 2 * pad - k.shape[2 + a]) // stride + 1 for a in (0, 1)
            )
            if rows * columns * k.shape[0] * images.shape[0] != output.size:
                continue

            yield functools.partial(_convolved, w, b, layout, kernels, out, (stride, pad), turned)


def _pooling(shape: tuple[int, ...], out: tuple[int, ...]) -> Iterator[Candidate]:
    for layout, size, stride, kind in itertools.product(
        _LAYOUTS.get(len(shape), ()), (2, 3, 4), (None, 1, 2), (ops.max_pool2d, ops.avg_pool2d)
    ):
        yield functools.partial(_pooled, kind, layout, size, stride)


def _convolved(
    w: str, b: str | None, layout: str, kernels: Any, out: str, geometry: tuple[int, int],
    turned: bool, v: Mapping[str, Any],
) -> Any:  # fmt: skip
    k = kernels(v[w])
    y = ops.conv2d(
        _as_nchw(v["input"], layout), k[..., ::-1, ::-1] if turned else k, None, *geometry
    )
    if b is not None:  # one bias per filter, or one per entry of the output
        y = y + (v[b] if v[b].ndim == 3 else v[b].reshape(-1, 1, 1))
    return _from_nchw(y, out)


def _pooled(kind: Any, layout: str, size: int, stride: Any, v: Mapping[str, Any]) -> Any:
    return _from_nchw(kind(_as_nchw(v["input"], layout), size, stride), layout)


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
