"""What an edit is tried on: somebody's code made anew, some values, and the right gradients."""

import dataclasses
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ...kernels import Array
from ...worker.byvalue import Key, revived
from ..handwritten.arguments import RATE_GIVEN
from ..handwritten.calls import StudentError
from ..handwritten.derivation import Hands
from ..handwritten.gradients import gradients_of
from ..handwritten.parts import Handwritten
from ..truth.comparison import close
from ..truth.differences import directional, signed
from ..truth.limits import redrawn
from ..truth.tolerances import CONFIRMED

Codes = Mapping[Key, types.CodeType]


@dataclasses.dataclass(frozen=True)
class Draw:
    """Values, an upstream gradient, and what is known of the right gradients there.

    Attributes
    ----------
    true : dict of str to array
    slopes : dict of str to list of (direction, slope, error)
        Where the gradient is known along some directions only.
    stepped : tuple of str
        Those whose gradient is right, and the update of the weights wrong.
    arguments : dict or None
        Of a layer's forward, where they are not the ones that it was given.
    """

    values: Mapping[str, Array]
    upstream: Array
    true: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    slopes: Mapping[str, list[tuple[Array, float, float]]] = dataclasses.field(default_factory=dict)
    stepped: tuple[str, ...] = ()
    output: Array | None = None
    arguments: Mapping[str, Any] | None = None
    rtol: float = CONFIRMED

    @property
    def known(self) -> set[str]:
        """What can be judged."""
        return {*self.true, *(name for name, found in self.slopes.items() if found)}

    @np.errstate(all="ignore")
    def right(self, name: str, g: Any) -> bool:
        """Whether a gradient is right, as far as is known here."""
        g = np.asarray(g, float)
        if not np.isfinite(g).all():
            return False
        if name in self.true:
            return close(g, np.asarray(self.true[name], float), self.rtol)
        return all(
            d.shape == g.shape
            and abs(float((g * d).sum()) - slope) <= error + CONFIRMED * float(
                np.linalg.norm(g) * np.linalg.norm(d)) / np.sqrt(max(d.size, 1))
            for d, slope, error in self.slopes.get(name, ())
        )  # fmt: skip


Gradients = dict[str, Any]


@contextmanager
def _called(found: set[types.CodeType]) -> Iterator[None]:
    """Collect the code that is called."""

    def look(frame: types.FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            found.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before if callable(before) else None)


@dataclasses.dataclass(frozen=True)
class OfALayer:
    """A layer, carried whole."""

    world: bytes

    def evaluated(
        self, codes: Codes, draw: Draw, names: Mapping[str, Any] | None = None
    ) -> Gradients:  # fmt: skip
        """The gradients of a layer with some functions replaced; a StudentError if it fails."""
        layer: Handwritten = revived(self.world, codes, names)
        if draw.arguments is not None:
            layer.arguments = dict(draw.arguments)
        copy = layer.placed(draw.values, layer.template)  # made for this one call
        call = gradients_of(layer, draw.values, draw.upstream, copy)
        if call.failed is not None:
            raise call.failed
        if draw.output is not None and not np.array_equal(call.output, draw.output, equal_nan=True):
            raise ArithmeticError  # an edit of the forward
        found = dict(call.gradients)
        found.update({"update of " + name: np.ones(()) for name in call.steps})
        for name in draw.stepped:  # what the weights moved by, as a gradient
            step = call.steps[name]
            factor = layer.rate if layer.rate and layer.rate_is_known else None
            if layer.asks_rate:
                factor = RATE_GIVEN
            if factor is None:
                factor = float(np.linalg.norm(step) / np.linalg.norm(call.gradients[name]))
            found["returned " + name] = call.gradients[name]
            found[name] = step / factor
        return found

    def calls(self, draw: Draw) -> tuple[set[types.CodeType], set[types.CodeType]]:
        """The code that the forward calls, and that the backward calls."""
        layer: Handwritten = revived(self.world)
        forward, backward = set[types.CodeType](), set[types.CodeType]()
        copy = layer.placed(draw.values)
        with _called(forward):
            output = layer.forward(copy, draw.values)
        try:
            with _called(backward):
                layer.backward(copy, output, draw.upstream, draw.values)
        except StudentError:
            pass
        return forward, backward

    def others(self, draw: Draw, names: list[str], rng: np.random.Generator) -> Iterator[Draw]:
        """The same with other values, and with other sizes where the forward takes them."""
        layer: Handwritten = revived(self.world)
        values = redrawn(draw.values, rng)
        for found in self._drawn(layer, values, names, rng, None):
            yield dataclasses.replace(found, stepped=draw.stepped)
        for values, arguments in _resized(layer, draw.values, rng):
            layer.arguments = dict(arguments)
            for found in self._drawn(layer, values, names, rng, arguments):
                yield dataclasses.replace(found, stepped=draw.stepped)

    def here(self, draw: Draw, names: list[str], rng: np.random.Generator) -> Draw:
        """A draw with slopes in the place of gradients that are not known."""
        layer: Handwritten = revived(self.world)
        return next(self._drawn(layer, draw.values, names, rng, None, draw.upstream), draw)

    def _drawn(
        self, layer: Handwritten, values: Mapping[str, Array], names: list[str],
        rng: np.random.Generator, arguments: Mapping[str, Any] | None,
        upstream: Array | None = None,
    ) -> Iterator[Draw]:  # fmt: skip
        try:
            output = layer.output(values)
        except StudentError:
            return
        if not np.isfinite(output).all():
            return
        if upstream is None:
            free = (layer.takes_upstream or layer.pointwise) and not layer.is_loss
            upstream = signed(rng, output.shape) if free else np.ones(output.shape)

        def f(name: str, z: Array) -> float:
            try:
                return float((layer.output({**values, name: z}) * upstream).sum())
            except StudentError:
                return float("nan")

        slopes: dict[str, list[tuple[Array, float, float]]] = {n: [] for n in names}
        for name in [n for n in names if n in values]:
            x = np.asarray(values[name], float)
            d = signed(rng, x.shape)
            slope, error = directional(lambda z, n=name: f(n, z), x, d)  # type: ignore[misc]
            if np.isfinite(slope) and error < 1e-4 * max(1.0, abs(slope)):
                slopes[name].append((d, slope, 10 * error + 1e-9))
        yield Draw(values, upstream, {}, slopes, output=output, arguments=arguments)


def _resized(
    layer: Handwritten, values: Mapping[str, Array], rng: np.random.Generator
) -> Iterator[tuple[dict[str, Array], dict[str, Any]]]:
    """Values and arguments where one size of the data is another: N, T, H and W."""
    plain = {n: a for n, a in layer.arguments.items() if isinstance(a, np.ndarray)}
    sizes = list(dict.fromkeys(n for a in plain.values() for n in a.shape))
    found = 0
    for size in sizes:
        for more in (1, 2):
            arguments = dict(layer.arguments)
            arguments |= {n: grown(a, size, size + more) for n, a in plain.items()}
            larger = dict(values)
            for value, (argument, path) in layer.argument_of.items():
                if path or value not in values or argument not in plain:
                    continue
                larger[value] = np.asarray(arguments[argument], float)
                if larger[value].shape != values[value].shape:
                    noise = 0.3 * rng.standard_normal(larger[value].shape)
                    larger[value] = np.asarray(redrawn({"x": larger[value]}, rng)["x"] + noise)
            if all(arguments[n].shape == a.shape for n, a in plain.items()):
                continue
            try:
                before = layer.arguments
                layer.arguments = arguments
                layer.output(larger)
            except StudentError:
                continue
            finally:
                layer.arguments = before
            found += 1
            yield larger, arguments
            break
        if found == 3:
            return


def grown(a: Array, old: int, new: int) -> Array:
    """An array with another length of the axes of one length; its entries are repeated."""
    for axis, n in enumerate(a.shape):
        if n == old:
            a = np.take(a, np.arange(new) % old, axis)
    return a


@dataclasses.dataclass(frozen=True)
class OfDerivations:
    """Functions that were given to ``hand``; the values and gradients of the graph are data."""

    world: bytes
    draws: tuple[Draw, ...] = ()

    def evaluated(
        self, codes: Codes, draw: Draw, names: Mapping[str, Any] | None = None
    ) -> Gradients:  # fmt: skip
        """What the functions give, each from the gradients that the others give."""
        given = revived(self.world, codes, names)
        found = Hands(given, draw.values, draw.true, draw.upstream)
        if not found.hands:
            raise StudentError(next(iter(found.failures.values()), ""))
        return dict(found.hands)

    def calls(self, draw: Draw) -> tuple[set[types.CodeType], set[types.CodeType]]:
        """The code that is called: all of it goes back."""
        found = set[types.CodeType]()
        given = revived(self.world)
        with _called(found):
            Hands(given, draw.values, draw.true, draw.upstream)
        return set(), found

    def others(self, draw: Draw, names: list[str], rng: np.random.Generator) -> Iterator[Draw]:
        """The other values that were drawn with the graph."""
        yield from self.draws


@dataclasses.dataclass(frozen=True)
class OfAnUpdate:
    """Update rules: their steps as gradients of the size of the true ones."""

    world: bytes
    draws: tuple[Draw, ...] = ()
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def evaluated(
        self, codes: Codes, draw: Draw, names: Mapping[str, Any] | None = None
    ) -> Gradients:  # fmt: skip
        """The steps down, divided by the rate where it is known, else scaled."""
        updated: Callable[..., Mapping[str, Array]]
        updated, update = revived(self.world, codes, names)
        known = {**draw.values, **{"d" + n: g for n, g in draw.true.items()}}
        known = {name: np.array(x) for name, x in known.items()}  # W -= ... changes them
        new, steps = updated(update, known, draw.true), {}
        for name, w in new.items():
            step = np.asarray(draw.values[name], float) - w
            if name in self.rates:
                steps[name] = step / self.rates[name]
                continue
            norm, size = np.linalg.norm(step), np.linalg.norm(draw.true[name])
            close_by = norm < 3 * size  # W <- -W is no step
            steps[name] = step * float(size / norm) if norm and close_by else step
        return steps

    def calls(self, draw: Draw) -> tuple[set[types.CodeType], set[types.CodeType]]:
        """The code that is called."""
        found = set[types.CodeType]()
        with suppress(StudentError), _called(found):
            self.evaluated({}, draw)
        return set(), found

    def others(self, draw: Draw, names: list[str], rng: np.random.Generator) -> Iterator[Draw]:
        """The other values that were drawn with the loss."""
        yield from self.draws


Trial = OfALayer | OfDerivations | OfAnUpdate
