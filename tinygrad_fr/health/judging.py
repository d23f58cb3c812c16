"""From what was seen of a model to verdicts in words."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..messages import _
from .neurons import STUCK, together
from .report import Finding, HealthReport, Layer, percent

Watch = Any  # what was seen: a Watch, which asks for this judgement

# What counts as a pathology; tests/test_health.py measures healthy networks and sick ones.
VANISHED = 1e-3  # the first layers' gradient, to the largest of the layers nearer to the loss
EXPLODED = 8.0  # a layer's gradient, to its weights, or to those that nn starts with if larger
GROWN = 100.0  # the whole gradient, to that of the first steps
FEW = 5  # steps that count as the first, or as the last
DEAD, SATURATED = 0.5, 0.5  # shares of a layer's neurons
EXAMPLES = 100  # fewer do not show that a neuron is dead


def judge(seen: Watch, weights: dict[str, float], usual: dict[str, float]) -> HealthReport:
    """The report on the last steps of a watch.

    ``weights`` are the norms of the layers' parameters now, ``usual`` those with which ``nn``
    starts: weights that begin at 0 are soon many times smaller than their gradient.
    """
    noted = [name for name in seen.gradients if name in weights]  # the others are frozen now
    names = sorted({*noted, *seen.recent}, key=lambda name: seen.places[name])
    layers = {name: _layer(seen, name, weights) for name in names}
    found = [
        _unreached(layers), _exploding(seen, layers, weights, usual), dead := _dead(seen, layers),
        _saturated(seen, layers), _vanishing(seen, layers, dead),  # causes first
        *_through_time(seen, layers),
    ]  # fmt: skip
    findings = tuple(finding for finding in found if finding is not None)
    for finding in findings:
        for name in finding.layers:
            verdicts = (*layers[name].verdicts, finding.kind)
            layers[name] = replace(layers[name], verdicts=verdicts)
    return HealthReport(tuple(layers.values()), findings, min(seen.steps, seen.window))


def _layer(seen: Watch, name: str, weights: dict[str, float]) -> Layer:
    if name in seen.gradients:
        norm = _median(seen.gradients[name][-seen.window :])
        return Layer(name, gradient_norm=norm, weight_norm=weights.get(name))
    neurons = together(seen.recent[name])
    return Layer(name, neurons=len(neurons), dead=neurons.dead, saturated=neurons.saturated)


def _median(values: list[float | None]) -> float:
    """The median of the steps in which a gradient arrived; infinite if the last was not finite."""
    arrived = [value for value in values if value is not None]
    if not arrived:
        return math.nan
    return math.inf if math.isinf(arrived[-1]) else float(np.median(arrived))


def _unreached(layers: dict[str, Layer]) -> Finding | None:
    names = [
        layer.name
        for layer in layers.values()
        if layer.gradient_norm is not None and math.isnan(layer.gradient_norm)
    ]
    sentence = _("no gradient reaches {layers}: the loss does not depend on it, or its use was not "
                 "recorded")  # fmt: skip
    return _finding("unreached", names, sentence, layers=", ".join(names))


def _exploding(
    seen: Watch, layers: dict[str, Layer], weights: dict[str, float], usual: dict[str, float]
) -> Finding | None:
    last = {name: _median(seen.gradients[name][-FEW:]) for name in layers if name in weights}
    endless = [name for name in layers if math.isinf(last.get(name, 0.0))]
    if endless:
        text = _("the gradient of {layers} is infinite or NaN")
        return _finding("exploding", endless, text, layers=", ".join(endless))
    norms = {name: layers[name].gradient_norm or 0.0 for name in last}
    ratios = {name: norm / weights[name] for name, norm in norms.items() if weights[name]}
    large = [name for name in ratios if norms[name] > EXPLODED * max(weights[name], usual[name])]
    if large:
        large.sort(key=lambda name: -ratios[name])
        text = _("the gradient of {layer} is {ratio} times as large as its weights (norms)")
        return _finding("exploding", large, text, layer=large[0], ratio=f"{ratios[large[0]]:.2g}")
    before, now = _median(seen.whole[:FEW]), _median(seen.whole[-FEW:])
    if len(seen.whole) > 2 * FEW and now > GROWN * before > 0:
        names = sorted(last, key=lambda name: -last[name])
        text = _("the whole gradient has become {ratio} times as large as at the beginning (norms)")
        return _finding("exploding", names, text, ratio=f"{now / before:.2g}")
    return None


def _vanishing(seen: Watch, layers: dict[str, Layer], dead: Finding | None) -> Finding | None:
    """The first layers, up to one that has a gradient: beyond it, the way back was open."""
    sizes = {name: _median(list(seen.sizes[name])) for name in layers if name in seen.sizes}
    ordered = [name for name in sizes if math.isfinite(sizes[name])]
    ratios: dict[str, tuple[float, str]] = {}
    for i, name in enumerate(ordered[:-1], 1):
        largest = max(ordered[i:], key=lambda other: sizes[other])
        # Behind dead neurons even the next layer's weights have none, but its biases do.
        nothing = not sizes[name] and any(layers[other].gradient_norm for other in ordered[i:])
        if not nothing and not sizes[name] < VANISHED * sizes[largest]:
            break
        ratios[name] = (0.0 if nothing else sizes[name] / sizes[largest], largest)
    if not ratios:
        return None
    names = sorted(ratios, key=lambda name: ratios[name])
    ratio, other = ratios[names[0]]
    text = _("the gradient vanishes on its way back: that of {layer} is exactly 0")
    if ratio:
        text = _(
            "the gradient vanishes on its way back: that of {layer} is {ratio} times smaller than "
            "that of {other} (root mean square of an entry)"
        )
    elif dead is not None:
        text = _("{finding}, for the dead neurons let nothing through", finding=text)
    times = f"{1 / ratio:.2g}" if ratio else "-"
    found = _finding("vanishing", names, text, layer=names[0], ratio=times, other=other)
    return found and replace(found, consequence=not ratio and dead is not None)


def _through_time(seen: Watch, layers: dict[str, Layer]) -> Iterator[Finding | None]:
    """Sequences at whose beginning hardly any gradient arrives, or far more than at their end."""
    for kind, text in (
        ("vanishing in time", _("the gradient vanishes through time: in {name} the first of {n} "
         "steps receives {ratio} times less than the largest that follows (norms)")),
        ("exploding in time", _("the gradient explodes through time: in {name} the first of {n} "
         "steps receives {ratio} times as much as the smallest that follows (norms)")),
    ):  # fmt: skip
        ratios: dict[str, float] = {}
        for name, norms in seen.through_time.items():
            first, following = norms[0], norms[1:]
            if kind.startswith("vanishing") and 0 < first < VANISHED * max(following):
                ratios[name] = max(following) / first
            elif kind.startswith("exploding") and VANISHED * first > min(following) > 0:
                ratios[name] = first / min(following)
        worst = max(ratios, key=lambda name: ratios[name], default="")
        names = [seen.owners[name] for name in sorted(ratios, key=lambda name: -ratios[name])]
        yield _finding(
            kind, [name for name in dict.fromkeys(names) if name in layers], text, name=worst,
            n=len(seen.through_time.get(worst, ())), ratio=f"{ratios.get(worst, 0):.2g}",
        )  # fmt: skip


def _dead(seen: Watch, layers: dict[str, Layer]) -> Finding | None:
    def examples(layer: Layer) -> int:
        return together(seen.recent[layer.name]).examples

    found = [layer for layer in _silent(layers, "dead", DEAD) if examples(layer) >= EXAMPLES]
    sentence = _(
        "{n} of the {m} neurons of {layer} answered 0 to each of the last {examples} examples: no "
        "gradient passes through them, their weights no longer change"
    )
    n = examples(found[0]) if found else 0
    return _of_neurons("dead", found, sentence, examples=n)


def _saturated(seen: Watch, layers: dict[str, Layer]) -> Finding | None:
    found = _silent(layers, "saturated", SATURATED)
    sentence = _(
        "{n} of the {m} neurons of {layer} are on a plateau for {share} of the examples or more: "
        "their slope is below 5% of its largest value, hardly any gradient passes"
    )
    return _of_neurons("saturated", found, sentence, share=percent(STUCK))


def _silent(layers: dict[str, Layer], kind: str, least: float) -> list[Layer]:
    """The layers with at least that share of dead or saturated neurons, the worst first."""
    found = [layer for layer in layers.values() if (getattr(layer, kind) or 0.0) >= least]
    return sorted(found, key=lambda layer: -float(getattr(layer, kind)))


def _of_neurons(kind: str, found: list[Layer], sentence: str, **values: object) -> Finding | None:
    if not found:
        return None
    worst = found[0]
    n = round(getattr(worst, kind) * (worst.neurons or 0))
    names = [layer.name for layer in found]
    return _finding(kind, names, sentence, n=n, m=worst.neurons, layer=worst.name, **values)


def _finding(kind: str, names: list[str], sentence: str, **values: object) -> Finding | None:
    return Finding(kind, tuple(names), sentence.format(**values)) if names else None
