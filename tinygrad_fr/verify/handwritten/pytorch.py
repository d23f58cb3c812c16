"""Functions and Modules of PyTorch as subjects: tensors at the border become arrays, and back."""

# ruff: noqa: D102 - Subject says what the methods are

import copy
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...kernels import Array
from ...messages import _
from ...ops import concatenate
from ...worker.subject import Answer, Slot, label
from ..vocabulary import BACKWARD, members
from .calls import StudentError, attempted, in_words, made, parameters_of, positional
from .canvas import Canvas, plain
from .here import Here, seeded, subject_of
from .inside import is_array, walk
from .places import flat, leaves, mapped, with_array
from .torch_side import (
    array_given,
    array_of,
    copied,
    functions_before,
    promoted,
    recorded_again,
    reduced,
    refuse_hidden,
    returned_by,
    watch_upstream,
    watched,
)
from .twins import Twins


def is_of_torch(thing: Any) -> bool:
    """Whether something is a Function or a Module of PyTorch: a class, an object, an ``apply``."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    kind = _function(thing) if isinstance(_function(thing), type) else type(thing)
    return issubclass(kind, (torch.autograd.Function, torch.nn.Module))


def subject_for(thing: Any, forward: Any = None, backward: Any = None, x: Any = None) -> Here:
    """A copy of somebody's object as :func:`subject_of` makes it, or of what is PyTorch's."""
    if not is_of_torch(thing):
        return subject_of(thing, forward, backward, x)
    thing, torch = _function(thing), sys.modules["torch"]
    if isinstance(thing, torch.autograd.Function):
        thing = type(thing)  # MyFunction() for MyFunction
    if isinstance(thing, type) and issubclass(thing, torch.autograd.Function):
        if forward is not None or backward is not None:
            text = _(
                "{kind} has a forward and a backward of its own: leave forward=, backward= out"
            )
            raise ArgumentError(text, kind=thing.__name__)
        given = x if isinstance(x, tuple) else (x,)
        return Function(thing, [isinstance(a, (int, float)) for a in given])
    for name, method in (("forward", forward), ("backward", backward)):
        if not isinstance(method, (str, type(None))):
            text = _("{name}= takes the name of a method of the Module, not {value!r}")
            raise ArgumentError(text, name=name, value=method)
        if method is not None and not callable(getattr(thing, method, None)):
            kind = getattr(thing, "__name__", type(thing).__name__)
            raise ArgumentError("{kind} has no method {name}", kind=kind, name=method)
    with recorded_again():
        thing = made(thing) if isinstance(thing, type) else thing
        refuse_hidden(thing)
        thing = copied(thing).double()
    own = [n for n in members(thing, BACKWARD) if not hasattr(torch.nn.Module, n)]
    backward = backward or next(iter(own), None)
    kind = Module if backward is None else ByHand
    subject = kind(thing, forward or "forward", backward, {})
    for slot, array in subject.arrays().items():
        subject.put(slot, np.array(array, float))
    return subject


def as_arrays(x: Any) -> Any:
    """Arrays for tensors, in lists, tuples and dicts, too."""
    torch = sys.modules.get("torch")
    if torch is None:
        return x
    return mapped(lambda t: array_given(t) if isinstance(t, torch.Tensor) else t, x)


def in_one(arrays: Sequence[Array]) -> Array:
    """An output; of several, the entries of all."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.ravel(a) for a in arrays])


class Module(Here):
    """A Module whose gradients are those that PyTorch's own backward pass gives.

    The Functions in it are called by PyTorch. What one of them returns is seen where PyTorch
    refuses it.
    """

    automatic = True

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._twins: dict[int, tuple[Any, Tensor]] = {}
        self._leaves: dict[str, Any] = {}  # what gradients are wanted of, by their places
        self._outputs: list[Any] = []
        self._returned: Any = None  # with what is no tensor
        self._changed: list[str] = []  # what backwards have changed in place

    def duplicate(self) -> Here:
        twin = copy.copy(self)
        twin._owner, twin._twins = copied(self._owner), {}
        return twin

    # --- what it is made of --------------------------------------------------------------------

    def signature(self, method: str) -> list[inspect.Parameter]:
        if method == "forward":
            return parameters_of(self._code())
        return [inspect.Parameter("grad_output", inspect.Parameter.POSITIONAL_OR_KEYWORD)]

    def _code(self) -> Callable[..., Any]:
        """The forward that somebody wrote."""
        return getattr(self._owner, self._methods["forward"])  # type: ignore[no-any-return]

    def returned(self, method: str) -> tuple[str, ...]:
        return ()

    def functions(self) -> list[Any]:
        return []

    methods = forwards = functions

    def arrays(self, integers: bool = False) -> dict[Slot, Array]:
        held = {s: x if isinstance(x, (float, np.ndarray)) else array_of(x)
                for s, x in self._held()}  # fmt: skip
        return {s: np.asarray(x) for s, x in held.items() if is_array(x, integers, str(s[-1]))}

    def _held(self) -> Iterator[tuple[Slot, Any]]:
        """The tensors that may be parameters, each with the way to it."""
        for name, p in self._owner.named_parameters() if self.has_object else ():
            if p.requires_grad:
                yield tuple(name.split(".")), p

    def get(self, slot: Slot) -> Array:
        return self.arrays(integers=True)[slot]

    def put(self, slot: Slot, array: Any) -> None:
        torch = sys.modules["torch"]
        value, now = plain(array), dict(self._held())[slot]
        data = np.array(value._array if isinstance(value, Tensor) else value)
        with recorded_again():
            held: Any = torch.from_numpy(data)
        if isinstance(now, torch.nn.Parameter):
            now.data, held = held, now
        elif isinstance(now, float):
            super().put(slot, float(data))
        else:
            super().put(slot, held)
        if isinstance(value, Tensor) and not isinstance(now, float):
            self._twins[id(held)] = held, value

    # --- calling it ----------------------------------------------------------------------------

    def state(self) -> list[Any]:
        return [sys.modules["torch"].get_rng_state().numpy().tobytes()]

    def restore(self, state: list[Any]) -> None:
        pass  # each call is seeded

    def call(self, method: str, *arguments: Any, seed: int = 0, **named: Any) -> Answer:
        canvases = [x for x in flat(arguments) if isinstance(x, Canvas)]
        with promoted(seed):
            if method == "forward" and (canvases or self._twins):
                with seeded(seed):
                    return Answer(attempted(self._recorded, *arguments, **named))
            self._changed = []
            answer = super().call(method, *arguments, seed=seed, **named)
            answer.changed += self._changed
            return answer

    def _method(self, method: str) -> Callable[..., Any]:
        return getattr(self, "_" + method)  # type: ignore[no-any-return]

    def _forward(self, *arguments: Any, **named: Any) -> Array:
        names = [*positional(self.signature("forward")), *(f"argument {k}" for k in range(99))]
        given, self._leaves, copies = [], {}, []
        for name, x in zip(names, arguments, strict=False):
            for path, array in leaves(x) or [((), x)]:
                tensor: Any = self._tensor(array, name)
                if getattr(array, "dtype", np.dtype(int)).kind == "f" and hasattr(tensor, "dtype"):
                    self._leaves[label((name, *path))] = tensor.requires_grad_()
                    tensor = tensor.clone()  # which a forward may change that says so: mark_dirty
                    copies.append((array, tensor))
                x = with_array(x, path, tensor)
            given.append(x)
        self._taken = names[: len(given)]
        y = self._returned = self._applied(given, named)
        for array, tensor in copies:
            array[...] = array_of(tensor)
        self._outputs = [t for t in flat(y) if hasattr(t, "grad_fn")]
        return in_one([array_of(t) for t in self._tracked or self._outputs] or [y])

    @property
    def _tracked(self) -> list[Any]:
        """The outputs that depend on something, as PyTorch sees it."""
        return [t for t in self._outputs if t.requires_grad]

    def _tensor(self, x: Any, _name: str) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        return sys.modules["torch"].from_numpy(x.astype(float) if x.dtype == np.float32 else x)

    def _applied(self, given: list[Any], named: Mapping[str, Any]) -> Any:
        self._leaves |= {f"self.{label(s)}": p for s, p in Module._held(self)}
        called = self._owner if self._methods["forward"] == "forward" else self._code()
        return called(*given, **named)

    def _upstream(self, grad_output: Any) -> list[Any]:
        """The gradient of each output that depends on something."""
        tracked = self._tracked
        if not tracked:
            text = _(
                "PyTorch records nothing of this forward, so no gradient goes back through it: it "
                "detaches, or computes in integers, in NumPy or under no_grad()"
            )
            raise StudentError(text)
        parts = np.split(np.ravel(grad_output), np.cumsum([t.numel() for t in tracked])[:-1])
        tensor = sys.modules["torch"].tensor
        return [tensor(g).reshape(t.shape) for g, t in zip(parts, tracked, strict=True)]

    def _backward(self, grad_output: Any) -> dict[str, Any]:
        upstream, entered = self._upstream(grad_output), list[tuple[Any, Any]]()
        for node in functions_before(t.grad_fn for t in self._tracked):
            node.register_prehook(lambda gs, node=node: entered.append((node, gs)))
            watch_upstream(node, self._changed)
        try:
            found = sys.modules["torch"].autograd.grad(
                self._tracked,
                [*self._leaves.values()],
                upstream,
                allow_unused=True,
                materialize_grads=True,
            )  # fmt: skip - what gets no gradient has the gradient zero
        except RuntimeError as error:
            if "invalid gradient" not in str(error) or not entered:
                raise
            told = StudentError(in_words(error), str(error))
            told.result = self._refused(*entered[-1])
            raise told from error
        return dict(zip(self._leaves, map(array_of, found), strict=True))

    def _refused(self, node: Any, upstream: Any) -> dict[str, Any]:
        """The gradients of arguments and parameters from a Function whose shapes are wrong."""
        found = returned_by(node._forward_cls, node, upstream)
        into = [getattr(before, "variable", None) for before, _k in node.next_functions]
        if len(found) > len(into):  # of what is no tensor
            found = tuple(g for g in found if g is not None)
        given = {id(x): g for x, g in zip(into, found, strict=False) if g is not None}
        return {n: reduced(given[id(x)], x) for n, x in self._leaves.items() if id(x) in given}

    def _recorded(self, *arguments: Any, **named: Any) -> Any:
        """The forward on tensors, each beside a Tensor that goes through the same operations."""
        torch, twins = sys.modules["torch"], Twins(self._twins)

        given = mapped(lambda x: twins.tensor(plain(x)), arguments)
        as_tensor = mock.patch.object(torch, "from_numpy", torch.as_tensor)  # which is seen
        with torch.no_grad(), as_tensor, twins.recording():
            y = self._code()(*given, **named)
        y = mapped(twins.of, y)
        if not self.automatic and isinstance(y, tuple):
            self._rest = y[1:]
            return y[0]
        found = [t for t in flat(y) if getattr(t, "dtype", np.dtype(int)).kind == "f"]
        return found[0] if len(found) == 1 else concatenate([t.reshape(-1) for t in found])


class Function(Module):
    """A Function, its backward called with the context that its forward has written to.

    So what it returns is seen before PyTorch looks at it.
    """

    def __init__(self, function: Any, numbers: Sequence[bool]) -> None:
        super().__init__(None, "forward", "backward", {})
        self._function, self._numbers, self.kind = function, numbers, function.__name__
        # The context may be set up beside the forward, which does not take it then.
        usual = sys.modules["torch"].autograd.Function.setup_context
        self._apart = function.setup_context is not usual

    def _code(self) -> Callable[..., Any]:
        if self._apart:
            return self._function.forward  # type: ignore[no-any-return]
        context = sys.modules["torch"].autograd.function.FunctionCtx()
        context.needs_input_grad = (True,) * len(self._numbers)
        return functools.partial(self._function.forward, context)

    def _tensor(self, x: Any, name: str) -> Any:
        k = [*positional(self.signature("forward")), name].index(name)
        if self._numbers[k : k + 1] == [True]:
            return np.asarray(x).item()
        return super()._tensor(x, name)

    def _applied(self, given: list[Any], named: Mapping[str, Any]) -> Any:
        return self._function.apply(*given, *named.values())

    def _backward(self, grad_output: Any) -> dict[str, Any]:
        arriving = iter(self._upstream(grad_output))
        results = self._returned if isinstance(self._returned, tuple) else (self._returned,)
        upstream = [  # for what is no tensor, too: None
            None if not hasattr(t, "grad_fn")
            else next(arriving) if t.requires_grad else sys.modules["torch"].zeros_like(t)
            for t in results
        ]  # fmt: skip
        context = self._tracked[0].grad_fn
        with watched(self._function, upstream, context, self._changed):
            found, names = returned_by(self._function, context, upstream), self._taken
        if len(found) < len(names) or any(g is not None for g in found[len(names) :]):
            text = _(
                "the backward returns {got} gradients, the forward takes {names}: return one for "
                "each of them, None for what has no gradient",
                got=len(found),
                names=", ".join(names),
            )
            raise TypeError(text)
        pairs = zip(names, found, strict=False)
        return {n: reduced(g, self._leaves[n]) for n, g in pairs if n in self._leaves}


class ByHand(Module):
    """A Module with a backward of its own, which nobody but its author calls."""

    automatic = False
    signature, returned = Here.signature, Here.returned

    def methods(self) -> list[str]:
        self._found = {
            f"{k}.{name}": method
            for k, part in enumerate(self._owner.modules())
            for name in (*vars(type(part)), "zero_grad")
            if inspect.ismethod(method := getattr(part, name, None)) and name[:2] != "__"
            and not positional(parameters_of(method), needed=True)
        }  # fmt: skip
        return list(self._found)

    def _held(self) -> Iterator[tuple[Slot, Any]]:
        torch = sys.modules["torch"]
        usual, kinds = vars(torch.nn.Module()), (torch.Tensor, np.ndarray, float)
        for path, module in self._owner.named_modules():
            here = tuple(path.split(".")) if path else ()
            own = {n: x for n, x in vars(module).items() if n not in usual}
            stored = {n: p.grad for n, p in module._parameters.items() if p is not None}
            everything = {**module._parameters, **module._buffers, **own, "grad": stored}
            for slot, x in walk(SimpleNamespace(**everything), (), set()):
                if isinstance(x, kinds):
                    yield (*here, *slot), x

    def _method(self, method: str) -> Callable[..., Any]:
        found = Here._method(self, method)

        @functools.wraps(found)
        def converted(*arguments: Any, **named: Any) -> Any:
            with sys.modules["torch"].no_grad():
                given = mapped(lambda x: self._tensor(x, ""), (arguments, named))
                return as_arrays(found(*given[0], **given[1]))

        return converted


def _function(thing: Any) -> Any:
    """The Function of an ``apply``; everything else as it is."""
    owner = getattr(thing, "__self__", None)
    return owner if isinstance(owner, type) and thing.__name__ == "apply" else thing
