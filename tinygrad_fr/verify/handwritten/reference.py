"""The forward of a layer written by hand, against something that is known to be right."""

import copy
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...autograd.operation import registry
from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...report import Diagnosis, Entry, kind_word
from ..causes.case import Case
from ..causes.diagnosis import diagnose, what_is_known
from ..truth.comparison import close, compare
from ..truth.limits import redrawn
from ..truth.tolerances import ALIKE, ASKED, REPEATED
from ..vocabulary import aliases
from .calls import parameters_of
from .parts import Handwritten
from .places import last_word


def function_of(reference: Any) -> Any:
    """The function, Module or loss that is referred to; a word stands for an operation."""
    if not isinstance(reference, str):
        return reference
    if reference not in registry:
        raise ArgumentError("there is no operation {name}", name=reference)
    return registry[reference].function


def against(
    reference: Any, layer: Handwritten, mine: Array, rtol: float, atol: float,
    rng: np.random.Generator,
) -> Entry:  # fmt: skip
    """The layer's output against that of a reference, on its values and on others."""
    try:
        wanted = _array(referred(reference, layer.values, layer))
    except Exception as error:  # whatever the reference says about these shapes
        text = _("the reference cannot be called with these values: {error}")
        return Entry("output", "inconclusive", note=text.format(error=error))
    entry = _compared(layer.values, mine, wanted, reference, rtol, atol)
    if entry.verdict != "correct":
        return entry
    others = redrawn(layer.values, rng)
    try:
        mine, wanted = layer.output(others), _array(referred(reference, others, layer))
    except Exception:  # data that must be what they are
        return entry
    other = _compared(others, mine, wanted, reference, rtol, atol)
    if other.verdict == "correct":
        return entry
    text = _("on this input the forward is the reference, but not on others")
    return dataclasses.replace(other, note=text)


def _compared(
    values: Mapping[str, Array], mine: Array, wanted: Array, reference: Any, rtol: float,
    atol: float,
) -> Entry:  # fmt: skip
    base = Entry("output", "wrong", wanted, wanted, mine, np.inf, np.inf)
    if mine.shape == wanted.shape:
        base = compare(base, mine, wanted, np.array(REPEATED), max(rtol, ASKED), atol)
        if base.verdict == "correct":
            return base
    slip = slip_of(mine, wanted, reference, values, max(rtol, ASKED))
    case = Case("output", mine, wanted, wanted, dict(values), rtol=max(rtol, ASKED))
    text = _("the forward is not the reference: {why}", why=slip[1] or what_is_known(case))
    d = Diagnosis("forward_differs", text, {"shape": mine.shape, "expected": wanted.shape})
    return dataclasses.replace(base, verdict="wrong", diagnoses=(d,))


def slip_of(
    mine: Array, wanted: Array, reference: Any, values: Mapping[str, Array], rtol: float = ASKED
) -> tuple[str, str]:  # fmt: skip
    """The kind of the known mistake in a forward, and a text; empty where none explains it."""
    if not mine.size or (np.ptp(mine) == 0 and np.ptp(wanted) != 0):
        return "", ""  # whatever a constant is a multiple of
    if axis := _softmax_along_another_axis(mine, reference, values):
        return "wrong_axis", axis
    for order in itertools.permutations(range(mine.ndim)) if mine.ndim <= 5 else ():
        turned = np.transpose(mine, order)
        if turned.shape == wanted.shape != mine.shape and close(turned, wanted, rtol):
            return "permuted", _("its axes are in another order")
    if mine.shape != wanted.shape:
        return "", ""
    case = Case("output", mine, wanted, wanted, dict(values), rtol=rtol)
    if found := diagnose(case)[:1]:
        return found[0].kind, _of_an_output(found[0])
    for name, kind, text, other in _variants(values):
        try:
            y = _array(reference(*{**values, name: other}.values()))
        except Exception:  # shapes that do not fit, a reference that is no function of all
            continue
        if y.shape == mine.shape and np.ptp(y) and close(mine, y, rtol) and (
            kind[:7] != "missing" or _depends_on_the_first(reference, {**values, name: other}, y)
        ):  # fmt: skip
            return kind, text
    return "", ""


def _of_an_output(d: Diagnosis) -> str:
    """What explains a wrong output, in words that speak of no gradient."""
    if d.kind == "scale" and "factor" in d.detail:
        factor = d.detail.get("equals") or f"{d.detail['factor']:.6g}"
        return _("it is {factor} times the right one", factor=factor)
    return kind_word(d)


def _depends_on_the_first(reference: Any, values: Mapping[str, Array], y: Array) -> bool:
    """Whether something is left where one argument is left out."""
    first, *others = values.values()
    return not close(_array(reference(2 * first + 1, *others)), y, ALIKE)


def _variants(values: Mapping[str, Array]) -> Iterator[tuple[str, str, str, Array]]:
    """Arguments as somebody may have taken them: left out, turned, transposed."""
    for k, (name, x) in enumerate(values.items()):
        if k and x.ndim:
            yield name, "missing_term", _("{name} is left out", name=name), np.zeros_like(x)
            yield name, "missing_factor", _("{name} is left out", name=name), np.ones_like(x)
        if x.ndim >= 2:
            turned = _("{name} is turned by half a turn", name=name)
            yield name, "flipped_kernel", turned, x[..., ::-1, ::-1]
            yield name, "transposed", _("{name} is transposed", name=name), np.swapaxes(x, -1, -2)
        if x.ndim:
            yield name, "sign", _("{name} has the wrong sign", name=name), -x


def _softmax_along_another_axis(mine: Array, reference: Any, values: Mapping[str, Array]) -> str:
    x = next(iter(values.values()))
    for axis in range(x.ndim):
        try:
            other = np.asarray(reference(x, axis=axis))
        except Exception:  # a reference without an axis
            return ""
        if other.shape == mine.shape and np.allclose(other, mine, rtol=ALIKE):
            return _("it is taken along axis {axis}", axis=axis)
    return ""


def referred(reference: Any, values: Mapping[str, Any], layer: Handwritten) -> Any:
    """What a reference gives for values: a Module takes them over for its parameters."""
    x = values["input"]
    parameters = {n: v for n, v in values.items() if n != "input"}
    if callable(getattr(reference, "named_modules", None)):
        reference(Tensor(np.asarray(getattr(x, "data", x))))  # some are made at the first call
        reference = copy.deepcopy(reference)
        _take_over(reference, parameters)
        return reference(x if isinstance(x, Tensor) else Tensor(x))
    found = parameters_of(reference)
    names = [p.name for p in found]
    needed = sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in found)
    by_name = {n: v for n, v in parameters.items() if n in names[1:]}
    if by_name or not parameters or needed <= 1:
        # A reference loss takes the prediction first, as the library's do.
        return reference(x, *layer.constants.values(), **by_name)
    return reference(x, *list(parameters.values())[: needed - 1])


def _take_over(module: Any, parameters: Mapping[str, Any]) -> None:
    """Set a Module's parameters to values of the same shapes, by their names where these tell."""
    free = dict(parameters)
    for _path, part in module.named_modules():
        for name, own in list(vars(part).items()):
            if not isinstance(own, Tensor):
                continue
            for called in sorted(free, key=lambda n: not aliases(name) & aliases(last_word(n))):
                v = free[called]
                squeezed = tuple(n for n in own.shape if n != 1)
                # (1, C) for (C,), and a transposed matrix, are the same parameter
                fits = v if tuple(n for n in v.shape if n != 1) == squeezed else v.T
                if tuple(n for n in fits.shape if n != 1) == squeezed:
                    setattr(part, name, fits.reshape(own.shape))
                    del free[called]
                    break


def _array(y: Any) -> Array:
    return np.asarray(getattr(y, "data", y), float)
