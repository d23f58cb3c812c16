"""Mistakes in the gradient of a convolution."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ..case import Case
from .operations import closure_of, replaced
from .table import Mistake, mistake
from .ties import pair


@mistake("flipped_kernel")
def gradient_turned(case: Case) -> Iterator[Mistake]:
    text = _("the gradient of the kernel is turned by 180 degrees")
    if case.true.ndim < 2:
        return
    for plane in ((-2, -1), (0, 1)):
        if case.tape is None or any(_is(case, i, "conv2d") for i, _p in case.path):
            yield Mistake(np.flip(case.true, plane), text, {"axes": plane})


@mistake("flipped_kernel", tape=True)
def kernel_turned(case: Case) -> Iterator[Mistake]:
    backward = _("the kernel is not turned by 180 degrees in the gradient of the input")
    forward = _("this is the gradient of the convolution with the kernel turned by 180 degrees")
    for edge in case.path:
        if not _is(case, edge[0], "conv2d"):
            continue
        closure = closure_of(case, edge)
        if edge[1] == 0:
            args, kwargs = case.the_tape.static(edge[0])
            function = case.the_tape.nodes[edge[0]]._op.function
            yield replaced(case, edge, _with_turned(function, args, kwargs), backward)
        else:
            turned: Any = lambda g, *values, c=closure: c(g, *values)[..., ::-1, ::-1]  # noqa: E731
            text = _("the gradient of the kernel is turned by 180 degrees")
            yield replaced(case, edge, turned, text)
        function = case.the_tape.nodes[edge[0]]._op.function
        tape = case.the_tape.replayed(
            {edge[0]: lambda x, w, *rest, f=function, **k: f(x, w[..., ::-1, ::-1], *rest, **k)}
        )
        gradient = case.pull(tape=tape)
        if gradient is not None:
            yield Mistake(gradient, forward, {"operation": "conv2d"})


def _with_turned(function: Any, args: Any, kwargs: Any) -> Any:
    from ...autograd.transforms import vjp

    def local(g: Array, y: Array, x: Array, w: Array, *_rest: Any) -> Any:
        return vjp(lambda t: function(t, w[..., ::-1, ::-1], *args[2:], **kwargs), x)[1](g)

    return local


def _is(case: Case, i: int, operation: str) -> bool:
    return case.the_tape.operation(i) == operation


def _geometry(case: Case, i: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Stride, padding and dilation of a convolution."""
    args, kwargs = case.the_tape.static(i)
    operation = case.the_tape.nodes[i]._op
    given = {
        **operation.defaults,
        **dict(zip(operation.parameters[2:], args[2:], strict=False)),
        **kwargs,
    }
    padding = given.get("padding", 0)
    return (
        pair(given.get("stride", 1)),
        pair(0 if isinstance(padding, str) else padding),
        pair(given.get("dilation", 1)),
    )


@mistake("shifted", tape=True)
def cropped_or_not_dilated(case: Case) -> Iterator[Mistake]:
    for edge in case.path:
        if not _is(case, edge[0], "conv2d") or edge[1]:
            continue
        x, w = case.arguments(edge[0])[:2]
        stride, pad, dilation = _geometry(case, edge[0])
        if x.ndim != 4 or w.shape[1] != x.shape[1] or dilation != (1, 1):
            continue
        for dy, dx in itertools.product(range(-pad[0], pad[0] + 1), range(-pad[1], pad[1] + 1)):
            if dy or dx:

                def cropped(
                    g: Array, y: Array, x: Array, w: Array, *_bias: Any, dy: int = dy, dx: int = dx
                ) -> Any:
                    whole = scattered(g, w, x.shape, stride, pad)
                    top, left = pad[0] + dy, pad[1] + dx
                    return whole[..., top : top + x.shape[2], left : left + x.shape[3]]

                text = _("the gradient of the padded input is cropped on the wrong side")
                yield replaced(case, edge, cropped, text, rows=dy, columns=dx)
        if stride != (1, 1):

            def packed(g: Array, y: Array, x: Array, w: Array, *_bias: Any) -> Array:
                whole = scattered(g, w, x.shape, (1, 1), pad)
                return whole[..., pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]

            text = _("the stride is forgotten: put zeros between the entries of the upstream")
            yield replaced(case, edge, packed, text, stride=stride)


def scattered(
    g: Array, w: Array, shape: tuple[int, ...], stride: tuple[int, int], pad: tuple[int, int],
    overwrite: bool = False, filters: Any = slice(None),
) -> Array:  # fmt: skip
    """The gradient of the padded input of a convolution, patch by patch as courses write it.

    With ``overwrite`` a patch replaces what earlier ones have left.
    """
    whole = np.zeros((*shape[:2], shape[2] + 2 * pad[0], shape[3] + 2 * pad[1]))
    rows, columns = w.shape[2:]
    for i, j in np.ndindex(g.shape[2:]):
        patch = np.einsum("nf,fchw->nchw", g[:, filters, i, j], w[filters])
        top, left = i * stride[0], j * stride[1]
        if overwrite:
            whole[..., top : top + rows, left : left + columns] = patch
        else:
            whole[..., top : top + rows, left : left + columns] += patch
    return whole


@mistake("overwritten", tape=True)
def patches_overwritten(case: Case) -> Iterator[Mistake]:
    text = _("patches overwrite each other (=) where they should accumulate (+=)")
    for edge in case.path:
        if not _is(case, edge[0], "conv2d") or edge[1]:
            continue
        stride, pad, dilation = _geometry(case, edge[0])
        x, w = case.arguments(edge[0])[:2]
        if x.ndim != 4 or w.shape[1] != x.shape[1] or dilation != (1, 1):
            continue
        for filters in (slice(None), slice(-1, None)):

            def local(
                g: Array, y: Array, x: Array, w: Array, *_bias: Any, filters: Any = filters
            ) -> Array:
                whole = scattered(g, w, x.shape, stride, pad, overwrite=True, filters=filters)
                return whole[..., pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]]

            yield replaced(case, edge, local, text)
