"""The forward of a layer written by hand, against something that is known to be right."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd.operation import registry
from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry
from ..causes.case import Case
from ..causes.diagnosis import diagnose, what_is_known
from ..truth.comparison import compare
from ..truth.tolerances import ALIKE, ASKED, REPEATED
from .calls import parameters_of
from .parts import Handwritten


def against(reference: Any, layer: Handwritten, mine: Array, rtol: float, atol: float) -> Entry:
    """The layer's output against that of a reference."""
    if isinstance(reference, str):
        if reference not in registry:
            raise ArgumentError("there is no operation {name}", name=reference)
        reference = registry[reference].function
    try:
        wanted = _referred(reference, layer.values, layer)
    except Exception as error:  # whatever the reference says about these shapes
        text = _("the reference cannot be called with these values: {error}")
        return Entry("output", "inconclusive", note=text.format(error=error))
    base = Entry("output", "wrong", wanted, wanted, mine, np.inf, np.inf)
    if mine.shape == wanted.shape:
        base = compare(base, mine, wanted, np.array(REPEATED), max(rtol, ASKED), atol)
        if base.verdict == "correct":
            return base
    values = {**layer.values}
    case = Case("output", mine, wanted, wanted, values, rtol=max(rtol, ASKED))
    why = [d.explanation for d in diagnose(case)][:1]
    axis = _softmax_along_another_axis(mine, reference, layer.values)
    text = _(
        "the forward is not the reference: {why}", why=axis or (why or [what_is_known(case)])[0]
    )
    d = Diagnosis("forward_differs", text, {"shape": mine.shape, "expected": wanted.shape})
    return dataclasses.replace(base, verdict="wrong", diagnoses=(d,))


def _softmax_along_another_axis(mine: Array, reference: Any, values: Mapping[str, Array]) -> str:
    for axis in range(values["input"].ndim):
        try:
            other = np.asarray(reference(values["input"], axis=axis))
        except Exception:  # a reference without an axis
            return ""
        if other.shape == mine.shape and np.allclose(other, mine, rtol=ALIKE):
            return _("it is taken along axis {axis}", axis=axis)
    return ""


def _referred(reference: Any, values: Mapping[str, Array], layer: Handwritten) -> Array:
    """What a reference gives for the layer's values: a Module takes over its parameters."""
    x = values["input"]
    parameters = {n: v for n, v in values.items() if n != "input"}
    if callable(getattr(reference, "named_parameters", None)):
        reference(Tensor(x))  # some parameters are made at the first call
        reference = copy.deepcopy(reference)
        for _name, own in reference.named_parameters():
            for v in parameters.values():
                # (1, C) for (C,), and a transposed matrix, are the same parameter
                fits = v if v.size == own.size and v.squeeze().shape == own.shape else v.T
                if fits.size == own.size and fits.squeeze().shape == own.squeeze().shape:
                    own._array = np.array(fits.reshape(own.shape), np.float64)
                    break
        y = reference(Tensor(x))
    else:
        found = parameters_of(reference)
        names = [p.name for p in found]
        needed = sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in found)
        by_name = {n: v for n, v in parameters.items() if n in names[1:]}
        if by_name or not parameters or needed <= 1:
            # A reference loss takes the prediction first, as the library's do.
            y = reference(x, *layer.constants.values(), **by_name)
        else:
            y = reference(x, *list(parameters.values())[: needed - 1])
    return np.asarray(getattr(y, "data", y), float)
