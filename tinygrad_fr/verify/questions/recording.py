"""One evaluation of a function with the gradients recorded, and those derived by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...autograd.modes import no_grad
from ...autograd.tensor import Tensor
from ...autograd.transforms import gradients
from ...errors import ArgumentError, DTypeError, ShapeError
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ..causes.case import Case
from ..handwritten.calls import StudentError, as_array, attempted, called_by_name, parameters_of
from ..truth.differences import signed


@dataclass
class Recording:
    """One evaluation of ``f`` with the gradients recorded and those by hand."""

    f: Callable[..., Any]
    arrays: dict[str, Array]
    given: Mapping[str, Any]
    wanted_upstream: Any
    rng: np.random.Generator
    hands: dict[str, Array] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    following: set[str] = field(default_factory=set)  # right, but for a wrong upstream

    def __post_init__(self) -> None:
        y = attempted(self.f, **self.tensors())
        if not isinstance(y, Tensor):
            text = _("f must give a Tensor, not {kind}: its computation left the graph")
            raise DTypeError(text, kind=type(y).__name__)
        self.output = y
        if self.wanted_upstream is not None:
            self.upstream = np.asarray(self.wanted_upstream, float)
            if self.upstream.shape != y.shape:
                text = _("upstream has the shape {got}, the output of f {shape}")
                raise ShapeError(text, got=self.upstream.shape, shape=y.shape)
        else:
            self.upstream = signed(self.rng, y.shape) if y.shape else np.ones(())
        self.tape = Tape(y)
        self.size = max(
            (float(np.abs(n._array).max(initial=0.0)) for n in self.tape.nodes), default=0.0
        ) * float(np.abs(self.upstream).max(initial=0.0))
        self.values: dict[str, Array] = {
            **{name: self.tape.nodes[i]._array for name, i in self.tape.names.items()},
            **self.arrays,
        }
        self.gradients = self._recorded()
        for name in self.given:
            if name not in self.gradients and name[1:] in self.gradients:
                text = _("gradients go by the names of their values: {short}, not {name}")
                raise ArgumentError(text, name=name, short=name[1:])
            if name not in self.gradients:
                text = _(
                    "there is no value {name} to check: the graph has {known}; name an "
                    "intermediate with .named({name!r})"
                )
                raise ArgumentError(text, name=name, known=", ".join(self.gradients))
        for name in self.given:
            self._hand(name, ())

    def tensors(self, changed: Mapping[str, Array] | None = None) -> dict[str, Any]:
        """What ``f`` is called with: the floating inputs are recorded."""
        return {
            name: Tensor(x, requires_grad=True, name=name) if x.dtype.kind == "f" else x
            for name, x in {**self.arrays, **(changed or {})}.items()
        }

    def _recorded(self) -> dict[str, Array]:
        found = self.tape.pull(self.upstream) if self.output.requires_grad else {}
        gradients = {
            name: found.get(i, np.zeros(self.tape.nodes[i].shape))
            for name, i in self.tape.names.items()
        }
        for name, x in self.arrays.items():
            if x.dtype.kind == "f":
                gradients.setdefault(name, np.zeros(x.shape))
        return gradients

    def _hand(self, name: str, asked: tuple[str, ...]) -> Array | None:
        """The student's gradient, computed once; it may ask for others by ``d`` + name."""
        if name in self.hands or name in self.failures:
            return self.hands.get(name)
        try:
            h = self.given[name]
            self.hands[name] = as_array(self.computed(h, name, asked) if callable(h) else h)
        except StudentError as error:
            self.failures[name] = str(error)
        return self.hands.get(name)

    def computed(
        self, h: Callable[..., Any], name: str, asked: tuple[str, ...] = (), own: bool = True
    ) -> Any:
        """A function's gradient, from the student's other gradients or from the recorded ones."""
        known = {k: np.array(v) for k, v in self.values.items()}
        for p in argument_names(h):
            source = p[1:]
            if p in known or not p.startswith("d") or source not in self.gradients:
                continue
            mine = None
            if own and source in (*asked, name):
                circle = " <- ".join("d" + n for n in (*asked, name, source))
                text = _("the gradients ask for each other in a circle: {circle}")
                raise StudentError(text.format(circle=circle))
            if own and source in self.given:
                mine = self._hand(source, (*asked, name))
                if mine is None:
                    text = _("it needs d{source}, which fails")
                    raise StudentError(text.format(source=source))
            known[p] = np.array(self.gradients[source] if mine is None else mine)
        known.setdefault("upstream", np.array(self.upstream))
        return called_by_name(h, known, _("the gradient of {name}", name=name))

    def rounding(self, name: str) -> Array:
        """What rounding may do to a gradient in which larger numbers cancel."""
        tape = self.tape.expanded()
        if name not in tape.names:
            return np.zeros(self.gradients[name].shape)
        return tape.rounding(self.upstream, tape.names[name])

    def repeats(self, name: str) -> bool:
        """Whether a function gives the same gradient when it is called again."""
        try:
            again = as_array(self.computed(self.given[name], name))
        except StudentError:
            return False
        mine = self.hands[name]
        return mine.shape == again.shape and np.array_equal(mine, again, equal_nan=True)

    def value(self, **changed: Array) -> float:
        """The weighted sum of the outputs, with some inputs or named values changed."""
        numbers = self.tape.names
        inner = {numbers[k]: v for k, v in changed.items() if k not in self.arrays}
        with no_grad(), np.errstate(all="ignore"):
            if inner:
                y: Any = self.tape.replayed(values=inner).output
            else:
                both = {**self.arrays, **changed}
                y = self.f(**{k: Tensor(v) if v.dtype.kind == "f" else v for k, v in both.items()})
        return float((y.data * self.upstream).sum())

    def repeatable(self) -> bool:
        """Whether the function gives the same values when it is called again."""
        here = float((self.output.data * self.upstream).sum())
        return bool(self.value() == here or abs(self.value() - here) <= 1e-12 * abs(here)
                    or not np.isfinite(here))  # fmt: skip

    def later(self, name: str) -> list[str]:
        """Other hand gradients of values that lie between this one and the loss."""
        if name not in self.tape.names:
            return []
        on_path = {i for i, _p in self.tape.path(self.tape.names[name])}
        return [n for n in self.hands if n != name and self.tape.names.get(n) in on_path]

    def pulled(self, name: str, given: Mapping[str, Array]) -> Array:
        """The recorded gradient that follows from given gradients of later values."""
        if not given:
            return self.gradients[name]
        numbers = {self.tape.names[n]: np.asarray(g, float) for n, g in given.items()}
        found = self.tape.pull(self.upstream, given=numbers)
        zero = np.zeros(self.gradients[name].shape)
        return found.get(self.tape.names[name], zero) if name in self.tape.names else zero

    def case(self, name: str, given: Mapping[str, Array], rtol: float) -> Case:
        """What the hypotheses get to see, where later gradients are given."""
        tape = self.tape.expanded()
        return Case(
            name, np.asarray(self.hands[name], float), self.pulled(name, given), self.values[name],
            self.values, tape if name in tape.names else None, self.upstream, given, rtol,
            f=lambda x: self.value(**{name: x}), rerun=self._rerun, hands=self.hands,
        )  # fmt: skip

    def _rerun(self, changed: Mapping[str, Array]) -> Tape:
        return Tape(self.f(**self.tensors(changed))).expanded()


def recorded(y: Tensor, xs: list[Tensor], upstream: Array | None = None) -> list[Array]:
    """The gradients by reverse mode: zeros for what a result does not depend on."""
    found: Any = [None] * len(xs)
    if y.requires_grad:
        found = gradients(y, xs, upstream, retain_graph=True)
    return [np.zeros(x.shape) if g is None else g.data for x, g in zip(xs, found, strict=True)]


def argument_names(h: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments."""
    return [p.name for p in parameters_of(h)]
