"""How a backward is called and which result is whose, where names leave a choice: the numbers tell.

A gradient is recognised by the slope of the forward along random directions, which no other array
has; so a reading under which everything is right is the one that was meant.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernels import Array
from ...messages import _
from ..truth.differences import directional, signed
from ..truth.tolerances import BY_SLOPES
from .arguments import UPSTREAM, in_words, other_roles
from .calls import StudentError
from .gradients import Results, gradients_of, orders, usual_order
from .parts import Handwritten

# Readings and orders that are tried.
MOST = 150


class Slopes:
    """The slopes of a layer's weighted output, by which its gradients are recognised."""

    def __init__(self, layer: Handwritten, upstream: Array, rng: np.random.Generator) -> None:
        self.layer, self.upstream, self.rng = layer, upstream, rng
        self._known: dict[str, tuple[Array, float, float]] = {}

    def _along(self, name: str) -> tuple[Array, float, float]:
        if name not in self._known:
            x, values = self.layer.values[name], self.layer.values

            def f(z: Array) -> float:
                try:
                    return float((self.layer.output({**values, name: z}) * self.upstream).sum())
                except StudentError:
                    return np.nan

            d = signed(self.rng, x.shape)
            self._known[name] = (d, *directional(f, x, d))
        return self._known[name]

    def fits(self, name: str, g: Any) -> bool:
        """Whether an array has the slope that the gradient of a value has."""
        if np.shape(g) != self.layer.values[name].shape:
            return False
        mine = np.asarray(g, float)
        d, slope, error = self._along(name)
        allowed = BY_SLOPES * float(np.linalg.norm(mine)) + 10 * error
        return abs(slope - float((mine * d).sum())) <= allowed

    def right(self, gradients: Mapping[str, Any]) -> int:
        """How many gradients fit."""
        return sum(self.fits(name, g) for name, g in gradients.items())


def settle(layer: Handwritten, upstream: Array, rng: np.random.Generator) -> list[str]:
    """Settle how the backward is called and the order of its results; what is to be said of it.

    Raises
    ------
    StudentError
        If it raises however it is called.
    """
    slopes, notes = Slopes(layer, upstream, rng), list[str]()
    if layer.guessed or layer.unsure:
        notes += _settle_roles(layer, slopes)
    call = gradients_of(layer, layer.values, upstream)
    if layer.order is None:
        layer.order, said = _settled_order(layer, call.results, slopes)
        notes += said
    return notes


def _settle_roles(layer: Handwritten, slopes: Slopes) -> list[str]:
    """Call the backward in every way that its unclear names allow until all is right."""
    usual = layer.roles
    unclear = [*layer.guessed, *layer.unsure]
    others = other_roles(usual, unclear, [*layer.arguments, *layer.slots, *layer.stored()])
    best, found = 0, usual
    for roles in itertools.islice(itertools.chain([usual], others), MOST):
        layer.roles = roles
        try:
            gradients = gradients_of(layer, layer.values, slopes.upstream).gradients
        except StudentError:
            continue
        right = slopes.right(gradients)
        if right > best:
            best, found = right, roles
        if right and right == len(gradients):
            break
    layer.roles = found
    layer.takes_upstream = UPSTREAM in found.values()
    if best:
        layer.guessed = []
    if found == usual:
        return []
    called = in_words(found, layer.template.label("backward"))
    return [_("the backward was called so: {called}", called=called)]


def _settled_order(
    layer: Handwritten, results: Results, slopes: Slopes
) -> tuple[tuple[str | None, ...], list[str]]:
    """Which value each result is the gradient of, and a word where it is not the usual order."""
    usual = usual_order(layer, results)
    labelled = [label for label, _g in results if label and layer.meant(label)]
    arrays = [g for _label, g in results]
    if len(results) < 2 or len(set(labelled)) == len(results):
        return usual, []

    def right(names: tuple[str | None, ...]) -> int:
        pairs = zip(names, arrays, strict=False)
        return sum(g is not None and n is not None and slopes.fits(n, g) for n, g in pairs)

    wanted = sum(g is not None for g in arrays)
    best, found = right(usual), usual
    named = {k: n for k, (label, _g) in enumerate(results) if (n := label and layer.meant(label))}
    for names in itertools.islice(orders(layer, arrays, layer.values), MOST):
        if best == wanted:
            break
        if any(k >= len(names) or names[k] != n for k, n in named.items()):
            continue  # names that tell are believed
        if (here := right(names)) > best:
            best, found = here, names
    if found == usual or best < wanted:
        return usual, []
    written = ", ".join("d" + str(n) for n in found)
    return found, [_("right, if the results are meant in the order {order}", order=written)]


def blamed(layer: Handwritten) -> str:
    """Why a wrong gradient may be our misunderstanding; empty where the names were clear."""
    if not layer.guessed:
        return ""
    called = in_words(layer.roles, layer.template.label("backward"))
    return _(
        "the backward was called so: {called}; if this is not what it takes, write a pair of "
        "functions (forward, backward) that calls it rightly",
        called=called,
    )
