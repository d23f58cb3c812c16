"""Module: a piece of a network that owns parameters; Parameter."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, overload

import numpy as np

from .. import settings
from ..autograd.guards.conversion import as_operand
from ..autograd.modes import current_mode, enter_module, leave_module
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, GraphError
from ..kernels import Array, as_array
from ..messages import Shown
from .forward import Forward, R_co
from .state import convert_all, loaded
from .summary import Summary, summarise

Hook = Callable[["Module", tuple[Any, ...], Any], Any]


class Parameter(Tensor):
    """A Tensor that a Module learns: it requires a gradient.

    Examples
    --------
    >>> Parameter([1.0, 2.0])
    Tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, *, dtype: Any = None, name: str | None = None) -> None:
        super().__init__(data, requires_grad=True, dtype=dtype, name=name)


class Module(Shown):
    """Base of layers and models.

    Parameters, buffers and submodules are plain attributes, also inside lists, tuples and dicts.
    Subclasses write ``__init__`` and ``forward``.

    Examples
    --------
    >>> class Twice(Module):
    ...     def __init__(self):
    ...         self.scale = Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.scale
    >>> Twice()(np.array([1.0, 3.0]))
    Tensor([2., 6.], op=multiply)
    """

    training: bool = True
    # Where modules below this one stand: {id: (label, the steps to it)}.
    _names: dict[int, tuple[str, tuple[Any, ...]]] | None = None
    _buffers: tuple[str, ...] = ()
    _hooks: dict[int, Hook] | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; written by subclasses."""
        raise ArgumentError("{module} must define forward(self, ...)", module=type(self).__name__)

    @overload
    def __call__(self: Forward[R_co], *args: Any, **kwargs: Any) -> R_co: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``, record under which layer, and call the hooks.

        A floating array, also one of pandas or PyTorch, becomes a Tensor of the parameters' dtype
        and library; Tensors and integer arrays are left alone.
        """
        mode = current_mode()
        for x in args:
            if not isinstance(x, Tensor):
                args = tuple(map(self._cast, args))
                break
        if kwargs:
            kwargs = {name: self._cast(x) for name, x in kwargs.items()}
        if mode.owner is None:
            path, label = "", type(self).__name__
        else:
            name = mode.owner._name_of(self)
            outer = mode.module.path if mode.module is not None else ""
            path = f"{outer}.{name}" if outer else name
            label = f"{path} ({type(self).__name__})"
        token = enter_module(mode, label, path, self)
        try:
            y = self.forward(*args, **kwargs)
        except RecursionError:
            if mode.owner is not None:
                raise  # the outermost call has room to say it
            raise GraphError(
                "modules call one another more than {n} functions deep: nest them less, or "
                "raise sys.setrecursionlimit; is there one that calls itself?",
                n=sys.getrecursionlimit(),
            ) from None
        finally:
            leave_module(token)
        if self._hooks:
            for hook in list(self._hooks.values()):
                replaced = hook(self, args, y)
                y = y if replaced is None else replaced
        return y

    def _cast(self, x: Any) -> Any:
        x = x if isinstance(x, Tensor) else as_operand(x)
        if isinstance(x, Tensor) or not hasattr(x, "__array_function__") or x.dtype.kind != "f":
            return x
        p = next(self.parameters(), None)
        return Tensor(x) if p is None else Tensor(np.asarray(x, p.dtype, like=p._array))

    def _name_of(self, module: Module) -> str:
        """The path of a module below this one; lists may have changed since it was noted."""
        known = (self._names or {}).get(id(module))
        if known is None or not _stands_at(module, self, known[1]):
            for named in self.named_children(), self.named_modules():  # all only where needed
                self._names = {
                    id(child): (name, tuple(name.split(".")))
                    for name, child in reversed(list(named))
                }
                known = self._names.get(id(module))
                if known is not None:
                    break
        return known[0] if known else type(module).__name__

    # --- what it owns ------------------------------------------------------------------------

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """All attributes, with the items of lists, tuples and dicts as ``name.key``."""
        # A list first: another thread may be adding an attribute, or a hook.
        named = [item for item in list(vars(self).items()) if item[0] not in ("_names", "_hooks")]
        stack = named[::-1]
        while stack:
            name, value = stack.pop()
            yield name, value
            if isinstance(value, (list, tuple)):
                stack.extend((f"{name}.{i}", value[i]) for i in reversed(range(len(value))))
            elif isinstance(value, dict):
                stack.extend((f"{name}.{key}", value[key]) for key in reversed(value))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names."""
        return ((name, value) for name, value in self._attributes() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        return (module for _name, module in self.named_children())

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it, each once."""
        return (module for _path, module in self.named_modules())

    def named_modules(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it with their paths; shared ones once, or each time."""
        seen: set[int] = set()
        above: list[int] = []
        todo: list[tuple[int, str, Module]] = [(0, prefix, self)]
        while todo:
            depth, path, module = todo.pop()
            del above[depth:]
            if id(module) in (seen if remove_duplicate else above):
                continue
            seen.add(id(module))
            above.append(id(module))
            yield path, module
            todo += [
                (depth + 1, f"{path}.{name}" if path else name, child)
                for name, child in module.named_children()
            ][::-1]

    def named_parameters(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All parameters with their paths, in PyTorch's order; shared ones once, or each time."""
        seen: set[int] = set()
        for path, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, value in module._attributes():
                if isinstance(value, Parameter) and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def parameters(self) -> Iterator[Tensor]:
        """All parameters, each once."""
        return (p for _name, p in self.named_parameters())

    def register_buffer(self, name: str, value: Any) -> None:
        """Keep an array that is saved with the parameters but not learned."""
        setattr(self, name, as_array(value))
        self._buffers = (*self._buffers, name)

    def named_buffers(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Array]]:
        """All buffers with their paths."""
        for path, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name in module._buffers:
                yield f"{path}.{name}" if path else name, getattr(module, name)

    # --- state -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters and buffers, by path; PyTorch's names and shapes."""
        state = {name: p.data.copy() for name, p in self.named_parameters(remove_duplicate=False)}
        buffers = self.named_buffers(remove_duplicate=False)
        state.update((name, buffer.copy()) for name, buffer in buffers)
        return state

    def load_state_dict(
        self, state: Mapping[str, Any], strict: bool = True
    ) -> tuple[list[str], list[str]]:
        """Copy parameters and buffers from a state; all of it fits, or nothing is changed.

        Parameters
        ----------
        state
            Arrays or Tensors by path, as ``state_dict`` gives them.
        strict
            Refuse missing and unknown names.

        Returns
        -------
        missing, unknown : lists of str

        Raises
        ------
        ArgumentError
            If names are missing or unknown.
        ShapeError
            If a shape differs.
        """
        return loaded(self, state, strict)

    def to(self, convert: Callable[[Array], Any]) -> Self:
        """Convert all parameters and buffers, in place, and return the module.

        As to another library, ``model.to(cupy.asarray)``, and back: ``model.to(cupy.asnumpy)``.
        Gradients are forgotten; an optimizer that has made steps must be made anew.

        Raises
        ------
        DTypeError
            If ``convert`` is no function, or does not give floating arrays for parameters.

        Examples
        --------
        >>> from tinygrad_fr import nn
        >>> layer = nn.Linear(3, 2).to(lambda x: x.astype(np.float64))
        >>> layer(np.ones((1, 3), np.float32)).dtype
        dtype('float64')
        """
        convert_all(self, convert)
        return self

    def __getstate__(self) -> Any:
        state: Any = super().__getstate__()
        if not isinstance(state, dict):
            return state  # of a subclass with slots
        below = list(self.named_modules())[:0:-1]
        # The deepest first where from above pickle and deepcopy would exceed Python's stack.
        deep = max((path.count(".") for path, _module in below), default=0) > 50
        first = {"_below": [module for _path, module in below]} if deep else {}
        return {**first, **{name: x for name, x in state.items() if name != "_names"}}

    def __setstate__(self, state: Any) -> None:
        named, slots = state if isinstance(state, tuple) else (state, {})
        vars(self).update(named or {})
        vars(self).pop("_below", None)
        for name, value in slots.items():
            setattr(self, name, value)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients: a gradient is None until there is one."""
        for p in self.parameters():
            p.grad = None

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, and return it."""
        for _path, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation, and return it."""
        return self.train(False)

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function on every module below and on this one, and return it."""
        seen = {id(self)}
        above: list[tuple[Module, Iterator[Module]]] = [(self, self.children())]
        while above:
            module, children = above[-1]
            child = next((c for c in children if id(c) not in seen), None)
            if child is None:
                above.pop()
                function(module)
            else:
                seen.add(id(child))
                above.append((child, child.children()))
        return self

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Call ``hook(module, inputs, output)`` after each forward; what it returns replaces it.

        Returns
        -------
        callable
            Removes the hook. It has a ``remove`` attribute that does the same.
        """
        hooks = self._hooks = {} if self._hooks is None else self._hooks
        key = max(hooks, default=0) + 1
        hooks[key] = hook

        def remove() -> None:
            hooks.pop(key, None)

        remove.remove = remove  # type: ignore[attr-defined]
        return remove

    # --- text --------------------------------------------------------------------------------

    def summary(self, input_shape: Any = None, *, data: Any = None, dtypes: Any = None) -> Summary:
        """A table of the layers: the shapes of their outputs, their parameters, their work.

        The multiply-adds are counted from the recorded products and convolutions, and so of any
        Module: for one example, or for all of ``data``.

        Parameters
        ----------
        input_shape
            The shape of one example, such as (1, 50, 50), or of each of several inputs; models of
            ``nn.models`` know theirs.
        data
            Inputs to call it with instead: an array, a tuple of them, or a dict by name.
        dtypes
            Of the inputs, one or one for each: ``int`` for an ``Embedding``.

        Examples
        --------
        >>> import tinygrad_fr as tg
        >>> "24x24x8 = 4608" in tg.nn.models.course_cnn().summary()
        True
        >>> tg.nn.Linear(3, 2).summary((3,)).multiply_adds
        6
        """
        return summarise(self, input_shape, data, dtypes)

    def extra_repr(self) -> str:
        """The arguments shown by ``repr``: numbers and texts that it keeps under their names."""
        shown = []
        for name, argument in inspect.signature(type(self)).parameters.items():
            value = vars(self).get(name, self)
            if isinstance(value, Tensor | None) and isinstance(argument.default, bool):
                value = value is not None  # a bias, say, that was asked for or not
            if isinstance(value, int | float | str | tuple | None):
                required = argument.default is argument.empty and not isinstance(value, tuple)
                shown.append(repr(value) if required else f"{name}={value!r}")
        return ", ".join(shown)

    def __repr__(self) -> str:
        children = [(name, child) for name, child in self.named_children() if child is not self]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        try:
            lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in children]
        except RecursionError:  # nested too deeply for Python: what is above has room
            return f"{type(self).__name__}(...)"
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _stands_at(module: Module, owner: Module, steps: tuple[Any, ...]) -> bool:
    """Whether the steps (attributes, indices, keys) still lead from the owner to the module."""
    found: Any = owner
    for step in steps:
        if isinstance(found, Module):
            found = vars(found).get(step)
        elif isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, (list, tuple)) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return False
    return found is module


def initial(*shape: int, bound: float) -> Array:
    """Uniform numbers in [-bound, bound], of the default dtype."""
    dtype = settings.get_default_dtype()
    return settings.generator().uniform(-bound, bound, shape).astype(dtype)
