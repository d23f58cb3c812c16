"""Look on while a model trains, and note what each layer does."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd.guards import observers
from ..autograd.guards.debug import Trace
from ..autograd.modes import Call, current_mode
from ..autograd.tensor import Tensor
from ..checks import whole
from ..errors import DTypeError
from ..kernels import to_numpy
from ..nn.module import Module, Parameter
from ..nn.summary import titled
from .judging import judge
from .neurons import PLATEAUS, Neurons, together
from .report import HealthReport
from .sequence import Use, sequences, usual

PRODUCTS = {"linear", "matmul"}  # where a matrix of weights is used
CALLS = 2_000  # of the model that are remembered, for a backward() that may come later, or again


def watch(model: Module, *, window: int = 50) -> Watch:
    """Look on while a model trains.

    From now on each ``backward()`` of a loss that came from ``model`` is noted, until ``close()``
    or the end of the ``with`` block; nothing is changed. Gradients taken by ``tg.grad`` and the
    other transforms are not seen.

    Parameters
    ----------
    model
        The Module that is called. Its activations may be Modules or functions; the one that gives
        its output (at most reshaped or mapped entry by entry after it) is left out, for a good
        classifier is sure of itself.
    window
        How many of the last steps a report rests on.

    Raises
    ------
    DTypeError, ArgumentError
        If ``model`` is no Module, if ``window`` is below 1.

    Examples
    --------
    Many layers with a sigmoid (document 002, slide 14):

    >>> import tinygrad_fr as tg
    >>> tg.manual_seed(0)
    >>> model = tg.nn.models.mlp([4] + 8 * [16] + [2], tg.nn.Sigmoid)
    >>> with tg.health.watch(model) as watched:
    ...     tg.cross_entropy(model(np.ones((5, 4))), [0, 1, 0, 1, 1]).backward()
    >>> report = watched.report()
    >>> bool(report), report["0"].verdicts, report["16"].verdicts
    (False, ('vanishing',), ())
    """
    if not isinstance(model, Module):
        raise DTypeError(
            "health.watch takes a Module, such as nn.Sequential(...), not {kind}",
            kind=type(model).__name__,
        )
    return Watch(model, whole(window, "window", 1))


class Watch:
    """What ``health.watch`` returns: looks on, and reports.

    Attributes
    ----------
    steps : int
        How many backward passes were seen.
    gradients : dict of str to list of float or None
        For each layer with parameters, the norm of their gradient at each step: infinite where it
        was not finite, None where none arrived (nor was asked for, in a frozen layer).
    through_time : dict of str to list of float
        For each matrix of weights used at one step of a sequence after another (the W_hh of an
        RNN), the norm of the gradient that arrives at each of them, the first step first: the
        median over the window.
    dead, saturated : dict of str to list of float
        For each activation, the share of its neurons that were so over the window, at each step.
    """

    def __init__(self, model: Module, window: int) -> None:
        self.model, self.window, self.steps = model, window, 0
        self.gradients: dict[str, list[float | None]] = {}
        self.dead: dict[str, list[float]] = {}
        self.saturated: dict[str, list[float]] = {}
        self.whole: list[float | None] = []  # the norm of all gradients at each step
        # Of each layer: the root mean square of its gradient in the last steps, and where
        # the last one used it. Of each activation: what the last steps saw.
        self.sizes: dict[str, deque[float | None]] = {}
        self.places: dict[str, float] = {}
        self.recent: dict[str, deque[Neurons]] = {}
        # Of each matrix that is used at several steps: what arrived at each, and its layer.
        self._sequences: dict[str, deque[list[float]]] = {}
        self.owners: dict[str, str] = {}
        # Calls of the model, by id, with the ranks of what gave their outputs.
        self._calls: dict[int, tuple[Call, set[int]]] = {}
        self._pass = threading.local()
        self._remove = model.register_forward_hook(self._hook())
        observers.add(self)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Look on no longer; what was seen stays."""
        observers.discard(self)
        self._remove()

    def report(self) -> HealthReport:
        """The verdict on the last ``window`` steps."""
        layers = dict(_layers(dict(self.model.named_modules())))
        weights = {name: _norm([p._array for p in own]) for name, own in layers.items()}
        usual = {
            name: math.sqrt(sum(p._array.shape[0] if p._array.ndim else 1 for p in own) / 3)
            for name, own in layers.items()
        }
        return judge(self, weights, usual)

    def __repr__(self) -> str:
        return str(self.report())

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    def _hook(self) -> Callable[[Module, tuple[Any, ...], Any], None]:
        def called(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
            """Note the call of the model that ends here: its operations know their calls."""
            outside = current_mode().module
            if module is self.model:  # and not a copy of it, which has the same hook
                for y in _tensors(output):
                    for call in _around(y):
                        if call.parent is outside:
                            known = self._calls.setdefault(id(call), (call, set()))
                            known[1].update(_giving(y))
                if len(self._calls) > CALLS:
                    for key in list(self._calls)[: CALLS // 2]:
                        self._calls.pop(key, None)

        return called

    # --- what the engine tells -------------------------------------------------------------------

    def node(self, node: Any, gradient: Any, _waiting: dict[int, Any]) -> None:
        """An operation has received its upstream gradient."""
        now = self._pass
        if node._rank > getattr(now, "rank", -1):  # ranks fall: this is the first of a pass
            now.used, now.seen, now.uses = {}, [], {}
        now.rank = node._rank
        for x in node._inputs:
            if isinstance(x, Parameter):
                now.used[id(x)] = node._rank
            matrix = _matrix(x) if node._op.name in PRODUCTS else None
            if matrix is not None:
                *_inner, outermost = [None, *_around(node)]
                norm = _norm([getattr(gradient, "_array", gradient)])
                now.uses.setdefault(id(matrix), []).append(Use(outermost, node._rank, norm))
        if node._op.name not in PLATEAUS:
            return
        around = list(_around(node))
        for call in around:
            known = self._calls.get(id(call))
            if known is not None and node._rank not in known[1]:
                path = around[0].path[len(call.path) :].lstrip(".")
                now.seen.append((node._rank, around[0], path, node._op.name, Neurons.of(node)))
                return

    def leaves(self, found: list[tuple[Any, Any]]) -> None:
        """The pass is over: these are the leaves and their gradients."""
        now = self._pass
        rank, now.rank = getattr(now, "rank", -1), -1
        modules = dict(self.model.named_modules())
        layers = dict(_layers(modules))
        gradients = {id(leaf): to_numpy(getattr(g, "_array", g)) for leaf, g in found}
        mine = any(id(p) in gradients for own in layers.values() for p in own)
        if rank < 0 or not (mine or now.seen):
            return  # another model's
        self.steps += 1
        first = min([*now.used.values(), *(seen[0] for seen in now.seen), rank])
        frozen: dict[str, list[Parameter]] = {
            name: [] for name in self.gradients if name not in layers
        }
        norms = [self._note_layer(name, own, gradients) for name, own in (layers | frozen).items()]
        self.whole.append(math.hypot(*(norm for norm in norms if norm is not None)))
        following = np.inf
        for name, own in reversed(layers.items()):
            used = [now.used[id(p)] - first for p in own if id(p) in now.used]
            # A layer that the pass did not reach stands before the next one of the model.
            self.places[name] = following = min(used, default=following - 0.5)
        steps = self._note_sequences(modules)
        for name, (place, neurons) in _named(now.seen, modules, steps).items():
            recent = self.recent.setdefault(name, deque(maxlen=self.window))
            recent.append(neurons)
            self.places[name] = place - first
            lately = together(recent)
            for noted, share in ((self.dead, lately.dead), (self.saturated, lately.saturated)):
                if share is not None:
                    noted.setdefault(name, []).append(share)
        now.seen, now.used, now.uses = [], {}, {}

    def _note_sequences(self, modules: dict[str, Module]) -> dict[str, int]:
        """Note the gradients through time; give back how many steps each module made."""
        uses, named = self._pass.uses, self.model.named_parameters()
        found = sequences({path: uses[id(p)] for path, p in named if id(p) in uses})
        steps: dict[str, int] = {}
        for name, norms in found.items():
            self._sequences.setdefault(name, deque(maxlen=self.window)).append(norms)
            owner = name
            while owner not in modules:
                owner = owner.rpartition(".")[0]
            self.owners[name] = titled(owner, modules[owner])
            steps[owner] = len(norms)
        return steps

    @property
    def through_time(self) -> dict[str, list[float]]:
        """The gradient at each step of a sequence, by matrix."""
        return {name: usual(passes) for name, passes in self._sequences.items()}

    def _note_layer(
        self, name: str, own: list[Parameter], gradients: dict[int, Any]
    ) -> float | None:
        """Note the gradient of a layer, and give back its norm."""
        arrived = [gradients[id(p)] for p in own if id(p) in gradients]
        norm = _norm(arrived) if arrived else None
        norms = self.gradients.setdefault(name, [None] * (self.steps - 1))
        norms.append(norm)
        sizes = self.sizes.setdefault(name, deque(maxlen=self.window))
        sizes.append(_size(arrived) if arrived else None)
        return norm


def _norm(arrays: list[Any]) -> float:
    """The norm of all entries together: infinite if one is not finite.

    As products, that pass over the memory once; where those leave their range, by parts.
    """
    arrays = [*map(to_numpy, arrays)]
    with np.errstate(all="ignore"):
        square = sum(float(np.vdot(a, a)) for a in arrays if a.dtype != np.float16)
        if 1e-30 < square < 1e30 and all(a.dtype != np.float16 for a in arrays):
            return math.sqrt(square)
        largest = max((float(abs(a).max()) for a in arrays if a.size), default=0.0)
        if not math.isfinite(largest):
            return math.inf
        if not largest:
            return 0.0
        parts = [a.astype(np.float64) / largest for a in arrays]
        return largest * math.sqrt(sum(float(np.vdot(a, a)) for a in parts))


def _size(gradients: list[Any]) -> float:
    """The root mean square of the rows that have a gradient: few in an Embedding's table."""
    rows = [g.reshape(len(g) if g.ndim else 1, -1) for g in gradients if g.size]
    reached = sum(np.count_nonzero(g.any(axis=1)) * g.shape[1] for g in rows)
    return _norm(gradients) / math.sqrt(max(reached, 1))


def _tensors(output: Any) -> Iterator[Any]:
    """The Tensors of a model's output."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, (tuple, list)):
        for value in output:
            yield from _tensors(value)


def _around(node: Any) -> Iterator[Call]:
    """The Module calls that an operation happened in, the innermost first."""
    where = node._where
    call: Any = where.module if isinstance(where, Trace) else where
    while call is not None:
        yield call
        call = call.parent


def _giving(y: Any) -> Iterator[int]:
    """The ranks of an output, and of what is only reshaped or mapped entry by entry to it."""
    while True:
        yield y._rank
        inputs = [x for x in y._inputs if isinstance(x, Tensor)]
        if len(inputs) != 1 or isinstance(inputs[0], Parameter) or y._op.name in PLATEAUS:
            return
        if inputs[0]._array.size != y._array.size:
            return
        y = inputs[0]


def _matrix(x: Any) -> Parameter | None:
    """The matrix of weights that an operand is, or is the transpose of."""
    if isinstance(x, Tensor) and x._op is not None and x._op.name in ("transpose", "swapaxes"):
        x = x._inputs[0]
    return x if isinstance(x, Parameter) and x._array.ndim == 2 else None


def _layers(modules: dict[str, Module]) -> Iterator[tuple[str, list[Parameter]]]:
    """The layers with learned parameters of their own; a shared one counts once."""
    counted: set[int] = set()
    for path, module in modules.items():
        own = [
            x
            for _name, x in module._attributes()
            if isinstance(x, Parameter) and x._requires_grad and id(x) not in counted
        ]
        counted.update(map(id, own))
        if own:
            yield titled(path, module), own


def _named(
    seen: list[tuple[int, Call, str, str, Neurons]], modules: dict[str, Module],
    steps: dict[str, int],
) -> dict[str, tuple[int, Neurons]]:  # fmt: skip
    """The activations of a pass by name; several calls of one Module are taken together.

    So are the same ones of each step of a sequence.
    """
    named: dict[str, tuple[int, Neurons]] = {}
    number: Counter[tuple[int, str]] = Counter()
    total = Counter((id(call), operation) for _rank, call, _path, operation, _neurons in seen)
    for rank, call, path, operation, neurons in sorted(seen, key=lambda item: item[0]):
        module = modules.get(path)
        alone = module is not None and not any(True for _x in module.named_children())
        if path and alone and type(module).__name__.lower() == operation.replace("_", ""):
            name = f"{path} ({type(module).__name__})"
        else:  # a function in a forward; the second such one is another layer
            number[id(call), operation] += 1
            count, all_steps = number[id(call), operation], total[id(call), operation]
            if all_steps % steps.get(path, all_steps) == 0:
                each = all_steps // steps.get(path, 1)
                count = (count - 1) % each + 1
            name = ".".join(filter(None, [path, operation])) + (f" {count}" if count > 1 else "")
        before = named.get(name)
        if before is not None and len(before[1]) != len(neurons):
            name = f"{name} [{len(neurons)}]"
            before = named.get(name)
        named[name] = (
            (rank, neurons) if before is None else (before[0], together([before[1], neurons]))
        )
    return named
