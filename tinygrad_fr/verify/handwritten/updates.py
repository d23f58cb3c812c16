"""What a layer does with its gradients: the update of its weights."""

import dataclasses
from typing import Any

import numpy as np

from ...messages import _
from ...report import Diagnosis, Entry, joined
from ..truth.comparison import close
from ..truth.tolerances import ASKED
from .arguments import RATE_GIVEN
from .gradients import Call
from .parts import Handwritten


def of_the_step(entry: Entry, layer: Handwritten, call: Call) -> Entry:
    """A right gradient, judged again by what the layer does with it: W -= lr * dW."""
    name, true = entry.name, entry.autograd
    step = call.steps.get(name)
    if step is None or true is None or name in call.with_momentum or not np.any(true):
        return entry
    factor = float((step * true).sum() / (true**2).sum())
    if not close(step, factor * true, ASKED):  # momentum, decay, another rule
        text = _("the update is not this gradient times a number: it was not judged")
        return dataclasses.replace(entry, note=joined(entry.note, text))
    rate = RATE_GIVEN if layer.asks_rate else layer.rate
    sure = layer.asks_rate or layer.rate_is_known
    text, kind, detail = "", "scale", dict[str, Any](factor=factor)
    if factor < 0:
        kind, detail = "ascent", {}
        text = _(
            "the gradient is right, but the update goes up the slope: {name} += lr * d{name} in "
            "place of {name} -= lr * d{name}",
            name=name,
        )
    elif rate and sure and not np.isclose(factor, rate):
        text = _(
            "the gradient is right, but the update takes it {factor:.6g} times, and the learning "
            "rate is {rate:.6g}", factor=factor, rate=rate,
        )  # fmt: skip
        if np.isclose(factor, rate**2):
            detail["equals"] = "lr"
            text = _("the gradient is right, but the update multiplies it by the rate twice")
        elif np.isclose(factor, 1.0):
            detail["equals"] = "1/lr"
            text = _("the gradient is right, but the update forgets the learning rate")
    if not text:
        return entry
    return dataclasses.replace(entry, verdict="wrong", diagnoses=(Diagnosis(kind, text, detail),))
