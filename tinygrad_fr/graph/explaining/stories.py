"""What is worth saying of single operations: how a softmax, a maximum, a normalisation came about.

Everything else about an entry follows from its local derivatives. A story is a line or two for the
reader who wants the computation and not its slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...messages import _
from ..formulas.naming import numeral
from ..formulas.operations import formula
from ..formulas.source import latex_of
from ..recorded.arguments import bound
from .origin import Origin, bracketed, entry_latex


def story(found: Origin) -> Iterator[str]:
    """The lines on the operation that made an entry, LaTeX."""
    if found.kind == "gradient" or not found.parts:
        return
    known = STORIES.get(str(found.vertex.operation))
    if known is not None:
        yield from known(found)
    elif found.kind == "function" and all(len(part) == 1 for part in found.parts):
        yield _with_numbers(found)


def _own(found: Origin) -> str:
    return entry_latex(found, found.vertex.id, found.index)


def _with_numbers(found: Origin) -> str:
    """The formula with the numbers of this entry: ``h[0, 1] = exp(0.3)``."""
    symbols = dict(found.symbols)
    for source in found.graph.inputs(found.vertex.id).values():
        x = np.asarray(found.graph.vertices[source].value)
        if x.size == 1:
            symbols[source] = bracketed(x.item())
    for part in found.parts:
        symbols[part.of] = bracketed(part.values[0])
    symbols[found.vertex.id] = _own(found)
    words = latex_of(formula(found.graph, found.vertex, symbols))
    return f"{words} = {bracketed(found.value)}"


def _softmax(found: Origin) -> Iterator[str]:
    part = found.parts[0]
    here = next((t for t, i in enumerate(part.indices) if tuple(i) == found.index), None)
    if here is None or len(part) > 12 or not np.isfinite(part.values).all():
        return
    z = np.asarray(part.values, float)
    below = " + ".join(f"e^{{{numeral(float(f'{x:.4g}'))}}}" for x in z)
    top = f"e^{{{numeral(float(f'{z[here]:.4g}'))}}}"
    powers = np.exp(z - z.max())
    share = rf"\frac{{{top}}}{{{below}}} = {bracketed(powers[here] / powers.sum())}"
    if found.vertex.operation == "log_softmax":
        share = rf"\ln {share.split(' = ')[0]}"
        yield f"{_own(found)} = {share} = {bracketed(found.value)}"
    else:
        yield f"{_own(found)} = {share}"


def _choice(found: Origin) -> Iterator[str]:
    """Of a maximum or minimum: how many entries were compared, and which won."""
    part = found.parts[0]
    won = np.flatnonzero(part.weights)
    if not len(won):
        return
    name = r",\ ".join(entry_latex(found, part.of, tuple(part.indices[t])) for t in won[:3])
    words = _("the smallest") if found.vertex.operation == "min" else _("the largest")
    if len(won) > 1:
        words = _("ties share")
    yield rf"\text{{{words}}} \; ({len(part)}):\; {name} = {bracketed(part.values[won[0]])}"


def _normalised(found: Origin) -> Iterator[str]:
    """Mean, variance and the standardised entry, of batch norm in training and of layer norm."""
    arguments = bound(found.vertex.tensor)
    if found.vertex.operation == "batch_norm" and not arguments.get("training"):
        return
    part = next((p for p in found.parts if p.edge.position == 0), None)
    if part is None:
        return
    here = next((t for t, i in enumerate(part.indices) if tuple(i) == found.index), None)
    if here is None:
        return
    x = np.asarray(part.values, float)
    mean, variance, eps = x.mean(), x.var(), float(arguments["eps"])
    yield rf"\mu = {bracketed(mean)},\quad \sigma^2 = {bracketed(variance)} \quad (n = {len(x)})"
    standard = (x[here] - mean) / np.sqrt(variance + eps)
    yield (
        rf"\hat{{x}} = \frac{{{bracketed(x[here])} - {bracketed(mean)}}}"
        rf"{{\sqrt{{{bracketed(variance)} + {numeral(eps)}}}}} = {bracketed(standard)}"
    )
    others = [p for p in found.parts if p is not part and len(p) == 1]
    if len(others) == 2:
        gamma, beta = (float(p.values[0]) for p in others)
        product = rf"{bracketed(gamma)} \cdot {bracketed(standard)} + {bracketed(beta)}"
        yield f"{_own(found)} = {product} = {bracketed(found.value)}"


STORIES: dict[str, Callable[[Origin], Iterator[str]]] = {
    "softmax": _softmax, "log_softmax": _softmax,
    "max": _choice, "min": _choice, "max_pool2d": _choice,
    "batch_norm": _normalised, "layer_norm": _normalised,
}  # fmt: skip
