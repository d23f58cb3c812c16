"""What the repairs of a layer are looked for with."""

import numpy as np

from ...autograd.tensor import Tensor
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...report import Report
from ..handwritten.here import Here
from ..handwritten.parts import Handwritten
from ..handwritten.pytorch import Module
from ..truth.comparison import close
from ..truth.tolerances import ASKED, BY_DIFFERENCES
from .asking import Asked
from .trials import Draw, OfALayer


def asked_of(
    subject: Handwritten, report: Report, output: Array, upstream: Array, recorded: bool
) -> Asked | None:  # fmt: skip
    """What the repairs of a layer are looked for with; None where nothing is known to be wrong."""
    own = getattr(subject.template, "cell", subject).template  # of a layer over steps
    if bool(report) or not isinstance(own, Here) or isinstance(own, Module):
        return None
    true = {n: e.autograd for n, e in report.entries.items() if e.autograd is not None}
    true = {n: g for n, g in true.items() if n in subject.values and np.isfinite(g).all()}
    if any(e.verdict == "wrong" and e.autograd is None for e in report):  # the backward raises
        true = {}
    rtol = ASKED if recorded else BY_DIFFERENCES
    stepped = tuple(
        n for n, e in report.entries.items()
        if e.verdict == "wrong" and n in true and e.hand is not None
        and np.shape(e.hand) == true[n].shape and close(np.asarray(e.hand, float), true[n], rtol)
    )  # fmt: skip
    kinks = {n: np.asarray(e.hand) for n, e in report.entries.items() if e.verdict == "kink"}
    true |= {"returned " + n: true[n] for n in stepped}
    draw = Draw(subject.values, upstream, true | kinks, {}, stepped, output, rtol=rtol)
    roots = (*map(subject.template.label, ("forward", "backward")), subject.inner)
    inner = _inner_gradients(subject, upstream) if recorded else {}
    return Asked(OfALayer, subject, roots, draw, inner=inner)


def _inner_gradients(subject: Handwritten, upstream: Array) -> dict[str, Array]:
    """The gradients of the values that have a name in the forward, as attribute or local."""
    try:
        given = {n: Tensor(x, requires_grad=True, name=n) for n, x in subject.values.items()}
        y = subject.recorded(given, local=True)
    except Exception:  # it is recorded by another formula only
        return {}
    if not isinstance(y, Tensor) or not y.requires_grad:
        return {}
    tape = Tape(y)
    found = {n: tape.gradient(n, upstream) for n in tape.names if n not in subject.values}
    return {n: g for n, g in found.items() if g is not None}
