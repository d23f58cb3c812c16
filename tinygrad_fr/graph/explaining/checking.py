"""Whether what is said of an entry holds: the sum computed again, a function taken apart."""

import numpy as np

from ...autograd.modes import no_grad
from ...kernels import Array
from ...messages import _
from ...report import Entry
from ..recorded.arguments import refilled
from .local import Local
from .origin import Origin

STEP = 1e-6  # of the numeric derivative along the listed entries


def judged(found: Origin, name: str) -> Entry:
    """The verdict on what is said of an entry."""
    if found.kind == "function":
        return _function_entry(found, name)
    if found.kind == "given":
        return Entry(name, "correct", note=_("nothing made it"))
    products = np.concatenate([np.zeros(0), *(part.products for part in found.parts)])
    return _compared(name, products, found.value, found.tolerance)


def _compared(name: str, products: Array, value: float, tolerance: float) -> Entry:
    total, scale = float(products.sum()), float(np.abs(products).sum()) + abs(value)
    error = 0.0 if total == value or (np.isnan(total) and np.isnan(value)) else abs(total - value)
    good = error <= tolerance * scale
    return Entry(
        name, "correct" if good else "wrong", autograd=np.asarray(value), hand=np.asarray(total),
        max_abs_error=error, max_rel_error=error / abs(value) if value else error,
    )  # fmt: skip


def _function_entry(found: Origin, name: str) -> Entry:
    """Whether the listed entries, and they alone, make the value; and with these slopes."""
    local = Local(found.vertex.tensor)
    value = float(local.node._array[found.index])
    rng = np.random.default_rng(0)
    ways = {part.edge.position: part for part in found.parts}
    steps = {p: rng.uniform(0.5, 1, len(part)) for p, part in ways.items()}

    def made(amount: float, noise: float) -> float:
        inputs = []
        for i, x in enumerate(local.node._inputs):
            array = getattr(x, "_array", x)
            if i in ways:
                x = np.array(array, float)
                places = ways[i].places(x.shape)
                kept = x.ravel()[places] + amount * steps[i]
                array = np.array(x * (1 + noise * rng.random(x.shape)))
                array.reshape(-1)[places] = kept
            inputs.append(array)
        args, kwargs = refilled(local.node, inputs)
        with no_grad(), np.errstate(all="ignore"):
            y = local.node._op.function(*args, **kwargs)
        return float(np.asarray(getattr(y, "_array", y))[found.index])

    ahead = sum(float(part.weights @ steps[p]) for p, part in ways.items())
    scale = sum(float(np.abs(part.weights) @ steps[p]) for p, part in ways.items())
    size = STEP * max([1.0, *(float(np.abs(part.values).max(initial=0)) for part in found.parts)])
    sides = [(made(s * size, 0.0) - made(0.0, 0.0)) / (s * size) for s in (1, -1)]
    slope = float(np.mean(sides))
    loose = max(found.tolerance, 1e-4) * (scale + 1e-3 * abs(value) / size * 1e-6)
    kink = min(sides) - loose <= ahead <= max(sides) + loose
    disturbed = made(0.0, 0.01)
    note = ""
    if not abs(disturbed - value) <= found.tolerance * (1 + abs(value)) * 10:
        note = _("other entries count, too: disturbed, they give {value}", value=disturbed)
    elif not (abs(slope - ahead) <= loose or kink):
        note = _("along the entries the slope is {slope}, not {ahead}", slope=slope, ahead=ahead)
    return Entry(
        name, "wrong" if note else "correct", autograd=np.asarray(value),
        numeric=np.asarray(disturbed), max_abs_error=abs(disturbed - value), note=note,
    )  # fmt: skip
