"""Whether what is said of an entry holds: the sum computed again, a function taken apart."""

import numpy as np

from ...kernels import Array
from ...messages import _
from ...report import Entry
from ..recorded.walk import operands
from .local import Local
from .origin import Origin
from .parts import add_up, recomputed

STEP = 1e-6  # of the numeric derivative along the listed entries


def judged(found: Origin, name: str) -> Entry:
    """The verdict on what is said of an entry."""
    if not _as_recorded(found):
        note = _("the numbers are not those that were recorded")
        return Entry(name, "wrong", hand=np.asarray(found.value), note=note)
    if found.kind == "function":
        return _function_entry(found, name)
    if found.kind == "given":
        return Entry(name, "correct", note=_("nothing made it"))
    products = np.concatenate([np.zeros(0), *(part.products for part in found.parts)])
    return _compared(name, products, found.value, found.tolerance)


def _as_recorded(found: Origin) -> bool:
    """Whether the value and the entries are those of the graph, and what was made has a maker."""
    arrays = found.upstream if found.gradient else {v.id: v.value for v in found.graph.vertices}
    true = float(arrays[found.vertex.id][found.index])
    same = true == found.value or (np.isnan(true) and np.isnan(found.value))
    for part in found.parts:
        x = np.asarray(arrays[part.of])
        same = same and np.array_equal(x.ravel()[part.places(x.shape)], part.values, equal_nan=True)
    is_made = found.vertex.id != found.graph.output if found.gradient else found.vertex.operation
    return bool(same and (found.kind != "given" or not is_made))


def _compared(name: str, products: Array, value: float, tolerance: float) -> Entry:
    with np.errstate(all="ignore"):
        total = float(products.sum())
        same = total == value or (np.isnan(total) and np.isnan(value))
        error = 0.0 if same else abs(total - value)
    good = add_up(products, value, tolerance)
    return Entry(
        name, "correct" if good else "wrong", autograd=np.asarray(value), hand=np.asarray(total),
        max_abs_error=error, max_rel_error=error / abs(value) if value else error,
    )  # fmt: skip


def _function_entry(found: Origin, name: str) -> Entry:
    """Whether the listed entries, and they alone, make the value; and with these slopes."""
    local = Local(found.vertex.tensor)
    value = found.value
    ways = {part.edge.position: part for part in found.parts}
    rng = np.random.default_rng(0)
    steps = {p: rng.uniform(0.5, 1, len(part)) for p, part in ways.items()}
    sources = found.graph.inputs(found.vertex.id)

    def made(amount: float, noise: float) -> float:
        inputs = []
        for i, x in enumerate(operands(local.node)):
            kind = found.graph.vertices[sources[i]].kind if i in sources else ""
            is_number = kind == "constant" and not np.ndim(x)  # its slope is not told
            if i not in local.positions or is_number:
                inputs.append(np.array(x) if isinstance(x, np.ndarray) else x)
                continue
            array = np.array(x, float)
            disturbed = np.array(array + noise * (1 + np.abs(array)) * rng.random(array.shape))
            if i in ways:
                places = ways[i].places(array.shape)
                disturbed.reshape(-1)[places] = array.reshape(-1)[places] + amount * steps[i]
            inputs.append(disturbed)
        return recomputed(local, inputs, found.index)

    ahead = sum(float(part.weights @ steps[p]) for p, part in ways.items())
    scale = sum(float(np.abs(part.weights) @ steps[p]) for p, part in ways.items())
    size = STEP * max([1.0, *(float(np.abs(part.values).max(initial=0)) for part in found.parts)])
    sides = [(made(s * size, 0.0) - made(0.0, 0.0)) / (s * size) for s in (1, -1)]
    slope, disturbed = float(np.mean(sides)), made(0.0, 0.01)
    loose = max(found.tolerance, 1e-4) * scale + 1e-9 * abs(value)  # the last is rounding
    kink = min(sides) - loose <= ahead <= max(sides) + loose
    known = np.isfinite([ahead, slope, value, disturbed]).all()  # else no slope can be measured
    note = ""
    if known and not abs(disturbed - value) <= found.tolerance * (1 + abs(value)) * 10:
        note = _("other entries count, too: disturbed, they give {value}", value=disturbed)
    elif known and not (abs(slope - ahead) <= loose or kink):
        note = _("along the entries the slope is {slope}, not {ahead}", slope=slope, ahead=ahead)
    elif not found.parts and local.positions:
        note = _("other entries count, too: disturbed, they give {value}", value=disturbed)
    return Entry(
        name, "wrong" if note else "correct", autograd=np.asarray(value),
        numeric=np.asarray(disturbed), max_abs_error=abs(disturbed - value), note=note,
    )  # fmt: skip
