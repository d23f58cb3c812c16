"""One evaluation of a layer: its values, an upstream gradient, and its graph where it is known."""

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...graph.recorded.tape import Tape
from ...kernels import Array
from ..causes.case import Case
from ..truth.differences import signed
from ..truth.limits import redrawn
from .arguments import RATE_GIVEN
from .calls import StudentError
from .gradients import Call, gradients_of
from .parts import Handwritten
from .recognition import Recognised


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A layer on some values and with one upstream gradient; ``forward`` computes its output."""

    layer: Handwritten
    values: Mapping[str, Array]
    upstream: Array
    known: Recognised
    forward: Callable[..., Any]
    tape: Tape | None

    def moved(self, name: str, z: Array) -> float:
        """The weighted output as a function of one value alone; NaN where the forward fails."""
        try:
            return float((self.forward({**self.values, name: z}) * self.upstream).sum())
        except StudentError:
            return np.nan

    @property
    def seconds(self) -> float:
        """What a forward takes now."""
        start = time.perf_counter()
        self.layer.output(self.values)
        return max(time.perf_counter() - start, 1e-6)

    def case(self, name: str, call: Call, true: Array, rtol: float) -> Case:
        """What the hypotheses get to see of a gradient."""
        others = {k: np.asarray(v) for k, v in self.layer.constants.items()}
        known = {k: v for k, v in others.items() if v.dtype.kind in "fiu"}
        if self.layer.asks_rate:
            known["lr"] = np.array(RATE_GIVEN)  # what the backward is called with
        elif self.layer.rate is not None and self.layer.rate_is_known:
            known["lr"] = np.array(self.layer.rate)
        tape = self.tape.expanded() if self.tape is not None else None
        if tape is not None:
            inner = {n: tape.nodes[i]._array for n, i in tape.names.items()}
            known = {**{n: v for n, v in inner.items() if n not in self.values}, **known}
        return Case(
            name, np.asarray(call.gradients[name], float), true, self.values[name],
            {"upstream": self.upstream, **self.values, **known},
            tape if tape is not None and name in tape.names else None, self.upstream, {}, rtol,
            f=partial(self.moved, name), rerun=self._rerun if tape is not None else None,
            hands=call.gradients,
        )  # fmt: skip

    def _rerun(self, changed: Mapping[str, Array]) -> Tape:
        """The graph with other integers among the arguments; a ValueError where it is not known."""
        other = copy.copy(self.layer)
        lists = {n: x.tolist() for n, x in changed.items() if isinstance(other.arguments[n], list)}
        other.arguments = {**other.arguments, **changed, **lists}
        try:
            tape = self.known.tape(self.values, other)
        except StudentError as error:  # they are no labels
            raise ValueError from error
        if tape is None:
            raise ValueError
        return tape.expanded()

    def with_input(self, name: str, x: Array) -> Array | None:
        """The recorded gradient at another input; None where the layer is not known."""
        tape = self.known.tape({**self.values, "input": x})
        return None if tape is None else tape.gradient(name, self.upstream)

    def again(self, name: str, rtol: float, rng: np.random.Generator) -> list[Case]:
        """The same with other random values and another upstream gradient."""
        values = redrawn(self.values, rng)
        tape, upstream = self.known.tape(values), self.upstream
        if tape is None:
            return []
        if (upstream != 1).any():  # what is zero stays so
            upstream = signed(rng, upstream.shape) * (upstream != 0)
        try:
            call = gradients_of(self.layer, values, upstream)
        except StudentError:
            return []
        g = tape.gradient(name, upstream)
        if g is None or name not in call.gradients:
            return []
        other = dataclasses.replace(self, values=values, upstream=upstream, tape=tape)
        return [other.case(name, call, g, rtol)]
