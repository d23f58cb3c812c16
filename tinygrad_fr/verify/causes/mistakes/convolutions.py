"""Mistakes in the gradient of a convolution."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....kernels import Array
from ....messages import _
from ..case import Case, Local, Mistake, Use
from .operations import replayed
from .table import at, mistake, reached
from .ties import pair


@mistake("flipped_kernel")
def gradient_turned(case: Case) -> Iterator[Mistake]:
    text = _("the gradient of the kernel is turned by 180 degrees")
    if case.true.ndim < 2:
        return
    for plane in ((-2, -1), (0, 1)):
        if case.tape is None or any(case.uses("conv2d")):
            yield Mistake(np.flip(case.true, plane), text, {"axes": plane})


@mistake("flipped_kernel", tape=True)
def kernel_turned(case: Case) -> Iterator[Mistake]:
    forward = _("this is the gradient of the convolution with the kernel turned by 180 degrees")
    for use in case.uses("conv2d"):
        function = use.node._op.function

        def turned(x: Any, w: Any, *rest: Any, f: Local = function, **options: Any) -> Any:
            return f(x, w[..., ::-1, ::-1], *rest, **options)

        if use.position == 0:
            text = _("the kernel is not turned by 180 degrees in the gradient of the input")
            x, w = use.operands[:2]
            rest = {k: v for k, v in use.arguments.items() if k not in ("x", "weight")}

            def of_input(t: Any, f: Any = turned, w: Any = w, rest: Any = rest) -> Any:
                return f(t, w, **rest)

            yield use.with_local(at(of_input, x), text)
        else:
            text = _("the gradient of the kernel is turned by 180 degrees")
            yield use.with_local(
                lambda g, *values, c=use.closure: c(g, *values)[..., ::-1, ::-1], text
            )
        tape = replayed(case, ("turned", use.number), {use.number: turned})
        yield from reached(case.on(tape), forward, operation="conv2d")


def _plain(case: Case) -> Iterator[tuple[Use, tuple[int, int], tuple[int, int]]]:
    """Images that go through a convolution without dilation or groups; its stride and padding."""
    for use in case.uses("conv2d"):
        x, w = use.operands[:2]
        given = use.arguments
        same_channels = x.ndim == 4 and w.shape[1] == x.shape[1]
        if use.position == 0 and same_channels and pair(given["dilation"]) == (1, 1):
            padding = 0 if isinstance(given["padding"], str) else given["padding"]
            yield use, pair(given["stride"]), pair(padding)


@mistake("shifted", tape=True)
def cropped_or_not_dilated(case: Case) -> Iterator[Mistake]:
    cropped = _("the gradient of the padded input is cropped on the wrong side")
    packed = _("the stride is forgotten: put zeros between the entries of the upstream")
    for use, stride, pad in _plain(case):
        for dy, dx in itertools.product(range(-pad[0], pad[0] + 1), range(-pad[1], pad[1] + 1)):
            if dy or dx:
                local = _scattering(stride, pad, moved=(dy, dx))
                yield use.with_local(local, cropped, rows=dy, columns=dx)
        if stride != (1, 1):
            yield use.with_local(_scattering((1, 1), pad), packed, stride=stride)


def _scattering(
    stride: tuple[int, int], pad: tuple[int, int], moved: tuple[int, int] = (0, 0),
    overwrite: bool = False, filters: Any = slice(None),
) -> Local:  # fmt: skip
    """The gradient of the images, patch by patch as courses write it.

    The padding is cropped at a place that is ``moved``; with ``overwrite`` a patch replaces what
    earlier ones have left.
    """

    def local(g: Array, y: Array, x: Array, w: Array, *_bias: Any) -> Array:
        height, width = x.shape[2:]
        whole = np.zeros((*x.shape[:2], height + 2 * pad[0], width + 2 * pad[1]))
        for i, j in np.ndindex(g.shape[2:]):
            patch = np.einsum("nf,fchw->nchw", g[:, filters, i, j], w[filters])
            top, left = i * stride[0], j * stride[1]
            place = whole[..., top : top + w.shape[2], left : left + w.shape[3]]
            place[...] = patch if overwrite else place + patch
        top, left = pad[0] + moved[0], pad[1] + moved[1]
        return whole[..., top : top + height, left : left + width]

    return local


@mistake("overwritten", tape=True)
def patches_overwritten(case: Case) -> Iterator[Mistake]:
    text = _("patches overwrite each other (=) where they should accumulate (+=)")
    for use, stride, pad in _plain(case):
        for filters in (slice(None), slice(-1, None)):
            local = _scattering(stride, pad, overwrite=True, filters=filters)
            yield use.with_local(local, text)
