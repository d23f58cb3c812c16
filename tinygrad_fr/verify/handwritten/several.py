"""Layers of several outputs at which gradients arrive: an LSTM's step, ``(h, c, cache)``."""

# ruff: noqa: D102 - Subject says what the methods are

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ShapeError
from ...kernels import Array
from ...messages import _
from ...ops import concatenate
from ..truth.differences import signed
from .calls import as_upstream
from .canvas import plain
from .gradients import gradients_of
from .parts import Handwritten
from .reading import settle
from .unrolled import Unrolled, driven
from .wiring import wired


class Together(Unrolled):
    """A layer of several outputs, as a pair of functions whose one output has all their entries."""

    def duplicate(self) -> "Together":
        return Together(self.cell, self.wiring)

    def forward(self, x: Any, rest: Mapping[str, Any]) -> tuple[Any, Any]:
        values = {**rest, "input": x}
        return concatenate([plain(y).reshape(-1) for y in self.outputs(values)]), values

    def outputs(self, values: Mapping[str, Any]) -> list[Any]:
        """The results at which gradients arrive, in the order in which the backward takes them."""
        results, labels = self._step(values), self.cell.template.returned("forward")
        for label, y in zip(labels, map(plain, results), strict=False):
            if label and label not in values and isinstance(y, Tensor) and y.name is None:
                y.named(label)
        return [results[k] for k in self.wiring.given.values()]

    def backward(self, upstream: Array, cache: Any) -> dict[str, Any]:
        self._arguments(cache)
        shapes = [np.shape(y) for y in self.outputs(cache)]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = zip(np.split(upstream, ends[:-1]), shapes, strict=True)
        found = [part.reshape(shape) for part, shape in parts]
        given = dict(zip(self.wiring.given, found, strict=True))
        call = gradients_of(self.cell, cache, found[0], upstreams=given)
        if call.failed is not None:
            raise call.failed
        return {n: call.gradients.get(n) for n in ("input", *self.cell.values)}


def together(cell: Handwritten, rng: np.random.Generator) -> Handwritten:
    """The layer with one output of all that gradients arrive at; itself if that is one alone."""
    if not cell.several_upstreams or cell.is_loss:
        return cell
    copy = cell.placed(cell.values)
    output = cell.forward(copy, cell.values)
    labels = cell.template.returned("forward")
    wiring = wired(cell, ({}, list(labels), False))
    shapes = [output.shape, *copy.kept]
    numbers = list(wiring.given.values())
    if len(set(numbers)) < len(numbers) or any(shapes[k : k + 1] in ([], [None]) for k in numbers):
        return cell
    upstream = signed(rng, output.shape)
    settle(cell, upstream, rng)
    cell.forget_constants(gradients_of(cell, cell.values, upstream).gradients)
    x = cell.values.get("input", cell.arguments[cell.main])
    return driven(Together(cell, wiring), x, cell.values)


def upstream_of(subject: Handwritten, upstream: Any, output: Array) -> Array:
    """The upstream gradient that was asked for, or a tuple of one for each output."""
    pair = subject.template
    if not isinstance(pair, Together) or not isinstance(upstream, tuple):
        return as_upstream(upstream, output.shape)
    outputs = pair.outputs({"input": subject.arguments["x"], **subject.values})
    if len(upstream) != len(outputs):
        text = _("upstream has {got} gradients, the layer {wanted} outputs that one arrives at")
        raise ShapeError(text, got=len(upstream), wanted=len(outputs))
    parts = [as_upstream(u, np.shape(y)) for u, y in zip(upstream, outputs, strict=True)]
    return np.concatenate([part.ravel() for part in parts])
