"""Gradients derived by hand, beside those that are recorded in one evaluation of the function."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...autograd.modes import no_grad
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, DTypeError, ShapeError
from ...graph.recorded.tape import Tape
from ...kernels import Array
from ...messages import _
from ..causes.case import Case
from ..truth.comparison import close, granted
from ..truth.differences import signed
from ..truth.tolerances import ASKED, NOTHING, REPEATED
from ..truth.uncertainty import of_the_data
from .calls import StudentError, as_array, attempted, called_by_name, parameters_of


class Hands:
    """Gradients derived by hand: arrays, and functions that may ask for each other's.

    Attributes
    ----------
    hands : dict of str to array
        As they were given.
    failures : dict of str to str
        Why functions for others gave nothing.
    """

    def __init__(
        self, given: Mapping[str, Any], values: Mapping[str, Array],
        gradients: Mapping[str, Array], upstream: Array,
    ) -> None:  # fmt: skip
        self.given, self.values, self.gradients = given, values, gradients
        self.upstream = upstream
        self.hands: dict[str, Array] = {}
        self.failures: dict[str, str] = {}
        for name in given:
            self._hand(name, ())

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
        self, h: Callable[..., Any], name: str, asked: tuple[str, ...] = (), own: bool = True,
        changed: Mapping[str, Array] | None = None,
    ) -> Any:  # fmt: skip
        """A function's gradient, from the student's other gradients or from the recorded ones.

        With ``changed`` some of its arguments are others than it asks for.
        """
        known = {k: np.array(v) for k, v in self.values.items()}
        for p in argument_names(h):
            source = p[1:]
            if p in known or not p.startswith("d") or source not in self.gradients:
                continue
            mine = None
            if own and source in (*asked, name):
                circle = " <- ".join("d" + n for n in (*asked, name, source))
                text = _("the gradients ask for each other in a circle: {circle}", circle=circle)
                raise StudentError(text)
            if own and source in self.given:
                mine = self._hand(source, (*asked, name))
                if mine is None:
                    raise StudentError(_("it needs d{source}, which fails", source=source))
            known[p] = np.array(self.gradients[source] if mine is None else mine)
        known.setdefault("upstream", np.array(self.upstream))
        known.update(changed or {})
        return called_by_name(h, known, _("the gradient of {name}", name=name))


class Derivation:
    """One evaluation of ``f`` with the gradients recorded and those derived by hand.

    Attributes
    ----------
    tape : Tape
    values : dict of str to array
        Everything that has a name: the inputs and what was named inside ``f``.
    gradients : dict of str to array
        The recorded ones, of all that has a name.
    hands, failures : dict
        The derived ones; see :class:`Hands`.
    in_float32 : bool
        Whether the inputs were promoted from float32.
    """

    in_float32 = False

    def __init__(
        self, f: Callable[..., Any], arrays: Mapping[str, Array], given: Mapping[str, Any],
        upstream: Any, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.f, self.arrays, self.given = f, arrays, given
        y = attempted(f, **self.tensors())
        if not isinstance(y, Tensor):
            text = _("f must give a Tensor, not {kind}: its computation left the graph")
            raise DTypeError(text, kind=type(y).__name__)
        if upstream is not None:
            self.upstream = np.asarray(upstream, float)
            if self.upstream.shape != y.shape:
                text = _("upstream has the shape {got}, the output of f {shape}")
                raise ShapeError(text, got=self.upstream.shape, shape=y.shape)
        else:
            self.upstream = signed(rng, y.shape) if y.shape else np.ones(())
        self.output, self.tape = y, Tape(y)
        self.values: dict[str, Array] = {
            **{name: self.tape.nodes[i]._array for name, i in self.tape.names.items()},
            **arrays,
        }
        self._pulled = self.tape.pull(self.upstream) if y.requires_grad else {}
        self.gradients = {
            name: self._pulled.get(i, np.zeros(self.tape.nodes[i].shape))
            for name, i in self.tape.names.items()
        }
        for name, x in arrays.items():
            if x.dtype.kind == "f":
                self.gradients.setdefault(name, np.zeros(x.shape))
        for name in given:
            self._known(name)
        self._derived = Hands(given, self.values, self.gradients, self.upstream)
        self.hands, self.failures = self._derived.hands, self._derived.failures

    def _known(self, name: str) -> None:
        """Refuse a name that is in neither the inputs nor the graph."""
        if name not in self.gradients and name[1:] in self.gradients:
            text = _("gradients go by the names of their values: {short}, not {name}")
            raise ArgumentError(text, name=name, short=name[1:])
        if name not in self.gradients:
            text = _(
                "there is no value {name} to check: the graph has {known}; name an "
                "intermediate with .named({name!r})"
            )
            raise ArgumentError(text, name=name, known=", ".join(self.gradients))

    def tensors(self, changed: Mapping[str, Array] | None = None) -> dict[str, Any]:
        """What ``f`` is called with: the floating inputs are recorded."""
        return {
            name: Tensor(x, requires_grad=True, name=name) if x.dtype.kind == "f" else x
            for name, x in {**self.arrays, **(changed or {})}.items()
        }

    # --- what was derived ----------------------------------------------------------------------

    def computed(self, h: Callable[..., Any], name: str, **how: Any) -> Any:
        """:meth:`Hands.computed`."""
        return self._derived.computed(h, name, **how)

    def repeats(self, name: str) -> bool:
        """Whether a gradient is the same when its function is called again."""
        h, mine = self.given[name], self.hands[name]
        try:
            again = as_array(self.computed(h, name)) if callable(h) else mine
        except StudentError:
            return False
        return mine.shape == again.shape and np.array_equal(mine, again, equal_nan=True)

    def right_from_true(self, name: str) -> bool:
        """Whether a function gives the right gradient when it gets the right upstream."""
        h = self.given[name]
        try:
            found = as_array(self.computed(h, name, own=False) if callable(h) else None)
        except StudentError:
            return False
        return close(np.asarray(found, float), self.gradients[name], ASKED)

    # --- the function --------------------------------------------------------------------------

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
        if not np.isfinite(here):
            return True
        return any(abs(self.value() - here) <= REPEATED * abs(here) for _again in range(2))

    @property
    def size(self) -> float:
        """How large the numbers are of which gradients are made."""
        values = (float(np.abs(n._array).max(initial=0.0)) for n in self.tape.nodes)
        return max(values, default=0.0) * float(np.abs(self.upstream).max(initial=0.0))

    def rounding(self, name: str) -> Array:
        """What rounding may do to a gradient in which larger numbers cancel.

        At an optimum all of them cancel: such a gradient is nothing but rounding, and not only of
        what is computed on the way back. The weights at which it would be zero are rounded, too.
        """
        tape, mine, true = self.tape.expanded(), self.hands[name], self.gradients[name]
        if name not in tape.names:
            return np.zeros(true.shape)
        error = tape.rounding(self.upstream, tape.names[name])
        largest = float(np.abs(true).max(initial=0.0))
        if largest <= 10 * NOTHING:  # the rounding of the data explains no more
            of_data = of_the_data(tape, name, self.upstream)
            if largest <= 10 * of_data.max(initial=0.0):
                error = np.maximum(error, of_data)
        if granted(mine, 0.0):  # it was computed in float32, and lost more
            info = np.finfo(mine.dtype)
            error = error * float(info.eps / np.finfo(float).eps) + float(info.tiny)
        return error

    # --- gradients from each other -------------------------------------------------------------

    def wrong_later(self, name: str) -> list[str]:
        """The wrong hand gradients of values that lie between this one and the loss."""
        if name not in self.tape.names:
            return []
        on_path = {i for i, _p in self.tape.path(self.tape.names[name])}
        later = [n for n in self.hands if n != name and self.tape.names.get(n) in on_path]
        return [
            n for n in later
            if not close(np.asarray(self.hands[n], float), self.gradients[n],
                         granted(self.hands[n], ASKED))
        ]  # fmt: skip

    def wrong_given(self, name: str) -> dict[str, Array]:
        """Those of the right shape, from which this one may have been computed."""
        there = {n: np.asarray(self.hands[n], float) for n in self.wrong_later(name)}
        return {n: g for n, g in there.items() if g.shape == self.gradients[n].shape}

    def follows(self, name: str, rtol: float) -> bool:
        """Whether a wrong gradient is the right function of later wrong ones."""
        given, mine = self.wrong_given(name), np.asarray(self.hands[name], float)
        ways = (self.pulled(name, given, carried) for carried in (False, True))
        return bool(given) and any(close(mine, there, rtol) for there in ways)

    def pulled(self, name: str, given: Mapping[str, Array], carried: bool = False) -> Array:
        """The recorded gradient that follows from given gradients of later values.

        With ``carried`` they also stand where they come from unchanged, but for a sign: who
        derives by hand has one gradient for ``o`` and for ``r = o - x``, and uses it for both.
        """
        if not given:
            return self.gradients[name]
        numbers = {self.tape.names[n]: np.asarray(g, float) for n, g in given.items()}
        if carried:
            numbers = {**self._carried(numbers), **numbers}
        found = self.tape.pull(self.upstream, given=numbers)
        zero = np.zeros(self.gradients[name].shape)
        return found.get(self.tape.names[name], zero) if name in self.tape.names else zero

    def _carried(self, given: Mapping[int, Array]) -> dict[int, Array]:
        """Given gradients at the later nodes whose true gradient is the same, or minus the same."""
        users: dict[int | None, list[int]] = {}
        for j, node in enumerate(self.tape.nodes):
            for x in node._inputs:
                users.setdefault(self.tape.number(x), []).append(j)
        found: dict[int, Array] = {}
        for i, g in given.items():
            while len(later := users.get(i, [])) == 1:
                here, there = self._pulled.get(i), self._pulled.get(later[0])
                if here is None or there is None or not np.any(here):
                    break
                if np.array_equal(here, -there):
                    g = -g
                elif not np.array_equal(here, there):
                    break
                i, found[later[0]] = later[0], g
        return found

    def case(self, name: str, given: Mapping[str, Array], rtol: float) -> Case:
        """What the hypotheses get to see, where later gradients are given."""
        tape = self.tape.expanded()
        return Case(
            name, np.asarray(self.hands[name], float), self.pulled(name, given), self.values[name],
            self.values, tape if name in tape.names else None, self.upstream, given, rtol,
            f=lambda x: self.value(**{name: x}), rerun=self._rerun, hands=self.hands,
            arguments=self._arguments(name), called=partial(self._called, name),
        )  # fmt: skip

    def _arguments(self, name: str) -> dict[str, Array]:
        """What a student's function is called with; nothing for an array."""
        h = self.given[name]
        asked = argument_names(h) if callable(h) else []
        gradients = {"d" + n: g for n, g in self.gradients.items()} | {
            "d" + n: np.asarray(g, float) for n, g in self.hands.items()
        }
        known = {**gradients, **self.values}
        return {p: known[p] for p in asked if p in known}

    def _called(self, name: str, changed: Mapping[str, Array]) -> Array:
        return np.asarray(as_array(self.computed(self.given[name], name, changed=changed)), float)

    def _rerun(self, changed: Mapping[str, Array]) -> Tape:
        return Tape(self.f(**self.tensors(changed))).expanded()


def argument_names(h: Any) -> list[str]:
    """The names of a function's arguments."""
    return [p.name for p in parameters_of(h)]
